/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event through the whole pipeline, with a worker played by the test: facts are asked for, the policy
 * decides, the job is carried out, its result is told, conditions come and go.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/engine-fixture.h"

static void test_baseline_repairs(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 1);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->last_repair.target.structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(s->kinds[0], EVENT_SICK);
        assert_true(s->was_handed_over); /* repaired first, told then */
        assert_int_equal(s->kinds[1], EVENT_REPAIR_DONE);
        assert_true(s->causes[1] != 0);
        assert_int_equal(s->last_repair.event_id, s->causes[1]); /* one story, one number */
        assert_int_equal(the_filesystem(s)->totals.n_healed, 1);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
        assert_true(the_filesystem(s)->first_bad_realtime_usec == 0 || the_filesystem(s)->totals.n_events == 2);
}

/* What a rule has started is given the event and the path as people see it; its end is an event. */
static void test_starts_a_unit(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "baseline: off\n"
                        "rules:\n"
                        "  - id: restore\n"
                        "    match: {event: sick}\n"
                        "    do: [{start-unit: {unit: 'restore@.service', timeout: 5min}}, log]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        s->autofsck = AUTOFSCK_NONE;
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->n_units, 1);
        assert_string_equal(s->last_unit.template, "restore@.service");
        assert_int_equal(s->last_unit.timeout_usec, 5 * USEC_PER_MINUTE);
        assert_int_equal(s->last_unit.event_id, s->causes[1]);
        assert_int_equal(s->kinds[1], EVENT_UNIT_DONE);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->unit_paths_size, sizeof("/srv/dir/file"));
        assert_string_equal(s->unit_paths, "/srv/dir/file");
        assert_non_null(strstr(s->unit_message, "\"path\":\"/srv/dir/file\""));
        assert_non_null(strstr(s->unit_message, "\"rule\":\"restore\""));
        assert_int_equal(the_filesystem(s)->totals.n_healed, 0);

        /* That it failed says nothing about the next time. */
        s->n_taken = 0;
        s->outcome = OUTCOME_FAILED;
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->kinds[3], EVENT_UNIT_FAILED);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_int_equal(s->n_units, 3);
        assert_int_equal(s->n_refused, 0);
}

static void test_property_forbids(void **state) {
        Setup *s = *state;
        static const Autofsck values[] = { AUTOFSCK_NONE, AUTOFSCK_CHECK, AUTOFSCK_OPTIMIZE, AUTOFSCK_UNSET };

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                print_message("%s\n", autofsck_to_name(values[i]));
                s->autofsck = values[i];
                take_sick(s, STRUCTURE_AG_FINOBT, 0);
                run_quiet(s);
                assert_int_equal(s->n_gathers, i + 1);
                assert_int_equal(s->n_repairs, 0);
                assert_false(s->was_handed_over);
        }
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SICK, "agno 0x0 finobt"));
}

static void test_path_is_asked_for(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_until(s, is_taken);
        assert_string_equal(s->last_path, "/dir/file");
        assert_int_equal(s->last_repair.target.inode, 131);
        assert_int_equal(s->last_repair.target.generation, 5);
}

/* Of what cannot be loaded: it would be loaded once more, and reported once more. */
static void test_path_is_not_asked_for(void **state) {
        static const struct {
                Structure structure;
                uint32_t generation;
        } cases[] = {
                { STRUCTURE_INODE_DIRECTORY, 0 },
                { STRUCTURE_INODE_CORE, 0 },
                { STRUCTURE_INODE_CORE, 5 },    /* the kernel got as far as that */
        };
        Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const HealthEvent event = {
                        .source = EVENT_SOURCE_HEALTHMON,
                        .filesystem_id = the_filesystem(s)->id,
                        .kind = EVENT_SICK,
                        .domain = DOMAIN_INODE,
                        .structure = cases[i].structure,
                        .inode = 131 + i,
                        .generation = cases[i].generation,
                        .count = 1,
                };

                s->n_taken = 0;
                engine_take_event(s->engine, &event);
                run_until(s, is_taken);
                assert_string_equal(s->last_path, "");
                assert_int_equal(s->last_repair.target.inode, 131 + i);
        }
}

static void test_refused_harmful(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        s->outcome = OUTCOME_REFUSED_HARMFUL;
        take_sick(s, STRUCTURE_INODE_CORE, 131);
        run_until(s, is_taken);
        run_quiet(s);
        assert_int_equal(s->kinds[1], EVENT_ACTION_REFUSED);
        condition = condition_find(&the_filesystem(s)->conditions, CONDITION_OFFLINE_REPAIR_REQUIRED,
                                   "ino 131 gen 0x5 core");
        assert_non_null(condition);
        assert_non_null(strstr(condition->message, "umount /srv"));
        assert_non_null(strstr(condition->message, "xfs_repair /dev/loop1"));
        assert_int_equal(the_filesystem(s)->totals.n_refused, 1);
        assert_int_equal(the_filesystem(s)->totals.n_healed, 0);
}

