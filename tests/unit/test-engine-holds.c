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

typedef struct Heard {
        unsigned n_acknowledged, n_cleared;
        bool is_in_order;               /* each is acknowledged, and cleared next */
        char reason[32], message[32], target[CONDITION_TARGET_SIZE];
        uint32_t caller_uid;
} Heard;

static void on_acknowledged(void *userdata, const HealthCondition *condition, const Acknowledgement *acknowledgement,
                            _unused_ const Filesystem *filesystem) {
        Heard *heard = userdata;

        heard->is_in_order = heard->is_in_order && heard->n_acknowledged == heard->n_cleared;
        heard->n_acknowledged++;
        heard->caller_uid = acknowledgement->caller_uid;
        assert_int_equal(condition->code, acknowledgement->code);
        assert_int_equal(text_copy(heard->target, sizeof(heard->target), condition->target), 0);
        assert_int_equal(text_copy(heard->reason, sizeof(heard->reason), acknowledgement->reason), 0);
        assert_int_equal(text_copy(heard->message, sizeof(heard->message), condition->message), 0);
}

static void on_condition(void *userdata, _unused_ const HealthCondition *condition, bool is_raised,
                         _unused_ const Filesystem *filesystem) {
        Heard *heard = userdata;

        if (!is_raised)
                heard->n_cleared++;
}

static int acknowledge(Setup *s, ConditionCode code, const char *target, bool is_all) {
        return engine_acknowledge(s->engine, the_filesystem(s), &(Acknowledgement) {
                .code = code, .target = target, .is_all = is_all, .reason = "restored", .caller_uid = 1000,
        });
}

/* Nothing but a person ends an error of the device, and with it what waits for its end. */
static void test_acknowledged(void **state) {
        Setup *s = *state;
        Heard heard = { .is_in_order = true };

        assert_int_equal(engine_add_observer(s->engine, &(EngineObserver) {
                .on_acknowledged = on_acknowledged, .on_condition = on_condition, .userdata = &heard,
        }), 0);
        engine_state_loaded(s->engine);
        raise_condition(s, CONDITION_IO_ERROR);
        raise_condition(s, CONDITION_WORKLOADS_FAILED);
        for (unsigned inode = 131; inode < 134; inode++) {
                char target[32];

                (void) snprintf(target, sizeof(target), "ino %u gen 0x5", inode);
                engine_raise(s->engine, the_filesystem(s), CONDITION_DATA_LOST, SEVERITY_CRITICAL, target, "lost", 7);
        }
        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);

        /* A target is meant exactly. */
        assert_int_equal(acknowledge(s, CONDITION_DATA_LOST, "", false), -ENOMSG);
        assert_int_equal(acknowledge(s, CONDITION_DATA_LOST, "ino 13", false), -ENOMSG);
        assert_int_equal(acknowledge(s, CONDITION_MEDIA_ERROR, "", true), -ENOMSG);
        assert_int_equal(heard.n_acknowledged, 0);

        assert_int_equal(acknowledge(s, CONDITION_DATA_LOST, "ino 132 gen 0x5", false), 1);
        assert_string_equal(heard.target, "ino 132 gen 0x5");
        assert_string_equal(heard.message, "lost");
        assert_string_equal(heard.reason, "restored");
        assert_int_equal(heard.caller_uid, 1000);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_DATA_LOST, "ino 133 gen 0x5"));
        assert_int_equal(acknowledge(s, CONDITION_DATA_LOST, "", true), 2);
        run_quiet(s);
        assert_int_equal(fixture.n_unholds, 0);
        assert_true(heard.is_in_order);
        assert_int_equal(heard.n_cleared, 3);

        assert_int_equal(acknowledge(s, CONDITION_IO_ERROR, "", false), 1);
        run_until(s, is_lifted);
        assert_string_equal(fixture.last_unhold.unit, "db.service");
        /* That ended with the last of the others, and nobody acknowledged it. */
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_int_equal(heard.n_acknowledged, 4);
        assert_int_equal(heard.n_cleared, 5);
}

/* Words do not mend what is broken. */
static void test_not_acknowledged(void **state) {
        Setup *s = *state;

        engine_state_loaded(s->engine);
        raise_condition(s, CONDITION_SICK);
        say_hold(s, "db.service", WORKLOAD_HOLD_UNTIL_CLEAR, false);
        assert_int_equal(acknowledge(s, CONDITION_SICK, "", false), -EACCES);
        assert_int_equal(acknowledge(s, CONDITION_SICK, "", true), -EACCES);
        run_quiet(s);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SICK, ""));
        assert_int_equal(fixture.n_unholds, 0);
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
                test(test_acknowledged),
                test(test_not_acknowledged),
                test(test_shut_down_is_not_clear),
                test(test_of_earlier_days),
                test(test_other_filesystem),
                test(test_by_name),
                test(test_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
