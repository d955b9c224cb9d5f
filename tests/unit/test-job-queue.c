/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Order, joining, retries, limits and ends of jobs, with a carrier that only notes what it is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/action/job-kind.h"
#include "src/action/job-queue.h"

typedef struct Setup {
        sd_event *event;
        FilesystemTable *table;
        Filesystem *one, *two;
        JobQueue *queue;
        uint64_t started[64];
        size_t n_started;
        bool expected;                  /* the last one */
        int start_result;
        unsigned n_cancelled, n_taken;
        Outcome ended[64];
        uint64_t ended_ids[64];
        size_t n_ended;
        unsigned n_waiting;
        unsigned n_changes;
        uint64_t gone_in_changed;       /* what hears of an end ends others of this file system */
} Setup;

static int carrier_start(void *userdata, const Job *job, const Filesystem *filesystem) {
        Setup *s = userdata;

        /* Only a unit is started for what is gone. */
        assert_true(filesystem ? filesystem->id == job->filesystem_id : job->request.kind == ACTION_START_UNIT);
        if (s->start_result < 0)
                return s->start_result;
        s->started[s->n_started++] = job->id;
        s->expected = job->expects_autofsck;
        return 0;
}

static int carrier_cancel(void *userdata, const Job *job) {
        Setup *s = userdata;

        assert_true(job->is_cancel_requested);
        s->n_cancelled++;
        return 0;
}

static int carrier_taken(void *userdata, const Job *job) {
        Setup *s = userdata;

        assert_int_equal(job->state, JOB_ENDED);
        s->n_taken++;
        return 0;
}

static void changed(void *userdata, Job *job) {
        Setup *s = userdata;

        s->n_changes++;
        if (job->state == JOB_WAITING)
                s->n_waiting++;
        if (job->state != JOB_ENDED)
                return;
        if (s->gone_in_changed)
                job_queue_on_filesystem_gone(s->queue, s->gone_in_changed, OUTCOME_SHUT_DOWN);
        s->ended_ids[s->n_ended] = job->id;
        s->ended[s->n_ended++] = job->report.outcome;
}

static int setup(void **state) {
        static Setup s;
        const JobCarrier carrier = {
                .start = carrier_start,
                .cancel = carrier_cancel,
                .taken = carrier_taken,
                .userdata = &s,
        };

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        s.table = filesystem_table_new();
        assert_non_null(s.table);
        assert_int_equal(filesystem_table_add(s.table, 1, &s.one), 0);
        assert_int_equal(filesystem_table_add(s.table, 2, &s.two), 0);
        assert_int_equal(job_queue_new(s.event, s.table, &carrier, changed, &s, 100, &s.queue), 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        job_queue_free(s->queue);
        filesystem_table_free(s->table);
        sd_event_unref(s->event);
        return 0;
}

static const ActionRequest repair = { .kind = ACTION_REPAIR, .timeout_usec = USEC_INFINITY };

#define EVENT_ID 77

static void begin(Setup *s, Filesystem *filesystem, Structure structure) {
        const HealthEvent event = { .id = EVENT_ID };
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &repair,
                .event = &event,
                .target = { .structure = structure },
                .source = DECISION_BASELINE,
        };

        job_queue_begin(s->queue, &order, AUTOFSCK_REPAIR);
}

static int add(Setup *s, Filesystem *filesystem, Structure structure, uint32_t group, Job **ret_job) {
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &repair,
                .target = { .structure = structure, .group = group },
                .source = DECISION_BASELINE,
        };

        return job_queue_add(s->queue, &order, ret_job);
}

/* Lets the loop do what is due, until @n jobs were started. */
static void run_until_started(Setup *s, size_t n) {
        while (s->n_started < n)
                assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
}

