/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events that somebody makes up to see what would happen: whether a rule is taken, and whether a route really tells.
 * What they may lead to is the business of engine-pause.c.
 */
#include <errno.h>

#include "src/basic/clock.h"
#include "src/engine/engine-internal.h"

bool engine_may_inject(EventKind kind) {
        static const EventKind kinds[] = {
                EVENT_SICK, EVENT_CORRUPT, EVENT_SHUTDOWN, EVENT_MEDIA_ERROR, EVENT_READ_ERROR, EVENT_WRITE_ERROR,
                EVENT_DATA_LOST, EVENT_FILESYSTEM_ERROR,
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (kinds[i] == kind)
                        return true;
        return false;
}

/* So that nobody buries what is real under what is not. */
static bool has_room(Engine *engine, uint64_t now_usec) {
        if (engine->test_events_since_usec == 0 || now_usec - engine->test_events_since_usec >= USEC_PER_MINUTE) {
                engine->test_events_since_usec = now_usec;
                engine->n_test_events = 0;
        }
        return engine->n_test_events++ < ENGINE_TEST_EVENTS_MAX;
}

int engine_inject_test_event(Engine *engine, const HealthEvent *event, uint64_t *ret_id) {
        HealthEvent made_up = *event;

        if (!engine_may_inject(event->kind))
                return -EINVAL;
        if (!engine_watch_find(engine, event->filesystem_id))
                return -ENOENT;
        if (!has_room(engine, clock_boottime_usec()))
                return -EBUSY;

        made_up.source = event->kind == EVENT_FILESYSTEM_ERROR ? EVENT_SOURCE_FANOTIFY : EVENT_SOURCE_HEALTHMON;
        made_up.time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC;
        made_up.received_boottime_usec = clock_boottime_usec();
        made_up.count = max_of(event->count, UINT64_C(1));
        made_up.is_test = true;
        *ret_id = engine->next_event_id;
        return engine_take_made_up(engine, &made_up) ? 0 : -ENOBUFS;
}
