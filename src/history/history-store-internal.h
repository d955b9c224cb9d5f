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
        uint64_t page_size_bytes;
        sqlite3_stmt *insert;
        sqlite3_stmt *trim;
        sqlite3_stmt *expire;
        sqlite3_stmt *page_count;
        sqlite3_stmt *free_count;
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
int history_store_execute(HistoryStore *store, const char *text);
int history_store_prepare(HistoryStore *store, const char *text, sqlite3_stmt **ret_statement);
/* Undoes everything since history_store_begin(). */
void history_store_undo(HistoryStore *store);

/* history-store-query.c; "serial,type,"time_usec",…": the order of every statement. */
#define HISTORY_STATEMENT_SIZE 4096
#define HISTORY_COLUMN_NUMBERS 2
#define HISTORY_COLUMN_TEXTS (HISTORY_COLUMN_NUMBERS + N_HISTORY_NUMBERS)
#define N_HISTORY_COLUMNS (HISTORY_COLUMN_TEXTS + N_HISTORY_TEXTS)
void history_store_append_columns(char text[static HISTORY_STATEMENT_SIZE]);

/* history-store-limits.c, for the life of the store */
int history_store_limits_open(HistoryStore *store);
void history_store_limits_close(HistoryStore *store);
/* Within a transaction. */
int history_store_limits_enforce(HistoryStore *store, uint64_t now_realtime_usec);

/* history-store-kept.c, for the life of the store */
int history_store_kept_open(HistoryStore *store);
void history_store_kept_close(HistoryStore *store);
/* Within a transaction. */
int history_store_kept_enforce_limits(HistoryStore *store);
int history_store_kept_copy(HistoryStore *from, HistoryStore *to);
