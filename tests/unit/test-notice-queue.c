/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications while healerd runs: grouping, retries, reminders, the end of what was told, limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"
#include "tests/unit/notice-fixture.h"

static void test_grouped(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass_time(s, 10 * USEC_PER_SEC);
        assert_int_equal(tell(s, "page", FS, "2"), 1);
        pass_time(s, 19 * USEC_PER_SEC);
        assert_int_equal(tell(s, "page", OTHER, "3"), 1);
        assert_int_equal(s->n_sent, 0);
        pass_time(s, 1 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_events, "1,2,3");
        assert_int_equal(s->last_count, 3);
        assert_string_equal(s->last_unit, "healer-page@.service");
        assert_string_equal(s->last_reason, "new");
        assert_string_equal(s->last_status, "told");
        assert_string_equal(s->last_summary, "1 (and 2 more)");
        assert_int_equal(s->last_severity, SEVERITY_ERROR);

        /* What comes while it is sent is the next one's. */
        assert_int_equal(tell(s, "page", FS, "4"), 1);
        pass_time(s, USEC_PER_MINUTE);
        assert_int_equal(s->n_sent, 1);
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_taken, 1);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_events, "4");
        assert_string_equal(s->last_summary, "4");
        end_message(s, OUTCOME_DONE);
        pass_time(s, 10 * USEC_PER_DAY);
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(notice_queue_n_waiting(s->queue), 0);
}

static void test_routes_are_apart(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "pager", FS, "1"), -ENOENT);
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        assert_int_equal(tell(s, "ticket", FS, "2"), 1); /* not grouped */
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_route, "ticket");
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_route, "page");
}

static void test_retried(void **state) {
        Setup *s = *state;
        uint64_t id, pause_usec = NOTICE_PAUSE_MIN_USEC;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        id = s->last_id;
        for (unsigned i = 1; i <= 12; i++) {
                assert_int_equal(s->n_sent, i);
                assert_int_equal(s->last_id, id);
                assert_int_equal(s->last_attempt, i);
                end_message(s, OUTCOME_FAILED);
                assert_int_equal(s->n_failing, i);
                assert_string_equal(s->failing_why, "it says no");
                assert_string_equal(s->failing_filesystem, FS);
                assert_string_equal(notice_queue_failing(s->queue, 0), "ticket");
                assert_null(notice_queue_failing(s->queue, 1));
                pass_time(s, pause_usec - 1);
                assert_int_equal(s->n_sent, i);
                for (uint64_t more = 0; more <= pause_usec / 5 && s->n_sent == i; more += USEC_PER_SEC)
                        pass_time(s, USEC_PER_SEC);
                pause_usec = min_of(pause_usec * 2, NOTICE_PAUSE_MAX_USEC);
                /* Meanwhile everything is collected: one message for whoever is back. */
                assert_int_equal(tell(s, "ticket", FS, "later"), 1);
        }
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_working, 1);
        assert_null(notice_queue_failing(s->queue, 0));
        assert_int_equal(s->n_sent, 14);
        assert_int_not_equal(s->last_id, id);
        assert_int_equal(s->last_count, 12);
}

static void test_worker_is_silent(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        pass_time(s, NOTICE_TIMEOUT_USEC + NOTICE_ANSWER_GRACE_USEC);
        assert_int_equal(s->n_failing, 1);
        /* The answer comes after all, before the next try. */
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_working, 1);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);

        /* A failure that comes late changes nothing. */
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        pass_time(s, NOTICE_TIMEOUT_USEC + NOTICE_ANSWER_GRACE_USEC);
        end_message(s, OUTCOME_FAILED);
        assert_int_equal(s->n_failing, 2);
}

static void test_without_worker(void **state) {
        Setup *s = *state;

        notice_queue_on_worker(s->queue, false, &s->now);
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 0);
        assert_int_equal(s->n_failing, 0);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(s->n_sent, 1);

        /* It goes away in the middle: the same message is asked about, and that is no failure. */
        notice_queue_on_worker(s->queue, false, &s->now);
        pass_time(s, USEC_PER_HOUR);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(s->last_attempt, 1);
        assert_int_equal(s->n_failing, 0);

        /* One that says that it is there, and is not. */
        end_message(s, OUTCOME_DONE);
        s->send_result = -ENOTCONN;
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        pass_time(s, USEC_PER_HOUR);
        assert_int_equal(s->n_failing, 0);
        s->send_result = 0;
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(s->n_sent, 3);
}