static void run_due(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void end_job(Setup *s, uint64_t id, Outcome outcome) {
        const WorkerJobResult result = { .job_id = id, .outcome = (uint8_t) outcome };

        job_queue_on_result(s->queue, &result);
        job_queue_tell_ended(s->queue);
}

static void answer_facts_changed(Setup *s, uint64_t job_id) {
        const WorkerJobResult result = { .job_id = job_id, .outcome = OUTCOME_REFUSED, .have_facts_changed = true };

        assert_int_equal(job_queue_on_result(s->queue, &result), 0);
        run_due(s);
}

static void test_one_at_a_time_for_each_filesystem(void **state) {
        Setup *s = *state;
        Job *a, *b, *c;

        assert_int_equal(add(s, s->one, STRUCTURE_AG_INOBT, 0, &a), 1);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &b), 1);
        assert_int_equal(add(s, s->two, STRUCTURE_AG_FINOBT, 0, &c), 1);
        assert_int_equal(s->n_started, 0); /* never from inside the call */
        run_until_started(s, 2);
        run_due(s);
        assert_int_equal(s->n_started, 2);
        assert_int_equal(s->started[0], 100);
        assert_int_equal(s->started[1], 102);

        end_job(s, 100, OUTCOME_DONE);
        run_until_started(s, 3);
        assert_int_equal(s->started[2], 101);
        assert_int_equal(s->n_taken, 1);
}

static void test_equal_jobs_join(void **state) {
        Setup *s = *state;
        Job *a, *b;

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &a), 1);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &b), 0);
        assert_ptr_equal(a, b);
        assert_int_equal(a->n_joined, 1);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 1, &b), 1);
}

/* The same is done to the same, or it is another job. */
static void test_scopes_join(_unused_ void **state) {
        WorkloadScope has = workload_scope_default(HOW_STOP), wants = has;
        HealthEvent event = { .inode = 5, .generation = 1 };
        const ActionRequest request = { .kind = ACTION_FAIL_WORKLOAD, .workloads = &wants };
        const ActionRequest freeze = { .kind = ACTION_FREEZE, .workloads = &wants };
        Filesystem filesystem = { .id = 3 };
        const Job job = {
                .filesystem_id = 3,
                .request = { .kind = ACTION_FAIL_WORKLOAD, .workloads = &has },
                .event = event,
        };
        JobOrder order = { .filesystem = &filesystem, .request = &request, .event = &event };

        assert_true(job_answers_order(&job, &order));
        order.request = &freeze;
        assert_false(job_answers_order(&job, &order));
        order.request = &request;
        event.inode = 6;
        assert_true(job_answers_order(&job, &order));
        has.who = WHO_FILE_USERS;
        assert_false(job_answers_order(&job, &order));
        wants.who = WHO_FILE_USERS;
        assert_false(job_answers_order(&job, &order));
        event.inode = 5;
        assert_true(job_answers_order(&job, &order));
        event.generation = 2;
        assert_false(job_answers_order(&job, &order));
        event.generation = 1;
        assert_int_equal(workload_scope_add_only(&wants, WORKLOAD_KEY_UNIT, "a*"), 0);
        assert_false(job_answers_order(&job, &order));
}

/* The worker is at it before anybody hears of it, and whoever asks for it then gets a job as ever. */
static void test_begun_before_it_is_told(void **state) {
        Setup *s = *state;
        Job *job, *other;

        begin(s, s->one, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_started, 1);
        begin(s, s->one, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_started, 1);
        run_due(s);
        assert_int_equal(s->n_changes, 0);

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(s->n_changes, 1);
        assert_int_equal(job->state, JOB_RUNNING);
        assert_int_equal(job->n_joined, 0);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &other), 0);
        assert_ptr_equal(job, other);
        assert_int_equal(job->n_joined, 1);
        run_due(s);
        assert_int_equal(s->n_started, 1);
        end_job(s, job->id, OUTCOME_DONE);
        assert_int_equal(s->n_ended, 1);
}

/* Its result waits for whoever asks for it. */
static void test_ended_before_it_is_told(void **state) {
        Setup *s = *state;
        Job *job;

        begin(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_started(s->queue, 100);
        end_job(s, 100, OUTCOME_DONE);
        assert_int_equal(s->n_changes, 0);
        assert_null(job_queue_next(s->queue, NULL));
        assert_null(job_queue_find(s->queue, 100));
        assert_null(job_queue_active(s->queue, s->one->id));

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(s->n_ended, 0);
        run_due(s);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->ended[0], OUTCOME_DONE);
        assert_int_equal(s->n_taken, 1);
        assert_int_equal(s->n_started, 1);
}

