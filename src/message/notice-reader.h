/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the bus shows of notifications, without knowing who sends them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct NoticeReader {
        uint64_t (*n_waiting)(void *userdata);
        uint64_t (*n_dropped)(void *userdata);
        /* Names of routes that fail; NULL: no more. */
        const char *(*failing)(void *userdata, size_t index);
        void *userdata;
} NoticeReader;
