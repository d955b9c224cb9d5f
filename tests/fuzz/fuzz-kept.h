/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For targets that read what healer-recorder keeps as a key and a value: an input is the key, a NUL byte, and the
 * value.
 */
#pragma once

#include <string.h>

#include "tests/fuzz/fuzz-target.h"

/* Returns the value, to be freed: no byte more than there is, so that a sanitizer sees reading beyond the end. NULL:
 * the input is no such thing. The key is @data. */
static inline void *fuzz_kept_value(const uint8_t *data, size_t size, size_t *ret_value_size) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        void *value;

        if (!end)
                return NULL;
        *ret_value_size = size - (size_t) (end + 1 - data);
        value = malloc(*ret_value_size > 0 ? *ret_value_size : 1);
        if (value)
                memcpy(value, end + 1, *ret_value_size);
        return value;
}
