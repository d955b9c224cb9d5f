/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small operations on text. Bounded buffers are used wherever a value has a limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/basic/macro.h"

bool text_equal(const char *a, const char *b);                  /* NULL equals only NULL */
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/**
 * text_copy() - copy into a fixed buffer, always terminated
 *
 * Returns: 0, or -E2BIG if @source did not fit (then the buffer holds the beginning).
 */
int text_copy(char *buffer, size_t size_bytes, const char *source);

/**
 * text_append_format() - append formatted text to a terminated fixed buffer
 *
 * Returns: 0, or -E2BIG if not all of it fitted (then the buffer holds the beginning).
 */
int text_append_format(char *buffer, size_t size_bytes, const char *format, ...) _printf_(3, 4);

/**
 * text_escape() - make bytes from elsewhere safe for a terminal and a log line
 *
 * Control characters, DEL, backslash and bytes that are not valid UTF-8 become \xHH. Newly
 * allocated; NULL only when memory is exhausted.
 */
char *text_escape(const char *bytes, size_t length);

/**
 * text_append_escaped() - the same, appended to a terminated fixed buffer
 *
 * Returns: 0, or -E2BIG if not all of it fitted (then the buffer holds the beginning, cut between characters).
 */
int text_append_escaped(char *buffer, size_t size_bytes, const char *bytes, size_t length);

/* The character that begins @bytes, by its number in Unicode. Returns how many bytes it has, or 0 if they are not valid
 * UTF-8. @length: at least 1. */
size_t text_decode_character(const char *bytes, size_t length, uint32_t *ret_code);

/* 32-bit FNV-1a: to tell texts apart, not against somebody who looks for two that are the same. */
uint32_t text_hash(const char *text);

/**
 * text_distance() - edit distance between two words, for "did you mean"
 *
 * Counts insertions, deletions, replacements and swaps of neighbours. Words longer than 64
 * bytes count as infinitely far (SIZE_MAX).
 */
size_t text_distance(const char *a, const char *b);

/**
 * word_nearest() - the word of a list that was probably meant
 * @words: @n_words of them; NULL entries are left out
 *
 * Returns: one of @words, or NULL if nothing is near enough to be a slip.
 */
const char *word_nearest(const char *word, const char *const *words, size_t n_words);
