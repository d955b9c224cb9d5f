/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy remembers, as somebody may have written it into the store: a key, a newline, and the line. What is
 * taken up is written again, and is the same then.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/deferred-table.h"
#include "policy/policy-memory.h"
#include "tests/fuzz/fuzz-target.h"

#define BOOTTIME_USEC (1000 * USEC_PER_SEC)
#define REALTIME_USEC (2000000 * USEC_PER_SEC)

static void try_memory(const char *key, const char *line) {
        _cleanup_(policy_memory_free_at) PolicyMemory *memory = NULL, *again = NULL;
        char key_again[MEMORY_KEY_SIZE], text[MEMORY_ROW_SIZE], text_again[MEMORY_ROW_SIZE];

        require(policy_memory_new("boot", &memory) == 0 && policy_memory_new("boot", &again) == 0);
        if (policy_memory_adopt(memory, key, line, BOOTTIME_USEC, REALTIME_USEC) < 0)
                return;
        require(policy_memory_take_change(memory, BOOTTIME_USEC, REALTIME_USEC, key_again, text));
        require(strcmp(key, key_again) == 0 && text[0]);
        require(policy_memory_adopt(again, key, text, BOOTTIME_USEC, REALTIME_USEC) == 0);
        require(policy_memory_take_change(again, BOOTTIME_USEC, REALTIME_USEC, key_again, text_again));
        require(strcmp(text, text_again) == 0);
}

static void try_deferred(const char *key, const char *line) {
        _cleanup_(deferred_table_free_at) DeferredTable *table = NULL, *again = NULL;
        const MemoryMoment now = {
                .boot_id = "boot",
                .boottime_usec = BOOTTIME_USEC,
                .realtime_usec = REALTIME_USEC,
        };
        char row[DEFERRED_ROW_SIZE], row_again[DEFERRED_ROW_SIZE];
        const Deferred *item;

        require(deferred_table_new(&table) == 0 && deferred_table_new(&again) == 0);
        if (deferred_table_adopt(table, key, line, &now) < 0) {
                require(deferred_table_count(table) == 0);
                return;
        }
        item = deferred_table_next(table, NULL);
        require(item && item->n_events == 1 && strcmp(item->key, key) == 0);
        (void) deferred_table_due(table, BOOTTIME_USEC);
        (void) deferred_table_due_usec(table);
        deferred_row_format(item, 0, &now, row);
        require(deferred_table_adopt(again, key, row, &now) == 0);
        deferred_row_format(deferred_table_next(again, NULL), 0, &now, row_again);
        require(strcmp(row, row_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = malloc(size + 1), *line;

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        line = strchr(text, '\n');
        if (line) {
                *line++ = '\0';
                try_memory(text, line);
                try_deferred(text, line);
        }
        free(text);
        return 0;
}
