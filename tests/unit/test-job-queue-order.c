/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose turn it is among the repairs of one file system, what is put back because of others, and that it ends. Time
 * stands still here: nothing is tried again because some has passed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/action/job-queue.h"

#define ENDED_MAX 256

typedef struct Setup {
        sd_event *event;
        FilesystemTable *table;
        Filesystem *one, *two;
        JobQueue *queue;
        const Job *running;             /* of the first file system; its kind is any */
        Structure tried[ENDED_MAX];
        size_t n_tried;
        Structure ended[ENDED_MAX];
        Outcome outcomes[ENDED_MAX];
        size_t n_ended;
        unsigned n_asked_for_help, n_budget;
        bool is_help_possible, is_scan_offered, is_scan_lowered, is_budget_spent;
} Setup;

static int carrier_start(void *userdata, const Job *job, const Filesystem *filesystem) {
        Setup *s = userdata;

        if (filesystem != s->one)
                return 0;
        assert_null(s->running);
        assert_true(s->n_tried < ENDED_MAX);
        s->running = job;
        s->tried[s->n_tried++] = job->target.structure;
        return 0;
}

static int carrier_nothing(void *userdata, const Job *job) {
        (void) userdata;
        (void) job;
        return 0;
}

static bool carrier_may_be_helped(void *userdata, const Job *job) {
        const Setup *s = userdata;

        return s->is_help_possible || (s->is_scan_offered && !job->had_scan);
}

static bool carrier_seek_help(void *userdata, Job *job) {
        Setup *s = userdata;
        const ActionRequest scrub = {
                .kind = ACTION_SCRUB,
                .timeout_usec = USEC_INFINITY,
                .scrub_repair = s->is_scan_lowered ? SCRUB_REPAIR_NEVER : SCRUB_REPAIR_IF_ALLOWED,
        };
        const JobOrder order = { .filesystem = s->one, .request = &scrub, .source = DECISION_BASELINE };
        Job *scan;

        s->n_asked_for_help++;
        if (!s->is_scan_offered || job->had_scan)
                return false;
        if (job_queue_add(s->queue, &order, &scan) < 0)
                return false;
        job->had_scan = true;
        return true;
}

static bool carrier_may_try_again(void *userdata, const Job *job) {
        Setup *s = userdata;

        assert_true(job->is_put_back);
        s->n_budget++;
        return !s->is_budget_spent;
}

static void changed(void *userdata, Job *job) {
        Setup *s = userdata;

        if (job->state != JOB_ENDED)
                return;
        assert_true(s->n_ended < ENDED_MAX);
        s->ended[s->n_ended] = job->target.structure;
        s->outcomes[s->n_ended++] = job->report.outcome;
}

