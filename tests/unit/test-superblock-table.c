/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker's table of superblocks: bind mounts, device numbers that come again, and when an entry may go.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/superblock-table.h"

static int setup(void **state) {
        static SuperblockTable table;

        TAILQ_INIT(&table);
        *state = &table;
        return 0;
}

static int teardown(void **state) {
        superblock_table_clear(*state);
        return 0;
}

static MountInfo mount_of(uint64_t mount_id, dev_t device_number, const char *mount_point) {
        return (MountInfo) {
                .mount_id = mount_id,
                .device_number = device_number,
                .type = (char *) "xfs",
                .root = (char *) "/",
                .mount_point = (char *) mount_point,
                .source = (char *) "/dev/vda1",
        };
}

static void test_types(void **state) {
        static const struct {
                const char *type;
                bool is_watched, has_monitor;
        } cases[] = {
                { "xfs", true, true },  { "ext4", true, false },  { "btrfs", true, false }, { "f2fs", true, false },
                { "ext3", true, false }, { "ext2", true, false }, { "ext", false, false },
                { "nfs", false, false }, { "fuse.sshfs", false, false },
                { "tmpfs", false, false }, { "", false, false },
                { "xfsx", false, false },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const WatchedType *type = watched_type_find(cases[i].type);

                print_message("%s\n", cases[i].type);
                assert_int_equal(type != NULL, cases[i].is_watched);
                assert_int_equal(type && type->has_monitor, cases[i].has_monitor);
        }
}

static void test_one_entry_per_superblock(void **state) {
        static const struct {
                const char *name;
                uint64_t mount_id;
                dev_t device_number;
                const char *mount_point;
                bool is_read_only;
                MountNews news;
                size_t n_mounts;
        } steps[] = {
                { "first mount",          10, 0x801, "/srv",  false, MOUNT_NEWS_FIRST,   1 },
                { "the same again",       10, 0x801, "/srv",  false, MOUNT_NEWS_NONE,    1 },
                { "bind mount",           11, 0x801, "/bind", false, MOUNT_NEWS_FURTHER, 2 },
                { "another superblock",   12, 0x802, "/home", false, MOUNT_NEWS_FIRST,   1 },
                { "moved",                11, 0x801, "/new",  false, MOUNT_NEWS_CHANGED, 2 },
                { "read-only now",        11, 0x801, "/new",  true,  MOUNT_NEWS_CHANGED, 2 },
                { "stacked on the same",  13, 0x801, "/srv",  false, MOUNT_NEWS_FURTHER, 3 },
        };
        SuperblockTable *table = *state;

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                MountInfo info = mount_of(steps[i].mount_id, steps[i].device_number, steps[i].mount_point);
                Superblock *superblock;
                MountNews news;
                Mount *mount;

                print_message("%s\n", steps[i].name);
                info.is_read_only = steps[i].is_read_only;
                assert_int_equal(superblock_add_mount(table, &info, &superblock, &mount, &news), 0);
                assert_int_equal(news, steps[i].news);
                assert_int_equal(superblock->n_mounts, steps[i].n_mounts);
                assert_string_equal(mount->mount_point, steps[i].mount_point);
                assert_int_equal(mount->is_read_only, steps[i].is_read_only);
                assert_ptr_equal(superblock, superblock_find(table, steps[i].device_number));
        }
}

static void test_best_mount(void **state) {
        static const struct {
                uint64_t mount_id;
                const char *root;
                bool is_read_only;
                uint64_t best;          /* after it was added */
        } steps[] = {
                { 10, "/sub", true,  10 },
                { 11, "/",    true,  11 },
                { 12, "/sub", false, 12 },
                { 13, "/",    false, 13 },
                { 14, "/",    false, 13 },
        };
        SuperblockTable *table = *state;
        Superblock *superblock;

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                MountInfo info = mount_of(steps[i].mount_id, 0x801, "/srv");
                MountNews news;
                Mount *mount;

                info.root = (char *) steps[i].root;
                info.is_read_only = steps[i].is_read_only;
                assert_int_equal(superblock_add_mount(table, &info, &superblock, &mount, &news), 0);
                assert_int_equal(superblock_best_mount(superblock)->mount_id, steps[i].best);
        }

        while (!TAILQ_EMPTY(&superblock->mounts))
                superblock_remove_mount(superblock, TAILQ_FIRST(&superblock->mounts));
        assert_null(superblock_best_mount(superblock));
}

