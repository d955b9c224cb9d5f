/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How whoever uses a file system comes to be failed: every stage, what ends it there, and that nothing is done to
 * anybody before the last one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "tests/unit/fail-fixture.h"

static const HealthCondition *condition(ConditionCode code) {
        return condition_find(&the_filesystem(fixture.s)->conditions, code, "");
}

static const WorkloadReport *report_of(const Job *job, const char *unit) {
        for (size_t i = 0; i < job->workloads.n_items; i++)
                if (text_equal(job->workloads.items[i].workload.unit, unit))
                        return job->workloads.items + i;
        fail_msg("%s is missing", unit);
        return NULL;
}

static void set_permit(Setup *s) {
        strcpy(s->engine->permit.template, "ask@.service");
        s->engine->permit.timeout_usec = 10 * USEC_PER_SEC;
}

static void assert_nothing_done(Outcome outcome) {
        assert_int_equal(fixture.n_fails + fixture.n_shutdowns, 0);
        assert_int_equal(fixture.job->report.outcome, outcome);
        assert_false(fixture.job->is_ordered);
        assert_true(TAILQ_EMPTY(&fixture.s->engine->fail_runs));
        assert_null(condition(CONDITION_WORKLOADS_FAILED));
}

static void test_the_whole_way(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        uint64_t now_usec = clock_realtime_usec();

        scope.warn_usec = 20 * USEC_PER_MSEC;
        (void) order(&wanted);
        run_until(s, has_ended);

        assert_int_equal(fixture.n_lists, 1);
        assert_int_equal(fixture.last_list.device_number, DEVICE_NUMBER);
        assert_int_equal(fixture.last_list.inode, 0);
        assert_int_equal(fixture.n_announced, 1);
        assert_in_range(fixture.act_realtime_usec, now_usec + scope.warn_usec, clock_realtime_usec());
        assert_int_equal(fixture.n_fails, 1);
        assert_int_equal(fixture.last_fail.device_number, DEVICE_NUMBER);
        assert_memory_equal(&fixture.last_fail.scope, &scope, sizeof(scope));
        assert_true(fixture.last_fail.timeout_usec > scope.term_usec);
        assert_int_equal(fixture.announced.n_taken, 2);
        assert_non_null(workload_plan_find(&fixture.announced, "db.service", ""));
        assert_non_null(workload_plan_find(&fixture.announced, "", CONTAINER));

        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_string_equal(fixture.job->report.detail,
                            "db.service stopped, container 0123456789ab stopped; 2 spared");
        assert_int_equal(report_of(fixture.job, "db.service")->fate, FATE_STOPPED);
        assert_false(report_of(fixture.job, "ssh.service")->is_taken);
        assert_string_equal(report_of(fixture.job, "ssh.service")->why, "is how people log in");
        assert_non_null(strstr(condition(CONDITION_WORKLOADS_FAILED)->message, "db.service stopped"));
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_WORKLOAD_FAILED);
        assert_true(TAILQ_EMPTY(&s->engine->fail_runs));
        run_until(s, is_taken);
}

static void test_some_are_left(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        fixture.fate = FATE_LEFT;
        fixture.outcome = OUTCOME_INCOMPLETE;
        fixture.detail = "2 of 2 are left";
        (void) order(&wanted);
        run_until(s, has_ended);
        /* Also what might be tried again otherwise: it was announced and permitted once. */
        assert_int_equal(fixture.job->report.outcome, OUTCOME_INCOMPLETE);
        assert_int_equal(fixture.n_fails, 1);
        assert_true(text_starts_with(fixture.job->report.detail, "2 of 2 are left: db.service left, "));
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_WORKLOAD_LEFT);
        assert_non_null(condition(CONDITION_WORKLOADS_FAILED));
}

