/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a patrol is, as it is kept: written, read, and everything that must not pass.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/filesystem/patrol-state.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define KEY "patrol/" UUID

static void test_round_trip(void **state) {
        const PatrolState states[] = {
                {},
                { { PATROL_INODES, 7, UINT64_MAX }, 1, 2, 3, 4, 5, 6, 7, 8 },
                { { PATROL_DONE, UINT32_MAX, 0 }, UINT64_MAX, 0, UINT64_MAX, 0, UINT64_MAX, 0, UINT64_MAX, 0 },
        };
        uint8_t uuid[UUID_SIZE], read_uuid[UUID_SIZE];
        char key[KEPT_KEY_SIZE];

        (void) state;
        assert_int_equal(uuid_parse(UUID, uuid), 0);
        assert_string_equal(patrol_key(uuid, key), KEY);
        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                char value[KEPT_LINE_SIZE];
                PatrolState read;

                assert_int_equal(patrol_read(KEY, value, patrol_value(&states[i], value), read_uuid, &read), 0);
                assert_memory_equal(uuid, read_uuid, UUID_SIZE);
                assert_memory_equal(&read, &states[i], sizeof(read));
        }
}

static void test_nonsense(void **state) {
        static const struct {
                const char *key, *value;
                int expected;
        } cases[] = {
                { KEY, "2 0 0 0 0 0 0 0 0 0 0 0", 0 },
                { KEY, "1 0 0 0 0 0 0 0 0 0 0", -EPROTONOSUPPORT },
                { KEY, "3 of another form", -EPROTONOSUPPORT },
                { KEY, "2 5 0 0 0 0 0 0 0 0 0 0", -EBADMSG },
                { KEY, "2 0 4294967296 0 0 0 0 0 0 0 0 0", -EBADMSG },
                { KEY, "2 0 0 0 0 0 0 0 0 0 0", -EBADMSG },
                { KEY, "2 0 0 0 0 0 0 0 0 0 0 0 0", -EBADMSG },
                { KEY, "2 0 0 0 0 0 0 0 0 0 0 0 ", -EBADMSG },
                { KEY, "2 0 0 0 0 0 0 0 0 0 0 -1", -EBADMSG },
                { KEY, "2 0 0  0 0 0 0 0 0 0 0", -EBADMSG },
                { KEY, "", -EBADMSG },
                { "patrol/01234567", "2 0 0 0 0 0 0 0 0 0 0 0", -EBADMSG },
                { KEY "/", "2 0 0 0 0 0 0 0 0 0 0 0", -EBADMSG },
                { "condition/" UUID, "2 0 0 0 0 0 0 0 0 0 0 0", -EBADMSG },
        };
        char longest[KEPT_LINE_SIZE];
        uint8_t uuid[UUID_SIZE];
        PatrolState read;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s: %s\n", cases[i].key, cases[i].value);
                assert_int_equal(patrol_read(cases[i].key, cases[i].value, strlen(cases[i].value), uuid, &read),
                                 cases[i].expected);
        }
        memset(longest, '1', sizeof(longest));
        assert_int_equal(patrol_read(KEY, longest, sizeof(longest), uuid, &read), -EBADMSG);
        assert_int_equal(patrol_read(KEY, "2 0 0 0 0 0 0 0 0 0 0\0 0", 23, uuid, &read), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_nonsense),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
