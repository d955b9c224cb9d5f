/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions that rules raise: under which name, about what, and what clears them. What is kept of them stands in
 * test-kept-conditions.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/engine-fixture.h"

#define FINOBT "agno 0x0 finobt"
#define BNOBT "agno 0x0 bnobt"

static unsigned n_raised, n_cleared;

static void on_condition(void *userdata, const HealthCondition *condition, bool is_raised,
                         const Filesystem *filesystem) {
        (void) userdata;
        (void) filesystem;
        if (condition->code == CONDITION_RULE) {
                n_raised += is_raised;
                n_cleared += !is_raised;
        }
}

static void listen_too(Setup *s) {
        const EngineObserver observer = { .on_condition = on_condition };

        n_raised = n_cleared = 0;
        assert_int_equal(engine_add_observer(s->engine, &observer), 0);
}

static int setup(void **state) {
        return engine_fixture_setup_with(state, listen_too);
}

static void load_rules(Setup *s, const char *rules) {
        char text[1024];

        (void) snprintf(text, sizeof(text), "version: 1\nbaseline: off\nrules:\n%s", rules);
        write_policy(s, text);
        assert_int_equal(engine_reload_policy(s->engine), 0);
}

static void take(Setup *s, EventKind kind, Structure structure) {
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = kind,
                .domain = structure == STRUCTURE_NONE ? DOMAIN_FILERANGE : structure_domain(structure),
                .structure = structure,
                .inode = structure == STRUCTURE_NONE ? 131 : 0,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
        run_quiet(s);
}

static void scan(Setup *s) {
        const CallerOrder order = { .action = ACTION_SCRUB, .filesystem = the_filesystem(s) };
        char *denied = NULL;
        Job *job;

        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
}

static const HealthCondition *raised(Setup *s, const char *target) {
        return condition_find(&the_filesystem(s)->conditions, CONDITION_RULE, target);
}

static void test_says_what_the_rule_says(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        load_rules(s, "  - id: Rule.1\n"
                      "    match: {event: [sick, data-lost]}\n"
                      "    do: [condition, {condition: {name: mine, severity: alert, message: look at it}}]\n");
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        condition = raised(s, "mine " FINOBT);
        assert_non_null(condition);
        assert_int_equal(condition->severity, SEVERITY_ALERT);
        assert_string_equal(condition->message, "look at it");
        assert_true(condition->event_id != 0);
        condition = raised(s, "Rule.1 " FINOBT);
        assert_non_null(condition);
        assert_int_equal(condition->severity, SEVERITY_ERROR);
        assert_string_equal(condition->message, "rule Rule.1 raised it, the event was sick");

        /* What is about no structure is about the file system, and the name alone tells it apart. */
        take(s, EVENT_DATA_LOST, STRUCTURE_NONE);
        assert_int_equal(raised(s, "Rule.1")->severity, SEVERITY_CRITICAL);
        assert_non_null(raised(s, "mine"));
        assert_int_equal(n_raised, 4);

        /* Once, however often it happens. */
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        take(s, EVENT_DATA_LOST, STRUCTURE_NONE);
        assert_int_equal(n_raised, 4);
        assert_int_equal(s->n_refused, 0);
}

static void test_healthy_clears(void **state) {
        Setup *s = *state;

        load_rules(s, "  - id: a\n"
                      "    match: {event: [sick, data-lost]}\n"
                      "    do: [{condition: {name: one}}, {condition: {name: two}}]\n");
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        take(s, EVENT_SICK, STRUCTURE_AG_BNOBT);
        take(s, EVENT_DATA_LOST, STRUCTURE_NONE);
        assert_int_equal(n_raised, 6);
        take(s, EVENT_HEALTHY, STRUCTURE_AG_FINOBT);
        assert_int_equal(n_cleared, 2);
        assert_null(raised(s, "one " FINOBT));
        assert_null(raised(s, "two " FINOBT));
        assert_non_null(raised(s, "one " BNOBT));

        /* A full scan is about everything, unless it found something. */
        s->scrub_outcome = OUTCOME_FOUND_CORRUPTION;
        scan(s);
        assert_int_equal(n_cleared, 2);
        s->scrub_outcome = OUTCOME_DONE;
        scan(s);
        assert_int_equal(n_cleared, 6);
        assert_null(raised(s, "one"));
        assert_null(raised(s, "one " BNOBT));
}

static void test_repair_clears(void **state) {
        Setup *s = *state;

        load_rules(s, "  - {id: a, match: {event: sick}, do: [{condition: {name: one}}, repair]}\n");
        s->outcome = OUTCOME_STILL_CORRUPT;
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_repairs, 1);
        assert_true(s->was_handed_over); /* what only tells does not delay the repair */
        assert_non_null(raised(s, "one " FINOBT));
        assert_int_equal(n_cleared, 0);

        s->outcome = OUTCOME_DONE;
        take(s, EVENT_SICK, STRUCTURE_AG_BNOBT);
        assert_int_equal(s->n_repairs, 2);
        assert_int_equal(n_raised, 2);
        assert_int_equal(n_cleared, 1);
        assert_null(raised(s, "one " BNOBT));
        assert_non_null(raised(s, "one " FINOBT));
}

