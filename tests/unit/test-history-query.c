/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to the history by words, which pick whole stories, and its pages forward.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "tests/unit/history-fixture.h"
#include "tests/unit/history-rows.h"

/* A row of a story: of the type, with one word of it. */
static void add_word(HistoryStore *store, uint64_t serial, uint64_t event_id, HistoryRowType type, HistoryText text,
                     const char *word) {
        HistoryValues values = { .type = type };
        HistoryMessage message;

        values.texts[text] = word;
        history_values_set(&values, HISTORY_TIME_USEC, serial * 1000);
        if (event_id != 0)
                history_values_set(&values, HISTORY_EVENT_ID, event_id);
        history_message_set_row(&message, HISTORY_RECORD, serial, &values);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_add(store, &message.row), 0);
        assert_int_equal(history_store_commit(store, 0), 0);
}

/* A word picks all that belongs to the events that have it somewhere; several words pick what has them all. */
static void test_words(void **state) {
        static const struct {
                const char *kind, *structure, *rule, *result;
                uint64_t until_usec;
                size_t n;
                uint64_t first;
        } cases[] = {
                { "",     "",       "heal",         "",       0,    6, 1 },
                { "",     "",       "",             "done",   0,    4, 1 },
                { "sick", "",       "",             "",       0,    6, 1 },
                { "sick", "",       "heal",         "failed", 0,    3, 4 },
                { "",     "finobt", "",             "",       0,    0, 0 },
                { "",     "",       "' OR 1=1 --",  "",       0,    0, 0 },
                { "sick", "",       "heal",         "",       2500, 2, 1 },
        };
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        add_word(store, 1, 11, HISTORY_ROW_EVENT, HISTORY_KIND, "sick");
        add_word(store, 2, 11, HISTORY_ROW_DECISION, HISTORY_RULE, "heal");
        add_word(store, 3, 11, HISTORY_ROW_ACTION, HISTORY_RESULT, "done");
        add_word(store, 4, 12, HISTORY_ROW_EVENT, HISTORY_KIND, "sick");
        add_word(store, 5, 12, HISTORY_ROW_DECISION, HISTORY_RULE, "heal");
        add_word(store, 6, 12, HISTORY_ROW_ACTION, HISTORY_RESULT, "failed");
        add_word(store, 8, 13, HISTORY_ROW_EVENT, HISTORY_KIND, "shutdown");
        add_word(store, 9, 0, HISTORY_ROW_ACTION, HISTORY_RESULT, "done"); /* that somebody asked for */
        add_word(store, 10, 0, HISTORY_ROW_ACTION, HISTORY_RESULT, "failed");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HistoryQuery query = { .query_id = 9, .n_max = 100, .until_usec = cases[i].until_usec };
                const char *words[N_HISTORY_WORDS] = {
                        [HISTORY_WORD_KIND] = cases[i].kind, [HISTORY_WORD_STRUCTURE] = cases[i].structure,
                        [HISTORY_WORD_RULE] = cases[i].rule, [HISTORY_WORD_RESULT] = cases[i].result,
                };
                Found *found;

                print_message("%s %s %s %s\n", words[0], words[1], words[2], words[3]);
                for (size_t w = 0; w < N_HISTORY_WORDS; w++)
                        (void) snprintf(query.words[w], sizeof(query.words[w]), "%s", words[w]);
                found = ask_rows(store, &query);
                assert_int_equal(found->n, cases[i].n);
                if (found->n > 0)
                        assert_int_equal(found->serials[0], cases[i].first);
        }
}

/* A word that many have is not looked up but come across, and picks the same. */
static void test_frequent_word(void **state) {
        HistoryQuery query = { .query_id = 9, .n_max = 2, .words = { [HISTORY_WORD_STRUCTURE] = "finobt" } };
        const HistoryLimits many = { 100000, USEC_INFINITY, 10, 0 };
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        HistoryMessage message;
        Found *found;

        assert_int_equal(history_store_open(s->folder, &many, &store), 0);
        assert_int_equal(history_store_begin(store), 0);
        for (uint64_t i = 1; i <= 20001; i++) {
                HistoryValues values = history_test_values(i, i * 1000);

                history_message_set_row(&message, HISTORY_RECORD, i, &values);
                assert_int_equal(history_store_add(store, &message.row), 0);
        }
        assert_int_equal(history_store_commit(store, 0), 0);
        add_word(store, 20002, 20001, HISTORY_ROW_DECISION, HISTORY_RULE, "heal");
        add_word(store, 20003, 20002, HISTORY_ROW_EVENT, HISTORY_KIND, "shutdown");
        found = ask_rows(store, &query);
        assert_int_equal(found->n, 2);
        assert_int_equal(found->serials[0], 20001);
        assert_int_equal(found->serials[1], 20002);
        (void) snprintf(query.words[HISTORY_WORD_RULE], sizeof(query.words[0]), "heal");
        assert_int_equal(ask_rows(store, &query)->serials[0], 20001);
        (void) snprintf(query.words[HISTORY_WORD_RULE], sizeof(query.words[0]), "none");
        assert_int_equal(ask_rows(store, &query)->n, 0);
}

/* The pages of one who goes through all of it, oldest first. */
static void test_pages_forward(void **state) {
        const Setup *s = *state;
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        HistoryQuery query = { .query_id = 9, .n_max = 4, .wants_oldest = 1 };
        static const uint64_t firsts[] = { 1, 5, 9 };

        assert_int_equal(history_store_open(s->folder, &history_test_limits, &store), 0);
        for (uint64_t i = 1; i <= 10; i++)
                add_row(store, i, 1000, 10000);
        for (size_t i = 0; i < ELEMENTSOF(firsts); i++) {
                Found *found = ask_rows(store, &query);

                assert_int_equal(found->n, i < 2 ? 4 : 2);
                assert_int_equal(found->serials[0], firsts[i]);
                query.after_serial = found->serials[found->n - 1];
        }
        assert_int_equal(ask_rows(store, &query)->n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, history_setup, history_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_words),
                TEST(test_frequent_word),
                TEST(test_pages_forward),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("history-query", tests, NULL, NULL);
}
