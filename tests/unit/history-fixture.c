/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/history-rows.h"

const HistoryLimits history_test_limits = { 1000, USEC_PER_DAY, 10, 0 };

int history_setup(void **state) {
        Setup *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        (void) snprintf(s->folder, sizeof(s->folder), "/tmp/test-history-store.XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        (void) snprintf(s->file, sizeof(s->file), "%s/" HISTORY_FILE_NAME, s->folder);
        *state = s;
        return 0;
}

int history_teardown(void **state) {
        static const char *const endings[] = { "", "-wal", "-shm", "-journal", ".damaged", ".damaged-wal" };
        Setup *s = *state;

        (void) chmod(s->folder, 0700);
        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                char path[PATH_MAX];

                (void) snprintf(path, sizeof(path), "%s%s", s->file, endings[i]);
                (void) unlink(path);
        }
        (void) rmdir(s->folder);
        free(s);
        return 0;
}

int try_add_row(HistoryStore *store, uint64_t serial, uint64_t time_usec, uint64_t now_usec) {
        HistoryValues values = history_test_values(serial + 100, time_usec);
        HistoryMessage message;
        int r;

        history_message_set_row(&message, HISTORY_RECORD, serial, &values);
        r = history_store_begin(store);
        if (r >= 0)
                r = history_store_add(store, &message.row);
        return r < 0 ? r : history_store_commit(store, now_usec);
}

void add_row(HistoryStore *store, uint64_t serial, uint64_t time_usec, uint64_t now_usec) {
        assert_int_equal(try_add_row(store, serial, time_usec, now_usec), 0);
}

static int on_row(void *userdata, const HistoryMessage *message) {
        Found *found = userdata;

        assert_int_equal(history_message_check(message, message->header.size_bytes), 0);
        if (found->n < ELEMENTSOF(found->serials))
                found->serials[found->n] = message->row.serial;
        found->n++;
        memcpy(&found->last, message, message->header.size_bytes);
        return 0;
}

Found *ask_rows(HistoryStore *store, const HistoryQuery *query) {
        static Found found;

        found = (Found) {};
        assert_int_equal(history_store_query(store, query, on_row, &found), 0);
        return &found;
}

Found *find_rows(HistoryStore *store, uint64_t since_usec, uint32_t n_max, const char *filesystem) {
        HistoryQuery query = { .query_id = 9, .since_usec = since_usec, .n_max = n_max, .wants_facts = 1 };

        (void) snprintf(query.filesystem, sizeof(query.filesystem), "%s", filesystem);
        return ask_rows(store, &query);
}

int try_change(HistoryStore *store, const char *key, const char *value) {
        HistoryMessage message;
        int r, r_change;

        history_message_set_entry(&message, value ? HISTORY_PUT : HISTORY_REMOVE, 1, key, value,
                                  value ? strlen(value) : 0);
        r = history_store_begin(store);
        if (r < 0)
                return r;
        r_change = value ? history_store_put(store, &message.entry) : history_store_remove(store, key);
        if (r_change < 0 && r_change != -ENOBUFS)
                return r_change;
        r = history_store_commit(store, 0);
        return r < 0 ? r : r_change;
}

void change(HistoryStore *store, const char *key, const char *value) {
        assert_int_equal(try_change(store, key, value), 0);
}

static int on_kept(void *userdata, const HistoryMessage *message) {
        char *text = userdata;

        assert_int_equal(history_message_check(message, message->header.size_bytes), 0);
        assert_int_equal(message->header.type, HISTORY_KEPT);
        (void) snprintf(text + strlen(text), 512 - strlen(text), "%s=%.*s ", history_entry_key(&message->entry),
                        (int) message->entry.value_size, (const char *) history_entry_value(&message->entry));
        return 0;
}

const char *kept_values(HistoryStore *store) {
        static char text[512];

        text[0] = 0;
        assert_int_equal(history_store_each_kept(store, on_kept, text), 0);
        return text;
}

void history_run_sql(const Setup *s, const char *text) {
        sqlite3 *database;

        assert_int_equal(sqlite3_open(s->file, &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

void set_file_limit(rlim_t bytes) {
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}
