/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications on a clock of the test's own: grouping, retries, reminders, the end of what was told, limits, and what
 * survives a restart; with a worker and file systems that are played.
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
#include "src/notice/notice-queue.h"

#define START_USEC (USEC_PER_DAY)
#define WALL_USEC UINT64_C(1767225600000000)
#define FS "3f000000-0000-0000-0000-000000000000"
#define OTHER "8:17"

typedef struct Kept {
        char key[NOTICE_KEY_SIZE];
        uint8_t value[NOTICE_ROW_MAX];
        size_t size_bytes;
} Kept;

typedef struct Open {
        const char *filesystem, *code, *target;
} Open;

typedef struct Setup {
        NoticeQueue *queue;
        NoticeTime now;
        uint64_t next_number;

        Kept kept[1024];
        size_t n_kept;
        bool is_store_dead;
        size_t n_earlier;               /* so many rows at its beginning are an earlier run's, and not told yet */

        Open open[8];
        size_t n_open;
        bool is_gone;                   /* FS */

        int send_result;
        unsigned n_sent, n_taken;
        uint64_t last_id;
        char last_route[RULE_ID_SIZE], last_unit[UNIT_NAME_SIZE], last_reason[16], last_status[16], last_summary[512];
        char *last_events, *last_conditions;
        size_t last_n_events, last_n_conditions;
        uint64_t last_count, last_omitted;
        unsigned last_attempt;
        Severity last_severity;

        unsigned n_failing, n_working;
        char failing_why[128], failing_filesystem[64];
} Setup;

static int on_send(void *userdata, const NoticeMessage *message) {
        Setup *s = userdata;

        if (s->send_result < 0)
                return s->send_result;
        s->n_sent++;
        s->last_id = message->id;
        s->last_count = message->count;
        s->last_attempt = message->attempt;
        s->last_severity = message->severity;
        s->last_n_events = message->events->n;
        s->last_n_conditions = message->conditions->n;
        s->last_omitted = message->events->n_omitted;
        (void) text_copy(s->last_route, sizeof(s->last_route), message->route);
        (void) text_copy(s->last_unit, sizeof(s->last_unit), message->unit);
        (void) text_copy(s->last_reason, sizeof(s->last_reason), message->reason);
        (void) text_copy(s->last_status, sizeof(s->last_status), message->status);
        (void) text_copy(s->last_summary, sizeof(s->last_summary), message->summary);
        free(s->last_events);
        s->last_events = strdup(message->events->text ?: "");
        free(s->last_conditions);
        s->last_conditions = strdup(message->conditions->text ?: "");
        return 0;
}

static void on_taken(void *userdata, uint64_t id) {
        Setup *s = userdata;

        assert_true(id != 0);
        s->n_taken++;
}

static uint64_t on_new_number(void *userdata) {
        return ((Setup *) userdata)->next_number++;
}

static bool on_each_open(void *userdata, const char *filesystem, NoticeOpen open, void *open_userdata) {
        Setup *s = userdata;
        char text[256];

        if (s->is_gone && text_equal(filesystem, FS))
                return false;
        for (size_t i = 0; i < s->n_open; i++) {
                if (!text_equal(s->open[i].filesystem, filesystem))
                        continue;
                (void) snprintf(text, sizeof(text), "{\"open\":\"%s %s\"}", s->open[i].code, s->open[i].target);
                open(open_userdata, s->open[i].code, s->open[i].target, SEVERITY_ERROR, text);
        }
        return true;
}

static char *on_subject(_unused_ void *userdata, const char *filesystem, char buffer[static NOTICE_SUBJECT_SIZE]) {
        (void) text_copy(buffer, NOTICE_SUBJECT_SIZE, text_equal(filesystem, FS) ? "/srv" : filesystem);
        return buffer;
}

static int on_ended(_unused_ void *userdata, const char *filesystem, char **ret_text) {
        assert_string_equal(filesystem, FS);
        *ret_text = strdup("{\"ended\":1}");
        return 0;
}