/* No default may heal less than upstream's program: it scans everything when one repair did not help. */
static void test_failed_baseline_is_followed_by_a_scan(void **state) {
        Setup *s = *state;

        s->outcome = OUTCOME_GONE;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 0); /* not for what is no damage */

        s->outcome = OUTCOME_STILL_CORRUPT;
        take_sick(s, STRUCTURE_AG_INOBT, 0);
        run_quiet(s);
        /* And once more after the scan. */
        assert_int_equal(s->n_repairs, 3);
        assert_int_equal(s->n_scrubs, 1);

        /* The same repair is not tried again at once, so no second scan either. */
        take_sick(s, STRUCTURE_AG_INOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 3);
        assert_int_equal(s->n_scrubs, 1);
        assert_true(s->n_refused > 0);
}

static void test_healthy_clears(void **state) {
        Setup *s = *state;
        HealthEvent healthy;

        s->autofsck = AUTOFSCK_NONE;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 1);
        healthy = (HealthEvent) {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_HEALTHY,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_FINOBT,
                .count = 1,
        };
        engine_take_event(s->engine, &healthy);
        run_quiet(s);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

static void test_shutdown_ends_repairs(void **state) {
        Setup *s = *state;
        const HealthEvent event = {
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SHUTDOWN,
                .domain = DOMAIN_MOUNT,
                .shutdown_reasons = SHUTDOWN_ONDISK_CORRUPTION,
                .count = 1,
        };

        engine_take_event(s->engine, &event);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_non_null(condition_find(&the_filesystem(s)->conditions, CONDITION_SHUT_DOWN, ""));
}

static void test_rule_decides_and_reload_keeps_the_last_good(void **state) {
        Setup *s = *state;
        uint64_t generation;

        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - id: quiet\n"
                        "    match: {structure: finobt}\n"
                        "    do: [log]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_true(s->n_notices > 0);

        generation = policy_generation(engine_policy(s->engine));
        write_policy(s, "version: 1\nrulez: []\n");
        assert_int_equal(engine_reload_policy(s->engine), -EINVAL);
        assert_non_null(strstr(engine_policy_problems(s->engine), "policy.yaml:2:1"));
        assert_int_equal(policy_generation(engine_policy(s->engine)), generation);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);

        write_policy(s, "version: 1\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        assert_string_equal(engine_policy_problems(s->engine), "");
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
}

