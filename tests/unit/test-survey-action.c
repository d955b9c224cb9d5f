/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The action survey of a policy: a job whose worker is the engine itself.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/unit/survey-fixture.h"

#define LOSS_POLICY                                                                             \
        "version: 1\n"                                                                          \
        "rules:\n"                                                                              \
        "  - id: lost\n"                                                                        \
        "    match: {event: events-lost}\n"                                                     \
        "    do: [survey, {scrub: {repair: never}}]\n"

static void test_action(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        s->autofsck = AUTOFSCK_CHECK;
        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        assert_int_equal(s->requests[1].depth, SURVEY_INODES);
        assert_int_equal(s->n_scrubs, 0); /* one step after the other */
        assert_non_null(job_queue_active(engine_jobs(s->engine), the_filesystem(s)->id));

        message = prepare_result(s->requests + 1);
        message.survey_result.n_inodes = 77;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_until_jobs_ended(s, 1);
        assert_int_equal(s->survey_outcome, OUTCOME_DONE);
        assert_non_null(strstr(s->survey_detail, "4 groups and 77 inodes"));
        assert_int_equal(count_events(s, EVENT_SURVEY_DONE, EVENT_SOURCE_HEALERD), 1);
        assert_int_equal(s->n_scrubs, 1);
        /* One survey for the loss and for the rule. */
        run_until_jobs_ended(s, 2);
        assert_int_equal(s->n_requests, 2);
        assert_int_equal(s->n_jobs_ended, 2);
}

/* A decision may come when the survey that the same loss brought about is under way: that one serves both. What
 * happened after it had begun, and what a person asks for, needs another. */
static void test_joins_what_began_after_its_cause(void **state) {
        static const struct {
                const char *name;
                uint64_t received_boottime_usec;
                bool is_joined;
        } rows[] = {
                { "before", 1, true },
                { "after", UINT64_MAX, false },
                { "a person", 0, false },
        };
        Setup *s = *state;
        Survey *survey;

        load_policy(s, "version: 1\n");
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        survey = &engine_watch_find(s->engine, the_filesystem(s)->id)->survey;
        assert_int_equal(survey->running, SURVEY_INODES);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Job job = { .id = 77 + i, .event.received_boottime_usec = rows[i].received_boottime_usec };

                print_message("%s\n", rows[i].name);
                assert_int_equal(engine_survey_for_job(s->engine, &job, the_filesystem(s)), 0);
                assert_int_equal(survey->job_id, rows[i].is_joined ? job.id : 0);
                assert_int_equal(survey->wanted_job_id, rows[i].is_joined ? 0 : job.id);
                survey->job_id = survey->wanted_job_id = 0;
                survey->due_usec[SURVEY_INODES] = 0;
        }
}

/* Damage stood in its way: that is told, and not tried again. */
static void test_action_finds_what_cannot_be_looked_at(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        message = prepare_result(s->requests + 1);
        message.survey_result.n_unreadable = 3;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_until_jobs_ended(s, 1);
        assert_int_equal(s->survey_outcome, OUTCOME_INCOMPLETE);
        assert_non_null(strstr(s->survey_detail, "3 groups or inodes could not be looked at"));
        assert_int_equal(count_events(s, EVENT_SURVEY_FAILED, EVENT_SOURCE_HEALERD), 1);
}

/* Too early is no end of the job. */
static void test_action_waits(void **state) {
        Setup *s = *state;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, EAGAIN);
        run_until_requests(s, 3);
        answer(s, s->requests + 2, 0);
        assert_int_equal(s->requests[2].depth, SURVEY_GROUPS);
        assert_int_equal(s->n_jobs_ended, 0);
        run_until_requests(s, 4);
        answer(s, s->requests + 3, EIO);
        run_until_jobs_ended(s, 1);
        assert_int_equal(s->survey_outcome, OUTCOME_FAILED);
        assert_non_null(strstr(s->survey_detail, "looked at 4 groups"));
        assert_int_equal(count_events(s, EVENT_SURVEY_FAILED, EVENT_SOURCE_HEALERD), 1);
}

static void test_action_is_cancelled(void **state) {
        Setup *s = *state;
        Job *job;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        job = job_queue_active(engine_jobs(s->engine), the_filesystem(s)->id);
        assert_non_null(job);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_quiet(s);
        assert_int_equal(s->n_cancelled, 1);
        assert_int_equal(s->cancelled[0], s->requests[1].request_id);
        answer(s, s->requests + 1, ECANCELED);
        assert_int_equal(s->survey_outcome, OUTCOME_CANCELLED);
}

static void test_action_cancelled_before_it_began(void **state) {
        Setup *s = *state;
        Job *job;

        load_policy(s, LOSS_POLICY);
        attach_and_answer(s);
        lose_reports(s);
        run_until_requests(s, 2);
        answer(s, s->requests + 1, EAGAIN);
        job = job_queue_active(engine_jobs(s->engine), the_filesystem(s)->id);
        assert_non_null(job);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_until_jobs_ended(s, 1);
        assert_int_equal(s->survey_outcome, OUTCOME_CANCELLED);
        assert_int_equal(s->n_cancelled, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, survey_setup, survey_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_action),
                TEST(test_joins_what_began_after_its_cause),
                TEST(test_action_finds_what_cannot_be_looked_at),
                TEST(test_action_waits),
                TEST(test_action_is_cancelled),
                TEST(test_action_cancelled_before_it_began),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
