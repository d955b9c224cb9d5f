/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions as they are kept: written, read, and everything that must not pass.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/filesystem/condition-record.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define KEY "condition/" UUID "/sick/agno 0x0 finobt"
#define LINE "1 error 1788000000000000 42 open\n"

static void test_round_trip(void **state) {
        static const char *const messages[] = { "this structure is damaged", "", "two\nlines" };
        static const char *const targets[] = { "agno 0x0 finobt", "", "a/b" };
        char key[CONDITION_KEY_SIZE], value[CONDITION_VALUE_SIZE];
        uint8_t uuid[UUID_SIZE], read_uuid[UUID_SIZE];

        (void) state;
        assert_int_equal(uuid_parse(UUID, uuid), 0);
        for (ConditionCode code = CONDITION_SICK; code < N_CONDITION_CODES; code++)
                for (size_t i = 0; i < ELEMENTSOF(messages); i++) {
                        HealthCondition condition = {
                                .code = code,
                                .severity = SEVERITY_CRITICAL,
                                .since_realtime_usec = UINT64_MAX,
                                .event_id = i,
                                .is_stale = i > 0,
                                .message = (char *) messages[i],
                        }, read = {};
                        size_t size_bytes;

                        strcpy(condition.target, targets[i]);
                        size_bytes = condition_value(&condition, value);
                        assert_int_equal(condition_read(condition_key(uuid, code, targets[i], key), value, size_bytes,
                                                        read_uuid, &read), 0);
                        assert_memory_equal(uuid, read_uuid, UUID_SIZE);
                        assert_int_equal(read.code, code);
                        assert_int_equal(read.severity, SEVERITY_CRITICAL);
                        assert_true(read.since_realtime_usec == UINT64_MAX);
                        assert_int_equal(read.event_id, i);
                        assert_int_equal(read.is_stale, i > 0);
                        assert_string_equal(read.target, targets[i]);
                        assert_string_equal(read.message, messages[i]);
                        free(read.message);
                }
}

static void test_what_is_on_the_disk(void **state) {
        const HealthCondition condition = {
                .code = CONDITION_SICK, .severity = SEVERITY_ERROR, .target = "agno 0x0 finobt",
                .since_realtime_usec = 1788000000000000, .event_id = 42, .message = (char *) "message",
        };
        char key[CONDITION_KEY_SIZE], value[CONDITION_VALUE_SIZE];
        uint8_t uuid[UUID_SIZE];
        size_t size_bytes;

        (void) state;
        assert_int_equal(uuid_parse(UUID, uuid), 0);
        assert_string_equal(condition_key(uuid, condition.code, condition.target, key), KEY);
        size_bytes = condition_value(&condition, value);
        assert_int_equal(size_bytes, strlen(LINE "message"));
        assert_memory_equal(value, LINE "message", size_bytes);
}

static void test_long_message_is_cut(void **state) {
        static char message[2 * CONDITION_VALUE_SIZE];
        HealthCondition condition = { .code = CONDITION_SICK, .message = message }, read = {};
        char value[CONDITION_VALUE_SIZE];
        uint8_t uuid[UUID_SIZE];

        (void) state;
        memset(message, 'm', sizeof(message) - 1);
        assert_int_equal(condition_value(&condition, value), sizeof(value));
        assert_int_equal(condition_read(KEY, value, sizeof(value), uuid, &read), 0);
        assert_in_range(strlen(read.message), 4000, sizeof(value));
        free(read.message);
}

static void test_wrong(void **state) {
        static const struct {
                const char *name, *key, *value;
                int result;
        } cases[] = {
                { "right", KEY, LINE, 0 },
                { "another version", KEY, "2 error 1 1 open\n", -EPROTONOSUPPORT },
                { "nothing", KEY, "", -EBADMSG },
                { "no end of the line", KEY, "1 error 1 1 open", -EBADMSG },
                { "a word is missing", KEY, "1 error 1 open\n", -EBADMSG },
                { "a word too many", KEY, "1 error 1 1 open open\n", -EBADMSG },
                { "a blank too many", KEY, "1 error  1 1 open\n", -EBADMSG },
                { "a blank at the end", KEY, "1 error 1 1 open \n", -EBADMSG },
                { "only blanks", KEY, "1    \n", -EBADMSG },
                { "unknown severity", KEY, "1 bad 1 1 open\n", -EBADMSG },
                { "unknown state", KEY, "1 error 1 1 ajar\n", -EBADMSG },
                { "no number", KEY, "1 error x 1 open\n", -EBADMSG },
                { "negative", KEY, "1 error 1 -1 open\n", -EBADMSG },
                { "too large", KEY, "1 error 1 18446744073709551616 open\n", -EBADMSG },
                { "another kind", "policy/" UUID "/sick/x", LINE, -EBADMSG },
                { "no UUID", "condition/x/sick/x", LINE, -EBADMSG },
                { "no code", "condition/" UUID, LINE, -EBADMSG },
                { "unknown code", "condition/" UUID "/well/x", LINE, -EBADMSG },
                { "no target", "condition/" UUID "/sick", LINE, -EBADMSG },
        };
        static char long_key[CONDITION_KEY_SIZE];
        HealthCondition read = {};
        uint8_t uuid[UUID_SIZE];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_int_equal(condition_read(cases[i].key, cases[i].value, strlen(cases[i].value), uuid, &read),
                                 cases[i].result);
                free(read.message);
                read.message = NULL;
        }
        strcpy(long_key, "condition/" UUID "/sick/");
        memset(long_key + strlen(long_key), 't', CONDITION_TARGET_SIZE);
        assert_int_equal(condition_read(long_key, LINE, strlen(LINE), uuid, &read), -EBADMSG);
        assert_int_equal(condition_read(KEY, LINE "a\0b", strlen(LINE) + 3, uuid, &read), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_what_is_on_the_disk),
                cmocka_unit_test(test_long_message_is_cut),
                cmocka_unit_test(test_wrong),
        };

        return cmocka_run_group_tests_name("condition-record", tests, NULL, NULL);
}
