/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How large the history may be: the file shrinks, the newest stays, and what went is counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/history-rows.h"

#define MANY 8000
#define MEBIBYTE (UINT64_C(1) << 20)

static const HistoryLimits any_size = { 100000, USEC_INFINITY, 10, 0 };
static const HistoryLimits one_mebibyte = { 100000, USEC_INFINITY, 10, MEBIBYTE };

/* In one transaction each hundred. */
static void add_many(HistoryStore *store, uint64_t first, uint64_t n) {
        HistoryMessage message;

        for (uint64_t i = 0; i < n; i++) {
                HistoryValues values = history_test_values(first + i, (first + i) * 1000);

                if (i % 100 == 0)
                        assert_int_equal(history_store_begin(store), 0);
                history_message_set_row(&message, HISTORY_RECORD, first + i, &values);
                assert_int_equal(history_store_add(store, &message.row), 0);
                if (i % 100 == 99)
                        assert_int_equal(history_store_commit(store, 0), 0);
        }
}

static uint64_t file_size(const Setup *s) {
        struct stat status;

        assert_int_equal(stat(s->file, &status), 0);
        return (uint64_t) status.st_size;
}

/* It grows to its limit and no further, and what is gone is gone by age. */
static void test_bounded(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        uint64_t n_rows;

        assert_int_equal(history_store_open(s->folder, &one_mebibyte, &store), 0);
        add_many(store, 1, MANY);
        n_rows = history_store_n_rows(store);
        assert_true(n_rows > MANY / 10 && n_rows < MANY);
        assert_int_equal(history_store_n_trimmed(store), MANY - n_rows);
        assert_int_equal(find_rows(store, 0, 1, "")->serials[0], MANY);
        assert_true(history_store_size_bytes(store) <= MEBIBYTE);
        store = history_store_close(store);
        assert_true(file_size(s) <= MEBIBYTE);
        assert_true(file_size(s) > MEBIBYTE / 2);
}

/* A limit that became smaller takes effect, and the room comes back. */
static void test_shrinks(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &any_size, &store), 0);
        add_many(store, 1, MANY);
        change(store, "kept", "value");
        store = history_store_close(store);
        assert_true(file_size(s) > 3 * MEBIBYTE / 2);

        assert_int_equal(history_store_open(s->folder, &one_mebibyte, &store), 0);
        for (uint64_t i = 1; i <= 3; i++)
                add_row(store, MANY + i, 1000, 0);
        assert_string_equal(kept_values(store), "kept=value ");
        assert_int_equal(find_rows(store, 0, 1, "")->serials[0], MANY + 3);
        store = history_store_close(store);
        assert_true(file_size(s) <= MEBIBYTE);
}

/* What went by age is given back as well, not only what went by size. */
static void test_shrinks_by_age(void **state) {
        const HistoryLimits a_second = { 100000, USEC_PER_SEC, 10, 0 };
        const Setup *s = *state;
        HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &a_second, &store), 0);
        add_many(store, 1, MANY);
        add_row(store, MANY + 1, USEC_PER_HOUR, USEC_PER_HOUR);
        assert_int_equal(history_store_n_rows(store), 1);
        assert_int_equal(history_store_n_trimmed(store), 0);
        for (uint64_t i = 2; i < 12; i++)
                add_row(store, MANY + i, USEC_PER_HOUR, USEC_PER_HOUR);
        store = history_store_close(store);
        assert_true(file_size(s) < 3 * MEBIBYTE / 2);
}

/* A file of a version that could not shrink is written anew once. */
static void test_old_file(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &any_size, &store), 0);
        add_many(store, 1, MANY);
        change(store, "kept", "value");
        store = history_store_close(store);
        history_run_sql(s, "PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=NONE; VACUUM");

        assert_int_equal(history_store_open(s->folder, &one_mebibyte, &store), 0);
        assert_int_equal(history_store_n_rows(store), MANY);
        for (uint64_t i = 1; i <= 3; i++)
                add_row(store, MANY + i, 1000, 0);
        assert_string_equal(kept_values(store), "kept=value ");
        store = history_store_close(store);
        assert_true(file_size(s) <= MEBIBYTE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, history_setup, history_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_bounded),
                TEST(test_shrinks),
                TEST(test_shrinks_by_age),
                TEST(test_old_file),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("history-retention", tests, NULL, NULL);
}
