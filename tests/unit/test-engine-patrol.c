/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a patrol goes on, where, and what becomes of what it says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "tests/unit/survey-fixture.h"

#define POLICY(patrol) "version: 1\npatrol: " patrol "\n"
#define AT_MOUNT POLICY("{mode: at-mount}")

/* The age of the machine; a test may say another one. */
static uint64_t age_usec = USEC_PER_DAY;
uint64_t __wrap_clock_boottime_usec(void);

uint64_t __wrap_clock_boottime_usec(void) {
        return age_usec;
}

static size_t n_taken;          /* of the requests */

/* The one that the test is at. */
static const WorkerSurveyRequest *last(const Setup *s) {
        return s->requests + n_taken - 1;
}

static const WorkerSurveyRequest *run_until_request(Setup *s) {
        if (n_taken == s->n_requests)
                run_until_requests(s, n_taken + 1);
        n_taken++;
        return last(s);
}

static uint64_t due(Setup *s) {
        return engine_watch_find(s->engine, the_filesystem(s)->id)->survey.due_usec[SURVEY_PATROL];
}

/* The next of the requests that is one of the patrol; surveys on the way are answered. */
static const WorkerSurveyRequest *run_until_patrol(Setup *s) {
        while (run_until_request(s)->depth != SURVEY_PATROL)
                answer(s, last(s), 0);
        return last(s);
}

static void say(Setup *s, bool is_last, int error, PatrolPosition position, uint64_t n_checked, uint64_t n_damaged) {
        WorkerMessage message = prepare_result(last(s));

        message.survey_result.is_last = is_last;
        message.survey_result.error = error;
        message.survey_result.position = position;
        message.survey_result.n_checked = n_checked;
        message.survey_result.n_damaged = n_damaged;
        message.survey_result.busy_usec = n_checked * 10;
        message.survey_result.read_bytes = n_checked * 512;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

static void test_off(void **state) {
        Setup *s = *state;

        attach_and_answer(s);
        assert_int_equal(due(s), 0);
        load_policy(s, POLICY("off"));
        assert_int_equal(due(s), 0);
        load_policy(s, "version: 1\nmode: observe\npatrol: {mode: at-mount}\n");
        assert_int_equal(due(s), 0);
        load_policy(s, "version: 1\npatrol: {mode: at-mount}\n"
                       "protect: [{id: all-of-xfs, match: {fs: {type: xfs}}, deny: [scrub]}]\n");
        assert_int_equal(due(s), 0);
        load_policy(s, AT_MOUNT);
        assert_true(due(s) > 0);
}

static void test_pass(void **state) {
        static const PatrolPosition middle = { PATROL_GROUPS, 1, 4 }, inodes = { .stage = PATROL_INODES };
        Setup *s = *state;
        const PatrolState *patrol;

        load_policy(s, AT_MOUNT);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        patrol = &the_filesystem(s)->patrol;
        assert_int_equal(run_until_patrol(s)->position.stage, PATROL_GROUPS);
        assert_int_equal(last(s)->share_percent, 50);
        assert_false(last(s)->on_rotating);

        /* Each record counts from the beginning of the turn. */
        say(s, false, 0, middle, 14, 0);
        say(s, false, 0, middle, 15, 1);
        assert_int_equal(patrol->n_checked, 15);
        assert_memory_equal(&patrol->position, &middle, sizeof(middle));
        say(s, true, 0, inodes, 40, 1);

        /* The first was checked at its own pace; inodes at that of the policy. */
        assert_int_equal(run_until_patrol(s)->share_percent, PATROL_SHARE_DEFAULT);
        assert_memory_equal(&last(s)->position, &inodes, sizeof(inodes));
        say(s, true, 0, (PatrolPosition) { .stage = PATROL_WHOLE }, 60, 0);
        assert_int_equal(patrol->n_checked, 100);
        (void) run_until_patrol(s);
        say(s, true, 0, (PatrolPosition) { .stage = PATROL_DONE }, 2, 0);
        assert_int_equal(patrol->n_checked, 102);
        assert_int_equal(patrol->n_damaged, 1);
        assert_int_equal(patrol->busy_usec, 1020);
        assert_int_equal(patrol->read_bytes, 102 * 512);
        assert_true(patrol->ended_realtime_usec >= patrol->began_realtime_usec);
        assert_int_equal(patrol->clean_realtime_usec, 0);
        assert_int_equal(due(s), 0);

        /* From now on again and again, but not at once. */
        load_policy(s, POLICY("{mode: continuous}"));
        assert_true(due(s) > clock_monotonic_usec() + USEC_PER_HOUR);
}

static void test_refused_and_later(void **state) {
        Setup *s = *state;

        load_policy(s, AT_MOUNT);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        (void) run_until_patrol(s);
        say(s, true, EIO, (PatrolPosition) {}, 0, 0);
        assert_true(due(s) > clock_monotonic_usec() + USEC_PER_MINUTE);

        load_policy(s, AT_MOUNT);
        (void) run_until_patrol(s);
        say(s, true, EMEDIUMTYPE, (PatrolPosition) {}, 0, 0);
        assert_int_equal(due(s), 0);
        /* Another policy may think otherwise. */
        load_policy(s, POLICY("{mode: at-mount, rotating: true}"));
        assert_true(run_until_patrol(s)->on_rotating);
}

/* What cannot wait ends a turn, and the patrol goes on where it was. */
static void test_gives_way(void **state) {
        static const PatrolPosition there = { PATROL_GROUPS, 2, 3 };
        Setup *s = *state;

        load_policy(s, AT_MOUNT);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        (void) run_until_patrol(s);
        say(s, false, 0, there, 23, 0);
        lose_reports(s);
        assert_int_equal(s->n_cancelled, 1);
        assert_int_equal(s->cancelled[0], last(s)->request_id);
        say(s, true, ECANCELED, there, 24, 0);
        assert_int_not_equal(run_until_request(s)->depth, SURVEY_PATROL);
        answer(s, last(s), 0);
        assert_memory_equal(&run_until_patrol(s)->position, &there, sizeof(there));
        say(s, true, 0, (PatrolPosition) { .stage = PATROL_INODES }, 16, 0);
        assert_int_equal(the_filesystem(s)->patrol.n_checked, 40);
}

/* What a repair wants looked at later ends no turn now, and the pass is not clean though its checks find nothing. */
static void test_damage_meanwhile(void **state) {
        static const PatrolPosition there = { PATROL_GROUPS, 2, 3 };
        Setup *s = *state;
        const PatrolState *patrol;

        s->autofsck = AUTOFSCK_REPAIR;
        load_policy(s, AT_MOUNT);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        patrol = &the_filesystem(s)->patrol;
        (void) run_until_patrol(s);
        say(s, false, 0, there, 23, 0);
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_FINOBT,
                     3);
        assert_int_equal(s->n_repairs, 1);
        assert_true(engine_watch_find(s->engine, the_filesystem(s)->id)->survey.due_usec[SURVEY_GROUPS] > 0);
        assert_int_equal(s->n_cancelled, 0);
        assert_int_equal(patrol->n_damaged, 1);
        say(s, true, 0, (PatrolPosition) { .stage = PATROL_DONE }, 60, 0);
        assert_int_equal(patrol->n_damaged, 1);
        assert_true(patrol->ended_realtime_usec > 0);
        assert_int_equal(patrol->clean_realtime_usec, 0);

        /* What comes after it is of no pass; the next one is clean. */
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, ABI_XFS_AG_GEOM_SICK_INOBT,
                     3);
        assert_int_equal(patrol->n_damaged, 1);
        unmount_and_mount(s);
        patrol = &the_filesystem(s)->patrol;
        (void) run_until_patrol(s);
        say(s, true, 0, (PatrolPosition) { .stage = PATROL_DONE }, 60, 0);
        assert_int_equal(patrol->n_damaged, 0);
        assert_true(patrol->clean_realtime_usec > 0);
}