static void test_refused_plans(void **state) {
        static const struct {
                const char *only;
                uint32_t max;
                Tristate is_root, is_state;
                const char *why;
        } cases[] = {
                { "other.service", 3, TRISTATE_NO, TRISTATE_NO, "there is nobody to take" },
                { "ssh.service", 3, TRISTATE_NO, TRISTATE_NO, "there is nobody to take" },
                { NULL, 1, TRISTATE_NO, TRISTATE_NO, "2 would be taken, more than 1 without \"confirm: large\"" },
                { NULL, 3, TRISTATE_YES, TRISTATE_NO, "it is the root file system, or that is not known" },
                { NULL, 3, TRISTATE_UNKNOWN, TRISTATE_NO, "it is the root file system, or that is not known" },
                { NULL, 3, TRISTATE_NO, TRISTATE_UNKNOWN, "it holds healerd's own state, or that is not known" },
        };
        Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkloadScope scope;
                CallerOrder wanted = fail_order(&scope);

                the_filesystem(s)->facts.is_root = cases[i].is_root;
                the_filesystem(s)->facts.is_state = cases[i].is_state;
                scope.max = cases[i].max;
                if (cases[i].only)
                        assert_int_equal(workload_scope_add_only(&scope, WORKLOAD_KEY_UNIT, cases[i].only), 0);
                fixture.n_ended = 0;
                (void) order(&wanted);
                run_until(s, has_ended);
                assert_nothing_done(OUTCOME_REFUSED);
                assert_string_equal(fixture.job->report.detail, cases[i].why);
                assert_int_equal(fixture.n_announced, 0);
                assert_int_equal(s->kinds[s->n_events - 1], EVENT_ACTION_REFUSED);
                assert_int_equal(fixture.job->workloads.n_items, 4);
        }
}

static void test_users_of_a_file(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        scope.who = WHO_FILE_USERS;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_nothing_done(OUTCOME_REFUSED);
        assert_int_equal(fixture.n_lists, 0);

        fixture.n_ended = 0;
        wanted.target.inode = 131;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.last_list.inode, 131);
        assert_int_equal(fixture.last_fail.inode, 131);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
}

static void test_dry_run(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        size_t n_events = s->n_events;

        set_permit(s);
        scope.warn_usec = USEC_PER_MINUTE;
        wanted.is_dry_run = true;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_nothing_done(OUTCOME_DONE);
        assert_int_equal(fixture.n_announced, 0);
        assert_int_equal(fixture.n_permits, 0);
        assert_string_equal(fixture.job->report.detail,
                            "would have taken: db.service, container 0123456789ab; 2 spared");
        assert_true(report_of(fixture.job, "db.service")->is_taken);
        assert_false(report_of(fixture.job, "db.service")->has_fate);
        assert_int_equal(s->n_events, n_events);
}

static void test_others_look(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        fixture.n_busy = 1;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.n_lists, 2);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_int_equal(fixture.announced.n_taken, 2);
}

static bool has_listed(_unused_ Setup *s) {
        return fixture.n_lists > 0;
}

static void test_others_look_all_the_time(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        fixture.n_busy = 1000;
        (void) order(&wanted);
        run_until(s, has_listed);
        the_run()->give_up_monotonic_usec = clock_monotonic_usec();
        run_until(s, has_ended);
        assert_nothing_done(OUTCOME_BUSY);
}

static bool is_permit_asked(_unused_ Setup *s) {
        return fixture.n_permits > 0;
}

static void test_permitted(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        set_permit(s);
        engine_raise(s->engine, the_filesystem(s), CONDITION_PERMIT_REFUSED, SEVERITY_ERROR, "", "before", 0);
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.n_permits, 1);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_string_equal(s->last_unit.template, "ask@.service");
        assert_int_equal(s->last_unit.timeout_usec, 10 * USEC_PER_SEC);
        assert_true(s->last_unit.job_id != fixture.job->id);
        assert_non_null(strstr(s->unit_message, "\"type\":\"permit\""));
        assert_non_null(strstr(s->unit_message, "\"action\":\"fail-workload\""));
        assert_non_null(strstr(s->unit_message, "\"taken\":2"));
        assert_non_null(strstr(s->unit_message, "\"taken\":true,\"unit\":\"db.service\""));
        assert_non_null(strstr(s->unit_message, "\"taken\":false,\"unit\":\"ssh.service\""));
        assert_null(condition(CONDITION_PERMIT_REFUSED));
}

static void test_not_permitted(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        set_permit(s);
        fixture.is_refused_by_permit = true;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_nothing_done(OUTCOME_REFUSED);
        assert_int_equal(fixture.n_announced, 0);
        assert_string_equal(fixture.job->report.detail,
                            "fail-workload is not permitted by ask@.service: the unit failed");
        assert_string_equal(condition(CONDITION_PERMIT_REFUSED)->message, fixture.job->report.detail);
        assert_int_equal(fixture.n_cancels, 0);
}

static bool is_cancelled(_unused_ Setup *s) {
        return fixture.n_cancels > 0;
}

