/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ties enum values to their words: one array and one line for each enum.
 */
#pragma once

#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"

#define DECLARE_NAMES(prefix, type)                                     \
        /* Returns the word of a value; NULL for a value without one. */ \
        const char *prefix##_to_name(type value);                       \
        /* Returns 0, or -EINVAL if no value has this word. */          \
        int prefix##_from_name(const char *name, type *ret_value);

/* Needs `static const char *const prefix##_names[]` with a designated word for each value. */
#define DEFINE_NAMES(prefix, type)                                                                      \
        const char *prefix##_to_name(type value) {                                                      \
                return (size_t) value < ELEMENTSOF(prefix##_names) ? prefix##_names[value] : NULL;      \
        }                                                                                               \
        int prefix##_from_name(const char *name, type *ret_value) {                                     \
                for (size_t i = 0; i < ELEMENTSOF(prefix##_names); i++)                                 \
                        if (prefix##_names[i] && strcmp(prefix##_names[i], name) == 0) {                \
                                *ret_value = (type) i;                                                  \
                                return 0;                                                               \
                        }                                                                               \
                return -EINVAL;                                                                         \
        }
