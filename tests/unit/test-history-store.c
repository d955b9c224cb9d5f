/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database of the history: kept, found again, bounded; and disks that do not take it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/history-rows.h"

static void test_round_trip(void **state) {
        const Setup *s = *state;
        HistoryValues values = history_test_values(101, 5000), read;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        Found *found;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 1, 5000, 5000);
        store = history_store_close(store);

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        found = find_rows(store, 0, 10, "");
        assert_int_equal(found->n, 1);
        assert_int_equal(found->last.row.serial, 1);
        assert_int_equal(found->last.row.query_id, 9);
        history_row_values(&found->last.row, &read);
        assert_int_equal(read.known, values.known);
        assert_memory_equal(read.numbers, values.numbers, sizeof(read.numbers));
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++)
                assert_string_equal(read.texts[i], values.texts[i] ? values.texts[i] : "");
}

/* What the recorder was told twice because it died before it said so. */
static void test_same_serial(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 1, 5000, 5000);
        add_row(store, 1, 6000, 6000);
        assert_int_equal(history_store_n_rows(store), 1);
        assert_int_equal(find_rows(store, 0, 10, "")->last.row.numbers[HISTORY_TIME_USEC], 5000);
}

static void test_queries(void **state) {
        static const struct {
                const char *name;
                uint64_t since_usec;
                uint32_t n_max;
                const char *filesystem;
                size_t n;
                uint64_t first;
        } cases[] = {
                { "all", 0, 100, "", 10, 1 },
                { "the newest", 0, 3, "", 3, 8 },
                { "since", 6000, 100, "", 5, 6 },
                { "the newest of them", 6000, 2, "", 2, 9 },
                { "in the future", 60000, 100, "", 0, 0 },
                { "for ever", UINT64_MAX, 100, "", 0, 0 },
                { "by UUID", 0, 100, "01234567-89ab-cdef-0123-456789abcdef", 10, 1 },
                { "by device", 0, 100, "/dev/loop7", 10, 1 },
                { "by mount point", 0, 100, "/srv/\xff", 10, 1 },
                { "another one", 0, 100, "/srv", 0, 0 },
                { "nothing to inject", 0, 100, "' OR 1=1 --", 0, 0 },
        };
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add_row(store, i, i * 1000, 10000);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Found *found;

                print_message("%s\n", cases[i].name);
                found = find_rows(store, cases[i].since_usec, cases[i].n_max, cases[i].filesystem);
                assert_int_equal(found->n, cases[i].n);
                if (found->n > 0)
                        assert_int_equal(found->serials[0], cases[i].first);
        }
}

/* The pages of a list, newest first. */
static void test_pages(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        HistoryQuery query = { .query_id = 9, .n_max = 4 };
        static const uint64_t firsts[] = { 7, 3, 1 };
        Found *found;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add_row(store, i, 1000, 10000);
        for (size_t i = 0; i < ELEMENTSOF(firsts); i++) {
                found = ask_rows(store, &query);
                assert_int_equal(found->n, i < 2 ? 4 : 2);
                assert_int_equal(found->serials[0], firsts[i]);
                query.before_serial = firsts[i];
        }
        assert_int_equal(ask_rows(store, &query)->n, 0);
        query.before_serial = UINT64_MAX;
        assert_int_equal(ask_rows(store, &query)->serials[0], 7);
}

static const char *facts_of(const Found *found) {
        HistoryValues values;

        history_row_values(&found->last.row, &values);
        return values.texts[HISTORY_FACTS];
}

/* What belongs to one event; facts only for who asks, because they are longer than all the rest. */
static void test_one_event(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        Found *found;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add_row(store, i, i * 1000, 10000);
        found = ask_rows(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = 104 });
        assert_int_equal(found->n, 1);
        assert_int_equal(found->last.row.numbers[HISTORY_EVENT_ID], 104);
        assert_string_equal(facts_of(found), "");
        found = ask_rows(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = 104, .wants_facts = 1 });
        assert_string_equal(facts_of(found), history_test_values(104, 4000).texts[HISTORY_FACTS]);
        assert_int_equal(ask_rows(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = 99 })->n, 0);
        assert_int_equal(ask_rows(store, &(HistoryQuery) { .query_id = 9, .n_max = 9, .event_id = UINT64_MAX })->n, 0);
}

/* What memory held while the folder could not be used comes there whole. */
static void test_copy_has_facts(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *disk = NULL, *memory = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &disk), 0);
        assert_int_equal(history_store_open(NULL, &history_test_limits, &memory), 0);
        add_row(memory, 1, 1000, 1000);
        assert_int_equal(history_store_copy(memory, disk, 1000), 0);
        assert_string_equal(facts_of(find_rows(disk, 0, 1, "")), history_test_values(101, 1000).texts[HISTORY_FACTS]);
}

