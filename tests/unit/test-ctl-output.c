/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerctl prints: tables, harmless text, names and values of the bus as JSON, and what errors of
 * the bus mean.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-time.h"
#include "src/ctl/ctl-value.h"

static void test_safe(void **state _unused_) {
        static const struct {
                const char *text, *printed;
        } cases[] = {
                { "/srv agno 0x0 finobt: sick",  "/srv agno 0x0 finobt: sick" },
                { "caf\xc3\xa9",                 "caf\xc3\xa9" },
                { "escaped once: \\x0a",         "escaped once: \\x0a" },
                { "\x1b[31m",                    "\\x1b[31m" },
                { "a\nb",                        "a\\x0ab" },
                { "\xff",                        "\\xff" },
                { "\xc2\x9b" "2J",               "\\xc2\\x9b2J" },
                { "",                            "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *printed = NULL;
                size_t size;
                FILE *stream = open_memstream(&printed, &size);

                print_message("%s\n", cases[i].printed);
                ctl_print_safe(stream, cases[i].text);
                assert_int_equal(fclose(stream), 0);
                assert_string_equal(printed, cases[i].printed);
        }
}

static void test_table(void **state _unused_) {
        _cleanup_(free_at) char *printed = NULL, *bare = NULL;
        CtlTable table = { .n_columns = 3, .right = 1 << 1 };
        size_t size;
        FILE *stream;

        assert_int_equal(ctl_table_add(&table, (const char *[]) { "MOUNT", "N", "STATE" }), 0);
        assert_int_equal(ctl_table_add(&table, (const char *[]) { "/srv/caf\xc3\xa9", "12", "good" }), 0);
        assert_int_equal(ctl_table_add(&table, (const char *[]) { "/a\tb", "", NULL }), 0);

        stream = open_memstream(&printed, &size);
        ctl_table_print(&table, true, stream);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(printed,
                            "MOUNT       N  STATE\n"
                            "/srv/caf\xc3\xa9  12  good\n"
                            "/a\\x09b     -  -\n");

        stream = open_memstream(&bare, &size);
        ctl_table_print(&table, false, stream);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(bare, strchr(printed, '\n') + 1);
        ctl_table_clear(&table);
}

static void test_time(void **state _unused_) {
        char buffer[CTL_TIME_TEXT_SIZE];

        assert_int_equal(setenv("TZ", "UTC-1", 1), 0);
        tzset();
        assert_string_equal(ctl_time_text(0, buffer), "-");
        assert_string_equal(ctl_time_text(UINT64_C(1795179363) * USEC_PER_SEC, buffer), "2026-11-20 13:56:03");
}

static void test_keys(void **state _unused_) {
        static const struct {
                const char *name, *key;
        } cases[] = {
                { "MountPoints", "mount_points" },
                { "UUID", "uuid" },
                { "FsUUID", "fs_uuid" },
                { "LagUSec", "lag_usec" },
                { "HolderPID", "holder_pid" },
                { "UUIDText", "uuid_text" },
                { "LastEventUSec", "last_event_usec" },
                { "StartedByUID", "started_by_uid" },
                { "timeout-usec", "timeout_usec" },
                { "Objects2Do", "objects2_do" },
                { "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *key = ctl_value_key(cases[i].name);

                print_message("%s\n", cases[i].name);
                assert_string_equal(key, cases[i].key);
        }
}

static void make_message(sd_bus **ret_bus, sd_bus_message **ret_message) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_bus_new(ret_bus) >= 0);
        assert_true(sd_bus_set_fd(*ret_bus, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(*ret_bus) >= 0);
        (void) close(fds[1]);
        assert_true(sd_bus_message_new_signal(*ret_bus, ret_message, "/a", "a.b", "C") >= 0);
}

static void assert_value(sd_bus_message *message, const char *expected) {
        _cleanup_(json_decref_at) json_t *value = NULL;
        _cleanup_(free_at) char *text = NULL;

        print_message("%s\n", expected);
        assert_int_equal(ctl_value_read(message, &value), 1);
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_PRESERVE_ORDER);
        assert_string_equal(text, expected);
}