static void on_failing(void *userdata, const char *route, const char *filesystem, const char *why) {
        Setup *s = userdata;

        assert_non_null(route);
        if (why)
                s->n_failing++;
        else
                s->n_working++;
        (void) text_copy(s->failing_why, sizeof(s->failing_why), why ?: "");
        (void) text_copy(s->failing_filesystem, sizeof(s->failing_filesystem), filesystem);
}

static Kept *kept_find(Setup *s, const char *key) {
        for (size_t i = 0; i < s->n_kept; i++)
                if (text_equal(s->kept[i].key, key))
                        return s->kept + i;
        return NULL;
}

static void on_keep(void *userdata, const char *key, const void *value, size_t size_bytes) {
        Setup *s = userdata;
        Kept *kept = kept_find(s, key);

        assert_true(size_bytes <= NOTICE_ROW_MAX);
        if (s->is_store_dead)
                return;
        /* What this run puts is what counts: of the row before nobody would be told any more. */
        assert_false(kept && kept < s->kept + s->n_earlier);
        if (!kept) {
                assert_true(s->n_kept < ELEMENTSOF(s->kept));
                kept = s->kept + s->n_kept++;
                (void) text_copy(kept->key, sizeof(kept->key), key);
        }
        memcpy(kept->value, value, size_bytes);
        kept->size_bytes = size_bytes;
}

static void on_forget(void *userdata, const char *key) {
        Setup *s = userdata;
        Kept *kept = kept_find(s, key);

        if (kept && !s->is_store_dead)
                *kept = s->kept[--s->n_kept];
}

static const NoticeRoute routes[] = {
        { "page", "healer-page@.service", 30 * USEC_PER_SEC, 4 * USEC_PER_HOUR },
        { "ticket", "healer-ticket@.service", 0, 0 },
};

static void set_routes(Setup *s, size_t n) {
        assert_int_equal(notice_queue_set_routes(s->queue, routes, n, &s->now), 0);
}

static void new_queue_without_policy(Setup *s) {
        const NoticeCalls calls = {
                on_send, on_taken, on_new_number, on_each_open, on_subject, on_ended,
                on_failing, on_keep, on_forget, s,
        };

        assert_int_equal(notice_queue_new(&calls, &s->queue), 0);
}

static void new_queue(Setup *s) {
        new_queue_without_policy(s);
        set_routes(s, ELEMENTSOF(routes));
}

static int setup(void **state) {
        static Setup s;

        s = (Setup) { .now = { START_USEC, WALL_USEC }, .next_number = 100 };
        new_queue(&s);
        notice_queue_loaded(s.queue, &s.now);
        notice_queue_on_worker(s.queue, true, &s.now);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        notice_queue_free(s->queue);
        free(s->last_events);
        free(s->last_conditions);
        return 0;
}

/* As a healerd that is killed and started; @is_told: the store tells what it has. */
static void restart(Setup *s) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        size_t n = s->n_kept;

        notice_queue_free(s->queue);
        new_queue(s);
        memcpy(kept, s->kept, sizeof(kept));
        /* In no order. */
        for (size_t i = n; i-- > 0;)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_on_worker(s->queue, true, &s->now);
        notice_queue_loaded(s->queue, &s->now);
}

/* Time goes on, and what is due happens when it is due. */
static void pass(Setup *s, uint64_t usec) {
        uint64_t until_usec = s->now.boottime_usec + usec, due_usec;

        while ((due_usec = notice_queue_due(s->queue)) <= until_usec) {
                if (due_usec > s->now.boottime_usec) {
                        s->now.realtime_usec += due_usec - s->now.boottime_usec;
                        s->now.boottime_usec = due_usec;
                }
                notice_queue_run(s->queue, &s->now);
        }
        s->now.realtime_usec += until_usec - s->now.boottime_usec;
        s->now.boottime_usec = until_usec;
}

/* It is told in the next round of the loop. */
static int tell_event(Setup *s, const NoticeEvent *event) {
        int r = notice_queue_event(s->queue, event, &s->now);

        pass(s, 0);
        return r;
}

