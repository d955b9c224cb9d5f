/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every source of events gives to the next stage. A source knows where its events come from and
 * nothing of what becomes of them.
 */
#pragma once

#include "src/model/health-event.h"

typedef struct EventSink {
        /* One event, its filesystem_id and received_boottime_usec set, its id still 0. Borrowed. */
        void (*on_event)(void *userdata, const HealthEvent *event);
        /* The source of this file system has ended: @error 0 for its unmount, else a negative errno. The source may be
         * freed in here. */
        void (*on_end)(void *userdata, uint64_t filesystem_id, int error);
        /* NULL, or: told after each reading, before its events: how many records were read since the monitor was
         * opened. */
        void (*on_read)(void *userdata, uint64_t filesystem_id, uint64_t n_records);
        void *userdata;
} EventSink;
