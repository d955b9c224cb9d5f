/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where rows and values go when the folder cannot be used, and how they come there later.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/recorder/keeper.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/history-rows.h"

static Keeper keeper_for(const Setup *s) {
        return (Keeper) {
                .folder = s->folder,
                .disk_limits = history_test_limits,
                .memory_limits = { 8, USEC_INFINITY, 10, 0 },
        };
}

static int keep(Keeper *keeper, uint64_t serial) {
        HistoryValues values = history_test_values(serial, UINT64_C(1) << 60);
        HistoryMessage message;
        const HistoryMessage *messages[] = { &message };

        history_message_set_row(&message, HISTORY_RECORD, serial, &values);
        return keeper_take(keeper, messages, 1);
}

/* Full: memory; room again: everything is in the folder. */
static void test_keeper_full_and_back(void **state) {
        const Setup *s = *state;
        Keeper keeper = keeper_for(s);
        uint64_t n = 0;

        assert_int_equal(keeper_open(&keeper), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_DISK);
        set_file_limit(64 * 1024);
        while (keeper.place == HISTORY_PLACE_DISK && n < 900)
                assert_int_equal(keep(&keeper, ++n), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);
        assert_true(keeper.error == ENOSPC || keeper.error == EIO);
        assert_int_equal(history_store_n_rows(keeper.store), 1);
        set_file_limit(4096);
        assert_int_equal(keeper_retry(&keeper), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);

        set_file_limit(RLIM_INFINITY);
        assert_int_equal(keeper_retry(&keeper), 1);
        assert_int_equal(keeper.place, HISTORY_PLACE_DISK);
        assert_int_equal(history_store_n_rows(keeper.store), n);
        assert_int_equal(keeper.n_lost, 0);
        keeper_close(&keeper);
}

static int keep_value(Keeper *keeper, const char *key, const char *value) {
        HistoryMessage message;
        const HistoryMessage *messages[] = { &message };

        history_message_set_entry(&message, value ? HISTORY_PUT : HISTORY_REMOVE, 1, key, value,
                                  value ? strlen(value) : 0);
        return keeper_take(keeper, messages, 1);
}

/* Rows and keys of one batch are one transaction; what has no room is counted, and the rest is kept. */
static void test_keeper_batch(void **state) {
        HistoryValues values = history_test_values(1, UINT64_C(1) << 60);
        const Setup *s = *state;
        Keeper keeper = keeper_for(s);
        HistoryMessage messages[16];
        const HistoryMessage *batch[16];
        char key[16];

        assert_int_equal(keeper_open(&keeper), 0);
        for (size_t i = 0; i < ELEMENTSOF(batch); i++) {
                (void) snprintf(key, sizeof(key), "%zu", i);
                if (i % 4 == 3)
                        history_message_set_row(&messages[i], HISTORY_RECORD, i, &values);
                else
                        history_message_set_entry(&messages[i], HISTORY_PUT, i + 1, key, "v", 1);
                batch[i] = &messages[i];
        }
        assert_int_equal(keeper_take(&keeper, batch, ELEMENTSOF(batch)), 0);
        assert_int_equal(history_store_n_rows(keeper.store), 4);
        assert_int_equal(history_store_n_kept(keeper.store), history_test_limits.n_kept_max);
        assert_int_equal(keeper.n_refused, 2);
        keeper_close(&keeper);
}

/* The folder fails while state is kept: memory has what changes then, and the folder gets it when it is back. */
static void test_keeper_kept_in_memory_and_back(void **state) {
        const Setup *s = *state;
        Keeper keeper = keeper_for(s);
        uint64_t n = 0;

        assert_int_equal(keeper_open(&keeper), 0);
        assert_int_equal(keep_value(&keeper, "gone", "1"), 0);
        assert_int_equal(keep_value(&keeper, "stays", "1"), 0);
        keeper_sync(&keeper);
        assert_int_equal(keeper.place, HISTORY_PLACE_DISK);
        set_file_limit(64 * 1024);
        while (keeper.place == HISTORY_PLACE_DISK && n < 900)
                assert_int_equal(keep(&keeper, ++n), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);
        assert_string_equal(kept_values(keeper.store), ""); /* healerd is told, and says all of it again */
        assert_int_equal(keep_value(&keeper, "gone", NULL), 0);
        assert_int_equal(keep_value(&keeper, "new", "2"), 0);
        keeper_sync(&keeper);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);

        set_file_limit(RLIM_INFINITY);
        assert_int_equal(keeper_retry(&keeper), 1);
        assert_string_equal(kept_values(keeper.store), "new=2 stays=1 ");
        keeper_close(&keeper);
}

