/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The property autofsck at a person's word: what goes to the worker, what is taken of its answer, and the end of a
 * question that nobody answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/engine/engine-autofsck.h"
#include "tests/unit/engine-fixture.h"

static struct {
        unsigned n_asked, n_done;
        WorkerAutofsckRequest last;
        int error_said, error_told;
        Autofsck value;
        bool is_silent;
} test;

static bool on_message(Setup *s, const WorkerMessage *message, _unused_ int fd) {
        WorkerMessage answer;

        if (message->header.type != WORKER_SET_AUTOFSCK)
                return false;
        test.n_asked++;
        test.last = message->set_autofsck;
        if (test.is_silent)
                return true;
        worker_message_init(&answer, WORKER_AUTOFSCK);
        answer.autofsck_set.request_id = test.last.request_id;
        answer.autofsck_set.device_number = test.last.device_number;
        answer.autofsck_set.error = test.error_said;
        answer.autofsck_set.autofsck_state = test.error_said ? FACT_UNKNOWN : FACT_KNOWN;
        answer.autofsck_set.autofsck = test.last.is_set ? test.last.autofsck : AUTOFSCK_OPTIMIZE;
        fake_worker_say(&s->worker, &answer, -EBADF);
        return true;
}

static int setup(void **state) {
        int r = engine_fixture_setup(state);

        if (r >= 0)
                ((Setup *) *state)->on_message = on_message;
        memset(&test, 0, sizeof(test));
        return r;
}

static void on_done(_unused_ void *userdata, int error, Autofsck value) {
        test.n_done++;
        test.error_told = error;
        test.value = value;
}

static int order(Setup *s, bool is_set, Autofsck value) {
        int r = engine_autofsck(s->engine, &(AutofsckOrder) {
                .filesystem = the_filesystem(s),
                .is_set = is_set,
                .value = value,
                .reason = "why\nnot",
        }, on_done, NULL);

        if (r >= 0)
                run_quiet(s);
        return r;
}

static void test_set(void **state) {
        Setup *s = *state;

        assert_int_equal(order(s, true, AUTOFSCK_NONE), 0);
        assert_int_equal(test.n_done, 1);
        assert_int_equal(test.error_told, 0);
        assert_int_equal(test.last.device_number, DEVICE_NUMBER);
        assert_int_equal(test.last.autofsck, AUTOFSCK_NONE);
        assert_int_equal(the_filesystem(s)->facts.autofsck, AUTOFSCK_NONE);
        /* Always carried out, however often. */
        assert_int_equal(order(s, true, AUTOFSCK_UNSET), 0);
        assert_int_equal(test.n_asked, 2);
        assert_int_equal(the_filesystem(s)->facts.autofsck, AUTOFSCK_UNSET);
}

/* Somebody else changed it: seen when somebody asks, and not more often than once a second. */
static void test_get(void **state) {
        Setup *s = *state;

        assert_int_equal(order(s, false, AUTOFSCK_NONE), 0);
        assert_int_equal(test.last.is_set, 0);
        assert_int_equal(test.value, AUTOFSCK_OPTIMIZE);
        assert_int_equal(the_filesystem(s)->facts.autofsck, AUTOFSCK_OPTIMIZE);
        the_filesystem(s)->autofsck_read_monotonic_usec = clock_monotonic_usec();
        assert_int_equal(order(s, false, AUTOFSCK_NONE), 0);
        assert_int_equal(test.n_asked, 1);
        assert_int_equal(test.n_done, 2);
        the_filesystem(s)->autofsck_read_monotonic_usec = 1;
        assert_int_equal(order(s, false, AUTOFSCK_NONE), 0);
        assert_int_equal(test.n_asked, 2);
}

static void test_failures(void **state) {
        Setup *s = *state;
        Autofsck before = the_filesystem(s)->facts.autofsck;

        test.error_said = EROFS;
        assert_int_equal(order(s, true, AUTOFSCK_NONE), 0);
        assert_int_equal(test.error_told, EROFS);
        assert_int_equal(the_filesystem(s)->facts.autofsck, before);
        the_filesystem(s)->is_shut_down = true;
        assert_int_equal(order(s, true, AUTOFSCK_NONE), -ESHUTDOWN);
        the_filesystem(s)->is_shut_down = false;
        free(the_filesystem(s)->facts.type);
        the_filesystem(s)->facts.type = strdup("ext4");
        assert_int_equal(order(s, true, AUTOFSCK_NONE), -EOPNOTSUPP);
}

static void test_no_answer(void **state) {
        Setup *s = *state;

        test.is_silent = true;
        for (unsigned i = 0; i < ENGINE_AUTOFSCK_QUESTIONS_MAX; i++)
                assert_int_equal(order(s, true, AUTOFSCK_NONE), 0);
        assert_int_equal(order(s, true, AUTOFSCK_NONE), -ENOBUFS);
        assert_int_equal(test.n_done, 0);
        engine_autofsck_end_all(s->engine, ENOTCONN);
        assert_int_equal(test.n_done, ENGINE_AUTOFSCK_QUESTIONS_MAX);
        assert_int_equal(test.error_told, ENOTCONN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_set, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_get, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_failures, setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_no_answer, setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests_name("engine-autofsck", tests, NULL, NULL);
}
