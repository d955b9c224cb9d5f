/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.DumpEvents over a socketpair, with a history of the test's own: pages, a reader that is slow or goes, what
 * the last line says, and limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/bus/bus-dump.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"
#include "tests/unit/history-rows.h"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

/* More than a pipe holds. */
#define MANY 1000

/* The time for a reader. */
static bool is_short;

int __real_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *source, uint64_t usec) {
        return __real_sd_event_source_set_time_relative(source, is_short && usec == BUS_DUMP_DEADLINE_USEC ? 1 : usec);
}

typedef struct FakeHistory {
        uint64_t n_rows;                /* serials from 1 */
        uint64_t fails_after;           /* the page behind this serial; 0: none */
        bool is_silent;                 /* the answer is given later, or never */
        HistoryQuery query;
        HistoryAnswer on_answer;
        void *answer_userdata;
        unsigned n_queries;
} FakeHistory;

static void give_page(FakeHistory *history) {
        uint64_t first = history->query.after_serial + 1, n = history->query.n_max;
        HistoryMessage message;

        for (uint64_t i = first; i < first + n && i <= history->n_rows; i++) {
                HistoryValues values = history_test_values(i, i * 1000);

                history_message_set_row(&message, HISTORY_ROW, i, &values);
                history->on_answer(history->answer_userdata, &message.row, 0);
        }
        history->on_answer(history->answer_userdata, NULL,
                           history->fails_after > 0 && first > history->fails_after ? -EIO : 0);
}

static int fake_query(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        FakeHistory *history = userdata;

        history->n_queries++;
        history->query = *query;
        history->on_answer = on_answer;
        history->answer_userdata = answer_userdata;
        if (!history->is_silent)
                give_page(history);
        return 0;
}

static void set_up(BusFixture *fixture, FakeHistory *history) {
        const BusServerOptions options = { .history = { .query = fake_query, .userdata = history } };

        bus_fixture_init(fixture, &options);
}

/* Returns the error; the descriptor does not wait. */
static const char *dump(BusFixture *fixture, int *ret_fd) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *error;
        int fd;

        error = bus_fixture_call(fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "DumpEvents", &reply, "a{sv}", 2,
                                 "since", "t", UINT64_C(7), "kind", "s", "sick");
        if (error)
                return error;
        assert_true(sd_bus_message_read(reply, "h", &fd) > 0);
        *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        assert_true(*ret_fd >= 0);
        assert_int_equal(fcntl(*ret_fd, F_SETFL, O_NONBLOCK), 0);
        return NULL;
}

typedef struct Reading {
        int fd;
        char *text;
        size_t length, size;
} Reading;

static bool is_read(BusFixture *fixture _unused_, void *userdata) {
        Reading *reading = userdata;

        for (;;) {
                ssize_t n;

                assert_true(reading->length + 4096 < reading->size);
                n = read(reading->fd, reading->text + reading->length, 4096);
                if (n <= 0) {
                        reading->text[reading->length] = 0;
                        assert_true(n == 0 || errno == EAGAIN);
                        return n == 0;
                }
                reading->length += (size_t) n;
        }
}

/* All of it; free(). */
static char *read_all(BusFixture *fixture, int fd) {
        Reading reading = { .fd = fd, .size = 2 << 20 };

        reading.text = malloc(reading.size);
        assert_non_null(reading.text);
        bus_fixture_wait(fixture, is_read, &reading);
        close(fd);
        return reading.text;
}

