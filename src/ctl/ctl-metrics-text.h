/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on the bus as metrics: one table of families, each made of one property. Pure: from JSON objects
 * (ctl-filesystem.h) to text.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* File systems with series of their own, so that their number has a bound; how many are left out is a metric. Those
 * that something is wrong with come first. */
#define CTL_METRICS_FILESYSTEMS_MAX 256

typedef enum CtlMetricsFormat {
        CTL_METRICS_OPENMETRICS,        /* OpenMetrics 1.0 */
        CTL_METRICS_TEXTFILE,           /* Prometheus' older text format, which node_exporter's textfile collector
                                         * reads: a counter has its suffix in the heading as well */
} CtlMetricsFormat;

/**
 * ctl_metrics_print() - every family with its samples
 * @manager:  properties of Manager1; NULL: healerd is not there, and that is what is told
 * @now_usec: CLOCK_REALTIME
 *
 * A property that this healerd does not have gives no sample. Returns 0 or -ENOMEM.
 */
int ctl_metrics_print(const json_t *manager, const json_t *filesystems, CtlMetricsFormat format, uint64_t now_usec,
                      FILE *stream);
