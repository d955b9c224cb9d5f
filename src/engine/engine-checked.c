/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a file system was checked as a whole for the last time, by whomever, and what came of it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

static CheckedFilesystem *find(Engine *engine, const uint8_t uuid[static UUID_SIZE]) {
        CheckedFilesystem *checked;

        TAILQ_FOREACH(checked, &engine->checked, entries)
                if (memcmp(checked->uuid, uuid, UUID_SIZE) == 0)
                        return checked;
        return NULL;
}

static void forget(Engine *engine, CheckedFilesystem *checked) {
        TAILQ_REMOVE(&engine->checked, checked, entries);
        engine->n_checked--;
        free(checked);
}

/* Of too many the one that was put there first is forgotten. */
static CheckedFilesystem *find_or_add(Engine *engine, const uint8_t uuid[static UUID_SIZE]) {
        CheckedFilesystem *checked = find(engine, uuid), *oldest;

        if (checked)
                return checked;
        oldest = TAILQ_FIRST(&engine->checked);
        if (engine->n_checked >= ENGINE_SCHEDULED_MAX && oldest)
                forget(engine, oldest);
        checked = calloc(1, sizeof(*checked));
        if (!checked)
                return NULL;
        memcpy(checked->uuid, uuid, UUID_SIZE);
        TAILQ_INSERT_TAIL(&engine->checked, checked, entries);
        engine->n_checked++;
        return checked;
}

void engine_forget_checked(Engine *engine) {
        CheckedFilesystem *checked;

        while ((checked = TAILQ_FIRST(&engine->checked)))
                forget(engine, checked);
}

void engine_checked_identify(Engine *engine, const Watch *watch, Filesystem *filesystem) {
        const CheckedFilesystem *checked = watch->is_kept ? find(engine, watch->kept_as) : NULL;

        if (checked && filesystem->check.ended_usec == 0)
                filesystem->check = checked->state;
}

static void keep(Engine *engine, const Watch *watch, const CheckState *state) {
        CheckedFilesystem *checked = find_or_add(engine, watch->kept_as);
        char key[CHECK_KEY_SIZE], value[CHECK_VALUE_SIZE];

        if (checked)
                checked->state = *state;
        engine_state_put(engine, check_key(watch->kept_as, key), value, check_value(state, value));
}

void engine_checked_correct(Engine *engine, const Watch *watch, Filesystem *filesystem) {
        CheckState *state = &filesystem->check;
        uint64_t now_usec = clock_realtime_usec();

        if (state->ended_usec <= now_usec && state->others_usec <= now_usec)
                return;
        state->ended_usec = min_of(state->ended_usec, now_usec);
        state->others_usec = min_of(state->others_usec, now_usec);
        if (watch->is_kept)
                keep(engine, watch, state);
}

void engine_checked_note(Engine *engine, Filesystem *filesystem, Outcome outcome, bool is_scheduled) {
        const Watch *watch = engine_watch_find(engine, filesystem->id);

        if (outcome != OUTCOME_DONE && outcome != OUTCOME_FOUND_CORRUPTION)
                return;
        filesystem->check.ended_usec = clock_realtime_usec();
        filesystem->check.outcome = outcome;
        if (!is_scheduled)
                filesystem->check.others_usec = filesystem->check.ended_usec;
        if (watch && watch->is_kept)
                keep(engine, watch, &filesystem->check);
        engine_tell(engine, on_filesystem, filesystem);
        engine_schedules_look(engine);
}

static void tell_scan(Engine *engine, const Filesystem *filesystem, Outcome outcome) {
        const HealthEvent event = {
                .source = EVENT_SOURCE_FOREIGN,
                .filesystem_id = filesystem->id,
                .kind = outcome == OUTCOME_DONE || outcome == OUTCOME_FOUND_CORRUPTION ? EVENT_SCRUB_DONE
                                                                                       : EVENT_SCRUB_FAILED,
                .domain = DOMAIN_MOUNT,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
                .count = 1,
        };

        engine_take_event(engine, &event);
}

void engine_on_scan(Engine *engine, const WorkerScan *told) {
        Filesystem *filesystem = filesystem_table_find_device(engine->filesystems, (dev_t) told->device_number);
        Outcome outcome = (Outcome) told->outcome;
        char number[32];

        if (!filesystem || (told->is_running && filesystem->is_checked_by_other))
                return;
        filesystem->is_checked_by_other = told->is_running;
        if (told->is_running)
                log_info("%s: %s checks it", filesystem_facts_subject(&filesystem->facts, number), told->unit);
        else if (outcome != OUTCOME_WORKER_LOST) {
                log_info("%s: %s: %s%s%s", filesystem_facts_subject(&filesystem->facts, number), told->unit,
                         outcome_to_sentence_of(outcome, ACTION_SCRUB),
                         told->detail[0] ? " " : "", told->detail);
                engine_conditions_from_scan(engine, filesystem, outcome);
                engine_checked_note(engine, filesystem, outcome, false);
                tell_scan(engine, filesystem, outcome);
        }
        /* What waited for it. */
        job_queue_on_worker_ready(engine->jobs);
}

void engine_forget_scans(Engine *engine) {
        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));)
                f->is_checked_by_other = false;
}

int engine_adopt_checked(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        CheckedFilesystem *checked;
        uint8_t uuid[UUID_SIZE];
        CheckState state;
        int r;

        r = check_read(key, value, size_bytes, uuid, &state);
        if (r < 0)
                return r;
        checked = find_or_add(engine, uuid);
        if (!checked)
                return -ENOMEM;
        if (state.ended_usec > checked->state.ended_usec)
                checked->state = state;
        return 0;
}

void engine_checked_loaded(Engine *engine) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                engine_checked_identify(engine, watch,
                                        filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
        engine_schedules_look(engine);
}
