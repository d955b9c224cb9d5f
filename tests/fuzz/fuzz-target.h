/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every fuzz target has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() may be compiled out. */
static inline void require(bool is_true) {
        if (!is_true)
                abort();
}
