/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the kernel is asked what it knows to be sick, and what becomes of the answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "tests/unit/survey-fixture.h"

static void test_attached(void **state) {
        Setup *s = *state;
        const uint32_t groups[] = { 3, 1 };
        const Survey *survey;

        s->autofsck = AUTOFSCK_REPAIR;
        attach_and_be_asked(s);
        assert_int_equal(s->requests[0].device_number, DEVICE_NUMBER);
        assert_int_equal(s->requests[0].depth, SURVEY_GROUPS);
        assert_true(s->requests[0].timeout_usec > 0 && s->requests[0].timeout_usec < USEC_PER_DAY);
        assert_int_equal(s->n_with_monitor, 1); /* the worker proves with it that it looks at the same one */

        /* In two records, each finding an event that is healed as any other. */
        answer_groups(s, s->requests, groups, 1, false);
        answer_groups(s, s->requests, groups + 1, 1, true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 2);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->last_target.structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->last_target.group, 1);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);
        assert_int_equal(s->n_requests, 1);

        /* It is not asked again without a reason: the repairs are one. */
        survey = &engine_watch_find(s->engine, the_filesystem(s)->id)->survey;
        assert_true(survey->due_usec[SURVEY_GROUPS] > clock_monotonic_usec());
        assert_int_equal(survey->due_usec[SURVEY_INODES], 0);
}

static void test_after_repairs(void **state) {
        static const uint32_t groups[] = { 1, 2 };
        Setup *s = *state;
        Survey *survey;

        s->autofsck = AUTOFSCK_REPAIR;
        s->outcome = OUTCOME_NOT_NEEDED;
        attach_and_be_asked(s);
        survey = &engine_watch_find(s->engine, the_filesystem(s)->id)->survey;
        /* What did nothing brought nothing to light. */
        answer_groups(s, s->requests, groups, 1, true);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(survey->due_usec[SURVEY_GROUPS], 0);

        s->outcome = OUTCOME_DONE;
        survey->any_ended_usec = 0;
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_FINOBT,
                     3);
        assert_int_equal(s->n_repairs, 2);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_GROUPS);
        /* And what it finds is dealt with, and asked for again after a while. */
        answer_groups(s, s->requests + 1, groups + 1, 1, true);
        assert_int_equal(s->n_repairs, 3);
        assert_true(survey->due_usec[SURVEY_GROUPS] >= survey->any_ended_usec + USEC_PER_MINUTE);
}

/* The child that attached has asked for the whole file system already. */
static void test_seen_while_attaching(void **state) {
        Setup *s = *state;
        WorkerMessage message = prepare_result(NULL);

        message.survey_result.n_findings = 1;
        message.survey_result.findings[0] = (SickFinding) { .domain = DOMAIN_FS, .structure = STRUCTURE_FS_COUNTERS };
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
        assert_int_equal(s->events[s->n_events - 1].structure, STRUCTURE_FS_COUNTERS);

        /* The survey that comes after it finds the same. */
        run_until_requests(s, 1);
        message.survey_result.request_id = s->requests[0].request_id;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
}

static void test_not_asked(void **state) {
        Setup *s = *state;
        int fd;

        /* Nobody watches it, or an earlier healerd watched it before. */
        tell_filesystem(s, DEVICE_NUMBER, -EBADF);
        assert_null(s->engine->survey_timer);
        fd = fcntl(s->pipe[0], F_DUPFD_CLOEXEC, 3);
        assert_true(fd >= 0);
        assert_int_equal(engine_adopt_monitor(s->engine, fd, DEVICE_NUMBER + 1, 12, true), 0);
        assert_null(s->engine->survey_timer);
}

static uint64_t due_after_us(Setup *s) {
        const Watch *watch = engine_watch_find(s->engine, the_filesystem(s)->id);

        return monitor_source_account(watch->source)->survey_due;
}