static int setup(void **state) {
        static Setup s;
        const JobCarrier carrier = {
                .start = carrier_start,
                .cancel = carrier_nothing,
                .taken = carrier_nothing,
                .may_be_helped = carrier_may_be_helped,
                .seek_help = carrier_seek_help,
                .may_try_again = carrier_may_try_again,
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

static Job *add_to(Setup *s, Filesystem *filesystem, Structure structure, DecisionSource source) {
        static const ActionRequest repair = { .kind = ACTION_REPAIR, .timeout_usec = USEC_INFINITY };
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &repair,
                .target = {
                        .structure = structure,
                        .inode = structure_domain(structure) == DOMAIN_INODE ? 131 : 0,
                },
                .source = source,
        };
        Job *job;

        assert_int_equal(job_queue_add(s->queue, &order, &job), 1);
        return job;
}

static Job *add(Setup *s, Structure structure) {
        return add_to(s, s->one, structure, DECISION_BASELINE);
}

static void run_due(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

/* The one that runs ends so. */
static void answer(Setup *s, Outcome outcome) {
        WorkerJobResult result = { .outcome = (uint8_t) outcome };

        assert_non_null(s->running);
        result.job_id = s->running->id;
        s->running = NULL;
        assert_int_equal(job_queue_on_result(s->queue, &result), 0);
        run_due(s);
}

static void assert_tried(const Setup *s, const Structure *expected, size_t n) {
        assert_int_equal(s->n_tried, n);
        for (size_t i = 0; i < n; i++) {
                print_message("%zu: %s\n", i, structure_to_name(s->tried[i]));
                assert_int_equal(s->tried[i], expected[i]);
        }
}

/* What was begun goes on; what waits is sorted, that of another file system stays out of it. */
static void test_in_the_order_of_dependency(void **state) {
        static const Structure reported[] = {
                STRUCTURE_FS_COUNTERS, STRUCTURE_FS_NLINKS, STRUCTURE_INODE_DIRECTORY, STRUCTURE_INODE_DATAFORK,
                STRUCTURE_AG_INOBT, STRUCTURE_AG_CNTBT, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_AGF,
        };
        static const Structure repaired[] = {
                STRUCTURE_FS_COUNTERS, STRUCTURE_AG_AGF, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_CNTBT, STRUCTURE_AG_INOBT,
                STRUCTURE_INODE_DATAFORK, STRUCTURE_INODE_DIRECTORY, STRUCTURE_FS_NLINKS,
        };
        Setup *s = *state;

        add(s, reported[0]);
        run_due(s);
        add_to(s, s->two, STRUCTURE_AG_SUPER, DECISION_BASELINE);
        for (size_t i = 1; i < ELEMENTSOF(reported); i++)
                add(s, reported[i]);
        run_due(s);
        for (size_t i = 0; i < ELEMENTSOF(reported); i++)
                answer(s, OUTCOME_DONE);
        assert_tried(s, repaired, ELEMENTSOF(repaired));
}

/* A person's order is no exception. */
static void test_callers_wait_for_their_turn(void **state) {
        static const Structure repaired[] = { STRUCTURE_AG_AGF, STRUCTURE_AG_RMAPBT, STRUCTURE_INODE_DIRECTORY };
        Setup *s = *state;

        add(s, STRUCTURE_AG_AGF);
        run_due(s);
        add_to(s, s->one, STRUCTURE_INODE_DIRECTORY, DECISION_CALLER);
        add(s, STRUCTURE_AG_RMAPBT);
        for (size_t i = 0; i < ELEMENTSOF(repaired); i++)
                answer(s, OUTCOME_DONE);
        assert_tried(s, repaired, ELEMENTSOF(repaired));
}

static void test_tried_again_after_another(void **state) {
        static const Outcome reasons[] = {
                OUTCOME_STILL_CORRUPT, OUTCOME_INCOMPLETE, OUTCOME_CROSS_REFERENCE, OUTCOME_FAILED,
        };
        static const Structure repaired[] = { STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT, STRUCTURE_AG_RMAPBT };
        Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
                Job *rmapbt;

                print_message("%s\n", outcome_to_name(reasons[i]));
                s->n_tried = s->n_ended = 0;
                rmapbt = add(s, STRUCTURE_AG_RMAPBT);
                add(s, STRUCTURE_AG_BNOBT);
                run_due(s);
                answer(s, reasons[i]);
                assert_true(rmapbt->is_put_back);
                assert_int_equal(rmapbt->state, JOB_WAITING);
                assert_int_equal(s->n_ended, 0);
                answer(s, OUTCOME_DONE);
                answer(s, OUTCOME_DONE);
                assert_tried(s, repaired, ELEMENTSOF(repaired));
                assert_int_equal(s->n_ended, 2);
                assert_int_equal(s->outcomes[1], OUTCOME_DONE);
        }
        assert_int_equal(s->n_budget, ELEMENTSOF(reasons));
}

/* An inode that cannot be reached before the b-tree that leads to it is healthy; a file that is gone is gone. */
static void test_what_leads_to_inodes(void **state) {
        static const Outcome unreached[] = { OUTCOME_GONE, OUTCOME_REFUSED_HARMFUL };
        static const Structure repaired[] = {
                STRUCTURE_INODE_CORE, STRUCTURE_AG_INOBT, STRUCTURE_INODE_CORE,
        };
        Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(unreached); i++) {
                s->n_tried = s->n_ended = 0;
                add(s, STRUCTURE_INODE_CORE);
                run_due(s);
                add(s, STRUCTURE_AG_INOBT);
                answer(s, unreached[i]);
                answer(s, OUTCOME_DONE);
                answer(s, OUTCOME_DONE);
                assert_tried(s, repaired, ELEMENTSOF(repaired));
        }

        s->n_tried = s->n_ended = 0;
        add(s, STRUCTURE_INODE_CORE);
        run_due(s);
        add(s, STRUCTURE_INODE_DIRECTORY);
        answer(s, OUTCOME_GONE);
        assert_int_equal(s->n_ended, 1);
        answer(s, OUTCOME_DONE);
}