static void test_no_answer_is_no_permit(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        WorkerMessage message;
        uint64_t permit_id;

        set_permit(s);
        fixture.is_permit_silent = true;
        (void) order(&wanted);
        run_until(s, is_permit_asked);
        permit_id = the_run()->permit_id;
        run_out(the_run());
        run_until(s, has_ended);
        assert_nothing_done(OUTCOME_REFUSED);
        assert_non_null(condition(CONDITION_PERMIT_REFUSED));
        run_until(s, is_cancelled);
        assert_int_equal(fixture.last_cancelled, permit_id);

        /* A yes that comes too late is none. */
        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = permit_id;
        message.result.outcome = OUTCOME_DONE;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_until(s, is_taken);
        assert_nothing_done(OUTCOME_REFUSED);
}

/* Where it stands when somebody cancels it. */
static void cancel(Setup *s, bool (*is_reached)(Setup *s), Outcome outcome) {
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        Job *job;

        scope.warn_usec = WORKLOAD_WARN_MAX_USEC;
        job = order(&wanted);
        run_until(s, is_reached);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_until(s, has_ended);
        assert_nothing_done(outcome);
        assert_string_equal(fixture.job->report.detail, "nothing was done");
        /* Nobody was left over. */
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_ACTION_REFUSED);
}

static void test_cancelled_while_listed(void **state) {
        Setup *s = *state;

        fixture.is_list_silent = true;
        cancel(s, has_listed, OUTCOME_CANCELLED);
        assert_int_equal(fixture.n_announced, 0);
        /* The answer comes to nobody. */
        fixture.is_list_silent = false;
        tell_filesystem(s, MONITOR_UNSUPPORTED);
        run_quiet(s);
}

static void test_cancelled_while_permit_is_asked(void **state) {
        Setup *s = *state;

        set_permit(s);
        fixture.is_permit_silent = true;
        cancel(s, is_permit_asked, OUTCOME_CANCELLED);
        run_until(s, is_cancelled);
        assert_null(condition(CONDITION_PERMIT_REFUSED));
}

static void test_cancelled_while_warned(void **state) {
        cancel(*state, is_announced, OUTCOME_CANCELLED);
        assert_true(fixture.job->was_announced);
}

static void test_cancelled_too_late(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        Job *job;

        fixture.is_fail_silent = true;
        job = order(&wanted);
        run_until(s, is_ordered);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_until(s, is_cancelled);
        assert_int_equal(fixture.last_cancelled, job->id);
        assert_int_equal(fixture.n_ended, 0);
}

static void test_worker_says_nothing(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        uint64_t due_usec;

        fixture.is_fail_silent = true;
        (void) order(&wanted);
        run_until(s, is_ordered);
        assert_true(sd_event_source_get_time(the_run()->timer, &due_usec) >= 0);
        assert_true(due_usec > clock_monotonic_usec() + fixture.last_fail.timeout_usec);
        run_out(the_run());
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_TIMED_OUT);
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_WORKLOAD_LEFT);
}

static void test_worker_lost_while_listing(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        Job *job;

        fixture.is_list_silent = true;
        job = order(&wanted);
        run_until(s, has_listed);
        fake_worker_done(&s->worker);
        while (engine_worker_is_connected(s->engine))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        /* It begins anew when there is a worker. */
        assert_int_equal(job->state, JOB_QUEUED);
        assert_true(TAILQ_EMPTY(&s->engine->fail_runs));
        assert_int_equal(fixture.n_ended, 0);
}

static bool has_listed_anew(_unused_ Setup *s) {
        return fixture.n_lists > 0 || fixture.n_ended > 0;
}

/* If it is the look itself that workers do not survive, it comes to an end. */
static void test_workers_lost_again_and_again(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        unsigned n_lists = 0;

        fixture.is_list_silent = true;
        (void) order(&wanted);
        for (run_until(s, has_listed); fixture.n_ended == 0; run_until(s, has_listed_anew)) {
                n_lists += fixture.n_lists;
                fixture.n_lists = 0;
                engine_users_end_all(s->engine, ENOTCONN);
                engine_fail_on_worker_lost(s->engine);
                job_queue_on_worker_lost(engine_jobs(s->engine));
                job_queue_on_worker_ready(engine_jobs(s->engine));
        }
        assert_int_equal(n_lists, 1 + JOB_BEGUN_AGAIN_MAX);
        assert_nothing_done(OUTCOME_WORKER_LOST);
}

static void lose_worker(Setup *s, bool (*is_reached)(Setup *s)) {
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        fixture.is_fail_silent = true;
        scope.warn_usec = is_reached == is_announced ? USEC_PER_MINUTE : 0;
        (void) order(&wanted);
        run_until(s, is_reached);
        fake_worker_done(&s->worker);
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_WORKER_LOST);
        assert_true(TAILQ_EMPTY(&s->engine->fail_runs));
}

