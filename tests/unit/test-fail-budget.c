/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many the worker ends in an hour, whatever it is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/basic/macro.h"
#include "src/worker/fail-budget.h"

#define START (1000 * USEC_PER_HOUR)

static void test_an_hour(_unused_ void **state) {
        FailBudget budget = {};
        uint64_t left_usec;

        for (unsigned i = 0; i < FAIL_BUDGET_MAX; i++) {
                assert_true(fail_budget_has_room(&budget, START + i, &left_usec));
                fail_budget_note(&budget, i % 2 ? FATE_STOPPED : FATE_KILLED, START + i);
        }
        assert_false(fail_budget_has_room(&budget, START + FAIL_BUDGET_MAX, &left_usec));
        assert_int_equal(left_usec, FAIL_BUDGET_USEC - FAIL_BUDGET_MAX);
        assert_false(fail_budget_has_room(&budget, START + FAIL_BUDGET_USEC - 1, &left_usec));
        assert_int_equal(left_usec, 1);

        /* One by one they are an hour ago. */
        assert_true(fail_budget_has_room(&budget, START + FAIL_BUDGET_USEC, &left_usec));
        assert_int_equal(left_usec, 0);
        fail_budget_note(&budget, FATE_LEFT, START + FAIL_BUDGET_USEC);
        assert_false(fail_budget_has_room(&budget, START + FAIL_BUDGET_USEC, &left_usec));
        assert_true(fail_budget_has_room(&budget, START + FAIL_BUDGET_USEC + 1, &left_usec));
}

static void test_nobody_was_ended(_unused_ void **state) {
        FailBudget budget = {};
        uint64_t left_usec;

        for (unsigned i = 0; i < 2 * FAIL_BUDGET_MAX; i++)
                fail_budget_note(&budget, i % 2 ? FATE_SPARED : FATE_GONE, START);
        assert_true(fail_budget_has_room(&budget, START, &left_usec));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_hour),
                cmocka_unit_test(test_nobody_was_ended),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
