/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See engine-fail.h. One run for each job of the queue that is at work; it goes when the job has ended, however that
 * came.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-fail.h"

/* Somebody may be losing data meanwhile; 0 would be a quarter of a second. */
#define TIMER_ACCURACY_USEC 1

Job *engine_fail_job(const FailRun *run) {
        Job *job = job_queue_find(run->engine->jobs, run->job_id);

        return job && job->state == JOB_RUNNING ? job : NULL;
}

static FailRun *run_free(FailRun *run) {
        engine_fail_forget_listing(run);
        engine_fail_forget_permit(run);
        engine_fail_forget_hooks(run);
        sd_event_source_disable_unref(run->timer);
        workload_plan_clear(&run->plan);
        free(run);
        return NULL;
}

FailRun *engine_fail_find(Engine *engine, uint64_t job_id) {
        FailRun *run;

        TAILQ_FOREACH(run, &engine->fail_runs, entries)
                if (run->job_id == job_id)
                        return run;
        return NULL;
}

static void forget(FailRun *run) {
        TAILQ_REMOVE(&run->engine->fail_runs, run, entries);
        run_free(run);
}

void engine_fail_cancel_unit(Engine *engine, uint64_t *id) {
        WorkerMessage message;

        if (*id == 0)
                return;
        worker_message_init(&message, WORKER_CANCEL);
        message.cancel.job_id = *id;
        *id = 0;
        if (engine->link && worker_link_is_ready(engine->link))
                (void) worker_link_send(engine->link, &message, -EBADF);
}

void engine_fail_set_timer(FailRun *run, uint64_t usec) {
        int r = sd_event_source_set_time_relative(run->timer, usec);

        if (r >= 0)
                r = sd_event_source_set_enabled(run->timer, SD_EVENT_ONESHOT);
        if (r < 0) {
                log_error_errno(r, "job %" PRIu64 ": cannot set a timer: %m", run->job_id);
                engine_fail_end(run, OUTCOME_FAILED, -r, "nothing was done: it would have had no deadline");
        }
}

void engine_fail_end(FailRun *run, Outcome outcome, int error, const char *detail) {
        WorkerJobResult result = {
                .job_id = run->job_id,
                .outcome = (uint8_t) outcome,
                .error = error,
        };
        char hooks[FAIL_HOOKS_TEXT_SIZE + 32];
        Engine *engine = run->engine;

        if (run->stage == FAIL_ENDED)
                return;
        run->stage = FAIL_ENDED;
        (void) sd_event_source_set_enabled(run->timer, SD_EVENT_OFF);
        (void) text_append_format(result.detail, sizeof(result.detail), "%s%s", detail,
                                  engine_fail_hooks_text(run, hooks));
        engine_fail_forget_listing(run);
        engine_fail_forget_permit(run);
        run = engine_fail_find(engine, result.job_id);
        if (run)
                engine_fail_forget_hooks(run);
        (void) job_queue_on_result(engine->jobs, &result);
}

/* The root file system and what our own state lies on are never shut down; the worker looks for itself. */
static const char *shutdown_refused_because(const Filesystem *filesystem) {
        if (filesystem->facts.is_root != TRISTATE_NO)
                return "it is the root file system, or that is not known";
        if (filesystem->facts.is_state != TRISTATE_NO)
                return "it holds healerd's own state, or that is not known";
        return NULL;
}

static const char *scope_refused_because(const Job *job) {
        const WorkloadScope *scope = job->request.workloads;

        if (!scope || !workload_scope_is_valid(scope) ||
            (scope->how == HOW_FREEZE) != (job->request.kind == ACTION_FREEZE))
                return "nothing valid says who is meant";
        if (scope->who == WHO_FILE_USERS && job->event.inode == 0)
                return "it is about the users of a file, and no file is known";
        return NULL;
}

/* Whom it is about nobody has to say. */
static const char *recycle_refused_because(Job *job, const Filesystem *filesystem) {
        const char *why = engine_recycle_refused_because(filesystem);

        if (!why && !job->request.workloads) {
                job->request.workloads = malloc(sizeof(*job->request.workloads));
                if (!job->request.workloads)
                        return "there is no memory for it";
                *job->request.workloads = engine_recycle_scope();
        }
        return why ?: scope_refused_because(job);
}

static void begin(FailRun *run, Job *job, const Filesystem *filesystem) {
        bool is_shutdown = job->request.kind == ACTION_SHUTDOWN;
        const char *why;

        if (job->request.kind == ACTION_RECYCLE)
                why = recycle_refused_because(job, filesystem);
        else
                why = is_shutdown ? shutdown_refused_because(filesystem) : scope_refused_because(job);

        if (why)
                engine_fail_end(run, OUTCOME_REFUSED, 0, why);
        else if (is_shutdown)
                engine_fail_ask_permit(run);
        else {
                run->stage = FAIL_LISTING;
                run->give_up_monotonic_usec = clock_monotonic_usec() + FAIL_LISTING_USEC;
                engine_fail_list(run);
        }
}