/* It is asked for where the policy needs it, and nothing that hangs on it is begun before. */
static void test_owner_of_the_file(void **state) {
        Setup *s = *state;

        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_int_equal(s->last_gather.inode, 131);
        assert_false(s->last_gather.wants_owner || s->last_gather.wants_project);
        s->n_repairs = s->n_notices = 0;

        write_policy(s, "version: 1\nbaseline: off\n"
                        "rules:\n"
                        "  - {id: group, match: {file: {group: postgres}}, do: [repair]}\n"
                        "  - {id: owner, match: {file: {owner: [0, postgres]}, structure: directory}, do: [notify]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_true(s->last_gather.wants_owner);
        assert_false(s->last_gather.wants_project);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(s->n_notices, 1);

        write_policy(s, "version: 1\nbaseline: off\n"
                        "rules: [{id: project, match: {file: {project: 12}}, do: [notify]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_true(s->last_gather.wants_project);
        assert_false(s->last_gather.wants_owner);
        assert_int_equal(s->n_notices, 2);

        /* What names no file has no owner, which is known without asking. */
        write_policy(s, "version: 1\nbaseline: off\n"
                        "rules: [{id: none, match: {file: {owner: {not: postgres}}}, do: [notify]}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_notices, 3);
}

/* A policy that comes between question and answer is asked for what it needs. */
static void test_owner_for_a_new_policy(void **state) {
        Setup *s = *state;

        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_INODE_DIRECTORY, 131);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 1);
        assert_false(s->last_gather.wants_owner);

        s->is_gather_silent = false;
        write_policy(s, "version: 1\nbaseline: off\n"
                        "rules:\n"
                        "  - {id: owner, match: {file: {owner: postgres}}, do: [notify]}\n"
                        "  - {id: others, match: {event: sick}, do: [log, log, log]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        run_quiet(s);
        assert_int_equal(s->n_gathers, 2);
        assert_true(s->last_gather.wants_owner);
        assert_int_equal(s->n_decisions, 1);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->n_repairs, 0);
}

static void test_observe_does_nothing(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - id: heal\n"
                        "    mode: observe\n"
                        "    match: {structure: finobt}\n"
                        "    do: [repair]\n"
                        "baseline: 'off'\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_true(s->n_decisions > 0);
        assert_int_equal(s->n_repairs, 0);
}

static void test_steps_follow_each_other(void **state) {
        Setup *s = *state;

        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - id: heal\n"
                        "    match: {structure: finobt}\n"
                        "    do: [repair, {scrub: {repair: never}}, {notify: {severity: critical}}]\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 1);
        assert_int_equal(s->n_notices, 1);
        assert_int_equal(s->engine->n_sequences, 0);
}

/* A scan is about the whole file system, whatever led to it: one is enough, and a repair that failed says nothing about
 * it. */
static void test_scan_has_no_target(void **state) {
        Setup *s = *state;

        s->outcome = OUTCOME_STILL_CORRUPT;
        write_policy(s, "version: 1\n"
                        "rules:\n"
                        "  - {id: both, match: {structure: finobt}, do: [repair, {scrub: {repair: never}}]}\n"
                        "  - {id: look, match: {event: sick}, do: [{scrub: {repair: never}}]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(s->n_scrubs, 1);

        s->n_scrubs = 0;
        take_sick(s, STRUCTURE_AG_BNOBT, 0);
        take_sick(s, STRUCTURE_AG_CNTBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_scrubs, 1);
}

static void test_protect_binds_rules_and_callers(void **state) {
        Setup *s = *state;
        CallerOrder order = {
                .filesystem = the_filesystem(s),
                .action = ACTION_REPAIR,
                .target = { .structure = STRUCTURE_AG_FINOBT },
                .timeout_usec = USEC_INFINITY,
        };
        char *denied = NULL;
        Job *job;

        write_policy(s, "version: 1\nprotect:\n  - {id: mine, match: {fs: {type: xfs}}, deny: [repair]}\n");
        assert_int_equal(engine_reload_policy(s->engine), 0);
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);

        assert_int_equal(engine_order(s->engine, &order, &job, &denied), -EACCES);
        assert_non_null(strstr(denied, "mine"));
        free(denied);
        order.action = ACTION_SCRUB;
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
}

static void test_unanswered_facts_forbid_repairs(void **state) {
        Setup *s = *state;

        /* The deadline of the question is the product's own: 5 s. */
        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        while (s->n_events == 0)
                assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
        run_quiet(s);
        assert_int_equal(s->n_repairs, 0);
        assert_int_equal(s->n_asked_for_life, 1);
        assert_true(engine_worker_is_connected(s->engine));
        assert_int_equal(the_filesystem(s)->facts.autofsck_state, FACT_UNKNOWN);
}

/* With the worker, as a virtual machine does now and then: it gets its time again. */
static void test_time_in_which_we_stood_still(void **state) {
        Setup *s = *state;

        s->is_gather_silent = true;
        take_sick(s, STRUCTURE_AG_FINOBT, 0);
        run_quiet(s);
        (void) poll(NULL, 0, (GATHER_DEADLINE_USEC + 2 * USEC_PER_SEC) / USEC_PER_MSEC);
        run_quiet(s);
        assert_int_equal(s->n_events, 0);
        assert_int_equal(s->n_asked_for_life, 0);

        s->is_gather_silent = false;
        answer_gather(s, &s->last_gather);
        run_until(s, is_taken);
        assert_int_equal(s->n_repairs, 1);
        assert_int_equal(the_filesystem(s)->facts.autofsck_state, FACT_KNOWN);
}

static void test_without_monitor_nothing_is_missed_or_repaired(void **state) {
        Setup *s = *state;
        const CallerOrder order = { .filesystem = the_filesystem(s), .action = ACTION_REPAIR,
                                    .target.structure = STRUCTURE_AG_FINOBT };
        char *denied = NULL;
        Job *job;

        tell_filesystem(s, MONITOR_FAILED);
        run_quiet(s);
        assert_int_equal(engine_n_unwatched(s->engine), 1);
        tell_filesystem(s, MONITOR_UNSUPPORTED);
        run_quiet(s);
        assert_int_equal(engine_n_unwatched(s->engine), 0);
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), -ENOTTY);
        assert_int_equal(the_filesystem(s)->conditions.n_items, 0);
}

static void test_filesystem_without_mounts_goes(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        worker_message_init(&message, WORKER_MOUNT_GONE);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 1;
        strcpy(message.mount.mount_point, "/srv");
        fake_worker_say(&s->worker, &message, -EBADF);
        run_quiet(s);
        assert_int_equal(filesystem_table_count(engine_filesystems(s->engine)), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_baseline_repairs, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_property_forbids, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_path_is_asked_for, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_path_is_not_asked_for, engine_fixture_setup,
                                                engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_starts_a_unit, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_refused_harmful, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_failed_baseline_is_followed_by_a_scan,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_healthy_clears, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_shutdown_ends_repairs,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_rule_decides_and_reload_keeps_the_last_good,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_owner_of_the_file, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_owner_for_a_new_policy,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_observe_does_nothing,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_steps_follow_each_other,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_scan_has_no_target, engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_protect_binds_rules_and_callers,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_unanswered_facts_forbid_repairs,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_time_in_which_we_stood_still, engine_fixture_setup,
                                                engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_without_monitor_nothing_is_missed_or_repaired,
                                                engine_fixture_setup, engine_fixture_teardown),
                cmocka_unit_test_setup_teardown(test_filesystem_without_mounts_goes,
                                                engine_fixture_setup, engine_fixture_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