/* A healerd that is killed leaves to the next one what it had not looked up, or not dealt with. */
static void test_left_to_the_next(void **state) {
        Setup *s = *state;
        const uint32_t group = 1;

        s->autofsck = AUTOFSCK_REPAIR;
        s->are_repairs_slow = true;
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        assert_int_equal(due_after_us(s), SURVEY_GROUPS);
        run_until_requests(s, 1);
        answer_groups(s, s->requests, &group, 1, true);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(due_after_us(s), SURVEY_GROUPS);
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 1);
        /* Now because of the repair. */
        assert_int_equal(due_after_us(s), SURVEY_GROUPS);

        lose_reports(s);
        assert_int_equal(due_after_us(s), SURVEY_INODES);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, EAGAIN);
        run_until_requests(s, 3);
        answer(s, s->requests + 2, 0);
        assert_int_equal(due_after_us(s), SURVEY_INODES);
        run_until_requests(s, 4);
        answer(s, s->requests + 3, 0);
        assert_int_equal(due_after_us(s), SURVEY_NONE);
}

static void test_left_by_an_earlier_one(void **state) {
        Setup *s = *state;
        int fd = fcntl(s->pipe[0], F_DUPFD_CLOEXEC, 3);
        RingMonitor *account;

        assert_true(fd >= 0);
        assert_int_equal(record_ring_add_monitor(s->engine->ring, 12, DEVICE_NUMBER, &account), 0);
        record_ring_set_survey_due(account, SURVEY_INODES);
        assert_int_equal(engine_adopt_monitor(s->engine, fd, DEVICE_NUMBER, 12, true), 0);
        run_until_requests(s, 1);
        assert_int_equal(s->requests[0].depth, SURVEY_INODES);
}

/* Asking takes the processor from it. But not for ever. */
static void test_waits_for_a_repair(void **state) {
        Setup *s = *state;
        uint64_t *due, next;

        s->autofsck = AUTOFSCK_REPAIR;
        s->are_repairs_slow = true;
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        due = engine_watch_find(s->engine, the_filesystem(s)->id)->survey.due_usec + SURVEY_GROUPS;
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_FINOBT,
                     1);
        assert_int_equal(s->n_repairs, 1);

        *due = clock_monotonic_usec();
        engine_survey_on_repair_ended(s->engine);
        run_quiet(s);
        assert_int_equal(s->n_requests, 0);
        assert_int_equal(sd_event_source_get_time(s->engine->survey_timer, &next), 0);
        assert_true(next > *due);
        answer_job(s, s->last_job_id);
        run_until_requests(s, 1);
        answer(s, s->requests, 0);

        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_FINOBT,
                     2);
        assert_int_equal(s->n_repairs, 2);
        *due = clock_monotonic_usec() - USEC_PER_MINUTE;
        engine_survey_on_repair_ended(s->engine);
        run_until_requests(s, 2);
}

static void test_shut_down(void **state) {
        Setup *s = *state;

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT, ABI_XFS_HEALTH_MONITOR_TYPE_SHUTDOWN, 1, 0);
        assert_int_equal(s->n_cancelled, 1);
        lose_reports(s);
        assert_null(s->engine->survey_timer);
}

static void test_known_is_not_told_again(void **state) {
        Setup *s = *state;
        const uint32_t groups[] = { 2, 3 };

        /* The monitor told it meanwhile, and nothing may be repaired here. */
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_FINOBT,
                     2);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_HEALTHMON), 1);
        run_until_requests(s, 1);
        answer_groups(s, s->requests, groups, ELEMENTSOF(groups), true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
        assert_int_equal(s->events[s->n_events - 1].group, 3);

        /* What was healed and is found again is news. */
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_HEALTHY,
                     ABI_XFS_AG_GEOM_SICK_FINOBT, 2);
        lose_reports(s);
        run_until_requests(s, 2);
        answer_groups(s, s->requests + 1, groups, ELEMENTSOF(groups), true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 2);
        assert_int_equal(s->events[s->n_events - 1].group, 2);
}

