/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions: raised once, changed, dropped, limited.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "src/filesystem/condition.h"
#include "src/model/decision.h"

static void test_raise_and_drop(void **state) {
        ConditionList list = {};
        const HealthCondition *found;

        (void) state;
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_ERROR, "agno 0x0 finobt", "m", 7, 100), 1);
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_ERROR, "agno 0x0 finobt", "m", 8, 200), 0);
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_CRITICAL, "agno 0x0 finobt", "n", 9, 300), 1);
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_ERROR, "agno 0x1 finobt", "m", 9, 300), 1);

        found = condition_find(&list, CONDITION_SICK, "agno 0x0 finobt");
        assert_non_null(found);
        assert_int_equal(found->since_realtime_usec, 100); /* a change is not a new beginning */
        assert_int_equal(found->severity, SEVERITY_CRITICAL);
        assert_string_equal(found->message, "n");

        assert_int_equal(condition_drop(&list, CONDITION_SICK, "agno 0x2 finobt"), 0);
        assert_int_equal(condition_drop(&list, CONDITION_SICK, "agno 0x0 finobt"), 1);
        assert_null(condition_find(&list, CONDITION_SICK, "agno 0x0 finobt"));
        assert_int_equal(condition_drop(&list, CONDITION_SICK, NULL), 1);
        assert_int_equal(list.n_items, 0);
        condition_list_clear(&list);
}

static void test_limit(void **state) {
        ConditionList list = {};
        char target[32];

        (void) state;
        for (unsigned i = 0; i < CONDITIONS_MAX; i++) {
                (void) snprintf(target, sizeof(target), "ino %u", i);
                assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_ERROR, target, "m", 1, 1), 1);
        }
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_ERROR, "one more", "m", 1, 1), -ENOSPC);
        assert_int_equal(list.n_not_kept, 1);
        condition_list_clear(&list);
}

static void test_stale(void **state) {
        const HealthCondition kept = {
                .code = CONDITION_SICK, .severity = SEVERITY_CRITICAL, .target = "agno 0x0 finobt",
                .since_realtime_usec = 50, .event_id = 3, .is_stale = true, .came_back = true,
                .message = (char *) "kept",
        };
        ConditionList list = {};
        const HealthCondition *found;

        (void) state;
        assert_int_equal(condition_restore(&list, &kept), 0);
        found = condition_find(&list, CONDITION_SICK, "agno 0x0 finobt");
        assert_non_null(found);
        assert_true(found->is_stale && found->came_back);
        assert_string_equal(found->message, "kept");
        assert_ptr_not_equal(found->message, kept.message);

        /* Seen again: open, with the beginning that it had. */
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_CRITICAL, "agno 0x0 finobt", "kept", 9, 100),
                         1);
        found = condition_find(&list, CONDITION_SICK, "agno 0x0 finobt");
        assert_false(found->is_stale || found->came_back);
        assert_int_equal(found->since_realtime_usec, 50);
        assert_int_equal(found->event_id, 3);
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_CRITICAL, "agno 0x0 finobt", "kept", 9, 100),
                         0);
        condition_list_clear(&list);

        /* Raised first and told afterwards that it is old: open, with the beginning of the old one. */
        assert_int_equal(condition_raise(&list, CONDITION_SICK, SEVERITY_ERROR, "agno 0x0 finobt", "new", 9, 100), 1);
        assert_int_equal(condition_restore(&list, &kept), 0);
        assert_int_equal(list.n_items, 1);
        found = condition_find(&list, CONDITION_SICK, "agno 0x0 finobt");
        assert_false(found->is_stale || found->came_back);
        assert_int_equal(found->since_realtime_usec, 50);
        assert_int_equal(found->event_id, 3);
        assert_string_equal(found->message, "new");
        condition_list_clear(&list);
}

