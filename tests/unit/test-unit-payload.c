/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a unit is given to read travels whole, and whatever could change, block, or is none is not read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/protocol/unit-payload.h"

#define SEALS (F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_SEAL)

static void test_travels(_unused_ void **state) {
        static const char paths[] = "/a\0/b c\0";
        const UnitPayload sent = {
                .data = { "{\"schema\":1}\n", paths },
                .size_bytes = { strlen("{\"schema\":1}\n"), sizeof(paths) - 1 },
        };
        _cleanup_(free_at) char *buffer = NULL;
        _cleanup_(close_fd_at) int fd = -EBADF;
        UnitPayload received;

        assert_int_equal(unit_payload_make(&sent, &fd), 0);
        assert_int_equal(fcntl(fd, F_GET_SEALS) & SEALS, SEALS);
        assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
        assert_int_equal(unit_payload_read(fd, &buffer, &received), 0);
        for (unsigned i = 0; i < N_UNIT_FILES; i++) {
                assert_int_equal(received.size_bytes[i], sent.size_bytes[i]);
                assert_memory_equal(received.data[i], sent.data[i], sent.size_bytes[i]);
        }
}

static void test_limit(_unused_ void **state) {
        _cleanup_(free_at) char *bytes = calloc(1, UNIT_PAYLOAD_MAX), *buffer = NULL;
        UnitPayload payload = { .data = { bytes, bytes }, .size_bytes = { UNIT_PAYLOAD_MAX - 1, 1 } };
        _cleanup_(close_fd_at) int fd = -EBADF;
        UnitPayload received;
        int unused = -EBADF;

        assert_non_null(bytes);
        assert_int_equal(unit_payload_make(&payload, &fd), 0);
        assert_int_equal(unit_payload_read(fd, &buffer, &received), 0);
        payload.size_bytes[1] = 2;
        assert_int_equal(unit_payload_make(&payload, &unused), -EFBIG);
        payload.size_bytes[0] = SIZE_MAX;
        assert_int_equal(unit_payload_make(&payload, &unused), -EFBIG);
}

/* A header as it is written, and what comes behind it. */
typedef struct Raw {
        uint32_t magic, sizes[N_UNIT_FILES];
        char bytes[16];
} Raw;

static void test_nonsense(_unused_ void **state) {
        static const struct {
                const char *name;
                Raw raw;
                size_t length;
                int seals, result;
        } cases[] = {
                { "good",                { 0x5055484c, { 2, 1 }, "abc" }, 15, SEALS,               0        },
                { "empty files",         { 0x5055484c, { 0, 0 }, "" },    12, SEALS,               0        },
                { "empty",               { 0, { 0, 0 }, "" },             0,  SEALS,               -EBADMSG },
                { "short",               { 0x5055484c, { 0, 0 }, "" },    11, SEALS,               -EBADMSG },
                { "other magic",         { 0x5055484d, { 0, 0 }, "" },    12, SEALS,               -EBADMSG },
                { "less than it says",   { 0x5055484c, { 2, 2 }, "abc" }, 15, SEALS,               -EBADMSG },
                { "more than it says",   { 0x5055484c, { 1, 1 }, "abc" }, 15, SEALS,               -EBADMSG },
                { "sizes that wrap",     { 0x5055484c, { UINT32_MAX, 4 }, "abc" }, 15, SEALS,      -EBADMSG },
                { "not sealed",          { 0x5055484c, { 2, 1 }, "abc" }, 15, 0,                   -EPERM   },
                { "could be written",    { 0x5055484c, { 2, 1 }, "abc" }, 15, SEALS & ~F_SEAL_WRITE, -EPERM },
                { "could be shorter",    { 0x5055484c, { 2, 1 }, "abc" }, 15, SEALS & ~F_SEAL_SHRINK, -EPERM },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(close_fd_at) int fd = memfd_create("test", MFD_CLOEXEC|MFD_ALLOW_SEALING);
                _cleanup_(free_at) char *buffer = NULL;
                UnitPayload payload;

                print_message("%s\n", cases[i].name);
                assert_true(fd >= 0);
                assert_int_equal(write(fd, &cases[i].raw, cases[i].length), cases[i].length);
                assert_int_equal(fcntl(fd, F_ADD_SEALS, cases[i].seals), 0);
                assert_int_equal(unit_payload_read(fd, &buffer, &payload), cases[i].result);
        }
}

static void test_no_memory_file(_unused_ void **state) {
        static const char *const paths[] = { "/dev/null", "/dev/zero", "/proc/self/status" };
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload;
        int fds[2];

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(close_fd_at) int fd = open(paths[i], O_RDONLY|O_CLOEXEC);

                assert_true(fd >= 0);
                assert_int_equal(unit_payload_read(fd, &buffer, &payload), -EPERM);
        }
        /* One that would keep the reader waiting. */
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(unit_payload_read(fds[0], &buffer, &payload), -EPERM);
        close_fd(fds[0]);
        close_fd(fds[1]);
        assert_int_equal(unit_payload_read(-EBADF, &buffer, &payload), -EPERM);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_travels),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_no_memory_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
