/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs that begin before anybody hears of them.
 */
#include "tests/unit/job-queue-fixture.h"

static void answer_facts_changed(JobQueueSetup *s, uint64_t job_id) {
        const WorkerJobResult result = { .job_id = job_id, .outcome = OUTCOME_REFUSED, .have_facts_changed = true };

        assert_int_equal(job_queue_on_result(s->queue, &result), 0);
        run_due(s);
}

/* The worker is at it before anybody hears of it, and whoever asks for it then gets a job as ever. */
static void test_begun_before_it_is_told(void **state) {
        JobQueueSetup *s = *state;
        Job *job, *other;

        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_started, 1);
        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_started, 1);
        run_due(s);
        assert_int_equal(s->n_changes, 0);

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(s->n_changes, 1);
        assert_int_equal(job->state, JOB_RUNNING);
        assert_int_equal(job->n_joined, 0);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &other), 0);
        assert_ptr_equal(job, other);
        assert_int_equal(job->n_joined, 1);
        run_due(s);
        assert_int_equal(s->n_started, 1);
        end_job(s, job->id, OUTCOME_DONE);
        assert_int_equal(s->n_ended, 1);
}

/* Its result waits for whoever asks for it. */
static void test_ended_before_it_is_told(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_started(s->queue, 100);
        end_job(s, 100, OUTCOME_DONE);
        assert_int_equal(s->n_changes, 0);
        assert_null(job_queue_next(s->queue, NULL));
        assert_null(job_queue_find(s->queue, 100));
        assert_null(job_queue_active(s->queue, s->one->id));

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(s->n_ended, 0);
        run_due(s);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->ended[0], OUTCOME_DONE);
        assert_int_equal(s->n_taken, 1);
        assert_int_equal(s->n_started, 1);
}

static void test_begun_with_facts_that_changed(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        assert_true(s->expected);
        answer_facts_changed(s, 100);
        assert_int_equal(s->n_changes, 0);
        assert_int_equal(s->n_taken, 1);
        job_queue_settle(s->queue, EVENT_ID);

        /* The answer that came is the older one: with it the worker is asked again, and not to look any more. */
        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
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
        JobQueueSetup *s = *state;
        unsigned n_ended = 0, n_cancelled = 0;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("case %zu\n", i);
                begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
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
        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);  /* held off */
        assert_int_equal(s->n_started, ELEMENTSOF(cases));
}

static void test_begun_and_waiting_for_a_worker(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        s->start_result = -ENOTCONN;
        begin_repair(s, s->two, STRUCTURE_AG_FINOBT);
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(job->state, JOB_QUEUED);
        s->start_result = 0;
        job_queue_on_worker_ready(s->queue);
        assert_int_equal(job->state, JOB_RUNNING);

        s->start_result = -ENOTCONN;
        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
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
        JobQueueSetup *s = *state;
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
        JobQueueSetup *s = *state;
        Job *job;

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        job_queue_settle(s->queue, EVENT_ID);
        run_until_started(s, 1);
        assert_int_equal(job->state, JOB_RUNNING);
}

/* Of what nobody heard of nothing is told if it ends like that, but for what the worker began. */
static void test_begun_and_interrupted(void **state) {
        JobQueueSetup *s = *state;

        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_worker_lost(s->queue);
        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        run_due(s);
        assert_int_equal(s->n_changes, 0);

        begin_repair(s, s->one, STRUCTURE_AG_FINOBT);
        job_queue_on_started(s->queue, 102);
        job_queue_on_worker_lost(s->queue);
        begin_repair(s, s->two, STRUCTURE_AG_FINOBT);
        job_queue_on_started(s->queue, 103);
        job_queue_on_filesystem_gone(s->queue, s->two->id, OUTCOME_UNMOUNTED);
        run_due(s);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->ended_ids[0], 102);
        assert_int_equal(s->ended[0], OUTCOME_WORKER_LOST);
        assert_int_equal(s->ended[1], OUTCOME_UNMOUNTED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_begun_before_it_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ended_before_it_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_with_facts_that_changed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_and_never_asked_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_and_waiting_for_a_worker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begun_and_interrupted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_settled_beside_a_new_job, setup, teardown),
                cmocka_unit_test_setup_teardown(test_tried_again_without_a_decision, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
