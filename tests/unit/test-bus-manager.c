/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1 and the object manager over a socketpair: methods, properties, signals, and that no signal names a file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/bus/bus-burst.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-signal.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define FS_PATH "/org/xfs/Healer/fs/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"
#define SECRET "geheim"
/* makedev() is no constant expression. */
#define DEVICE_8_1 0x801

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "data", .device_number = DEVICE_8_1,
};

static HealthEvent event_of(const Filesystem *fs) {
        return (HealthEvent) {
                .id = 42,
                .filesystem_id = fs->id,
                .kind = EVENT_SICK,
                .domain = DOMAIN_INODE,
                .structure = STRUCTURE_INODE_DIRECTORY,
                .inode = 133,
                .generation = 5,
                .count = 3,
                .error = EIO,
        };
}

static void test_get_filesystem(void **state _unused_) {
        static const struct {
                const char *name, *argument, *error;
        } cases[] = {
                { "mount point",     "/srv",      NULL },
                { "device",          "/dev/sda1", NULL },
                { "device number",   "8:1",       NULL },
                { "UUID",            UUID,        NULL },
                { "unknown path",    "/nowhere",  BUS_ERROR_NO_SUCH_FILESYSTEM },
                { "below a mount",   "/srv/x",    BUS_ERROR_NO_SUCH_FILESYSTEM },
                { "empty",           "",          BUS_ERROR_NO_SUCH_FILESYSTEM },
        };
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
                const char *error, *path;

                print_message("%s\n", cases[i].name);
                error = bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "GetFilesystem", &reply, "s",
                                         cases[i].argument);
                if (cases[i].error) {
                        assert_string_equal(error, cases[i].error);
                        continue;
                }
                assert_null(error);
                assert_true(sd_bus_message_read(reply, "o", &path) >= 0);
                assert_string_equal(path, FS_PATH);
        }
        /* Everybody may ask: polkit was not. */
        assert_int_equal(fixture.n_questions, 0);
        bus_fixture_done(&fixture);
}

static void test_bad_calls(void **state _unused_) {
        static const struct {
                const char *name, *interface, *member, *types, *error;
        } cases[] = {
                { "wrong type",        BUS_INTERFACE_MANAGER, "GetFilesystem", "u", SD_BUS_ERROR_INVALID_ARGS },
                { "too many",          BUS_INTERFACE_MANAGER, "ReloadPolicy",  "u", SD_BUS_ERROR_INVALID_ARGS },
                { "unknown member",    BUS_INTERFACE_MANAGER, "Format",        "u", SD_BUS_ERROR_UNKNOWN_METHOD },
                { "unknown interface", "org.xfs.Healer.Manager2", "ReloadPolicy", "u", SD_BUS_ERROR_UNKNOWN_METHOD },
                { "member of another", BUS_INTERFACE_FILESYSTEM, "Repair", "u", SD_BUS_ERROR_UNKNOWN_METHOD },
                { "no interface",      NULL, "ReloadPolicy", "u", SD_BUS_ERROR_UNKNOWN_OBJECT },
        };
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *error;

                print_message("%s\n", cases[i].name);
                error = bus_fixture_call(&fixture, false, BUS_PATH, cases[i].interface, cases[i].member, NULL,
                                         cases[i].types, UINT32_C(7));
                assert_non_null(error);
                assert_string_equal(error, cases[i].error);
        }
        assert_int_equal(fake_engine(fixture.engine)->n_reloads, 0);
        bus_fixture_done(&fixture);
}

static void test_reload(void **state _unused_) {
        BusFixture fixture;
        uint64_t generation;
        int is_ok;

        bus_fixture_init(&fixture, NULL);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ReloadPolicy", NULL, ""));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_MANAGE_POLICY);
        assert_int_equal(fake_engine(fixture.engine)->n_reloads, 1);
        bus_fixture_settle(&fixture);
        assert_true(sd_bus_message_read(bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "PolicyReloaded"), "tb",
                                        &generation, &is_ok) >= 0);
        assert_int_equal(generation, 2);
        assert_true(is_ok);

        fake_engine(fixture.engine)->reload_result = -EINVAL;
        fake_engine(fixture.engine)->problems = "policy.yaml:3:1: error: unknown key\npolicy.yaml:9:2: error: \xff";
        assert_string_equal(
                bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ReloadPolicy", NULL, ""),
                BUS_ERROR_POLICY_INVALID);
        assert_non_null(strstr(bus_fixture_error_text(), "policy.yaml:3:1: error: unknown key"));
        assert_non_null(strstr(bus_fixture_error_text(), "\\xff"));
        bus_fixture_settle(&fixture);
        assert_true(sd_bus_message_read(bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "PolicyReloaded"), "tb",
                                        &generation, &is_ok) >= 0);
        assert_int_equal(generation, 2);
        assert_false(is_ok);
        bus_fixture_done(&fixture);
}

