/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * locking_mode=EXCLUSIVE comes before journal_mode=WAL: only then is the index of the log in our memory instead of in a
 * mapped file, which would end the process with SIGBUS on a file system that shuts down. For the same reason nothing
 * else is mapped.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/basic/text.h"
#include "src/history/history-schema.h"
#include "src/history/history-store-internal.h"

/* Beyond the limit rows go in portions, so that not every row costs a removal. */
#define TRIM_PORTION(n_max) ((n_max) / 100 + 1)

#define STATEMENT_SIZE 4096

static const struct {
        int code;
        int error;
} errors[] = {
        { SQLITE_FULL,     ENOSPC },
        { SQLITE_READONLY, EROFS },
        { SQLITE_BUSY,     EBUSY },
        { SQLITE_LOCKED,   EBUSY },
        { SQLITE_CORRUPT,  EUCLEAN },
        { SQLITE_NOTADB,   EUCLEAN },
        { SQLITE_NOMEM,    ENOMEM },
        { SQLITE_PERM,     EACCES },
        { SQLITE_SCHEMA,   EPROTONOSUPPORT },
        { SQLITE_IOERR,    EIO },
};

int history_store_error(sqlite3 *database, int code) {
        int system_error;

        if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
                return 0;

        system_error = database ? sqlite3_system_errno(database) : 0;
        if ((code & 0xff) == SQLITE_CANTOPEN)
                return system_error > 0 ? -system_error : -ENOENT;
        /* A file system that is full may say so to any call. */
        if ((code & 0xff) == SQLITE_IOERR && (system_error == ENOSPC || system_error == EDQUOT))
                return -ENOSPC;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == (code & 0xff))
                        return -errors[i].error;
        return -EIO;
}

static int execute(HistoryStore *store, const char *text) {
        return history_store_error(store->database, sqlite3_exec(store->database, text, NULL, NULL, NULL));
}

static void append_column(char *text, const char *separator, const HistoryField *field) {
        char name[32];

        (void) text_copy(name, sizeof(name), field->name);
        for (char *c = name; *c; c++)
                if (*c == '-')
                        *c = '_';
        (void) text_append_format(text, STATEMENT_SIZE, "%s\"%s\"", separator, name);
}

/* "serial,type,"time_usec",…": the order of every statement. */
static void append_columns(char *text) {
        (void) text_append_format(text, STATEMENT_SIZE, "serial,type");
        for (size_t i = 0; i < N_HISTORY_NUMBERS; i++)
                append_column(text, ",", history_number_field(i));
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++)
                append_column(text, ",", history_text_field(i));
}

#define COLUMN_NUMBERS 2
#define COLUMN_TEXTS (COLUMN_NUMBERS + N_HISTORY_NUMBERS)
#define N_COLUMNS (COLUMN_TEXTS + N_HISTORY_TEXTS)

int history_store_prepare(HistoryStore *store, const char *text, sqlite3_stmt **ret_statement) {
        return history_store_error(store->database,
                                   sqlite3_prepare_v3(store->database, text, -1, SQLITE_PREPARE_PERSISTENT,
                                                      ret_statement, NULL));
}

/* The newest so many, oldest first. */
static int prepare_select(HistoryStore *store, const char *condition, sqlite3_stmt **ret_statement) {
        char text[STATEMENT_SIZE] = "SELECT * FROM (SELECT ";

        append_columns(text);
        (void) text_append_format(text, sizeof(text),
                                  " FROM history WHERE %sserial < ?5 AND time_usec >= ?1"
                                  " AND (?2 = '' OR uuid = ?2 OR device = ?2 OR mount = CAST(?2 AS BLOB))"
                                  " ORDER BY serial DESC LIMIT ?3) ORDER BY serial",
                                  condition);
        return history_store_prepare(store, text, ret_statement);
}

