/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that was cut ends at a character: half of a UTF-8 sequence would make the whole string unfit for the bus.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"

#define UTF8_MAX 4              /* bytes in one character */
#define ESCAPE_SIZE 4           /* bytes of "\xHH" */
#define DISTANCE_MAX_LENGTH 64

bool text_equal(const char *a, const char *b) {
        if (!a || !b)
                return a == b;

        return strcmp(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix) {
        size_t text_length = strlen(text), suffix_length = strlen(suffix);

        return text_length >= suffix_length && strcmp(text + text_length - suffix_length, suffix) == 0;
}

/* Bytes that a character with this first byte needs; 0 if no character begins so. */
static size_t utf8_expected_length(uint8_t first) {
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first <= 0xdf)
                return 2;
        if (first >= 0xe0 && first <= 0xef)
                return 3;
        if (first >= 0xf0 && first <= 0xf4)
                return 4;
        return 0;
}

/* Length of the valid character that begins @bytes, 0 if none does. */
static size_t utf8_character(const uint8_t *bytes, size_t length) {
        size_t expected = utf8_expected_length(bytes[0]);

        if (expected == 0 || expected > length)
                return 0;
        for (size_t i = 1; i < expected; i++)
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;

        /* Overlong forms, surrogates, and what lies beyond U+10FFFF. */
        if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
            (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
                return 0;

        return expected;
}

size_t text_decode_character(const char *bytes, size_t length, uint32_t *ret_code) {
        /* Bits of the number that the first byte of so many has. */
        static const uint8_t masks[UTF8_MAX + 1] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        const uint8_t *at = (const uint8_t *) bytes;
        size_t n = utf8_character(at, length);

        *ret_code = at[0] & masks[n];
        for (size_t i = 1; i < n; i++)
                *ret_code = *ret_code << 6 | (at[i] & 0x3f);
        return n;
}

static bool is_control(const uint8_t *character, size_t length) {
        /* U+0080 to U+009F steer terminals as ESC does. */
        if (length == 2)
                return character[0] == 0xc2 && character[1] < 0xa0;

        return length == 1 && (character[0] < 0x20 || character[0] == 0x7f);
}

/* Removes the beginning of a character whose end did not fit. */
static void drop_half_character(char *buffer, size_t length) {
        for (size_t back = 1; back < UTF8_MAX && back <= length; back++) {
                uint8_t byte = (uint8_t) buffer[length - back];

                if ((byte & 0xc0) == 0x80)
                        continue;
                if (utf8_expected_length(byte) > back)
                        buffer[length - back] = '\0';
                return;
        }
}

int text_copy(char *buffer, size_t size_bytes, const char *source) {
        size_t length = strlen(source);

        assert(size_bytes > 0);

        if (length < size_bytes) {
                memcpy(buffer, source, length + 1);
                return 0;
        }

        memcpy(buffer, source, size_bytes - 1);
        buffer[size_bytes - 1] = '\0';
        drop_half_character(buffer, size_bytes - 1);
        return -E2BIG;
}

int text_append_format(char *buffer, size_t size_bytes, const char *format, ...) {
        size_t length = strnlen(buffer, size_bytes), room = size_bytes - length;
        va_list arguments;
        int written;

        assert(length < size_bytes);

        va_start(arguments, format);
        written = vsnprintf(buffer + length, room, format, arguments);
        va_end(arguments);
        if (written < 0) {
                buffer[length] = '\0';
                return -E2BIG;
        }
        if ((size_t) written < room)
                return 0;

        drop_half_character(buffer, size_bytes - 1);
        return -E2BIG;
}

/* Writes one character or one escaped byte; returns how many bytes of @bytes it stands for. */
static size_t escape_one(const uint8_t *bytes, size_t length, char out[static ESCAPE_SIZE], size_t *ret_out_length) {
        static const char hex[] = "0123456789abcdef";
        size_t n = utf8_character(bytes, length);

        if (n == 0 || is_control(bytes, n) || bytes[0] == '\\') {
                const char escaped[ESCAPE_SIZE] = { '\\', 'x', hex[bytes[0] >> 4], hex[bytes[0] & 0xf] };

                memcpy(out, escaped, ESCAPE_SIZE);
                *ret_out_length = ESCAPE_SIZE;
                return 1;
        }

        memcpy(out, bytes, n);
        *ret_out_length = n;
        return n;
}

int text_append_escaped(char *buffer, size_t size_bytes, const char *bytes, size_t length) {
        size_t used = strnlen(buffer, size_bytes);

        assert(used < size_bytes);

        for (size_t position = 0; position < length;) {
                char out[ESCAPE_SIZE];
                size_t out_length;

                position += escape_one((const uint8_t *) bytes + position, length - position, out, &out_length);
                if (out_length >= size_bytes - used)
                        return -E2BIG;
                memcpy(buffer + used, out, out_length);
                used += out_length;
                buffer[used] = '\0';
        }

        return 0;
}

char *text_escape(const char *bytes, size_t length) {
        char *escaped;

        if (length > (SIZE_MAX - 1) / ESCAPE_SIZE)
                return NULL;

        escaped = malloc(length * ESCAPE_SIZE + 1);
        if (!escaped)
                return NULL;

        escaped[0] = '\0';
        (void) text_append_escaped(escaped, length * ESCAPE_SIZE + 1, bytes, length);
        return escaped;
}

uint32_t text_hash(const char *text) {
        uint32_t hash = UINT32_C(2166136261);

        for (; *text; text++)
                hash = (hash ^ (uint8_t) *text) * UINT32_C(16777619);
        return hash;
}

size_t text_distance(const char *a, const char *b) {
        /* Rows of the table of distances between the beginnings of both words; a swap looks two rows back. */
        size_t rows[3][DISTANCE_MAX_LENGTH + 1];
        size_t a_length = strlen(a), b_length = strlen(b);

        if (a_length > DISTANCE_MAX_LENGTH || b_length > DISTANCE_MAX_LENGTH)
                return SIZE_MAX;

        for (size_t j = 0; j <= b_length; j++)
                rows[0][j] = j;

        for (size_t i = 1; i <= a_length; i++) {
                size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];

                row[0] = i;
                for (size_t j = 1; j <= b_length; j++) {
                        size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

                        best = min_of(best, above[j] + 1);
                        best = min_of(best, row[j - 1] + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = min_of(best, rows[(i - 2) % 3][j - 2] + 1);
                        row[j] = best;
                }
        }

        return rows[a_length % 3][b_length];
}

const char *word_nearest(const char *word, const char *const *words, size_t n_words) {
        /* One slip in a short word, two in a longer one: more is another word. */
        size_t best_distance = strlen(word) <= 4 ? 1 : strlen(word) <= 8 ? 2 : 3;
        const char *best = NULL;

        for (size_t i = 0; i < n_words; i++) {
                size_t distance = words[i] ? text_distance(word, words[i]) : SIZE_MAX;

                if (distance <= best_distance && (!best || distance < best_distance)) {
                        best = words[i];
                        best_distance = distance;
                }
        }

        return best;
}
