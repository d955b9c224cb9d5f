/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a rule's notify to a unit of the worker, and back: what of that is between engine and queue. What the queue does
 * with time is in test-notice-queue.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/notice/notice.h"
#include "tests/unit/engine-fixture.h"

static Notice *notice;
static unsigned n_put, n_removed;

static void on_put(_unused_ void *userdata, const char *key, const void *value, size_t size_bytes) {
        assert_int_equal(strncmp(key, "notice/", strlen("notice/")), 0);
        assert_non_null(value);
        assert_true(size_bytes <= ENGINE_STATE_VALUE_MAX);
        n_put++;
}

static void on_remove(_unused_ void *userdata, const char *key) {
        assert_int_equal(strncmp(key, "notice/", strlen("notice/")), 0);
        n_removed++;
}

static void add_notice(Setup *s) {
        n_put = n_removed = 0;
        assert_int_equal(notice_new(s->event, s->engine, &(NoticeStore) { on_put, on_remove, NULL }, &notice), 0);
}

static int setup(void **state) {
        int r = engine_fixture_setup_with(state, add_notice);

        notice_loaded(notice);
        write_policy(*state, "version: 1\n"
                             "baseline: off\n"
                             "routes: {page: {unit: 'healer-page@.service', group: 1s}}\n"
                             "rules:\n"
                             "  - {id: tell, match: {event: sick}, do: [{notify: {severity: alert, route: page}}]}\n");
        assert_int_equal(engine_reload_policy(((Setup *) *state)->engine), 0);
        return r;
}

static int teardown(void **state) {
        int r = engine_fixture_teardown(state);

        notice = notice_free(notice);
        return r;
}

static bool has_told(Setup *s) {
        return s->n_units > 0;
}

static const HealthCondition *failing(Setup *s) {
        return condition_find(&the_filesystem(s)->conditions, CONDITION_ROUTE_FAILED, "page");
}

static void test_told(void **state) {
        NoticeReader reader = notice_reader(notice);
        Setup *s = *state;

        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 132);
        run_until(s, has_told);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_units, 1);
        assert_string_equal(s->last_unit.template, "healer-page@.service");
        assert_non_null(strstr(s->last_unit.last_words, "route page cannot tell"));
        assert_int_equal(s->unit_paths_size, 0);
        assert_non_null(strstr(s->unit_message, "\"type\":\"notification\""));
        assert_non_null(strstr(s->unit_message, "\"route\":\"page\""));
        assert_non_null(strstr(s->unit_message, "\"severity\":\"alert\""));
        assert_non_null(strstr(s->unit_message, "\"status\":\"open\""));
        assert_non_null(strstr(s->unit_message, "\"count\":2,"));
        assert_non_null(strstr(s->unit_message, "\"path\":\"/srv/dir/other\""));
        assert_non_null(strstr(s->unit_message, "\"code\":\"sick\""));
        assert_null(failing(s));
        assert_int_equal(reader.n_waiting(reader.userdata), 0);
        assert_int_equal(reader.n_dropped(reader.userdata), 0);
        assert_null(reader.failing(reader.userdata, 0));
        assert_true(n_put > 0 && n_removed >= 2);
}

static const char *silence(Setup *s, const SilenceMatch *match) {
        const Suspension wish = {
                .kind = SUSPENSION_SILENCE,
                .until_usec = clock_realtime_usec() + USEC_PER_HOUR,
                .uid = 7,
                .reason = "known",
                .match = *match,
        };
        const char *id;

        assert_int_equal(engine_suspend(s->engine, &wish, &id), 0);
        return id;
}

static SilenceMatch of_the_filesystem(Setup *s) {
        SilenceMatch match = {};

        (void) filesystem_key(&the_filesystem(s)->facts, match.filesystem);
        return match;
}

/* What is silenced is decided on and recorded; when the silence ends the route is told what is open. */
static void test_silenced(void **state) {
        Setup *s = *state;
        const SilenceMatch match = of_the_filesystem(s);
        NoticeReader reader = notice_reader(notice);
        const Suspension *silenced;
        char id[SUSPENSION_ID_SIZE];

        strcpy(id, silence(s, &match));
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(reader.n_waiting(reader.userdata), 0);
        assert_int_equal(s->n_notices, 0);
        assert_int_equal(s->n_refused, 1);
        assert_non_null(strstr(s->refused_why, "by uid 7: known"));
        assert_int_equal(the_filesystem(s)->totals.n_refused, 0);
        assert_int_equal(s->n_events, 1);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SICK, "agno 0x0 finobt"));
        silenced = engine_suspension_next(s->engine, SUSPENSION_SILENCE, NULL);
        assert_int_equal(silenced->n_matched, 1);

        assert_int_equal(engine_unsuspend(s->engine, SUSPENSION_SILENCE, id, 7), 0);
        run_until(s, has_told);
        run_until(s, is_taken);
        assert_int_equal(s->n_units, 1);
        assert_non_null(strstr(s->unit_message, "\"reason\":\"reminder\""));
        assert_non_null(strstr(s->unit_message, "\"status\":\"open\""));
        assert_non_null(strstr(s->unit_message, "\"code\":\"sick\""));
}