static int prepare_statements(HistoryStore *store) {
        char text[STATEMENT_SIZE] = "INSERT OR IGNORE INTO history (";
        int r;

        append_columns(text);
        (void) text_append_format(text, sizeof(text), ") VALUES (?");
        for (size_t i = 1; i < N_COLUMNS; i++)
                (void) text_append_format(text, sizeof(text), ",?");
        (void) text_append_format(text, sizeof(text), ")");
        r = history_store_prepare(store, text, &store->insert);
        if (r < 0)
                return r;

        r = prepare_select(store, "", &store->select);
        if (r >= 0)
                r = prepare_select(store, "id = ?4 AND ", &store->select_event);
        if (r < 0)
                return r;

        r = history_store_prepare(store,
                                  "DELETE FROM history WHERE serial IN"
                                  " (SELECT serial FROM history ORDER BY serial LIMIT ?1)",
                                  &store->trim);
        if (r < 0)
                return r;
        return history_store_prepare(store, "DELETE FROM history WHERE time_usec < ?1", &store->expire);
}

static int count_rows(HistoryStore *store) {
        sqlite3_stmt *statement;
        int r, rc;

        r = history_store_prepare(store, "SELECT count(*), coalesce(max(serial), 0) FROM history", &statement);
        if (r < 0)
                return r;
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW) {
                store->counts.n_rows = (uint64_t) sqlite3_column_int64(statement, 0);
                store->last_serial = (uint64_t) max_of(sqlite3_column_int64(statement, 1), INT64_C(0));
        }
        (void) sqlite3_finalize(statement);
        return history_store_error(store->database, rc);
}

/* The folder tells who could have written what we read. */
static int check_folder(const char *folder) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct stat status;

        fd = open(folder, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &status) < 0)
                return -errno;
        if (status.st_uid != geteuid() || status.st_mode & 022)
                return -EPERM;
        return 0;
}

static int store_set_up(HistoryStore *store) {
        /* In this order. The version is looked at before anything is written. */
        static const char *const pragmas[] = {
                "PRAGMA mmap_size=0",
                "PRAGMA temp_store=MEMORY",
                "PRAGMA locking_mode=EXCLUSIVE",
                "PRAGMA journal_mode=WAL",
                "PRAGMA synchronous=NORMAL",
                "PRAGMA journal_size_limit=4194304",
        };
        sqlite3_stmt *statement = NULL;
        int version = 0, rc, r;

        rc = sqlite3_prepare_v2(store->database, "PRAGMA locking_mode=EXCLUSIVE", -1, &statement, NULL);
        if (rc == SQLITE_OK)
                (void) sqlite3_step(statement);
        (void) sqlite3_finalize(statement);
        rc = sqlite3_prepare_v2(store->database, "PRAGMA user_version", -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return history_store_error(store->database, rc);
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
                version = sqlite3_column_int(statement, 0);
        (void) sqlite3_finalize(statement);
        if (rc != SQLITE_ROW)
                return history_store_error(store->database, rc);
        if (version > HISTORY_SCHEMA_VERSION || version < 0)
                return -EPROTONOSUPPORT;

        for (size_t i = 0; !store->is_in_memory && i < ELEMENTSOF(pragmas); i++) {
                r = execute(store, pragmas[i]);
                if (r < 0)
                        return r;
        }
        rc = history_schema_prepare(store->database);
        if (rc != SQLITE_OK)
                return history_store_error(store->database, rc);
        r = prepare_statements(store);
        return r < 0 ? r : history_store_kept_open(store);
}

int history_store_open(const char *folder, const HistoryLimits *limits, HistoryStore **ret_store) {
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        char path[PATH_MAX] = ":memory:";
        int r, rc;

        if (folder) {
                r = check_folder(folder);
                if (r < 0)
                        return r;
                path[0] = 0;
                r = text_append_format(path, sizeof(path), "%s/" HISTORY_FILE_NAME, folder);
                if (r < 0)
                        return -ENAMETOOLONG;
        }

        store = calloc(1, sizeof(*store));
        if (!store)
                return -ENOMEM;
        store->limits = *limits;
        store->is_in_memory = !folder;

        rc = sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE|SQLITE_OPEN_NOMUTEX,
                             NULL);
        if (rc != SQLITE_OK)
                return history_store_error(store->database, rc);
        (void) sqlite3_extended_result_codes(store->database, 1);
        r = store_set_up(store);
        if (r < 0)
                return r;
        r = count_rows(store);
        if (r < 0)
                return r;

        *ret_store = steal_ptr(store);
        return 0;
}

HistoryStore *history_store_close(HistoryStore *store) {
        if (!store)
                return NULL;

        (void) sqlite3_finalize(store->insert);
        (void) sqlite3_finalize(store->select);
        (void) sqlite3_finalize(store->select_event);
        (void) sqlite3_finalize(store->trim);
        (void) sqlite3_finalize(store->expire);
        history_store_kept_close(store);
        (void) sqlite3_close(store->database);
        free(store);
        return NULL;
}

