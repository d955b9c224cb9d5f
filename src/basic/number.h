/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict parsing of numbers: the whole text, no sign, no blanks, no octal, range checked.
 */
#pragma once

#include <stdint.h>

/* Returns 0; -EINVAL if @text is not a decimal number (or 0x hexadecimal); -ERANGE if outside [min, max]. */
int number_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);
int number_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value);

/* "4096", "50M": bytes, with K, M, G or T behind it powers of 1024. Returns 0, -EINVAL or -ERANGE. */
int number_parse_bytes(const char *text, uint64_t *ret_bytes);

#define BYTES_TEXT_SIZE 24
/* The same the other way round, "50M", exactly. Returns @buffer. */
char *number_format_bytes(uint64_t bytes, char buffer[static BYTES_TEXT_SIZE]);
