/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The migrations. Step N makes version N + 1 out of version N; a step that was released is never changed, a new version
 * is a new row. Words of the vocabulary are kept as text, because they are never renamed and numbers of enums may be.
 */

#include "src/history/history-schema.h"

#include <stdio.h>

#include "src/basic/macro.h"

static const char *const steps[HISTORY_SCHEMA_VERSION] = {
        /* Columns are those of src/history/history-protocol.c; NULL is "no such value". */
        "CREATE TABLE history ("
        " serial INTEGER PRIMARY KEY,"
        " type TEXT NOT NULL,"
        " time_usec INTEGER NOT NULL,"
        " id INTEGER, cause INTEGER, job_number INTEGER, count INTEGER, time_nsec INTEGER,"
        " \"group\" INTEGER, inode INTEGER, generation INTEGER, position_bytes INTEGER, length_bytes INTEGER,"
        " device_block INTEGER, device_block_count INTEGER, errno_number INTEGER, shutdown_reasons INTEGER,"
        " unknown_bits INTEGER, test INTEGER, policy_generation INTEGER, duration_usec INTEGER, attempts INTEGER,"
        " caller_uid INTEGER, verified INTEGER, repeated INTEGER,"
        " kind TEXT, severity TEXT, domain TEXT, structure TEXT, errno TEXT, source TEXT, rule TEXT, mode TEXT,"
        " actions TEXT, action TEXT, result TEXT, detail TEXT, uuid TEXT, device TEXT, mount BLOB, path BLOB, text BLOB"
        ");"
        "CREATE INDEX history_time ON history (time_usec);"
        "CREATE INDEX history_id ON history (id);",
        /* Keys that outlive healerd. NULL, in memory only: removed, and the folder is to be told. */
        "CREATE TABLE kept (key TEXT PRIMARY KEY NOT NULL, value BLOB);",
        /* What a decision looked at. NULL: that was not kept; for an event, because the version before did not. */
        "ALTER TABLE history ADD COLUMN facts TEXT;",
        /* Questions by a word and by a file system. Rows that have none are in none of them. */
        "CREATE INDEX history_rule ON history (rule, id) WHERE rule IS NOT NULL;"
        "CREATE INDEX history_structure ON history (structure, id) WHERE structure IS NOT NULL;"
        "CREATE INDEX history_result ON history (result, id) WHERE result IS NOT NULL;"
        "CREATE INDEX history_kind ON history (kind, id) WHERE kind IS NOT NULL;"
        "CREATE INDEX history_uuid ON history (uuid) WHERE uuid IS NOT NULL;",
};

static int read_version(sqlite3 *database, int *ret_version) {
        sqlite3_stmt *statement;
        int rc;

        rc = sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &statement, NULL);
        if (rc != SQLITE_OK)
                return rc;
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
                *ret_version = sqlite3_column_int(statement, 0);
        (void) sqlite3_finalize(statement);
        return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int run_step(sqlite3 *database, int version) {
        char text[64];
        int rc;

        rc = sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(database, steps[version], NULL, NULL, NULL);
        if (rc == SQLITE_OK) {
                (void) snprintf(text, sizeof(text), "PRAGMA user_version = %d", version + 1);
                rc = sqlite3_exec(database, text, NULL, NULL, NULL);
        }
        if (rc == SQLITE_OK)
                rc = sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
        if (rc != SQLITE_OK)
                (void) sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
        return rc;
}

int history_schema_prepare(sqlite3 *database) {
        int version = 0, rc;

        rc = read_version(database, &version);
        if (rc != SQLITE_OK)
                return rc;
        if (version < 0 || version > (int) ELEMENTSOF(steps))
                return SQLITE_SCHEMA;

        for (; version < (int) ELEMENTSOF(steps); version++) {
                rc = run_step(database, version);
                if (rc != SQLITE_OK)
                        return rc;
        }
        return SQLITE_OK;
}