static void test_values(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *message = NULL;
        _cleanup_(sd_bus_close_at) sd_bus *bus = NULL;
        json_t *value;

        make_message(&bus, &message);
        assert_true(sd_bus_message_append(message, "sbtt", "text", true, UINT64_C(7), UINT64_MAX) >= 0);
        assert_true(sd_bus_message_append(message, "tx", UINT64_MAX - 1, INT64_C(-3)) >= 0);
        assert_true(sd_bus_message_append_array(message, 'y', "/a\n\xff\\", 5) >= 0);
        assert_true(sd_bus_message_append_array(message, 'y', "/a", 3) >= 0);
        assert_true(sd_bus_message_append_array(message, 'y', NULL, 0) >= 0);
        assert_true(sd_bus_message_append(message, "a{sv}", 2, "time-usec", "t", UINT64_C(1),
                                          "Mounts", "as", 1, "/x") >= 0);
        assert_true(sd_bus_message_append(message, "a{oa{sa{sv}}}", 1, "/o", 1, "org.X", 1, "Key", "b", false) >= 0);
        assert_true(sd_bus_message_append(message, "a(st)", 2, "a", UINT64_C(1), "b", UINT64_C(2)) >= 0);
        assert_true(sd_bus_message_append(message, "v", "v", "u", 5) >= 0);
        assert_true(sd_bus_message_append(message, "a{us}d", 1, 3, "three", 0.5) >= 0);
        assert_true(sd_bus_message_append(message, "h", STDIN_FILENO) >= 0);
        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);

        assert_value(message, "\"text\"");
        assert_value(message, "true");
        assert_value(message, "7");
        assert_value(message, "null");
        assert_value(message, "\"18446744073709551614\"");
        assert_value(message, "-3");
        assert_value(message, "\"/a\\\\x0a\\\\xff\\\\x5c\"");
        assert_value(message, "\"/a\"");
        assert_value(message, "\"\"");
        assert_value(message, "{\"time_usec\":1,\"mounts\":[\"/x\"]}");
        assert_value(message, "{\"/o\":{\"org.X\":{\"key\":false}}}");
        assert_value(message, "[[\"a\",1],[\"b\",2]]");
        assert_value(message, "5");
        assert_value(message, "{\"3\":\"three\"}");
        assert_value(message, "0.5");
        assert_int_equal(ctl_value_read(message, &value), -EOPNOTSUPP);
}

static void test_errors(void **state _unused_) {
        static const struct {
                const char *name;
                CtlExit exit_code;
                bool has_advice;
        } cases[] = {
                { SD_BUS_ERROR_SERVICE_UNKNOWN, CTL_EXIT_NO_DAEMON, true },
                { SD_BUS_ERROR_NO_REPLY, CTL_EXIT_NO_DAEMON, true },
                { SD_BUS_ERROR_ACCESS_DENIED, CTL_EXIT_REFUSED, true },
                { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, CTL_EXIT_REFUSED, true },
                { BUS_ERROR_NO_POLKIT, CTL_EXIT_REFUSED, true },
                { BUS_ERROR_REFUSED, CTL_EXIT_REFUSED, false },
                { BUS_ERROR_NO_SUCH_FILESYSTEM, CTL_EXIT_NO_FILESYSTEM, false },
                { BUS_ERROR_SHUT_DOWN, CTL_EXIT_JOB_FAILED, false },
                { BUS_ERROR_POLICY_INVALID, CTL_EXIT_USAGE, false },
                { "org.example.Unheard", CTL_EXIT_FAILED, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *advice = "";

                print_message("%s\n", cases[i].name);
                assert_int_equal(ctl_bus_classify(cases[i].name, &advice), cases[i].exit_code);
                assert_int_equal(advice != NULL, cases[i].has_advice);
        }
}

static void test_points_in_time(void **state _unused_) {
        static const struct {
                const char *text;
                int result;
                uint64_t seconds;
        } cases[] = {
                { "@1795179363",         0, 1795179363 },
                { "2h",                  0, 1795179363 - 7200 },
                { "1d 12h",              0, 1795179363 - 36 * 3600 },
                { "infinity",            0, 0 },
                { "2026-11-20",          0, 1795132800 },
                { "2026-11-20 12:56",    0, 1795179360 },
                { "2026-11-20 12:56:03", 0, 1795179363 },
                { "2026-11-20T12:56:03", 0, 1795179363 },
                { "today",               0, 1795132800 },
                { "yesterday",           0, 1795132800 - 86400 },
                { "2026-11-20 12:56:03 ", -EINVAL, 0 },
                { "2026-13-20",          -EINVAL, 0 },
                { "@",                   -EINVAL, 0 },
                { "@-1",                 -EINVAL, 0 },
                { "5",                   -EINVAL, 0 },
                { "tomorrow",            -EINVAL, 0 },
                { "",                    -EINVAL, 0 },
        };

        assert_int_equal(setenv("TZ", "UTC", 1), 0);
        tzset();
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t usec = 0;

                print_message("%s\n", cases[i].text);
                assert_int_equal(ctl_time_parse(cases[i].text, 1795179363 * USEC_PER_SEC, &usec), cases[i].result);
                assert_int_equal(usec, cases[i].seconds * USEC_PER_SEC);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_safe),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_points_in_time),
                cmocka_unit_test(test_keys),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests_name("ctl-output", tests, NULL, NULL);
}
