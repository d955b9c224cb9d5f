/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database of the history: kept, found again, bounded; and disks that do not take it. Also what the recorder makes
 * of such disks (keeper).
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
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/recorder/keeper.h"
#include "tests/unit/history-rows.h"

static const HistoryLimits limits = { 1000, USEC_PER_DAY, 10 };

typedef struct Setup {
        char folder[64], file[128];
} Setup;

static int setup(void **state) {
        Setup *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        (void) snprintf(s->folder, sizeof(s->folder), "/tmp/test-history-store.XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        (void) snprintf(s->file, sizeof(s->file), "%s/" HISTORY_FILE_NAME, s->folder);
        *state = s;
        return 0;
}

static int teardown(void **state) {
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

static int try_add(HistoryStore *store, uint64_t serial, uint64_t time_usec, uint64_t now_usec) {
        HistoryValues values = history_test_values(serial + 100, time_usec);
        HistoryMessage message;
        int r;

        history_message_set_row(&message, HISTORY_RECORD, serial, &values);
        r = history_store_begin(store);
        if (r >= 0)
                r = history_store_add(store, &message.row);
        return r < 0 ? r : history_store_commit(store, now_usec);
}

static void add(HistoryStore *store, uint64_t serial, uint64_t time_usec, uint64_t now_usec) {
        assert_int_equal(try_add(store, serial, time_usec, now_usec), 0);
}

typedef struct Found {
        size_t n;
        uint64_t serials[32];
        HistoryMessage last;
} Found;

static int on_row(void *userdata, const HistoryMessage *message) {
        Found *found = userdata;

        assert_int_equal(history_message_check(message, message->header.size_bytes), 0);
        if (found->n < ELEMENTSOF(found->serials))
                found->serials[found->n] = message->row.serial;
        found->n++;
        memcpy(&found->last, message, message->header.size_bytes);
        return 0;
}

static Found *ask(HistoryStore *store, const HistoryQuery *query) {
        static Found found;

        found = (Found) {};
        assert_int_equal(history_store_query(store, query, on_row, &found), 0);
        return &found;
}

static Found *find(HistoryStore *store, uint64_t since_usec, uint32_t n_max, const char *filesystem) {
        HistoryQuery query = { .query_id = 9, .since_usec = since_usec, .n_max = n_max, .wants_facts = 1 };

        (void) snprintf(query.filesystem, sizeof(query.filesystem), "%s", filesystem);
        return ask(store, &query);
}

static void test_round_trip(void **state) {
        const Setup *s = *state;
        HistoryValues values = history_test_values(101, 5000), read;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        Found *found;

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 1, 5000, 5000);
        store = history_store_close(store);

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        found = find(store, 0, 10, "");
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

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 1, 5000, 5000);
        add(store, 1, 6000, 6000);
        assert_int_equal(history_store_n_rows(store), 1);
        assert_int_equal(find(store, 0, 10, "")->last.row.numbers[HISTORY_TIME_USEC], 5000);
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

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add(store, i, i * 1000, 10000);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Found *found;

                print_message("%s\n", cases[i].name);
                found = find(store, cases[i].since_usec, cases[i].n_max, cases[i].filesystem);
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

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add(store, i, 1000, 10000);
        for (size_t i = 0; i < ELEMENTSOF(firsts); i++) {
                found = ask(store, &query);
                assert_int_equal(found->n, i < 2 ? 4 : 2);
                assert_int_equal(found->serials[0], firsts[i]);
                query.before_serial = firsts[i];
        }
        assert_int_equal(ask(store, &query)->n, 0);
        query.before_serial = UINT64_MAX;
        assert_int_equal(ask(store, &query)->serials[0], 7);
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

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add(store, i, i * 1000, 10000);
        found = ask(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = 104 });
        assert_int_equal(found->n, 1);
        assert_int_equal(found->last.row.numbers[HISTORY_EVENT_ID], 104);
        assert_string_equal(facts_of(found), "");
        found = ask(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = 104, .wants_facts = 1 });
        assert_string_equal(facts_of(found), history_test_values(104, 4000).texts[HISTORY_FACTS]);
        assert_int_equal(ask(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = 99 })->n, 0);
        assert_int_equal(ask(store, &(HistoryQuery) { .query_id = 9, .n_max = 100, .event_id = UINT64_MAX })->n, 0);
}

