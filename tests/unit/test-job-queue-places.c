/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What runs beside what: units and their lists, scans and verifications of the same disks.
 */
#include "tests/unit/job-queue-fixture.h"

static int add_unit(JobQueueSetup *s, Filesystem *filesystem, const char *unit, const char *path, Job **ret_job) {
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
        JobQueueSetup *s = *state;
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
        JobQueueSetup *s = *state;
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
        JobQueueSetup *s = *state;
        Filesystem *others[JOB_UNITS_MAX + 1];
        Job *job, *unit;

        for (dev_t i = 0; i < ELEMENTSOF(others); i++) {
                assert_int_equal(filesystem_table_add(s->table, 10 + i, others + i), 0);
                assert_int_equal(add_unit(s, others[i], "a@.service", NULL, &unit), 1);
        }
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), 1);
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
        JobQueueSetup *s = *state;
        Job *job, *unit;

        s->start_result = -ENOTCONN;
        s->one->is_shut_down = true;
        assert_int_equal(add_repair(s, s->one, STRUCTURE_AG_FINOBT, 0, &job), -ESHUTDOWN);
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
        JobQueueSetup *s = *state;
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

/* One at a time on each disk, whatever else may run beside it. */
static void test_one_scan_on_each_disk(void **state) {
        static const ActionRequest scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        JobQueueSetup *s = *state;
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
        assert_int_equal(add_repair(s, s->two, STRUCTURE_AG_FINOBT, 0, &job), 1);
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
        JobQueueSetup *s = *state;
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
        JobQueueSetup *s = *state;
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
                cmocka_unit_test_setup_teardown(test_units_collect, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_lists_have_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_units_beside_repairs, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_outlives_filesystem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unit_outlives_worker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_scan_on_each_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_verification_on_each_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_scans_on_several_disks, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