/* Behind a repair that helped it would say what is not so. */
static void test_behind_a_repair(void **state) {
        Setup *s = *state;

        load_rules(s, "  - {id: a, match: {event: sick}, do: [repair, {condition: {name: one}}]}\n");
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(n_raised, 0);

        s->outcome = OUTCOME_STILL_CORRUPT;
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_repairs, 2);
        assert_non_null(raised(s, "one " FINOBT));
}

static void test_last_step(void **state) {
        Setup *s = *state;

        load_rules(s, "  - {id: a, match: {event: sick}, escalate: [repair, {condition: {name: needs-restore}}]}\n");
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(n_raised, 0);
        s->outcome = OUTCOME_STILL_CORRUPT;
        take(s, EVENT_SICK, STRUCTURE_AG_BNOBT);
        assert_non_null(raised(s, "needs-restore " BNOBT));
        /* To say so is no help. */
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_EXHAUSTED, BNOBT));
}

/* On results: a failure is about the structure, a success about nothing that is still so. */
static void test_results(void **state) {
        Setup *s = *state;

        load_rules(s, "  - {id: heal, match: {event: sick}, do: [repair]}\n"
                      "  - {id: well, match: {event: repair-done}, do: [condition]}\n"
                      "  - {id: bad, match: {event: repair-failed}, do: [condition]}\n");
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_non_null(raised(s, "well"));
        s->outcome = OUTCOME_STILL_CORRUPT;
        take(s, EVENT_SICK, STRUCTURE_AG_BNOBT);
        assert_non_null(raised(s, "bad " BNOBT));
        take(s, EVENT_HEALTHY, STRUCTURE_AG_BNOBT);
        assert_null(raised(s, "bad " BNOBT));
        assert_non_null(raised(s, "well"));
        assert_int_equal(s->n_refused, 0);
}

static void test_observed(void **state) {
        Setup *s = *state;

        load_rules(s, "  - {id: a, match: {event: sick}, do: [condition], mode: observe}\n");
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->n_decisions, 2); /* the built-in rule's as well */
        assert_int_equal(n_raised, 0);
}

static bool has_raised_two(Setup *s) {
        (void) s;
        return n_raised >= 2;
}

/* For each that came, but for those that are well meanwhile. */
static void test_gathered(void **state) {
        Setup *s = *state;

        load_rules(s, "  - id: a\n"
                      "    match: {event: sick}\n"
                      "    gather: {quiet: 1s, max: 1min}\n"
                      "    do: [condition]\n");
        take(s, EVENT_SICK, STRUCTURE_AG_CNTBT);
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        take(s, EVENT_SICK, STRUCTURE_AG_BNOBT);
        take(s, EVENT_HEALTHY, STRUCTURE_AG_FINOBT);
        assert_int_equal(n_raised, 0);
        run_until(s, has_raised_two);
        run_quiet(s);
        assert_int_equal(n_raised, 2);
        assert_non_null(raised(s, "a agno 0x0 cntbt"));
        assert_non_null(raised(s, "a " BNOBT));
}

/* A unit goes on when its file system is gone; what would be raised behind it has no place any more, and is counted. */
static void test_gone_meanwhile(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        load_rules(s, "  - {id: a, match: {event: sick}, do: [{start-unit: {unit: 'a@.service'}}, condition]}\n");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        worker_message_init(&message, WORKER_MOUNT_GONE);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(filesystem_table_count(engine_filesystems(s->engine)), 0);
        assert_int_equal(s->n_units, 1);
        assert_int_equal(s->engine->n_sequences, 0);
        assert_int_equal(n_raised, 0);
        assert_int_equal(engine_totals(s->engine)->n_refused, 1);
}

/* What is too much is counted, also where nobody knows any more what is damaged. */
static void test_too_many(void **state) {
        Setup *s = *state;
        const ConditionList *list = &the_filesystem(s)->conditions;
        char target[32];
        uint64_t n_before;

        load_rules(s, "  - {id: a, match: {event: sick}, do: [condition]}\n");
        for (unsigned i = 0; list->n_items < CONDITIONS_MAX; i++) {
                (void) snprintf(target, sizeof(target), "ino %u", i);
                engine_raise(s->engine, the_filesystem(s), CONDITION_IO_ERROR, SEVERITY_ERROR, target, "m", 1);
        }
        n_before = list->n_not_kept;
        take(s, EVENT_SICK, STRUCTURE_AG_FINOBT);
        assert_int_equal(list->n_items, CONDITIONS_MAX);
        assert_int_equal(list->n_not_kept, n_before + 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, engine_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_says_what_the_rule_says),
                TEST(test_healthy_clears),
                TEST(test_repair_clears),
                TEST(test_behind_a_repair),
                TEST(test_last_step),
                TEST(test_results),
                TEST(test_observed),
                TEST(test_gathered),
                TEST(test_gone_meanwhile),
                TEST(test_too_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
