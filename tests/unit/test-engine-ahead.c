/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs that begin while their facts are asked for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "tests/unit/engine-fixture.h"

/* The second time the answer is known from the first: the order goes out with the question. */
static void test_repairs_while_it_asks(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_false(s->last_repair.expects_autofsck);

        s->n_taken = 0;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 2);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->last_repair.target.structure, STRUCTURE_AG_BNOBT);
        assert_true(s->last_repair.expects_autofsck);
        assert_int_equal(s->last_repair.autofsck, AUTOFSCK_REPAIR);
        assert_int_equal(s->kinds[2], EVENT_SICK);
        assert_int_equal(s->kinds[3], EVENT_REPAIR_DONE);
        assert_int_equal(s->last_repair.event_id, s->causes[3]);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);

        /* Forbidden meanwhile: the worker finds that out by itself, and of its order nobody hears. */
        s->autofsck = AUTOFSCK_NONE;
        s->n_decisions = 0;
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 3);
        assert_true(s->last_repair.expects_autofsck);
        assert_int_equal(s->n_decisions, 1);
        assert_int_equal(s->n_taken, 2);
        assert_int_equal(s->kinds[s->n_events - 1], EVENT_SICK);
        assert_int_equal(the_filesystem(s)->totals.n_refused, 0);
        assert_null(job_queue_next(engine_jobs(s->engine), NULL));

        /* And then no order goes out. */
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 3);
}

/* What hangs on a fact that is still to come waits for it, and rules see the path below the mount point. */
static void test_waits_for_the_path(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        write_policy(s, "version: 1\n"
                        "baseline: off\n"
                        "rules:\n"
                        "  - id: some\n"
                        "    match: {file: {path: {under: /srv/dir}}}\n"
                        "    do: [repair]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        s->n_taken = 0;
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_false(s->last_repair.expects_autofsck);

        /* Where there is no file, nothing is waited for. */
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);

        write_policy(s, "version: 1\n"
                        "baseline: off\n"
                        "rules:\n"
                        "  - id: others\n"
                        "    match: {file: {path: {under: /dir}}}\n"
                        "    do: [repair]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 132);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
}

/* Without an answer nothing is permitted: what was ordered with the question is taken back, but the worker has looked.
 */
static void test_order_without_an_answer(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        while (s->n_events < 4)
                assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_true(s->last_repair.expects_autofsck);
        assert_int_equal(s->kinds[2], EVENT_SICK);
        assert_int_equal(s->kinds[3], EVENT_REPAIR_DONE);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);
}

/* Since the kernel saw it, not since we heard of it; what nobody knows the beginning of is not counted. */
static void test_time_to_heal(void **state) {
        HealthEvent event = {
                .kind = EVENT_SICK, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_BNOBT, .count = 1,
                .time_realtime_nsec = (clock_realtime_usec() - 3 * USEC_PER_SEC) * NSEC_PER_USEC,
        };
        Setup *s = *state;
        const HealTimes *times = &the_filesystem(s)->totals.heal_times;

        event.filesystem_id = the_filesystem(s)->id;
        engine_take_event(s->engine, &event);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 1);
        assert_int_equal(times->n, 1);
        assert_true(times->last_usec >= 3 * USEC_PER_SEC);
        assert_int_equal(times->max_usec, times->last_usec);
        assert_int_equal(times->total_usec, times->last_usec);
        assert_int_equal(engine_totals(s->engine)->heal_times.n, 1);
        event.structure = STRUCTURE_AG_FINOBT;
        event.time_realtime_nsec = 0;
        engine_take_event(s->engine, &event);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 2);
        assert_int_equal(times->n, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_repairs_while_it_asks,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_time_to_heal, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_waits_for_the_path, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_order_without_an_answer,
                                                engine_fixture_setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