static void test_life(void **state) {
        static const struct {
                ConditionCode code;
                ConditionLife checked, unchecked;
        } cases[] = {
                { CONDITION_SICK, CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
                { CONDITION_DATA_LOST, CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
                { CONDITION_SHUT_DOWN, CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
                { CONDITION_NOT_WATCHED, CONDITION_LIFE_MOMENT, CONDITION_LIFE_MOMENT },
                { CONDITION_ROUTE_FAILED, CONDITION_LIFE_MOMENT, CONDITION_LIFE_MOMENT },
                { CONDITION_FILESYSTEM_ERROR, CONDITION_LIFE_DISK, CONDITION_LIFE_MOUNT },
                { CONDITION_RULE, CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
                { CONDITION_WORKLOADS_FAILED, CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
                { CONDITION_PERMIT_REFUSED, CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
        };

        (void) state;
        /* Whoever adds one has decided about it. */
        for (ConditionCode code = CONDITION_SICK; code < N_CONDITION_CODES; code++)
                assert_true(condition_life(code, true) >= CONDITION_LIFE_DISK &&
                            condition_life(code, false) >= CONDITION_LIFE_DISK);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", condition_code_to_name(cases[i].code));
                assert_int_equal(condition_life(cases[i].code, true), cases[i].checked);
                assert_int_equal(condition_life(cases[i].code, false), cases[i].unchecked);
        }
}

static void test_is_about(void **state) {
        static const struct {
                ConditionCode code;
                const char *target, *structure;
                bool is_about;
        } cases[] = {
                { CONDITION_SICK, "agno 0x0 finobt", "agno 0x0 finobt", true },
                { CONDITION_SICK, "agno 0x0 finobt", "0x0 finobt", false },
                { CONDITION_SICK, "", "", true },
                { CONDITION_RULE, "restore agno 0x0 finobt", "agno 0x0 finobt", true },
                { CONDITION_RULE, "restore agno 0x0 finobt", "agno 0x1 finobt", false },
                { CONDITION_RULE, "restore agno 0x0 finobt", "restore agno 0x0 finobt", false },
                /* What is called like a structure is none. */
                { CONDITION_RULE, "fscounters", "fscounters", false },
                { CONDITION_RULE, "fscounters fscounters", "fscounters", true },
                { CONDITION_RULE, "restore", "", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HealthCondition condition = { .code = cases[i].code };

                print_message("%s, %s\n", cases[i].target, cases[i].structure);
                strcpy(condition.target, cases[i].target);
                assert_int_equal(condition_is_about(&condition, cases[i].structure), cases[i].is_about);
        }
}

/* The longest name on the longest structure is told apart from everything, also as a key. */
static void test_longest_target(void **state) {
        size_t n_longest = 0;

        (void) state;
        for (Structure structure = 0; structure < N_STRUCTURES; structure++) {
                const HealthEvent event = {
                        .kind = EVENT_SICK,
                        .domain = structure == STRUCTURE_UNRECOGNISED ? DOMAIN_INODE : structure_domain(structure),
                        .structure = structure,
                        .unknown_bits = UINT32_MAX,
                        .group = UINT32_MAX,
                        .inode = UINT64_MAX,
                        .generation = UINT32_MAX,
                };
                char text[EVENT_TEXT_SIZE];

                n_longest = max_of(n_longest, strlen(health_event_target_text(&event, text)));
        }
        assert_true(n_longest > strlen("ino 18446744073709551615 gen 0xffffffff"));
        assert_true(RULE_ID_SIZE - 1 + strlen(" ") + n_longest < CONDITION_TARGET_SIZE);
}

/* What has happened may be acknowledged, what is still so may not. */
static void test_still_so(void **state) {
        static const ConditionCode happened[] = {
                CONDITION_DATA_LOST, CONDITION_MEDIA_ERROR, CONDITION_IO_ERROR, CONDITION_EVENTS_LOST,
                CONDITION_ACTION_EXPIRED, CONDITION_FILESYSTEM_ERROR, CONDITION_WORKLOADS_FAILED,
                CONDITION_PERMIT_REFUSED, CONDITION_RECYCLE_FAILED, CONDITION_RULE,
        };

        (void) state;
        for (ConditionCode code = CONDITION_SICK; code < N_CONDITION_CODES; code++) {
                const char *why = condition_still_so(code);
                bool has_happened = false;

                for (size_t i = 0; i < ELEMENTSOF(happened); i++)
                        has_happened = has_happened || happened[i] == code;
                print_message("%s: %s\n", condition_code_to_name(code), why ? why : "may be acknowledged");
                if (has_happened)
                        assert_null(why);
                else
                        assert_int_equal(strncmp(why, "it is still so, until ", strlen("it is still so, until ")), 0);
        }
}

static void test_names(void **state) {
        (void) state;
        for (ConditionCode code = CONDITION_SICK; code < N_CONDITION_CODES; code++) {
                ConditionCode back;

                assert_non_null(condition_code_to_name(code));
                assert_int_equal(condition_code_from_name(condition_code_to_name(code), &back), 0);
                assert_int_equal(back, code);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_raise_and_drop),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_stale),
                cmocka_unit_test(test_life),
                cmocka_unit_test(test_is_about),
                cmocka_unit_test(test_longest_target),
                cmocka_unit_test(test_still_so),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
