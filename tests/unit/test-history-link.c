/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerd's line to a real recorder in a process of its own: what is told is found again, also when the recorder is
 * killed in the middle, stands still, or is not there.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/record/history-link.h"
#include "src/recorder/recorder.h"
#include "tests/unit/history-rows.h"

/* Nothing here takes longer unless something is broken. */
#define PATIENCE_USEC (120 * USEC_PER_SEC)

typedef struct Setup {
        char folder[64], socket[96];
        sd_event *event;
        HistoryLink *link;
        pid_t recorder;
        size_t n_rows, n_ends;
        int error;
        uint64_t last_event_id;
} Setup;

static void start_recorder(Setup *s) {
        s->recorder = fork();
        assert_true(s->recorder >= 0);
        if (s->recorder == 0) {
                const RecorderOptions options = {
                        .n_rows_max = RECORDER_ROWS_DEFAULT,
                        .age_max_usec = RECORDER_AGE_DEFAULT_USEC,
                        .folder = s->folder,
                        .listen_path = s->socket,
                        .connection_fd = -EBADF,
                        .peer_uid = geteuid(),
                };
                Recorder *recorder;

                if (recorder_new(&options, &recorder) < 0)
                        _exit(1);
                _exit(recorder_run(recorder) < 0 ? 1 : 0);
        }
}

static void end_recorder(Setup *s, int signal_number) {
        if (s->recorder <= 0)
                return;
        assert_int_equal(kill(s->recorder, signal_number), 0);
        assert_int_equal(waitpid(s->recorder, NULL, 0), s->recorder);
        s->recorder = 0;
}

static int setup(void **state) {
        Setup *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        (void) snprintf(s->folder, sizeof(s->folder), "/tmp/test-history-link.XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        (void) snprintf(s->socket, sizeof(s->socket), "%s/line", s->folder);
        assert_int_equal(sd_event_new(&s->event), 0);
        assert_int_equal(history_link_new(s->event, s->socket, &s->link), 0);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        static const char *const names[] = { "line", HISTORY_FILE_NAME, HISTORY_FILE_NAME "-wal" };
        Setup *s = *state;

        history_link_free(s->link);
        end_recorder(s, SIGKILL);
        sd_event_unref(s->event);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[160];

                (void) snprintf(path, sizeof(path), "%s/%s", s->folder, names[i]);
                (void) unlink(path);
        }
        (void) rmdir(s->folder);
        free(s);
        return 0;
}

