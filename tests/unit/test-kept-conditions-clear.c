/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a kept condition end, be told again, or stand as it was: checks, surveys, rules, repairs of others.
 */
#include "tests/unit/kept-conditions-fixture.h"

/* A full check found nothing: whatever was kept of it is over, also what is told later. */
static void test_checked_before_it_was_loaded(void **state) {
        const char old[] = "1 error 1000 42 open\nold";
        Setup *s = *state;
        CallerOrder order = { .action = ACTION_SCRUB };
        char *denied = NULL;
        Job *job;

        tell(s, &first, true);
        order.filesystem = filesystem_of(s, DEVICE_NUMBER);
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
        put_row(s, UUID_A, SICK, old);
        put_row(s, UUID_A, "data-lost/", old);
        load(s);
        assert_null(condition_of(s, CONDITION_SICK, "agno 0x1 finobt"));
        assert_null(kept(s, UUID_A, SICK));
        assert_non_null(condition_of(s, CONDITION_DATA_LOST, ""));
        assert_int_equal(s->n_stored, 1);
}

/* A check that succeeds clears what came back, too. */
static void test_check_clears(void **state) {
        Setup *s = *state;
        CallerOrder order = { .action = ACTION_SCRUB };
        char *denied = NULL;
        Job *job;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nold");
        put_row(s, UUID_A, "events-lost/", "1 warning 1000 42 open\nold");
        load(s);
        tell(s, &first, true);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 2);
        order.filesystem = filesystem_of(s, DEVICE_NUMBER);
        assert_int_equal(engine_order(s->engine, &order, &job, &denied), 1);
        run_quiet(s);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 0);
        /* That it was checked. */
        assert_int_equal(s->n_stored, 1);
        assert_non_null(stored_find(s, "checked/" UUID_A));
}

/* Those of rules: their names are in the store alone. */
static void test_of_rules(void **state) {
        const char target[] = "mine agno 0x1 finobt";
        Setup *s = *state;
        const HealthCondition *condition;

        load(s);
        tell(s, &first, true);
        engine_raise(s->engine, filesystem_of(s, DEVICE_NUMBER), CONDITION_RULE, SEVERITY_ALERT, target, "look", 42);
        engine_raise(s->engine, filesystem_of(s, DEVICE_NUMBER), CONDITION_RULE, SEVERITY_INFO, "mine", "a note", 43);
        assert_int_equal(s->n_stored, 2);
        assert_true(text_ends_with(kept(s, UUID_A, "rule/mine agno 0x1 finobt"), " 42 open\nlook"));

        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        condition = condition_of(s, CONDITION_RULE, target);
        assert_non_null(condition);
        assert_int_equal(condition->severity, SEVERITY_ALERT);
        assert_int_equal(condition->event_id, 42);
        assert_string_equal(condition->message, "look");
        assert_false(condition->is_stale);
        assert_int_equal(s->n_back, 2);

        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        assert_null(condition_of(s, CONDITION_RULE, target));
        assert_null(kept(s, UUID_A, "rule/mine agno 0x1 finobt"));
        assert_non_null(condition_of(s, CONDITION_RULE, "mine"));
        unmount(s);
        assert_true(text_ends_with(kept(s, UUID_A, "rule/mine"), " 43 stale\na note"));
        tell(s, &first, true);
        assert_true(condition_of(s, CONDITION_RULE, "mine")->is_stale);
        assert_int_equal(s->n_stored, 1);
}

/* A structure was found healthy before anybody told that a rule had said something of it. */
static void test_of_rules_before_it_was_loaded(void **state) {
        Setup *s = *state;

        tell(s, &first, true);
        take(s, DEVICE_NUMBER, EVENT_HEALTHY);
        /* Also if nothing was told at first, and a folder came later. */
        engine_state_loaded(s->engine);
        put_row(s, UUID_A, "rule/mine agno 0x1 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/yours agno 0x1 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/mine agno 0x2 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/mine", "1 alert 1000 42 open\nlook");
        load(s);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 2);
        assert_non_null(condition_of(s, CONDITION_RULE, "mine agno 0x2 finobt"));
        assert_non_null(condition_of(s, CONDITION_RULE, "mine"));
        assert_int_equal(s->n_stored, 2);
        assert_null(kept(s, UUID_A, "rule/yours agno 0x1 finobt"));
}

/* Not more of them are remembered than that. */
static void test_many_were_healed(void **state) {
        Setup *s = *state;
        HealthEvent event = {
                .kind = EVENT_HEALTHY, .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .count = 1,
        };

        tell(s, &first, true);
        event.filesystem_id = filesystem_of(s, DEVICE_NUMBER)->id;
        for (event.group = 0; event.group <= ENGINE_HEALED_MAX; event.group++) {
                engine_take_event(s->engine, &event);
                run_quiet(s);
        }
        assert_int_equal(engine_watch_find(s->engine, event.filesystem_id)->n_healed, ENGINE_HEALED_MAX);
        put_row(s, UUID_A, "rule/mine agno 0x0 finobt", "1 alert 1000 42 open\nlook");
        put_row(s, UUID_A, "rule/mine agno 0x1 finobt", "1 alert 1000 42 open\nlook");
        load(s);
        assert_non_null(condition_of(s, CONDITION_RULE, "mine agno 0x0 finobt"));
        assert_null(condition_of(s, CONDITION_RULE, "mine agno 0x1 finobt"));
}

