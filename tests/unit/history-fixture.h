/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder for a history, and what puts rows and values there and finds them again. Include <cmocka.h> and what it
 * needs first.
 */
#pragma once

#include <sys/resource.h>

#include "src/history/history-store.h"

/* 1,000 rows, a day, 10 values. */
extern const HistoryLimits history_test_limits;

typedef struct Setup {
        char folder[64], file[128];
} Setup;

/* cmocka's fixtures. */
int history_setup(void **state);
int history_teardown(void **state);

/* A row of its own transaction. Returns 0 or a negative errno. */
int try_add_row(HistoryStore *store, uint64_t serial, uint64_t time_usec, uint64_t now_usec);
void add_row(HistoryStore *store, uint64_t serial, uint64_t time_usec, uint64_t now_usec);

typedef struct Found {
        size_t n;
        uint64_t serials[32];
        HistoryMessage last;
} Found;

/* Valid until the next question. */
Found *ask_rows(HistoryStore *store, const HistoryQuery *query);
Found *find_rows(HistoryStore *store, uint64_t since_usec, uint32_t n_max, const char *filesystem);

/* Gives a key a value, or none (NULL). Returns as history_store_put() or history_store_remove(). */
int try_change(HistoryStore *store, const char *key, const char *value);
void change(HistoryStore *store, const char *key, const char *value);
/* "a=1 b=2 ", valid until the next call. */
const char *kept_values(HistoryStore *store);

/* Beside whoever has the file open. */
void history_run_sql(const Setup *s, const char *text);
/* A file that may not grow is the full disk that needs no root. SIGXFSZ is to be ignored. */
void set_file_limit(rlim_t bytes);
