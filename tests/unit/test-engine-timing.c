/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that count, rest and escalate, with a worker that does what they decide: what the policy's memory is told of
 * steps and results. What rules make of it stands in tests/policy/cases.
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

static void load_rules(Setup *s, const char *rules) {
        char text[1024];

        (void) snprintf(text, sizeof(text), "version: 1\nbaseline: off\n%s", rules);
        write_policy(s, text);
        assert_int_equal(engine_reload_policy(s->engine), 0);
}

static const HealthCondition *exhausted(Setup *s) {
        return condition_find(&the_filesystem(s)->conditions, CONDITION_EXHAUSTED, "agno 0x0 finobt");
}

#define WINDOW_RULES                                                                                    \
        "rules: [{id: night, match: {event: sick}, do: [notify, {scrub: {in: w}}]}]\n"

static void take_event_of(Setup *s, EventKind kind, Structure structure) {
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = kind,
                .domain = structure_domain(structure),
                .structure = structure,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
}

static void tell_unmounted(Setup *s) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_MOUNT_GONE);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);
}

static void test_counts(void **state) {
        Setup *s = *state;

        load_rules(s, "rules: [{id: often, match: {event: sick}, when: {count: 2, within: 1d}, do: [repair]}]\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        /* What went out with a question before it was decided on was not counted for it. */
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
}

/* It rests from the end of its last step, and while a step is done. */
static void test_rests(void **state) {
        Setup *s = *state;

        load_rules(s, "rules:\n"
                      "  - {id: once, match: {event: sick}, cooldown: 1d, do: [{scrub: {repair: never}}, notify]}\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_string_equal(s->suppressed_by, "cooldown: its actions are not done yet");
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->n_notices, 1);
        assert_string_equal(s->suppressed_by, "cooldown: 1d left");
        assert_int_equal(s->n_refused, 0);
}

static const char escalating[] = "rules:\n"
                                 "  - {id: heal, match: {event: sick}, again: 1d,\n"
                                 "     escalate: [repair, {scrub: {repair: if-allowed}}, notify]}\n";

static void test_first_step_helps(void **state) {
        Setup *s = *state;

        load_rules(s, escalating);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(s->n_notices, 0);
        assert_null(exhausted(s));

        /* Back so soon, it was no help. */
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->n_notices, 0);
        assert_int_equal(s->engine->n_sequences, 0);
}

static void test_all_steps_fail(void **state) {
        Setup *s = *state;

        s->outcome = OUTCOME_STILL_CORRUPT;
        s->scrub_outcome = OUTCOME_STILL_CORRUPT;
        load_rules(s, escalating);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 1);
        /* Beside the last step's the two failures are told. */
        assert_int_equal(s->n_notices, 3);
        assert_non_null(exhausted(s));
        assert_int_equal(s->engine->n_sequences, 0);
}

static void test_stuck_goes_past_the_file_system(void **state) {
        Setup *s = *state;

        s->outcome = OUTCOME_STUCK;
        load_rules(s, escalating);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(s->n_notices, 2);
}

/* Forbidden is refused, and a refused step is followed by the next one. */
static void test_refused_goes_on(void **state) {
        Setup *s = *state;

        s->autofsck = AUTOFSCK_CHECK;
        load_rules(s, escalating);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(s->n_refused, 1);
        assert_int_equal(s->n_scrubs, 1);
}

/* Joined jobs are one action; what is refused by a limit is told as refused. */
static void test_limits(void **state) {
        Setup *s = *state;

        load_rules(s, "limits: {actions: 2 per 1d}\nrules: [{id: heal, match: {event: sick}, do: [repair]}]\n");
        s->is_gather_silent = false;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->n_refused, 0);
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(s->n_refused, 1);
        assert_string_equal(s->refused_why, "limits: actions: 2 per 1d, 1d left");
}

static bool is_repaired(Setup *s) {
        return s->n_repairs > 0;
}

static bool is_scanned(Setup *s) {
        return s->n_scrubs > 0;
}

/* The next rule has it meanwhile; nothing is told twice. */
static void test_lasts(void **state) {
        Setup *s = *state;

        load_rules(s, "rules:\n"
                      "  - {id: lasts, match: {event: sick}, for: 1s, do: [repair]}\n"
                      "  - {id: meanwhile, match: {event: sick}, do: [notify]}\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->n_events, 1);
        run_until(s, is_repaired);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_notices, 1);
        /* The other one is the result. */
        assert_int_equal(s->n_events, 2);
        assert_int_equal(s->kinds[1], EVENT_REPAIR_DONE);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
}

static bool was_dropped(Setup *s) {
        return s->suppressed_by[0] != '\0';
}

/* Whatever the kernel did not tell: it is asked. */
static void test_looked_at_again(void **state) {
        static const struct {
                Tristate is_sick;
                const char *why;
        } cases[] = {
                { TRISTATE_NO, "for: it is healthy again" },
                { TRISTATE_UNKNOWN, "for: whether it is still sick cannot be told" },
        };
        Setup *s = *state;

        load_rules(s, "rules: [{id: lasts, match: {event: sick}, for: 1s, do: [repair]}]\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                s->is_sick = cases[i].is_sick;
                s->suppressed_by[0] = '\0';
                take_sick(s, STRUCTURE_AG_FINOBT, 0);
                run_quiet(s);
                run_until(s, was_dropped);
                run_quiet(s);
                assert_string_equal(s->suppressed_by, cases[i].why);
                assert_int_equal(s->n_repairs, 0);
                assert_int_equal(deferred_table_count(s->engine->deferred), 0);
        }
}

