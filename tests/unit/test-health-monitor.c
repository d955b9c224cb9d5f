/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading whole records, with a pipe in the place of a monitor, and the text of fdinfo.
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

#include "kernel/health-monitor.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"

static void open_pipe(int *ret_reader, int *ret_writer) {
        int fds[2];

        assert_int_equal(pipe2(fds, O_NONBLOCK|O_CLOEXEC), 0);
        *ret_reader = fds[0];
        *ret_writer = fds[1];
}

static void test_read(void **state) {
        static const struct {
                const char *name;
                size_t n_written, size_bytes;
                ssize_t result;
        } cases[] = {
                { "one record", 64, 4096, 64 },
                { "several records", 192, 4096, 192 },
                { "more than asked for", 8192, 4096, 4096 },
                { "larger buffer", 8192, 65536, 8192 },
                { "nothing there", 0, 4096, -EAGAIN },
                { "part of a record", 63, 4096, -EBADMSG },
                { "record and a part", 100, 4096, -EBADMSG },
                { "buffer too small", 64, 64, -EINVAL },
                { "buffer for a part of a record", 64, 4100, -EINVAL },
        };
        static uint8_t data[65536], buffer[65536];

        (void) state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t) (i * 7);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(close_fd_at) int reader = -EBADF, writer = -EBADF;
                ssize_t n;

                print_message("%s\n", cases[i].name);
                open_pipe(&reader, &writer);
                if (cases[i].n_written > 0)
                        assert_int_equal(write(writer, data, cases[i].n_written), cases[i].n_written);
                memset(buffer, 0, sizeof(buffer));
                n = health_monitor_read(reader, buffer, cases[i].size_bytes);
                assert_int_equal(n, cases[i].result);
                if (n > 0)
                        assert_memory_equal(buffer, data, (size_t) n);
        }
}

static void test_end(void **state) {
        _cleanup_(close_fd_at) int reader = -EBADF, writer = -EBADF;
        uint8_t buffer[HEALTH_MONITOR_FIRST_READ_BYTES] = {};

        (void) state;
        open_pipe(&reader, &writer);
        assert_int_equal(write(writer, buffer, 64), 64);
        writer = close_fd(writer);
        assert_int_equal(health_monitor_read(reader, buffer, sizeof(buffer)), 64);
        assert_int_equal(health_monitor_read(reader, buffer, sizeof(buffer)), 0);
        assert_int_equal(health_monitor_read(reader, buffer, sizeof(buffer)), 0);
}

static void test_what_is_no_monitor(void **state) {
        _cleanup_(close_fd_at) int reader = -EBADF, writer = -EBADF;
        HealthMonitorTotals totals;
        uint8_t buffer[4096];

        (void) state;
        open_pipe(&reader, &writer);
        assert_int_equal(health_monitor_open(reader), -ENOTTY);
        assert_int_equal(health_monitor_check_same(reader, writer), -ENOTTY);
        assert_false(health_monitor_fd_is_monitor(reader));
        assert_true(health_monitor_totals(reader, &totals) < 0);

        assert_int_equal(health_monitor_open(-EBADF), -EBADF);
        assert_int_equal(health_monitor_check_same(-EBADF, reader), -EBADF);
        assert_int_equal(health_monitor_read(-EBADF, buffer, sizeof(buffer)), -EBADF);
        assert_false(health_monitor_fd_is_monitor(-EBADF));
}

static void test_totals(void **state) {
        static const struct {
                const char *name;
                const char *text;
                int result;
                HealthMonitorTotals totals;
        } cases[] = {
                { "alive",
                  "pos:\t0\nflags:\t02000000\nmnt_id:\t16\nino:\t2085\n"
                  "state:\talive\ndev:\t7:3\nformat:\tv0\nevents:\t1\nlost:\t0\n",
                  0, { .is_alive = true, .n_events = 1 } },
                { "dead, with losses",
                  "state:\tdead\ndev:\t259:1048575\nformat:\tv0\nevents:\t18446744073709551615\nlost:\t4769\n",
                  0, { .n_events = UINT64_MAX, .n_lost = 4769 } },
                { "without the last newline", "state:\talive\ndev:\t7:3\nevents:\t12\nlost:\t3", 0,
                  { .is_alive = true, .n_events = 12, .n_lost = 3 } },
                { "another order", "lost:\t3\nevents:\t12\ndev:\t7:3\nstate:\talive\n", 0,
                  { .is_alive = true, .n_events = 12, .n_lost = 3 } },
                { "lines of the future",
                  "state:\talive\nlostest:\t9\ndev:\t7:3\nevents:\t12\nmy lost:\t4\nlost:\t3\n", 0,
                  { .is_alive = true, .n_events = 12, .n_lost = 3 } },
                { "empty", "", -ENOTTY, {} },
                { "pipe", "pos:\t0\nflags:\t02004000\nmnt_id:\t15\nino:\t87\n", -ENOTTY, {} },
                { "unknown state", "state:\tasleep\ndev:\t7:3\nevents:\t1\nlost:\t0\n", -ENOTTY, {} },
                { "no state", "dev:\t7:3\nevents:\t1\nlost:\t0\n", -ENOTTY, {} },
                { "no device", "state:\talive\nevents:\t1\nlost:\t0\n", -ENOTTY, {} },
                { "half a device", "state:\talive\ndev:\t7\nevents:\t1\nlost:\t0\n", -ENOTTY, {} },
                { "device is a word", "state:\talive\ndev:\tx:y\nevents:\t1\nlost:\t0\n", -ENOTTY, {} },
                { "no events", "state:\talive\ndev:\t7:3\nlost:\t0\n", -ENOTTY, {} },
                { "no lost", "state:\talive\ndev:\t7:3\nevents:\t1\n", -ENOTTY, {} },
                { "negative", "state:\talive\ndev:\t7:3\nevents:\t-1\nlost:\t0\n", -ENOTTY, {} },
                { "too large", "state:\talive\ndev:\t7:3\nevents:\t18446744073709551616\nlost:\t0\n", -ENOTTY, {} },
                { "endless number",
                  "state:\talive\ndev:\t7:3\nevents:\t00000000000000000000000000000000000001\nlost:\t0\n",
                  -ENOTTY, {} },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HealthMonitorTotals totals = { .n_events = 99, .n_lost = 98 };

                print_message("%s\n", cases[i].name);
                assert_int_equal(health_monitor_totals_parse(cases[i].text, &totals), cases[i].result);
                if (cases[i].result < 0) {
                        assert_true(totals.n_events == 99 && totals.n_lost == 98);
                        continue;
                }
                assert_int_equal(totals.is_alive, cases[i].totals.is_alive);
                assert_true(totals.n_events == cases[i].totals.n_events);
                assert_true(totals.n_lost == cases[i].totals.n_lost);
                if (strstr(cases[i].text, "259:"))
                        assert_true(totals.device_number == makedev(259, 1048575));
                else
                        assert_true(totals.device_number == makedev(7, 3));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_end),
                cmocka_unit_test(test_what_is_no_monitor),
                cmocka_unit_test(test_totals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