static void test_policy_ends_it(void **state) {
        Setup *s = *state;

        load_policy(s, AT_MOUNT);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        (void) run_until_patrol(s);
        load_policy(s, POLICY("off"));
        run_quiet(s);
        assert_int_equal(s->n_cancelled, 1);
        say(s, true, ECANCELED, (PatrolPosition) {}, 0, 0);
        assert_int_equal(due(s), 0);
}

static int setup(void **state) {
        n_taken = 0;
        return survey_setup(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, survey_teardown)

/* Machines that get their power back at the same moment do not all begin then; what is mounted later does not wait. */
static void test_spread_after_boot(void **state) {
        Setup *s = *state;
        uint64_t now_usec = clock_monotonic_usec(), wait_usec;

        age_usec = USEC_PER_MINUTE;
        load_policy(s, AT_MOUNT);
        s->engine->has_machine_id = true;
        /* One that comes late among them. */
        do {
                s->engine->machine_id[0]++;
                wait_usec = engine_spread_usec(s->engine, (uint8_t [UUID_SIZE]) {}, "patrol", 10 * USEC_PER_MINUTE);
        } while (wait_usec < 5 * USEC_PER_MINUTE);
        tell_filesystem(s, DEVICE_NUMBER, s->pipe[0]);
        run_quiet(s);
        assert_true(due(s) >= now_usec + wait_usec);

        s->engine->is_complete = true;
        unmount_and_mount(s);
        assert_true(due(s) <= clock_monotonic_usec() + USEC_PER_SEC);
        age_usec = USEC_PER_DAY;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_off),
                TEST(test_pass),
                TEST(test_refused_and_later),
                TEST(test_gives_way),
                TEST(test_damage_meanwhile),
                TEST(test_policy_ends_it),
                TEST(test_spread_after_boot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
