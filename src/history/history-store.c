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

int history_store_execute(HistoryStore *store, const char *text) {
        return history_store_error(store->database, sqlite3_exec(store->database, text, NULL, NULL, NULL));
}

int history_store_prepare(HistoryStore *store, const char *text, sqlite3_stmt **ret_statement) {
        return history_store_error(store->database,
                                   sqlite3_prepare_v3(store->database, text, -1, SQLITE_PREPARE_PERSISTENT,
                                                      ret_statement, NULL));
}

static int prepare_statements(HistoryStore *store) {
        char text[HISTORY_STATEMENT_SIZE] = "INSERT OR IGNORE INTO history (";

        history_store_append_columns(text);
        (void) text_append_format(text, sizeof(text), ") VALUES (?");
        for (size_t i = 1; i < N_HISTORY_COLUMNS; i++)
                (void) text_append_format(text, sizeof(text), ",?");
        (void) text_append_format(text, sizeof(text), ")");
        return history_store_prepare(store, text, &store->insert);
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

/* SQLite would ask the umask, which is not ours where somebody starts us by hand. What lies beside the file gets the
 * mode of the file. */
static int make_file(const char *path) {
        _cleanup_(close_fd_at) int fd = open(path, O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600);

        if (fd < 0)
                return -errno;
        return fchmod(fd, 0600) < 0 ? -errno : 0;
}

static int store_set_up(HistoryStore *store) {
        /* In this order. The version is looked at before anything is written. */
        static const char *const pragmas[] = {
                "PRAGMA mmap_size=0",
                "PRAGMA temp_store=MEMORY",
                "PRAGMA locking_mode=EXCLUSIVE",
                "PRAGMA auto_vacuum=INCREMENTAL",       /* of a new file */
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
                r = history_store_execute(store, pragmas[i]);
                if (r < 0)
                        return r;
        }
        rc = history_schema_prepare(store->database);
        if (rc != SQLITE_OK)
                return history_store_error(store->database, rc);
        r = prepare_statements(store);
        if (r >= 0)
                r = history_store_limits_open(store);
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
                r = make_file(path);
                if (r < 0)
                        return r;
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
        history_store_limits_close(store);
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
        return history_store_execute(store, "BEGIN IMMEDIATE");
}

int history_store_commit(HistoryStore *store, uint64_t now_realtime_usec) {
        int r;

        r = history_store_limits_enforce(store, now_realtime_usec);
        if (r >= 0)
                r = history_store_kept_enforce_limits(store);
        if (r >= 0)
                r = history_store_execute(store, "COMMIT");
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
                        (void) sqlite3_bind_int64(statement, HISTORY_COLUMN_NUMBERS + i + 1,
                                                  (sqlite3_int64) values.numbers[i]);
        for (int i = 0; i < N_HISTORY_TEXTS; i++) {
                int length = (int) strlen(values.texts[i]), at = HISTORY_COLUMN_TEXTS + i + 1;

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
