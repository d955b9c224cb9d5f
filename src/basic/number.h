/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict parsing of numbers: the whole text, no sign, no blanks, no octal, range checked.
 */
#pragma once

#include <stdint.h>

/* Returns 0; -EINVAL if @text is not a decimal number (or 0x hexadecimal); -ERANGE if outside [min, max]. */
int number_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);
int number_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value);
