/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of file systems: found by every name, one for a superblock, clones told apart.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/sysmacros.h>

#include "src/filesystem/filesystem.h"

static WorkerFilesystem told_of(dev_t device_number, const char *device, uint8_t first_uuid_byte) {
        WorkerFilesystem told = {
                .device_number = device_number,
                .uuid_state = FACT_KNOWN,
                .autofsck_state = FACT_KNOWN,
                .autofsck = AUTOFSCK_REPAIR,
                .type = "xfs",
        };

        told.uuid[0] = first_uuid_byte;
        strcpy(told.device, device);
        return told;
}

static WorkerMount mount_of(dev_t device_number, uint64_t mount_id, const char *mount_point) {
        WorkerMount mount = { .device_number = device_number, .mount_id = mount_id, .is_whole = 1 };

        strcpy(mount.mount_point, mount_point);
        return mount;
}

static void test_find(void **state) {
        _cleanup_(filesystem_table_free_at) FilesystemTable *table = filesystem_table_new();
        const dev_t number = makedev(7, 3);
        const WorkerFilesystem told = told_of(number, "/dev/loop3", 1);
        const WorkerMount mount = mount_of(number, 99, "/srv/a b");
        static const char *const names[] = {
                "/srv/a b", "/dev/loop3", "7:3", "01000000-0000-0000-0000-000000000000",
        };
        Filesystem *filesystem, *found;

        (void) state;
        assert_int_equal(filesystem_table_add(table, number, &filesystem), 0);
        assert_int_equal(filesystem_table_add(table, number, &found), -EEXIST);
        assert_int_equal(filesystem_update(filesystem, &told), 1);
        assert_int_equal(filesystem_update(filesystem, &told), 0);
        assert_int_equal(filesystem_add_mount(filesystem, &mount), 1);
        assert_int_equal(filesystem_add_mount(filesystem, &mount), 0);

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                print_message("%s\n", names[i]);
                found = NULL;
                assert_int_equal(filesystem_table_find_name(table, names[i], &found), 0);
                assert_ptr_equal(found, filesystem);
        }
        assert_int_equal(filesystem_table_find_name(table, "/srv", &found), -ENOENT);

        filesystem_table_remove(table, filesystem);
        assert_int_equal(filesystem_table_count(table), 0);
}

static void test_clones_share_a_uuid(void **state) {
        _cleanup_(filesystem_table_free_at) FilesystemTable *table = filesystem_table_new();
        Filesystem *one, *two, *found;
        WorkerFilesystem told;

        (void) state;
        assert_int_equal(filesystem_table_add(table, 1, &one), 0);
        assert_int_equal(filesystem_table_add(table, 2, &two), 0);
        assert_true(one->id != two->id);
        told = told_of(1, "/dev/a", 5);
        assert_int_equal(filesystem_update(one, &told), 1);
        told = told_of(2, "/dev/b", 5);
        assert_int_equal(filesystem_update(two, &told), 1);
        assert_int_equal(filesystem_table_find_name(table, "05000000-0000-0000-0000-000000000000", &found), -ENOTUNIQ);
        assert_int_equal(filesystem_table_find_name(table, "/dev/b", &found), 0);
        assert_ptr_equal(found, two);
}

static void test_mounts(void **state) {
        _cleanup_(filesystem_table_free_at) FilesystemTable *table = filesystem_table_new();
        const WorkerMount first = mount_of(1, 10, "/a"), second = mount_of(1, 11, "/b"), moved = mount_of(1, 10, "/c");
        const WorkerMount above = mount_of(1, 12, "/b");
        Filesystem *filesystem;

        (void) state;
        assert_int_equal(filesystem_table_add(table, 1, &filesystem), 0);
        assert_int_equal(filesystem_add_mount(filesystem, &first), 1);
        assert_int_equal(filesystem_add_mount(filesystem, &second), 1);
        assert_int_equal(filesystem_add_mount(filesystem, &moved), 1);
        assert_int_equal(filesystem->n_mounts, 2);
        assert_int_equal(filesystem->facts.n_mounts, 2);
        assert_string_equal(filesystem->facts.mounts[0], "/b");
        assert_string_equal(filesystem->facts.mounts[1], "/c");

        /* The lower of two mounts on one point goes: the name stays. */
        assert_int_equal(filesystem_add_mount(filesystem, &above), 1);
        assert_int_equal(filesystem_remove_mount(filesystem, 11), 1);
        assert_int_equal(filesystem_remove_mount(filesystem, 11), 0);
        assert_int_equal(filesystem->facts.n_mounts >= 2, 1);

        /* A new worker says one of them again. */
        filesystem_mark_mounts_stale(filesystem);
        assert_int_equal(filesystem_add_mount(filesystem, &moved), 0);
        assert_int_equal(filesystem_drop_stale_mounts(filesystem), 1);
        assert_int_equal(filesystem->n_mounts, 1);
        assert_string_equal(filesystem->mounts[0].mount_point, "/c");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_clones_share_a_uuid),
                cmocka_unit_test(test_mounts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
