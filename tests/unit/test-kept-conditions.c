/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions that outlive healerd, a mount and a boot.
 */
#include "tests/unit/kept-conditions-fixture.h"

static void test_kept_and_removed(void **state) {
        Setup *s = *state;

        load(s);
        tell(s, &first, true);
        assert_int_equal(s->n_stored, 0);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(s->n_stored, 1);
        assert_non_null(kept(s, UUID_A, SICK));
        assert_true(text_starts_with(kept(s, UUID_A, SICK), "1 error "));
        assert_true(text_ends_with(kept(s, UUID_A, SICK), " open\nthis structure is damaged"));
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(s->n_puts, 1);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_int_equal(s->n_stored, 0);
}

/* Killed and adopted: it is open, as if nothing had happened. Told in both orders. */
static void test_killed(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nmessage");
        for (unsigned i = 0; i < 2; i++) {
                kill_and_adopt(s);
                if (i == 0)
                        load(s);
                assert_int_equal(s->n_told_back, 0); /* nobody knows yet which one it is */
                tell(s, &first, false);
                if (i == 1)
                        load(s);
                condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
                assert_non_null(condition);
                assert_int_equal(condition->since_realtime_usec, 1000);
                assert_int_equal(condition->event_id, 42);
                assert_int_equal(condition->severity, SEVERITY_ERROR);
                assert_string_equal(condition->message, "message");
                assert_false(condition->is_stale);
                assert_int_equal(s->n_raised, 0);
                assert_int_equal(s->n_told_back, 1);
                assert_int_equal(s->n_back, 1);
                assert_int_equal(s->n_back_stale, 0);
                assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->first_bad_realtime_usec, 1000);
                assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 open\nmessage");
        }
        /* And clears as any other. */
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_null(condition_of(s, CONDITION_SICK, "agno 0x1 finobt"));
        assert_int_equal(s->n_stored, 0);
}

static void test_rebooted(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nthis structure is damaged");
        reboot(s);
        load(s);
        tell(s, &first, true);
        condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
        assert_non_null(condition);
        assert_true(condition->is_stale);
        assert_int_equal(s->n_back_stale, 1);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 stale\nthis structure is damaged");

        /* Stale it stays, also for a healerd that adopts this mount. */
        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        assert_true(condition_of(s, CONDITION_SICK, "agno 0x1 finobt")->is_stale);

        /* Seen again: open, and as old as it is. */
        take(s, DEVICE_NUMBER, EVENT_SICK);
        condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
        assert_false(condition->is_stale);
        assert_int_equal(condition->since_realtime_usec, 1000);
        assert_int_equal(s->n_raised, 1);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 open\nthis structure is damaged");
}

static void test_unmounted_and_mounted(void **state) {
        Setup *s = *state;
        const Told elsewhere = { DEVICE_NUMBER, UUID_A, "xfs", "/dev/loop9", false };

        load(s);
        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        take(s, DEVICE_NUMBER, EVENT_SHUTDOWN);
        assert_non_null(kept(s, UUID_A, "shut-down/"));
        unmount(s);
        assert_true(text_ends_with(kept(s, UUID_A, SICK), " stale\nthis structure is damaged"));
        assert_null(kept(s, UUID_A, "shut-down/")); /* that was true of the mount alone */
        assert_int_equal(s->n_stored, 1);

        tell(s, &elsewhere, true);
        assert_true(condition_of(s, CONDITION_SICK, "agno 0x1 finobt")->is_stale);
        assert_null(condition_of(s, CONDITION_SHUT_DOWN, ""));
        assert_false(filesystem_of(s, DEVICE_NUMBER)->is_shut_down);
        assert_int_equal(s->n_back, 1);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_int_equal(s->n_stored, 0);
        unmount(s);
        tell(s, &elsewhere, true);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 0);
}

static void test_shut_down_while_healerd_is_killed(void **state) {
        Setup *s = *state;

        put_row(s, UUID_A, "shut-down/", "1 critical 1000 42 open\nmessage");
        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        assert_false(condition_of(s, CONDITION_SHUT_DOWN, "")->is_stale);
        assert_true(filesystem_of(s, DEVICE_NUMBER)->is_shut_down);

        reboot(s);
        load(s);
        tell(s, &first, true);
        assert_null(condition_of(s, CONDITION_SHUT_DOWN, ""));
        assert_false(filesystem_of(s, DEVICE_NUMBER)->is_shut_down);
        assert_int_equal(s->n_stored, 0);
}

/* Raised, and cleared, before anybody has told what was kept. */
static void test_before_it_was_loaded(void **state) {
        Setup *s = *state;
        const char old[] = "1 error 1000 42 open\nolder message";
        const HealthCondition *condition;

        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_SICK);
        assert_int_equal(s->n_puts, 0);
        assert_int_equal(engine_adopt_state(s->engine, CONDITION_KEY_PREFIX UUID_A "/" SICK, old, strlen(old)), 0);
        engine_state_loaded(s->engine);
        condition = condition_of(s, CONDITION_SICK, "agno 0x1 finobt");
        assert_int_equal(condition->since_realtime_usec, 1000);
        assert_int_equal(condition->event_id, 42);
        assert_string_equal(condition->message, "this structure is damaged");
        assert_false(condition->is_stale);
        assert_string_equal(kept(s, UUID_A, SICK), "1 error 1000 42 open\nthis structure is damaged");

        /* The keeper is told of what is well, also if we do not know that it was not. */
        reboot(s);
        s->n_removes = 0;
        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_true(s->n_removes > 0);
        assert_null(kept(s, UUID_A, SICK));

        /* Raised and unmounted before. */
        take(s, DEVICE_NUMBER, EVENT_SICK);
        unmount(s);
        assert_int_equal(s->n_stored, 0);
        engine_state_loaded(s->engine);
        assert_true(text_ends_with(kept(s, UUID_A, SICK), " stale\nthis structure is damaged"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_kept_and_removed),
                TEST(test_killed),
                TEST(test_rebooted),
                TEST(test_unmounted_and_mounted),
                TEST(test_shut_down_while_healerd_is_killed),
                TEST(test_before_it_was_loaded),
        };

        return cmocka_run_group_tests_name("kept-conditions", tests, NULL, NULL);
}
