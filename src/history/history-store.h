/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history and the keys that are kept in an SQLite database, in a folder or in memory. Nothing here waits for a lock
 * or retries: what a full, sick or read-only disk cannot do is an errno, and the caller goes on with another store.
 */
#pragma once

#include <sys/types.h>

#include "src/basic/cleanup.h"
#include "src/history/history-protocol.h"

#define HISTORY_FILE_NAME "history.sqlite"

typedef struct HistoryLimits {
        uint64_t n_rows_max;
        uint64_t age_max_usec;          /* older rows go */
        uint64_t n_kept_max;            /* keys; more are refused */
        uint64_t size_max_bytes;        /* of the file; oldest rows go. 0: any, as in memory */
} HistoryLimits;

typedef struct HistoryStore HistoryStore;

/**
 * history_store_open() - open or make the database
 * @folder: its folder, which has to belong to us and to nobody else; NULL: in memory
 *
 * Returns: 0; -EUCLEAN if the file is damaged; -EPROTONOSUPPORT if a newer program wrote it (it is left untouched);
 * -EPERM if others may write to the folder; -ENOSPC, -EROFS, -EIO, -EBUSY (somebody has it open) or another negative
 * errno.
 */
int history_store_open(const char *folder, const HistoryLimits *limits, HistoryStore **ret_store);
HistoryStore *history_store_close(HistoryStore *store);
DEFINE_CLEANUP(HistoryStore, history_store_close)

/* Moves a damaged database out of the way, beside itself; the one that was moved before is overwritten. */
int history_store_set_aside(const char *folder);

/* Between the two, history_store_add() is one transaction: all of it is kept or nothing. A failure of either, or of an
 * add, has undone everything since the beginning. */
int history_store_begin(HistoryStore *store);
/* @now_realtime_usec: 0 if the time of day is not to be trusted; then no row is too old. */
int history_store_commit(HistoryStore *store, uint64_t now_realtime_usec);

/* Keeps a row that was checked; one with a serial that is there already is the same row and changes nothing. */
int history_store_add(HistoryStore *store, const HistoryRow *row);

typedef int (*HistoryStoreRow)(void *userdata, const HistoryMessage *message);

/* Calls @on_row with a HISTORY_ROW for each row that is asked for, oldest first; a negative result of it ends the query
 * and is returned. */
int history_store_query(HistoryStore *store, const HistoryQuery *query, HistoryStoreRow on_row, void *userdata);

/* Within a transaction as well: gives the key this value. Returns 0; -ENOBUFS at the limit, and nothing is undone; or
 * another negative errno. */
int history_store_put(HistoryStore *store, const HistoryEntry *entry);
/* A key that has no value is no error. */
int history_store_remove(HistoryStore *store, const char *key);
/* Calls @on_row with a HISTORY_KEPT for each key, in the order of strcmp(); a negative result of it ends this and is
 * returned. */
int history_store_each_kept(HistoryStore *store, HistoryStoreRow on_row, void *userdata);

/* What was committed is on the disk when this returns, whatever becomes of the machine then; without it a commit
 * outlives our processes alone. */
int history_store_sync(HistoryStore *store);

/* Adds everything that @from has, in one transaction. Keys that were removed from a store in memory are removed. */
int history_store_copy(HistoryStore *from, HistoryStore *to, uint64_t now_realtime_usec);

uint64_t history_store_n_rows(const HistoryStore *store);
/* Of the file, without the log beside it, which has 4 MiB at most when nothing is written. */
uint64_t history_store_size_bytes(const HistoryStore *store);
uint64_t history_store_n_kept(const HistoryStore *store);
/* Removals that a store in memory had no room to remember, since it was opened. */
uint64_t history_store_n_removed_forgotten(const HistoryStore *store);
/* The highest serial of a row; 0 without rows. */
uint64_t history_store_last_serial(const HistoryStore *store);
/* Rows that had to go because of n_rows_max or size_max_bytes, since it was opened. */
uint64_t history_store_n_trimmed(const HistoryStore *store);
