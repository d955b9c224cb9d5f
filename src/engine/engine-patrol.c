/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patrol: the kernel checks what nobody has touched yet, structure by structure, so that damage is found before it is
 * met. What is found comes from the monitor, like all damage. A pass is done in turns of half a minute, each of them a
 * survey (engine-survey.c); in between whatever is more urgent has its turn. How far it is survives us.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* Groups are checked soon after the mount: their b-trees are what the first transaction may die on. */
#define GROUPS_SHARE 50
/* From the beginning of one pass to that of the next. */
#define PASS_USEC USEC_PER_DAY
/* After a turn that failed. */
#define FAILED_USEC (10 * USEC_PER_MINUTE)
/* So long after its start a machine may have been started with many others, and over so long they are spread. */
#define BOOT_USEC (5 * USEC_PER_MINUTE)
#define BOOT_SPREAD_USEC (10 * USEC_PER_MINUTE)
/* After one that somebody more urgent ended. */
#define CANCELLED_USEC USEC_PER_SEC
/* What a check may take beyond the turn; the largest b-trees are read for minutes. */
#define CHECK_USEC USEC_PER_HOUR
/* File systems that were not seen for so long are forgotten. */
#define FORGET_USEC (90 * USEC_PER_DAY)

static bool is_allowed_by_protection(Engine *engine, const Filesystem *filesystem) {
        const EventFacts facts = engine_facts(engine, NULL, filesystem);
        _cleanup_(free_at) char *denied_by = NULL;
        int r;

        r = policy_check_call(engine->policy, &facts, ACTION_SCRUB, &denied_by);
        return r >= 0 && !denied_by;
}

static bool is_wanted(Engine *engine, const Watch *watch, const Filesystem *filesystem) {
        const PatrolPolicy *policy = policy_patrol(engine->policy);

        if (policy->mode == PATROL_OFF || policy_mode(engine->policy) == POLICY_MODE_OBSERVE)
                return false;
        if (watch->is_ending || filesystem->is_shut_down || filesystem->monitor_state != MONITOR_OPENED ||
            watch->is_patrol_refused || engine->is_on_battery)
                return false;
        if (filesystem->facts.is_removable != TRISTATE_NO && !policy->on_removable)
                return false;
        if (engine_pause_of(engine, filesystem))
                return false;
        return is_allowed_by_protection(engine, filesystem);
}

/* When the next turn may begin, on the monotonic clock; 0: never. */
static uint64_t due_usec(Engine *engine, const Watch *watch, const Filesystem *filesystem) {
        const PatrolState *state = &filesystem->patrol;
        uint64_t now_usec = clock_monotonic_usec(), since_usec, realtime_usec = clock_realtime_usec();

        if (!is_wanted(engine, watch, filesystem))
                return 0;
        if (state->began_realtime_usec == 0 || state->position.stage != PATROL_DONE)
                return now_usec;
        if (policy_patrol(engine->policy)->mode != PATROL_CONTINUOUS)
                return 0;
        /* A clock that was set back must not put it off for ever. */
        since_usec = realtime_usec > state->began_realtime_usec ? realtime_usec - state->began_realtime_usec : 0;
        return now_usec + (since_usec < PASS_USEC ? PASS_USEC - since_usec : 0);
}

static void schedule(Engine *engine, Watch *watch, const Filesystem *filesystem, uint64_t not_before_usec) {
        uint64_t due = due_usec(engine, watch, filesystem);

        engine_survey_want_turn(engine, watch, SURVEY_PATROL, due == 0 ? 0 : max_of(due, not_before_usec));
}

static void keep(Engine *engine, const Watch *watch, const Filesystem *filesystem) {
        char key[KEPT_KEY_SIZE], value[KEPT_LINE_SIZE];

        if (watch->is_kept)
                engine_state_put(engine, patrol_key(watch->kept_as, key), value,
                                 patrol_value(&filesystem->patrol, value));
}

