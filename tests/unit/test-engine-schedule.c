/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Schedules in the engine: what is due is decided on and done, once, and what came of it is kept.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/action/job-queue-internal.h"
#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "tests/unit/survey-fixture.h"

/* Once a second, and once in a life. */
#define EVERY_SECOND "at: '*:*:*', spread: 0s"
#define YEARLY "at: yearly, spread: 0s"
#define POLICY(schedule)                                                                                \
        "version: 1\nbaseline: off\nschedules:\n- {id: s, " schedule ", do: {scrub: {repair: if-allowed}}}\n"
#define UUID "00000000-0000-0000-0000-000000000000"

/* Due in a moment, and then tomorrow. */
static void load_soon_what(Setup *s, const char *more, const char *what) {
        char text[512], moment[CALENDAR_MOMENT_TEXT_SIZE];

        calendar_moment_text(NULL, clock_realtime_usec() + 2 * USEC_PER_SEC, moment);
        (void) snprintf(text, sizeof(text), "version: 1\nbaseline: off\n%s"
                        "schedules: [{id: s, at: '%s', spread: 0s, do: {%s}}]\n", more,
                        moment + strlen("Sat 2026-11-28 "), what);
        load_policy(s, text);
}

static void load_soon(Setup *s, const char *more) {
        load_soon_what(s, more, "scrub: {repair: if-allowed}");
}

static ScheduledCheck *the_check(Setup *s) {
        return TAILQ_FIRST(&s->engine->scheduled);
}

static void attach(Setup *s) {
        s->has_uuid = true;
        s->autofsck = AUTOFSCK_REPAIR;
        engine_state_loaded(s->engine);
        attach_and_answer(s);
}

static void run_until_scrubs(Setup *s, unsigned n) {
        while (s->n_scrubs < n)
                assert_true(sd_event_run(s->event, 10 * USEC_PER_SEC) > 0);
        run_quiet(s);
}

/* Long enough for what is due every second. */
static void run_on(Setup *s) {
        uint64_t end = clock_monotonic_usec() + 4 * USEC_PER_SEC, now;

        while ((now = clock_monotonic_usec()) < end)
                (void) sd_event_run(s->event, end - now);
}

/* A year ago, so that it is due for what was missed. */
static void adopt_old(Setup *s) {
        uint64_t then = clock_realtime_usec() - 400 * USEC_PER_DAY;
        char value[64];

        (void) snprintf(value, sizeof(value), "1 %llu 0 0 0 0", (unsigned long long) then);
        assert_int_equal(engine_adopt_state(s->engine, "schedule/" UUID "/s", value, strlen(value)), 0);
}

static void test_due(void **state) {
        Setup *s = *state;
        uint64_t began = clock_realtime_usec();

        attach(s);
        load_soon(s, "");
        run_until_scrubs(s, 1);
        run_until_jobs_ended(s, 1);
        assert_int_equal(count_events(s, EVENT_CHECK_DUE, EVENT_SOURCE_HEALERD), 1);
        assert_int_equal(count_events(s, EVENT_SCRUB_DONE, EVENT_SOURCE_HEALERD), 1);
        assert_true(the_filesystem(s)->check.ended_usec >= began);
        assert_int_equal(the_filesystem(s)->check.others_usec, 0);
        assert_int_equal(the_filesystem(s)->check.outcome, OUTCOME_DONE);
        run_on(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_true(the_filesystem(s)->next_check_usec > clock_realtime_usec());
        assert_string_equal(the_filesystem(s)->next_check, "s");

        load_policy(s, "version: 1\n");
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->next_check_usec, 0);
        assert_string_equal(the_filesystem(s)->next_check, "");
}

static void say_power(Setup *s, bool is_on_battery) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_POWER);
        message.power.is_on_battery = is_on_battery;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* It is done with the verification, which is no check of metadata; one of those does not stand in for it. */