static int tell(Setup *s, const char *route, const char *filesystem, const char *text) {
        static uint64_t origin;
        const NoticeEvent event = {
                .route = route,
                .filesystem = filesystem,
                .severity = SEVERITY_ERROR,
                .count = 1,
                .line = text,
                .text = text,
                .origin = ++origin,
        };

        return tell_event(s, &event);
}

static void condition(Setup *s, const char *filesystem, const char *code, bool is_raised) {
        char text[128];
        const NoticeCondition changed = {
                .filesystem = filesystem,
                .code = code,
                .target = "",
                .severity = SEVERITY_ERROR,
                .is_raised = is_raised,
                .line = code,
                .text = text,
        };

        (void) snprintf(text, sizeof(text), "{\"%s\":\"%s\"}", is_raised ? "raised" : "cleared", code);
        s->n_open = 0;
        if (is_raised)
                s->open[s->n_open++] = (Open) { filesystem, code, "" };
        notice_queue_condition(s->queue, &changed, &s->now);
        pass(s, 0);
}

static void end(Setup *s, Outcome outcome) {
        assert_true(notice_queue_on_result(s->queue, s->last_id, outcome,
                                           outcome_is_success(outcome) ? "" : "it says no", &s->now));
}

static void test_grouped(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass(s, 10 * USEC_PER_SEC);
        assert_int_equal(tell(s, "page", FS, "2"), 1);
        pass(s, 19 * USEC_PER_SEC);
        assert_int_equal(tell(s, "page", OTHER, "3"), 1);
        assert_int_equal(s->n_sent, 0);
        pass(s, 1 * USEC_PER_SEC);
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
        pass(s, USEC_PER_MINUTE);
        assert_int_equal(s->n_sent, 1);
        end(s, OUTCOME_DONE);
        assert_int_equal(s->n_taken, 1);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_events, "4");
        assert_string_equal(s->last_summary, "4");
        end(s, OUTCOME_DONE);
        pass(s, 10 * USEC_PER_DAY);
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
        pass(s, 30 * USEC_PER_SEC);
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
                end(s, OUTCOME_FAILED);
                assert_int_equal(s->n_failing, i);
                assert_string_equal(s->failing_why, "it says no");
                assert_string_equal(s->failing_filesystem, FS);
                assert_string_equal(notice_queue_failing(s->queue, 0), "ticket");
                assert_null(notice_queue_failing(s->queue, 1));
                pass(s, pause_usec - 1);
                assert_int_equal(s->n_sent, i);
                for (uint64_t more = 0; more <= pause_usec / 5 && s->n_sent == i; more += USEC_PER_SEC)
                        pass(s, USEC_PER_SEC);
                pause_usec = min_of(pause_usec * 2, NOTICE_PAUSE_MAX_USEC);
                /* Meanwhile everything is collected: one message for whoever is back. */
                assert_int_equal(tell(s, "ticket", FS, "later"), 1);
        }
        end(s, OUTCOME_DONE);
        assert_int_equal(s->n_working, 1);
        assert_null(notice_queue_failing(s->queue, 0));
        assert_int_equal(s->n_sent, 14);
        assert_int_not_equal(s->last_id, id);
        assert_int_equal(s->last_count, 12);
}

static void test_worker_is_silent(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        pass(s, NOTICE_TIMEOUT_USEC + NOTICE_ANSWER_GRACE_USEC);
        assert_int_equal(s->n_failing, 1);
        /* The answer comes after all, before the next try. */
        end(s, OUTCOME_DONE);
        assert_int_equal(s->n_working, 1);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);

        /* A failure that comes late changes nothing. */
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        pass(s, NOTICE_TIMEOUT_USEC + NOTICE_ANSWER_GRACE_USEC);
        end(s, OUTCOME_FAILED);
        assert_int_equal(s->n_failing, 2);
}

