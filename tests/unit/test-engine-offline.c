/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person is told of damage that nothing online can mend: for which file, what to type, how the root is checked;
 * and that no way to a repair overrules the table of harmful ones but a person's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kernel/harmful-repairs.h"
#include "tests/unit/engine-fixture.h"

#define CORE "ino 131 gen 0x5 core"
#define INODES "agno 0x0 inodes"

static const HealthCondition *find(Setup *s, ConditionCode code, const char *target) {
        return condition_find(&the_filesystem(s)->conditions, code, target);
}

static const char *message_of(Setup *s, ConditionCode code, const char *target) {
        const HealthCondition *condition = find(s, code, target);

        assert_non_null(condition);
        return condition->message;
}

static void take(Setup *s, EventKind kind, Structure structure, uint64_t inode) {
        const HealthEvent event = {
                .source = EVENT_SOURCE_HEALTHMON,
                .filesystem_id = the_filesystem(s)->id,
                .kind = kind,
                .domain = structure_domain(structure),
                .structure = structure,
                .inode = inode,
                .generation = inode != 0 ? 5 : 0,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
        run_quiet(s);
}

static void test_names_the_file(void **state) {
        Setup *s = *state;
        const char *message;

        s->outcome = OUTCOME_REFUSED_HARMFUL;
        s->detail = "it would crash";
        s->file = "/dir/a\nfile";
        take(s, EVENT_SICK, STRUCTURE_INODE_CORE, 131);
        assert_string_equal(message_of(s, CONDITION_REPAIR_REFUSED, CORE),
                            "it would crash; in the file system it is /dir/a\\x0afile");
        assert_int_equal(engine_totals(s->engine)->n_handed_over, 1);
        assert_int_equal(the_filesystem(s)->totals.n_handed_over, 1);
        message = message_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, CORE);
        assert_non_null(strstr(message, "it would crash; to repair it offline: umount /srv && xfs_repair -n "));
        assert_non_null(strstr(message, "; in the file system it is /dir/a\\x0afile"));
}

/* Half a path would be another file's. */
static void test_leaves_out_what_is_too_long(void **state) {
        char path[PATH_MAX];
        Setup *s = *state;

        memset(path, 'a', sizeof(path) - 1);
        path[0] = '/';
        path[sizeof(path) - 1] = 0;
        s->outcome = OUTCOME_REFUSED_HARMFUL;
        s->detail = "it would crash";
        s->file = path;
        take(s, EVENT_SICK, STRUCTURE_INODE_CORE, 131);
        assert_string_equal(message_of(s, CONDITION_REPAIR_REFUSED, CORE), "it would crash");
        assert_null(strstr(message_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, CORE), "/aaa"));
}

/* One for all that is left has all their names. */
static void test_names_all_files(void **state) {
        Setup *s = *state;
        const char *message;

        s->outcome = OUTCOME_STILL_CORRUPT;
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        s->file = "/one";
        take(s, EVENT_SICK, STRUCTURE_INODE_DIRECTORY, 131);
        s->file = "/two";
        take(s, EVENT_SICK, STRUCTURE_INODE_DIRECTORY, 132);
        message = message_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        assert_non_null(strstr(message, "; in the file system it is /one, /two"));

        take(s, EVENT_HEALTHY, STRUCTURE_INODE_DIRECTORY, 131);
        message = message_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        assert_non_null(strstr(message, "; in the file system it is /two"));
        assert_null(strstr(message, "/one"));
}

/* It cannot be unmounted. */
static void test_root(void **state) {
        static const struct {
                BootCheck boot_check;
                const char *says, *says_not;
        } cases[] = {
                { BOOT_CHECK_POSSIBLE, "boot once with the kernel parameters fsck.mode=force fsck.repair=yes",
                  "rescue" },
                { BOOT_CHECK_UNKNOWN, "in a rescue system, xfs_repair -n ", "would do nothing" },
                { BOOT_CHECK_UNKNOWN, "or, if fsck.xfs and xfs_repair are in the initramfs", "would do nothing" },
                { BOOT_CHECK_NO_PROGRAM, "is not there to be put into the initramfs", "boot once" },
                { BOOT_CHECK_NOT_IN_FSTAB, "the root's line in fstab", "boot once" },
        };
        Setup *s = *state;
        FilesystemMount *mount = the_filesystem(s)->mounts;

        free(mount->mount_point);
        mount->mount_point = strdup("/");
        assert_non_null(mount->mount_point);
        mount->is_whole = true;
        s->outcome = OUTCOME_REFUSED_HARMFUL;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *message;
                char target[64];

                the_filesystem(s)->boot_check = BOOT_CHECK_UNKNOWN;
                s->boot_check = cases[i].boot_check;
                take(s, EVENT_SICK, STRUCTURE_INODE_CORE, 200 + i);
                (void) snprintf(target, sizeof(target), "ino %zu gen 0x5 core", 200 + i);
                message = message_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, target);
                print_message("%s\n", message);
                assert_non_null(strstr(message, cases[i].says));
                assert_null(strstr(message, cases[i].says_not));
                assert_null(strstr(message, "umount"));
        }
}

