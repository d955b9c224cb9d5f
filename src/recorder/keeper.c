/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While memory stands in, what is in the folder is neither read nor written: a database that failed once is opened anew
 * before it is trusted again.
 */

#include "src/recorder/keeper.h"

#include <errno.h>
#include <inttypes.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"

static int open_disk(Keeper *keeper, HistoryStore **ret_store) {
        int r, error;

        r = history_store_open(keeper->folder, &keeper->disk_limits, ret_store);
        if (r != -EUCLEAN || keeper->was_set_aside)
                return r;

        keeper->was_set_aside = true;
        error = history_store_set_aside(keeper->folder);
        if (error < 0)
                return r;
        log_warning("%s: the history was damaged; it is kept as " HISTORY_FILE_NAME ".damaged and a new one begins",
                    keeper->folder);
        return history_store_open(keeper->folder, &keeper->disk_limits, ret_store);
}

static const char *advice(int error) {
        switch (-error) {
        case EPROTONOSUPPORT:
                return " (a newer version wrote it)";
        case EPERM:
                return " (the folder must belong to this user alone)";
        case EUCLEAN:
                return " (the database is damaged)";
        default:
                return "";
        }
}

/* Takes over from the folder, with an empty memory. */
static int use_memory(Keeper *keeper, int error) {
        HistoryStore *memory;
        int r;

        r = history_store_open(NULL, &keeper->memory_limits, &memory);
        if (r < 0)
                return log_error_errno(r, "cannot keep the history even in memory: %m");

        log_warning_errno(error,
                          "%s: cannot keep the history there, keeping the newest %" PRIu64 " entries in memory: %m%s",
                          keeper->folder, keeper->memory_limits.n_rows_max, advice(error));
        keeper->store = history_store_close(keeper->store);
        keeper->store = memory;
        keeper->n_trimmed_counted = 0;
        keeper->place = HISTORY_PLACE_MEMORY;
        keeper->error = -error;
        return 0;
}

uint64_t keeper_clock_look(KeeperClock *clock, uint64_t realtime_usec, uint64_t boottime_usec) {
        uint64_t elapsed_usec = boottime_usec - clock->boottime_usec,
                 expected_usec = clock->realtime_usec + elapsed_usec;
        uint64_t off_usec = realtime_usec > expected_usec ? realtime_usec - expected_usec :
                                                            expected_usec - realtime_usec;

        if (clock->realtime_usec == 0 || off_usec > KEEPER_CLOCK_JUMP_USEC) {
                *clock = (KeeperClock) { realtime_usec, boottime_usec };
                return 0;
        }
        return elapsed_usec >= KEEPER_CLOCK_TRUSTED_USEC ? realtime_usec : 0;
}

static uint64_t look_at_clock(Keeper *keeper) {
        return keeper_clock_look(&keeper->clock, clock_realtime_usec(), clock_boottime_usec());
}

int keeper_open(Keeper *keeper) {
        int r;

        r = open_disk(keeper, &keeper->store);
        if (r < 0)
                return use_memory(keeper, r);

        keeper->place = HISTORY_PLACE_DISK;
        keeper->error = 0;
        log_info("%s: history of %" PRIu64 " entries, %" PRIu64 " values of kept state", keeper->folder,
                 history_store_n_rows(keeper->store), history_store_n_kept(keeper->store));
        return 0;
}

void keeper_close(Keeper *keeper) {
        if (keeper->store && keeper->place == HISTORY_PLACE_MEMORY &&
            history_store_n_rows(keeper->store) + history_store_n_kept(keeper->store) > 0)
                log_warning("%" PRIu64 " entries of the history and %" PRIu64
                            " values of kept state were in memory only and end with this process",
                            history_store_n_rows(keeper->store), history_store_n_kept(keeper->store));
        keeper->store = history_store_close(keeper->store);
}