static void test_without_worker(void **state) {
        Setup *s = *state;

        notice_queue_on_worker(s->queue, false, &s->now);
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 0);
        assert_int_equal(s->n_failing, 0);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(s->n_sent, 1);

        /* It goes away in the middle: the same message is asked about, and that is no failure. */
        notice_queue_on_worker(s->queue, false, &s->now);
        pass(s, USEC_PER_HOUR);
        notice_queue_on_worker(s->queue, true, &s->now);
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(s->last_attempt, 1);
        assert_int_equal(s->n_failing, 0);

        /* One that says that it is there, and is not. */
        end(s, OUTCOME_DONE);
        s->send_result = -ENOTCONN;
        assert_int_equal(tell(s, "ticket", FS, "2"), 1);
        pass(s, USEC_PER_HOUR);
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
        pass(s, 2 * NOTICE_PAUSE_MIN_USEC);
        assert_int_equal(s->n_sent, 1);
}

static void test_told_again_and_resolved(void **state) {
        Setup *s = *state;

        condition(s, FS, "sick", true); /* nobody was told of this file system yet */
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass(s, 30 * USEC_PER_SEC);
        assert_string_equal(s->last_status, "open");
        assert_string_equal(s->last_conditions, "{\"open\":\"sick \"}");
        end(s, OUTCOME_DONE);

        /* Four hours later, and again: it is still so. */
        for (unsigned i = 2; i <= 4; i++) {
                pass(s, 4 * USEC_PER_HOUR - 1);
                assert_int_equal(s->n_sent, i - 1);
                pass(s, 1 + 30 * USEC_PER_SEC);
                assert_int_equal(s->n_sent, i);
                assert_string_equal(s->last_reason, "reminder");
                assert_string_equal(s->last_status, "open");
                assert_string_equal(s->last_summary, "still open: /srv: 1 condition");
                assert_int_equal(s->last_n_events, 0);
                assert_int_equal(s->last_severity, SEVERITY_ERROR);
                assert_string_equal(s->last_conditions, "{\"open\":\"sick \"}");
                end(s, OUTCOME_DONE);
        }

        /* Another one on the same file system is told without a rule. */
        condition(s, FS, "shut-down", true);
        pass(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 5);
        assert_string_equal(s->last_reason, "new");
        assert_string_equal(s->last_conditions, "{\"open\":\"shut-down \"}");
        end(s, OUTCOME_DONE);

        /* All is well. */
        condition(s, FS, "shut-down", false);
        pass(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 6);
        assert_string_equal(s->last_reason, "cleared");
        assert_string_equal(s->last_status, "resolved");
        assert_string_equal(s->last_conditions, "{\"cleared\":\"shut-down\"}");
        assert_string_equal(s->last_summary, "resolved: shut-down");
        assert_int_equal(s->last_severity, SEVERITY_NOTICE);
        end(s, OUTCOME_DONE);

        /* And that was all: what happens next a rule has to say again. */
        condition(s, FS, "sick", true);
        pass(s, 10 * USEC_PER_DAY);
        assert_int_equal(s->n_sent, 6);
}

/* It came and went before anybody was told: one message, that it is over. */
static void test_resolved_at_once(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        condition(s, FS, "sick", true);
        condition(s, FS, "sick", false);
        condition(s, FS, "sick", true);
        condition(s, FS, "sick", false);
        pass(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_status, "resolved");
        assert_int_equal(s->last_n_events, 1);
        assert_string_equal(s->last_conditions, "{\"cleared\":\"sick\"}");
        end(s, OUTCOME_DONE);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
}

static void test_others_are_not_told(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        condition(s, OTHER, "sick", true);
        pass(s, 30 * USEC_PER_SEC);
        end(s, OUTCOME_DONE);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
        assert_int_equal(s->last_n_conditions, 0);
}

/* Of what is not mounted nobody knows anything new: no reminder, but the route is not done with it. */
static void test_not_there(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass(s, 30 * USEC_PER_SEC);
        end(s, OUTCOME_DONE);
        s->is_gone = true;
        pass(s, 3 * USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
        s->is_gone = false;
        condition(s, FS, "sick", false);
        pass(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
}

/* What was open ended with the mount, and nobody said that it did. */
static void test_ended_by_unmount(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "shut-down", "" };
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        end(s, OUTCOME_DONE);
        s->is_gone = true;
        s->n_open = 0;
        pass(s, USEC_PER_DAY);
        restart(s);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);

        s->is_gone = false;
        notice_queue_filesystem(s->queue, FS, &s->now);
        /* It may say yet what is open. */
        pass(s, NOTICE_LOOK_USEC - 1);
        assert_int_equal(s->n_sent, 1);
        pass(s, 1);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
        assert_string_equal(s->last_reason, "cleared");
        assert_string_equal(s->last_summary, "resolved: /srv: no condition is open any more");
        assert_string_equal(s->last_conditions, "{\"ended\":1}");
        end(s, OUTCOME_DONE);
        notice_queue_filesystem(s->queue, FS, &s->now);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 2);
}