/* Nothing helped: it ends as it was, and is not tried again for nothing. */
static void test_no_progress(void **state) {
        Setup *s = *state;

        add(s, STRUCTURE_AG_RMAPBT);
        add(s, STRUCTURE_AG_BNOBT);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        answer(s, OUTCOME_NOT_NEEDED);
        assert_int_equal(s->n_tried, 2);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->ended[1], STRUCTURE_AG_RMAPBT);
        assert_int_equal(s->outcomes[1], OUTCOME_STILL_CORRUPT);
        assert_null(job_queue_next(s->queue, NULL));
}

/* A repair of another file system is no help. */
static void test_of_another_file_system(void **state) {
        Setup *s = *state;

        add_to(s, s->two, STRUCTURE_AG_BNOBT, DECISION_BASELINE);
        add(s, STRUCTURE_AG_RMAPBT);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        assert_int_equal(s->n_ended, 1);
}

/* A scan looks for the reason, once, and what it was about is looked at again. */
static void test_a_scan_looks_for_the_reason(void **state) {
        Setup *s = *state;

        s->is_scan_offered = true;
        add(s, STRUCTURE_AG_RMAPBT);
        run_due(s);
        answer(s, OUTCOME_CROSS_REFERENCE);
        assert_int_equal(s->n_ended, 0);
        assert_int_equal(s->running->request.kind, ACTION_SCRUB);

        answer(s, OUTCOME_FOUND_CORRUPTION);
        assert_int_equal(s->running->target.structure, STRUCTURE_AG_RMAPBT);
        answer(s, OUTCOME_CROSS_REFERENCE);
        assert_null(s->running);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->outcomes[1], OUTCOME_CROSS_REFERENCE);
}

static void test_a_scan_that_was_not_made(void **state) {
        Setup *s = *state;

        s->is_scan_offered = true;
        add(s, STRUCTURE_AG_RMAPBT);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        answer(s, OUTCOME_FAILED);
        assert_null(s->running);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(s->n_tried, 2);
}

/* What somebody else looks for is waited for as well, and is no substitute. */
static void test_a_check_of_somebody_else(void **state) {
        static const ActionRequest check = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        Setup *s = *state;
        const JobOrder order = { .filesystem = s->two, .request = &check, .source = DECISION_CALLER };
        WorkerJobResult found = { .outcome = OUTCOME_FOUND_CORRUPTION };
        Job *scan, *rmapbt;

        s->is_scan_offered = true;
        rmapbt = add_to(s, s->two, STRUCTURE_AG_RMAPBT, DECISION_BASELINE);
        assert_int_equal(job_queue_add(s->queue, &order, &scan), 1);
        run_due(s);
        found.job_id = rmapbt->id;
        found.outcome = OUTCOME_STILL_CORRUPT;
        assert_int_equal(job_queue_on_result(s->queue, &found), 0);
        run_due(s);
        assert_true(rmapbt->is_put_back);
        assert_int_equal(s->n_asked_for_help, 0);

        found.job_id = scan->id;
        found.outcome = OUTCOME_FOUND_CORRUPTION;
        assert_int_equal(job_queue_on_result(s->queue, &found), 0);
        run_due(s);
        assert_false(rmapbt->is_put_back);
        assert_false(rmapbt->had_scan);
        assert_int_equal(rmapbt->state, JOB_RUNNING);
}

