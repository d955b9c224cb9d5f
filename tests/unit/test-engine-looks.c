/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Damage of an earlier mount, and damage that could not be reached: looked at again when it can be, as far as the
 * policy would repair it, and without a word if there is nothing to tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "tests/unit/survey-fixture.h"

static void tell_sick(Setup *s, uint32_t mask, uint32_t group) {
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_AG, ABI_XFS_HEALTH_MONITOR_TYPE_SICK, mask, group);
}

static const HealthCondition *find_sick(Setup *s, const char *target) {
        return condition_find(&the_filesystem(s)->conditions, CONDITION_SICK, target);
}

/* Damage that ended in a shutdown: three structures are known to be sick, none of them was repaired. */
static void shut_down(Setup *s) {
        s->has_uuid = true;
        s->autofsck = AUTOFSCK_NONE;
        attach_and_answer(s);
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_FINOBT, 1);
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_INOBT, 2);
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_RMAPBT, 1);
        queue_record(s, ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT, ABI_XFS_HEALTH_MONITOR_TYPE_SHUTDOWN,
                     ABI_XFS_HEALTH_SHUTDOWN_CORRUPT_INCORE, 0);
        assert_true(the_filesystem(s)->is_shut_down);
        assert_int_equal(s->n_repairs, 0);
}

static void mount_again(Setup *s) {
        unmount_and_mount(s);
        assert_non_null(find_sick(s, "agno 0x1 rmapbt"));
        assert_true(find_sick(s, "agno 0x1 rmapbt")->is_stale);
        run_until_requests(s, 2);
        assert_int_equal(s->n_repairs, 0);
        s->n_events = 0;
        answer(s, s->requests + 1, 0);
}

/* The kernel has forgotten it: repaired before somebody meets it again, what others depend on first. */
static void test_after_a_shutdown(void **state) {
        Setup *s = *state;

        shut_down(s);
        s->autofsck = AUTOFSCK_REPAIR;
        mount_again(s);
        assert_int_equal(s->n_repairs, 3);
        assert_int_equal(s->targets[0].structure, STRUCTURE_AG_RMAPBT);
        assert_int_equal(s->targets[1].structure, STRUCTURE_AG_INOBT);
        assert_int_equal(s->targets[1].group, 2);
        assert_int_equal(s->targets[2].structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 3);
        /* What was told before is not told again; that it is repaired is. */
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 0);
        assert_int_equal(count_events(s, EVENT_REPAIR_DONE, EVENT_SOURCE_HEALERD), 3);
}

/* Somebody has repaired it offline: nothing is healed, nothing is sick, nobody is alarmed, and no action is used up. */
static void test_repaired_meanwhile(void **state) {
        Setup *s = *state;

        load_policy(s, "version: 1\nlimits: {actions: 2 per 1h}\n"
                       "rules:\n  - id: heal\n    match: {event: sick}\n"
                       "    do: [notify, repair, {scrub: {repair: never}}]\n");
        shut_down(s);
        s->autofsck = AUTOFSCK_REPAIR;
        s->outcome = OUTCOME_NOT_NEEDED;
        mount_again(s);
        assert_int_equal(s->n_repairs, 3);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 0);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(count_events(s, EVENT_SICK, EVENT_SOURCE_SURVEY), 0);
}

/* The policy would not repair it: it stays known. */
static void test_not_allowed(void **state) {
        Setup *s = *state;

        shut_down(s);
        mount_again(s);
        assert_int_equal(s->n_repairs, 0);
        assert_true(find_sick(s, "agno 0x1 rmapbt")->is_stale);
        assert_int_equal(s->n_events, 0);
}

/* It cannot be repaired in this mount either: no more often than any other. */
static void test_still_not_repaired(void **state) {
        Setup *s = *state;

        load_policy(s, "version: 1\nrules:\n  - {id: heal, match: {event: sick}, do: [repair]}\n");
        shut_down(s);
        s->autofsck = AUTOFSCK_REPAIR;
        s->outcome = OUTCOME_STILL_CORRUPT;
        mount_again(s);
        assert_int_equal(s->n_repairs, 3);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_OFFLINE_REPAIR_REQUIRED, ""));
        assert_int_equal(s->engine->n_sequences, 0);
        assert_null(job_queue_next(engine_jobs(s->engine), NULL));
}

/* Each is tried after the one that it needs, though they are looked at one after the other. */
static void test_one_needs_another(void **state) {
        static const Structure expected[] = {
                STRUCTURE_AG_RMAPBT, STRUCTURE_AG_INOBT, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_FINOBT,
        };
        static const Outcome outcomes[] = { OUTCOME_STILL_CORRUPT, OUTCOME_DONE, OUTCOME_DONE, OUTCOME_DONE };
        Setup *s = *state;

        shut_down(s);
        s->autofsck = AUTOFSCK_REPAIR;
        s->are_repairs_slow = true;
        mount_again(s);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                print_message("%s\n", structure_to_name(expected[i]));
                assert_int_equal(s->n_repairs, i + 1);
                assert_int_equal(s->targets[i].structure, expected[i]);
                s->outcome = outcomes[i];
                answer_job(s, s->last_job_id);
                run_quiet(s);
        }
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(s->engine->n_sequences, 0);
}

/* What was put back is not finished: a healerd that comes after one that was killed decides it again. */
static void test_put_back_outlives_us(void **state) {
        Setup *s = *state;

        s->autofsck = AUTOFSCK_REPAIR;
        s->are_repairs_slow = true;
        attach_and_answer(s);
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_RMAPBT, 1);
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_INOBT, 1);
        assert_int_equal(record_ring_count(s->engine->ring), 2);
        s->outcome = OUTCOME_STILL_CORRUPT;
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(s->last_target.structure, STRUCTURE_AG_INOBT);
        assert_int_equal(record_ring_count(s->engine->ring), 2);

        s->outcome = OUTCOME_DONE;
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(s->last_target.structure, STRUCTURE_AG_RMAPBT);
        assert_int_equal(record_ring_count(s->engine->ring), 1);
        answer_job(s, s->last_job_id);
        run_quiet(s);
        assert_int_equal(record_ring_count(s->engine->ring), 0);
        assert_int_equal(s->n_repairs, 3);
}

