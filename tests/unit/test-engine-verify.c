/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verification of the media: turns, what they come to, how it goes on, and what becomes of what cannot be read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "tests/unit/survey-fixture.h"

static size_t n_taken;          /* of the requests */

static const WorkerSurveyRequest *last(const Setup *s) {
        return s->requests + n_taken - 1;
}

/* The next of the requests that is a turn; surveys on the way are answered. */
static const WorkerSurveyRequest *run_until_turn(Setup *s) {
        do {
                if (n_taken == s->n_requests)
                        run_until_requests(s, n_taken + 1);
                n_taken++;
                if (last(s)->depth != SURVEY_MEDIA)
                        answer(s, last(s), 0);
        } while (last(s)->depth != SURVEY_MEDIA);
        return last(s);
}

static Job *order(Setup *s, VerifySpace space, int expected) {
        const CallerOrder wanted = {
                .filesystem = the_filesystem(s),
                .action = ACTION_VERIFY_MEDIA,
                .verify_space = space,
                .rate_bytes = 1000,
                .timeout_usec = USEC_INFINITY,
                .caller_uid = 1000,
        };
        char *denied = NULL;
        Job *job = NULL;

        assert_int_equal(engine_order(s->engine, &wanted, &job, &denied), expected);
        free(denied);
        return job;
}