/* What a rule orders and does not do it only observes. */
static PolicyMode mode_of(const Job *job) {
        return job->is_dry_run ? POLICY_MODE_OBSERVE : POLICY_MODE_ENFORCE;
}

/* A person is not limited. A rule that only observes has counts of its own. */
static bool has_room(const FailRun *run, const Job *job, const EventFacts *facts, char ret_why[static DENIED_SIZE]) {
        const Engine *engine = run->engine;

        return job->report.source != DECISION_RULE ||
               policy_workloads_room(engine->memory, engine->policy, job->report.rule_id, mode_of(job), facts,
                                     run->plan.n_taken, ret_why);
}

static void count_workloads(const FailRun *run, const Job *job, const EventFacts *facts) {
        Engine *engine = run->engine;

        if (job->report.source != DECISION_RULE)
                return;
        policy_remember_workloads(engine->memory, engine->policy, facts, job->report.rule_id, mode_of(job),
                                  (int) run->plan.n_taken);
        engine_memory_changed(engine);
}

static void end_dry_run(FailRun *run, const Job *job) {
        char text[JOB_DETAIL_SIZE];

        engine_fail_end(run, OUTCOME_DONE, 0,
                        workload_reports_text(&job->workloads, "would have taken: ", text, sizeof(text)));
}

/* NULL: it may be done. */
static const char *plan_refused_because(FailRun *run, const Job *job, const EventFacts *facts, char *buffer,
                                        size_t size_bytes) {
        char why[DENIED_SIZE];

        if (job->request.kind == ACTION_RECYCLE && !engine_recycle_plan_is_whole(&run->plan, buffer, size_bytes))
                return buffer;
        if (run->plan.refused[0])
                return run->plan.refused;
        if (has_room(run, job, facts, why))
                return NULL;
        (void) text_copy(buffer, size_bytes, why);
        return buffer;
}

void engine_fail_planned(FailRun *run) {
        const Job *job = engine_fail_job(run);
        const Filesystem *filesystem;
        char buffer[JOB_DETAIL_SIZE];
        EventFacts facts;
        const char *why;

        filesystem = job ? filesystem_table_find_id(run->engine->filesystems, job->filesystem_id) : NULL;
        if (!filesystem)
                return;
        facts = engine_facts(run->engine, &job->event, filesystem);
        why = plan_refused_because(run, job, &facts, buffer, sizeof(buffer));
        if (why)
                engine_fail_end(run, OUTCOME_REFUSED, 0, why);
        else if (job->is_dry_run) {
                count_workloads(run, job, &facts);
                end_dry_run(run, job);
        } else
                engine_fail_ask_permit(run);
}

/* Those who are told may do something about it until the time is over. */
static void announce(FailRun *run, Job *job, const Filesystem *filesystem) {
        uint64_t warn_usec = job->request.workloads->warn_usec, job_id = run->job_id;
        Engine *engine = run->engine;

        job->was_announced = true;
        job->act_realtime_usec = clock_realtime_usec() + warn_usec;
        run->stage = FAIL_WARNING;
        engine_tell(run->engine, on_announced, job, filesystem);
        /* An observer may have a word in it: cancelled, there is nothing to wait for. */
        if (run->stage != FAIL_WARNING)
                return;
        engine_fail_run_hooks(run, job, filesystem);
        run = engine_fail_find(engine, job_id);
        if (run)
                engine_fail_set_timer(run, warn_usec);
}

static void order(FailRun *run, Job *job, const Filesystem *filesystem) {
        const EventFacts facts = engine_facts(run->engine, &job->event, filesystem);
        Engine *engine = run->engine;
        uint64_t job_id = run->job_id;
        char why[DENIED_SIZE];
        int r;

        /* Those of another file system may have used it up meanwhile. */
        if (!has_room(run, job, &facts, why)) {
                engine_fail_end(run, OUTCOME_REFUSED, 0, why);
                return;
        }
        run->stage = FAIL_ORDERED;
        count_workloads(run, job, &facts);
        job->is_ordered = true;
        r = engine_fail_order(run, job, filesystem);
        run = engine_fail_find(engine, job_id);
        if (!run)
                return; /* the line broke in there */
        if (r < 0)
                engine_fail_end(run, OUTCOME_FAILED, -r, "could not be handed to the worker");
        else
                engine_fail_set_timer(run, engine_fail_order_timeout(job) + FAIL_ORDER_GRACE_USEC);
}