static void tell_mount(Setup *s, WorkerMessageType type) {
        WorkerMessage message;

        worker_message_init(&message, type);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 4711;
        message.mount.is_whole = 1;
        strcpy(message.mount.mount_point, "/elsewhere");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
}

/* No mount of it could be opened: it is looked at when one comes. */
static void test_mount_comes_back(void **state) {
        static const Outcome unreached[] = { OUTCOME_CANNOT_REOPEN, OUTCOME_READ_ONLY, OUTCOME_WRONG_FILESYSTEM };
        Setup *s = *state;

        /* It is not tried again by itself. */
        load_policy(s, "version: 1\nrules:\n  - {id: heal, match: {event: sick}, do: [{repair: {retries: 0}}]}\n");
        s->autofsck = AUTOFSCK_REPAIR;
        attach_and_answer(s);
        for (unsigned i = 0; i < ELEMENTSOF(unreached); i++) {
                print_message("%s\n", outcome_to_name(unreached[i]));
                s->outcome = unreached[i];
                tell_sick(s, ABI_XFS_AG_GEOM_SICK_RMAPBT, i);
                assert_int_equal(s->n_repairs, 2 * i + 1);
                s->outcome = OUTCOME_DONE;
                tell_mount(s, WORKER_MOUNT_ADDED);
                assert_int_equal(s->n_repairs, 2 * i + 2);
                assert_int_equal(s->last_target.group, i);
                assert_int_equal(the_filesystem(s)->totals.n_healed, i + 1);
                tell_mount(s, WORKER_MOUNT_GONE);
        }
        /* Nothing is left to look at. */
        tell_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_repairs, 2 * ELEMENTSOF(unreached));
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

/* Each mount allows one look, and no more. */
static void test_mount_that_is_no_help(void **state) {
        Setup *s = *state;

        load_policy(s, "version: 1\nrules:\n  - {id: heal, match: {event: sick}, do: [{repair: {retries: 0}}]}\n");
        s->autofsck = AUTOFSCK_REPAIR;
        s->outcome = OUTCOME_CANNOT_REOPEN;
        attach_and_answer(s);
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_RMAPBT, 1);
        assert_int_equal(s->n_repairs, 1);
        tell_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_repairs, 2);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
}

static Watch *the_watch(Setup *s) {
        return engine_watch_find(s->engine, the_filesystem(s)->id);
}

/* Whether it may be repaired could not be found out: asked again after a while, and longer each time. */
static void test_unknown_is_asked_again(void **state) {
        Setup *s = *state;
        uint64_t first_usec;

        s->autofsck = AUTOFSCK_REPAIR;
        attach_and_answer(s);
        s->is_property_unknown = true;
        the_filesystem(s)->facts.autofsck_state = FACT_UNKNOWN;
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_RMAPBT, 1);
        assert_int_equal(s->n_repairs, 0);
        assert_true(the_watch(s)->look_due_usec > clock_monotonic_usec());
        first_usec = the_watch(s)->look_pause_usec;
        assert_int_equal(first_usec, USEC_PER_MINUTE);

        /* Still not: nothing is tried, and it is not asked over and over. */
        s->n_gathers = 0;
        the_watch(s)->look_due_usec = 0;
        tell_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_gathers, 1);
        assert_int_equal(s->n_repairs, 0);
        assert_true(the_watch(s)->look_due_usec > clock_monotonic_usec());

        s->is_property_unknown = false;
        tell_mount(s, WORKER_MOUNT_GONE);
        tell_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

/* Nothing tells when: the clock does. */
static void test_asked_again_by_the_clock(void **state) {
        Setup *s = *state;

        s->autofsck = AUTOFSCK_REPAIR;
        attach_and_answer(s);
        s->is_property_unknown = true;
        the_filesystem(s)->facts.autofsck_state = FACT_UNKNOWN;
        tell_sick(s, ABI_XFS_AG_GEOM_SICK_RMAPBT, 1);
        s->is_property_unknown = false;
        /* As if the pause were over. */
        the_watch(s)->look_due_usec = 1;
        assert_int_equal(sd_event_source_set_time(s->engine->looks_timer, 0), 0);
        while (s->n_repairs == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_null(s->engine->looks_timer);
}

/* Mounted read-only there is nothing to be done, and nothing to be told; it is done when it can be written to. */
static void test_mounted_read_only(void **state) {
        Setup *s = *state;

        shut_down(s);
        s->autofsck = AUTOFSCK_REPAIR;
        s->is_read_only = true;
        mount_again(s);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(s->n_events, 0);
        assert_true(the_watch(s)->look_due_usec > clock_monotonic_usec());

        s->is_read_only = false;
        tell_mount(s, WORKER_MOUNT_ADDED);
        assert_int_equal(s->n_repairs, 3);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, survey_setup, survey_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_after_a_shutdown),
                TEST(test_repaired_meanwhile),
                TEST(test_not_allowed),
                TEST(test_still_not_repaired),
                TEST(test_one_needs_another),
                TEST(test_put_back_outlives_us),
                TEST(test_mounted_read_only),
                TEST(test_mount_comes_back),
                TEST(test_mount_that_is_no_help),
                TEST(test_unknown_is_asked_again),
                TEST(test_asked_again_by_the_clock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