static void test_after_loss(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_INODES);
        assert_true(s->requests[1].request_id != s->requests[0].request_id);

        /* Too early for the inodes: the groups at once, the inodes after a while. */
        answer(s, s->requests + 1, EAGAIN);
        run_until_requests(s, 3);
        assert_int_equal(s->requests[2].depth, SURVEY_GROUPS);
        answer(s, s->requests + 2, 0);
        condition = condition_find(&the_filesystem(s)->conditions, CONDITION_EVENTS_LOST, "");
        assert_non_null(condition);
        assert_null(strstr(condition->message, "looked up"));
        run_until_requests(s, 4);
        assert_int_equal(s->requests[3].depth, SURVEY_INODES);

        /* What was lost may have been something that nobody remembers: it is said, and stays. */
        answer(s, s->requests + 3, 0);
        condition = condition_find(&the_filesystem(s)->conditions, CONDITION_EVENTS_LOST, "");
        assert_non_null(condition);
        assert_non_null(strstr(condition->message, "looked up"));

        /* More losses: not again at once. */
        lose_reports(s);
        assert_int_equal(s->n_requests, 4);
        assert_true(engine_watch_find(s->engine, the_filesystem(s)->id)->survey.due_usec[SURVEY_INODES] >
                    clock_monotonic_usec() + 30 * USEC_PER_SEC);
}

/* Then nothing may be said of what was lost. */
static void test_incomplete_answers_nothing(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        message = prepare_result(s->requests + 1);
        message.survey_result.n_unreadable = 1;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_null(strstr(condition_find(&the_filesystem(s)->conditions, CONDITION_EVENTS_LOST, "")->message,
                           "looked up"));
}

static void test_unmounted_in_the_middle(void **state) {
        Setup *s = *state;
        const uint32_t group = 1;

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        s->pipe[1] = close_fd(s->pipe[1]);
        while (filesystem_table_count(engine_filesystems(s->engine)) > 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_cancelled, 1);
        assert_int_equal(s->cancelled[0], s->requests[0].request_id);
        assert_null(s->engine->survey_timer);

        /* What was on its way is about nobody, also if the number is taken again. */
        s->n_events = 0;
        answer_groups(s, s->requests, &group, 1, true);
        tell_filesystem(s, DEVICE_NUMBER, -EBADF);
        answer_groups(s, s->requests, &group, 1, true);
        assert_int_equal(s->n_events, 0);
}

static void test_worker_ends_in_the_middle(void **state) {
        Setup *s = *state;
        const uint32_t group = 1;

        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_until_requests(s, 1);
        fake_worker_hang_up(&s->worker);
        while (s->worker.n_lines < 2 || !engine_worker_is_connected(s->engine))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_GROUPS);
        tell_filesystem(s, DEVICE_NUMBER, -EBADF);

        answer_groups(s, s->requests, &group, 1, true); /* of the old one */
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 0);
        answer_groups(s, s->requests + 1, &group, 1, true);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 1);
}

static void test_not_all_at_once(void **state) {
        Setup *s = *state;

        for (dev_t i = 0; i < 6; i++)
                tell_filesystem(s, DEVICE_NUMBER + i, s->pipe[0]);
        run_until_requests(s, 4);
        answer(s, s->requests + 2, 0);
        run_until_requests(s, 5);
        answer(s, s->requests + 4, EIO); /* also one that failed makes room */
        run_until_requests(s, 6);
        for (size_t i = 0; i < 6; i++)
                for (size_t k = 0; k < i; k++)
                        assert_true(s->requests[i].device_number != s->requests[k].device_number);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, survey_setup, survey_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_attached),
                TEST(test_after_repairs),
                TEST(test_seen_while_attaching),
                TEST(test_not_asked),
                TEST(test_left_to_the_next),
                TEST(test_left_by_an_earlier_one),
                TEST(test_waits_for_a_repair),
                TEST(test_shut_down),
                TEST(test_known_is_not_told_again),
                TEST(test_after_loss),
                TEST(test_incomplete_answers_nothing),
                TEST(test_unmounted_in_the_middle),
                TEST(test_worker_ends_in_the_middle),
                TEST(test_not_all_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