static void begin_pass(Watch *watch, PatrolState *state) {
        watch->is_damage_reported = false;
        *state = (PatrolState) {
                .began_realtime_usec = clock_realtime_usec(),
                .ended_realtime_usec = state->ended_realtime_usec,
                .clean_realtime_usec = state->clean_realtime_usec,
        };
}

/* As a survey: somebody may be about to unmount again. What was mounted with the machine waits for its turn among all
 * machines that got their power back at the same moment. */
static uint64_t first_usec(Engine *engine, const Watch *watch) {
        uint64_t soon_usec = clock_monotonic_usec() + USEC_PER_SEC;

        if (engine->is_complete || clock_boottime_usec() > BOOT_USEC)
                return soon_usec;
        return soon_usec + engine_spread_usec(engine, watch->kept_as, "patrol", BOOT_SPREAD_USEC);
}

void engine_patrol_on_attached(Engine *engine, Watch *watch, Filesystem *filesystem) {
        begin_pass(watch, &filesystem->patrol);
        schedule(engine, watch, filesystem, first_usec(engine, watch));
}

void engine_patrol_on_policy(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries) {
                watch->is_patrol_refused = false;
                schedule(engine, watch, filesystem_table_find_id(engine->filesystems, watch->filesystem_id), 0);
        }
}

void engine_patrol_ask(Engine *engine, Watch *watch, Filesystem *filesystem, WorkerSurveyRequest *request) {
        const PatrolPolicy *policy = policy_patrol(engine->policy);
        PatrolState *state = &filesystem->patrol;
        bool is_first_stage;

        if (state->began_realtime_usec == 0 || state->position.stage == PATROL_DONE)
                begin_pass(watch, state);
        watch->patrol_before = *state;
        is_first_stage = state->position.stage == PATROL_GROUPS;
        request->timeout_usec = CHECK_USEC;
        request->share_percent = (uint8_t) max_of(policy->share_percent, is_first_stage ? (unsigned) GROUPS_SHARE : 0U);
        request->on_rotating = policy->on_rotating;
        request->position = state->position;
}

static void say_end(const Filesystem *filesystem) {
        const PatrolState *state = &filesystem->patrol;
        char number[32];

        (void) log_internal(state->n_damaged > 0 ? LOG_WARNING : LOG_INFO, 0,
                 "%s: patrol: %" PRIu64 " structures checked, %" PRIu64 " damaged, %" PRIu64
                 " could not be checked; %" PRIu64 " ms in the kernel within %" PRIu64 " s, %" PRIu64 " KiB read",
                 filesystem_facts_subject(&filesystem->facts, number), state->n_checked, state->n_damaged,
                 state->n_unreadable, state->busy_usec / USEC_PER_MSEC,
                 (state->ended_realtime_usec - min_of(state->began_realtime_usec, state->ended_realtime_usec)) /
                         USEC_PER_SEC,
                 state->read_bytes / 1024);
}

static void end_pass(Filesystem *filesystem) {
        PatrolState *state = &filesystem->patrol;

        state->ended_realtime_usec = clock_realtime_usec();
        if (state->n_damaged == 0 && state->n_unreadable == 0)
                state->clean_realtime_usec = state->ended_realtime_usec;
        filesystem_note_good(filesystem, state->clean_realtime_usec);
        say_end(filesystem);
}

/* Nothing of it is to be had here, until the policy or the mount is another one. */
static bool is_refusal(const WorkerSurveyResult *result) {
        return result->error == EMEDIUMTYPE || result->error == EOPNOTSUPP || result->error == ENOTTY;
}

void engine_patrol_take(const Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result) {
        const PatrolState *before = &watch->patrol_before;
        PatrolState *state = &filesystem->patrol;

        /* What never began says nothing of where it is. */
        if (result->busy_usec > 0 || (result->is_last && result->error == 0))
                state->position = result->position;
        state->n_checked = before->n_checked + result->n_checked;
        state->n_damaged = max_of(before->n_damaged + result->n_damaged, (uint64_t) watch->is_damage_reported);
        state->n_unreadable = before->n_unreadable + result->n_unreadable;
        state->busy_usec = before->busy_usec + result->busy_usec;
        state->read_bytes = before->read_bytes + result->read_bytes;
}