/* Some inode of a group is damaged, and nobody knows which: only a scan can help, and where it does not, nothing. */
static void test_no_repair_for_it(void **state) {
        Setup *s = *state;
        const CallerOrder order = { .action = ACTION_SCRUB, .filesystem = the_filesystem(s) };
        char *denied = NULL;
        Job *job;

        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        take(s, EVENT_SICK, STRUCTURE_AG_INODES, 0);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->n_repairs, 0);
        assert_non_null(find(s, CONDITION_REPAIR_FAILED, INODES));
        assert_non_null(strstr(message_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""),
                               INODES "; to repair it offline: "));

        s->scrub_outcome = OUTCOME_DONE;
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
        assert_null(find(s, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
        assert_null(find(s, CONDITION_REPAIR_FAILED, INODES));
}

static void on_scan_take_repairable(Setup *s) {
        /* Still being repaired when the scan ends: perhaps it was the reason. */
        s->judge = NULL;
        s->outcome = OUTCOME_BUSY;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
}

static void test_what_the_scan_found_comes_first(void **state) {
        Setup *s = *state;

        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        s->on_scan = on_scan_take_repairable;
        take(s, EVENT_SICK, STRUCTURE_AG_INODES, 0);
        assert_int_equal(s->n_scrubs, 1);
        assert_null(find(s, CONDITION_REPAIR_FAILED, INODES));
}

static void order_repair(Setup *s, const char *override) {
        const CallerOrder order = {
                .action = ACTION_REPAIR,
                .filesystem = the_filesystem(s),
                .target = { .structure = STRUCTURE_INODE_CORE, .inode = 140, .generation = 5 },
                .override_harmful = override,
        };
        char *denied = NULL;
        Job *job;

        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
}

static void by_baseline(Setup *s, const HarmfulRepair *row) {
        take(s, EVENT_SICK, row->structure, 131);
}

/* A check found it: a patrol's, a scan's, anybody's. */
static void by_check(Setup *s, const HarmfulRepair *row) {
        take(s, EVENT_CORRUPT, row->structure, 132);
}

static void by_rule(Setup *s, const HarmfulRepair *row) {
        write_policy(s, "version: 1\nbaseline: off\nrules:\n  - {id: a, match: {event: sick}, ignore-autofsck: true, "
                        "do: [repair]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take(s, EVENT_SICK, row->structure, 133);
}

static void by_caller(Setup *s, const HarmfulRepair *row) {
        (void) row;
        order_repair(s, NULL);
}

static void by_caller_who_overrules(Setup *s, const HarmfulRepair *row) {
        order_repair(s, row->name);
}

/* The worker, which knows the table, refuses each row unless its name comes along. */
static void test_who_overrules_the_table(void **state) {
        static const struct {
                const char *name;
                void (*order)(Setup *s, const HarmfulRepair *row);
                bool overrules;
        } ways[] = {
                { "baseline", by_baseline, false },
                { "check", by_check, false },
                { "rule", by_rule, false },
                { "caller", by_caller, false },
                { "caller who overrules", by_caller_who_overrules, true },
        };
        const HarmfulRepair *rows;
        Setup *s = *state;
        size_t n;

        /* Only there a person's is taken. */
        the_filesystem(s)->monitor_state = MONITOR_NONE;
        rows = harmful_repairs(&n);
        for (size_t row = 0; row < n; row++)
                for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                        unsigned n_repairs = s->n_repairs;

                        print_message("%s: %s\n", rows[row].name, ways[i].name);
                        s->outcome = OUTCOME_REFUSED_HARMFUL;
                        strcpy(s->last_repair.override_harmful, "nobody has asked");
                        ways[i].order(s, rows + row);
                        assert_int_equal(s->n_repairs, n_repairs + 1);
                        assert_string_equal(s->last_repair.override_harmful, ways[i].overrules ? rows[row].name : "");
                        take(s, EVENT_HEALTHY, rows[row].structure, 140);
                }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, engine_fixture_setup, engine_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_names_the_file),
                TEST(test_leaves_out_what_is_too_long),
                TEST(test_names_all_files),
                TEST(test_root),
                TEST(test_no_repair_for_it),
                TEST(test_what_the_scan_found_comes_first),
                TEST(test_who_overrules_the_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