static void test_does_not_last(void **state) {
        Setup *s = *state;

        load_rules(s, "rules: [{id: lasts, match: {event: sick}, for: 1d, do: [repair]}]\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(deferred_table_count(s->engine->deferred), 2);
        take_event_of(s, EVENT_HEALTHY, STRUCTURE_AG_FINOBT);
        run_quiet(s);
        assert_int_equal(deferred_table_count(s->engine->deferred), 1);
        assert_string_equal(s->suppressed_by, "for: it is healthy again");
        tell_unmounted(s);
        run_quiet(s);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
        assert_string_equal(s->suppressed_by, "for: it was unmounted");
        assert_int_equal(s->n_repairs, 0);
}

static void test_gathers(void **state) {
        Setup *s = *state;

        load_rules(s, "rules: [{id: all, match: {event: sick}, gather: {quiet: 1s, max: 1min}, do: [scrub]}]\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(deferred_table_count(s->engine->deferred), 1);
        run_until(s, is_scanned);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
}

static bool has_started_unit(Setup *s) {
        return s->n_units > 0;
}

/* One unit, and all that was gathered is given to it; the same thing again is there once. */
static void test_gathers_for_a_unit(void **state) {
        Setup *s = *state;

        load_rules(s, "rules:\n"
                      "  - id: restore\n"
                      "    match: {event: sick}\n"
                      "    gather: {quiet: 1s, max: 1min}\n"
                      "    do: [{start-unit: {unit: 'restore@.service'}}]\n");
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 132);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, has_started_unit);
        run_quiet(s);
        assert_int_equal(s->n_units, 1);
        assert_non_null(strstr(s->unit_message, "\"count\":3,"));
        assert_non_null(strstr(s->unit_message, "\"structure\":\"finobt\""));
        assert_int_equal(s->unit_paths_size, sizeof("/srv/dir/file") + sizeof("/srv/dir/other"));
        assert_string_equal(s->unit_paths, "/srv/dir/file");
        assert_string_equal(s->unit_paths + sizeof("/srv/dir/file"), "/srv/dir/other");
        assert_int_equal(s->engine->n_sequences, 0);
}

/* What has no time to come is not waited for. */
static void test_gathered_at_unmount(void **state) {
        Setup *s = *state;

        load_rules(s, "rules: [{id: all, match: {event: sick}, gather: {quiet: 1d, max: 1d}, do: [notify]}]\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_notices, 0);
        tell_unmounted(s);
        run_quiet(s);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
}

static bool has_expired(Setup *s) {
        return condition_find(&the_filesystem(s)->conditions, CONDITION_ACTION_EXPIRED, "night") != NULL;
}

/* A window that is closed now, whenever this test runs, and one that is open. */
static void test_window(void **state) {
        Setup *s = *state;
        WallTime now;

        zone_wall_time(NULL, (int64_t) (clock_realtime_usec() / USEC_PER_SEC), &now);
        load_rules(s, now.hour < 12 ? "windows: {w: '18:00..19:00', all: '00:00..24:00'}\n" WINDOW_RULES
                                    : "windows: {w: '06:00..07:00', all: '00:00..24:00'}\n" WINDOW_RULES);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(s->n_notices, 2);
        assert_int_equal(deferred_table_count(s->engine->deferred), 1);

        /* The policy says now that it is open: that is looked up with the clock. */
        load_rules(s, "windows: {w: '00:00..24:00', all: '00:00..24:00'}\n" WINDOW_RULES);
        engine_deferred_on_clock(s->engine);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->n_notices, 2);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
}

/* What waits for a window of this machine's clock is looked for again when the clock is another. */
static void test_window_in_another_zone(void **state) {
        static const char east[] = "Etc/GMT-5";
        _cleanup_(zone_free_at) Zone *zone = NULL;
        char rules[256];
        Setup *s = *state;
        WallTime now;

        if (zone_new_named(east, &zone) < 0) {
                print_message("no zone files: tzdata is not installed\n");
                skip();
        }
        /* Open for two hours more, and closed in UTC, five hours behind. */
        zone_wall_time(zone, (int64_t) (clock_realtime_usec() / USEC_PER_SEC), &now);
        (void) snprintf(rules, sizeof(rules), "windows: {w: '%02d:00..%02d:00'}\n" WINDOW_RULES, (now.hour + 23) % 24,
                        (now.hour + 2) % 24);
        load_rules(s, rules);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(deferred_table_count(s->engine->deferred), 1);

        fake_worker_say_zone(&s->worker, east, east, FAKE_WORKER_ALL_SEALS);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
}

static void test_window_expires(void **state) {
        Setup *s = *state;
        Deferred *waiting;
        WallTime now;

        zone_wall_time(NULL, (int64_t) (clock_realtime_usec() / USEC_PER_SEC), &now);
        load_rules(s, now.hour < 12 ? "windows: {w: '18:00..19:00', all: '00:00..24:00'}\n" WINDOW_RULES
                                    : "windows: {w: '06:00..07:00', all: '00:00..24:00'}\n" WINDOW_RULES);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        waiting = deferred_table_next(s->engine->deferred, NULL);
        assert_non_null(waiting);
        assert_false(has_expired(s));
        waiting->last_usec = (int64_t) clock_boottime_usec();
        engine_deferred_run(s->engine);
        run_quiet(s);
        assert_true(has_expired(s));
        assert_int_equal(s->n_scrubs, 0);
        assert_int_equal(deferred_table_count(s->engine->deferred), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_counts, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_rests, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_first_step_helps, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_all_steps_fail, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_stuck_goes_past_the_file_system,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_refused_goes_on, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_limits, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_lasts, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_looked_at_again, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_does_not_last, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_gathers, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_gathers_for_a_unit, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_gathered_at_unmount, engine_fixture_setup,
                                                engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_window, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_window_in_another_zone,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_window_expires, engine_fixture_setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
