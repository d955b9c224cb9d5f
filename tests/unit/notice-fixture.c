/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"
#include "tests/unit/notice-fixture.h"

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

Kept *kept_find(Setup *s, const char *key) {
        for (size_t i = 0; i < s->n_kept; i++)
                if (text_equal(s->kept[i].key, key))
                        return s->kept + i;
        return NULL;
}

void keep_row(void *userdata, const char *key, const void *value, size_t size_bytes) {
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

static bool on_is_silenced(void *userdata, _unused_ const char *route, _unused_ const char *filesystem,
                           _unused_ const char *code, _unused_ Severity severity, bool counts) {
        Setup *s = userdata;

        s->n_silenced += s->is_silent && counts;
        return s->is_silent;
}

static const NoticeRoute routes[N_ROUTES] = {
        { "page", "healer-page@.service", 30 * USEC_PER_SEC, 4 * USEC_PER_HOUR },
        { "ticket", "healer-ticket@.service", 0, 0 },
};

void set_routes(Setup *s, size_t n) {
        assert_int_equal(notice_queue_set_routes(s->queue, routes, n, &s->now), 0);
}

void new_queue_without_policy(Setup *s) {
        const NoticeCalls calls = {
                on_send, on_taken, on_new_number, on_each_open, on_is_silenced, on_subject, on_ended,
                on_failing, keep_row, on_forget, s,
        };

        assert_int_equal(notice_queue_new(&calls, &s->queue), 0);
}

void new_queue(Setup *s) {
        new_queue_without_policy(s);
        set_routes(s, N_ROUTES);
}

int notice_setup(void **state) {
        static Setup s;

        s = (Setup) { .now = { START_USEC, WALL_USEC }, .next_number = 100 };
        new_queue(&s);
        notice_queue_loaded(s.queue, &s.now);
        notice_queue_on_worker(s.queue, true, &s.now);
        *state = &s;
        return 0;
}

int notice_teardown(void **state) {
        Setup *s = *state;

        notice_queue_free(s->queue);
        free(s->last_events);
        free(s->last_conditions);
        return 0;
}

void restart(Setup *s) {
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

void pass_time(Setup *s, uint64_t usec) {
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

int tell_event(Setup *s, const NoticeEvent *event) {
        int r = notice_queue_event(s->queue, event, &s->now);

        pass_time(s, 0);
        return r;
}

int tell(Setup *s, const char *route, const char *filesystem, const char *text) {
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

void change_condition(Setup *s, const char *filesystem, const char *code, bool is_raised) {
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
        pass_time(s, 0);
}

void end_message(Setup *s, Outcome outcome) {
        assert_true(notice_queue_on_result(s->queue, s->last_id, outcome,
                                           outcome_is_success(outcome) ? "" : "it says no", &s->now));
}