static void test_resume(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine(fixture.engine)->braked_until_usec = 77;
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Resume", NULL, ""));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_MANAGE_POLICY);
        assert_int_equal(fake_engine(fixture.engine)->n_resumed, 1);
        bus_fixture_done(&fixture);
}

static void test_properties(void **state _unused_) {
        static const struct {
                const char *property, *value;
        } cases[] = {
                { "PolicyGeneration", "1" },
                { "PolicyHash",       "0123456789abcdef" },
                { "PolicyState",      "rejected" },
                { "PolicyProblems",   "a:1:1: error: x\n" },
                { "Mode",             "enforce" },
                { "EventsTotal",      "1" },
                { "ReportsTotal",     "2" },
                { "EventsLost",       "3" },
                { "EventsDropped",    "4" },
                { "ConditionsForgotten", "10" },
                { "SignalsDropped",   "0" },
                { "Healed",           "5" },
                { "Refused",          "6" },
                { "Failed",           "7" },
                { "HandedOver",       "11" },
                { "TimeToHealCount",  "12" },
                { "TimeToHealLastUSec", "13" },
                { "TimeToHealMaxUSec", "14" },
                { "TimeToHealTotalUSec", "15" },
                { "LastEventUSec",    "8" },
                { "LagUSec",          "9" },
                { "MountedUnwatched", "1" },
                { "BrakedUntilUSec",  "10" },
                { "WorkerConnected",  "true" },
                { "KernelRelease",    "7.2.0-test" },
                { "TimeZone",         "Europe/Berlin" },
        };
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        fs->monitor_state = MONITOR_FOREIGN;
        fake_engine(fixture.engine)->problems = "a:1:1: error: x\n";
        fake_engine(fixture.engine)->is_worker_connected = true;
        fake_engine(fixture.engine)->braked_until_usec = 10;
        fake_engine(fixture.engine)->totals = (EngineTotals) {
                .n_events = 1,
                .n_reports = 2,
                .n_lost = 3,
                .n_dropped = 4,
                .n_healed = 5,
                .n_refused = 6,
                .n_failed = 7,
                .n_handed_over = 11,
                .heal_times = { .n = 12, .last_usec = 13, .max_usec = 14, .total_usec = 15 },
                .last_event_realtime_usec = 8,
                .last_lag_usec = 9,
                .n_conditions_forgotten = 10,
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *value = NULL;

                print_message("%s\n", cases[i].property);
                value = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, cases[i].property);
                assert_string_equal(value, cases[i].value);
        }
        bus_fixture_done(&fixture);
}

static void test_event_signal(void **state _unused_) {
        const char *kind, *severity, *fs_path;
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;
        HealthEvent event;
        sd_bus_message *signal;
        Filesystem *fs;
        uint64_t id;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);
        fake_engine_tell_event(fixture.engine, &event, fs, "/" SECRET "/file");
        bus_fixture_settle(&fixture);

        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "Event");
        assert_non_null(signal);
        assert_true(sd_bus_message_read(signal, "tsso", &id, &kind, &severity, &fs_path) >= 0);
        assert_int_equal(id, 42);
        assert_string_equal(kind, "sick");
        assert_string_equal(severity, severity_to_name(health_event_severity(&event)));
        assert_string_equal(fs_path, FS_PATH);
        text = bus_message_text(signal);
        assert_non_null(strstr(text, "\"inode\""));
        assert_non_null(strstr(text, "UINT64 133"));
        assert_non_null(strstr(text, "\"directory\""));
        assert_non_null(strstr(text, "\"EIO\""));
        assert_null(strstr(text, "\"group\""));
        assert_false(bus_fixture_signals_contain(&fixture, SECRET));
        bus_fixture_done(&fixture);
}

