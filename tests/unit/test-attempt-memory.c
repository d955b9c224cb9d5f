/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs that did not help wait longer each time, and only they.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/action/attempt-memory.h"

static const RepairTarget finobt = { .structure = STRUCTURE_AG_FINOBT, .group = 0 };
static const RepairTarget inobt = { .structure = STRUCTURE_AG_INOBT, .group = 0 };

static void test_hold(void **state) {
        static AttemptMemory memory;
        static const struct {
                unsigned n_failures;
                uint64_t hold_usec;
        } cases[] = {
                { 1, USEC_PER_MINUTE }, { 2, 2 * USEC_PER_MINUTE }, { 3, 4 * USEC_PER_MINUTE },
                { 7, USEC_PER_HOUR }, { 40, USEC_PER_HOUR },
        };
        unsigned n = 0;

        (void) state;
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 0), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%u failures\n", cases[i].n_failures);
                for (; n < cases[i].n_failures; n++)
                        attempt_memory_failed(&memory, 1, &finobt, 1000);
                assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000), cases[i].hold_usec);
        }
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000 + USEC_PER_HOUR), 0);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &inobt, 1000), 0);
        assert_int_equal(attempt_memory_hold_usec(&memory, 2, &finobt, 1000), 0);

        attempt_memory_forget(&memory, 1, &finobt);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000), 0);
}

/* What was in its way may be gone: one more try, then it waits on, and longer. */
static void test_progress(void **state) {
        static AttemptMemory memory;
        static const RepairTarget scan = {};

        (void) state;
        attempt_memory_failed(&memory, 1, &finobt, 1000);
        attempt_memory_failed(&memory, 1, &scan, 1000);
        attempt_memory_failed(&memory, 2, &finobt, 1000);
        attempt_memory_progress(&memory, 1);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000), 0);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &scan, 1000), USEC_PER_MINUTE);
        assert_int_equal(attempt_memory_hold_usec(&memory, 2, &finobt, 1000), USEC_PER_MINUTE);

        attempt_memory_failed(&memory, 1, &finobt, 1000);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000), 2 * USEC_PER_MINUTE);
        while (memory.attempts[0].n_failures <= ATTEMPT_FREE_FAILURES_MAX)
                attempt_memory_failed(&memory, 1, &finobt, 1000);
        attempt_memory_progress(&memory, 1);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000), USEC_PER_HOUR);
}

static void test_limit_forgets_the_oldest(void **state) {
        static AttemptMemory memory;

        (void) state;
        for (uint32_t i = 0; i <= ATTEMPTS_MAX; i++) {
                const RepairTarget target = { .structure = STRUCTURE_AG_FINOBT, .group = i };

                attempt_memory_failed(&memory, 1, &target, 1000);
        }
        assert_int_equal(memory.n_attempts, ATTEMPTS_MAX);
        assert_int_equal(attempt_memory_hold_usec(&memory, 1, &finobt, 1000), 0);
        attempt_memory_forget_filesystem(&memory, 1);
        assert_int_equal(memory.n_attempts, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hold),
                cmocka_unit_test(test_progress),
                cmocka_unit_test(test_limit_forgets_the_oldest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