static void test_verification(void **state) {
        const WorkerSurveyRequest *turn;
        Setup *s = *state;
        WorkerMessage message;
        size_t n_requests;

        attach(s);
        load_soon_what(s, "", "verify-media: {space: all, rate: 1M}");
        run_quiet(s);
        engine_checked_note(s->engine, the_filesystem(s), OUTCOME_DONE, false);
        run_until_requests(s, s->n_requests + 1);
        turn = s->requests + s->n_requests - 1;
        assert_int_equal(turn->depth, SURVEY_MEDIA);
        assert_int_equal(turn->rate_bytes, 1 << 20);
        assert_true(turn->is_all);
        assert_true(the_check(s)->is_under_way);

        /* On battery it goes no further. */
        say_power(s, true);
        assert_int_equal(s->n_cancelled, 1);
        message = prepare_result(turn);
        message.survey_result.error = ECANCELED;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_on(s);
        assert_ptr_equal(turn, s->requests + s->n_requests - 1);
        n_requests = s->n_requests;
        say_power(s, false);
        run_until_requests(s, n_requests + 1);
        turn = s->requests + n_requests;
        assert_int_equal(turn->depth, SURVEY_MEDIA);

        message = prepare_result(turn);
        message.survey_result.media.position.stage = MEDIA_STAGE_DONE;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_until_jobs_ended(s, 1);
        assert_int_equal(count_events(s, EVENT_VERIFY_DONE, EVENT_SOURCE_HEALERD), 1);
        assert_false(the_check(s)->is_under_way);
        assert_int_equal(s->n_scrubs, 0);
        assert_true(the_filesystem(s)->next_check_usec > clock_realtime_usec());
}

static void test_not_concerned(void **state) {
        Setup *s = *state;

        attach(s);
        load_policy(s, POLICY("match: {fs: {type: ext4}}, " EVERY_SECOND));
        run_on(s);
        assert_int_equal(s->n_scrubs, 0);
        assert_null(the_check(s));
}

/* Protection, property and mode are those of the moment; what is forbidden is not tried again and again. */
static void test_bounds(void **state) {
        static const char *const more[] = {
                "protect: [{id: p, match: {fs: {type: xfs}}, deny: [scrub]}]\n",
                "mode: observe\n",
                "",
        };
        Setup *s = *state;

        attach(s);
        for (size_t i = 0; i < ELEMENTSOF(more); i++) {
                s->autofsck = i < 2 ? AUTOFSCK_REPAIR : AUTOFSCK_NONE;
                load_soon(s, more[i]);
                run_on(s);
                assert_int_equal(s->n_scrubs, 0);
                assert_int_equal(count_events(s, EVENT_CHECK_DUE, EVENT_SOURCE_HEALERD), i + 1);
                assert_int_equal(the_check(s)->memory.n_tries, 0);
                assert_true(the_filesystem(s)->next_check_usec > clock_realtime_usec() + USEC_PER_HOUR);
        }
}

static void test_missed(void **state) {
        Setup *s = *state;

        adopt_old(s);
        load_policy(s, POLICY(YEARLY));
        attach(s);
        assert_true(the_filesystem(s)->next_check_usec < clock_realtime_usec());
        run_until_scrubs(s, 1);
        run_until_jobs_ended(s, 1);
        run_on(s);
        assert_int_equal(s->n_scrubs, 1);
}

static void test_missed_is_skipped(void **state) {
        Setup *s = *state;

        adopt_old(s);
        load_policy(s, POLICY(YEARLY ", missed: skip"));
        attach(s);
        run_on(s);
        assert_int_equal(s->n_scrubs, 0);
        assert_true(the_filesystem(s)->next_check_usec > clock_realtime_usec());
}

/* What somebody else has checked since is done. */
static void test_others(void **state) {
        Setup *s = *state;
        char value[96];

        adopt_old(s);
        (void) snprintf(value, sizeof(value), "1 %llu %llu found-corruption",
                        (unsigned long long) clock_realtime_usec() - USEC_PER_HOUR,
                        (unsigned long long) clock_realtime_usec() - USEC_PER_HOUR);
        assert_int_equal(engine_adopt_state(s->engine, "checked/" UUID, value, strlen(value)), 0);
        load_policy(s, POLICY(YEARLY));
        attach(s);
        run_on(s);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(the_filesystem(s)->check.outcome, OUTCOME_FOUND_CORRUPTION);
}