/* Somebody says that it was seen to: it does not come back, not after healerd's end nor after the machine's. */
static void test_acknowledged(void **state) {
        Setup *s = *state;
        const Acknowledgement of_file = {
                .code = CONDITION_DATA_LOST, .target = "ino 131 gen 0x5", .reason = "restored", .caller_uid = 1000,
        };

        put_row(s, UUID_A, "io-error/", "1 error 1000 42 open\nreading from a file fails");
        put_row(s, UUID_A, "data-lost/ino 131 gen 0x5", "1 critical 1000 43 open\nlost");
        put_row(s, UUID_A, "data-lost/ino 132 gen 0x5", "1 critical 1000 44 stale\nlost");
        kill_and_adopt(s);
        load(s);
        tell(s, &first, false);
        assert_int_equal(filesystem_of(s, DEVICE_NUMBER)->conditions.n_items, 3);

        assert_int_equal(engine_acknowledge(s->engine, filesystem_of(s, DEVICE_NUMBER), &of_file), 1);
        assert_null(kept(s, UUID_A, "data-lost/ino 131 gen 0x5"));
        assert_int_equal(s->n_stored, 2);
        assert_int_equal(engine_acknowledge(s->engine, filesystem_of(s, DEVICE_NUMBER), &(Acknowledgement) {
                .code = CONDITION_IO_ERROR, .target = "", .reason = "cable",
        }), 1);
        for (unsigned i = 0; i < 2; i++) {
                if (i == 0)
                        kill_and_adopt(s);
                else
                        reboot(s);
                load(s);
                tell(s, &first, i > 0);
                assert_null(condition_of(s, CONDITION_IO_ERROR, ""));
                assert_null(condition_of(s, CONDITION_DATA_LOST, "ino 131 gen 0x5"));
                assert_true(condition_of(s, CONDITION_DATA_LOST, "ino 132 gen 0x5")->is_stale);
        }

        /* One from before the mount as well, and all of a kind. */
        assert_int_equal(engine_acknowledge(s->engine, filesystem_of(s, DEVICE_NUMBER), &(Acknowledgement) {
                .code = CONDITION_DATA_LOST, .target = "", .is_all = true, .reason = "restored",
        }), 1);
        assert_int_equal(s->n_stored, 0);
}

/* What was found of one that has come back was not dealt with in this run. */
static void test_survey_tells_it_again(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        put_row(s, UUID_A, SICK, "1 error 1000 42 open\nold");
        load(s);
        tell(s, &first, true);
        worker_message_init(&message, WORKER_SURVEY_RESULT);
        message.survey_result.device_number = DEVICE_NUMBER;
        message.survey_result.is_last = true;
        message.survey_result.n_findings = 1;
        message.survey_result.findings[0] = (SickFinding) {
                .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .group = 1,
        };
        for (unsigned i = 0; i < 2; i++) {
                fake_worker_say(&s->worker, &message, -EBADF);
                run_quiet(s);
                assert_int_equal(s->n_sick, 1);
        }
        assert_false(condition_of(s, CONDITION_SICK, "agno 0x1 finobt")->is_stale);
}

/* What is true of a moment or a mount is not kept longer than that. */
static void test_lives(void **state) {
        Setup *s = *state;
        const Told ext4 = { DEVICE_NUMBER, UUID_A, "ext4", "/dev/loop1", true };
        WorkerMessage message;

        load(s);
        tell(s, &ext4, true);
        take(s, DEVICE_NUMBER, EVENT_FILESYSTEM_ERROR);
        assert_int_equal(s->n_stored, 1);
        assert_non_null(kept(s, UUID_A, "filesystem-error/"));
        tell_mount(s, DEVICE_NUMBER, WORKER_MOUNT_GONE);
        assert_int_equal(filesystem_table_count(engine_filesystems(s->engine)), 0);
        assert_int_equal(s->n_stored, 0);

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = MONITOR_FAILED;
        message.filesystem.error = EIO;
        message.filesystem.uuid_state = FACT_KNOWN;
        strcpy(message.filesystem.type, "xfs");
        strcpy(message.filesystem.device, "/dev/loop1");
        fake_worker_say(&s->worker, &message, -EBADF);
        tell_mount(s, DEVICE_NUMBER, WORKER_MOUNT_ADDED);
        assert_non_null(condition_of(s, CONDITION_NOT_WATCHED, ""));
        assert_int_equal(s->n_stored, 0);
}

/* The disk that an earlier mount was called by may be another one today. */
static void test_offline_commands_are_for_this_device(void **state) {
        Setup *s = *state;
        const HealthCondition *condition;

        put_row(s, UUID_A, "offline-repair-required/agno 0x1 finobt",
                "1 critical 1000 42 open\nit cannot be repaired online; to repair it offline: umount /mnt && "
                "xfs_repair -n /dev/sda1 (looks only), then xfs_repair /dev/sda1");
        load(s);
        tell(s, &first, true);
        condition = condition_of(s, CONDITION_OFFLINE_REPAIR_REQUIRED, "agno 0x1 finobt");
        assert_non_null(condition);
        assert_string_equal(condition->message,
                            "it cannot be repaired online; to repair it offline: xfs_repair -n /dev/loop1 (looks "
                            "only), then xfs_repair /dev/loop1");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_checked_before_it_was_loaded),
                TEST(test_check_clears),
                TEST(test_of_rules),
                TEST(test_of_rules_before_it_was_loaded),
                TEST(test_many_were_healed),
                TEST(test_acknowledged),
                TEST(test_survey_tells_it_again),
                TEST(test_lives),
                TEST(test_offline_commands_are_for_this_device),
        };

        return cmocka_run_group_tests_name("kept-conditions", tests, NULL, NULL);
}
