/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durations as people write them ("90s", "2h 30min", "1d") in microseconds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Enough for any duration_format() result. */
#define DURATION_TEXT_SIZE 64

/**
 * duration_parse() - text to microseconds
 *
 * Units: us, ms, s, sec, min, m, h, d, w; several parts add up; a number without a unit is refused
 * (nobody should have to guess). "infinity" gives USEC_INFINITY.
 *
 * Returns: 0; -EINVAL if it is no duration; -ERANGE if it does not fit.
 */
int duration_parse(const char *text, uint64_t *ret_usec);

/* Writes the shortest exact form ("1min 30s"); returns @buffer. */
char *duration_format(uint64_t usec, char buffer[static DURATION_TEXT_SIZE]);