static size_t count_lines(const char *text) {
        size_t n = 0;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

static bool ends_with(const char *text, const char *end) {
        return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void test_all_of_it(void **state _unused_) {
        static const char *const parts[] = {
                "\"type\":\"event\"", "\"serial\":1,", "\"time_usec\":1000", "\"structure\":\"finobt\"",
                "\"inode\":\"18446744073709551614\"", "\"mount\":\"/srv/\\\\xff\"", "\"test\":false",
        };
        FakeHistory history = { .n_rows = MANY };
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;
        int fd = -EBADF;

        set_up(&fixture, &history);
        assert_null(dump(&fixture, &fd));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_int_equal(history.query.since_usec, 7);
        assert_string_equal(history.query.words[HISTORY_WORD_KIND], "sick");
        /* Nobody reads: not more than the pipe and a page. */
        bus_fixture_settle(&fixture);
        assert_true(history.n_queries < MANY / BUS_DUMP_PAGE_ROWS);
        text = read_all(&fixture, fd);
        assert_int_equal(count_lines(text), MANY + 1);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                print_message("%s\n", parts[i]);
                assert_non_null(strstr(text, parts[i]));
        }
        assert_true(ends_with(text, "{\"type\":\"end\",\"complete\":true,\"entries\":1000}\n"));
        bus_fixture_done(&fixture);
}

static void test_nothing(void **state _unused_) {
        FakeHistory history = {};
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;
        int fd = -EBADF;

        set_up(&fixture, &history);
        assert_null(dump(&fixture, &fd));
        text = read_all(&fixture, fd);
        assert_string_equal(text, "{\"type\":\"end\",\"complete\":true,\"entries\":0}\n");
        bus_fixture_done(&fixture);
}

/* What fails in the middle is not taken for the whole. */
static void test_incomplete(void **state _unused_) {
        FakeHistory history = { .n_rows = BUS_DUMP_PAGE_ROWS, .fails_after = BUS_DUMP_PAGE_ROWS };
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;
        int fd = -EBADF;

        set_up(&fixture, &history);
        assert_null(dump(&fixture, &fd));
        text = read_all(&fixture, fd);
        assert_int_equal(count_lines(text), BUS_DUMP_PAGE_ROWS + 1);
        assert_non_null(strstr(text, "\"complete\":false,\"entries\":128,\"error\":\""));
        bus_fixture_done(&fixture);
}

/* Readers that are there count; one that goes makes room, at once or when the recorder has answered. */
static void test_limits(void **state _unused_) {
        FakeHistory history = { .n_rows = MANY };
        int fds[BUS_DUMPS_PER_USER_MAX], fd = -EBADF;
        BusFixture fixture;

        set_up(&fixture, &history);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                assert_null(dump(&fixture, &fds[i]));
        assert_string_equal(dump(&fixture, &fd), SD_BUS_ERROR_LIMITS_EXCEEDED);
        fixture.caller_uid++;
        assert_null(dump(&fixture, &fd));
        fixture.caller_uid--;
        close(fd);
        close(fds[0]);
        bus_fixture_settle(&fixture);
        assert_null(dump(&fixture, &fds[0]));
        assert_string_equal(dump(&fixture, &fd), SD_BUS_ERROR_LIMITS_EXCEEDED);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close(fds[i]);
        bus_fixture_done(&fixture);
}

static bool is_hung_up(BusFixture *fixture _unused_, void *userdata) {
        struct pollfd entry = { .fd = *(int *) userdata };

        return poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP);
}

/* Who does not read is cut off, and what there was of it does not pass for all. */
static void test_deadline(void **state _unused_) {
        FakeHistory history = { .n_rows = MANY };
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;
        int fd = -EBADF;

        set_up(&fixture, &history);
        is_short = true;
        assert_null(dump(&fixture, &fd));
        bus_fixture_wait(&fixture, is_hung_up, &fd);
        is_short = false;
        text = read_all(&fixture, fd);
        assert_true(strlen(text) > 0);
        assert_null(strstr(text, "\"end\""));
        bus_fixture_done(&fixture);
}

/* The server ends before the recorder answers. */
static void test_late_answer(void **state _unused_) {
        FakeHistory history = { .n_rows = 1, .is_silent = true };
        BusFixture fixture;
        int fd = -EBADF;
        char byte;

        set_up(&fixture, &history);
        assert_null(dump(&fixture, &fd));
        bus_fixture_done(&fixture);
        assert_int_equal(read(fd, &byte, 1), 0);
        close(fd);
        give_page(&history);
}

static void test_refused(void **state _unused_) {
        FakeHistory history = {};
        BusFixture fixture;
        int fd = -EBADF;

        set_up(&fixture, &history);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_non_null(dump(&fixture, &fd));
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "DumpEvents", NULL,
                                             "a{sv}", 1, "colour", "s", "red"),
                            SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(history.n_queries, 0);
        bus_fixture_done(&fixture);

        bus_fixture_init(&fixture, NULL);
        assert_string_equal(dump(&fixture, &fd), BUS_ERROR_NO_HISTORY);
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_of_it),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_incomplete),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_deadline),
                cmocka_unit_test(test_late_answer),
                cmocka_unit_test(test_refused),
        };

        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests_name("bus-dump", tests, NULL, NULL);
}
