/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads one file system's health monitor and gives its records as events; accounts for every record.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/source/record-stream.h"
#include "src/source/source.h"

typedef struct MonitorSource MonitorSource;

/* What was read, beside what the kernel says it queued: nothing is lost silently. */
typedef struct MonitorSourceTotals {
        uint64_t n_records;             /* read, RUNNING, LOST and UNMOUNT included */
        uint64_t n_lost;                /* dropped by the kernel, told by LOST records or by fdinfo, each told on once */
} MonitorSourceTotals;

/**
 * monitor_source_new() - start reading
 * @monitor_fd: borrowed; must stay open until monitor_source_free()
 * @recorder:   NULL, or where every record is written to as well; borrowed
 */
int monitor_source_new(sd_event *event, int monitor_fd, uint64_t filesystem_id, const EventSink *sink,
                       RecordStream *recorder, MonitorSource **ret_source);
MonitorSource *monitor_source_free(MonitorSource *source);
DEFINE_CLEANUP(MonitorSource, monitor_source_free)

/* A source that does not read leaves its records to the kernel's queue. Reads from the beginning unless told otherwise. */
int monitor_source_set_reading(MonitorSource *source, bool is_reading);

/* Reads what is there, on_end included: for a monitor that is about to be replaced. */
void monitor_source_drain(MonitorSource *source);

const MonitorSourceTotals *monitor_source_totals(const MonitorSource *source);
