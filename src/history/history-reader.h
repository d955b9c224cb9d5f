/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the bus needs of the history, without knowing the line to the recorder.
 */
#pragma once

#include "src/history/history-protocol.h"

/* Once with each row, oldest first, then once with NULL and 0 or a negative errno. A row is borrowed for the call. */
typedef void (*HistoryAnswer)(void *userdata, const HistoryRow *row, int error);

/* Every row when it is handed over to be kept, whether it will be or not. Borrowed for the call. */
typedef void (*HistoryTold)(void *userdata, const HistoryRow *row);

typedef struct HistoryReader {
        /* @query without its number. Returns 0: @on_answer is called later, at the end in any case; -ENOLINK without a
         * recorder; -ENOBUFS if too many ask; or another negative errno. */
        int (*query)(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata);
        uint64_t (*n_dropped)(void *userdata);
        uint64_t (*n_removed)(void *userdata);  /* since the recorder's start */
        HistoryPlace (*place)(void *userdata);
        /* At most one listener; NULL ends it. */
        void (*listen)(void *userdata, HistoryTold on_row, void *listener);
        void *userdata;
} HistoryReader;