static void test_event_without_filesystem(void **state _unused_) {
        HealthEvent event = { .id = 1, .kind = EVENT_UNMOUNTED, .domain = DOMAIN_MOUNT, .count = 1 };
        const char *kind, *severity, *fs_path;
        BusFixture fixture;
        uint64_t id;

        bus_fixture_init(&fixture, NULL);
        fake_engine_tell_event(fixture.engine, &event, NULL, NULL);
        bus_fixture_settle(&fixture);
        assert_true(sd_bus_message_read(bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "Event"), "tsso", &id,
                                        &kind, &severity, &fs_path) >= 0);
        assert_string_equal(fs_path, BUS_NO_OBJECT);
        bus_fixture_done(&fixture);
}

static void test_decision_signal(void **state _unused_) {
        const char *source, *rule, *mode;
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;
        HealthEvent event;
        sd_bus_message *signal;
        Decision decision = {
                .event_id = 42,
                .source = DECISION_RULE,
                .rule_id = "heal",
                .mode = POLICY_MODE_OBSERVE,
                .n_actions = 2,
                .policy_generation = 9,
                .reason = "because of /" SECRET,
                .actions = { { .kind = ACTION_REPAIR, .denied_by = "protect: usb" },
                             { .kind = ACTION_NOTIFY } },
        };
        Filesystem *fs;
        uint64_t id;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);
        fake_engine_tell_decision(fixture.engine, &decision, &event, fs);
        bus_fixture_settle(&fixture);
        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "Decision");
        assert_true(sd_bus_message_read(signal, "tsss", &id, &source, &rule, &mode) >= 0);
        assert_int_equal(id, 42);
        assert_string_equal(source, "rule");
        assert_string_equal(rule, "heal");
        assert_string_equal(mode, "observe");
        text = bus_message_text(signal);
        assert_non_null(strstr(text, "\"repair\""));
        assert_non_null(strstr(text, "\"notify\""));
        assert_non_null(strstr(text, "\"protect: usb\""));
        assert_false(bus_fixture_signals_contain(&fixture, SECRET));
        bus_fixture_done(&fixture);
}

static void test_notice_signal(void **state _unused_) {
        static const struct {
                const char *name, *message, *expected;
        } cases[] = {
                { "words of the administrator", "the database volume is ill",  "the database volume is ill" },
                { "names the mount only",       "/srv: broken",                "/srv: broken" },
                { "errno text is no path",      "Input/output error",          "Input/output error" },
                { "none of its own",            NULL,                          NULL },
                { "names a file",               "/srv/" SECRET ": sick",       NULL },
                { "relative to the root",       "file /" SECRET "/x is sick",  NULL },
                { "in quotes",                  "\"/" SECRET "\" is sick",     NULL },
                { "no UTF-8",                   "caf\xe9",                     "caf\\xe9" },
        };
        BusFixture fixture;
        HealthEvent event;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *severity, *message, *fs_path;
                char buffer[EVENT_TEXT_SIZE];
                uint64_t id;

                print_message("%s\n", cases[i].name);
                fake_engine_tell_notice(fixture.engine, SEVERITY_ERROR, cases[i].message, &event, fs);
                bus_fixture_settle(&fixture);
                assert_true(sd_bus_message_read(bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "Notice"),
                                                "tsso", &id, &severity, &message, &fs_path) >= 0);
                assert_int_equal(id, 42);
                assert_string_equal(severity, "error");
                assert_string_equal(message, cases[i].expected ? cases[i].expected
                                                               : health_event_text(&event, "/srv", NULL, buffer));
                assert_string_equal(fs_path, FS_PATH);
        }
        assert_false(bus_fixture_signals_contain(&fixture, SECRET));
        bus_fixture_done(&fixture);
}