/* What memory held while the folder could not be used comes there whole. */
static void test_copy_has_facts(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *disk = NULL, *memory = NULL;

        assert_int_equal(history_store_open(s->folder, &limits, &disk), 0);
        assert_int_equal(history_store_open(NULL, &limits, &memory), 0);
        add(memory, 1, 1000, 1000);
        assert_int_equal(history_store_copy(memory, disk, 1000), 0);
        assert_string_equal(facts_of(find(disk, 0, 1, "")), history_test_values(101, 1000).texts[HISTORY_FACTS]);
}

static void test_limits(void **state) {
        const HistoryLimits few = { 10, 1000000, 1 };
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &few, &store), 0);
        for (uint64_t i = 1; i <= 50; i++)
                add(store, i, 2000000, 2000000);
        assert_int_equal(history_store_n_rows(store), 10);
        assert_int_equal(history_store_n_trimmed(store), 40);
        assert_int_equal(find(store, 0, 100, "")->serials[0], 41);

        /* By age: only the one that comes stays. */
        add(store, 51, 9000000, 9000000);
        assert_int_equal(history_store_n_rows(store), 1);
}

/* Gives a key a value, or none (NULL). Returns as history_store_put() or history_store_remove(). */
static int try_change(HistoryStore *store, const char *key, const char *value) {
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

static void change(HistoryStore *store, const char *key, const char *value) {
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

/* "a=1 b=2 " */
static const char *kept(HistoryStore *store) {
        static char text[512];

        text[0] = 0;
        assert_int_equal(history_store_each_kept(store, on_kept, text), 0);
        return text;
}

static void test_kept(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_string_equal(kept(store), "");
        change(store, "b/2", "two");
        change(store, "a/1", "");
        change(store, "b/10", "ten");
        change(store, "c", "see");
        change(store, "b/2", "another");
        change(store, "c", NULL);
        change(store, "c", NULL);
        change(store, "never there", NULL);
        assert_string_equal(kept(store), "a/1= b/10=ten b/2=another ");
        assert_int_equal(history_store_n_kept(store), 3);
        assert_int_equal(history_store_sync(store), 0);
        store = history_store_close(store);

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_string_equal(kept(store), "a/1= b/10=ten b/2=another ");
        assert_int_equal(history_store_n_kept(store), 3);
        assert_int_equal(history_store_n_rows(store), 0);
}

/* What is there can be changed, what would be one more is refused, and nothing else of the transaction suffers. */
static void test_kept_limit(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        char key[16];

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        for (unsigned i = 0; i < limits.n_kept_max; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                change(store, key, "v");
        }
        assert_int_equal(try_change(store, "one more", "v"), -ENOBUFS);
        change(store, "3", "changed");
        change(store, "4", NULL);
        change(store, "one more", "v");
        assert_int_equal(history_store_n_kept(store), limits.n_kept_max);
        assert_non_null(strstr(kept(store), "3=changed 5=v 6=v 7=v 8=v 9=v one more=v "));
}

/* What is undone with its transaction counts no more. */
static void test_kept_undone(void **state) {
        const Setup *s = *state;
        HistoryStore *store;
        HistoryMessage message;

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        change(store, "a", "1");
        history_message_set_entry(&message, HISTORY_PUT, 1, "b", "2", 1);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_put(store, &message.entry), 0);
        assert_int_equal(history_store_remove(store, "a"), 0);
        store = history_store_close(store);
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_string_equal(kept(store), "a=1 ");
        history_store_close(store);
}

/* Memory stands in for the folder, and the folder is told what was removed meanwhile. */
static void test_memory_remembers_removals(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *disk = NULL, *memory = NULL;
        char key[16];

        assert_int_equal(history_store_open(s->folder, &limits, &disk), 0);
        change(disk, "changed", "old");
        change(disk, "gone", "old");
        change(disk, "gone and back", "old");
        change(disk, "untouched", "old");
        assert_int_equal(history_store_open(NULL, &limits, &memory), 0);
        change(memory, "changed", "new");
        change(memory, "gone", NULL);
        change(memory, "gone and back", NULL);
        change(memory, "gone and back", "new");
        change(memory, "new", "new");
        assert_string_equal(kept(memory), "changed=new gone and back=new new=new ");
        assert_int_equal(history_store_n_kept(memory), 3);
        assert_int_equal(history_store_copy(memory, disk, 0), 0);
        assert_string_equal(kept(disk), "changed=new gone and back=new new=new untouched=old ");
        assert_int_equal(history_store_n_kept(disk), 4);

        /* Not without end. */
        for (unsigned i = 0; i < limits.n_kept_max + 4; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                change(memory, key, NULL);
        }
        assert_int_equal(history_store_n_removed_forgotten(memory), 5); /* "gone" is one, too */
        assert_string_equal(kept(memory), "changed=new gone and back=new new=new ");
}

static void run_sql(const Setup *s, const char *text) {
        sqlite3 *database;

        assert_int_equal(sqlite3_open(s->file, &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void test_newer_schema(void **state) {
        _cleanup_(free_at) char *before = NULL, *after = NULL;
        size_t n_before, n_after;
        const Setup *s = *state;
        HistoryStore *store = NULL;

        run_sql(s, "CREATE TABLE tomorrow (x); INSERT INTO tomorrow VALUES (1); PRAGMA user_version = 4");
        assert_int_equal(file_read(AT_FDCWD, s->file, 1 << 20, &before, &n_before), 0);
        assert_int_equal(history_store_open(s->folder, &limits, &store), -EPROTONOSUPPORT);
        assert_int_equal(file_read(AT_FDCWD, s->file, 1 << 20, &after, &n_after), 0);
        assert_int_equal(n_before, n_after);
        assert_memory_equal(before, after, n_before);
}

/* A migration that was interrupted has left nothing: version 0 with a table of ours inside is no such state. */
static void test_migration(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        run_sql(s, "CREATE TABLE other (x)");
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 1, 1000, 1000);
        store = history_store_close(store);
        run_sql(s,
                "CREATE TABLE is_one (x); INSERT INTO is_one SELECT 1 FROM pragma_user_version WHERE user_version = 1");
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
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
        run_sql(s, text);
}

/* A database of the first version keeps its rows and can keep state. */
static void test_migration_of_version_1(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        run_sql(s, SCHEMA_1
                "INSERT INTO history (serial, type, time_usec, id, kind) VALUES (7, 'event', 5000, 17, 'sick');"
                "PRAGMA user_version = 1");
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        assert_int_equal(find(store, 0, 10, "")->last.row.numbers[HISTORY_EVENT_ID], 17);
        add(store, 8, 6000, 6000);
        change(store, "a", "1");
        store = history_store_close(store);
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), 2);
        assert_string_equal(kept(store), "a=1 ");
        store = history_store_close(store);
        assert_version(s, 3);
}

/* One of the version before keeps its rows, which have no facts, and what it kept; new rows have them. */
static void test_migration_of_version_2(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;

        run_sql(s, SCHEMA_1
                "CREATE TABLE kept (key TEXT PRIMARY KEY NOT NULL, value BLOB);"
                "INSERT INTO history (serial, type, time_usec, id, kind) VALUES (7, 'event', 5000, 17, 'sick');"
                "INSERT INTO kept VALUES ('a', '1');"
                "PRAGMA user_version = 2");
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_string_equal(facts_of(find(store, 0, 10, "")), "");
        assert_string_equal(kept(store), "a=1 ");
        add(store, 8, 6000, 6000);
        assert_string_equal(facts_of(find(store, 0, 1, "")), history_test_values(108, 6000).texts[HISTORY_FACTS]);
        store = history_store_close(store);
        assert_version(s, 3);
}

/* What others wrote into the file hides nothing of ours. */
static void test_kept_nonsense(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        change(store, "a", "1");
        change(store, "z", "26");
        store = history_store_close(store);
        run_sql(s, "INSERT INTO kept VALUES ('', x'00'), ('k' || char(10), 'v'), (hex(zeroblob(200)), 'v'),"
                " ('large', zeroblob(4097)), ('number', 17), ('null', NULL)");
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_string_equal(kept(store), "a=1 number=17 z=26 ");
        change(store, "large", "small");
        change(store, "null", "some");
        assert_string_equal(kept(store), "a=1 large=small null=some number=17 z=26 ");
}

static void test_nothing_is_mapped(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        _cleanup_(free_at) char *maps = NULL;
        size_t length;
        char path[PATH_MAX];

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 1, 1000, 1000);
        assert_int_equal(find(store, 0, 1, "")->n, 1);
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

        assert_int_equal(history_store_open("/nonexistent/history", &limits, &store), -ENOENT);
        assert_int_equal(chmod(s->folder, 0770), 0);
        assert_int_equal(history_store_open(s->folder, &limits, &store), -EPERM);
        if (geteuid() == 0) {
                print_message("root may write everywhere: a folder without permission is not tried\n");
                return;
        }
        assert_int_equal(chmod(s->folder, 0500), 0);
        assert_true(history_store_open(s->folder, &limits, &store) < 0);
}

