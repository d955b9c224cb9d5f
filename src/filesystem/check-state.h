/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last full check of a file system, and how that is kept beyond the life of healerd.
 */
#pragma once

#include "src/model/filesystem-facts.h"
#include "src/model/job-report.h"

/* All zero: none is known. */
typedef struct CheckState {
        uint64_t ended_usec;            /* wall clock: the last one that looked at everything */
        uint64_t others_usec;           /* the last of them that no schedule of ours has begun */
        Outcome outcome;
} CheckState;

/* The first component of the keys; then the UUID. */
#define CHECK_KEY_PREFIX "checked/"
#define CHECK_KEY_SIZE 64
#define CHECK_VALUE_SIZE 96

char *check_key(const uint8_t uuid[static UUID_SIZE], char buffer[static CHECK_KEY_SIZE]);

/* One line, not terminated. Returns its size. */
size_t check_value(const CheckState *state, char buffer[static CHECK_VALUE_SIZE]);

/* Pure. Returns: 0; -EPROTONOSUPPORT for a value of another version; -EBADMSG for anything else that check_key() and
 * check_value() do not make. */
int check_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
               CheckState *ret_state);