static void test_refused_signal(void **state _unused_) {
        const char *job, *action, *result;
        _cleanup_(free_at) char *text = NULL;
        Decision decision = { .event_id = 42, .source = DECISION_RULE, .rule_id = "heal" };
        BusFixture fixture;
        HealthEvent event;
        sd_bus_message *signal;
        Filesystem *fs;
        uint64_t id;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);
        fake_engine_tell_refused(fixture.engine, ACTION_REPAIR, "autofsck: check", &decision, &event, fs);
        bus_fixture_settle(&fixture);
        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "ActionTaken");
        assert_true(sd_bus_message_read(signal, "toss", &id, &job, &action, &result) >= 0);
        assert_int_equal(id, 42);
        assert_string_equal(job, BUS_NO_OBJECT);
        assert_string_equal(action, "repair");
        assert_string_equal(result, "refused");
        text = bus_message_text(signal);
        assert_non_null(strstr(text, "\"autofsck: check\""));
        assert_non_null(strstr(text, "\"heal\""));
        bus_fixture_done(&fixture);
}

/* Many changes, one signal. */
static void test_changes_are_coalesced(void **state _unused_) {
        BusFixture fixture;
        HealthEvent event;
        Filesystem *fs;

        bus_fixture_init(&fixture, &(BusServerOptions) { .change_interval_usec = USEC_PER_HOUR });
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);
        for (unsigned i = 0; i < 100; i++) {
                fake_engine(fixture.engine)->totals.n_events++;
                fake_engine_tell_event(fixture.engine, &event, fs, NULL);
        }
        bus_fixture_settle(&fixture);
        assert_int_equal(bus_fixture_count_signals(&fixture, BUS_INTERFACE_MANAGER, "Event"), BUS_BURST_TOLD);
        /* One of the manager, one of the file system. */
        assert_int_equal(
                bus_fixture_count_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged"), 2);

        /* The next one waits for its time. */
        bus_fixture_forget_signals(&fixture);
        fake_engine_tell_event(fixture.engine, &event, fs, NULL);
        bus_fixture_settle(&fixture);
        assert_int_equal(
                bus_fixture_count_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged"), 0);
        bus_fixture_done(&fixture);
}

/* Memory stays bounded, what could not be said is counted, and it goes on when the bus reads again. */
static void test_bus_that_does_not_read(void **state _unused_) {
        _cleanup_(free_at) char *dropped = NULL, *later = NULL;
        BusFixture fixture;
        HealthEvent event;
        uint64_t n_queued;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);
        bus_fixture_settle(&fixture);
        /* First the socket fills, then the queue. Each is of another file system, or they were told together. */
        do {
                event.filesystem_id++;
                fake_engine_tell_event(fixture.engine, &event, fs, NULL);
                assert_true(sd_bus_get_n_queued_write(fixture.service, &n_queued) >= 0);
        } while (n_queued < BUS_SIGNALS_QUEUED_MAX);
        for (unsigned i = 0; i < 1000; i++) {
                event.filesystem_id++;
                fake_engine_tell_event(fixture.engine, &event, fs, NULL);
        }
        assert_true(sd_bus_get_n_queued_write(fixture.service, &n_queued) >= 0);
        assert_int_equal(n_queued, BUS_SIGNALS_QUEUED_MAX);

        fixture.is_deaf = true;
        dropped = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "SignalsDropped");
        assert_string_equal(dropped, "1000");
        fixture.is_deaf = false;
        fake_engine_tell_event(fixture.engine, &event, fs, NULL);
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "Event", 0);
        later = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "SignalsDropped");
        assert_string_equal(later, dropped);
        bus_fixture_done(&fixture);
}