static void say(Setup *s, bool is_last, int error, MediaStage stage, uint64_t n_bytes, uint64_t n_bad) {
        WorkerMessage message = prepare_result(last(s));
        MediaCounts *media = &message.survey_result.media;

        message.survey_result.is_last = is_last;
        message.survey_result.error = error;
        message.survey_result.busy_usec = n_bytes;
        media->position = (MediaPosition) { .stage = stage, .next = n_bytes / 512 };
        media->n_bytes = n_bytes;
        media->n_bytes_left = 100000;
        media->n_bad = n_bad;
        media->n_bad_bytes = n_bad * 4096;
        media->n_bad_of[SPACE_FILE] = n_bad;
        if (stage == MEDIA_STAGE_DONE)
                media->n_bytes_left = 0;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

static void test_turns(void **state) {
        Setup *s = *state;
        const VerifyState *verify;
        Job *job;

        attach_and_answer(s);
        n_taken = s->n_requests;
        job = job_ref(order(s, VERIFY_SPACE_ALL, 1));
        verify = &the_filesystem(s)->verify;
        assert_true(run_until_turn(s)->is_all);
        assert_int_equal(last(s)->rate_bytes, 1000);
        assert_int_equal(last(s)->media.stage, MEDIA_STAGE_DATA);
        /* Each record counts from the beginning of the turn. */
        say(s, false, 0, MEDIA_STAGE_DATA, 512000, 1);
        assert_int_equal(job->done_bytes, 512000);
        assert_int_equal(job->total_bytes, 612000);
        say(s, true, 0, MEDIA_STAGE_DATA, 1024000, 1);
        assert_int_equal(run_until_turn(s)->media.next, 2000);
        say(s, false, 0, MEDIA_STAGE_DATA, 512, 1);
        assert_int_equal(job->done_bytes, 1024512);
        assert_int_equal(verify->counts.n_bad, 2);
        say(s, true, 0, MEDIA_STAGE_DONE, 5120, 1);
        run_until_jobs_ended(s, 1);
        assert_int_equal(job->report.outcome, OUTCOME_FOUND_CORRUPTION);
        assert_non_null(strstr(job->report.detail, "2 parts, 8192 bytes, cannot be read: 2 of contents of files"));
        assert_int_equal(count_events(s, EVENT_VERIFY_DONE, EVENT_SOURCE_HEALERD), 1);
        assert_int_equal(verify->clean_realtime_usec, 0);
        assert_int_equal(the_filesystem(s)->good_realtime_usec, 0);
        assert_false(verify->is_wanted);
        job_unref(job);

        /* The next one begins anew, and is clean. */
        job = job_ref(order(s, VERIFY_SPACE_USED, 1));
        assert_false(run_until_turn(s)->is_all);
        assert_int_equal(last(s)->media.next, 0);
        say(s, true, 0, MEDIA_STAGE_DONE, 5120, 0);
        run_until_jobs_ended(s, 2);
        assert_int_equal(job->report.outcome, OUTCOME_DONE);
        assert_true(the_filesystem(s)->good_realtime_usec > 0);
        job_unref(job);
}

static void test_joins(void **state) {
        Setup *s = *state;

        attach_and_answer(s);
        n_taken = s->n_requests;
        (void) order(s, VERIFY_SPACE_USED, 1);
        (void) run_until_turn(s);
        (void) order(s, VERIFY_SPACE_USED, 0);
        /* Who wants more has to wait for a second one. */
        (void) order(s, VERIFY_SPACE_ALL, 1);
        (void) order(s, VERIFY_SPACE_ALL, 0);
        run_quiet(s);
        say(s, true, 0, MEDIA_STAGE_DONE, 512, 0);
        run_until_jobs_ended(s, 1);
        assert_true(run_until_turn(s)->is_all);
}

/* A mount, a worker and a policy later it is where it was. */
static void test_goes_on(void **state) {
        Setup *s = *state;

        s->has_uuid = true;
        engine_state_loaded(s->engine);
        attach_and_answer(s);
        n_taken = s->n_requests;
        (void) order(s, VERIFY_SPACE_ALL, 1);
        (void) run_until_turn(s);
        say(s, false, 0, MEDIA_STAGE_DATA, 5120, 1);
        unmount_and_mount(s);
        run_until_jobs_ended(s, 1);
        assert_int_equal(run_until_turn(s)->media.next, 10);
        assert_true(last(s)->is_all);
        assert_int_equal(last(s)->rate_bytes, 1000);
        say(s, true, 0, MEDIA_STAGE_DONE, 512, 0);
        run_until_jobs_ended(s, 2);
        /* What was found before the unmount counts. */
        assert_int_equal(the_filesystem(s)->verify.counts.n_bad, 1);

        unmount_and_mount(s);
        run_quiet(s);
        assert_false(the_filesystem(s)->verify.is_wanted);
        assert_int_equal(the_filesystem(s)->verify.counts.n_bad, 1);
}

static void test_is_denied_later(void **state) {
        Setup *s = *state;
        Job *job;

        s->has_uuid = true;
        engine_state_loaded(s->engine);
        attach_and_answer(s);
        n_taken = s->n_requests;
        (void) order(s, VERIFY_SPACE_ALL, 1);
        (void) run_until_turn(s);
        load_policy(s, "version: 1\nprotect: [{id: xfs, match: {fs: {type: xfs}}, deny: [verify-media]}]\n");
        unmount_and_mount(s);
        run_until_jobs_ended(s, 1);
        assert_false(the_filesystem(s)->verify.is_wanted);
        job = order(s, VERIFY_SPACE_USED, -EACCES);
        assert_null(job);
}

static void test_cancel(void **state) {
        Setup *s = *state;
        Job *job;

        attach_and_answer(s);
        n_taken = s->n_requests;
        job = job_ref(order(s, VERIFY_SPACE_USED, 1));
        (void) run_until_turn(s);
        assert_int_equal(job_queue_cancel(engine_jobs(s->engine), job->id), 0);
        run_until_jobs_ended(s, 1);
        assert_int_equal(job->report.outcome, OUTCOME_CANCELLED);
        assert_int_equal(s->n_cancelled, 1);
        assert_false(the_filesystem(s)->verify.is_wanted);
        say(s, true, ECANCELED, MEDIA_STAGE_DATA, 0, 0);
        assert_int_equal(engine_watch_find(s->engine, job->filesystem_id)->survey.due_usec[SURVEY_MEDIA], 0);
        job_unref(job);
}

static void test_fails(void **state) {
        static const struct {
                int error;
                unsigned n_turns;
                Outcome outcome;
        } cases[] = {
                { ENOTTY, 1, OUTCOME_NOT_SUPPORTED },
                { EPERM, 1, OUTCOME_NO_PERMISSION },
        };
        Setup *s = *state;

        attach_and_answer(s);
        n_taken = s->n_requests;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Job *job = job_ref(order(s, VERIFY_SPACE_USED, 1));

                print_message("%s\n", strerror(cases[i].error));
                for (unsigned turn = 0; turn < cases[i].n_turns; turn++) {
                        (void) run_until_turn(s);
                        say(s, true, cases[i].error, MEDIA_STAGE_DATA, 0, 0);
                }
                run_until_jobs_ended(s, (unsigned) i + 1);
                assert_int_equal(job->report.outcome, cases[i].outcome);
                assert_int_equal(count_events(s, EVENT_VERIFY_FAILED, EVENT_SOURCE_HEALERD), i + 1);
                job_unref(job);
        }
}

/* What is asked for in between comes first, and the turn is made up for. */
static void test_gives_way(void **state) {
        Setup *s = *state;

        attach_and_answer(s);
        n_taken = s->n_requests;
        (void) order(s, VERIFY_SPACE_USED, 1);
        (void) run_until_turn(s);
        lose_reports(s);
        assert_int_equal(s->n_cancelled, 1);
        assert_int_equal(s->cancelled[0], last(s)->request_id);
        say(s, true, ECANCELED, MEDIA_STAGE_DATA, 5120, 0);
        assert_int_equal(run_until_turn(s)->media.next, 10);
}

