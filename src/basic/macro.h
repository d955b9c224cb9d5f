/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few language helpers that every folder uses.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define ELEMENTSOF(array)                                                                       \
        (sizeof(array) / sizeof((array)[0]) +                                                   \
         0 * sizeof(char[__builtin_types_compatible_p(typeof(array), typeof(&(array)[0])) ? -1 : 1]))

#define container_of(member_pointer, type, member)                                              \
        ((type *) (void *) ((char *) (member_pointer) - offsetof(type, member)))

#define _printf_(format, first) __attribute__((__format__(printf, format, first)))
#define _unused_ __attribute__((__unused__))

#define min_of(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? _a : _b; })
#define max_of(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })

/* What the call that failed just now says, as a negative errno; never 0, or what depends on it would pass for filled
 * in. Written so that the analyser can follow it ("0 -"). */
static inline int negative_errno(void) {
        int negative = 0 - errno;

        return negative < 0 ? negative : -EIO;
}

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define NSEC_PER_USEC UINT64_C(1000)
/* "no deadline", "not known": the same value as systemd's infinity. */
#define USEC_INFINITY UINT64_MAX
