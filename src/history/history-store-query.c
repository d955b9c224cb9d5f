/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to the database. A statement has only the conditions that a question has, so that SQLite can see which
 * index serves it; what comes from outside is bound, never part of the text.
 */

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/history/history-store-internal.h"

static void append_column(char *text, const char *separator, const HistoryField *field) {
        char name[32];

        (void) text_copy(name, sizeof(name), field->name);
        for (char *c = name; *c; c++)
                if (*c == '-')
                        *c = '_';
        (void) text_append_format(text, HISTORY_STATEMENT_SIZE, "%s\"%s\"", separator, name);
}

/* "serial,type,"time_usec",…": the order of every statement. */
void history_store_append_columns(char text[static HISTORY_STATEMENT_SIZE]) {
        (void) text_append_format(text, HISTORY_STATEMENT_SIZE, "serial,type");
        for (size_t i = 0; i < N_HISTORY_NUMBERS; i++)
                append_column(text, ",", history_number_field(i));
        for (size_t i = 0; i < N_HISTORY_TEXTS; i++)
                append_column(text, ",", history_text_field(i));
}

/* What stands in a file may have been written by anybody who could: it is checked like a record from a line. */
static int read_row(sqlite3_stmt *statement, const HistoryQuery *query, HistoryMessage *ret_message) {
        static char texts[N_HISTORY_TEXTS][HISTORY_TEXT_SIZE_MAX];
        const char *type = (const char *) sqlite3_column_text(statement, 1);
        HistoryValues values = {};

        if (!type || history_row_type_from_name(type, &values.type) < 0)
                return -EBADMSG;
        for (int i = 0; i < N_HISTORY_NUMBERS; i++)
                if (sqlite3_column_type(statement, HISTORY_COLUMN_NUMBERS + i) != SQLITE_NULL)
                        history_values_set(&values, i, (uint64_t) sqlite3_column_int64(statement,
                                                                                       HISTORY_COLUMN_NUMBERS + i));
        for (int i = 0; i < N_HISTORY_TEXTS; i++) {
                const void *bytes = sqlite3_column_blob(statement, HISTORY_COLUMN_TEXTS + i);
                size_t length = min_of((size_t) sqlite3_column_bytes(statement, HISTORY_COLUMN_TEXTS + i),
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

/* More rows with a word are not looked up but come across. */
#define RARE_MAX 20000

/* Numbers of what is bound. */
enum { BOUND_SINCE = 1, BOUND_UNTIL, BOUND_FILESYSTEM, BOUND_MAX, BOUND_BEFORE, BOUND_AFTER, BOUND_EVENT, BOUND_WORDS };

static void append_condition(char *text, size_t *n, const char *condition) {
        (void) text_append_format(text, HISTORY_STATEMENT_SIZE, " %s %s", (*n)++ == 0 ? "WHERE" : "AND", condition);
}

/* Is it in so few rows that all of them are found at once? */
static int is_rare(HistoryStore *store, const char *name, const char *word) {
        char text[256] = "";
        sqlite3_stmt *statement;
        int64_t n = 0;
        int r, rc;

        (void) text_append_format(text, sizeof(text),
                                  "SELECT count(*) FROM (SELECT 1 FROM history WHERE %s = ?1 LIMIT %d)", name,
                                  RARE_MAX);
        r = history_store_prepare(store, text, &statement);
        if (r < 0)
                return r;
        (void) sqlite3_bind_text(statement, 1, word, -1, SQLITE_STATIC);
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW)
                n = sqlite3_column_int64(statement, 0);
        (void) sqlite3_finalize(statement);
        return rc == SQLITE_ROW ? n < RARE_MAX : history_store_error(store->database, rc);
}

/* A row is picked by its own word, or because it belongs to an event that has it: a decision names the rule, a result
 * how it ended, and all of them are one story. What is rare is looked up, what is frequent is come across on the
 * way. */
static int append_word(HistoryStore *store, char *text, size_t *n, HistoryWord word, const char *value) {
        const char *name = history_text_field(history_word_text(word))->name;
        char condition[256] = "";
        int number = BOUND_WORDS + (int) word, r;

        r = is_rare(store, name, value);
        if (r < 0)
                return r;
        if (r > 0)
                (void) text_append_format(condition, sizeof(condition),
                                          "(serial IN (SELECT serial FROM history WHERE %s = ?%d)"
                                          " OR id IN (SELECT id FROM history WHERE %s = ?%d))",
                                          name, number, name, number);
        else
                (void) text_append_format(condition, sizeof(condition),
                                          "(%s = ?%d OR EXISTS (SELECT 1 FROM history AS other"
                                          " WHERE other.id = history.id AND other.%s = ?%d))",
                                          name, number, name, number);
        append_condition(text, n, condition);
        return 0;
}

/* Devices and mount points have no form of their own. */
static bool is_uuid(const char *name) {
        return strlen(name) == 36 && strspn(name, "0123456789abcdef-") == 36;
}

static int prepare_query(HistoryStore *store, const HistoryQuery *query, sqlite3_stmt **ret_statement) {
        bool has_time = query->since_usec > 0 || query->until_usec > 0, has_uuid = is_uuid(query->filesystem);
        const struct {
                bool is_asked;
                const char *text;
        } conditions[] = {
                { query->since_usec > 0,      "time_usec >= ?1" },
                { query->until_usec > 0,      "time_usec <= ?2" },
                { has_uuid,                   "uuid = ?3" },
                { query->filesystem[0] && !has_uuid, "(uuid = ?3 OR device = ?3 OR mount = CAST(?3 AS BLOB))" },
                { query->before_serial > 0,   "serial < ?5" },
                { query->after_serial > 0,    "serial > ?6" },
                { query->event_id > 0,        "id = ?7" },
        };
        char text[HISTORY_STATEMENT_SIZE] = "SELECT ";
        size_t n = 0;
        int r = 0;

        history_store_append_columns(text);
        (void) text_append_format(text, sizeof(text), " FROM history WHERE serial IN (SELECT serial FROM history");
        for (size_t i = 0; i < ELEMENTSOF(conditions); i++)
                if (conditions[i].is_asked)
                        append_condition(text, &n, conditions[i].text);
        for (size_t i = 0; r >= 0 && i < N_HISTORY_WORDS; i++)
                if (query->words[i][0])
                        r = append_word(store, text, &n, i, query->words[i]);
        if (r < 0)
                return r;
        /* With "+" the order is no reason to go through all rows when the time says which few are asked for. */
        (void) text_append_format(text, sizeof(text), " ORDER BY %sserial%s LIMIT ?4) ORDER BY serial",
                                  has_time ? "+" : "", query->wants_oldest ? "" : " DESC");
        return history_store_prepare(store, text, ret_statement);
}

/* What the text does not name is out of range, which is no mistake here. */
static void bind_query(sqlite3_stmt *statement, const HistoryQuery *query) {
        const struct {
                int at;
                uint64_t value;
        } numbers[] = {
                { BOUND_SINCE,  query->since_usec },
                { BOUND_UNTIL,  query->until_usec },
                { BOUND_MAX,    query->n_max },
                { BOUND_BEFORE, query->before_serial },
                { BOUND_AFTER,  query->after_serial },
        };

        /* Serials and times have 63 bits (row_check()). */
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                (void) sqlite3_bind_int64(statement, numbers[i].at,
                                          (sqlite3_int64) min_of(numbers[i].value, (uint64_t) INT64_MAX));
        (void) sqlite3_bind_int64(statement, BOUND_EVENT, (sqlite3_int64) query->event_id);
        (void) sqlite3_bind_text(statement, BOUND_FILESYSTEM, query->filesystem, -1, SQLITE_STATIC);
        for (int i = 0; i < N_HISTORY_WORDS; i++)
                (void) sqlite3_bind_text(statement, BOUND_WORDS + i, query->words[i], -1, SQLITE_STATIC);
}

int history_store_query(HistoryStore *store, const HistoryQuery *query, HistoryStoreRow on_row, void *userdata) {
        sqlite3_stmt *statement;
        HistoryMessage message;
        int r, rc;

        r = prepare_query(store, query, &statement);
        if (r < 0)
                return r;
        bind_query(statement, query);
        while ((rc = sqlite3_step(statement)) == SQLITE_ROW && r >= 0) {
                r = read_row(statement, query, &message);
                /* A row that makes no sense hides no other. */
                r = r == -EBADMSG ? 0 : r < 0 ? r : on_row(userdata, &message);
        }
        if (r >= 0)
                r = history_store_error(store->database, rc);
        (void) sqlite3_finalize(statement);
        return r;
}