static void test_begun_with_facts_that_changed(void **state) {
        Setup *s = *state;
        Job *job;

        begin(s, s->one, STRUCTURE_AG_FINOBT);
        assert_true(s->expected);
        answer_facts_changed(s, 100);
        assert_int_equal(s->n_changes, 0);
        assert_int_equal(s->n_taken, 1);
        job_queue_settle(s->queue, EVENT_ID);

        /* The answer that came is the older one: with it the worker is asked again, and not to look any more. */
        begin(s, s->one, STRUCTURE_AG_FINOBT);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        answer_facts_changed(s, 101);
        run_until_started(s, 3);
        assert_int_equal(s->started[2], 101);
        assert_false(s->expected);
        assert_int_equal(job->report.n_attempts, 1);
        end_job(s, 101, OUTCOME_DONE);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->ended[0], OUTCOME_DONE);
}

/* Nobody asks for it after all: it is taken back, and told only if the worker was at it. */
static void test_begun_and_never_asked_for(void **state) {
        static const struct {
                bool has_begun, is_settled_first;
                Outcome outcome;
                unsigned n_ended;
        } cases[] = {
                { false, true,  OUTCOME_CANCELLED,     0 },
                { false, false, OUTCOME_CANNOT_REOPEN, 0 },
                { true,  true,  OUTCOME_CANCELLED,     1 },
                { true,  true,  OUTCOME_DONE,          1 },
                { true,  false, OUTCOME_STILL_CORRUPT, 1 },
        };
        Setup *s = *state;
        unsigned n_ended = 0, n_cancelled = 0;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("case %zu\n", i);
                begin(s, s->one, STRUCTURE_AG_FINOBT);
                if (cases[i].has_begun)
                        job_queue_on_started(s->queue, 100 + i);
                if (cases[i].is_settled_first)
                        job_queue_settle(s->queue, EVENT_ID);
                end_job(s, 100 + i, cases[i].outcome);
                if (!cases[i].is_settled_first)
                        job_queue_settle(s->queue, EVENT_ID);
                run_due(s);
                n_cancelled += cases[i].is_settled_first;
                n_ended += cases[i].n_ended;
                assert_int_equal(s->n_cancelled, n_cancelled);
                assert_int_equal(s->n_ended, n_ended);
                assert_int_equal(s->n_taken, i + 1);
                if (cases[i].n_ended)
                        assert_int_equal(s->ended[n_ended - 1], cases[i].outcome);
                assert_null(job_queue_next(s->queue, NULL));
        }
        begin(s, s->one, STRUCTURE_AG_FINOBT);  /* held off */
        assert_int_equal(s->n_started, ELEMENTSOF(cases));
}

