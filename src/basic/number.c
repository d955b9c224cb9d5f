/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict numbers. strtoull() is not used: it takes blanks, signs and octal, and says success for them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/number.h"

static int digit_value(char digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        if (digit >= 'A' && digit <= 'F')
                return digit - 'A' + 10;
        return -EINVAL;
}

/* Reads the whole text, so that garbage behind a number that is too large is still garbage. */
static int parse_magnitude(const char *text, uint64_t *ret_value) {
        bool is_hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
        uint64_t base = is_hexadecimal ? 16 : 10;
        uint64_t value = 0;
        bool is_too_large = false;

        if (is_hexadecimal)
                text += 2;
        else if (text[0] == '0' && text[1] != '\0')
                return -EINVAL; /* half of the readers would take 010 for eight */

        if (text[0] == '\0')
                return -EINVAL;

        for (; *text; text++) {
                int digit = digit_value(*text);

                if (digit < 0 || (uint64_t) digit >= base)
                        return -EINVAL;
                if (value > (UINT64_MAX - (uint64_t) digit) / base)
                        is_too_large = true;
                else
                        value = value * base + (uint64_t) digit;
        }

        if (is_too_large)
                return -ERANGE;

        *ret_value = value;
        return 0;
}

int number_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value) {
        uint64_t value = 0;
        int r;

        r = parse_magnitude(text, &value);
        if (r < 0)
                return r;
        if (value < min || value > max)
                return -ERANGE;

        *ret_value = value;
        return 0;
}

int number_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value) {
        bool is_negative = text[0] == '-';
        uint64_t limit = is_negative ? (uint64_t) INT64_MAX + 1 : (uint64_t) INT64_MAX;
        uint64_t magnitude = 0;
        int64_t value;
        int r;

        r = parse_magnitude(text + is_negative, &magnitude);
        if (r < 0)
                return r;
        if (magnitude > limit)
                return -ERANGE;

        if (!is_negative)
                value = (int64_t) magnitude;
        else if (magnitude == 0)
                value = 0;
        else
                value = -(int64_t) (magnitude - 1) - 1; /* INT64_MIN has no positive counterpart */

        if (value < min || value > max)
                return -ERANGE;

        *ret_value = value;
        return 0;
}

static const char byte_units[] = "KMGT";

int number_parse_bytes(const char *text, uint64_t *ret_bytes) {
        size_t length = strlen(text);
        const char *unit = length > 0 ? strchr(byte_units, text[length - 1]) : NULL;
        unsigned shift = unit ? 10 * (unsigned) (unit - byte_units + 1) : 0;
        char digits[BYTES_TEXT_SIZE];
        uint64_t value;
        int r;

        if (length >= sizeof(digits))
                return -ERANGE;
        memcpy(digits, text, length + 1);
        if (unit)
                digits[length - 1] = '\0';
        r = number_parse_u64(digits, 0, UINT64_MAX >> shift, &value);
        if (r < 0)
                return r;

        *ret_bytes = value << shift;
        return 0;
}

char *number_format_bytes(uint64_t bytes, char buffer[static BYTES_TEXT_SIZE]) {
        size_t n = 0;

        while (bytes > 0 && bytes % 1024 == 0 && n < strlen(byte_units)) {
                bytes /= 1024;
                n++;
        }
        (void) snprintf(buffer, BYTES_TEXT_SIZE, "%" PRIu64 "%.1s", bytes, n > 0 ? byte_units + n - 1 : "");
        return buffer;
}
