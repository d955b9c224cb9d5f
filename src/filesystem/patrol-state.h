/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far the patrol of a file system is, and how that is kept beyond the life of healerd.
 */
#pragma once

#include "src/filesystem/kept-row.h"
#include "src/protocol/worker-protocol.h"

/* Of the pass that is going on, or of the last one if it is done. All zero: there was none. */
typedef struct PatrolState {
        PatrolPosition position;
        uint64_t began_realtime_usec;
        uint64_t ended_realtime_usec;   /* of the last pass that came to its end; 0: none has */
        uint64_t clean_realtime_usec;   /* of the last one that also found nothing; 0: none has */
        uint64_t n_checked, n_damaged;
        uint64_t n_unreadable;          /* could not be checked */
        uint64_t busy_usec;             /* in the kernel */
        uint64_t read_bytes;            /* from its disks */
} PatrolState;

/* The first component of the keys; then the UUID. */
#define PATROL_KEY_PREFIX "patrol/"

char *patrol_key(const uint8_t uuid[static UUID_SIZE], char buffer[static KEPT_KEY_SIZE]);

/* One line of numbers, not terminated. Returns its size. */
size_t patrol_value(const PatrolState *state, char buffer[static KEPT_LINE_SIZE]);

/* Pure. Returns: 0; -EPROTONOSUPPORT for a value of another version; -EBADMSG for anything else that patrol_key() and
 * patrol_value() do not make. */
int patrol_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                PatrolState *ret_state);
