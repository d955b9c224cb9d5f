/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of error watches and what /proc says about one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "kernel/error-watch.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "tests/unit/error-records.h"

#define FS_ERROR ABI_FAN_FS_ERROR

static void test_decode(void **state) {
        static const struct {
                const char *name;
                ErrorRecord record;
                EventKind kind;
                EventDomain domain;
                int error;
                uint64_t count, inode;
                uint32_t generation;
        } cases[] = {
                { "ext4, superblock", { FS_ERROR, EUCLEAN, 1, ABI_FILEID_INVALID, 0, {} },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_FS, EUCLEAN, 1, 0, 0 },
                { "ext4, inode", { FS_ERROR, EIO, 7, INO32_HANDLE(0x0c, 0x11223344) },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EIO, 7, 12, 0x11223344 },
                { "ext4, inode beyond 31 bits", { FS_ERROR, EIO, 1, INO32_HANDLE(0xfffffff0, 1) },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EIO, 1, 0xfffffff0, 1 },
                { "with parent",
                  { FS_ERROR, EIO, 1, ABI_FILEID_INO32_GEN_PARENT, 16, { 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EIO, 1, 5, 6 },
                { "xfs, 64 bits", { FS_ERROR, EUCLEAN, 2, ABI_FILEID_INO64_GEN, 12, { 0x85, 0, 0, 0, 1, 0, 0, 0, 9 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EUCLEAN, 2, 0x100000085, 9 },
                { "xfs, with parent",
                  { FS_ERROR, EUCLEAN, 1, ABI_FILEID_INO64_GEN_PARENT, 24, { 0x85, 0, 0, 0, 1, 0, 0, 0, 9 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EUCLEAN, 1, 0x100000085, 9 },
                { "btrfs", { FS_ERROR, EIO, 1, ABI_FILEID_BTRFS_WITHOUT_PARENT, 20,
                             { 1, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 77 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EIO, 1, 257, 77 },
                { "btrfs, with parent", { FS_ERROR, EIO, 1, ABI_FILEID_BTRFS_WITH_PARENT, 32,
                                          { 1, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 77 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EIO, 1, 257, 77 },
                { "btrfs, with parent's root", { FS_ERROR, EIO, 1, ABI_FILEID_BTRFS_WITH_PARENT_ROOT, 40,
                                                 { 1, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 77 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_INODE, EIO, 1, 257, 77 },
                { "a handle of another form", { FS_ERROR, EIO, 1, 0x61, 12, { 1, 2, 3 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_FS, EIO, 1, 0, 0 },
                { "a handle that is too short for its form", { FS_ERROR, EIO, 1, ABI_FILEID_INO64_GEN, 8, { 1 } },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_FS, EIO, 1, 0, 0 },
                { "no count", { FS_ERROR, EIO, 0, ABI_FILEID_INVALID, 0, {} },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_FS, EIO, 1, 0, 0 },
                { "a negative errno", { FS_ERROR, -5, 1, ABI_FILEID_INVALID, 0, {} },
                  EVENT_FILESYSTEM_ERROR, DOMAIN_FS, 0, 1, 0, 0 },
                { "shut down", { FS_ERROR, ESHUTDOWN, 3, INO32_HANDLE(12, 1) },
                  EVENT_SHUTDOWN, DOMAIN_MOUNT, ESHUTDOWN, 3, 0, 0 },
                { "overflow", { ABI_FAN_Q_OVERFLOW, 0, 0, 0, 0, {} }, EVENT_EVENTS_LOST, DOMAIN_MOUNT, 0, 1, 0, 0 },
                { "another mask", { 0x2, 0, 0, 0, 0, {} }, EVENT_UNRECOGNISED, DOMAIN_UNRECOGNISED, 0, 1, 0, 0 },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t bytes[ERROR_RECORD_SIZE];
                size_t length = error_record_write(&cases[i].record, bytes);
                HealthEvent event = {};

                print_message("%s\n", cases[i].name);
                assert_int_equal(error_watch_decode(bytes, sizeof(bytes), &event), length);
                assert_int_equal(event.source, EVENT_SOURCE_FANOTIFY);
                assert_int_equal(event.kind, cases[i].kind);
                assert_int_equal(event.domain, cases[i].domain);
                assert_int_equal(event.error, cases[i].error);
                assert_int_equal(event.count, cases[i].count);
                assert_int_equal(event.inode, cases[i].inode);
                assert_int_equal(event.generation, cases[i].generation);
                assert_memory_equal(event.raw, bytes, min_of(length, sizeof(event.raw)));
                for (size_t part = 0; part < length; part++)
                        assert_int_equal(error_watch_decode(bytes, part, &event), -EBADMSG);
        }
}

static void test_nonsense(void **state) {
        static const struct {
                const char *name;
                size_t offset;
                uint8_t byte;
        } cases[] = {
                { "version", 4, 2 },
                { "metadata shorter than itself", 6, 23 },
                { "metadata longer than the record", 7, 1 },
                { "record without an end", 1, 1 },
                { "info of no length", 26, 0 },
                { "info shorter than its header", 26, 3 },
                { "info longer than the record", 27, 1 },
                { "handle longer than its info", 36, 9 },
                { "handle of 4 GB", 39, 0xff },
                { "handle that does not fit into its info", 26, 19 },
        };
        const ErrorRecord record = { FS_ERROR, EIO, 1, INO32_HANDLE(12, 1) };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t bytes[ERROR_RECORD_SIZE];
                HealthEvent event = { .count = 99 };

                print_message("%s\n", cases[i].name);
                (void) error_record_write(&record, bytes);
                bytes[cases[i].offset] = cases[i].byte;
                assert_int_equal(error_watch_decode(bytes, sizeof(bytes), &event), -EBADMSG);
                assert_int_equal(event.count, 99);
        }
}

#define GROUP "pos:\t0\nflags:\t02004002\nmnt_id:\t17\nino:\t1038\nfanotify flags:203 event-flags:88000\n"

static void test_fdinfo(void **state) {
        static const struct {
                const char *name, *text;
                int result;
                bool is_alive;
                unsigned major_number, minor_number;
        } cases[] = {
                { "mounted", GROUP "fanotify sdev:700000 mflags:0 mask:8000 ignored_mask:0 \n", 0, true, 7, 0 },
                { "a high minor", GROUP "fanotify sdev:fd00123 mflags:0 mask:8000 ignored_mask:0 \n", 0, true,
                  0xfd, 0x123 },
                { "no device of its own", GROUP "fanotify sdev:2f mflags:0 mask:8000 ignored_mask:0 \n", 0, true, 0,
                  0x2f },
                { "unmounted", GROUP, 0, false, 0, 0 },
                { "another mask", GROUP "fanotify sdev:700000 mflags:0 mask:8002 ignored_mask:0 \n", -ENOTTY, false,
                  0, 0 },
                { "mark on a mount", GROUP "fanotify mnt_id:12 mflags:0 mask:8000 ignored_mask:0 \n", -ENOTTY, false,
                  0, 0 },
                { "two marks", GROUP "fanotify sdev:700000 mflags:0 mask:8000 ignored_mask:0 \n"
                                     "fanotify sdev:700001 mflags:0 mask:8000 ignored_mask:0 \n", -ENOTTY, false, 0,
                                     0 },
                { "no group", "pos:\t0\nflags:\t02004002\nmnt_id:\t17\nino:\t1038\n", -ENOTTY, false, 0, 0 },
                { "nothing", "", -ENOTTY, false, 0, 0 },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ErrorWatchMark mark = {};

                print_message("%s\n", cases[i].name);
                assert_int_equal(error_watch_parse_mark(cases[i].text, &mark), cases[i].result);
                assert_int_equal(mark.is_alive, cases[i].is_alive);
                assert_int_equal(mark.device_number, makedev(cases[i].major_number, cases[i].minor_number));
        }
}

static void test_other_descriptors(void **state) {
        _cleanup_(close_fd_at) int reader = -EBADF, writer = -EBADF;
        uint8_t buffer[ERROR_WATCH_READ_BYTES];
        ErrorWatchMark mark;
        int fds[2];

        (void) state;

        assert_int_equal(pipe2(fds, O_NONBLOCK|O_CLOEXEC), 0);
        reader = fds[0];
        writer = fds[1];
        assert_int_equal(error_watch_check(reader, &mark), -ENOTTY);
        assert_int_equal(error_watch_check(INT32_MAX, &mark), -EBADF);

        assert_int_equal(error_watch_read(reader, buffer, sizeof(buffer)), -EAGAIN);
        assert_int_equal(error_watch_read(reader, buffer, sizeof(buffer) - 1), -EINVAL);
        assert_int_equal(write(writer, "x", 1), 1);
        assert_int_equal(error_watch_read(reader, buffer, sizeof(buffer)), 1);
        writer = close_fd(writer);
        assert_int_equal(error_watch_read(reader, buffer, sizeof(buffer)), -ENODATA);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decode),
                cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_fdinfo),
                cmocka_unit_test(test_other_descriptors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
