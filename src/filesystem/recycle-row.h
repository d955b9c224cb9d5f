/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept while a file system is unmounted and mounted again: "1 BOOT EVENT STAGE UNIT UNIT…" under
 * "recycle/UUID", for a healerd that is killed in the middle. What is read of it becomes a command for people to type,
 * so it is read like foreign bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/filesystem/kept-row.h"

#define RECYCLE_KEY_PREFIX "recycle/"
#define RECYCLE_BOOT_SIZE 37
/* Names of units, in a row and in a condition; more are counted. */
#define RECYCLE_UNITS_SIZE 1536
#define RECYCLE_ROW_SIZE (RECYCLE_UNITS_SIZE + 128)

typedef struct RecycleRow {
        char boot_id[RECYCLE_BOOT_SIZE];
        uint64_t event_id;
        uint64_t stage;
        char units[RECYCLE_UNITS_SIZE]; /* "a.service b.service +3"; may be "" */
} RecycleRow;

/* @buffer: terminated. Returns its length. */
size_t recycle_row_write(const RecycleRow *row, char buffer[static RECYCLE_ROW_SIZE]);

/* @value: not terminated. Returns 0; -EPROTONOSUPPORT for another version; -EBADMSG for anything else. */
int recycle_row_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                     RecycleRow *ret_row);
