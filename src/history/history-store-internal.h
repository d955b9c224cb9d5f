/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two files of the store share: one has the rows of what happened, the other the keys that are kept.
 */
#pragma once

#include <sqlite3.h>

#include "src/history/history-store.h"

/* What changes within a transaction, and is as before when it is undone. */
typedef struct HistoryCounts {
        uint64_t n_rows;
        uint64_t n_kept;                /* keys with a value */
        uint64_t n_removed;             /* keys that memory remembers to have none */
} HistoryCounts;

struct HistoryStore {
        sqlite3 *database;
        bool is_in_memory;
        sqlite3_stmt *insert;
        sqlite3_stmt *select;
        sqlite3_stmt *select_event;     /* of one event, by the index */
        sqlite3_stmt *trim;
        sqlite3_stmt *expire;
        sqlite3_stmt *kept_find;
        sqlite3_stmt *kept_put;
        sqlite3_stmt *kept_delete;
        sqlite3_stmt *kept_all;
        sqlite3_stmt *kept_trim;
        HistoryLimits limits;
        HistoryCounts counts;
        HistoryCounts counts_before;    /* at the beginning of the transaction */
        uint64_t n_trimmed;
        uint64_t n_removed_forgotten;
        uint64_t last_serial;
};

/* 0 for what is no error, else a negative errno. */
int history_store_error(sqlite3 *database, int code);
int history_store_prepare(HistoryStore *store, const char *text, sqlite3_stmt **ret_statement);
/* Undoes everything since history_store_begin(). */
void history_store_undo(HistoryStore *store);

/* history-store-kept.c, for the life of the store */
int history_store_kept_open(HistoryStore *store);
void history_store_kept_close(HistoryStore *store);
/* Within a transaction. */
int history_store_kept_enforce_limits(HistoryStore *store);
int history_store_kept_copy(HistoryStore *from, HistoryStore *to);