/* Rows are too old only by a clock that has run straight for a day. */
static void test_clock(void **state) {
        static const struct {
                const char *name;
                int64_t hours, boot_hours;
                bool is_trusted;
        } looks[] = {
                { "first look",            1000,           1,    false },
                { "a bit later",           1010,           11,   false },
                { "a day later",           1024,           25,   true  },
                { "slewed a little",       1030,           31,   true  },
                { "set a year ahead",      1030 + 8760,    31,   false },
                { "a day later",           1054 + 8760,    55,   true  },
                { "set right",             1055,           56,   false },
                { "an hour back",          1055,           58,   false },
                { "most of a day later",   1078,           81,   false },
                { "suspended for days",    1200,           203,  true  },
        };
        KeeperClock clock = {};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(looks); i++) {
                uint64_t realtime_usec = (uint64_t) looks[i].hours * USEC_PER_HOUR + USEC_PER_SEC;

                print_message("%zu: %s\n", i, looks[i].name);
                assert_true(keeper_clock_look(&clock, realtime_usec, (uint64_t) looks[i].boot_hours * USEC_PER_HOUR) ==
                            (looks[i].is_trusted ? realtime_usec : 0));
        }
}

/* A clock that was a year ahead for a moment costs no row. */
static void test_untrusted_clock_keeps_all(void **state) {
        const Setup *s = *state;
        HistoryStore *store;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 7, 1000, 1000);
        assert_int_equal(history_store_last_serial(store), 7);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_commit(store, 0), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        store = history_store_close(store);
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_last_serial(store), 7);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_commit(store, 2000 + history_test_limits.age_max_usec), 0);
        assert_int_equal(history_store_n_rows(store), 0);
        history_store_close(store);
}

/* Memory is bounded, and what had to go is counted. */
static void test_keeper_without_folder(void **state) {
        const Setup *s = *state;
        Keeper keeper = keeper_for(s);

        assert_int_equal(rmdir(s->folder), 0);
        assert_int_equal(keeper_open(&keeper), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);
        assert_int_equal(keeper.error, ENOENT);
        for (uint64_t i = 1; i <= 20; i++)
                assert_int_equal(keep(&keeper, i), 0);
        assert_int_equal(history_store_n_rows(keeper.store), 8);
        assert_int_equal(keeper.n_lost, 12);

        assert_int_equal(mkdir(s->folder, 0700), 0);
        assert_int_equal(keeper_retry(&keeper), 1);
        assert_int_equal(history_store_n_rows(keeper.store), 8);
        keeper_close(&keeper);
}

static void test_keeper_damaged(void **state) {
        const Setup *s = *state;
        Keeper keeper = keeper_for(s);
        char path[PATH_MAX];

        assert_int_equal(file_write_atomic(s->file, "this is no database, but long enough to be one", 46, 0600), 0);
        assert_int_equal(keeper_open(&keeper), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_DISK);
        assert_int_equal(keep(&keeper, 1), 0);
        (void) snprintf(path, sizeof(path), "%s.damaged", s->file);
        assert_int_equal(access(path, F_OK), 0);
        keeper_close(&keeper);
}

static void test_keeper_newer(void **state) {
        const Setup *s = *state;
        Keeper keeper = keeper_for(s);

        history_run_sql(s, "PRAGMA user_version = 9");
        assert_int_equal(keeper_open(&keeper), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);
        assert_int_equal(keeper.error, EPROTONOSUPPORT);
        assert_int_equal(keep(&keeper, 1), 0);
        keeper_close(&keeper);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, history_setup, history_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_keeper_full_and_back),
                TEST(test_keeper_batch),
                TEST(test_keeper_kept_in_memory_and_back),
                TEST(test_clock),
                TEST(test_untrusted_clock_keeps_all),
                TEST(test_keeper_without_folder),
                TEST(test_keeper_damaged),
                TEST(test_keeper_newer),
        };

        log_set_max_level(LOG_ERR);
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        return cmocka_run_group_tests_name("keeper", tests, NULL, NULL);
}
