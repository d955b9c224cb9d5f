/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hooks before a workload is failed: when they are run, what they are told, how long they are waited for, and that
 * nothing they do keeps what was announced from being done.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "tests/unit/fail-fixture.h"

static bool are_hooks_run(_unused_ Setup *s) {
        return fixture.n_hooks > 0;
}

static bool is_cancelled(_unused_ Setup *s) {
        return fixture.n_cancels > 0;
}

static bool is_delayed(_unused_ Setup *s) {
        return the_run()->stage == FAIL_DELAYED;
}

static bool is_first_told(_unused_ Setup *s) {
        return the_run()->hooks[0];
}

static void tell_hook(Setup *s, const char *name, Outcome outcome) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_HOOK);
        message.hook.job_id = fixture.last_hooks.job_id;
        message.hook.outcome = (uint8_t) outcome;
        strcpy(message.hook.name, name);
        fake_worker_say(&s->worker, &message, -EBADF);
}

/* Announced, and hooks run. */
static Job *warn(Setup *s, uint64_t warn_usec) {
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        Job *job;

        fixture.are_hooks_silent = true;
        scope.warn_usec = warn_usec;
        job = order(&wanted);
        run_until(s, are_hooks_run);
        return job;
}

static void test_what_they_are_told(void **state) {
        Setup *s = *state;
        const Job *job = warn(s, WORKLOAD_WARN_MAX_USEC);
        const WorkerHooksRequest *request = &fixture.last_hooks;
        char deadline[64];

        assert_int_equal(request->announced_job_id, job->id);
        assert_true(request->job_id != 0 && request->job_id != job->id);
        assert_int_equal(request->device_number, DEVICE_NUMBER);
        assert_int_equal(request->timeout_usec, WORKLOAD_WARN_MAX_USEC);
        assert_int_equal(request->act_realtime_usec, fixture.act_realtime_usec);
        assert_int_equal(request->action, ACTION_FAIL_WORKLOAD);
        assert_non_null(strstr(fixture.hooks_message, "\"type\":\"before-fail\""));
        assert_non_null(strstr(fixture.hooks_message, "\"action\":\"fail-workload\""));
        assert_non_null(strstr(fixture.hooks_message, "\"taken\":true,\"unit\":\"db.service\""));
        (void) snprintf(deadline, sizeof(deadline), "\"deadline_usec\":%" PRIu64, fixture.act_realtime_usec);
        assert_non_null(strstr(fixture.hooks_message, deadline));
}

static void test_no_time_no_hooks(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_int_equal(fixture.n_hooks, 0);
}

static void test_none_in_a_dry_run(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        scope.warn_usec = USEC_PER_MSEC;
        wanted.is_dry_run = true;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.n_hooks, 0);
}

/* Those that have ended are no reason to begin before the time that was announced. */
static void test_ended_early(void **state) {
        Setup *s = *state;
        uint64_t due_usec;

        (void) warn(s, WORKLOAD_WARN_MAX_USEC);
        tell_hook(s, "copy", OUTCOME_DONE);
        tell_hook(s, "save", OUTCOME_FAILED);
        tell_result(s, fixture.last_hooks.job_id, OUTCOME_FAILED, "1 of 2 ended well, 0 were not run");
        run_until(s, is_taken);
        assert_int_equal(the_run()->stage, FAIL_WARNING);
        assert_int_equal(the_run()->hooks_id, 0);
        assert_true(sd_event_source_get_time(the_run()->timer, &due_usec) >= 0);
        assert_true(due_usec > clock_monotonic_usec() + WORKLOAD_WARN_MAX_USEC / 2);
        run_out(the_run());
        run_until(s, has_ended);
        /* They have no say in it. */
        assert_int_equal(fixture.n_fails, 1);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_string_equal(fixture.job->report.detail, "db.service stopped, container 0123456789ab stopped; 2 spared; "
                                                        "hooks: copy done, save failed");
        assert_int_equal(fixture.n_cancels, 0);
}