static void test_worker_property_is_told(void **state _unused_) {
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_tell_worker(fixture.engine, true);
        bus_fixture_wait_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged", 0);
        text = bus_message_text(bus_fixture_signal(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged"));
        assert_non_null(strstr(text, "\"WorkerConnected\""));
        assert_non_null(strstr(text, "BOOLEAN true"));
        assert_null(strstr(text, "\"EventsTotal\""));
        bus_fixture_done(&fixture);
}

static void listen_to_nothing(void *userdata _unused_, HistoryTold on_row _unused_, void *listener _unused_) {
}

static void test_every_property_is_told(void **state _unused_) {
        const BusServerOptions options = {
                .change_interval_usec = 1,
                .job_keep_usec = USEC_PER_HOUR,
                .history = { .listen = listen_to_nothing },
        };

        static const char *const constants[] = {
                "Version", "HistoryRemoved", "HistoryState", "NotificationsWaiting", "RoutesFailing", NULL,
        };
        BusFixture fixture;
        HealthEvent event;
        Filesystem *fs;

        bus_fixture_init(&fixture, &options);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        event = event_of(fs);
        fake_engine_tell_worker(fixture.engine, true);
        fake_engine_tell_event(fixture.engine, &event, fs, NULL);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Subscribe", NULL, "a{sv}", 0));
        assert_true(engine_reload_policy(fixture.engine) >= 0);
        fake_engine_tell_holds(fixture.engine, NULL, 0);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Inhibit", NULL, "ssa{sv}",
                                     "backup", "it runs", 0));
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Pause", NULL, "sa{sv}", "why",
                                     0));
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Silence", NULL, "a{sv}tsa{sv}",
                                     0, clock_realtime_usec() + USEC_PER_HOUR, "why", 1, "all", "b", true));
        bus_fixture_wait_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged", 0);
        bus_fixture_settle(&fixture);
        bus_fixture_assert_changed(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, constants);
        bus_fixture_done(&fixture);
}

static uint64_t seven(void *userdata _unused_) {
        return 7;
}

static uint64_t eight(void *userdata _unused_) {
        return 8;
}

static const char *two_names(void *userdata _unused_, size_t index) {
        static const char *const names[] = { "page", "ticket", NULL };

        return names[index];
}

static void assert_manager_property(BusFixture *fixture, const char *name, const char *value) {
        _cleanup_(free_at) char *text = bus_fixture_property(fixture, BUS_PATH, BUS_INTERFACE_MANAGER, name);

        assert_string_equal(text, value);
}

static void test_notifications(void **state _unused_) {
        const BusServerOptions options = {
                .notices = { .n_waiting = seven, .n_dropped = eight, .failing = two_names },
        };
        _cleanup_(free_at) char *failing = NULL, *none = NULL;
        BusFixture fixture;

        bus_fixture_init(&fixture, &options);
        assert_manager_property(&fixture, "NotificationsWaiting", "7");
        assert_manager_property(&fixture, "NotificationsDropped", "8");
        failing = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "RoutesFailing");
        assert_non_null(strstr(failing, "STRING \"page\""));
        assert_non_null(strstr(failing, "STRING \"ticket\""));
        bus_fixture_done(&fixture);

        bus_fixture_init(&fixture, NULL);
        assert_manager_property(&fixture, "NotificationsWaiting", "0");
        none = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "RoutesFailing");
        assert_null(strstr(none, "STRING"));
        bus_fixture_done(&fixture);
}

static void test_object_manager(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL, *later = NULL;
        _cleanup_(free_at) char *text = NULL, *later_text = NULL;
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        bus_fixture_settle(&fixture);
        assert_int_equal(
                bus_fixture_count_signals(&fixture, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded"), 1);

        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, "org.freedesktop.DBus.ObjectManager",
                                     "GetManagedObjects", &reply, ""));
        text = bus_message_text(reply);
        assert_non_null(strstr(text, FS_PATH));
        assert_non_null(strstr(text, BUS_INTERFACE_FILESYSTEM));

        fake_engine_remove_filesystem(fixture.engine, fs);
        bus_fixture_settle(&fixture);
        assert_int_equal(
                bus_fixture_count_signals(&fixture, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved"), 1);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, "org.freedesktop.DBus.ObjectManager",
                                     "GetManagedObjects", &later, ""));
        later_text = bus_message_text(later);
        assert_null(strstr(later_text, FS_PATH));
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_get_filesystem),
                cmocka_unit_test(test_bad_calls),
                cmocka_unit_test(test_reload),
                cmocka_unit_test(test_resume),
                cmocka_unit_test(test_properties),
                cmocka_unit_test(test_event_signal),
                cmocka_unit_test(test_event_without_filesystem),
                cmocka_unit_test(test_decision_signal),
                cmocka_unit_test(test_notice_signal),
                cmocka_unit_test(test_refused_signal),
                cmocka_unit_test(test_changes_are_coalesced),
                cmocka_unit_test(test_bus_that_does_not_read),
                cmocka_unit_test(test_worker_property_is_told),
                cmocka_unit_test(test_every_property_is_told),
                cmocka_unit_test(test_notifications),
                cmocka_unit_test(test_object_manager),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