static void test_limits(void **state) {
        const HistoryLimits few = { 10, 1000000, 1, 0 };
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &few, &store), 0);
        for (uint64_t i = 1; i <= 50; i++)
                add_row(store, i, 2000000, 2000000);
        assert_int_equal(history_store_n_rows(store), 10);
        assert_int_equal(history_store_n_trimmed(store), 40);
        assert_int_equal(find_rows(store, 0, 100, "")->serials[0], 41);

        /* By age: only the one that comes stays. */
        add_row(store, 51, 9000000, 9000000);
        assert_int_equal(history_store_n_rows(store), 1);
}

static void test_kept(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_string_equal(kept_values(store), "");
        change(store, "b/2", "two");
        change(store, "a/1", "");
        change(store, "b/10", "ten");
        change(store, "c", "see");
        change(store, "b/2", "another");
        change(store, "c", NULL);
        change(store, "c", NULL);
        change(store, "never there", NULL);
        assert_string_equal(kept_values(store), "a/1= b/10=ten b/2=another ");
        assert_int_equal(history_store_n_kept(store), 3);
        assert_int_equal(history_store_sync(store), 0);
        store = history_store_close(store);

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_string_equal(kept_values(store), "a/1= b/10=ten b/2=another ");
        assert_int_equal(history_store_n_kept(store), 3);
        assert_int_equal(history_store_n_rows(store), 0);
}

/* What is there can be changed, what would be one more is refused, and nothing else of the transaction suffers. */
static void test_kept_limit(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        char key[16];

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        for (unsigned i = 0; i < history_test_limits.n_kept_max; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                change(store, key, "v");
        }
        assert_int_equal(try_change(store, "one more", "v"), -ENOBUFS);
        change(store, "3", "changed");
        change(store, "4", NULL);
        change(store, "one more", "v");
        assert_int_equal(history_store_n_kept(store), history_test_limits.n_kept_max);
        assert_non_null(strstr(kept_values(store), "3=changed 5=v 6=v 7=v 8=v 9=v one more=v "));
}

/* What is undone with its transaction counts no more. */
static void test_kept_undone(void **state) {
        const Setup *s = *state;
        HistoryStore *store;
        HistoryMessage message;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        change(store, "a", "1");
        history_message_set_entry(&message, HISTORY_PUT, 1, "b", "2", 1);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_put(store, &message.entry), 0);
        assert_int_equal(history_store_remove(store, "a"), 0);
        store = history_store_close(store);
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_string_equal(kept_values(store), "a=1 ");
        history_store_close(store);
}

/* Memory stands in for the folder, and the folder is told what was removed meanwhile. */
static void test_memory_remembers_removals(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *disk = NULL, *memory = NULL;
        char key[16];

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &disk), 0);
        change(disk, "changed", "old");
        change(disk, "gone", "old");
        change(disk, "gone and back", "old");
        change(disk, "untouched", "old");
        assert_int_equal(history_store_open(NULL, &history_test_limits, &memory), 0);
        change(memory, "changed", "new");
        change(memory, "gone", NULL);
        change(memory, "gone and back", NULL);
        change(memory, "gone and back", "new");
        change(memory, "new", "new");
        assert_string_equal(kept_values(memory), "changed=new gone and back=new new=new ");
        assert_int_equal(history_store_n_kept(memory), 3);
        assert_int_equal(history_store_copy(memory, disk, 0), 0);
        assert_string_equal(kept_values(disk), "changed=new gone and back=new new=new untouched=old ");
        assert_int_equal(history_store_n_kept(disk), 4);

        /* Not without end. */
        for (unsigned i = 0; i < history_test_limits.n_kept_max + 4; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                change(memory, key, NULL);
        }
        assert_int_equal(history_store_n_removed_forgotten(memory), 5); /* "gone" is one, too */
        assert_string_equal(kept_values(memory), "changed=new gone and back=new new=new ");
}

static void test_newer_schema(void **state) {
        _cleanup_(free_at) char *before = NULL, *after = NULL;
        size_t n_before, n_after;
        const Setup *s = *state;
        HistoryStore *store = NULL;

        history_run_sql(s, "CREATE TABLE tomorrow (x); INSERT INTO tomorrow VALUES (1); PRAGMA user_version = 5");
        assert_int_equal(file_read(AT_FDCWD, s->file, 1 << 20, &before, &n_before), 0);
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), -EPROTONOSUPPORT);
        assert_int_equal(file_read(AT_FDCWD, s->file, 1 << 20, &after, &n_after), 0);
        assert_int_equal(n_before, n_after);
        assert_memory_equal(before, after, n_before);
}