static void test_waited_for(void **state) {
        Setup *s = *state;

        (void) warn(s, 10 * USEC_PER_MSEC);
        run_until(s, is_delayed);
        assert_int_equal(fixture.n_fails, 0);
        tell_hook(s, "sleep", OUTCOME_TIMED_OUT);
        tell_result(s, fixture.last_hooks.job_id, OUTCOME_FAILED, "");
        run_until(s, has_ended);
        assert_int_equal(fixture.n_fails, 1);
        assert_non_null(strstr(fixture.job->report.detail, "; hooks: sleep timed-out"));
}

static void test_not_for_ever(void **state) {
        Setup *s = *state;
        uint64_t due_usec;

        (void) warn(s, 10 * USEC_PER_MSEC);
        run_until(s, is_delayed);
        assert_true(sd_event_source_get_time(the_run()->timer, &due_usec) >= 0);
        assert_true(due_usec <= clock_monotonic_usec() + FAIL_DELAY_USEC);
        run_out(the_run());
        run_until(s, has_ended);
        assert_int_equal(fixture.n_fails, 1);
        run_until(s, is_cancelled);
        assert_int_equal(fixture.last_cancelled, fixture.last_hooks.job_id);
}

/* A lock that is released first is not the last that is waited for. */
static void test_beside_a_lock(void **state) {
        Setup *s = *state;

        engine_set_n_inhibitors(s->engine, 1);
        (void) warn(s, 10 * USEC_PER_MSEC);
        run_until(s, is_delayed);
        engine_set_n_inhibitors(s->engine, 0);
        run_quiet(s);
        assert_int_equal(fixture.n_fails, 0);
        tell_result(s, fixture.last_hooks.job_id, OUTCOME_DONE, "");
        run_until(s, has_ended);
        assert_int_equal(fixture.n_fails, 1);
}

static void test_cancelled(void **state) {
        Setup *s = *state;
        const Job *job = warn(s, WORKLOAD_WARN_MAX_USEC);

        tell_hook(s, "copy", OUTCOME_DONE);
        run_until(s, is_first_told);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_CANCELLED);
        assert_string_equal(fixture.job->report.detail, "nothing was done; hooks: copy done");
        run_until(s, is_cancelled);
        assert_int_equal(fixture.last_cancelled, fixture.last_hooks.job_id);
        /* What they still say is nobody's. */
        tell_hook(s, "save", OUTCOME_CANCELLED);
        tell_result(s, fixture.last_hooks.job_id, OUTCOME_CANCELLED, "");
        run_until(s, is_taken);
        assert_int_equal(fixture.n_fails, 0);
}

static void test_worker_cannot(void **state) {
        Setup *s = *state;

        (void) warn(s, 10 * USEC_PER_MSEC);
        tell_result(s, fixture.last_hooks.job_id, OUTCOME_BUSY, "hooks of too many announcements run already");
        run_until(s, has_ended);
        assert_int_equal(fixture.n_fails, 1);
        assert_non_null(strstr(fixture.job->report.detail, "; hooks: hooks of too many announcements run already"));
}

/* However many there are, the text has an end, and says so. */
static void test_many(void **state) {
        Setup *s = *state;
        char name[HOOK_NAME_SIZE];

        (void) warn(s, WORKLOAD_WARN_MAX_USEC);
        for (unsigned i = 10; i < 26; i++) {
                (void) snprintf(name, sizeof(name), "%u-a-hook-of-a-long-name", i);
                tell_hook(s, name, OUTCOME_DONE);
        }
        tell_result(s, fixture.last_hooks.job_id, OUTCOME_DONE, "");
        run_until(s, is_taken);
        run_out(the_run());
        run_until(s, has_ended);
        assert_true(text_ends_with(fixture.job->report.detail, "15-a-hook-of-a-long-name done +10"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fail_fixture_setup, fail_fixture_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_what_they_are_told),
                TEST(test_no_time_no_hooks),
                TEST(test_none_in_a_dry_run),
                TEST(test_ended_early),
                TEST(test_waited_for),
                TEST(test_not_for_ever),
                TEST(test_beside_a_lock),
                TEST(test_cancelled),
                TEST(test_worker_cannot),
                TEST(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
