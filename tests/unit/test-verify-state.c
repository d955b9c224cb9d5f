/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a verification of the media is, as it is kept: written, read, and everything that must not pass.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/filesystem/verify-state.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define KEY "verify/" UUID
#define NUMBERS " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"

static void test_round_trip(void **state) {
        const VerifyState states[] = {
                {},
                { .is_wanted = true, .is_all = true, .rate_bytes = 1, .timeout_usec = UINT64_MAX,
                  .source = DECISION_CALLER, .caller_uid = UINT32_MAX, .event_id = 2,
                  .counts = { { MEDIA_STAGE_REALTIME, 0, UINT64_MAX }, 3, 4, 5, 6, { [SPACE_ATTRIBUTE_MAP] = 7 } },
                  .began_realtime_usec = 8, .ended_realtime_usec = 9, .clean_realtime_usec = UINT64_MAX },
                { .source = DECISION_RULE, .rule_id = "a-rule", .counts.position.stage = MEDIA_STAGE_DONE },
        };
        uint8_t uuid[UUID_SIZE], read_uuid[UUID_SIZE];
        char key[KEPT_KEY_SIZE];

        (void) state;
        assert_int_equal(uuid_parse(UUID, uuid), 0);
        assert_string_equal(verify_key(uuid, key), KEY);
        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                char value[KEPT_LINE_SIZE];
                VerifyState read;

                assert_int_equal(verify_read(KEY, value, verify_value(&states[i], value), read_uuid, &read), 0);
                assert_memory_equal(uuid, read_uuid, UUID_SIZE);
                assert_memory_equal(&read, &states[i], sizeof(read));
        }
}

static void test_nonsense(void **state) {
        static const struct {
                const char *key, *value;
                int expected;
        } cases[] = {
                { KEY, "1 0 0 0 0 0" NUMBERS " -", 0 },
                { KEY, "1 1 1 4 9 3" NUMBERS " rule", 0 },
                { KEY, "2 0 0 0 0 0" NUMBERS " -", -EPROTONOSUPPORT },
                { KEY, "1 2 0 0 0 0" NUMBERS " -", -EBADMSG },
                { KEY, "1 0 2 0 0 0" NUMBERS " -", -EBADMSG },
                { KEY, "1 0 0 5 0 0" NUMBERS " -", -EBADMSG },
                { KEY, "1 0 0 0 4294967296 0" NUMBERS " -", -EBADMSG },
                { KEY, "1 0 0 0 0 4" NUMBERS " -", -EBADMSG },
                { KEY, "1 0 0 0 0 0" NUMBERS, -EBADMSG },
                { KEY, "1 0 0 0 0 0" NUMBERS " ", -EBADMSG },
                { KEY, "1 0 0 0 0 0" NUMBERS " - -", -EBADMSG },
                { KEY, "1 0 0 0 0 0" NUMBERS " 0 -", -EBADMSG },
                { KEY, "1 0 0 0 0 0" NUMBERS
                       " 0123456789012345678901234567890123456789012345678901234567890123", -EBADMSG },
                { KEY, "", -EBADMSG },
                { "patrol/" UUID, "1 0 0 0 0 0" NUMBERS " -", -EBADMSG },
        };
        uint8_t uuid[UUID_SIZE];
        VerifyState read;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s: %s\n", cases[i].key, cases[i].value);
                assert_int_equal(verify_read(cases[i].key, cases[i].value, strlen(cases[i].value), uuid, &read),
                                 cases[i].expected);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_nonsense),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