/* A migration that was interrupted has left nothing: version 0 with a table of ours inside is no such state. */
static void test_migration(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        history_run_sql(s, "CREATE TABLE other (x)");
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 1, 1000, 1000);
        store = history_store_close(store);
        history_run_sql(s,
                "CREATE TABLE is_one (x); INSERT INTO is_one SELECT 1 FROM pragma_user_version WHERE user_version = 1");
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        history_store_close(store);
}

/* As version 1 made it; a text that was released is never changed. */
#define SCHEMA_1 \
        "CREATE TABLE history (" \
        " serial INTEGER PRIMARY KEY," \
        " type TEXT NOT NULL," \
        " time_usec INTEGER NOT NULL," \
        " id INTEGER, cause INTEGER, job_number INTEGER, count INTEGER, time_nsec INTEGER," \
        " \"group\" INTEGER, inode INTEGER, generation INTEGER, position_bytes INTEGER, length_bytes INTEGER," \
        " device_block INTEGER, device_block_count INTEGER, errno_number INTEGER, shutdown_reasons INTEGER," \
        " unknown_bits INTEGER, test INTEGER, policy_generation INTEGER, duration_usec INTEGER, attempts INTEGER," \
        " caller_uid INTEGER, verified INTEGER, repeated INTEGER," \
        " kind TEXT, severity TEXT, domain TEXT, structure TEXT, errno TEXT, source TEXT, rule TEXT, mode TEXT," \
        " actions TEXT, action TEXT, result TEXT, detail TEXT, uuid TEXT, device TEXT, mount BLOB, path BLOB," \
        " text BLOB);" \
        "CREATE INDEX history_time ON history (time_usec);" \
        "CREATE INDEX history_id ON history (id);"

static void assert_version(const Setup *s, int version) {
        char text[256];

        (void) snprintf(text, sizeof(text),
                        "CREATE TABLE is_it (x); INSERT INTO is_it SELECT 1 / (user_version = %d) FROM"
                        " pragma_user_version; CREATE TABLE must (x NOT NULL); INSERT INTO must SELECT x FROM is_it",
                        version);
        history_run_sql(s, text);
}

/* A database of the first version keeps its rows and can keep state. */
static void test_migration_of_version_1(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        history_run_sql(s, SCHEMA_1
                "INSERT INTO history (serial, type, time_usec, id, kind) VALUES (7, 'event', 5000, 17, 'sick');"
                "PRAGMA user_version = 1");
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        assert_int_equal(find_rows(store, 0, 10, "")->last.row.numbers[HISTORY_EVENT_ID], 17);
        add_row(store, 8, 6000, 6000);
        change(store, "a", "1");
        store = history_store_close(store);
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 2);
        assert_string_equal(kept_values(store), "a=1 ");
        store = history_store_close(store);
        assert_version(s, 4);
}

/* One of the version before keeps its rows, which have no facts, and what it kept; new rows have them. */
static void test_migration_of_version_2(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        history_run_sql(s, SCHEMA_1
                "CREATE TABLE kept (key TEXT PRIMARY KEY NOT NULL, value BLOB);"
                "INSERT INTO history (serial, type, time_usec, id, kind) VALUES (7, 'event', 5000, 17, 'sick');"
                "INSERT INTO kept VALUES ('a', '1');"
                "PRAGMA user_version = 2");
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_string_equal(facts_of(find_rows(store, 0, 10, "")), "");
        assert_string_equal(kept_values(store), "a=1 ");
        add_row(store, 8, 6000, 6000);
        assert_string_equal(facts_of(find_rows(store, 0, 1, "")), history_test_values(108, 6000).texts[HISTORY_FACTS]);
        store = history_store_close(store);
        assert_version(s, 4);
}

/* Version 3 has facts; what it has is found by words as well. */
static void test_migration_of_version_3(void **state) {
        HistoryQuery query = {
                .query_id = 9, .n_max = 10, .wants_facts = 1, .words = { [HISTORY_WORD_RULE] = "heal" },
        };
        const Setup *s = *state;
        HistoryStore *store = NULL;
        Found *found;

        history_run_sql(s, SCHEMA_1
                "CREATE TABLE kept (key TEXT PRIMARY KEY NOT NULL, value BLOB);"
                "ALTER TABLE history ADD COLUMN facts TEXT;"
                "INSERT INTO history (serial, type, time_usec, id, kind, facts)"
                " VALUES (7, 'event', 5000, 17, 'sick', '{a: b}');"
                "INSERT INTO history (serial, type, time_usec, id, rule) VALUES (8, 'decision', 5001, 17, 'heal');"
                "INSERT INTO history (serial, type, time_usec, id, kind) VALUES (9, 'event', 5002, 18, 'sick');"
                "INSERT INTO kept VALUES ('a', '1');"
                "PRAGMA user_version = 3");
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 3);
        assert_string_equal(kept_values(store), "a=1 ");
        found = ask_rows(store, &query);
        assert_int_equal(found->n, 2);
        assert_int_equal(found->serials[0], 7);
        query.n_max = 1;
        query.wants_oldest = 1;
        assert_string_equal(facts_of(ask_rows(store, &query)), "{a: b}");
        add_row(store, 10, 6000, 6000);
        store = history_store_close(store);
        assert_version(s, 4);
}

