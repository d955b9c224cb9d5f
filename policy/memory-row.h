/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A remembered entry as one line of text, to be kept over restarts and reboots, and back. A line holds ages, and the
 * moment at which it was written on both clocks: within one boot ages grow by the clock that counts suspend, over a
 * reboot by the one on the wall, and never backwards.
 */
#pragma once

#include "policy/memory-table.h"

#define MEMORY_ROW_SIZE 4096
#define BOOT_ID_SIZE 37

typedef struct MemoryMoment {
        char boot_id[BOOT_ID_SIZE];
        int64_t boottime_usec;
        int64_t realtime_usec;
} MemoryMoment;

/* How long before @now the moment @written was, in microseconds; at least 0. */
int64_t memory_moment_age(const MemoryMoment *written, const MemoryMoment *now);

/* Marks that do not fit are left out, the oldest first. Returns @buffer. */
char *memory_row_format(const MemoryEntry *entry, const MemoryMoment *now, char buffer[static MEMORY_ROW_SIZE]);

/**
 * memory_row_parse() - fill an entry from a line
 *
 * What was under way when it was written is not any more. Returns: 0; -EINVAL if it is no such line (@entry is
 * unchanged); -ENOMEM.
 */
int memory_row_parse(const char *text, const MemoryMoment *now, MemoryEntry *entry);
