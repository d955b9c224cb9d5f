/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.ListEvents over a socketpair, with a history of the test's own: who may read, what is asked for, what comes
 * back, and what is said when nothing does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"
#include "tests/unit/history-rows.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "data", .device_number = 0x801,
};

typedef struct FakeHistory {
        int result;                     /* of the question */
        int end;                        /* of the answer */
        bool is_empty;
        HistoryQuery query;
        unsigned n_queries;
} FakeHistory;

static int fake_query(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        HistoryValues event = history_test_values(42, 1000), decision = {
                .type = HISTORY_ROW_DECISION,
                .texts = { [HISTORY_ACTIONS] = "repair,notify", [HISTORY_RULE] = "heal" },
        };
        FakeHistory *history = userdata;
        HistoryMessage message;

        history->n_queries++;
        history->query = *query;
        if (history->result < 0)
                return history->result;

        if (history->is_empty) {
                on_answer(answer_userdata, NULL, history->end);
                return 0;
        }
        history_values_set(&decision, HISTORY_TIME_USEC, 1001);
        history_values_set(&decision, HISTORY_EVENT_ID, 42);
        history_message_set_row(&message, HISTORY_ROW, 1, &event);
        on_answer(answer_userdata, &message.row, 0);
        history_message_set_row(&message, HISTORY_ROW, 2, &decision);
        on_answer(answer_userdata, &message.row, 0);
        on_answer(answer_userdata, NULL, history->end);
        return 0;
}

static uint64_t fake_n_dropped(void *userdata) {
        return ((FakeHistory *) userdata)->n_queries + 7;
}

static uint64_t fake_n_removed(void *userdata) {
        return ((FakeHistory *) userdata)->n_queries + 11;
}

static HistoryPlace fake_place(void *userdata) {
        return ((FakeHistory *) userdata)->result < 0 ? HISTORY_PLACE_STALLED : HISTORY_PLACE_MEMORY;
}

static void set_up(BusFixture *fixture, FakeHistory *history) {
        const BusServerOptions options = {
                .history = {
                        .query = fake_query,
                        .n_dropped = fake_n_dropped,
                        .n_removed = fake_n_removed,
                        .place = fake_place,
                        .userdata = history,
                },
        };

        bus_fixture_init(fixture, &options);
        fake_engine_add_filesystem(fixture->engine, &srv);
}

static const char *list(BusFixture *fixture, uint32_t max, const char *filesystem, sd_bus_message **ret_reply) {
        return bus_fixture_call(fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListEvents", ret_reply, "tua{sv}",
                                UINT64_C(99), max, 1, "filesystem", "s", filesystem);
}

static void test_answer(void **state _unused_) {
        static const char *const parts[] = {
                "\"event\"", "\"serial\"", "\"kind\"", "\"sick\"", "\"mount\"", "\"group\"", "UINT32 3",
                "UINT64 18446744073709551614",
                "\"decision\"", "\"actions\"", "\"repair\"", "\"notify\"", "\"heal\"", "/srv agno 0x3 finobt: sick",
                "\"facts\"",
        };
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL;
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        assert_null(list(&fixture, 5, "", &reply));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_string_equal(sd_bus_message_get_signature(reply, true), "aa{sv}");
        text = bus_message_text(reply);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                print_message("%s\n", parts[i]);
                assert_non_null(strstr(text, parts[i]));
        }
        assert_int_equal(history.n_queries, 1);
        assert_int_equal(history.query.since_usec, 99);
        assert_int_equal(history.query.n_max, 5);
        bus_fixture_done(&fixture);
}

static void test_questions(void **state _unused_) {
        static const struct {
                const char *name, *filesystem, *asked;
                uint32_t max, n_max;
        } cases[] = {
                { "all", "", "", 0, 1000 },
                { "mounted: by UUID", "/srv", UUID, 7, 7 },
                { "mounted, by device", "/dev/sda1", UUID, 10000, 10000 },
                { "gone", "/gone", "/gone", 1, 1 },
        };
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_null(list(&fixture, cases[i].max, cases[i].filesystem, NULL));
                assert_string_equal(history.query.filesystem, cases[i].asked);
                assert_int_equal(history.query.n_max, cases[i].n_max);
        }
        assert_string_equal(list(&fixture, 10001, "", NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListEvents", NULL,
                                             "tua{sv}", UINT64_C(0), UINT32_C(0), 1, "colour", "s", "red"),
                            SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(history.n_queries, ELEMENTSOF(cases));
        bus_fixture_done(&fixture);
}

/* What an event was decided by is long; only who asks for it gets it. */
static void test_one_event(void **state _unused_) {
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListEvents", NULL, "tua{sv}",
                                     UINT64_C(0), UINT32_C(0), 3, "id", "t", UINT64_MAX, "facts", "b", true,
                                     "before", "t", UINT64_C(5)));
        assert_int_equal(history.query.before_serial, 5);
        assert_int_equal(history.query.event_id, UINT64_MAX);
        assert_int_equal(history.query.wants_facts, 1);
        assert_null(list(&fixture, 0, "", NULL));
        assert_int_equal(history.query.event_id, 0);
        assert_int_equal(history.query.wants_facts, 0);
        bus_fixture_done(&fixture);
}

static const char *list_word(BusFixture *fixture, const char *key, const char *word) {
        return bus_fixture_call(fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListEvents", NULL, "tua{sv}",
                                UINT64_C(0), UINT32_C(0), 1, key, "s", word);
}

