/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several structures of one file system are sick: in which order they are repaired, what is tried again, and what is
 * left to a person.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/engine-fixture.h"

/* A kernel whose repair of one structure works only while others are healthy. */
static uint64_t sick;

static uint64_t bit(Structure structure) {
        return UINT64_C(1) << structure;
}

/* What has to be healthy before @structure can be repaired. */
static uint64_t depends_on(Structure structure) {
        const struct {
                Structure structure;
                uint64_t others;
        } rows[] = {
                { STRUCTURE_AG_RMAPBT, bit(STRUCTURE_AG_INOBT) },
                { STRUCTURE_AG_BNOBT, bit(STRUCTURE_AG_RMAPBT) },
                { STRUCTURE_INODE_DATAFORK, bit(STRUCTURE_AG_RMAPBT) },
                { STRUCTURE_INODE_DIRECTORY, bit(STRUCTURE_INODE_DATAFORK) | bit(STRUCTURE_AG_INOBT) },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].structure == structure)
                        return rows[i].others;
        return 0;
}

static Outcome kernel_repairs(Setup *s, const WorkerRepairRequest *request) {
        Structure structure = request->target.structure;

        (void) s;
        if (!(sick & bit(structure)))
                return OUTCOME_NOT_NEEDED;
        if (sick & depends_on(structure))
                return OUTCOME_STILL_CORRUPT;
        sick &= ~bit(structure);
        return OUTCOME_DONE;
}

static void break_it(Setup *s, const Structure *structures, size_t n) {
        s->judge = kernel_repairs;
        sick = 0;
        for (size_t i = 0; i < n; i++)
                sick |= bit(structures[i]);
}

static void report(Setup *s, Structure structure) {
        take_sick(s, structure, structure_domain(structure) == DOMAIN_INODE ? 131 : 0);
}

static void assert_tried(const Setup *s, const Structure *expected, size_t n) {
        for (size_t i = 0; i < min_of(n, (size_t) s->n_repairs); i++) {
                print_message("%zu: %s\n", i, structure_to_name(s->tried[i]));
                assert_int_equal(s->tried[i], expected[i]);
        }
        assert_int_equal(s->n_repairs, n);
}

static const HealthCondition *find(Setup *s, ConditionCode code, const char *target) {
        return condition_find(&the_filesystem(s)->conditions, code, target);
}

/* Reported from the top down, as a path look-up meets them: each is repaired, each in its turn. */
static void test_double_fault(void **state) {
        static const Structure structures[] = {
                STRUCTURE_INODE_DIRECTORY, STRUCTURE_INODE_DATAFORK, STRUCTURE_AG_BNOBT, STRUCTURE_AG_RMAPBT,
                STRUCTURE_AG_INOBT,
        };
        static const Structure expected[] = {
                /* These came first, and failed; so did the two that need the last one. */
                STRUCTURE_INODE_DIRECTORY, STRUCTURE_INODE_DATAFORK, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT,
                STRUCTURE_AG_INOBT,
                STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT, STRUCTURE_INODE_DATAFORK, STRUCTURE_INODE_DIRECTORY,
        };
        Setup *s = *state;

        break_it(s, structures, ELEMENTSOF(structures));
        for (size_t i = 0; i < ELEMENTSOF(structures); i++)
                report(s, structures[i]);
        run_quiet(s);
        assert_tried(s, expected, ELEMENTSOF(expected));
        assert_int_equal(sick, 0);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 5);
        assert_int_equal(the_filesystem(s)->totals.n_failed, 0);
}

static void scan_finds_inobt(Setup *s) {
        if (sick & bit(STRUCTURE_AG_INOBT)) {
                HealthEvent event = {
                        .filesystem_id = the_filesystem(s)->id,
                        .kind = EVENT_CORRUPT,
                        .domain = DOMAIN_AG,
                        .structure = STRUCTURE_AG_INOBT,
                        .count = 1,
                };

                engine_take_event(s->engine, &event);
        }
}