/* Noted while the clock was years ahead: it counts once, and not until the clock comes there. */
static void test_others_ahead(void **state) {
        unsigned long long then = clock_realtime_usec() + 800 * USEC_PER_DAY;
        Setup *s = *state;
        char value[96];

        (void) snprintf(value, sizeof(value), "1 %llu %llu done", then, then);
        assert_int_equal(engine_adopt_state(s->engine, "checked/" UUID, value, strlen(value)), 0);
        attach(s);
        load_policy(s, POLICY(YEARLY));
        run_quiet(s);
        assert_true(the_filesystem(s)->check.others_usec <= clock_realtime_usec());
        assert_true(the_filesystem(s)->check.ended_usec <= clock_realtime_usec());
}

static void say_scan(Setup *s, bool is_running, Outcome outcome) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_SCAN);
        message.scan.device_number = DEVICE_NUMBER;
        message.scan.is_running = is_running;
        message.scan.outcome = (uint8_t) outcome;
        strcpy(message.scan.unit, "xfs_scrub@srv.service");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* While somebody else checks it ours waits; what he has done counts, what nobody knows of does not. */
static void test_foreign(void **state) {
        Setup *s = *state;

        attach(s);
        say_scan(s, true, OUTCOME_DONE);
        load_soon(s, "");
        run_on(s);
        assert_int_equal(count_events(s, EVENT_CHECK_DUE, EVENT_SOURCE_HEALERD), 1);
        assert_int_equal(s->n_scrubs, 0);
        say_scan(s, false, OUTCOME_WORKER_LOST);
        run_until_scrubs(s, 1);
        run_until_jobs_ended(s, 1);
        assert_int_equal(count_events(s, EVENT_SCRUB_DONE, EVENT_SOURCE_FOREIGN), 0);
        assert_int_equal(the_filesystem(s)->check.others_usec, 0);

        say_scan(s, true, OUTCOME_DONE);
        say_scan(s, false, OUTCOME_FOUND_CORRUPTION);
        assert_int_equal(count_events(s, EVENT_SCRUB_DONE, EVENT_SOURCE_FOREIGN), 1);
        assert_true(the_filesystem(s)->check.others_usec > 0);
        load_soon(s, "");
        run_on(s);
        assert_int_equal(s->n_scrubs, 1);

        say_scan(s, true, OUTCOME_DONE);
        say_scan(s, false, OUTCOME_FAILED);
        assert_int_equal(count_events(s, EVENT_SCRUB_FAILED, EVENT_SOURCE_FOREIGN), 1);
}

static void test_battery(void **state) {
        Setup *s = *state;

        attach(s);
        say_power(s, true);
        load_policy(s, POLICY(EVERY_SECOND));
        run_on(s);
        assert_int_equal(s->n_scrubs, 0);
        say_power(s, false);
        run_until_scrubs(s, 1);
}

/* It waits, and is given up after some tries; whatever it was is not done in a circle. */
static void test_failing(void **state) {
        Setup *s = *state;

        adopt_old(s);
        s->outcome = OUTCOME_FAILED;
        load_policy(s, POLICY(YEARLY));
        attach(s);
        for (unsigned n = 1; n <= 3; n++) {
                run_until_scrubs(s, n);
                run_until_jobs_ended(s, n);
                run_quiet(s);
                if (n == 3)
                        break;
                assert_int_equal(the_check(s)->memory.n_tries, n);
                assert_true(the_check(s)->not_before_boottime_usec > clock_boottime_usec() + USEC_PER_MINUTE);
                /* An hour later; what failed is not held off any more either. */
                the_check(s)->not_before_boottime_usec = 1;
                attempt_memory_forget_filesystem(&s->engine->jobs->attempts, the_filesystem(s)->id);
                engine_schedules_look(s->engine);
        }
        run_on(s);
        assert_int_equal(s->n_scrubs, 3);
        assert_true(the_filesystem(s)->next_check_usec > clock_realtime_usec());
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_due, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_verification, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_not_concerned, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_bounds, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_missed, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_missed_is_skipped, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_others, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_others_ahead, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_foreign, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_battery, survey_setup, survey_teardown),
                cmocka_unit_test_setup_teardown(test_failing, survey_setup, survey_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
