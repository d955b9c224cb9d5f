/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and their values. A store in memory stands in for one in a folder, which may have a key that was removed
 * meanwhile; so it remembers that as a key without a value (NULL), until history_store_copy() has brought it there.
 */

#include <errno.h>
#include <string.h>

#include "src/history/history-store-internal.h"

typedef enum Found {
        FOUND_NOTHING,
        FOUND_REMOVED,
        FOUND_VALUE,
} Found;

static int count_kept(HistoryStore *store) {
        sqlite3_stmt *statement;
        int r, rc;

        r = history_store_prepare(store, "SELECT count(value), count(*) FROM kept", &statement);
        if (r < 0)
                return r;
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW) {
                store->counts.n_kept = (uint64_t) sqlite3_column_int64(statement, 0);
                store->counts.n_removed = (uint64_t) sqlite3_column_int64(statement, 1) - store->counts.n_kept;
        }
        (void) sqlite3_finalize(statement);
        return history_store_error(store->database, rc);
}

int history_store_kept_open(HistoryStore *store) {
        const struct {
                sqlite3_stmt **statement;
                const char *text;
        } statements[] = {
                { &store->kept_find, "SELECT value IS NOT NULL FROM kept WHERE key = ?1" },
                { &store->kept_put,
                  "INSERT INTO kept (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2" },
                { &store->kept_delete, "DELETE FROM kept WHERE key = ?1" },
                { &store->kept_all, "SELECT key, value FROM kept ORDER BY key" },
                { &store->kept_trim,
                  "DELETE FROM kept WHERE rowid IN"
                  " (SELECT rowid FROM kept WHERE value IS NULL ORDER BY rowid LIMIT ?1)" },
        };

        for (size_t i = 0; i < ELEMENTSOF(statements); i++) {
                int r = history_store_prepare(store, statements[i].text, statements[i].statement);

                if (r < 0)
                        return r;
        }
        return count_kept(store);
}

void history_store_kept_close(HistoryStore *store) {
        (void) sqlite3_finalize(store->kept_find);
        (void) sqlite3_finalize(store->kept_put);
        (void) sqlite3_finalize(store->kept_delete);
        (void) sqlite3_finalize(store->kept_all);
        (void) sqlite3_finalize(store->kept_trim);
}

/* Runs a statement that has its values and answers with one row at most. Returns 1 with @ret_value if there was one, 0,
 * or a negative errno, and everything since the beginning is undone. */
static int run(HistoryStore *store, sqlite3_stmt *statement, int *ret_value) {
        int rc, r;

        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW && ret_value)
                *ret_value = sqlite3_column_int(statement, 0);
        r = history_store_error(store->database, rc);
        (void) sqlite3_reset(statement);
        (void) sqlite3_clear_bindings(statement);
        if (r < 0)
                history_store_undo(store);
        return r < 0 ? r : rc == SQLITE_ROW;
}

static void bind_key(sqlite3_stmt *statement, const char *key) {
        (void) sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
}

static int find(HistoryStore *store, const char *key, Found *ret_found) {
        int r, has_value = 0;

        bind_key(store->kept_find, key);
        r = run(store, store->kept_find, &has_value);
        if (r < 0)
                return r;
        *ret_found = r == 0 ? FOUND_NOTHING : has_value ? FOUND_VALUE : FOUND_REMOVED;
        return 0;
}

int history_store_put(HistoryStore *store, const HistoryEntry *entry) {
        const char *key = history_entry_key(entry);
        Found found;
        int r;

        r = find(store, key, &found);
        if (r < 0)
                return r;
        if (found != FOUND_VALUE && store->counts.n_kept >= store->limits.n_kept_max)
                return -ENOBUFS;

        bind_key(store->kept_put, key);
        /* A value of no bytes is one all the same: a blob of no size, where a NULL pointer would be no value. */
        (void) sqlite3_bind_blob(store->kept_put, 2, entry->value_size > 0 ? history_entry_value(entry) : "",
                                 (int) entry->value_size, SQLITE_STATIC);
        r = run(store, store->kept_put, NULL);
        if (r < 0)
                return r;

        store->counts.n_kept += found != FOUND_VALUE;
        store->counts.n_removed -= found == FOUND_REMOVED;
        return 0;
}

