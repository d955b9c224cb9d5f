/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long work is done in turns: what is urgent comes between them, and it rests as long as it worked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/source/work-turn.h"

#define TURNS 8

typedef struct Setup {
        sd_event *event;
        WorkTurn *turn;
        unsigned n_turns, n_urgent;
        uint64_t spent_usec;            /* working, and resting at least as long as it should */
        bool frees_itself, asks_again;
        int pipe[2];
} Setup;

static bool work(void *userdata, uint64_t until_usec) {
        Setup *s = userdata;
        uint64_t began = clock_monotonic_usec(), worked_usec;

        assert_true(until_usec <= began + WORK_TURN_USEC);
        assert_int_equal(s->n_urgent, s->n_turns); /* what every turn before this one had brought was done */
        assert_int_equal(write(s->pipe[1], "", 1), 1);
        while (clock_monotonic_usec() < began + 2 * WORK_TURN_USEC)
                ;
        s->n_turns++;
        worked_usec = clock_monotonic_usec() - began;
        s->spent_usec += worked_usec + min_of(worked_usec, WORK_REST_MAX_USEC);

        if (s->asks_again)
                work_turn_begin(s->turn);
        if (s->frees_itself) {
                s->turn = work_turn_free(s->turn);
                return false;
        }
        return s->n_turns < TURNS;
}

static int on_urgent(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char byte;

        (void) source;
        (void) revents;
        assert_int_equal(read(fd, &byte, 1), 1);
        ((Setup *) userdata)->n_urgent++;
        return 0;
}

static int setup(void **state) {
        static Setup s;
        sd_event_source *source = NULL;

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(pipe(s.pipe), 0);
        assert_true(sd_event_add_io(s.event, &source, s.pipe[0], EPOLLIN, on_urgent, &s) >= 0);
        assert_true(sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT) >= 0);
        assert_true(sd_event_source_set_floating(source, true) >= 0);
        sd_event_source_unref(source);
        assert_int_equal(work_turn_new(s.event, "test", work, &s, &s.turn), 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        work_turn_free(s->turn);
        sd_event_unref(s->event);
        close_fd(s->pipe[0]);
        close_fd(s->pipe[1]);
        return 0;
}

static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void run_turns(Setup *s, unsigned n) {
        while (s->n_turns < n)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
}

static void test_idle(void **state) {
        Setup *s = *state;

        run_quiet(s);
        assert_int_equal(s->n_turns, 0);
}

static void test_turns(void **state) {
        Setup *s = *state;
        uint64_t began = clock_monotonic_usec(), before_last;

        work_turn_begin(s->turn);
        work_turn_begin(s->turn);
        run_turns(s, TURNS - 1);
        before_last = s->spent_usec;
        run_turns(s, TURNS);
        assert_true(clock_monotonic_usec() - began >= before_last);
        run_quiet(s);
        assert_int_equal(s->n_turns, TURNS);
        assert_int_equal(s->n_urgent, TURNS);

        s->n_turns = s->n_urgent = TURNS - 1;
        work_turn_begin(s->turn);
        run_turns(s, TURNS);
}

/* Asking for more while it works does not take its rest away. */
static void test_asks_again(void **state) {
        Setup *s = *state;
        uint64_t began = clock_monotonic_usec();

        s->asks_again = true;
        work_turn_begin(s->turn);
        run_turns(s, 3);
        assert_true(clock_monotonic_usec() - began >= 5 * 2 * WORK_TURN_USEC);
}

static void test_freed_at_work(void **state) {
        Setup *s = *state;

        s->frees_itself = true;
        work_turn_begin(s->turn);
        run_turns(s, 1);
        run_quiet(s);
        assert_int_equal(s->n_turns, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
                cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
                cmocka_unit_test_setup_teardown(test_asks_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_freed_at_work, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