static void test_cannot_be_sent(void **state) {
        Setup *s = *state;

        s->send_result = -ENOMEM;
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        assert_int_equal(s->n_failing, 1);
        s->send_result = 0;
        pass_time(s, 2 * NOTICE_PAUSE_MIN_USEC);
        assert_int_equal(s->n_sent, 1);
}

static void test_told_again_and_resolved(void **state) {
        Setup *s = *state;

        change_condition(s, FS, "sick", true); /* nobody was told of this file system yet */
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_string_equal(s->last_status, "open");
        assert_string_equal(s->last_conditions, "{\"open\":\"sick \"}");
        end_message(s, OUTCOME_DONE);

        /* Four hours later, and again: it is still so. */
        for (unsigned i = 2; i <= 4; i++) {
                pass_time(s, 4 * USEC_PER_HOUR - 1);
                assert_int_equal(s->n_sent, i - 1);
                pass_time(s, 1 + 30 * USEC_PER_SEC);
                assert_int_equal(s->n_sent, i);
                assert_string_equal(s->last_reason, "reminder");
                assert_string_equal(s->last_status, "open");
                assert_string_equal(s->last_summary, "still open: /srv: 1 condition");
                assert_int_equal(s->last_n_events, 0);
                assert_int_equal(s->last_severity, SEVERITY_ERROR);
                assert_string_equal(s->last_conditions, "{\"open\":\"sick \"}");
                end_message(s, OUTCOME_DONE);
        }

        /* Another one on the same file system is told without a rule. */
        change_condition(s, FS, "shut-down", true);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 5);
        assert_string_equal(s->last_reason, "new");
        assert_string_equal(s->last_conditions, "{\"open\":\"shut-down \"}");
        end_message(s, OUTCOME_DONE);

        /* All is well. */
        change_condition(s, FS, "shut-down", false);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 6);
        assert_string_equal(s->last_reason, "cleared");
        assert_string_equal(s->last_status, "resolved");
        assert_string_equal(s->last_conditions, "{\"cleared\":\"shut-down\"}");
        assert_string_equal(s->last_summary, "resolved: shut-down");
        assert_int_equal(s->last_severity, SEVERITY_NOTICE);
        end_message(s, OUTCOME_DONE);

        /* And that was all: what happens next a rule has to say again. */
        change_condition(s, FS, "sick", true);
        pass_time(s, 10 * USEC_PER_DAY);
        assert_int_equal(s->n_sent, 6);
}

/* It came and went before anybody was told: one message, that it is over. */
static void test_resolved_at_once(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        change_condition(s, FS, "sick", true);
        change_condition(s, FS, "sick", false);
        change_condition(s, FS, "sick", true);
        change_condition(s, FS, "sick", false);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_status, "resolved");
        assert_int_equal(s->last_n_events, 1);
        assert_string_equal(s->last_conditions, "{\"cleared\":\"sick\"}");
        end_message(s, OUTCOME_DONE);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
}

static void test_others_are_not_told(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        change_condition(s, OTHER, "sick", true);
        pass_time(s, 30 * USEC_PER_SEC);
        end_message(s, OUTCOME_DONE);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
        assert_int_equal(s->last_n_conditions, 0);
}

/* Of what is not mounted nobody knows anything new: no reminder, but the route is not done with it. */
static void test_not_there(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        end_message(s, OUTCOME_DONE);
        s->is_gone = true;
        pass_time(s, 3 * USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
        s->is_gone = false;
        change_condition(s, FS, "sick", false);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
}

/* What was open ended with the mount, and nobody said that it did. */
static void test_ended_by_unmount(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "shut-down", "" };
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        end_message(s, OUTCOME_DONE);
        s->is_gone = true;
        s->n_open = 0;
        pass_time(s, USEC_PER_DAY);
        restart(s);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);

        s->is_gone = false;
        notice_queue_filesystem(s->queue, FS, &s->now);
        /* It may say yet what is open. */
        pass_time(s, NOTICE_LOOK_USEC - 1);
        assert_int_equal(s->n_sent, 1);
        pass_time(s, 1);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
        assert_string_equal(s->last_reason, "cleared");
        assert_string_equal(s->last_summary, "resolved: /srv: no condition is open any more");
        assert_string_equal(s->last_conditions, "{\"ended\":1}");
        end_message(s, OUTCOME_DONE);
        notice_queue_filesystem(s->queue, FS, &s->now);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 2);
}

/* It is mounted again, and still as bad; what changes about it otherwise is no end either. */
static void test_not_ended_by_unmount(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        end_message(s, OUTCOME_DONE);
        notice_queue_filesystem(s->queue, FS, &s->now);
        pass_time(s, USEC_PER_DAY);
        notice_queue_filesystem(s->queue, OTHER, &s->now);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
}