static void test_worker_lost_while_warned(void **state) {
        lose_worker(*state, is_announced);
        assert_int_equal(fixture.n_fails, 0);
        assert_string_equal(fixture.job->report.detail, "the worker went away before it began");
}

static void test_worker_lost_after_order(void **state) {
        lose_worker(*state, is_ordered);
        assert_string_equal(fixture.job->report.detail, "the worker went away in the middle of it");
}

/* The time that was promised runs whether a lock is released or not. */
static void test_lock_is_released_early(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        uint64_t began_usec = clock_monotonic_usec();

        scope.warn_usec = 50 * USEC_PER_MSEC;
        engine_set_n_inhibitors(s->engine, 1);
        (void) order(&wanted);
        run_until(s, is_announced);
        engine_set_n_inhibitors(s->engine, 0);
        run_until(s, has_ended);
        assert_true(clock_monotonic_usec() - began_usec >= scope.warn_usec);
        assert_int_equal(fixture.n_fails, 1);
}

static bool is_delayed(_unused_ Setup *s) {
        const FailRun *run = TAILQ_FIRST(&fixture.s->engine->fail_runs);

        return run && run->stage == FAIL_DELAYED;
}

static void test_lock_is_released_late(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        engine_set_n_inhibitors(s->engine, 2);
        (void) order(&wanted);
        run_until(s, is_delayed);
        engine_set_n_inhibitors(s->engine, 1);
        run_quiet(s);
        assert_int_equal(the_run()->stage, FAIL_DELAYED);
        assert_int_equal(fixture.n_fails, 0);
        engine_set_n_inhibitors(s->engine, 0);
        run_until(s, has_ended);
        assert_int_equal(fixture.n_fails, 1);
}

static void test_lock_is_not_released(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        uint64_t due_usec;

        engine_set_n_inhibitors(s->engine, 1);
        (void) order(&wanted);
        run_until(s, is_delayed);
        assert_true(sd_event_source_get_time(the_run()->timer, &due_usec) >= 0);
        assert_in_range(due_usec - clock_monotonic_usec(), FAIL_DELAY_USEC - 5 * USEC_PER_SEC, FAIL_DELAY_USEC);
        run_out(the_run());
        run_until(s, has_ended);
        assert_int_equal(fixture.n_fails, 1);
}

static void test_unmounted(void **state) {
        static const struct {
                bool is_ordered;
                Outcome outcome;
        } cases[] = {
                { false, OUTCOME_UNMOUNTED },
                { true, OUTCOME_DONE },         /* the worker tells what it did all the same */
        };
        Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkloadScope scope;
                CallerOrder wanted = fail_order(&scope);
                WorkerMessage message;
                Job *job;

                fixture.n_ended = fixture.n_announced = 0;
                fixture.is_fail_silent = true;
                scope.warn_usec = cases[i].is_ordered ? 0 : USEC_PER_MINUTE;
                job = order(&wanted);
                run_until(s, cases[i].is_ordered ? is_ordered : is_announced);
                worker_message_init(&message, WORKER_MOUNT_GONE);
                message.mount.device_number = DEVICE_NUMBER;
                message.mount.mount_id = 1;
                strcpy(message.mount.mount_point, "/srv");
                fake_worker_say(&s->worker, &message, -EBADF);
                if (cases[i].is_ordered) {
                        while (filesystem_table_count(engine_filesystems(s->engine)) > 0)
                                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
                        worker_message_init(&message, WORKER_JOB_RESULT);
                        message.result.job_id = job->id;
                        message.result.outcome = OUTCOME_DONE;
                        fake_worker_say(&s->worker, &message, -EBADF);
                }
                run_until(s, has_ended);
                assert_int_equal(fixture.job->report.outcome, cases[i].outcome);
                assert_int_equal(fixture.n_fails, cases[i].is_ordered);
                assert_true(TAILQ_EMPTY(&s->engine->fail_runs));
                if (!cases[i].is_ordered) {
                        tell_filesystem(s, MONITOR_UNSUPPORTED);
                        while (filesystem_table_count(engine_filesystems(s->engine)) == 0 ||
                               the_filesystem(s)->n_mounts == 0)
                                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
                }
        }
}

/* It is what they are for: neither refused nor ended by it. */
static void test_shut_down_meanwhile(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SHUTDOWN,
                .domain = DOMAIN_MOUNT,
                .count = 1,
        };

        scope.warn_usec = 20 * USEC_PER_MSEC;
        (void) order(&wanted);
        run_until(s, is_announced);
        engine_take_event(s->engine, &event);
        run_until(s, has_ended);
        assert_true(the_filesystem(s)->is_shut_down);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);

        fixture.n_ended = 0;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_int_equal(fixture.n_fails, 2);
}

