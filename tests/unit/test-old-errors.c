/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters of ext4, in a folder that looks like sysfs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/old-errors.h"
#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"

static char sys[64];

static void make_folder(const char *name) {
        char path[160];

        (void) snprintf(path, sizeof(path), "%s/%s", sys, name);
        assert_int_equal(mkdir(path, 0700), 0);
}

static void write_attribute(const char *name, const char *value) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        char path[160];

        (void) snprintf(path, sizeof(path), "%s/fs/ext4/dm-3/%s", sys, name);
        fd = open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, value, strlen(value)), 0);
}

static int setup(void **state) {
        static const char *const folders[] = { "dev", "dev/block", "fs", "fs/ext4", "fs/ext4/dm-3" };
        char path[160];

        (void) state;

        strcpy(sys, "/tmp/healer-sys-XXXXXX");
        assert_non_null(mkdtemp(sys));
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                make_folder(folders[i]);
        (void) snprintf(path, sizeof(path), "%s/dev/block/253:3", sys);
        assert_int_equal(symlink("../../devices/virtual/block/dm-3", path), 0);
        (void) snprintf(path, sizeof(path), "%s/dev/block/253:4", sys);
        assert_int_equal(symlink("../../devices/virtual/block/dm-4", path), 0);
        return 0;
}

static int teardown(void **state) {
        char command[160];

        (void) state;

        (void) snprintf(command, sizeof(command), "rm -r '%s'", sys);
        return system(command);
}

static int find(const char *type, unsigned minor_number, OldErrors errors[static OLD_ERRORS_MAX]) {
        memset(errors, 0xff, OLD_ERRORS_MAX * sizeof(*errors));
        return old_errors_find(type, sys, makedev(253, minor_number), -EBADF, errors);
}

static void test_ext4(void **state) {
        OldErrors errors[OLD_ERRORS_MAX];

        (void) state;

        write_attribute("errors_count", "0\n");
        write_attribute("last_error_func", "\n");
        assert_int_equal(find("ext4", 3, errors), 0);
        assert_int_equal(errors[0].count, 0);
        assert_string_equal(errors[0].location, "");
        assert_int_equal(errors[1].count, 0);

        write_attribute("errors_count", "17\n");
        write_attribute("last_error_time", "1795190435\n");
        write_attribute("last_error_ino", "12\n");
        write_attribute("last_error_errcode", "4\n");
        write_attribute("last_error_func", "ext4_find_entry\n");
        write_attribute("last_error_line", "1594\n");
        for (unsigned i = 0; i < 3; i++) {
                static const char *const types[] = { "ext4", "ext3", "ext2" };

                assert_int_equal(find(types[i], 3, errors), 0);
                assert_int_equal(errors[0].count, 17);
                assert_int_equal(errors[0].realtime_sec, 1795190435);
                assert_int_equal(errors[0].inode, 12);
                assert_int_equal(errors[0].error, EBADMSG);
                assert_int_equal(errors[0].pad, 0);
                assert_string_equal(errors[0].location, "ext4_find_entry:1594");
                assert_int_equal(errors[1].count, 0);
        }
}

static void test_codes(void **state) {
        static const struct {
                const char *code;
                int error;
        } cases[] = {
                { "0\n", 0 }, { "1\n", 0 }, { "2\n", EIO }, { "3\n", ENOMEM }, { "5\n", EUCLEAN }, { "6\n", ENOSPC },
                { "16\n", ESHUTDOWN }, { "17\n", EFAULT }, { "18\n", 0 }, { "18446744073709551615\n", 0 },
                  { "none\n", 0 },
        };
        OldErrors errors[OLD_ERRORS_MAX];

        (void) state;

        write_attribute("errors_count", "1\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                write_attribute("last_error_errcode", cases[i].code);
                assert_int_equal(find("ext4", 3, errors), 0);
                assert_int_equal(errors[0].error, cases[i].error);
        }
}

/* Before 5.9 there is a count, and nothing more. */
static void test_little_is_told(void **state) {
        OldErrors errors[OLD_ERRORS_MAX];

        (void) state;

        write_attribute("errors_count", "2\n");
        assert_int_equal(find("ext4", 3, errors), 0);
        assert_int_equal(errors[0].count, 2);
        assert_int_equal(errors[0].inode, 0);
        assert_int_equal(errors[0].realtime_sec, 0);
        assert_int_equal(errors[0].error, 0);
        assert_string_equal(errors[0].location, "");
}

static void test_long_function(void **state) {
        OldErrors errors[OLD_ERRORS_MAX];
        char name[200];

        (void) state;

        memset(name, 'f', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        write_attribute("errors_count", "2\n");
        write_attribute("last_error_func", name);
        write_attribute("last_error_line", "4294967295\n");
        assert_int_equal(find("ext4", 3, errors), 0);
        assert_string_equal(errors[0].location, "ffffffffffffffffffffffffffffffff:4294967295");
}

static void test_others(void **state) {
        OldErrors errors[OLD_ERRORS_MAX];

        (void) state;

        assert_int_equal(find("ext2", 4, errors), -ENOENT); /* another driver has mounted it */
        assert_int_equal(find("ext4", 5, errors), -ENOENT);
        assert_int_equal(find("f2fs", 3, errors), 0);
        assert_int_equal(errors[0].count, 0);
        assert_int_equal(find("btrfs", 3, errors), -EBADF);
        assert_int_equal(errors[0].count, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_ext4, setup, teardown),
                cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_little_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_long_function, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