/* Each key of the match, and that of two silences the second takes over what the first kept. */
static void test_silence_matches(void **state) {
        static const SilenceMatch others[] = {
                { .filesystem = "8:1" }, { .kind = "read-error" }, { .rule = "other" }, { .route = "other" },
                { .has_severity = true, .severity_at_most = SEVERITY_CRITICAL },
        };
        static const SilenceMatch match = {
                .kind = "sick", .rule = "tell", .route = "page", .has_severity = true,
                .severity_at_most = SEVERITY_ALERT,
        };
        Setup *s = *state;
        const SilenceMatch all = of_the_filesystem(s);
        NoticeReader reader = notice_reader(notice);
        char first[SUSPENSION_ID_SIZE], second[SUSPENSION_ID_SIZE];

        strcpy(first, silence(s, &match));
        strcpy(second, silence(s, &all));
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(reader.n_waiting(reader.userdata), 0);
        assert_int_equal(engine_unsuspend(s->engine, SUSPENSION_SILENCE, first, 7), 0);
        assert_int_equal(reader.n_waiting(reader.userdata), 0);
        assert_int_equal(engine_unsuspend(s->engine, SUSPENSION_SILENCE, second, 7), 0);
        assert_int_equal(reader.n_waiting(reader.userdata), 1);

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                (void) silence(s, others + i);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_until(s, has_told);
        assert_non_null(strstr(s->unit_message, "bnobt"));
}

/* Conditions of a file system that the route has told of. */
static void test_silenced_condition(void **state) {
        Setup *s = *state;
        const SilenceMatch match = { .kind = "io-error" };
        NoticeReader reader = notice_reader(notice);
        char id[SUSPENSION_ID_SIZE];

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, has_told);
        run_until(s, is_taken);
        run_quiet(s);
        strcpy(id, silence(s, &match));
        engine_raise(s->engine, the_filesystem(s), CONDITION_IO_ERROR, SEVERITY_ERROR, "", "a cable", 0);
        assert_int_equal(reader.n_waiting(reader.userdata), 0);
        engine_raise(s->engine, the_filesystem(s), CONDITION_MEDIA_ERROR, SEVERITY_ERROR, "", "a disk", 0);
        assert_int_equal(reader.n_waiting(reader.userdata), 1);
        assert_int_equal(engine_suspension_next(s->engine, SUSPENSION_SILENCE, NULL)->n_matched, 1);
}

/* It is told as a test, and the route does not take it for the beginning of something. */
static void test_made_up(void **state) {
        Setup *s = *state;
        HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SICK,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_FINOBT,
        };
        NoticeReader reader = notice_reader(notice);
        uint64_t id;

        assert_int_equal(engine_inject_test_event(s->engine, &event, &id), 0);
        run_until(s, has_told);
        run_until(s, is_taken);
        run_quiet(s);
        assert_non_null(strstr(s->unit_message, "\"test\":true"));
        assert_non_null(strstr(s->unit_message, "\"summary\":\"test: "));
        assert_non_null(strstr(s->unit_message, "\"status\":\"told\""));
        engine_raise(s->engine, the_filesystem(s), CONDITION_IO_ERROR, SEVERITY_ERROR, "", "a cable", 0);
        assert_int_equal(reader.n_waiting(reader.userdata), 0);
}

/* What a rule gathered is told as one message, each with its own severity. */
static void test_gathered(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "baseline: off\n"
                        "routes: {page: {unit: 'healer-page@.service', group: 0s}}\n"
                        "rules:\n"
                        "  - id: tell\n"
                        "    match: {event: [sick, healthy]}\n"
                        "    gather: {quiet: 1s, max: 1min}\n"
                        "    do: [{notify: {route: page}}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        engine_take_event(s->engine, &(HealthEvent) {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_HEALTHY,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_CNTBT,
                .count = 1,
        });
        run_until(s, has_told);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_units, 1);
        assert_non_null(strstr(s->unit_message, "\"count\":3,"));
        assert_non_null(strstr(s->unit_message, "\"kind\":\"sick\",\"severity\":\"error\""));
        assert_non_null(strstr(s->unit_message, "\"kind\":\"healthy\",\"severity\":\"notice\""));
        assert_non_null(strstr(s->unit_message, "\"path\":\"/srv/dir/file\""));
}

static void test_resolved(void **state) {
        Setup *s = *state;
        HealthEvent healthy = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_HEALTHY,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_FINOBT,
                .count = 1,
        };

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        s->n_units = s->n_taken = 0;
        engine_take_event(s->engine, &healthy);
        run_until(s, is_taken);
        assert_int_equal(s->n_units, 1);
        assert_non_null(strstr(s->unit_message, "\"status\":\"resolved\""));
        assert_non_null(strstr(s->unit_message, "\"state\":\"cleared\""));
        assert_non_null(strstr(s->unit_message, "\"events\":[]"));
}

static void test_failing(void **state) {
        NoticeReader reader = notice_reader(notice);
        Setup *s = *state;

        s->outcome = OUTCOME_FAILED;
        s->detail = "exit status 1";
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_non_null(failing(s));
        assert_string_equal(failing(s)->message, "notifications do not get through: exit status 1");
        assert_int_equal(reader.n_waiting(reader.userdata), 1);
        assert_string_equal(reader.failing(reader.userdata, 0), "page");
        assert_null(reader.failing(reader.userdata, 1));
        /* It is no job, and its end no event. */
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_units, 1);
}

/* A result of which nobody knows is taken all the same, but not by us; and a row that is none of ours is left alone. */
static void test_not_ours(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = 4711;
        message.result.outcome = OUTCOME_DONE;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_until(s, is_taken);
        assert_int_equal(notice_adopt(notice, "condition/x", "", 0), -ENOENT);
        assert_int_equal(n_removed, 0);
        assert_true(notice_adopt(notice, "notice/item/page/0000000000000001", "x", 1) < 0);
        assert_int_equal(n_removed, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silenced, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silence_matches, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silenced_condition, setup, teardown),
                cmocka_unit_test_setup_teardown(test_made_up, setup, teardown),
                cmocka_unit_test_setup_teardown(test_gathered, setup, teardown),
                cmocka_unit_test_setup_teardown(test_resolved, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failing, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