static void wait_until(Setup *s, bool (*is_so)(Setup *s)) {
        uint64_t end = clock_monotonic_usec() + PATIENCE_USEC;

        while (!is_so(s)) {
                assert_true(clock_monotonic_usec() < end);
                assert_true(sd_event_run(s->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

static bool all_taken(Setup *s) {
        return history_link_n_waiting(s->link) == 0;
}

static bool some_taken(Setup *s) {
        return history_link_n_waiting(s->link) < 2000;
}

static bool is_on_disk(Setup *s) {
        return history_link_place(s->link) == HISTORY_PLACE_DISK;
}

static bool is_absent(Setup *s) {
        return history_link_place(s->link) == HISTORY_PLACE_ABSENT;
}

static bool is_answered(Setup *s) {
        return s->n_ends > 0;
}

static void tell(Setup *s, uint64_t first, uint64_t n) {
        for (uint64_t i = first; i < first + n; i++) {
                HistoryValues values = history_test_values(i, clock_realtime_usec());

                history_link_add(s->link, &values);
        }
}

static void on_answer(void *userdata, const HistoryRow *row, int error) {
        Setup *s = userdata;

        if (!row) {
                s->n_ends++;
                s->error = error;
                return;
        }
        /* In order, each once. */
        assert_true(row->numbers[HISTORY_EVENT_ID] > s->last_event_id);
        s->last_event_id = row->numbers[HISTORY_EVENT_ID];
        s->n_rows++;
}

static void ask(Setup *s) {
        const HistoryQuery query = { .n_max = HISTORY_QUERY_ROWS_MAX };

        /* Again where a recorder that gets no time has not answered within the deadline. */
        do {
                s->n_rows = s->n_ends = s->last_event_id = 0;
                assert_int_equal(history_link_query(s->link, &query, on_answer, s), 0);
                wait_until(s, is_answered);
        } while (s->error == -ETIMEDOUT);
        assert_int_equal(s->error, 0);
}

static void test_told_and_found(void **state) {
        Setup *s = *state;

        start_recorder(s);
        wait_until(s, is_on_disk);
        tell(s, 1, 100);
        wait_until(s, all_taken);
        ask(s);
        assert_int_equal(s->n_rows, 100);
        assert_int_equal(history_link_n_dropped(s->link), 0);
}

static void test_recorder_comes_late(void **state) {
        Setup *s = *state;

        tell(s, 1, 50);
        assert_int_equal(sd_event_run(s->event, 100 * USEC_PER_MSEC) >= 0, 1);
        assert_true(is_absent(s));
        assert_int_equal(history_link_query(s->link, &(HistoryQuery) { .n_max = 1 }, on_answer, s), -ENOLINK);
        start_recorder(s);
        wait_until(s, all_taken);
        ask(s);
        assert_int_equal(s->n_rows, 50);
}

/* Killed while records are on the line: the next one has each of them, once. */
static void test_killed_in_the_middle(void **state) {
        Setup *s = *state;

        start_recorder(s);
        wait_until(s, is_on_disk);
        tell(s, 1, 2000);
        wait_until(s, some_taken);
        end_recorder(s, SIGKILL);
        wait_until(s, is_absent);
        tell(s, 2001, 500);
        start_recorder(s);
        wait_until(s, all_taken);
        ask(s);
        assert_int_equal(s->n_rows, 2500);
        assert_int_equal(s->last_event_id, 2500);
        assert_int_equal(history_link_n_dropped(s->link), 0);
}

/* One that hangs: nothing waits, what finds no room is counted, and it goes on where it was. */
static void test_stands_still(void **state) {
        Setup *s = *state;

        start_recorder(s);
        wait_until(s, is_on_disk);
        assert_int_equal(kill(s->recorder, SIGSTOP), 0);
        tell(s, 1, HISTORY_QUEUE_MAX + 100);
        assert_int_equal(history_link_n_waiting(s->link), HISTORY_QUEUE_MAX);
        assert_int_equal(history_link_n_dropped(s->link), 100);
        assert_int_equal(kill(s->recorder, SIGCONT), 0);
        wait_until(s, all_taken);
        ask(s);
        assert_int_equal(s->n_rows, HISTORY_QUEUE_MAX);
}

/* healerd dies while the recorder hangs: what was on the line is kept, and the next healerd is served. */
static void test_healerd_restarts_meanwhile(void **state) {
        Setup *s = *state;

        start_recorder(s);
        wait_until(s, is_on_disk);
        tell(s, 1, 10);
        wait_until(s, all_taken);
        assert_int_equal(kill(s->recorder, SIGSTOP), 0);
        tell(s, 11, 100);
        s->link = history_link_free(s->link);
        assert_int_equal(history_link_new(s->event, s->socket, &s->link), 0);
        assert_true(sd_event_run(s->event, PATIENCE_USEC) > 0);
        assert_int_equal(kill(s->recorder, SIGCONT), 0);
        wait_until(s, is_on_disk);
        ask(s);
        assert_int_equal(s->n_rows, 110);
}

/* Both are to end, and the recorder has not read yet what was told last: it does before it goes. */
static void test_both_end(void **state) {
        Setup *s = *state;

        start_recorder(s);
        wait_until(s, is_on_disk);
        assert_int_equal(kill(s->recorder, SIGSTOP), 0);
        tell(s, 1, 150); /* more than it takes in one go */
        s->link = history_link_free(s->link);
        assert_int_equal(kill(s->recorder, SIGTERM), 0);
        end_recorder(s, SIGCONT);

        start_recorder(s);
        assert_int_equal(history_link_new(s->event, s->socket, &s->link), 0);
        wait_until(s, is_on_disk);
        ask(s);
        assert_int_equal(s->n_rows, 150);
}

/* The clock was a year ahead when the last row was written: what comes now stands behind it, and no row is taken for
 * another. */
static void test_clock_set_back(void **state) {
        const HistoryLimits limits = { 1000, USEC_PER_DAY, 10, 0 };
        uint64_t ahead = clock_serial_start() + ((uint64_t) 365 * 24 * 3600 << 20);
        Setup *s = *state;
        HistoryStore *store;
        HistoryMessage row;
        HistoryValues values = history_test_values(1, clock_realtime_usec());

        assert_int_equal(history_store_open(s->folder, &limits, &store), 0);
        history_message_set_row(&row, HISTORY_RECORD, ahead, &values);
        assert_int_equal(history_store_begin(store), 0);
        assert_int_equal(history_store_add(store, &row.row), 0);
        assert_int_equal(history_store_commit(store, 0), 0);
        assert_null(history_store_close(store));

        tell(s, 2, 50); /* some wait already, some come later */
        start_recorder(s);
        wait_until(s, all_taken);
        end_recorder(s, SIGKILL);
        wait_until(s, is_absent);
        tell(s, 52, 50);
        start_recorder(s);
        wait_until(s, all_taken);
        ask(s);
        assert_int_equal(s->n_rows, 101);
        assert_int_equal(s->last_event_id, 101);
}

static void test_too_many_questions(void **state) {
        const HistoryQuery query = { .n_max = 1 };
        Setup *s = *state;

        start_recorder(s);
        wait_until(s, is_on_disk);
        for (size_t i = 0; i < HISTORY_QUERIES_MAX; i++)
                assert_int_equal(history_link_query(s->link, &query, on_answer, s), 0);
        assert_int_equal(history_link_query(s->link, &query, on_answer, s), -ENOBUFS);
        /* Whoever waits is told that the line broke. */
        end_recorder(s, SIGKILL);
        wait_until(s, is_absent);
        assert_int_equal(s->n_ends, HISTORY_QUERIES_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_told_and_found, setup, teardown),
                cmocka_unit_test_setup_teardown(test_recorder_comes_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_killed_in_the_middle, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stands_still, setup, teardown),
                cmocka_unit_test_setup_teardown(test_healerd_restarts_meanwhile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_both_end, setup, teardown),
                cmocka_unit_test_setup_teardown(test_clock_set_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many_questions, setup, teardown),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("history-link", tests, NULL, NULL);
}