void engine_fail_permitted(FailRun *run) {
        Job *job = engine_fail_job(run);
        const Filesystem *filesystem;

        if (!job)
                return;
        filesystem = filesystem_table_find_id(run->engine->filesystems, job->filesystem_id);
        if (!filesystem)
                return; /* the queue is about to end it */
        if (job->request.kind == ACTION_SHUTDOWN)
                order(run, job, filesystem);
        else
                announce(run, job, filesystem);
}

static bool is_waited_for(const FailRun *run) {
        return run->engine->n_inhibitors > 0 || run->hooks_id != 0;
}

/* Also if somebody has not had enough of the delay. */
static void go_on(FailRun *run, Job *job, const Filesystem *filesystem) {
        Engine *engine = run->engine;
        uint64_t job_id = run->job_id;

        if (engine->n_inhibitors > 0)
                log_notice("job %" PRIu64 ": %zu locks were not released in time, it goes on", job_id,
                           engine->n_inhibitors);
        if (run->hooks_id != 0) {
                log_notice("job %" PRIu64 ": its hooks have not ended in time, it goes on", job_id);
                engine_fail_forget_hooks(run);
                run = engine_fail_find(engine, job_id);
        }
        if (run)
                order(run, job, filesystem);
}

void engine_fail_look_on(FailRun *run) {
        if (run->stage == FAIL_DELAYED && !is_waited_for(run))
                engine_fail_set_timer(run, 0);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        FailRun *run = userdata;
        Job *job = engine_fail_job(run);
        const Filesystem *filesystem = job ? filesystem_table_find_id(run->engine->filesystems, job->filesystem_id)
                                           : NULL;

        if (!job || !filesystem)
                return 0; /* it goes with its job */

        switch (run->stage) {
        case FAIL_BEGIN:
                begin(run, job, filesystem);
                return 0;
        case FAIL_LISTING:
                engine_fail_list(run);
                return 0;
        case FAIL_PERMIT:
                engine_fail_permit_overdue(run);
                return 0;
        case FAIL_WARNING:
                if (is_waited_for(run)) {
                        run->stage = FAIL_DELAYED;
                        engine_fail_set_timer(run, FAIL_DELAY_USEC);
                        return 0;
                }
                order(run, job, filesystem);
                return 0;
        case FAIL_DELAYED:
                go_on(run, job, filesystem);
                return 0;
        case FAIL_ORDERED:
                engine_fail_end(run, OUTCOME_TIMED_OUT, ETIMEDOUT,
                                "the worker did not answer in time: what it did is not known");
                return 0;
        case FAIL_ENDED:
                return 0;
        }
        return 0;
}

int engine_fail_for_job(Engine *engine, const Job *job) {
        FailRun *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return -ENOMEM;
        *run = (FailRun) { .engine = engine, .job_id = job->id };
        r = sd_event_add_time_relative(engine->event, &run->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_USEC, on_timer,
                                       run);
        if (r < 0) {
                run_free(run);
                return r;
        }
        TAILQ_INSERT_TAIL(&engine->fail_runs, run, entries);
        return 0;
}

int engine_fail_cancel_job(Engine *engine, const Job *job) {
        FailRun *run = engine_fail_find(engine, job->id);

        if (!run)
                return -ENOENT;
        if (run->stage == FAIL_ORDERED)
                return job->request.kind == ACTION_RECYCLE ? engine_recycle_cancel(engine, job)
                                                           : engine_worker_cancel(engine, job);
        engine_fail_end(run, OUTCOME_CANCELLED, 0, "nothing was done");
        return 0;
}

void engine_fail_on_job_ended(Engine *engine, const Job *job) {
        FailRun *run = engine_fail_find(engine, job->id);

        if (run)
                forget(run);
}

void engine_fail_on_worker_lost(Engine *engine) {
        FailRun *next;

        /* The queue knows which of their jobs begin again, and which end. */
        for (FailRun *run = TAILQ_FIRST(&engine->fail_runs); run; run = next) {
                next = TAILQ_NEXT(run, entries);
                if (run->stage != FAIL_ENDED)
                        forget(run);
        }
}

void engine_forget_fail_runs(Engine *engine) {
        FailRun *run;

        while ((run = TAILQ_FIRST(&engine->fail_runs)))
                forget(run);
}

void engine_set_n_inhibitors(Engine *engine, size_t n) {
        FailRun *run;

        engine->n_inhibitors = n;
        if (n > 0)
                return;
        TAILQ_FOREACH(run, &engine->fail_runs, entries)
                engine_fail_look_on(run);
}