int history_store_set_aside(const char *folder) {
        /* A log that stayed would be applied to the new database. */
        static const char *const endings[] = { "-wal", "-journal", "" };

        for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
                char from[PATH_MAX] = "", to[PATH_MAX] = "";

                if (text_append_format(from, sizeof(from), "%s/" HISTORY_FILE_NAME "%s", folder, endings[i]) < 0 ||
                    text_append_format(to, sizeof(to), "%s/" HISTORY_FILE_NAME ".damaged%s", folder, endings[i]) < 0)
                        return -ENAMETOOLONG;
                if (rename(from, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

void history_store_undo(HistoryStore *store) {
        /* Some errors have rolled back already; then there is nothing left to undo. */
        if (!sqlite3_get_autocommit(store->database))
                (void) sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
        store->counts = store->counts_before;
}

int history_store_begin(HistoryStore *store) {
        store->counts_before = store->counts;
        return execute(store, "BEGIN IMMEDIATE");
}

/* Runs a statement of one number. Returns how many rows it changed, or a negative errno. */
static int64_t remove_rows(HistoryStore *store, sqlite3_stmt *statement, uint64_t value) {
        int rc, changed;

        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) value);
        rc = sqlite3_step(statement);
        changed = sqlite3_changes(store->database);
        (void) sqlite3_reset(statement);
        if (rc != SQLITE_DONE)
                return history_store_error(store->database, rc);

        store->counts.n_rows -= min_of(store->counts.n_rows, (uint64_t) changed);
        return changed;
}

static int enforce_limits(HistoryStore *store, uint64_t now_realtime_usec) {
        int64_t n;

        if (now_realtime_usec > store->limits.age_max_usec) {
                n = remove_rows(store, store->expire, now_realtime_usec - store->limits.age_max_usec);
                if (n < 0)
                        return (int) n;
        }
        if (store->counts.n_rows <= store->limits.n_rows_max)
                return 0;

        n = remove_rows(store, store->trim, store->counts.n_rows - store->limits.n_rows_max +
                                                TRIM_PORTION(store->limits.n_rows_max) - 1);
        if (n < 0)
                return (int) n;
        store->n_trimmed += (uint64_t) n;
        return 0;
}

int history_store_commit(HistoryStore *store, uint64_t now_realtime_usec) {
        int r;

        r = enforce_limits(store, now_realtime_usec);
        if (r >= 0)
                r = history_store_kept_enforce_limits(store);
        if (r >= 0)
                r = execute(store, "COMMIT");
        if (r < 0)
                history_store_undo(store);
        return r;
}

/* Texts that may be no UTF-8 are bytes in the database. */
static bool is_bytes(HistoryText text) {
        return text == HISTORY_MOUNT || text == HISTORY_PATH || text == HISTORY_TEXT;
}

int history_store_add(HistoryStore *store, const HistoryRow *row) {
        sqlite3_stmt *statement = store->insert;
        HistoryValues values;
        int rc;

        history_row_values(row, &values);
        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) row->serial);
        (void) sqlite3_bind_text(statement, 2, history_row_type_to_name(values.type), -1, SQLITE_STATIC);
        for (int i = 0; i < N_HISTORY_NUMBERS; i++)
                if (values.known & UINT32_C(1) << i)
                        (void) sqlite3_bind_int64(statement, COLUMN_NUMBERS + i + 1, (sqlite3_int64) values.numbers[i]);
        for (int i = 0; i < N_HISTORY_TEXTS; i++) {
                int length = (int) strlen(values.texts[i]), at = COLUMN_TEXTS + i + 1;

                if (length > 0 && is_bytes(i))
                        (void) sqlite3_bind_blob(statement, at, values.texts[i], length, SQLITE_STATIC);
                else if (length > 0)
                        (void) sqlite3_bind_text(statement, at, values.texts[i], length, SQLITE_STATIC);
        }

        rc = sqlite3_step(statement);
        if (rc == SQLITE_DONE) {
                store->counts.n_rows += (uint64_t) sqlite3_changes(store->database);
                store->last_serial = max_of(store->last_serial, row->serial);
        }
        (void) sqlite3_reset(statement);
        (void) sqlite3_clear_bindings(statement);
        if (rc != SQLITE_DONE) {
                int r = history_store_error(store->database, rc);

                history_store_undo(store);
                return r;
        }
        return 0;
}

