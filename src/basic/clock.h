/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the clocks, in microseconds. The pure layers (model, policy) take times as arguments instead.
 */
#pragma once

#include <stdint.h>

uint64_t clock_monotonic_usec(void);    /* job deadlines: stands still in suspend */
uint64_t clock_boottime_usec(void);     /* windows and cooldowns: counts suspend */
uint64_t clock_realtime_usec(void);     /* what people read */

/**
 * clock_serial_start() - where this run begins to number events and jobs
 *
 * Seconds since 2026 in the high bits and microseconds in the low ones, so that numbers go up from run to run without a
 * file that could be sick, and stay below 2^53 (JSON readers) for 270 years. A million numbers a second on average
 * before two runs could overlap.
 */
uint64_t clock_serial_start(void);
