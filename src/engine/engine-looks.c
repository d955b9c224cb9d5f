/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was sick and could not be dealt with then: in a mount before this one, which perhaps ended with the shutdown
 * that the damage led to, or while no mount of the file system could be opened or written to. The kernel has forgotten
 * it or will not tell it again; the condition has not.
 *
 * Nobody knows whether it is still so: an administrator may have repaired it meanwhile. So nothing is told. The policy
 * is asked whether it would repair it now, and if so the repair is ordered, which looks before it does anything and
 * clears the condition if there is nothing to do. One after the other, what others depend on first, each of them
 * bounded like any action; one that did nothing is not counted.
 */

#include "kernel/repair-rank.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-workloads.h"

/* Nothing tells when the property that allows a repair can be read again, when a file system can be written to, or when
 * there is room for one more: pauses between looks that came to nothing, doubling. */
#define LATER_MIN_USEC USEC_PER_MINUTE
#define LATER_MAX_USEC USEC_PER_HOUR

/* The condition that is looked at next, as an event; false: none is left. */
static bool choose(const Filesystem *filesystem, HealthEvent *ret_event) {
        unsigned rank, best = 0;
        bool is_found = false;

        for (size_t i = 0; i < filesystem->conditions.n_items; i++) {
                const HealthCondition *condition = filesystem->conditions.items + i;
                HealthEvent event = {
                        .id = condition->event_id,
                        .filesystem_id = filesystem->id,
                        .source = EVENT_SOURCE_SURVEY,
                        .kind = EVENT_SICK,
                        .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                        .received_boottime_usec = clock_boottime_usec(),
                        .count = 1,
                };

                if (!condition->wants_look || !condition->is_look_due ||
                    health_event_read_target(condition->target, &event) < 0)
                        continue;
                rank = repair_rank(event.structure);
                if (is_found && rank >= best)
                        continue;
                best = rank;
                is_found = true;
                *ret_event = event;
        }
        return is_found;
}

/* One that was put back waits for what the others come to. */
static bool is_under_way(Engine *engine, const Watch *watch) {
        const Sequence *sequence;
        const Case *waiting;

        STAILQ_FOREACH(waiting, &watch->cases, entries)
                if (waiting->is_look)
                        return true;
        TAILQ_FOREACH(sequence, &engine->sequences, entries) {
                const Job *job;

                if (!sequence->is_look || sequence->filesystem_id != watch->filesystem_id)
                        continue;
                job = job_queue_find(engine->jobs, sequence->job_id);
                if (job && job->request.kind == ACTION_REPAIR && !job->is_put_back)
                        return true;
        }
        return false;
}

void engine_looks_next(Engine *engine, Watch *watch) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);
        char target[EVENT_TEXT_SIZE];
        HealthEvent event;

        if (!watch->has_looks || !watch->may_look || watch->is_pumping)
                return;
        if (!filesystem || watch->is_ending || filesystem->is_shut_down || filesystem->n_mounts == 0 ||
            engine->options.replay_path) {
                watch->has_looks = false;
                return;
        }
        /* What is still due then is begun again with its end. */
        if (engine_pause_of(engine, filesystem) || is_under_way(engine, watch))
                return;
        watch->has_looks = choose(filesystem, &event);
        if (!watch->has_looks) {
                job_queue_look_at_put_back(engine->jobs);
                return;
        }
        condition_set_wants_look(&filesystem->conditions, CONDITION_SICK, health_event_target_text(&event, target),
                                 false);
        engine_take_look(engine, watch, &event);
}

static void begin(Engine *engine, Watch *watch) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);
        HealthEvent event;

        if (!filesystem)
                return;
        condition_make_looks_due(&filesystem->conditions);
        watch->has_looks = choose(filesystem, &event);
        engine_looks_next(engine, watch);
}

static void timer_arm(Engine *engine);

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        uint64_t now = clock_monotonic_usec();
        Engine *engine = userdata;
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries) {
                if (watch->look_due_usec == 0 || watch->look_due_usec > now)
                        continue;
                watch->look_due_usec = 0;
                begin(engine, watch);
        }
        timer_arm(engine);
        return 0;
}

static void timer_arm(Engine *engine) {
        uint64_t next = USEC_INFINITY;
        const Watch *watch;
        int r;

        engine->looks_timer = sd_event_source_disable_unref(engine->looks_timer);
        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->look_due_usec != 0)
                        next = min_of(next, watch->look_due_usec);
        if (next == USEC_INFINITY)
                return;
        r = sd_event_add_time(engine->event, &engine->looks_timer, CLOCK_MONOTONIC, next, USEC_PER_SEC, on_timer,
                              engine);
        if (r < 0)
                log_error_errno(r, "cannot set a timer: what is sick is looked at again with the next mount only: %m");
}

void engine_looks_later(Engine *engine, Filesystem *filesystem, const HealthEvent *event) {
        Watch *watch = engine_watch_find(engine, filesystem->id);
        char target[EVENT_TEXT_SIZE];

        if (!watch || watch->is_ending || filesystem->is_shut_down || engine->options.replay_path)
                return;
        engine_looks_want(engine, filesystem, health_event_target_text(event, target));
        if (watch->look_due_usec != 0)
                return;
        watch->look_pause_usec = watch->look_pause_usec == 0 ? LATER_MIN_USEC :
                min_of(2 * watch->look_pause_usec, LATER_MAX_USEC);
        watch->look_due_usec = clock_monotonic_usec() + watch->look_pause_usec;
        timer_arm(engine);
}

/* Where nothing can be written a failure would be all that there is to tell. */
size_t engine_looks_keep(Engine *engine, Filesystem *filesystem, const HealthEvent *event, Decision *decisions,
                         size_t n) {
        if (filesystem->facts.is_read_only != TRISTATE_YES)
                return engine_keep_repairs(engine, decisions, n);

        for (size_t i = 0; i < n; i++)
                decision_clear(decisions + i);
        engine_looks_later(engine, filesystem, event);
        return 0;
}

void engine_looks_on_surveyed(Engine *engine, Watch *watch) {
        if (watch->may_look)
                return;
        watch->may_look = true;
        begin(engine, watch);
        engine_holds_look(engine, filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
}

void engine_looks_on_conditions_back(Engine *engine, Watch *watch) {
        begin(engine, watch);
}

void engine_looks_on_reachable(Engine *engine, Watch *watch) {
        if (!watch)
                return;
        watch->look_pause_usec = 0;
        begin(engine, watch);
}

void engine_looks_want(Engine *engine, Filesystem *filesystem, const char *target) {
        Watch *watch = engine_watch_find(engine, filesystem->id);

        if (!watch)
                return;
        condition_set_wants_look(&filesystem->conditions, CONDITION_SICK, target, true);
        /* Adopted ones are not surveyed at the beginning. */
        watch->may_look = true;
}

void engine_looks_on_job_ended(Engine *engine, Filesystem *filesystem, const Job *job) {
        static const Outcome unreached[] = {
                OUTCOME_CANNOT_REOPEN, OUTCOME_WRONG_FILESYSTEM, OUTCOME_WORKER_LOST,
        };

        /* Nobody tells when a mount is made writable. */
        if (job->report.outcome == OUTCOME_READ_ONLY)
                engine_looks_later(engine, filesystem, &job->event);

        for (size_t i = 0; i < ELEMENTSOF(unreached); i++)
                if (unreached[i] == job->report.outcome)
                        engine_looks_want(engine, filesystem, job->target_text);
}
