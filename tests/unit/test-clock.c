/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks: the unit is right, and they do not run backwards.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"

static void test_clocks(_unused_ void **state) {
        uint64_t monotonic = clock_monotonic_usec(), boottime = clock_boottime_usec();

        assert_true(monotonic > 0);
        assert_true(clock_monotonic_usec() >= monotonic);
        assert_true(clock_boottime_usec() >= boottime);
        /* Boot time adds what was slept through. A millisecond stands for the two reads not being one. */
        assert_true(boottime + USEC_PER_MSEC >= monotonic);
        /* Seconds or nanoseconds in the place of microseconds would be 1970 or the year 50000. */
        assert_true(clock_realtime_usec() > UINT64_C(1577836800) * USEC_PER_SEC);
        assert_true(clock_realtime_usec() < UINT64_C(32503680000) * USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_clocks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
