/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads one file system's health monitor into the ring and gives its records as events; accounts for every record.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/source/record-ring.h"
#include "src/source/record-stream.h"
#include "src/source/source.h"

typedef struct MonitorSource MonitorSource;

/**
 * monitor_source_new() - start reading
 * @monitor_fd: borrowed; must stay open until monitor_source_free()
 * @ring:       where records are kept until their events were decided (release what on_event is given); borrowed
 * @account:    of this monitor in the ring; borrowed
 * @recorder:   NULL, or where every record is written to as well; borrowed
 */
int monitor_source_new(sd_event *event, int monitor_fd, uint64_t filesystem_id, const EventSink *sink,
                       RecordRing *ring, RingMonitor *account, RecordStream *recorder, MonitorSource **ret_source);
MonitorSource *monitor_source_free(MonitorSource *source);
DEFINE_CLEANUP(MonitorSource, monitor_source_free)

/* A source that does not read leaves its records to the kernel's queue. Reads from the beginning unless told
 * otherwise. */
int monitor_source_set_reading(MonitorSource *source, bool is_reading);

/* Reads what is there, on_end included: for a monitor that is about to be replaced. */
void monitor_source_drain(MonitorSource *source);

/* What was read, beside what the kernel says it queued: nothing is lost silently. */
RingMonitor *monitor_source_account(const MonitorSource *source);
