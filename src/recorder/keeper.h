/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where rows and kept keys go: the database in the folder, or memory while that cannot be used, and back.
 */
#pragma once

#include "src/history/history-store.h"

/* The time of day, as far as old rows may go by it. */
typedef struct KeeperClock {
        uint64_t realtime_usec, boottime_usec;  /* since when it runs straight; 0: not looked at yet */
} KeeperClock;

#define KEEPER_CLOCK_JUMP_USEC USEC_PER_HOUR
#define KEEPER_CLOCK_TRUSTED_USEC USEC_PER_DAY

/* Returns @realtime_usec if the clock has run straight for a day, else 0: one that is wrong for an hour, at boot or by
 * mistake, must not cost a year of history. */
uint64_t keeper_clock_look(KeeperClock *clock, uint64_t realtime_usec, uint64_t boottime_usec);

typedef struct Keeper {
        const char *folder;             /* borrowed */
        HistoryLimits disk_limits, memory_limits;
        HistoryStore *store;            /* the one in use; NULL only before the first keeper_open() */
        HistoryPlace place;
        int error;                      /* positive errno: why memory */
        uint64_t n_lost;                /* rows that memory had no room for, in all */
        uint64_t n_removed;             /* rows that went from the folder to make room for others, in all */
        uint64_t n_trimmed_counted;
        uint64_t n_refused;             /* keys for which there was no room, in all */
        bool is_forgetting_logged;
        KeeperClock clock;
        bool was_set_aside;             /* a damaged file is moved away once in a run, not again and again */
} Keeper;

/* Opens the folder, or memory if it cannot be used (said in the log). Returns 0, or a negative errno if not even memory
 * can. */
int keeper_open(Keeper *keeper);
void keeper_close(Keeper *keeper);

/* Tries the folder again. Returns 1 if what memory held is there now; 0 if memory goes on. */
int keeper_retry(Keeper *keeper);

/**
 * keeper_take() - keep rows, and change kept keys
 * @messages: HISTORY_RECORD, HISTORY_PUT and HISTORY_REMOVE, in the order in which they count
 *
 * All of them or none, but for keys beyond the limit, which are counted; what the folder does not take goes to memory.
 * Returns: 0, or a negative errno if neither could.
 */
int keeper_take(Keeper *keeper, const HistoryMessage *const *messages, size_t n);

/* The highest serial where rows go now; 0: none yet. */
uint64_t keeper_last_serial(const Keeper *keeper);

/* Calls @on_row for each kept key. What the folder cannot say is an error, and memory, with no key, goes on. */
int keeper_each_kept(Keeper *keeper, HistoryStoreRow on_row, void *userdata);

/* What was taken is on the disk when this returns, if it goes there; a folder that does not take it is left for memory,
 * which has none of it. */
void keeper_sync(Keeper *keeper);

int keeper_query(Keeper *keeper, const HistoryQuery *query, HistoryStoreRow on_row, void *userdata);