static void test_begun_and_waiting_for_a_worker(void **state) {
        Setup *s = *state;
        Job *job;

        s->start_result = -ENOTCONN;
        begin(s, s->two, STRUCTURE_AG_FINOBT);
        assert_int_equal(add(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(job->state, JOB_QUEUED);
        s->start_result = 0;
        job_queue_on_worker_ready(s->queue);
        assert_int_equal(job->state, JOB_RUNNING);

        s->start_result = -ENOTCONN;
        begin(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_settle(s->queue, EVENT_ID);
        s->start_result = 0;
        job_queue_on_worker_ready(s->queue);
        assert_int_equal(s->n_started, 1);
        assert_null(job_queue_active(s->queue, s->one->id));
}

/* Begun, its worker went away, and nobody has decided on it: tried again it still looks first, and what it finds holds.
 */
static void test_tried_again_without_a_decision(void **state) {
        static const ActionRequest patient = { .kind = ACTION_REPAIR, .timeout_usec = USEC_INFINITY, .n_retries = 3,
                                               .backoff_min_usec = 1000, .backoff_max_usec = 2000 };
        const HealthEvent event = { .id = EVENT_ID };
        Setup *s = *state;
        const JobOrder order = {
                .filesystem = s->one,
                .request = &patient,
                .event = &event,
                .target = { .structure = STRUCTURE_AG_FINOBT },
                .source = DECISION_BASELINE,
        };

        job_queue_begin(s->queue, &order, AUTOFSCK_REPAIR);
        job_queue_on_started(s->queue, 100);
        job_queue_on_worker_lost(s->queue);
        assert_int_equal(s->n_waiting, 1);
        run_until_started(s, 2);
        assert_true(s->expected);
        answer_facts_changed(s, 100);
        assert_int_equal(s->n_started, 2);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->ended[0], OUTCOME_REFUSED);
}

/* Whatever sets the timer anew, a job that was asked for is started. */
static void test_settled_beside_a_new_job(void **state) {
        Setup *s = *state;
        Job *job;

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        job_queue_settle(s->queue, EVENT_ID);
        run_until_started(s, 1);
        assert_int_equal(job->state, JOB_RUNNING);
}

/* Of what nobody heard of nothing is told if it ends like that, but for what the worker began. */
static void test_begun_and_interrupted(void **state) {
        Setup *s = *state;

        begin(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_worker_lost(s->queue);
        begin(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        run_due(s);
        assert_int_equal(s->n_changes, 0);

        begin(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_started(s->queue, 102);
        job_queue_on_worker_lost(s->queue);
        begin(s, s->two, STRUCTURE_AG_FINOBT);
        job_queue_on_started(s->queue, 103);
        job_queue_on_filesystem_gone(s->queue, s->two->id, OUTCOME_UNMOUNTED);
        run_due(s);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->ended_ids[0], 102);
        assert_int_equal(s->ended[0], OUTCOME_WORKER_LOST);
        assert_int_equal(s->ended[1], OUTCOME_UNMOUNTED);
}

static void test_retry_then_end(void **state) {
        Setup *s = *state;
        Job *job;

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        job->request.backoff_min_usec = 1000;
        job->request.backoff_max_usec = 2000;
        job->request.n_retries = 2;
        for (unsigned i = 1; i <= 3; i++) {
                run_until_started(s, i);
                end_job(s, 100, OUTCOME_BUSY);
        }
        assert_int_equal(s->n_waiting, 2);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->ended[0], OUTCOME_BUSY);
}

static void test_failed_repair_is_held_off(void **state) {
        Setup *s = *state;
        const RepairTarget target = { .structure = STRUCTURE_AG_FINOBT };
        Job *job;

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, 1);
        end_job(s, 100, OUTCOME_STILL_CORRUPT);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), -EALREADY);
        assert_int_equal(add(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        job_queue_on_healthy(s->queue, s->one->id, &target);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);

        /* A read-only mount says nothing about the damage: the next report finds it writable. */
        run_until_started(s, 3);
        end_job(s, 102, OUTCOME_READ_ONLY);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
}

static int add_survey(Setup *s, Filesystem *filesystem, Job **ret_job) {
        static const ActionRequest survey = { .kind = ACTION_SURVEY, .timeout_usec = USEC_INFINITY };
        const JobOrder order = { .filesystem = filesystem, .request = &survey, .source = DECISION_RULE };

        return job_queue_add(s->queue, &order, ret_job);
}

/* Being asked is no work: it keeps nobody from being repaired, and that it failed says nothing about repairs and
 * scans. */
static void test_surveys(void **state) {
        static const ActionRequest scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        const JobOrder order = { .filesystem = ((Setup *) *state)->one, .request = &scrub, .source = DECISION_RULE };
        Setup *s = *state;
        Filesystem *others[JOB_PARALLEL_DEFAULT];
        Job *survey, *job;

        assert_int_equal(add_survey(s, s->one, &survey), 1);
        assert_int_equal(add_survey(s, s->one, &job), 0);
        assert_ptr_equal(job, survey);
        for (dev_t i = 0; i < JOB_PARALLEL_DEFAULT; i++) {
                assert_int_equal(filesystem_table_add(s->table, 10 + i, others + i), 0);
                assert_int_equal(add_survey(s, others[i], &job), 1);
        }
        assert_int_equal(add(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, JOB_PARALLEL_DEFAULT + 2);
        assert_int_equal(job->state, JOB_RUNNING);

        end_job(s, survey->id, OUTCOME_FAILED);
        assert_int_equal(add_survey(s, s->one, &job), 1);
        assert_int_equal(job_queue_add(s->queue, &order, &job), 1);
}

static int add_unit(Setup *s, Filesystem *filesystem, const char *unit, const char *path, Job **ret_job) {
        const ActionRequest request = {
                .kind = ACTION_START_UNIT,
                .timeout_usec = USEC_INFINITY,
                .n_retries = 3,
                .unit = (char *) unit,
        };
        const HealthEvent event = { .id = EVENT_ID, .kind = EVENT_DATA_LOST, .count = 1 };
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &request,
                .event = &event,
                .path = path,
                .source = DECISION_RULE,
                .rule_id = "r",
        };

        return job_queue_add(s->queue, &order, ret_job);
}

/* Events are collected until the unit is started; those that come while it runs are the next one's. */
static void test_units_collect(void **state) {
        Setup *s = *state;
        Job *first, *job, *other;

        assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/1", &first), 1);
        assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/2", &job), 0);
        assert_ptr_equal(job, first);
        assert_int_equal(add_unit(s, s->one, "b@.service", "/srv/1", &other), 1);
        assert_int_equal(add_unit(s, s->two, "a@.service", NULL, &other), 1);
        assert_string_equal(first->target_text, "a@100.service");
        assert_int_equal(first->n_events, 2);
        assert_int_equal(first->events.n, 2);
        assert_int_equal(first->paths.length, strlen("/srv/1") + strlen("/srv/2") + 2);
        run_until_started(s, 3);

        assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/3", &job), 1);
        assert_ptr_not_equal(job, first);
        assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/4", &other), 0);
        assert_ptr_equal(other, job);
        run_due(s);
        assert_int_equal(s->n_started, 3); /* one at a time */
        end_job(s, first->id, OUTCOME_DONE);
        run_until_started(s, 4);
        assert_int_equal(s->started[3], job->id);
        assert_int_equal(job->n_events, 2);
}

/* More than a unit can be given is counted. */
static void test_unit_lists_have_limits(void **state) {
        Setup *s = *state;
        char path[4096];
        Job *job;

        memset(path, 'a', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        for (unsigned i = 0; i < JOB_UNIT_EVENTS_MAX + 44; i++) {
                (void) snprintf(path + sizeof(path) - 8, 8, "%u", i);
                assert_int_equal(add_unit(s, s->one, "a@.service", path, &job), i == 0);
        }
        assert_int_equal(job->n_events, JOB_UNIT_EVENTS_MAX + 44);
        assert_true(job->events.length < JOB_UNIT_EVENTS_BYTES);
        assert_int_equal(job->events.n + job->events.n_omitted, JOB_UNIT_EVENTS_MAX + 44);
        assert_true(job->events.n_omitted >= 44);
        assert_true(job->paths.length <= JOB_UNIT_PATHS_BYTES);
        assert_int_equal(job->paths.n + job->paths.n_omitted, JOB_UNIT_EVENTS_MAX + 44);
        assert_true(job->paths.n_omitted > 0);
}

/* They take no place of repairs, and have a limit of their own; failing holds nothing off. */
static void test_units_beside_repairs(void **state) {
        Setup *s = *state;
        Filesystem *others[JOB_UNITS_MAX + 1];
        Job *job, *unit;

        for (dev_t i = 0; i < ELEMENTSOF(others); i++) {
                assert_int_equal(filesystem_table_add(s->table, 10 + i, others + i), 0);
                assert_int_equal(add_unit(s, others[i], "a@.service", NULL, &unit), 1);
        }
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, JOB_UNITS_MAX + 1);
        assert_int_equal(job->state, JOB_RUNNING);
        run_due(s);
        assert_int_equal(unit->state, JOB_QUEUED); /* the last one */
        end_job(s, s->started[0], OUTCOME_FAILED);
        assert_int_equal(unit->state, JOB_RUNNING);
        assert_int_equal(add_unit(s, others[0], "a@.service", NULL, &job), 1);
}

/* Whether the file system lives says nothing about what is done elsewhere for it. */
static void test_unit_outlives_filesystem(void **state) {
        Setup *s = *state;
        Job *job, *unit;

        s->start_result = -ENOTCONN;
        s->one->is_shut_down = true;
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), -ESHUTDOWN);
        assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/1", &unit), 1);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        filesystem_table_remove(s->table, s->one);
        run_due(s);
        assert_int_equal(unit->state, JOB_QUEUED);
        s->start_result = 0;
        job_queue_on_worker_ready(s->queue);
        assert_int_equal(unit->state, JOB_RUNNING);
        end_job(s, unit->id, OUTCOME_DONE);
        assert_int_equal(s->ended[0], OUTCOME_DONE);
}