/* The message that was to say so waits: none is added to it. */
/* No reminders, no conditions; when it is over the route is told what is open. */
static void test_silenced(void **state) {
        Setup *s = *state;

        change_condition(s, FS, "sick", true);
        assert_int_equal(tell(s, "page", FS, "one"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_sent, 1);

        s->is_silent = true;
        pass_time(s, 9 * USEC_PER_HOUR);
        change_condition(s, FS, "shut-down", true);
        pass_time(s, USEC_PER_HOUR);
        assert_int_equal(s->n_sent, 1);
        assert_int_equal(s->n_silenced, 1);

        s->is_silent = false;
        notice_queue_unsilenced(s->queue, "page", FS, &s->now);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_reason, "reminder");
        assert_string_equal(s->last_summary, "still open: /srv: 1 condition");
        end_message(s, OUTCOME_DONE);
        /* A route that is no more, and one that was told nothing of what is well. */
        notice_queue_unsilenced(s->queue, "pager", FS, &s->now);
        notice_queue_unsilenced(s->queue, "ticket", OTHER, &s->now);
        pass_time(s, USEC_PER_MINUTE);
        assert_int_equal(s->n_sent, 2);
}

/* All became well meanwhile: that is told, too. */
static void test_well_when_silence_ends(void **state) {
        Setup *s = *state;

        change_condition(s, FS, "sick", true);
        assert_int_equal(tell(s, "page", FS, "one"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        end_message(s, OUTCOME_DONE);
        s->is_silent = true;
        change_condition(s, FS, "sick", false);
        pass_time(s, 10 * USEC_PER_HOUR);
        assert_int_equal(s->n_sent, 1);
        s->is_silent = false;
        notice_queue_unsilenced(s->queue, "page", FS, &s->now);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
}

static void test_no_reminder_of_what_waits(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        end_message(s, OUTCOME_DONE);
        s->send_result = -EIO;
        pass_time(s, 5 * USEC_PER_DAY);
        assert_int_equal(notice_queue_n_waiting(s->queue), 1);
}

static void test_limits(void **state) {
        Setup *s = *state;

        s->send_result = -EIO;
        for (unsigned i = 0; i < NOTICE_ROUTE_ITEMS_MAX; i++)
                assert_int_equal(tell(s, "page", FS, "x"), 1);
        for (unsigned i = 0; i < 7; i++)
                assert_int_equal(tell(s, "page", FS, "x"), -ENOBUFS);
        assert_int_equal(notice_queue_n_dropped(s->queue), 7);
        assert_int_equal(notice_queue_n_waiting(s->queue), NOTICE_ROUTE_ITEMS_MAX);
        /* Others still get through. */
        s->send_result = 0;
        assert_int_equal(tell(s, "ticket", FS, "y"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_string_equal(s->last_route, "page");
        assert_int_equal(s->last_n_events, NOTICE_ROUTE_ITEMS_MAX);
        assert_int_equal(s->last_omitted, 7);
        assert_int_equal(s->last_count, NOTICE_ROUTE_ITEMS_MAX + 7);
        end_message(s, OUTCOME_DONE);
        assert_int_equal(tell(s, "page", FS, "x"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->last_omitted, 0);
        assert_int_equal(notice_queue_n_dropped(s->queue), 7);
}

/* More than one message can hold is counted, whatever it is. */
static void test_large_texts(void **state) {
        static char text[MESSAGE_OBJECT_MAX + 1];
        Setup *s = *state;

        memset(text, 'x', MESSAGE_OBJECT_MAX);
        for (unsigned i = 0; i < NOTICE_ROUTE_ITEMS_MAX; i++)
                assert_int_equal(tell(s, "page", FS, text), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_int_equal(s->last_count, NOTICE_ROUTE_ITEMS_MAX);
        assert_true(s->last_omitted > 0);
        assert_int_equal(s->last_n_events + s->last_omitted, NOTICE_ROUTE_ITEMS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, notice_setup, notice_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_grouped),
                TEST(test_routes_are_apart),
                TEST(test_retried),
                TEST(test_worker_is_silent),
                TEST(test_without_worker),
                TEST(test_cannot_be_sent),
                TEST(test_told_again_and_resolved),
                TEST(test_resolved_at_once),
                TEST(test_others_are_not_told),
                TEST(test_not_there),
                TEST(test_ended_by_unmount),
                TEST(test_not_ended_by_unmount),
                TEST(test_silenced),
                TEST(test_well_when_silence_ends),
                TEST(test_no_reminder_of_what_waits),
                TEST(test_limits),
                TEST(test_large_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
