/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first turn comes from a deferred source, which costs no system call; those after it from a timer.
 */

#include <stdlib.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/source/work-turn.h"

struct WorkTurn {
        WorkTurnHandler handler;
        void *userdata;
        sd_event_source *first, *later;
};

static void work(WorkTurn *turn) {
        uint64_t began = clock_monotonic_usec(), ended;
        int r;

        if (!turn->handler(turn->userdata, began + WORK_TURN_USEC))
                return;

        (void) sd_event_source_set_enabled(turn->first, SD_EVENT_OFF); /* it may have asked for itself */
        ended = clock_monotonic_usec();
        r = sd_event_source_set_time(turn->later, ended + min_of(ended - began, WORK_REST_MAX_USEC));
        if (r >= 0)
                r = sd_event_source_set_enabled(turn->later, SD_EVENT_ONESHOT);
        /* Then without a rest. */
        if (r < 0 && sd_event_source_set_enabled(turn->first, SD_EVENT_ONESHOT) < 0)
                log_error_errno(r, "cannot go on with what was reported: %m");
}

static int on_first(_unused_ sd_event_source *source, void *userdata) {
        work(userdata);
        return 0;
}

static int on_later(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        work(userdata);
        return 0;
}

static bool is_enabled(sd_event_source *source) {
        return sd_event_source_get_enabled(source, NULL) > 0;
}

void work_turn_begin(WorkTurn *turn) {
        int r;

        if (is_enabled(turn->first) || is_enabled(turn->later))
                return;
        r = sd_event_source_set_enabled(turn->first, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot begin with what was reported: %m");
}

bool work_turn_is_over(sd_event *event) {
        uint64_t began;

        return sd_event_now(event, CLOCK_MONOTONIC, &began) == 0 && clock_monotonic_usec() - began > WORK_TURN_USEC;
}

int work_turn_new(sd_event *event, const char *description, WorkTurnHandler handler, void *userdata,
                  WorkTurn **ret_turn) {
        _cleanup_(work_turn_free_at) WorkTurn *turn = calloc(1, sizeof(*turn));
        int r;

        if (!turn)
                return -ENOMEM;
        turn->handler = handler;
        turn->userdata = userdata;

        r = sd_event_add_defer(event, &turn->first, on_first, turn);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(turn->first, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &turn->later, CLOCK_MONOTONIC, 0, 1, on_later, turn);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(turn->later, SD_EVENT_OFF);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(turn->first, description);
        (void) sd_event_source_set_description(turn->later, description);

        *ret_turn = steal_ptr(turn);
        return 0;
}

WorkTurn *work_turn_free(WorkTurn *turn) {
        if (!turn)
                return NULL;
        sd_event_source_disable_unref(turn->first);
        sd_event_source_disable_unref(turn->later);
        free(turn);
        return NULL;
}
