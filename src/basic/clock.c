/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place that reads a clock.
 */
#include <assert.h>
#include <time.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"

static uint64_t clock_usec(clockid_t clock) {
        struct timespec now = {};
        int r;

        /* Fails for a clock that the kernel lacks only, and Linux has had all three since 2.6.39. */
        r = clock_gettime(clock, &now);
        assert(r == 0);
        (void) r;
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / NSEC_PER_USEC;
}

uint64_t clock_monotonic_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}

uint64_t clock_boottime_usec(void) {
        return clock_usec(CLOCK_BOOTTIME);
}

uint64_t clock_realtime_usec(void) {
        return clock_usec(CLOCK_REALTIME);
}

uint64_t clock_serial_start(void) {
        /* 2026-01-01 00:00:00 UTC; a clock before that (no battery) counts from there as well. */
        const uint64_t epoch_sec = UINT64_C(1767225600);
        uint64_t now_usec = clock_realtime_usec(), now_sec = now_usec / UINT64_C(1000000);

        return ((now_sec > epoch_sec ? now_sec - epoch_sec : 0) << 20) + now_usec % UINT64_C(1000000) + 1;
}