static void test_somebody_else_has_it(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        HistoryStore *second = NULL;

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 1, 1000, 1000);
        /* Of the same process; SQLite sees to it as it does between two. */
        assert_int_equal(history_store_open(s->folder, &limits, &second), -EBUSY);
}

static void set_file_limit(rlim_t bytes) {
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that may not grow is the full disk that needs no root. */
static void test_full_disk(void **state) {
        const Setup *s = *state;
        HistoryStore *store = NULL;
        uint64_t n = 0;
        int r = 0;

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 1, 1000, 1000);
        set_file_limit(64 * 1024);
        while (r >= 0 && n < 900)
                r = try_add(store, 2 + n++, 1000, 1000);
        /* A real full disk is -ENOSPC; see tests/vm/guest/test_history.py. */
        assert_true(r == -ENOSPC || r == -EIO);
        /* What was kept is there, what failed is not. */
        assert_int_equal(find(store, 0, HISTORY_QUERY_ROWS_MAX, "")->n, n);
        assert_int_equal(history_store_n_rows(store), n);
        (void) history_store_close(store);
        set_file_limit(RLIM_INFINITY);
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_int_equal(history_store_n_rows(store), n);
        history_store_close(store);
}

static Keeper keeper_for(const Setup *s) {
        return (Keeper) { .folder = s->folder, .disk_limits = limits, .memory_limits = { 8, USEC_INFINITY, 10 } };
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
        assert_int_equal(history_store_n_kept(keeper.store), limits.n_kept_max);
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
        assert_string_equal(kept(keeper.store), ""); /* healerd is told, and says all of it again */
        assert_int_equal(keep_value(&keeper, "gone", NULL), 0);
        assert_int_equal(keep_value(&keeper, "new", "2"), 0);
        keeper_sync(&keeper);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);

        set_file_limit(RLIM_INFINITY);
        assert_int_equal(keeper_retry(&keeper), 1);
        assert_string_equal(kept(keeper.store), "new=2 stays=1 ");
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

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        add(store, 7, 1000, 1000);
        assert_int_equal(history_store_last_serial(store), 7);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_commit(store, 0), 0);
        assert_int_equal(history_store_n_rows(store), 1);
        store = history_store_close(store);
        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        assert_int_equal(history_store_last_serial(store), 7);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_commit(store, 2000 + limits.age_max_usec), 0);
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

        run_sql(s, "PRAGMA user_version = 9");
        assert_int_equal(keeper_open(&keeper), 0);
        assert_int_equal(keeper.place, HISTORY_PLACE_MEMORY);
        assert_int_equal(keeper.error, EPROTONOSUPPORT);
        assert_int_equal(keep(&keeper, 1), 0);
        keeper_close(&keeper);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
                cmocka_unit_test_setup_teardown(test_same_serial, setup, teardown),
                cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_event, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_has_facts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_newer_schema, setup, teardown),
                cmocka_unit_test_setup_teardown(test_migration, setup, teardown),
                cmocka_unit_test_setup_teardown(test_migration_of_version_1, setup, teardown),
                cmocka_unit_test_setup_teardown(test_migration_of_version_2, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kept_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kept_undone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kept_nonsense, setup, teardown),
                cmocka_unit_test_setup_teardown(test_memory_remembers_removals, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_is_mapped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
                cmocka_unit_test_setup_teardown(test_somebody_else_has_it, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keeper_full_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keeper_batch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keeper_kept_in_memory_and_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
                cmocka_unit_test_setup_teardown(test_untrusted_clock_keeps_all, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keeper_without_folder, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keeper_damaged, setup, teardown),
                cmocka_unit_test_setup_teardown(test_keeper_newer, setup, teardown),
        };

        log_set_max_level(LOG_ERR);
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        return cmocka_run_group_tests_name("history-store", tests, NULL, NULL);
}
