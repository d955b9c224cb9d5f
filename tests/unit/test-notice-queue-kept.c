/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications over the end of healerd and the start of the next: what is kept, and in which order it may come back.
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

static void test_restart_while_collecting(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass_time(s, 10 * USEC_PER_SEC);
        assert_int_equal(tell(s, "page", FS, "2"), 1);
        restart(s);
        pass_time(s, 19 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 0);
        assert_int_equal(tell(s, "page", FS, "3"), 1);
        pass_time(s, 1 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_events, "1,2,3");
        end_message(s, OUTCOME_DONE);
        restart(s);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
}

static void test_restart_while_sending(void **state) {
        Setup *s = *state;
        uint64_t id;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        id = s->last_id;
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        restart(s);
        /* Asked again under the same number, so that the worker can tell that it knows it. */
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(s->last_id, id);
        assert_string_equal(s->last_events, "1");
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_sent, 3);
        assert_string_equal(s->last_events, "2");
}

/* The worker tells its results when the line is made; what they are about is told by the recorder later. */
static void test_result_before_its_message(void **state) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        Setup *s = *state;
        size_t n;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        notice_queue_free(s->queue);
        new_queue(s);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_true(notice_queue_on_result(s->queue, s->last_id, OUTCOME_DONE, "", &s->now));
        assert_true(notice_queue_on_result(s->queue, 7777, OUTCOME_DONE, "", &s->now)); /* of nobody, as it turns out */
        assert_int_equal(s->n_taken, 0);
        n = s->n_kept;
        memcpy(kept, s->kept, sizeof(kept));
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        pass_time(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
        assert_int_equal(s->n_taken, 2);
        assert_int_equal(notice_queue_n_waiting(s->queue), 0);
        assert_false(notice_queue_on_result(s->queue, 7777, OUTCOME_DONE, "", &s->now));
}

/* Killed after the message came through and before that was kept. */
static void test_end_is_not_kept(void **state) {
        Setup *s = *state;
        uint64_t id;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        id = s->last_id;
        s->is_store_dead = true;
        end_message(s, OUTCOME_DONE);
        s->is_store_dead = false;
        restart(s);
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(s->last_id, id);
}

/* What happens before the recorder has told what it has does not replace it. */
static void test_event_before_the_rows(void **state) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        Setup *s = *state;
        uint64_t id;
        size_t n;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        id = s->last_id;
        notice_queue_free(s->queue);
        n = s->n_earlier = s->n_kept;
        /* And its clock has forgotten years. */
        s->next_number = 7;
        new_queue(s);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        pass_time(s, 5 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);

        memcpy(kept, s->kept, sizeof(kept));
        s->n_earlier = 0;
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(s->last_id, id);
        assert_string_equal(s->last_events, "1");
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_sent, 3);
        assert_string_equal(s->last_events, "2");
        /* It is kept by now. */
        id = s->last_id;
        restart(s);
        assert_int_equal(s->n_sent, 4);
        assert_int_equal(s->last_id, id);
}

/* Numbers come from a clock, which is set. */
static void test_clock_set_back(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        s->next_number = 7;
        restart(s);
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        assert_string_equal(s->last_events, "1");
        end_message(s, OUTCOME_DONE);
        assert_string_equal(s->last_events, "2");
        end_message(s, OUTCOME_DONE);
        assert_int_equal(notice_queue_n_waiting(s->queue), 0);
}

static void test_restart_remembers_who_was_told(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass_time(s, 30 * USEC_PER_SEC);
        end_message(s, OUTCOME_DONE);
        pass_time(s, 3 * USEC_PER_HOUR);
        restart(s);
        pass_time(s, USEC_PER_HOUR - 1);
        assert_int_equal(s->n_sent, 1);
        pass_time(s, 1 + 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_reason, "reminder");
        end_message(s, OUTCOME_DONE);
        restart(s);
        change_condition(s, FS, "sick", false);
        pass_time(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 3);
        assert_string_equal(s->last_status, "resolved");
}

/* What a healerd that was killed had decided and told comes again, as it was not done to its end. */
static void test_told_once(void **state) {
        NoticeEvent event = {
                .route = "ticket", .filesystem = FS, .count = 1, .line = "1", .text = "1", .origin = 4711,
        };
        Setup *s = *state;

        assert_int_equal(tell_event(s, &event), 1);
        end_message(s, OUTCOME_DONE);
        restart(s);
        event.is_repeated = true;
        assert_int_equal(tell_event(s, &event), 0);
        assert_int_equal(s->n_sent, 1);
        /* One that was not told is. */
        event.origin = 4712;
        assert_int_equal(tell_event(s, &event), 1);
        assert_int_equal(s->n_sent, 2);
        /* And what happens anew is no repetition. */
        end_message(s, OUTCOME_DONE);
        event.is_repeated = false;
        assert_int_equal(tell_event(s, &event), 1);
}

