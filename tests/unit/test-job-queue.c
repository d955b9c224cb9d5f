/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Order, joining, retries, limits and ends of jobs, with a carrier that only notes what it is told.
 */
#include "tests/unit/job-queue-fixture.h"

static void test_one_at_a_time_for_each_filesystem(void **state) {
        JobQueueSetup *s = *state;
        Job *a, *b, *c;

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_INOBT, 0, &a), 1);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &b), 1);
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_FINOBT, 0, &c), 1);
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
        JobQueueSetup *s = *state;
        Job *a, *b;

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &a), 1);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &b), 0);
        assert_ptr_equal(a, b);
        assert_int_equal(a->n_joined, 1);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 1, &b), 1);
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

static void test_retry_then_end(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
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
        JobQueueSetup *s = *state;
        const RepairTarget target = { .structure = STRUCTURE_AG_FINOBT };
        Job *job;

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, 1);
        end_job(s, 100, OUTCOME_STILL_CORRUPT);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), -EALREADY);
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        job_queue_on_healthy(s->queue, s->one->id, &target);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);

        /* A read-only mount says nothing about the damage: the next report finds it writable. */
        run_until_started(s, 3);
        end_job(s, 102, OUTCOME_READ_ONLY);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
}

static int add_survey(JobQueueSetup *s, Filesystem *filesystem, Job **ret_job) {
        static const ActionRequest survey = { .kind = ACTION_SURVEY, .timeout_usec = USEC_INFINITY };
        const JobOrder order = { .filesystem = filesystem, .request = &survey, .source = DECISION_RULE };

        return job_queue_add(s->queue, &order, ret_job);
}

/* Being asked is no work: it keeps nobody from being repaired, and that it failed says nothing about repairs and
 * scans. */
static void test_surveys(void **state) {
        static const ActionRequest scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        const JobOrder order = { .filesystem = ((JobQueueSetup *) *state)->one,
                                 .request = &scrub, .source = DECISION_RULE };
        JobQueueSetup *s = *state;
        Filesystem *others[JOB_PARALLEL_DEFAULT];
        Job *survey, *job;

        assert_int_equal(add_survey(s, s->one, &survey), 1);
        assert_int_equal(add_survey(s, s->one, &job), 0);
        assert_ptr_equal(job, survey);
        for (dev_t i = 0; i < JOB_PARALLEL_DEFAULT; i++) {
                assert_int_equal(filesystem_table_add(s->table, 10 + i, others + i), 0);
                assert_int_equal(add_survey(s, others[i], &job), 1);
        }
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, JOB_PARALLEL_DEFAULT + 2);
        assert_int_equal(job->state, JOB_RUNNING);

        end_job(s, survey->id, OUTCOME_FAILED);
        assert_int_equal(add_survey(s, s->one, &job), 1);
        assert_int_equal(job_queue_add(s->queue, &order, &job), 1);
}

static void test_worker_lost_and_back(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        s->start_result = -ENOTCONN;
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
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
        JobQueueSetup *s = *state;
        Job *job;

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_INOBT, 0, &job), 1);
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_INOBT, 0, &job), 1);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        job_queue_tell_ended(s->queue);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->ended[0], OUTCOME_UNMOUNTED);
        assert_non_null(job_queue_active(s->queue, s->two->id));
        assert_null(job_queue_active(s->queue, s->one->id));
}

/* The end of one job brings about the end of those that the same walk would look at next. */
static void test_ends_may_end_others(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        for (uint32_t i = 0; i < 10; i++)
                assert_int_equal(add_repair(s, i % 2 ? s->one : s->two, STRUCTURE_AG_FINOBT, i, &job), 1);
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
        JobQueueSetup *s = *state;
        Job *job;

        assert_int_equal(job_queue_cancel(s->queue, 1), -ENOENT);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        assert_int_equal(job_queue_cancel(s->queue, 100), 0);
        job_queue_tell_ended(s->queue);
        assert_int_equal(s->n_cancelled, 0); /* nobody knew of it yet */
        assert_int_equal(s->ended[0], OUTCOME_CANCELLED);

        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        run_until_started(s, 1);
        assert_int_equal(job_queue_cancel(s->queue, 101), 0);
        assert_int_equal(s->n_cancelled, 1);
        end_job(s, 101, OUTCOME_BUSY); /* would be retried, but nobody wants it any more */
        assert_int_equal(s->n_ended, 2);
}

static void test_limit_and_refusals(void **state) {
        JobQueueSetup *s = *state;
        const ActionRequest notify = { .kind = ACTION_NOTIFY };
        const JobOrder order = { .filesystem = s->one, .request = &notify, .source = DECISION_BASELINE };
        Job *job;

        assert_int_equal(job_queue_add(s->queue, &order, &job), -EOPNOTSUPP);
        s->two->is_shut_down = true;
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), -ESHUTDOWN);
        for (uint32_t i = 0; i < JOB_QUEUE_MAX; i++)
                assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, i, &job), 1);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, JOB_QUEUE_MAX, &job), -ENOBUFS);
}

static void test_late_result_is_ignored(void **state) {
        JobQueueSetup *s = *state;
        Job *job;

        end_job(s, 4711, OUTCOME_DONE);
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
        end_job(s, 100, OUTCOME_DONE); /* never started */
        assert_int_equal(s->n_ended, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_at_a_time_for_each_filesystem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_equal_jobs_join, setup, teardown),
                cmocka_unit_test(test_scopes_join),
                cmocka_unit_test_setup_teardown(test_retry_then_end, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failed_repair_is_held_off, setup, teardown),
                cmocka_unit_test_setup_teardown(test_surveys, setup, teardown),
                cmocka_unit_test_setup_teardown(test_worker_lost_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ends_with_its_filesystem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ends_may_end_others, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit_and_refusals, setup, teardown),
                cmocka_unit_test_setup_teardown(test_late_result_is_ignored, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