/* Those that are too many end at once, and leave the queue to others. */
static void test_not_all_wait(void **state) {
        static const ActionRequest repair = { .kind = ACTION_REPAIR, .timeout_usec = USEC_INFINITY };
        Setup *s = *state;
        size_t n = JOB_PUT_BACK_JOBS_MAX + 3;

        for (size_t i = 0; i < n; i++) {
                const JobOrder order = {
                        .filesystem = s->one,
                        .request = &repair,
                        .target = { .structure = STRUCTURE_INODE_DIRECTORY, .inode = 1000 + i },
                        .source = DECISION_BASELINE,
                };
                Job *job;

                assert_int_equal(job_queue_add(s->queue, &order, &job), 1);
        }
        add(s, STRUCTURE_FS_NLINKS);
        run_due(s);
        for (size_t i = 0; i < n; i++)
                answer(s, OUTCOME_STILL_CORRUPT);
        assert_int_equal(s->n_ended, 3);
        /* All others are tried again. */
        for (size_t i = 0; i < n - 3 + 1; i++)
                answer(s, OUTCOME_DONE);
        assert_null(s->running);
        assert_int_equal(s->n_ended, n + 1);
}

/* A rule says itself what comes after a repair: it is not kept waiting for scans. */
static void test_rules_do_not_wait_for_scans(void **state) {
        static const ActionRequest scrub = { .kind = ACTION_SCRUB, .timeout_usec = USEC_INFINITY };
        Setup *s = *state;
        const JobOrder order = { .filesystem = s->one, .request = &scrub, .source = DECISION_RULE };
        Job *scan;

        add_to(s, s->one, STRUCTURE_AG_RMAPBT, DECISION_RULE);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(job_queue_add(s->queue, &order, &scan), 1);
        run_due(s);
        assert_int_equal(s->n_ended, 1);
}

static void test_budget(void **state) {
        Setup *s = *state;

        s->is_budget_spent = true;
        add(s, STRUCTURE_AG_RMAPBT);
        add(s, STRUCTURE_AG_BNOBT);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        answer(s, OUTCOME_DONE);
        assert_int_equal(s->n_budget, 1);
        assert_int_equal(s->n_tried, 2);
        assert_int_equal(s->n_ended, 2);
        assert_null(s->running);
}

static void test_cancelled_or_unmounted(void **state) {
        Setup *s = *state;
        Job *rmapbt;

        rmapbt = add(s, STRUCTURE_AG_RMAPBT);
        add(s, STRUCTURE_AG_BNOBT);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        assert_int_equal(job_queue_cancel(s->queue, rmapbt->id), 0);
        run_due(s);
        assert_int_equal(s->outcomes[0], OUTCOME_CANCELLED);

        add(s, STRUCTURE_AG_CNTBT);
        answer(s, OUTCOME_STILL_CORRUPT);
        job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
        s->running = NULL;
        run_due(s);
        assert_int_equal(s->n_ended, 3);
        assert_null(job_queue_next(s->queue, NULL));
        /* It counts no more. */
        add_to(s, s->two, STRUCTURE_AG_RMAPBT, DECISION_BASELINE);
        run_due(s);
}

/* Repaired, but the check could not be made: believed after it was. */
static void test_believed_after_a_check(void **state) {
        Setup *s = *state;
        Job *job = add(s, STRUCTURE_AG_BNOBT);

        job->request.n_retries = 1;
        job->request.backoff_min_usec = job->request.backoff_max_usec = 1;
        run_due(s);
        answer(s, OUTCOME_UNVERIFIED);
        while (!s->running)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        answer(s, OUTCOME_NOT_NEEDED);
        assert_int_equal(s->n_ended, 1);
        assert_int_equal(s->outcomes[0], OUTCOME_DONE);
}

/* A mount came: what could not re-open it does not wait for its next try. */
static void test_mounted_again(void **state) {
        Setup *s = *state;
        Job *job = add(s, STRUCTURE_AG_BNOBT);

        job->request.n_retries = 1;
        job->request.backoff_min_usec = job->request.backoff_max_usec = USEC_PER_HOUR;
        run_due(s);
        answer(s, OUTCOME_CANNOT_REOPEN);
        assert_null(s->running);
        job_queue_on_mounted(s->queue, s->one->id);
        while (!s->running)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        answer(s, OUTCOME_DONE);
        assert_int_equal(s->outcomes[0], OUTCOME_DONE);
}