/* The reason is damage that nobody has met: the scan finds it, it is repaired, and then what was put back. */
static void test_latent_reason(void **state) {
        static const Structure structures[] = { STRUCTURE_AG_RMAPBT, STRUCTURE_AG_INOBT };
        Setup *s = *state;

        break_it(s, structures, ELEMENTSOF(structures));
        s->on_scan = scan_finds_inobt;
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        report(s, STRUCTURE_AG_RMAPBT);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(sick, 0);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(s->tried[s->n_repairs - 1], STRUCTURE_AG_RMAPBT);
}

/* The scan is under way: whoever looks learns that the repair has failed. */
static void says_that_it_looks(Setup *s) {
        const HealthCondition *condition = find(s, CONDITION_REPAIR_FAILED, "agno 0x0 rmapbt");

        assert_non_null(condition);
        assert_non_null(strstr(condition->message, "a full scan looks for the reason"));
        assert_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
}

static Outcome nothing_helps(Setup *s, const WorkerRepairRequest *request) {
        (void) s;
        return request->target.structure == STRUCTURE_AG_CNTBT ? OUTCOME_DONE : OUTCOME_CROSS_REFERENCE;
}

static void test_left_to_a_person(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;
        HealthEvent healthy;

        s->judge = nothing_helps;
        s->on_scan = says_that_it_looks;
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        report(s, STRUCTURE_AG_RMAPBT);
        report(s, STRUCTURE_AG_CNTBT);
        report(s, STRUCTURE_INODE_DIRECTORY);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        /* The reverse map at first, after the free space and after the scan; the directory at first and after the
         * scan. */
        assert_int_equal(s->n_repairs, 6);
        condition = find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        assert_non_null(condition);
        print_message("%s\n", condition->message);
        assert_non_null(strstr(condition->message, ": agno 0x0 rmapbt, ino 131 gen 0x5 directory;"));
        assert_null(strstr(condition->message, "cntbt"));
        assert_non_null(strstr(condition->message, "umount /srv && xfs_repair -n /dev/loop1"));
        assert_non_null(find(s, CONDITION_REPAIR_FAILED, "agno 0x0 rmapbt"));

        /* What is healthy after all is not named any more. */
        healthy = (HealthEvent) {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_HEALTHY,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_RMAPBT,
                .count = 1,
        };
        engine_take_event(s->engine, &healthy);
        run_quiet(s);
        condition = find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        assert_non_null(strstr(condition->message, ": ino 131 gen 0x5 directory;"));
        healthy.domain = DOMAIN_INODE;
        healthy.structure = STRUCTURE_INODE_DIRECTORY;
        healthy.inode = 131;
        healthy.generation = 5;
        engine_take_event(s->engine, &healthy);
        run_quiet(s);
        assert_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

/* More than a message holds are counted in it. */
static void test_many_are_left(void **state) {
        Setup *s = *state;
        char target[CONDITION_TARGET_SIZE];
        const HealthCondition *condition;

        for (unsigned i = 0; i < 100; i++) {
                (void) snprintf(target, sizeof(target), "ino %u gen 0x5 directory", 1000 + i);
                engine_raise(s->engine, the_filesystem(s), CONDITION_REPAIR_FAILED, SEVERITY_ERROR, target, "failed",
                             1);
        }
        s->outcome = OUTCOME_STILL_CORRUPT;
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        report(s, STRUCTURE_AG_RMAPBT);
        run_quiet(s);
        condition = find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        assert_non_null(condition);
        print_message("%s\n", condition->message);
        assert_non_null(strstr(condition->message, "ino 1000 gen 0x5 directory, ino 1001"));
        assert_non_null(strstr(condition->message, " more; to repair it offline: umount /srv"));
}

/* A rule says itself what comes after a repair: no scan of ours, but others are waited for. */
static void test_rules_wait_for_repairs(void **state) {
        static const Structure structures[] = { STRUCTURE_AG_RMAPBT, STRUCTURE_AG_INOBT };
        static const Structure expected[] = { STRUCTURE_AG_RMAPBT, STRUCTURE_AG_INOBT, STRUCTURE_AG_RMAPBT };
        Setup *s = *state;

        write_policy(s, "version: 1\nrules:\n  - {id: heal, match: {event: sick}, do: [repair]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        break_it(s, structures, ELEMENTSOF(structures));
        report(s, STRUCTURE_AG_RMAPBT);
        report(s, STRUCTURE_AG_INOBT);
        run_quiet(s);
        assert_tried(s, expected, ELEMENTSOF(expected));
        assert_int_equal(sick, 0);

        s->n_repairs = 0;
        s->judge = NULL;
        s->outcome = OUTCOME_STILL_CORRUPT;
        report(s, STRUCTURE_AG_BNOBT);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 0);
        assert_non_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
}

/* Each further try is an action like the first. */
static void test_budget_holds_for_each_try(void **state) {
        static const Structure structures[] = { STRUCTURE_AG_RMAPBT, STRUCTURE_AG_INOBT };
        Setup *s = *state;

        write_policy(s, "version: 1\nlimits: {actions: 2 per 1h}\n"
                        "rules:\n  - {id: heal, match: {event: sick}, do: [repair]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        break_it(s, structures, ELEMENTSOF(structures));
        report(s, STRUCTURE_AG_RMAPBT);
        report(s, STRUCTURE_AG_INOBT);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(sick, bit(STRUCTURE_AG_RMAPBT));
        assert_non_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
        assert_int_equal(s->engine->n_sequences, 0);
}

/* What the administrator has forbidden meanwhile is not done, however long ago it was decided on. */
static void test_forbidden_meanwhile(void **state) {
        Setup *s = *state;
        Filesystem *filesystem = the_filesystem(s);

        s->judge = nothing_helps;
        report(s, STRUCTURE_AG_RMAPBT);
        report(s, STRUCTURE_AG_CNTBT);
        while (s->n_repairs < 2)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        filesystem->facts.autofsck = AUTOFSCK_CHECK;
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        /* A check is still allowed. */
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->engine->n_sequences, 0);
        assert_non_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
}

/* A check by somebody is under way: it is waited for, and does not stand for the scan that may repair. */
static void test_checked_over_and_over(void **state) {
        Setup *s = *state;
        CallerOrder order = {
                .filesystem = the_filesystem(s),
                .action = ACTION_SCRUB,
                .timeout_usec = USEC_INFINITY,
                .scrub_repair = SCRUB_REPAIR_NEVER,
        };
        char *denied = NULL;
        Job *scan;

        s->outcome = OUTCOME_CROSS_REFERENCE;
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        report(s, STRUCTURE_AG_RMAPBT);
        assert_int_equal(engine_order(s->engine, &order, &scan, &denied), 1);
        for (unsigned i = 0; i < 20; i++) {
                run_quiet(s);
                (void) engine_order(s->engine, &order, &scan, &denied);
        }
        run_quiet(s);
        assert_true(s->n_repairs <= 4);
        assert_null(job_queue_next(engine_jobs(s->engine), NULL));
        assert_non_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
}

/* Everything fails, in any order and for any reason: it comes to its end, and a person is told. */
static void test_any_storm_ends(void **state) {
        static const Structure structures[] = {
                STRUCTURE_AG_AGF, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT, STRUCTURE_AG_INOBT, STRUCTURE_AG_REFCOUNTBT,
                STRUCTURE_INODE_DATAFORK, STRUCTURE_INODE_DIRECTORY, STRUCTURE_FS_NLINKS,
        };
        Setup *s = *state;

        s->outcome = OUTCOME_CROSS_REFERENCE;
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        for (size_t i = 0; i < ELEMENTSOF(structures); i++)
                report(s, structures[ELEMENTSOF(structures) - 1 - i]);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2 * ELEMENTSOF(structures));
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->engine->n_sequences, 0);
        assert_non_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
        assert_null(job_queue_next(engine_jobs(s->engine), NULL));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, engine_fixture_setup, engine_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_double_fault),
                TEST(test_latent_reason),
                TEST(test_left_to_a_person),
                TEST(test_many_are_left),
                TEST(test_rules_wait_for_repairs),
                TEST(test_budget_holds_for_each_try),
                TEST(test_forbidden_meanwhile),
                TEST(test_checked_over_and_over),
                TEST(test_any_storm_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