/* The unit runs on while there is no worker: the next one is asked about the same job, and no try is lost. */
static void test_unit_outlives_worker(void **state) {
        Setup *s = *state;
        Job *unit, *job;

        assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/1", &unit), 1);
        run_until_started(s, 1);
        for (unsigned i = 0; i < 5; i++) {
                job_queue_on_worker_lost(s->queue);
                assert_int_equal(unit->state, JOB_QUEUED);
                /* What it reads is its own already. */
                assert_int_equal(add_unit(s, s->one, "a@.service", "/srv/2", &job), i == 0);
                assert_ptr_not_equal(job, unit);
                job_queue_on_worker_ready(s->queue);
                assert_int_equal(unit->state, JOB_RUNNING);
                assert_int_equal(s->started[i + 1], unit->id);
        }
        assert_int_equal(unit->report.n_attempts, 1);
        assert_int_equal(s->n_ended, 0);
}

static void test_worker_lost_and_back(void **state) {
        Setup *s = *state;
        Job *job;

        s->start_result = -ENOTCONN;
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_due(s);
        assert_int_equal(job->state, JOB_QUEUED);

        s->start_result = 0;
        job_queue_on_worker_ready(s->queue);
        assert_int_equal(job->state, JOB_RUNNING);
        job->request.backoff_min_usec = 1000;
        job->request.n_retries = 1;
        job_queue_on_worker_lost(s->queue);
        assert_int_equal(job->state, JOB_WAITING);
        run_until_started(s, 2);
        job_queue_on_worker_lost(s->queue);
        assert_int_equal(s->n_ended, 0); /* never from inside the call */
        run_due(s);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->ended[0], OUTCOME_WORKER_LOST);
}