static void test_last_mount_and_a_new_one(void **state) {
        SuperblockTable *table = *state;
        MountInfo info = mount_of(10, 0x801, "/srv"), part = mount_of(11, 0x801, "/part");
        Superblock *superblock, *found;
        MountNews news;
        Mount *mount;

        part.root = (char *) "/sub";
        assert_int_equal(superblock_add_mount(table, &info, &superblock, &mount, &news), 0);
        assert_true(mount->is_whole);
        superblock->n_held = 1;
        superblock_remove_mount(superblock, superblock_find_mount(table, 10, &found));
        assert_ptr_equal(found, superblock);
        assert_false(superblock_is_unused(superblock));

        /* Still held by healerd, mounted again: nobody can know yet whether it is the same one. */
        assert_int_equal(superblock_add_mount(table, &part, &found, &mount, &news), 0);
        assert_ptr_equal(found, superblock);
        assert_int_equal(news, MOUNT_NEWS_FIRST);
        assert_false(mount->is_whole);

        superblock_remove_mount(superblock, mount);
        superblock->n_held = 0;
        superblock->n_children = 1;
        assert_false(superblock_is_unused(superblock));
        superblock->n_children = 0;
        assert_true(superblock_is_unused(superblock));
        assert_null(superblock_free(table, superblock));
        assert_null(superblock_find(table, 0x801));
        assert_null(superblock_find_mount(table, 11, &found));
}

/* Every fact counts but errors of before, which are said once. */
static void test_facts_hash(void **state) {
        Superblock superblock = { .facts = { .device_number = 5, .type = "xfs", .device = "/dev/sda1" } };
        uint64_t hash = superblock_facts_hash(&superblock);

        (void) state;

        superblock.facts.old_errors[0].count = 3;
        assert_true(superblock_facts_hash(&superblock) == hash);
        superblock.facts.device[8] = '2';
        assert_false(superblock_facts_hash(&superblock) == hash);
        superblock.facts.device[8] = '1';
        assert_true(superblock_facts_hash(&superblock) == hash);
        superblock.facts.is_read_only = TRISTATE_YES;
        assert_false(superblock_facts_hash(&superblock) == hash);
        superblock.facts.is_read_only = TRISTATE_NO;
        superblock.facts.uuid[15] = 1;
        assert_false(superblock_facts_hash(&superblock) == hash);
}

static void test_held_before_mounted(void **state) {
        SuperblockTable *table = *state;
        MountInfo info = mount_of(10, 0x801, "/srv");
        Superblock *held, *superblock;
        MountNews news;
        Mount *mount;

        assert_int_equal(superblock_ensure(table, 0x801, "xfs", &held), 0);
        assert_true(held->has_monitor_type);
        assert_int_equal(held->facts.is_root, TRISTATE_UNKNOWN);
        assert_int_equal(superblock_add_mount(table, &info, &superblock, &mount, &news), 0);
        assert_ptr_equal(held, superblock);
        assert_int_equal(news, MOUNT_NEWS_FIRST);
}

static void test_subject_and_message(void **state) {
        SuperblockTable *table = *state;
        char too_long[PATH_MAX + 10], buffer[32];
        MountInfo info = mount_of(10, makedev(8, 1), "/srv");
        Superblock *superblock;
        WorkerMount record;
        MountNews news;
        Mount *mount;

        assert_int_equal(superblock_ensure(table, makedev(8, 1), "xfs", &superblock), 0);
        assert_string_equal(superblock_subject(superblock, buffer), "8:1");
        assert_int_equal(superblock_add_mount(table, &info, &superblock, &mount, &news), 0);
        assert_string_equal(superblock_subject(superblock, buffer), "/srv");
        mount_fill_message(superblock, mount, &record);
        assert_string_equal(record.mount_point, "/srv");
        assert_true(record.device_number == makedev(8, 1) && record.mount_id == 10 && record.is_whole);
        superblock_remove_mount(superblock, mount);
        assert_string_equal(superblock_subject(superblock, buffer), "/dev/vda1");

        memset(too_long, 'a', sizeof(too_long));
        too_long[sizeof(too_long) - 1] = 0;
        info.mount_point = too_long;
        assert_int_equal(superblock_add_mount(table, &info, &superblock, &mount, &news), 0);
        mount_fill_message(superblock, mount, &record);
        assert_int_equal(strlen(record.mount_point), PATH_MAX - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),
                cmocka_unit_test_setup_teardown(test_one_entry_per_superblock, setup, teardown),
                cmocka_unit_test_setup_teardown(test_best_mount, setup, teardown),
                cmocka_unit_test_setup_teardown(test_last_mount_and_a_new_one, setup, teardown),
                cmocka_unit_test(test_facts_hash),
                cmocka_unit_test_setup_teardown(test_held_before_mounted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_subject_and_message, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