static void find(Setup *s, Structure structure, bool is_unreadable) {
        WorkerMessage message = prepare_result(last(s));

        message.survey_result.is_last = false;
        message.survey_result.busy_usec = 1;
        message.survey_result.n_findings = 1;
        message.survey_result.findings[0] = (SickFinding) {
                .domain = structure_domain(structure), .structure = structure, .is_unreadable = is_unreadable,
        };
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* What cannot be read is rebuilt, whatever was known or found of it before. */
static void test_rebuild(void **state) {
        Setup *s = *state;

        s->autofsck = AUTOFSCK_REPAIR;
        attach_and_answer(s);
        n_taken = s->n_requests;
        (void) order(s, VERIFY_SPACE_USED, 1);
        (void) run_until_turn(s);
        find(s, STRUCTURE_AG_BNOBT, true);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->last_target.structure, STRUCTURE_AG_BNOBT);
        assert_true(s->last_is_forced);

        s->are_repairs_slow = true;
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK,
                     ABI_XFS_AG_GEOM_SICK_INOBT, 0);
        assert_int_equal(s->n_repairs, 2);
        assert_false(s->last_is_forced);
        find(s, STRUCTURE_AG_INOBT, true);
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 3);
        assert_true(s->last_is_forced);
}

/* What the kernel says is lost of a directory is metadata. */
static void test_lost_directory(void **state) {
        struct abi_xfs_health_monitor_event record = {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_FILERANGE,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_DATALOST,
                .time_ns = 1,
                .e.filerange = { .pos = 4096, .len = 4096, .ino = 131, .gen = 7, .error = EIO },
        };
        static const struct {
                const char *name;
                uint16_t mode;
                EventKind kind;
                Structure structure;
        } cases[] = {
                { "file", 0100644, EVENT_DATA_LOST, STRUCTURE_NONE },
                { "directory", 0040755, EVENT_SICK, STRUCTURE_INODE_DIRECTORY },
                { "symlink", 0120777, EVENT_SICK, STRUCTURE_INODE_SYMLINK },
                { "not known", 0, EVENT_DATA_LOST, STRUCTURE_NONE },
        };
        Setup *s = *state;

        s->autofsck = AUTOFSCK_REPAIR;
        attach_and_answer(s);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                unsigned n_repairs = s->n_repairs;
                const HealthEvent *event;
                size_t n_before = s->n_events;

                print_message("%s\n", cases[i].name);
                s->mode = cases[i].mode;
                record.e.filerange.ino++;
                assert_int_equal(write(s->pipe[1], &record, sizeof(record)), sizeof(record));
                run_quiet(s);
                event = s->events + n_before;
                assert_int_equal(event->kind, cases[i].kind);
                assert_int_equal(event->structure, cases[i].structure);
                assert_int_equal(s->n_repairs - n_repairs, cases[i].kind == EVENT_SICK);
                if (cases[i].kind == EVENT_SICK)
                        assert_true(s->last_is_forced);
        }
}

/* Each name of a file is told. */
static void test_names(void **state) {
        struct abi_xfs_health_monitor_event record = {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_FILERANGE,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_DATALOST,
                .time_ns = 1,
                .e.filerange = { .pos = 4096, .len = 4096, .ino = 131, .gen = 7, .error = EIO },
        };
        Setup *s = *state;
        size_t n_before;

        s->has_parent_pointers = true;
        s->mode = 0100644;
        s->names = "/one\0/two\0/folder/three";
        s->names_size = sizeof("/one\0/two\0/folder/three");
        attach_and_answer(s);
        n_before = s->n_events;
        assert_int_equal(write(s->pipe[1], &record, sizeof(record)), sizeof(record));
        run_quiet(s);
        assert_int_equal(s->n_events - n_before, 3);
        assert_string_equal(s->paths[n_before], "/one");
        assert_string_equal(s->paths[n_before + 1], "/two");
        assert_string_equal(s->paths[n_before + 2], "/folder/three");
        for (size_t i = n_before; i < s->n_events; i++) {
                assert_int_equal(s->events[i].kind, EVENT_DATA_LOST);
                assert_int_equal(s->events[i].position_bytes, 4096);
        }
        assert_int_not_equal(s->events[n_before].id, s->events[n_before + 1].id);
}

static int setup(void **state) {
        n_taken = 0;
        return survey_setup(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, survey_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_turns),
                TEST(test_joins),
                TEST(test_goes_on),
                TEST(test_is_denied_later),
                TEST(test_cancel),
                TEST(test_fails),
                TEST(test_gives_way),
                TEST(test_rebuild),
                TEST(test_lost_directory),
                TEST(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