static void test_ends_with_its_filesystem(void **state) {
        Setup *s = *state;
        Job *job;

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_INOBT, 0, &job), 1);
        assert_int_equal(add(s, s->two, STRUCTURE_AG_INOBT, 0, &job), 1);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        job_queue_tell_ended(s->queue);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->ended[0], OUTCOME_UNMOUNTED);
        assert_non_null(job_queue_active(s->queue, s->two->id));
        assert_null(job_queue_active(s->queue, s->one->id));
}

/* The end of one job brings about the end of those that the same walk would look at next. */
static void test_ends_may_end_others(void **state) {
        Setup *s = *state;
        Job *job;

        for (uint32_t i = 0; i < 10; i++)
                assert_int_equal(add(s, i % 2 ? s->one : s->two, STRUCTURE_AG_FINOBT, i, &job), 1);
        run_until_started(s, 2);
        s->gone_in_changed = s->two->id;
        for (Job *j = NULL; (j = job_queue_next(s->queue, j));)
                j->request.n_retries = 0;
        job_queue_on_worker_lost(s->queue);
        run_due(s);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        run_due(s);
        assert_int_equal(s->n_ended, 10);
        assert_null(job_queue_next(s->queue, NULL));
}

static void test_cancel(void **state) {
        Setup *s = *state;
        Job *job;

        assert_int_equal(job_queue_cancel(s->queue, 1), -ENOENT);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(job_queue_cancel(s->queue, 100), 0);
        job_queue_tell_ended(s->queue);
        assert_int_equal(s->n_cancelled, 0); /* nobody knew of it yet */
        assert_int_equal(s->ended[0], OUTCOME_CANCELLED);

        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, 1);
        assert_int_equal(job_queue_cancel(s->queue, 101), 0);
        assert_int_equal(s->n_cancelled, 1);
        end_job(s, 101, OUTCOME_BUSY); /* would be retried, but nobody wants it any more */
        assert_int_equal(s->n_ended, 2);
}

static void test_limit_and_refusals(void **state) {
        Setup *s = *state;
        const ActionRequest notify = { .kind = ACTION_NOTIFY };
        const JobOrder order = { .filesystem = s->one, .request = &notify, .source = DECISION_BASELINE };
        Job *job;

        assert_int_equal(job_queue_add(s->queue, &order, &job), -EOPNOTSUPP);
        s->two->is_shut_down = true;
        assert_int_equal(add(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), -ESHUTDOWN);
        for (uint32_t i = 0; i < JOB_QUEUE_MAX; i++)
                assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, i, &job), 1);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, JOB_QUEUE_MAX, &job), -ENOBUFS);
}