/* It is mounted again, and still as bad; what changes about it otherwise is no end either. */
static void test_not_ended_by_unmount(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        end(s, OUTCOME_DONE);
        notice_queue_filesystem(s->queue, FS, &s->now);
        pass(s, USEC_PER_DAY);
        notice_queue_filesystem(s->queue, OTHER, &s->now);
        pass(s, USEC_PER_DAY);
        assert_int_equal(s->n_sent, 1);
}

/* The message that was to say so waits: none is added to it. */
static void test_no_reminder_of_what_waits(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass(s, 30 * USEC_PER_SEC);
        end(s, OUTCOME_DONE);
        s->send_result = -EIO;
        pass(s, 5 * USEC_PER_DAY);
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
        pass(s, 30 * USEC_PER_SEC);
        assert_string_equal(s->last_route, "page");
        assert_int_equal(s->last_n_events, NOTICE_ROUTE_ITEMS_MAX);
        assert_int_equal(s->last_omitted, 7);
        assert_int_equal(s->last_count, NOTICE_ROUTE_ITEMS_MAX + 7);
        end(s, OUTCOME_DONE);
        assert_int_equal(tell(s, "page", FS, "x"), 1);
        pass(s, 30 * USEC_PER_SEC);
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
        pass(s, 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_int_equal(s->last_count, NOTICE_ROUTE_ITEMS_MAX);
        assert_true(s->last_omitted > 0);
        assert_int_equal(s->last_n_events + s->last_omitted, NOTICE_ROUTE_ITEMS_MAX);
}

static void test_restart_while_collecting(void **state) {
        Setup *s = *state;

        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass(s, 10 * USEC_PER_SEC);
        assert_int_equal(tell(s, "page", FS, "2"), 1);
        restart(s);
        pass(s, 19 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 0);
        assert_int_equal(tell(s, "page", FS, "3"), 1);
        pass(s, 1 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);
        assert_string_equal(s->last_events, "1,2,3");
        end(s, OUTCOME_DONE);
        restart(s);
        pass(s, USEC_PER_DAY);
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
        end(s, OUTCOME_DONE);
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
        pass(s, USEC_PER_DAY);
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
        end(s, OUTCOME_DONE);
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
        pass(s, 5 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 1);

        memcpy(kept, s->kept, sizeof(kept));
        s->n_earlier = 0;
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        assert_int_equal(s->n_sent, 2);
        assert_int_equal(s->last_id, id);
        assert_string_equal(s->last_events, "1");
        end(s, OUTCOME_DONE);
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
        end(s, OUTCOME_DONE);
        assert_string_equal(s->last_events, "2");
        end(s, OUTCOME_DONE);
        assert_int_equal(notice_queue_n_waiting(s->queue), 0);
}

static void test_restart_remembers_who_was_told(void **state) {
        Setup *s = *state;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "page", FS, "1"), 1);
        pass(s, 30 * USEC_PER_SEC);
        end(s, OUTCOME_DONE);
        pass(s, 3 * USEC_PER_HOUR);
        restart(s);
        pass(s, USEC_PER_HOUR - 1);
        assert_int_equal(s->n_sent, 1);
        pass(s, 1 + 30 * USEC_PER_SEC);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_reason, "reminder");
        end(s, OUTCOME_DONE);
        restart(s);
        condition(s, FS, "sick", false);
        pass(s, 30 * USEC_PER_SEC);
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
        end(s, OUTCOME_DONE);
        restart(s);
        event.is_repeated = true;
        assert_int_equal(tell_event(s, &event), 0);
        assert_int_equal(s->n_sent, 1);
        /* One that was not told is. */
        event.origin = 4712;
        assert_int_equal(tell_event(s, &event), 1);
        assert_int_equal(s->n_sent, 2);
        /* And what happens anew is no repetition. */
        end(s, OUTCOME_DONE);
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
        pass(s, 2 * NOTICE_PAUSE_MIN_USEC);
        assert_string_equal(s->last_unit, "healer-ticket@.service");
        end(s, OUTCOME_DONE);
        assert_string_equal(s->last_events, "2");
        end(s, OUTCOME_DONE);
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
        end(s, OUTCOME_DONE);
        for (size_t i = 0; i < s->n_kept; i++)
                assert_null(strstr(s->kept[i].key, "ticket"));
}