/* What no entry can have is a slip of who asks, and an empty answer would hide it. */
static void test_words(void **state _unused_) {
        static const struct {
                const char *key, *word;
                HistoryWord at;
                bool is_good;
        } cases[] = {
                { "kind",      "sick",          HISTORY_WORD_KIND,      true  },
                { "kind",      "sik",           HISTORY_WORD_KIND,      false },
                { "structure", "finobt",        HISTORY_WORD_STRUCTURE, true  },
                { "structure", "' OR 1=1 --",   HISTORY_WORD_STRUCTURE, false },
                { "outcome",   "still-corrupt", HISTORY_WORD_RESULT,    true  },
                { "outcome",   "corrupt",       HISTORY_WORD_RESULT,    false },
                { "rule",      "of last year",  HISTORY_WORD_RULE,      true  },
        };
        char name[HISTORY_WORD_SIZE + 1];
        FakeHistory history = {};
        unsigned n_good = 0;
        BusFixture fixture;

        set_up(&fixture, &history);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *error = list_word(&fixture, cases[i].key, cases[i].word);

                print_message("%s %s\n", cases[i].key, cases[i].word);
                assert_int_equal(history.n_queries, n_good += cases[i].is_good);
                if (!cases[i].is_good) {
                        assert_string_equal(error, SD_BUS_ERROR_INVALID_ARGS);
                        continue;
                }
                assert_null(error);
                for (size_t w = 0; w < N_HISTORY_WORDS; w++)
                        assert_string_equal(history.query.words[w], w == cases[i].at ? cases[i].word : "");
        }
        memset(name, 'r', sizeof(name));
        name[HISTORY_WORD_SIZE] = 0;
        assert_string_equal(list_word(&fixture, "rule", name), SD_BUS_ERROR_INVALID_ARGS);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListEvents", NULL, "tua{sv}",
                                     UINT64_C(5), UINT32_C(0), 1, "until", "t", UINT64_C(9)));
        assert_int_equal(history.query.until_usec, 9);
        bus_fixture_done(&fixture);
}

static const char *get_event(BusFixture *fixture, uint64_t id) {
        return bus_fixture_call(fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "GetEvent", NULL, "ta{sv}", id, 1,
                                "facts", "b", true);
}

static void test_get_event(void **state _unused_) {
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        assert_null(get_event(&fixture, 42));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_int_equal(history.query.event_id, 42);
        assert_int_equal(history.query.wants_facts, 1);
        assert_int_equal(history.query.n_max, HISTORY_QUERY_ROWS_MAX);

        history.is_empty = true;
        assert_string_equal(get_event(&fixture, 43), BUS_ERROR_NO_SUCH_EVENT);
        assert_string_equal(get_event(&fixture, 0), BUS_ERROR_NO_SUCH_EVENT);
        assert_null(list(&fixture, 0, "", NULL)); /* of many, none is an answer */
        assert_int_equal(history.n_queries, 3);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "GetEvent", NULL,
                                             "ta{sv}", UINT64_C(42), 1, "rule", "s", "heal"),
                            SD_BUS_ERROR_INVALID_ARGS);
        history.end = -EIO;
        assert_string_equal(get_event(&fixture, 42), BUS_ERROR_NO_HISTORY);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_non_null(get_event(&fixture, 42));
        assert_int_equal(history.n_queries, 4);
        bus_fixture_done(&fixture);
}

static void test_denied(void **state _unused_) {
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_non_null(list(&fixture, 0, "", NULL));
        assert_int_equal(history.n_queries, 0);
        bus_fixture_done(&fixture);
}

static void test_failures(void **state _unused_) {
        static const struct {
                const char *name;
                int result, end;
                const char *error;
        } cases[] = {
                { "no recorder", -ENOLINK, 0, BUS_ERROR_NO_HISTORY },
                { "too many", -ENOBUFS, 0, SD_BUS_ERROR_LIMITS_EXCEEDED },
                { "does not answer", 0, -ETIMEDOUT, BUS_ERROR_NO_HISTORY },
                { "died", 0, -ENOLINK, BUS_ERROR_NO_HISTORY },
                { "sick disk", 0, -EIO, BUS_ERROR_NO_HISTORY },
        };
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                history = (FakeHistory) { .result = cases[i].result, .end = cases[i].end };
                assert_string_equal(list(&fixture, 0, "", NULL), cases[i].error);
        }
        bus_fixture_done(&fixture);

        print_message("none is kept\n");
        bus_fixture_init(&fixture, NULL);
        assert_string_equal(list(&fixture, 0, "", NULL), BUS_ERROR_NO_HISTORY);
        bus_fixture_done(&fixture);
}

static void assert_property(BusFixture *fixture, const char *name, const char *value) {
        _cleanup_(free_at) char *text = bus_fixture_property(fixture, BUS_PATH, BUS_INTERFACE_MANAGER, name);

        assert_string_equal(text, value);
}

static void test_properties(void **state _unused_) {
        FakeHistory history = {};
        BusFixture fixture;

        set_up(&fixture, &history);
        assert_property(&fixture, "HistoryDropped", "7");
        assert_property(&fixture, "HistoryRemoved", "11");
        assert_property(&fixture, "HistoryState", "memory");
        bus_fixture_done(&fixture);

        bus_fixture_init(&fixture, NULL);
        assert_property(&fixture, "HistoryDropped", "0");
        assert_property(&fixture, "HistoryRemoved", "0");
        assert_property(&fixture, "HistoryState", "absent");
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_questions),
                cmocka_unit_test(test_one_event),
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_get_event),
                cmocka_unit_test(test_denied),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_properties),
        };

        return cmocka_run_group_tests_name("bus-history", tests, NULL, NULL);
}