/* What is found after a failure gives it another try, however long the failure is ago. */
static void test_progress_ends_the_rest(void **state) {
        Setup *s = *state;

        add(s, STRUCTURE_AG_RMAPBT);
        run_due(s);
        answer(s, OUTCOME_STILL_CORRUPT);
        assert_int_equal(s->n_ended, 1);
        add(s, STRUCTURE_AG_BNOBT);
        run_due(s);
        answer(s, OUTCOME_DONE);
        add(s, STRUCTURE_AG_RMAPBT);
        run_due(s);
        answer(s, OUTCOME_DONE);
        assert_int_equal(s->n_ended, 3);
}

/* Whatever the worker says, and however often it says that something else helped: everything ends, after a number of
 * tries that is known beforehand. */
static void test_any_sequence_ends(void **state) {
        static const Structure structures[] = {
                STRUCTURE_AG_AGF, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT, STRUCTURE_AG_INOBT, STRUCTURE_INODE_CORE,
                STRUCTURE_INODE_DIRECTORY, STRUCTURE_FS_NLINKS,
        };
        Setup *s = *state;

        s->is_scan_offered = true;
        for (unsigned seed = 0; seed < 300; seed++) {
                /* One scan for each, and one more try for each scan. */
                size_t n_max = ELEMENTSOF(structures) * (1 + JOB_PUT_BACK_MAX + 1);

                srandom(seed);
                s->is_scan_lowered = seed % 2 != 0;
                s->n_tried = s->n_ended = 0;
                for (size_t i = 0; i < ELEMENTSOF(structures); i++)
                        add(s, structures[i]);
                run_due(s);
                while (s->running) {
                        /* Failures are as frequent as in no other life. */
                        unsigned any = (unsigned) random() % (2 * N_OUTCOMES);
                        Outcome outcome = any < N_OUTCOMES ? (Outcome) any : OUTCOME_STILL_CORRUPT;

                        answer(s, outcome);
                        assert_true(s->n_tried <= n_max);
                }
                assert_null(job_queue_next(s->queue, NULL));
                /* The next round begins without what was learned in this one. */
                job_queue_on_filesystem_gone(s->queue, s->one->id, OUTCOME_UNMOUNTED);
                run_due(s);
        }
}

/* The worst that can be: each try of one fails, and between any two of them something else is repaired. */
static void test_endless_progress_ends(void **state) {
        Setup *s = *state;
        unsigned n = 0;
        Job *directory;

        add(s, STRUCTURE_FS_NLINKS);
        directory = add(s, STRUCTURE_INODE_DIRECTORY);
        run_due(s);
        for (; s->n_ended == n; n++) {
                assert_true(n <= JOB_PUT_BACK_MAX);
                assert_ptr_equal(s->running, directory);
                answer(s, OUTCOME_STILL_CORRUPT);
                if (s->n_ended > n)
                        break;
                /* The other one runs now. */
                add(s, n % 2 ? STRUCTURE_FS_NLINKS : STRUCTURE_FS_COUNTERS);
                answer(s, OUTCOME_DONE);
        }
        assert_int_equal(n, JOB_PUT_BACK_MAX);
        assert_int_equal(s->outcomes[n], OUTCOME_STILL_CORRUPT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_in_the_order_of_dependency),
                TEST(test_callers_wait_for_their_turn),
                TEST(test_tried_again_after_another),
                TEST(test_what_leads_to_inodes),
                TEST(test_no_progress),
                TEST(test_of_another_file_system),
                TEST(test_a_scan_looks_for_the_reason),
                TEST(test_a_scan_that_was_not_made),
                TEST(test_a_check_of_somebody_else),
                TEST(test_not_all_wait),
                TEST(test_rules_do_not_wait_for_scans),
                TEST(test_budget),
                TEST(test_cancelled_or_unmounted),
                TEST(test_believed_after_a_check),
                TEST(test_mounted_again),
                TEST(test_progress_ends_the_rest),
                TEST(test_any_sequence_ends),
                TEST(test_endless_progress_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