/* Rows that come when messages are on their way already, out of a folder that was found late. */
/* Started with files that cannot be read: what was told is not forgotten for that. */
static void test_without_policy(void **state) {
        static Kept kept[ELEMENTSOF(((Setup *) NULL)->kept)];
        Setup *s = *state;
        size_t n;

        s->open[s->n_open++] = (Open) { FS, "sick", "" };
        assert_int_equal(tell(s, "ticket", FS, "1"), 1);
        end(s, OUTCOME_DONE);
        n = s->n_kept;
        memcpy(kept, s->kept, sizeof(kept));
        notice_queue_free(s->queue);
        new_queue_without_policy(s);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(notice_queue_adopt(s->queue, kept[i].key, kept[i].value, kept[i].size_bytes), 0);
        notice_queue_loaded(s->queue, &s->now);
        notice_queue_on_worker(s->queue, true, &s->now);
        pass(s, USEC_PER_DAY);
        set_routes(s, ELEMENTSOF(routes));
        condition(s, FS, "sick", false);
        assert_int_equal(s->n_sent, 2);
        assert_string_equal(s->last_status, "resolved");
}

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
        end(s, OUTCOME_DONE);
        assert_string_equal(s->last_events, "old");
        end(s, OUTCOME_DONE);
        assert_int_equal(s->n_sent, 2);
}

static void test_nonsense_is_forgotten(void **state) {
        Setup *s = *state;
        uint8_t value[NOTICE_ROW_MAX] = { 1 };

        assert_int_equal(notice_queue_adopt(s->queue, "condition/x", value, 8), -ENOENT);
        on_keep(s, "notice/item/page/0000000000000007", value, 8);
        assert_int_equal(notice_queue_adopt(s->queue, "notice/item/page/0000000000000007", value, 8), -EBADMSG);
        assert_null(kept_find(s, "notice/item/page/0000000000000007"));
        value[0] = 99;
        assert_int_equal(notice_queue_adopt(s->queue, "notice/route/page", value, sizeof(value)), -EPROTONOSUPPORT);
        assert_int_equal(notice_queue_adopt(s->queue, "notice/route//page", value, 8), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_grouped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_routes_are_apart, setup, teardown),
                cmocka_unit_test_setup_teardown(test_retried, setup, teardown),
                cmocka_unit_test_setup_teardown(test_worker_is_silent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_without_worker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cannot_be_sent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told_again_and_resolved, setup, teardown),
                cmocka_unit_test_setup_teardown(test_resolved_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others_are_not_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_there, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ended_by_unmount, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_ended_by_unmount, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_reminder_of_what_waits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_large_texts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_restart_while_collecting, setup, teardown),
                cmocka_unit_test_setup_teardown(test_restart_while_sending, setup, teardown),
                cmocka_unit_test_setup_teardown(test_result_before_its_message, setup, teardown),
                cmocka_unit_test_setup_teardown(test_event_before_the_rows, setup, teardown),
                cmocka_unit_test_setup_teardown(test_clock_set_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_end_is_not_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_restart_remembers_who_was_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_route_leaves_the_policy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_route_left_while_away, setup, teardown),
                cmocka_unit_test_setup_teardown(test_without_policy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rows_that_come_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nonsense_is_forgotten, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