/* What stands in a file may have been written by anybody who could: it is checked like a record from a line. */
static int read_row(sqlite3_stmt *statement, const HistoryQuery *query, HistoryMessage *ret_message) {
        static char texts[N_HISTORY_TEXTS][HISTORY_TEXT_SIZE_MAX];
        const char *type = (const char *) sqlite3_column_text(statement, 1);
        HistoryValues values = {};

        if (!type || history_row_type_from_name(type, &values.type) < 0)
                return -EBADMSG;
        for (int i = 0; i < N_HISTORY_NUMBERS; i++)
                if (sqlite3_column_type(statement, COLUMN_NUMBERS + i) != SQLITE_NULL)
                        history_values_set(&values, i, (uint64_t) sqlite3_column_int64(statement, COLUMN_NUMBERS + i));
        for (int i = 0; i < N_HISTORY_TEXTS; i++) {
                const void *bytes = sqlite3_column_blob(statement, COLUMN_TEXTS + i);
                size_t length = min_of((size_t) sqlite3_column_bytes(statement, COLUMN_TEXTS + i),
                                       sizeof(texts[i]) - 1);

                if (bytes)
                        memcpy(texts[i], bytes, length);
                texts[i][bytes ? length : 0] = 0;
                values.texts[i] = texts[i];
        }
        if (!query->wants_facts)
                values.texts[HISTORY_FACTS] = NULL;

        history_message_set_row(ret_message, HISTORY_ROW, (uint64_t) sqlite3_column_int64(statement, 0), &values);
        ret_message->row.query_id = query->query_id;
        return history_message_check(ret_message, ret_message->header.size_bytes);
}

int history_store_query(HistoryStore *store, const HistoryQuery *query, HistoryStoreRow on_row, void *userdata) {
        sqlite3_stmt *statement = query->event_id != 0 ? store->select_event : store->select;
        /* Serials have 63 bits (row_check()). */
        sqlite3_int64 before_serial = query->before_serial == 0 ? INT64_MAX :
                                      (sqlite3_int64) min_of(query->before_serial, (uint64_t) INT64_MAX);
        HistoryMessage message;
        int r = 0, rc;

        (void) sqlite3_bind_int64(statement, 1, (sqlite3_int64) min_of(query->since_usec, (uint64_t) INT64_MAX));
        (void) sqlite3_bind_text(statement, 2, query->filesystem, -1, SQLITE_STATIC);
        (void) sqlite3_bind_int64(statement, 3, query->n_max);
        if (query->event_id != 0)
                (void) sqlite3_bind_int64(statement, 4, (sqlite3_int64) query->event_id);
        (void) sqlite3_bind_int64(statement, 5, before_serial);
        while ((rc = sqlite3_step(statement)) == SQLITE_ROW && r >= 0) {
                r = read_row(statement, query, &message);
                /* A row that makes no sense hides no other. */
                r = r == -EBADMSG ? 0 : r < 0 ? r : on_row(userdata, &message);
        }
        if (r >= 0)
                r = history_store_error(store->database, rc);
        (void) sqlite3_reset(statement);
        (void) sqlite3_clear_bindings(statement);
        return r;
}

static int copy_row(void *userdata, const HistoryMessage *message) {
        return history_store_add(userdata, &message->row);
}

int history_store_copy(HistoryStore *from, HistoryStore *to, uint64_t now_realtime_usec) {
        const HistoryQuery all = { .query_id = 1, .n_max = UINT32_MAX, .wants_facts = 1 };
        int r;

        r = history_store_begin(to);
        if (r < 0)
                return r;
        r = history_store_query(from, &all, copy_row, to);
        if (r >= 0)
                r = history_store_kept_copy(from, to);
        if (r < 0) {
                history_store_undo(to);
                return r;
        }
        return history_store_commit(to, now_realtime_usec);
}

uint64_t history_store_n_rows(const HistoryStore *store) {
        return store->counts.n_rows;
}

uint64_t history_store_last_serial(const HistoryStore *store) {
        return store->last_serial;
}

uint64_t history_store_n_trimmed(const HistoryStore *store) {
        return store->n_trimmed;
}
