/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much is kept: by age, by number and by the size of the file, which gives back to the file system what it does not
 * need any more.
 */

#include <errno.h>
#include <stdio.h>

#include "src/history/history-store-internal.h"

/* Beyond the limit rows go in portions, so that not every row costs a removal. */
#define TRIM_PORTION(n_max) ((n_max) / 100 + 1)
/* In one transaction, so that a limit that became much smaller does not keep anybody waiting for long; the next one
 * goes on. */
#define TRIM_SIZE_ROWS_MAX 5000
/* Room that is free within the file is used again; only more than this part of it is given back. */
#define FREE_SHARE 4
#define FREE_PAGES_MIN 256

/* One number, as PRAGMA has it. */
static int read_number(HistoryStore *store, sqlite3_stmt *statement, uint64_t *ret_number) {
        int rc;

        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
                *ret_number = (uint64_t) max_of(sqlite3_column_int64(statement, 0), INT64_C(0));
        (void) sqlite3_reset(statement);
        return rc == SQLITE_ROW ? 0 : rc == SQLITE_DONE ? -EIO : history_store_error(store->database, rc);
}

static int read_pragma(HistoryStore *store, const char *text, uint64_t *ret_number) {
        sqlite3_stmt *statement;
        int r;

        r = history_store_prepare(store, text, &statement);
        if (r < 0)
                return r;
        r = read_number(store, statement, ret_number);
        (void) sqlite3_finalize(statement);
        return r;
}

/* A file of an earlier version cannot shrink until it was written anew. That takes as much room again for a moment,
 * beside it and not in memory; where it is not to be had the file stays as it is, and the next start tries again. */
static int make_shrinkable(HistoryStore *store) {
        uint64_t mode = 0;
        int r;

        r = read_pragma(store, "PRAGMA auto_vacuum", &mode);
        if (r < 0 || mode != 0)
                return r;
        r = history_store_execute(store, "PRAGMA temp_store=FILE");
        if (r >= 0)
                (void) history_store_execute(store, "VACUUM");
        return r < 0 ? r : history_store_execute(store, "PRAGMA temp_store=MEMORY");
}

int history_store_limits_open(HistoryStore *store) {
        const struct {
                sqlite3_stmt **statement;
                const char *text;
        } statements[] = {
                { &store->trim,
                  "DELETE FROM history WHERE serial IN (SELECT serial FROM history ORDER BY serial LIMIT ?1)" },
                { &store->expire, "DELETE FROM history WHERE time_usec < ?1" },
                { &store->page_count, "PRAGMA page_count" },
                { &store->free_count, "PRAGMA freelist_count" },
        };
        int r = 0;

        if (!store->is_in_memory)
                r = make_shrinkable(store);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(statements); i++)
                r = history_store_prepare(store, statements[i].text, statements[i].statement);
        return r < 0 ? r : read_pragma(store, "PRAGMA page_size", &store->page_size_bytes);
}

void history_store_limits_close(HistoryStore *store) {
        (void) sqlite3_finalize(store->trim);
        (void) sqlite3_finalize(store->expire);
        (void) sqlite3_finalize(store->page_count);
        (void) sqlite3_finalize(store->free_count);
}

/* Runs a statement of one number. Returns how many rows it changed, or a negative errno. */
static int64_t remove_rows(HistoryStore *store, sqlite3_stmt *statement, uint64_t value) {
        int rc, changed;

        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) value);
        rc = sqlite3_step(statement);
        changed = sqlite3_changes(store->database);
        (void) sqlite3_reset(statement);
        if (rc != SQLITE_DONE)
                return history_store_error(store->database, rc);

        store->counts.n_rows -= min_of(store->counts.n_rows, (uint64_t) changed);
        return changed;
}

static int trim(HistoryStore *store, uint64_t n_rows) {
        int64_t n = remove_rows(store, store->trim, n_rows);

        if (n < 0)
                return (int) n;
        store->n_trimmed += (uint64_t) n;
        return 0;
}

static int give_back(HistoryStore *store, uint64_t n_pages) {
        char text[64];

        (void) snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%llu)", (unsigned long long) n_pages);
        return history_store_execute(store, text);
}

static int enforce_size(HistoryStore *store) {
        uint64_t n_pages_max = store->limits.size_max_bytes > 0 ?
                                       store->limits.size_max_bytes / store->page_size_bytes : UINT64_MAX;
        uint64_t n_pages = 0, n_free = 0, n_used;
        int r;

        if (store->is_in_memory)
                return 0;
        r = read_number(store, store->page_count, &n_pages);
        if (r >= 0)
                r = read_number(store, store->free_count, &n_free);
        n_used = n_pages - min_of(n_free, n_pages);
        if (r >= 0 && n_used > n_pages_max && store->counts.n_rows > 0) {
                /* As if all rows were of one size, and a portion more. */
                uint64_t n_over = n_used - n_pages_max + TRIM_PORTION(n_pages_max),
                         n_rows = store->counts.n_rows * min_of(n_over, n_used) / n_used + 1;

                r = trim(store, min_of(n_rows, (uint64_t) TRIM_SIZE_ROWS_MAX));
                if (r >= 0)
                        r = read_number(store, store->free_count, &n_free);
        }
        if (r < 0)
                return r;
        if (n_pages > n_pages_max && n_free > 0)
                return give_back(store, min_of(n_free, n_pages - n_pages_max));
        return n_free > FREE_PAGES_MIN && n_free > n_pages / FREE_SHARE ? give_back(store, n_free / 2) : 0;
}

int history_store_limits_enforce(HistoryStore *store, uint64_t now_realtime_usec) {
        int64_t n;
        int r = 0;

        if (now_realtime_usec > store->limits.age_max_usec) {
                n = remove_rows(store, store->expire, now_realtime_usec - store->limits.age_max_usec);
                if (n < 0)
                        return (int) n;
        }
        if (store->counts.n_rows > store->limits.n_rows_max)
                r = trim(store, store->counts.n_rows - store->limits.n_rows_max +
                                        TRIM_PORTION(store->limits.n_rows_max) - 1);
        return r < 0 ? r : enforce_size(store);
}

uint64_t history_store_size_bytes(const HistoryStore *store) {
        uint64_t n_pages = 0;

        if (read_number((HistoryStore *) store, store->page_count, &n_pages) < 0)
                return 0;
        return n_pages * store->page_size_bytes;
}