int keeper_retry(Keeper *keeper) {
        _cleanup_(history_store_close_at) HistoryStore *disk = NULL;
        uint64_t n_rows;
        int r;

        if (keeper->place == HISTORY_PLACE_DISK)
                return 1;

        n_rows = history_store_n_rows(keeper->store);
        r = open_disk(keeper, &disk);
        if (r >= 0)
                r = history_store_copy(keeper->store, disk, look_at_clock(keeper));
        if (r < 0) {
                keeper->error = -r;
                return 0;
        }

        log_notice("%s: the history is kept there again, with %" PRIu64 " entries that were in memory; %" PRIu64
                   " had no room there", keeper->folder, n_rows, keeper->n_lost);
        (void) history_store_close(keeper->store);
        keeper->store = steal_ptr(disk);
        keeper->n_trimmed_counted = 0;
        keeper->place = HISTORY_PLACE_DISK;
        keeper->error = 0;
        return 1;
}

static int take_message(Keeper *keeper, const HistoryMessage *message, uint64_t *n_refused) {
        int r;

        if (message->header.type == HISTORY_RECORD)
                return history_store_add(keeper->store, &message->row);
        if (message->header.type == HISTORY_REMOVE)
                return history_store_remove(keeper->store, history_entry_key(&message->entry));

        r = history_store_put(keeper->store, &message->entry);
        if (r != -ENOBUFS)
                return r;
        ++*n_refused;
        return 0;
}

static void count_refused(Keeper *keeper, uint64_t n) {
        if (n > 0 && keeper->n_refused == 0)
                log_warning("%s: there are %" PRIu64 " values of kept state, more have no room and are only counted",
                            keeper->folder, history_store_n_kept(keeper->store));
        keeper->n_refused += n;

        if (history_store_n_removed_forgotten(keeper->store) > 0 && !keeper->is_forgetting_logged) {
                keeper->is_forgetting_logged = true;
                log_warning("%s: more values of kept state were removed than memory remembers; some may be there again "
                            "when the folder is", keeper->folder);
        }
}

static int take_once(Keeper *keeper, const HistoryMessage *const *messages, size_t n) {
        uint64_t n_refused = 0;
        int r;

        r = history_store_begin(keeper->store);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = take_message(keeper, messages[i], &n_refused);
        if (r >= 0)
                r = history_store_commit(keeper->store, look_at_clock(keeper));
        if (r >= 0)
                count_refused(keeper, n_refused);
        return r;
}

static void count_trimmed(Keeper *keeper) {
        uint64_t n_trimmed = history_store_n_trimmed(keeper->store), n = n_trimmed - keeper->n_trimmed_counted;

        *(keeper->place == HISTORY_PLACE_MEMORY ? &keeper->n_lost : &keeper->n_removed) += n;
        keeper->n_trimmed_counted = n_trimmed;
}

int keeper_take(Keeper *keeper, const HistoryMessage *const *messages, size_t n) {
        int r;

        r = take_once(keeper, messages, n);
        if (r < 0 && keeper->place == HISTORY_PLACE_DISK) {
                r = use_memory(keeper, r);
                if (r >= 0)
                        r = take_once(keeper, messages, n);
        }
        count_trimmed(keeper);
        return r;
}

uint64_t keeper_last_serial(const Keeper *keeper) {
        return history_store_last_serial(keeper->store);
}

int keeper_query(Keeper *keeper, const HistoryQuery *query, HistoryStoreRow on_row, void *userdata) {
        int r;

        r = history_store_query(keeper->store, query, on_row, userdata);
        if (keeper->place != HISTORY_PLACE_DISK || (r != -EIO && r != -EUCLEAN))
                return r;

        /* What cannot be read will not be written either; the answer says what is wrong. */
        (void) use_memory(keeper, r);
        return r;
}

int keeper_each_kept(Keeper *keeper, HistoryStoreRow on_row, void *userdata) {
        int r;

        r = history_store_each_kept(keeper->store, on_row, userdata);
        if (keeper->place == HISTORY_PLACE_DISK && (r == -EIO || r == -EUCLEAN))
                (void) use_memory(keeper, r);
        return r;
}

void keeper_sync(Keeper *keeper) {
        int r;

        r = history_store_sync(keeper->store);
        if (r < 0)
                (void) use_memory(keeper, r);
}