/* What happened to file systems is nobody else's business. */
static void test_mode(void **state) {
        static const char *const endings[] = { "", "-wal" };
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        mode_t mask = umask(0022);
        struct stat status;
        char path[PATH_MAX];

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        umask(mask);
        add_row(store, 1, 1000, 1000);
        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                (void) snprintf(path, sizeof(path), "%s%s", s->file, endings[i]);
                assert_int_equal(stat(path, &status), 0);
                assert_int_equal(status.st_mode & 07777, 0600);
        }
}

/* What others wrote into the file hides nothing of ours. */
static void test_kept_nonsense(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        change(store, "a", "1");
        change(store, "z", "26");
        store = history_store_close(store);
        history_run_sql(s, "INSERT INTO kept VALUES ('', x'00'), ('k' || char(10), 'v'), (hex(zeroblob(200)), 'v'),"
                " ('large', zeroblob(4097)), ('number', 17), ('null', NULL)");
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_string_equal(kept_values(store), "a=1 number=17 z=26 ");
        change(store, "large", "small");
        change(store, "null", "some");
        assert_string_equal(kept_values(store), "a=1 large=small null=some number=17 z=26 ");
}

static void test_nothing_is_mapped(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        _cleanup_(free_at) char *maps = NULL;
        size_t length;
        char path[PATH_MAX];

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 1, 1000, 1000);
        assert_int_equal(find_rows(store, 0, 1, "")->n, 1);
        (void) snprintf(path, sizeof(path), "%s-shm", s->file);
        assert_int_equal(access(path, F_OK), -1);
        (void) snprintf(path, sizeof(path), "%s-wal", s->file);
        assert_int_equal(access(path, F_OK), 0);
        if (file_read(AT_FDCWD, "/proc/self/maps", 1 << 20, &maps, &length) == 0)
                assert_null(strstr(maps, HISTORY_FILE_NAME));
}

static void test_folders(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        assert_int_equal(history_store_open("/nonexistent/history", &history_test_limits, &store), -ENOENT);
        assert_int_equal(chmod(s->folder, 0770), 0);
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), -EPERM);
        if (geteuid() == 0) {
                print_message("root may write everywhere: a folder without permission is not tried\n");
                return;
        }
        assert_int_equal(chmod(s->folder, 0500), 0);
        assert_true(history_store_open(s->folder, &history_test_limits, &store) < 0);
}

static void test_somebody_else_has_it(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        HistoryStore *second = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 1, 1000, 1000);
        /* Of the same process; SQLite sees to it as it does between two. */
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &second), -EBUSY);
}

/* A file that may not grow is the full disk that needs no root. */
static void test_full_disk(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;
        uint64_t n = 0;
        int r = 0;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_row(store, 1, 1000, 1000);
        set_file_limit(64 * 1024);
        while (r >= 0 && n < 900)
                r = try_add_row(store, 2 + n++, 1000, 1000);
        /* A real full disk is -ENOSPC; see tests/vm/guest/test_history.py. */
        assert_true(r == -ENOSPC || r == -EIO);
        /* What was kept is there, what failed is not. */
        assert_int_equal(find_rows(store, 0, HISTORY_QUERY_ROWS_MAX, "")->n, n);
        assert_int_equal(history_store_n_rows(store), n);
        (void) history_store_close(store);
        set_file_limit(RLIM_INFINITY);
        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), n);
        history_store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, history_setup, history_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_round_trip),
                TEST(test_same_serial),
                TEST(test_queries),
                TEST(test_pages),
                TEST(test_one_event),
                TEST(test_copy_has_facts),
                TEST(test_limits),
                TEST(test_newer_schema),
                TEST(test_migration),
                TEST(test_migration_of_version_1),
                TEST(test_migration_of_version_2),
                TEST(test_migration_of_version_3),
                TEST(test_mode),
                TEST(test_kept),
                TEST(test_kept_limit),
                TEST(test_kept_undone),
                TEST(test_kept_nonsense),
                TEST(test_memory_remembers_removals),
                TEST(test_nothing_is_mapped),
                TEST(test_folders),
                TEST(test_somebody_else_has_it),
                TEST(test_full_disk),
        };

        log_set_max_level(LOG_ERR);
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        return cmocka_run_group_tests_name("history-store", tests, NULL, NULL);
}
