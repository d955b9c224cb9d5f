/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that are kept from being started: told by the worker, lifted when nothing is wrong any more or by name.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "tests/unit/fail-fixture.h"

static bool is_told(_unused_ Setup *s) {
        return fixture.n_holds_told > 0;
}

static void say_hold(Setup *s, const char *unit, uint64_t until_usec, bool is_over) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_HOLD);
        message.hold.until_boottime_usec = until_usec;
        message.hold.is_over = is_over;
        message.hold.has_uuid = 1;
        memcpy(message.hold.uuid, the_filesystem(s)->facts.uuid, UUID_SIZE);
        strcpy(message.hold.unit, unit);
        strcpy(message.hold.rule_id, "db");
        fixture.n_holds_told = 0;
        fake_worker_say(&s->worker, &message, -EBADF);
        run_until(s, is_told);
}

static unsigned n_holds(Setup *s) {
        unsigned n = 0;

        for (const WorkerHold *hold = NULL; (hold = engine_hold_next(s->engine, hold));)
                n++;
        return n;
}

static void raise_condition(Setup *s, ConditionCode code) {
        engine_raise(s->engine, the_filesystem(s), code, SEVERITY_ERROR, "", "wrong", 0);
}

static bool is_lifted(_unused_ Setup *s) {
        return fixture.n_unholds > 0;
}

static void test_until_clear(void **state) {
        Setup *s = *state;

        engine_state_loaded(s->engine);
        raise_condition(s, CONDITION_IO_ERROR);
        raise_condition(s, CONDITION_DATA_LOST);
        raise_condition(s, CONDITION_WORKLOADS_FAILED);
        raise_condition(s, CONDITION_NOT_WATCHED);
        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);
        say_hold(s, "for-a-while.service", 1000, false);
        assert_int_equal(n_holds(s), 2);

        engine_drop(s->engine, the_filesystem(s), CONDITION_IO_ERROR, "");
        run_quiet(s);
        assert_int_equal(fixture.n_unholds, 0);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_WORKLOADS_FAILED, ""));

        engine_drop(s->engine, the_filesystem(s), CONDITION_DATA_LOST, "");
        run_until(s, is_lifted);
        run_quiet(s);
        assert_int_equal(fixture.n_unholds, 1);
        assert_string_equal(fixture.last_unhold.unit, "db.service");
        assert_null(condition_find(&the_filesystem(s)->conditions, CONDITION_WORKLOADS_FAILED, ""));

        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, true);
        assert_int_equal(n_holds(s), 1);
        assert_string_equal(engine_hold_next(s->engine, NULL)->unit, "for-a-while.service");
}

static void test_shut_down_is_not_clear(void **state) {
        Setup *s = *state;

        engine_state_loaded(s->engine);
        raise_condition(s, CONDITION_IO_ERROR);
        the_filesystem(s)->is_shut_down = true;
        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);
        engine_drop(s->engine, the_filesystem(s), CONDITION_IO_ERROR, "");
        run_quiet(s);
        assert_int_equal(fixture.n_unholds, 0);
}

/* A healerd that comes later does not know what was wrong before it has heard what was kept. */
static void test_of_earlier_days(void **state) {
        Setup *s = *state;

        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);
        run_quiet(s);
        assert_int_equal(fixture.n_unholds, 0);
        engine_state_loaded(s->engine);
        run_until(s, is_lifted);
        assert_int_equal(fixture.n_unholds, 1);
}

static void test_other_filesystem(void **state) {
        Setup *s = *state;

        engine_state_loaded(s->engine);
        raise_condition(s, CONDITION_IO_ERROR);
        the_filesystem(s)->facts.uuid[0] ^= 1;
        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);
        the_filesystem(s)->facts.uuid[0] ^= 1;
        engine_drop(s->engine, the_filesystem(s), CONDITION_IO_ERROR, "");
        run_quiet(s);
        assert_int_equal(fixture.n_unholds, 0);
}

static void test_by_name(void **state) {
        Setup *s = *state;

        raise_condition(s, CONDITION_IO_ERROR);
        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);
        assert_int_equal(engine_unhold(s->engine, "other.service"), -ENOENT);
        assert_int_equal(engine_unhold(s->engine, "db.service"), 0);
        run_until(s, is_lifted);
        assert_string_equal(fixture.last_unhold.unit, "db.service");
        /* It is held until the worker says that it is not. */
        assert_int_equal(n_holds(s), 1);

        fake_worker_done(&s->worker);
        while (engine_worker_is_connected(s->engine))
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        assert_int_equal(engine_unhold(s->engine, "db.service"), -ENOTCONN);
}

static void test_limit(void **state) {
        Setup *s = *state;
        char unit[32];

        for (unsigned i = 0; i < ENGINE_HOLDS_MAX + 1; i++) {
                WorkerHold hold = { .until_boottime_usec = 1000 };

                (void) snprintf(unit, sizeof(unit), "u%u.service", i);
                strcpy(hold.unit, unit);
                engine_on_hold(s->engine, &hold);
        }
        assert_int_equal(n_holds(s), ENGINE_HOLDS_MAX);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fail_fixture_setup, fail_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_until_clear),
                test(test_shut_down_is_not_clear),
                test(test_of_earlier_days),
                test(test_other_filesystem),
                test(test_by_name),
                test(test_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