static void test_late_result_is_ignored(void **state) {
        Setup *s = *state;
        Job *job;

        end_job(s, 4711, OUTCOME_DONE);
        assert_int_equal(add(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        end_job(s, 100, OUTCOME_DONE); /* never started */
        assert_int_equal(s->n_ended, 0);
}

/* One at a time on each disk, whatever else may run beside it. */
static void test_one_scan_on_each_disk(void **state) {
        static const ActionRequest scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        Setup *s = *state;
        const JobOrder first = { .filesystem = s->one, .request = &scrub, .source = DECISION_SCHEDULE };
        const JobOrder second = { .filesystem = s->two, .request = &scrub, .source = DECISION_SCHEDULE };
        WorkerJobResult result = { .outcome = OUTCOME_DONE };
        Job *job;

        s->one->facts.n_disks = s->two->facts.n_disks = 1;
        s->one->facts.disks[0] = s->two->facts.disks[0] = 0x800;
        assert_int_equal(job_queue_add(s->queue, &first, &job), 1);
        result.job_id = job->id;
        assert_int_equal(job_queue_add(s->queue, &second, &job), 1);
        /* A repair reads little. */
        assert_int_equal(add(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, 2);
        run_due(s);
        assert_int_equal(s->n_started, 2);
        assert_int_equal(s->started[0], result.job_id);
        assert_int_equal(s->started[1], job->id);
        assert_int_equal(job_queue_on_result(s->queue, &result), 0);
        run_until_started(s, 3);
}

/* Days of reading behind everybody else keep no scan waiting, and no second one of them runs beside it. */
static void test_one_verification_on_each_disk(void **state) {
        static const ActionRequest verify = { .kind = ACTION_VERIFY_MEDIA, .timeout_usec = USEC_INFINITY },
                                   scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        Setup *s = *state;
        const JobOrder orders[] = {
                { .filesystem = s->one, .request = &verify, .source = DECISION_SCHEDULE },
                { .filesystem = s->two, .request = &verify, .source = DECISION_SCHEDULE },
                { .filesystem = s->two, .request = &scrub, .source = DECISION_SCHEDULE },
        };
        uint64_t ids[ELEMENTSOF(orders)];
        Job *job;

        s->one->facts.n_disks = s->two->facts.n_disks = 1;
        s->one->facts.disks[0] = s->two->facts.disks[0] = 0x800;
        for (size_t i = 0; i < ELEMENTSOF(orders); i++) {
                assert_int_equal(job_queue_add(s->queue, orders + i, &job), 1);
                ids[i] = job->id;
        }
        run_until_started(s, 2);
        run_due(s);
        assert_int_equal(s->n_started, 2);
        assert_int_equal(s->started[0], ids[0]);
        assert_int_equal(s->started[1], ids[2]);
}

static void test_scans_on_several_disks(void **state) {
        static const ActionRequest scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        Setup *s = *state;
        const JobOrder first = { .filesystem = s->one, .request = &scrub, .source = DECISION_SCHEDULE };
        const JobOrder second = { .filesystem = s->two, .request = &scrub, .source = DECISION_SCHEDULE };
        Job *job;

        s->one->facts.n_disks = s->two->facts.n_disks = 1;
        s->one->facts.disks[0] = 0x800;
        s->two->facts.disks[0] = 0x810;
        assert_int_equal(job_queue_add(s->queue, &first, &job), 1);
        assert_int_equal(job_queue_add(s->queue, &second, &job), 1);
        run_until_started(s, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_at_a_time_for_each_filesystem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_equal_jobs_join, setup, teardown),
                cmocka_unit_test(test_scopes_join),
                cmocka_unit_test_setup_teardown(test_begun_before_it_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ended_before_it_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_with_facts_that_changed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_and_never_asked_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_and_waiting_for_a_worker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_and_interrupted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_settled_beside_a_new_job, setup, teardown),
                cmocka_unit_test_setup_teardown(test_tried_again_without_a_decision, setup, teardown),
                cmocka_unit_test_setup_teardown(test_retry_then_end, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failed_repair_is_held_off, setup, teardown),
                cmocka_unit_test_setup_teardown(test_surveys, setup, teardown),
                cmocka_unit_test_setup_teardown(test_units_collect, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_lists_have_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_units_beside_repairs, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_outlives_filesystem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_outlives_worker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_worker_lost_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ends_with_its_filesystem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ends_may_end_others, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit_and_refusals, setup, teardown),
                cmocka_unit_test_setup_teardown(test_late_result_is_ignored, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_scan_on_each_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_verification_on_each_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_scans_on_several_disks, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