static void test_route_leaves_the_policy(void **state) {
        Setup *s = *state;

        s->send_result = -EIO;
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        set_routes(s, 1);
        assert_int_equal(tell(s, "ticket", FS, "3"), -ENOENT);
        s->send_result = 0;
        pass_time(s, 2 * NOTICE_PAUSE_MIN_USEC);
        assert_string_equal(s->last_unit, "healer-ticket@.service");
        end_message(s, OUTCOME_DONE);
        assert_string_equal(s->last_events, "2");
        end_message(s, OUTCOME_DONE);
        assert_int_equal(notice_queue_n_waiting(s->queue), 0);
        for (size_t i = 0; i < s->n_kept; i++)
                assert_null(strstr(s->kept[i].key, "ticket"));
}

/* Also if it left while no healerd ran. */
static void test_route_left_while_away(void **state) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        Setup *s = *state;
        size_t n;

        notice_queue_on_worker(s->queue, false, &s->now);
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        n = s->n_kept;
        memcpy(kept, s->kept, sizeof(kept));
        notice_queue_free(s->queue);
        new_queue(s);
        set_routes(s, 1);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_unit, "healer-ticket@.service");
        assert_string_equal(s->last_events, "1");
        end_message(s, OUTCOME_DONE);
        for (size_t i = 0; i < s->n_kept; i++)
                assert_null(strstr(s->kept[i].key, "ticket"));
}

/* Started with files that cannot be read: what was told is not forgotten for that. */
static void test_without_policy(void **state) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        Setup *s = *state;
        size_t n;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        end_message(s, OUTCOME_DONE);
        n = s->n_kept;
        memcpy(kept, s->kept, sizeof(kept));
        notice_queue_free(s->queue);
        new_queue_without_policy(s);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        notice_queue_on_worker(s->queue, true, &s->now);
        pass_time(s, USEC_PER_DAY);
        set_routes(s, N_ROUTES);
        change_condition(s, FS, "sick", false);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
}

/* Rows that come when messages are on their way already, out of a folder that was found late. */
static void test_rows_that_come_late(void **state) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        Setup *s = *state;
        size_t n;

        notice_queue_on_worker(s->queue, false, &s->now);
        assert_int_equal(tell(s, "ticket", FS, "old"), 1);
        n = s->n_kept;
        memcpy(kept, s->kept, sizeof(kept));
        notice_queue_free(s->queue);
        s->n_kept = 0;
        new_queue(s);
        notice_queue_loaded(s->queue, &s->now);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(tell(s, "ticket", FS, "new"), 1);
        assert_string_equal(s->last_events, "new");
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        end_message(s, OUTCOME_DONE);
        assert_string_equal(s->last_events, "old");
        end_message(s, OUTCOME_DONE);
        assert_int_equal(s->n_sent, 2);
}

static void test_nonsense_is_forgotten(void **state) {
        Setup *s = *state;
        uint8_t value[NOTICE_ROW_MAX] = { 1 };

        assert_int_equal(notice_queue_adopt(s->queue, "condition/x", value, 8), -ENOENT);
        keep_row(s, "notice/item/page/0000000000000007", value, 8);
        assert_int_equal(notice_queue_adopt(s->queue, "notice/item/page/0000000000000007", value, 8), -EBADMSG);
        assert_null(kept_find(s, "notice/item/page/0000000000000007"));
        value[0] = 99;
        assert_int_equal(notice_queue_adopt(s->queue, "notice/route/page", value, sizeof(value)), -EPROTONOSUPPORT);
        assert_int_equal(notice_queue_adopt(s->queue, "notice/route//page", value, 8), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, notice_setup, notice_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_restart_while_collecting),
                TEST(test_restart_while_sending),
                TEST(test_result_before_its_message),
                TEST(test_event_before_the_rows),
                TEST(test_clock_set_back),
                TEST(test_end_is_not_kept),
                TEST(test_restart_remembers_who_was_told),
                TEST(test_told_once),
                TEST(test_route_leaves_the_policy),
                TEST(test_route_left_while_away),
                TEST(test_without_policy),
                TEST(test_rows_that_come_late),
                TEST(test_nonsense_is_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