int history_store_remove(HistoryStore *store, const char *key) {
        sqlite3_stmt *statement = store->is_in_memory ? store->kept_put : store->kept_delete;
        Found found;
        int r;

        r = find(store, key, &found);
        if (r < 0)
                return r;
        if (found == FOUND_REMOVED || (found == FOUND_NOTHING && !store->is_in_memory))
                return 0;

        /* Without a second value, which is NULL then. */
        bind_key(statement, key);
        r = run(store, statement, NULL);
        if (r < 0)
                return r;

        store->counts.n_kept -= found == FOUND_VALUE;
        store->counts.n_removed += store->is_in_memory;
        return 0;
}

int history_store_kept_enforce_limits(HistoryStore *store) {
        uint64_t n_max = store->limits.n_kept_max, n;
        int r;

        if (store->counts.n_removed <= n_max)
                return 0;

        n = store->counts.n_removed - n_max;
        (void) sqlite3_bind_int64(store->kept_trim, 1, (sqlite3_int64) n);
        r = run(store, store->kept_trim, NULL);
        if (r < 0)
                return r;
        store->counts.n_removed -= n;
        store->n_removed_forgotten += n;
        return 0;
}

/* What stands in a file may have been written by anybody who could. Returns true if it makes sense. */
static bool read_entry(sqlite3_stmt *statement, HistoryMessage *ret_message) {
        const char *key = (const char *) sqlite3_column_text(statement, 0);
        const void *value = sqlite3_column_blob(statement, 1);
        int size = sqlite3_column_bytes(statement, 1);

        if (!key || !history_key_is_valid(key) || size < 0 || size > HISTORY_VALUE_MAX)
                return false;
        history_message_set_entry(ret_message, HISTORY_KEPT, 0, key, value, value ? (size_t) size : 0);
        return true;
}

/* Calls @on_entry for each key, with whether it has a value. A negative result of it is returned. */
static int each(HistoryStore *store, int (*on_entry)(void *userdata, const HistoryMessage *entry, bool has_value),
                void *userdata) {
        sqlite3_stmt *statement = store->kept_all;
        HistoryMessage message;
        int r = 0, rc;

        while ((rc = sqlite3_step(statement)) == SQLITE_ROW && r >= 0)
                /* A key that makes no sense hides no other. */
                if (read_entry(statement, &message))
                        r = on_entry(userdata, &message, sqlite3_column_type(statement, 1) != SQLITE_NULL);
        if (r >= 0)
                r = history_store_error(store->database, rc);
        (void) sqlite3_reset(statement);
        return r;
}

typedef struct Listing {
        HistoryStoreRow on_row;
        void *userdata;
} Listing;

static int list_entry(void *userdata, const HistoryMessage *entry, bool has_value) {
        const Listing *listing = userdata;

        return has_value ? listing->on_row(listing->userdata, entry) : 0;
}

int history_store_each_kept(HistoryStore *store, HistoryStoreRow on_row, void *userdata) {
        Listing listing = { on_row, userdata };

        return each(store, list_entry, &listing);
}

static int copy_entry(void *userdata, const HistoryMessage *message, bool has_value) {
        HistoryStore *to = userdata;
        int r;

        r = has_value ? history_store_put(to, &message->entry) :
                        history_store_remove(to, history_entry_key(&message->entry));
        /* There is a healerd that has it, or it is in no greater need than what is there. */
        return r == -ENOBUFS ? 0 : r;
}

int history_store_kept_copy(HistoryStore *from, HistoryStore *to) {
        return each(from, copy_entry, to);
}

uint64_t history_store_n_kept(const HistoryStore *store) {
        return store->counts.n_kept;
}

uint64_t history_store_n_removed_forgotten(const HistoryStore *store) {
        return store->n_removed_forgotten;
}

int history_store_sync(HistoryStore *store) {
        if (store->is_in_memory)
                return 0;

        /* Syncs the log before it brings it over, and the database behind it. */
        return history_store_error(store->database, sqlite3_wal_checkpoint_v2(store->database, NULL,
                                                                              SQLITE_CHECKPOINT_PASSIVE, NULL, NULL));
}