void engine_patrol_on_event(Watch *watch, Filesystem *filesystem, const HealthEvent *event) {
        PatrolState *state = &filesystem->patrol;

        if ((event->kind != EVENT_SICK && event->kind != EVENT_CORRUPT) || state->began_realtime_usec == 0 ||
            state->position.stage == PATROL_DONE)
                return;
        watch->is_damage_reported = true;
        state->n_damaged = max_of(state->n_damaged, UINT64_C(1));
}

void engine_patrol_on_turn_ended(Engine *engine, Watch *watch, Filesystem *filesystem, const WorkerSurveyResult *result,
                                 uint64_t started_usec) {
        uint64_t now_usec = clock_monotonic_usec(), not_before_usec = 0;
        unsigned share = policy_patrol(engine->policy)->share_percent;
        char number[32];

        if (is_refusal(result)) {
                watch->is_patrol_refused = true;
                log_debug("%s: no patrol here: %s", filesystem_facts_subject(&filesystem->facts, number),
                          strerror(result->error));
        } else if (result->error == ESTALE || result->error == ECANCELED)
                not_before_usec = now_usec + CANCELLED_USEC;
        else if (result->error != 0) {
                log_warning_errno(result->error, "%s: patrol: %m; it goes on later",
                                  filesystem_facts_subject(&filesystem->facts, number));
                not_before_usec = now_usec + FAILED_USEC;
        } else if (filesystem->patrol.position.stage == PATROL_DONE)
                end_pass(filesystem);
        else if (filesystem->patrol.position.stage != PATROL_GROUPS)
                /* One long check is rested for as well. */
                not_before_usec = min_of(started_usec + result->busy_usec * 100 / share, now_usec + FAILED_USEC);

        keep(engine, watch, filesystem);
        engine_tell(engine, on_filesystem, filesystem);
        schedule(engine, watch, filesystem, not_before_usec);
}

/* What was kept */

int engine_adopt_patrol(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        uint64_t now_usec = clock_realtime_usec();
        uint8_t uuid[UUID_SIZE];
        WaitingTurns *waiting;
        PatrolState state;
        int r;

        r = patrol_read(key, value, size_bytes, uuid, &state);
        if (r < 0)
                return r;
        if (state.began_realtime_usec < now_usec - min_of(now_usec, FORGET_USEC)) {
                engine_state_remove(engine, key);
                return 0;
        }
        r = engine_waiting_get(engine, uuid, &waiting);
        if (r < 0)
                return r;
        waiting->patrol = state;
        waiting->has_patrol = true;
        return 0;
}

/* One of this very mount is gone on with; of an earlier mount remains when it was checked. */
static void come_back(Engine *engine, const Watch *watch, Filesystem *filesystem) {
        WaitingTurns *waiting = engine_waiting_find(engine, watch->kept_as);
        PatrolState *state = &filesystem->patrol;

        if (!waiting || !waiting->has_patrol)
                return;
        if (watch->was_adopted && state->began_realtime_usec == 0)
                *state = waiting->patrol;
        state->ended_realtime_usec = max_of(state->ended_realtime_usec, waiting->patrol.ended_realtime_usec);
        state->clean_realtime_usec = max_of(state->clean_realtime_usec, waiting->patrol.clean_realtime_usec);
        filesystem_note_good(filesystem, state->clean_realtime_usec);
        waiting->has_patrol = false;
        engine_waiting_taken(engine, waiting);
}

void engine_patrol_identify(Engine *engine, Watch *watch, Filesystem *filesystem) {
        if (!watch->is_kept)
                return;
        come_back(engine, watch, filesystem);
        /* Only now is it known how far an earlier healerd was. */
        if (watch->was_adopted && engine->is_state_loaded)
                schedule(engine, watch, filesystem, 0);
}

void engine_patrols_loaded(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                engine_patrol_identify(engine, watch,
                                       filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
}
