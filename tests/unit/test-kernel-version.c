/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Release names as distributions write them, and their order.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "kernel/kernel-version.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"

static void test_parse(void **state) {
        static const struct {
                const char *release;
                int result;
                KernelVersion version;
        } cases[] = {
                { "7.2.13+deb14-amd64", 0, { 7, 2, 13 } },
                { "7.2.13", 0, { 7, 2, 13 } },
                { "7.3-rc1", 0, { 7, 3, 0 } },
                { "7.3", 0, { 7, 3, 0 } },
                { "6.1.0-44-amd64", 0, { 6, 1, 0 } },
                { "7.0.0-15-generic", 0, { 7, 0, 0 } },
                { "7.2.13.4-custom", 0, { 7, 2, 13 } },
                { "6.12.74+rpt-rpi-v8", 0, { 6, 12, 74 } },
                { "", -EINVAL, {} },
                { "7", -EINVAL, {} },
                { "7.", -EINVAL, {} },
                { "7.2.", -EINVAL, {} },
                { "7.x", -EINVAL, {} },
                { "v7.2.13", -EINVAL, {} },
                { " 7.2.13", -EINVAL, {} },
                { "-7.2.13", -EINVAL, {} },
                { "7.-2.13", -EINVAL, {} },
                { "4294967303.2.13", -EINVAL, {} },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                KernelVersion version = { 1, 2, 3 };
                const KernelVersion untouched = { 1, 2, 3 };

                print_message("\"%s\"\n", cases[i].release);
                assert_int_equal(kernel_version_parse(cases[i].release, &version), cases[i].result);
                assert_int_equal(kernel_version_compare(version, cases[i].result < 0 ? untouched : cases[i].version),
                                 0);
        }
}

static void test_compare(void **state) {
        static const KernelVersion ascending[] = {
                { 0, 0, 0 }, { 6, 18, 44 }, { 7, 0, 0 }, { 7, 0, 1 }, { 7, 1, 0 },
                { 7, 2, 9 }, { 7, 2, 13 }, { 7, 10, 0 }, { 10, 0, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(ascending); i++)
                for (size_t j = 0; j < ELEMENTSOF(ascending); j++) {
                        int order = kernel_version_compare(ascending[i], ascending[j]);

                        assert_int_equal(order < 0, i < j);
                        assert_int_equal(order > 0, i > j);
                }
}

static void test_running(void **state) {
        const KernelVersion oldest = { 3, 0, 0 };
        KernelVersion version;

        (void) state;
        assert_int_equal(kernel_version_running(&version), 0);
        assert_true(kernel_version_compare(version, oldest) >= 0);
}

static void test_oops_count(void **state) {
        uint64_t count = 77;
        int r = kernel_oops_count(&count);

        (void) state;
        /* Not every machine shows it; a failure must leave the value alone. */
        if (r < 0)
                assert_int_equal(count, 77);
        else
                assert_int_equal(r, 0);

        count = 77;
        assert_int_equal(kernel_oops_count_read(-EBADF, &count), -EBADF);
        assert_int_equal(count, 77);
}

/* One descriptor serves any number of times. */
static void test_oops_count_again(void **state) {
        _cleanup_(close_fd_at) int fd = kernel_oops_count_open();

        (void) state;
        if (fd < 0) {
                print_message("this kernel does not count its oopses, or not for us\n");
                skip();
        }
        for (unsigned i = 0; i < 3; i++) {
                uint64_t count = UINT64_MAX, now;

                assert_int_equal(kernel_oops_count_read(fd, &count), 0);
                assert_int_equal(kernel_oops_count(&now), 0);
                assert_true(count <= now);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_compare),
                cmocka_unit_test(test_running),
                cmocka_unit_test(test_oops_count),
                cmocka_unit_test(test_oops_count_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