static void test_equal_orders_join(void **state) {
        Setup *s = *state;
        WorkloadScope scope, other_scope;
        CallerOrder wanted = fail_order(&scope), other = fail_order(&other_scope);
        _cleanup_(free_at) char *denied = NULL;
        Job *first, *second;

        fixture.is_list_silent = true;
        first = order(&wanted);
        other.timeout_usec = USEC_PER_MINUTE;
        assert_int_equal(engine_order(s->engine, &other, &second, &denied), 0);
        assert_ptr_equal(first, second);

        /* Another set waits for this one; a dry run is another thing. */
        assert_int_equal(workload_scope_add_only(&other_scope, WORKLOAD_KEY_UNIT, "db.service"), 0);
        second = order(&other);
        run_until(s, has_listed);
        assert_int_equal(second->state, JOB_QUEUED);
        wanted.is_dry_run = true;
        second = order(&wanted);
        assert_int_equal(second->state, JOB_QUEUED);
}

static void test_freeze(void **state) {
        Setup *s = *state;
        WorkloadScope scope;
        CallerOrder wanted = fail_order(&scope);

        scope = workload_scope_default(HOW_FREEZE);
        scope.thaw_usec = USEC_PER_MINUTE;
        wanted.action = ACTION_FREEZE;
        fixture.fate = FATE_THAWED;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.last_fail.scope.how, HOW_FREEZE);
        assert_true(fixture.last_fail.timeout_usec > scope.thaw_usec);
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_WORKLOAD_FROZEN);
        assert_null(condition(CONDITION_WORKLOADS_FAILED));

        /* The one is not done in the name of the other. */
        fixture.n_ended = 0;
        wanted.action = ACTION_FAIL_WORKLOAD;
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_REFUSED);
        assert_int_equal(fixture.n_fails, 1);
}

static void test_shutdown(void **state) {
        Setup *s = *state;
        CallerOrder wanted = {
                .filesystem = the_filesystem(s),
                .action = ACTION_SHUTDOWN,
                .timeout_usec = USEC_INFINITY,
        };

        set_permit(s);
        (void) order(&wanted);
        run_until(s, has_ended);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_int_equal(fixture.n_shutdowns, 1);
        assert_int_equal(fixture.n_lists, 0);
        assert_int_equal(fixture.n_announced, 0);
        assert_int_equal(fixture.n_permits, 1);
        assert_non_null(strstr(s->unit_message, "\"action\":\"shutdown\""));
        assert_null(strstr(s->unit_message, "\"workloads\""));
        assert_int_equal(fixture.last_shutdown.device_number, DEVICE_NUMBER);
        assert_true(fixture.last_shutdown.timeout_usec > 0);
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_SHUTDOWN_DONE);

        for (unsigned i = 0; i < 4; i++) {
                Tristate is = i % 2 == 0 ? TRISTATE_YES : TRISTATE_UNKNOWN;

                the_filesystem(s)->facts.is_root = i < 2 ? is : TRISTATE_NO;
                the_filesystem(s)->facts.is_state = i < 2 ? TRISTATE_NO : is;
                fixture.n_ended = 0;
                (void) order(&wanted);
                run_until(s, has_ended);
                assert_int_equal(fixture.job->report.outcome, OUTCOME_REFUSED);
                assert_int_equal(fixture.n_shutdowns, 1);
                assert_int_equal(fixture.n_permits, 1);
        }
}

#define test(name) cmocka_unit_test_setup_teardown(name, fail_fixture_setup, fail_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_the_whole_way),
                test(test_some_are_left),
                test(test_refused_plans),
                test(test_users_of_a_file),
                test(test_dry_run),
                test(test_others_look),
                test(test_others_look_all_the_time),
                test(test_permitted),
                test(test_not_permitted),
                test(test_no_answer_is_no_permit),
                test(test_cancelled_while_listed),
                test(test_cancelled_while_permit_is_asked),
                test(test_cancelled_while_warned),
                test(test_cancelled_too_late),
                test(test_worker_says_nothing),
                test(test_worker_lost_while_listing),
                test(test_workers_lost_again_and_again),
                test(test_worker_lost_while_warned),
                test(test_worker_lost_after_order),
                test(test_lock_is_released_early),
                test(test_lock_is_released_late),
                test(test_lock_is_not_released),
                test(test_unmounted),
                test(test_shut_down_meanwhile),
                test(test_equal_orders_join),
                test(test_freeze),
                test(test_shutdown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
