/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bursts of the same report become one event with a count. The first report goes on at once; what repeats it
 * within a second is counted and goes on together. Nothing is dropped: when there is no room to remember one
 * more burst, the report just goes on as it is.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/source/record-ring.h"
#include "src/source/source.h"

#define EVENT_MERGE_WINDOW_USEC USEC_PER_SEC
#define EVENT_MERGE_BURSTS_MAX 4096

typedef struct EventMerge EventMerge;

/* @sink: on_event is called, from event_merge_take() or from the loop; on_end is not used. */
int event_merge_new(sd_event *event, const EventSink *sink, EventMerge **ret_merge);
EventMerge *event_merge_free(EventMerge *merge);        /* counts not handed on yet are handed on first */
DEFINE_CLEANUP(EventMerge, event_merge_free)

/* Where the events are kept; NULL, as it is at first: nowhere. Borrowed. */
void event_merge_set_ring(EventMerge *merge, RecordRing *ring);
void event_merge_take(EventMerge *merge, const HealthEvent *event);
/* Hands on everything that is counted for this file system, so that what comes next comes after it. */
void event_merge_flush(EventMerge *merge, uint64_t filesystem_id);
