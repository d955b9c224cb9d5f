/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1 over a socketpair: paths, properties, and what Repair and Scrub accept, refuse and order.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-filesystem-method.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define FS_PATH "/org/xfs/Healer/fs/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"
#define SECRET "geheim"
/* makedev() is no constant expression. */
#define DEVICE_8_1 0x801
#define DEVICE_8_2 0x802
#define DEVICE_8_3 0x803

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "da\xffta", .device_number = DEVICE_8_1,
};

static void assert_property(BusFixture *fixture, const char *path, const char *property, const char *expected) {
        _cleanup_(free_at) char *value = bus_fixture_property(fixture, path, BUS_INTERFACE_FILESYSTEM, property);

        assert_string_equal(value, expected);
}

static void test_paths(void **state _unused_) {
        static const FakeFilesystem clone = {
                .device = "/dev/sda2", .mount_point = "/clone", .uuid = UUID, .device_number = DEVICE_8_2,
        }, nameless = {
                .device = "/dev/sda3", .mount_point = "/nameless", .device_number = DEVICE_8_3,
        };
        BusFixture fixture;
        Filesystem *first;

        bus_fixture_init(&fixture, NULL);
        first = fake_engine_add_filesystem(fixture.engine, &srv);
        fake_engine_add_filesystem(fixture.engine, &clone);
        fake_engine_add_filesystem(fixture.engine, &nameless);
        assert_property(&fixture, FS_PATH, "Device", "/dev/sda1");
        assert_property(&fixture, "/org/xfs/Healer/fs/dev_8_2", "Device", "/dev/sda2");
        assert_property(&fixture, "/org/xfs/Healer/fs/dev_8_3", "Device", "/dev/sda3");

        /* A path never changes while its file system lives, also when a better one becomes free. */
        fake_engine_remove_filesystem(fixture.engine, first);
        assert_property(&fixture, "/org/xfs/Healer/fs/dev_8_2", "UUID", UUID);
        assert_string_equal(bus_fixture_call(&fixture, false, FS_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                                             NULL, "s", BUS_INTERFACE_FILESYSTEM),
                            SD_BUS_ERROR_UNKNOWN_OBJECT);
        bus_fixture_done(&fixture);
}

static void test_properties(void **state _unused_) {
        static const struct {
                const char *property, *value;
        } cases[] = {
                { "UUID",          UUID },
                { "Label",         "da\\xffta" },
                { "Device",        "/dev/sda1" },
                { "Type",          "xfs" },
                { "MonitorState",  "foreign" },
                { "MonitorError",  "" },
                { "HolderPID",     "77" },
                { "HolderName",    "xfs_\\xffhealer" },
                { "Watched",       "false" },
                { "WatchedBy",     "fanotify" },
                { "Autofsck",      "repair" },
                { "ReadOnly",      "false" },
                { "Root",          "false" },
                { "Removable",     "false" },
                { "ShutDown",      "true" },
                { "FirstBadTime",  "11" },
                { "LastEventTime", "12" },
                { "EventsTotal",   "1" },
                { "ReportsTotal",  "2" },
                { "EventsLost",    "3" },
                { "RecordsRead",   "7" },
                { "Healed",        "4" },
                { "Refused",       "5" },
                { "Failed",        "6" },
                { "HandedOver",    "8" },
                { "TimeToHealCount", "9" },
                { "TimeToHealLastUSec", "10" },
                { "TimeToHealMaxUSec", "11" },
                { "TimeToHealTotalUSec", "12" },
                { "ActiveJob",     "/" },
        };
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        fs->monitor_state = MONITOR_FOREIGN;
        fs->has_error_watch = true;
        fs->holder_pid = 77;
        strcpy(fs->holder_name, "xfs_\xffhealer");
        fs->is_shut_down = true;
        fs->first_bad_realtime_usec = 11;
        fs->last_event_realtime_usec = 12;
        fs->totals = (FilesystemTotals) {
                .n_events = 1,
                .n_reports = 2,
                .n_lost = 3,
                .n_healed = 4,
                .n_refused = 5,
                .n_failed = 6,
                .n_handed_over = 8,
                .heal_times = { .n = 9, .last_usec = 10, .max_usec = 11, .total_usec = 12 },
                .n_records = 7,
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].property);
                assert_property(&fixture, FS_PATH, cases[i].property, cases[i].value);
        }

        fs->monitor_state = MONITOR_FAILED;
        fs->monitor_error = EPERM;
        fs->facts.autofsck_state = FACT_UNKNOWN;
        assert_property(&fixture, FS_PATH, "MonitorError", "EPERM");
        assert_property(&fixture, FS_PATH, "HolderPID", "0");
        assert_property(&fixture, FS_PATH, "HolderName", "");
        assert_property(&fixture, FS_PATH, "Autofsck", "unknown");
        bus_fixture_done(&fixture);
}

static void get(BusFixture *fixture, const char *property, const char *type, sd_bus_message **ret_reply) {
        assert_null(bus_fixture_call(fixture, false, FS_PATH, "org.freedesktop.DBus.Properties", "Get", ret_reply, "ss",
                                     BUS_INTERFACE_FILESYSTEM, property));
        assert_true(sd_bus_message_enter_container(*ret_reply, 'v', type) > 0);
}

static void test_mount_points(void **state _unused_) {
        static const FakeFilesystem odd = {
                .device = "/dev/sda1", .mount_point = "/s\xff v", .uuid = UUID, .device_number = DEVICE_8_1,
        };
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL, *number = NULL;
        uint32_t major_number, minor_number;
        BusFixture fixture;
        const void *bytes;
        size_t length;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &odd);
        get(&fixture, "MountPoints", "aay", &reply);
        assert_true(sd_bus_message_enter_container(reply, 'a', "ay") > 0);
        assert_true(sd_bus_message_read_array(reply, 'y', &bytes, &length) > 0);
        assert_int_equal(length, sizeof("/s\xff v"));
        assert_memory_equal(bytes, "/s\xff v", sizeof("/s\xff v"));

        get(&fixture, "DeviceNumber", "(uu)", &number);
        assert_true(sd_bus_message_read(number, "(uu)", &major_number, &minor_number) >= 0);
        assert_int_equal(major_number, 8);
        assert_int_equal(minor_number, 1);
        bus_fixture_done(&fixture);
}

static void test_conditions(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *code, *severity, *target, *message;
        uint64_t since, id;
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        fake_engine_raise(fixture.engine, fs, CONDITION_SICK, "agno 0x0 finobt", "/srv agno 0x0 finobt: sick");
        fake_engine_raise(fixture.engine, fs, CONDITION_IO_ERROR, "ino 133", "/srv/" SECRET " cannot be read");
        /* What is to be done everybody may know, if not for which file. */
        fake_engine_raise(fixture.engine, fs, CONDITION_REPAIR_REFUSED, "ino 133 core",
                          "umount /srv" CONDITION_FILES_TEXT "/" SECRET CONDITION_FILES_TEXT "/" SECRET);
        bus_fixture_wait_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged", 0);
        assert_false(bus_fixture_signals_contain(&fixture, SECRET));

        get(&fixture, "Conditions", "a(ssstts)", &reply);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(ssstts)") > 0);
        assert_true(sd_bus_message_read(reply, "(ssstts)", &code, &severity, &target, &since, &id, &message) > 0);
        assert_string_equal(code, "sick");
        assert_string_equal(severity, "error");
        assert_string_equal(target, "agno 0x0 finobt");
        assert_int_equal(since, 1000);
        assert_int_equal(id, 7);
        assert_string_equal(message, "/srv agno 0x0 finobt: sick");
        assert_true(sd_bus_message_read(reply, "(ssstts)", &code, &severity, &target, &since, &id, &message) > 0);
        assert_string_equal(code, "io-error");
        assert_string_equal(message, "");
        assert_true(sd_bus_message_read(reply, "(ssstts)", &code, &severity, &target, &since, &id, &message) > 0);
        assert_string_equal(message, "umount /srv");
        assert_int_equal(sd_bus_message_read(reply, "(ssstts)", &code, &severity, &target, &since, &id, &message), 0);
        bus_fixture_done(&fixture);
}

/* What nobody has seen since the file system was mounted says so. */
static void test_stale_conditions(void **state _unused_) {
        static const char *const texts[] = {
                "from before it was mounted or watched anew, not seen since: /srv agno 0x0 finobt: sick",
                "from before it was mounted or watched anew, not seen since",
        };
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *code, *severity, *target, *message;
        uint64_t since, id;
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        fake_engine_raise(fixture.engine, fs, CONDITION_SICK, "agno 0x0 finobt", "/srv agno 0x0 finobt: sick");
        fake_engine_raise(fixture.engine, fs, CONDITION_IO_ERROR, "ino 133", "/srv/" SECRET " cannot be read");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                fs->conditions.items[i].is_stale = true;
        get(&fixture, "Conditions", "a(ssstts)", &reply);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(ssstts)") > 0);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_true(sd_bus_message_read(reply, "(ssstts)", &code, &severity, &target, &since, &id, &message) >
                            0);
                assert_string_equal(message, texts[i]);
        }
        bus_fixture_done(&fixture);
}

static const char *repair(BusFixture *fixture, const char *types, ...) {
        sd_bus_message *call = NULL, *reply = NULL;
        const char *error;
        va_list arguments;

        /* bus_fixture_call() takes its arguments by itself; this makes one out of a list of any length. */
        assert_true(sd_bus_message_new_signal(fixture->client, &call, "/", "x.y", "Z") >= 0);
        va_start(arguments, types);
        assert_true(sd_bus_message_appendv(call, types, arguments) >= 0);
        va_end(arguments);
        error = bus_fixture_call_copy(fixture, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Repair", call, &reply);
        sd_bus_message_unref(call);
        sd_bus_message_unref(reply);
        return error;
}

static void test_repair_orders(void **state _unused_) {
        const CallerOrder *order;
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        order = &fake_engine(fixture.engine)->last_order;

        print_message("structure of a group\n");
        assert_null(repair(&fixture, "a{sv}", 2, "structure", "s", "finobt", "group", "u", UINT32_C(3)));
        assert_ptr_equal(order->filesystem, fs);
        assert_int_equal(order->action, ACTION_REPAIR);
        assert_int_equal(order->target.structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(order->target.group, 3);
        assert_true(order->timeout_usec == USEC_INFINITY);
        assert_int_equal(order->caller_uid, 1000);
        assert_string_equal(fixture.question_action, POLKIT_ACTION_REPAIR);

        print_message("of an inode, with everything\n");
        assert_null(repair(&fixture, "a{sv}", 5, "structure", "s", "directory", "domain", "s", "inode", "inode", "t",
                           UINT64_C(133), "generation", "u", UINT32_C(5), "timeout-usec", "t", UINT64_C(5000000)));
        assert_int_equal(order->target.structure, STRUCTURE_INODE_DIRECTORY);
        assert_int_equal(order->target.inode, 133);
        assert_int_equal(order->target.generation, 5);
        assert_int_equal(order->timeout_usec, 5000000);

        print_message("a word of two domains\n");
        assert_null(repair(&fixture, "a{sv}", 3, "structure", "s", "super", "domain", "s", "rtgroup", "group", "u",
                           UINT32_C(0)));
        assert_int_equal(order->target.structure, STRUCTURE_RTGROUP_SUPER);

        print_message("overruling the table\n");
        assert_null(repair(&fixture, "a{sv}", 4, "structure", "s", "core", "inode", "t", UINT64_C(133),
                           "generation", "u", UINT32_C(5), "override-harmful", "s", "inode-core"));
        assert_string_equal(fake_engine(fixture.engine)->last_override, "inode-core");
        assert_string_equal(fixture.question_action, POLKIT_ACTION_REPAIR_HARMFUL);
        assert_non_null(strstr(fixture.question_details, "override-harmful=inode-core\n"));
        bus_fixture_done(&fixture);
}

static void test_repair_refuses(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);

#define REFUSES(name, says, ...)                                                                        \
        do {                                                                                            \
                print_message("%s\n", name);                                                            \
                assert_string_equal(repair(&fixture, __VA_ARGS__), SD_BUS_ERROR_INVALID_ARGS);          \
                if (!strstr(bus_fixture_error_text(), says))                                            \
                        fail_msg("\"%s\" does not say \"%s\"", bus_fixture_error_text(), says);         \
        } while (false)

        REFUSES("nothing", "\"structure\" is missing", "a{sv}", 0);
        REFUSES("unknown structure", "\"bntb\"", "a{sv}", 1, "structure", "s", "bntb");
        REFUSES("no structure at all", "\"unrecognised\"", "a{sv}", 1, "structure", "s", "unrecognised");
        REFUSES("none", "\"\"", "a{sv}", 1, "structure", "s", "");
        REFUSES("unknown domain", "\"agg\"", "a{sv}", 2, "structure", "s", "finobt", "domain", "s", "agg");
        REFUSES("structure of another domain", "\"finobt\"", "a{sv}", 2, "structure", "s", "finobt", "domain", "s",
                "inode");
        REFUSES("ambiguous word", "\"domain\"", "a{sv}", 2, "structure", "s", "super", "group", "u", UINT32_C(0));
        REFUSES("no group", "\"group\"", "a{sv}", 1, "structure", "s", "finobt");
        REFUSES("no inode", "\"inode\"", "a{sv}", 1, "structure", "s", "directory");
        REFUSES("no generation", "\"generation\"", "a{sv}", 2, "structure", "s", "directory", "inode", "t",
                UINT64_C(9));
        REFUSES("group of an inode", "\"group\"", "a{sv}", 4, "structure", "s", "directory", "inode", "t", UINT64_C(9),
                "generation", "u", UINT32_C(1), "group", "u", UINT32_C(1));
        REFUSES("unknown option", "\"dry-run\"", "a{sv}", 2, "structure", "s", "fscounters", "dry-run", "b", 1);
        REFUSES("wrong type", "\"group\"", "a{sv}", 2, "structure", "s", "finobt", "group", "t", UINT64_C(1));
        REFUSES("given twice", "twice", "a{sv}", 2, "structure", "s", "finobt", "structure", "s", "bnobt");
        REFUSES("no time at all", "\"timeout-usec\"", "a{sv}", 2, "structure", "s", "fscounters", "timeout-usec",
                "t", UINT64_C(0));
        REFUSES("empty override", "\"override-harmful\"", "a{sv}", 2, "structure", "s", "fscounters",
                "override-harmful", "s", "");
        REFUSES("long override", "\"override-harmful\"", "a{sv}", 2, "structure", "s", "fscounters",
                "override-harmful", "s", "0123456789012345678901234567890123456789012345678901234567890123");
#undef REFUSES

        /* What is wrong is said before anybody is asked for a password. */
        assert_int_equal(fixture.n_questions, 0);
        assert_int_equal(fake_engine(fixture.engine)->n_orders, 0);
        bus_fixture_done(&fixture);
}

static void test_engine_refuses(void **state _unused_) {
        static const struct {
                const char *name;
                int result;
                const char *error;
        } cases[] = {
                { "protected",        -EACCES,     BUS_ERROR_REFUSED },
                { "too many jobs",    -ENOBUFS,    SD_BUS_ERROR_LIMITS_EXCEEDED },
                { "shut down",        -ESHUTDOWN,  BUS_ERROR_SHUT_DOWN },
                { "not carried out",  -EOPNOTSUPP, BUS_ERROR_NOT_SUPPORTED },
                { "no monitor",       -ENOTTY,     BUS_ERROR_NOT_SUPPORTED },
                { "no memory",        -ENOMEM,     SD_BUS_ERROR_NO_MEMORY },
                { "no worker",        -ENOTCONN,   BUS_ERROR_NO_WORKER },
                { "anything else",    -EXDEV,      BUS_ERROR_FAILED },
        };
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fake_engine(fixture.engine)->denied = "protect: usb";

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                fake_engine(fixture.engine)->order_result = cases[i].result;
                assert_string_equal(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", NULL,
                                                     "a{sv}", 0), cases[i].error);
                if (cases[i].result == -EACCES)
                        assert_non_null(strstr(bus_fixture_error_text(), "protect: usb"));
        }
        bus_fixture_done(&fixture);
}

/* Of one user, and never of root. */
static void test_jobs_of_user(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        for (unsigned i = 0; i <= BUS_JOBS_PER_USER_MAX; i++) {
                const char *error = bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Repair", NULL,
                                                     "a{sv}", 2, "structure", "s", "finobt", "group", "u", i);

                if (i < BUS_JOBS_PER_USER_MAX)
                        assert_null(error);
                else
                        assert_string_equal(error, SD_BUS_ERROR_LIMITS_EXCEEDED);
        }
        assert_int_equal(fake_engine(fixture.engine)->n_orders, BUS_JOBS_PER_USER_MAX);
        fixture.caller_uid = 1001;
        assert_null(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", NULL, "a{sv}", 0));
        fixture.caller_uid = 0;
        for (unsigned i = 0; i <= BUS_JOBS_PER_USER_MAX; i++)
                assert_null(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Repair", NULL,
                                             "a{sv}", 2, "structure", "s", "bnobt", "group", "u", i));
        bus_fixture_done(&fixture);
}

static void test_verify(void **state _unused_) {
        static const struct {
                const char *space;
                uint64_t rate;
                VerifySpace expected;
                const char *error;
        } cases[] = {
                { "used", UINT64_C(50) << 20, VERIFY_SPACE_USED, NULL },
                { "all", 0, VERIFY_SPACE_ALL, NULL },
                { "all", VERIFY_RATE_MIN_BYTES, VERIFY_SPACE_ALL, NULL },
                { "all", VERIFY_RATE_MIN_BYTES - 1, VERIFY_SPACE_ALL, SD_BUS_ERROR_INVALID_ARGS },
                { "most", 0, VERIFY_SPACE_USED, SD_BUS_ERROR_INVALID_ARGS },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BusFixture fixture;
                const char *error;

                print_message("%s\n", cases[i].space);
                bus_fixture_init(&fixture, NULL);
                fake_engine_add_filesystem(fixture.engine, &srv);
                error = bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "VerifyMedia", NULL,
                                         "a{sv}", 2, "space", "s", cases[i].space, "rate", "t", cases[i].rate);
                if (cases[i].error)
                        assert_string_equal(error, cases[i].error);
                else {
                        assert_null(error);
                        assert_string_equal(fixture.question_action, POLKIT_ACTION_VERIFY);
                        assert_int_equal(fake_engine(fixture.engine)->last_order.action, ACTION_VERIFY_MEDIA);
                        assert_int_equal(fake_engine(fixture.engine)->last_order.verify_space, cases[i].expected);
                        assert_int_equal(fake_engine(fixture.engine)->last_order.rate_bytes, cases[i].rate);
                }
                assert_int_equal(fake_engine(fixture.engine)->n_orders, !cases[i].error);
                bus_fixture_done(&fixture);
        }
}

static void test_scrub(void **state _unused_) {
        static const struct {
                const char *name;
                bool is_removable, repair;
                const char *action;
        } cases[] = {
                { "check",                  false, false, POLKIT_ACTION_SCRUB },
                { "repair",                 false, true,  POLKIT_ACTION_REPAIR },
                { "check of a stick",       true,  false, POLKIT_ACTION_SCRUB },
                { "repair of a stick",      true,  true,  POLKIT_ACTION_REPAIR_REMOVABLE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
                FakeFilesystem what = srv;
                BusFixture fixture;
                const char *job;

                print_message("%s\n", cases[i].name);
                bus_fixture_init(&fixture, NULL);
                what.is_removable = cases[i].is_removable;
                fake_engine_add_filesystem(fixture.engine, &what);
                assert_null(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &reply,
                                             "a{sv}", 1, "repair", "b", (int) cases[i].repair));
                assert_true(sd_bus_message_read(reply, "o", &job) >= 0);
                assert_string_equal(job, BUS_JOB_PREFIX "/1");
                assert_string_equal(fixture.question_action, cases[i].action);
                assert_int_equal(fake_engine(fixture.engine)->last_order.action, ACTION_SCRUB);
                assert_int_equal(fake_engine(fixture.engine)->last_order.scrub_repair,
                                 cases[i].repair ? SCRUB_REPAIR_IF_ALLOWED : SCRUB_REPAIR_NEVER);
                assert_property(&fixture, FS_PATH, "ActiveJob", BUS_JOB_PREFIX "/1");
                /* The object is there before its path is told. */
                assert_int_equal(bus_fixture_count_signals(&fixture, "org.freedesktop.DBus.ObjectManager",
                                                           "InterfacesAdded"),
                                 2);
                bus_fixture_done(&fixture);
        }
}

static void test_details(void **state _unused_) {
        static const char *const lines[] = {
                "fs.name=/srv\n",
                "fs.uuid=" UUID "\n",
                "fs.device=/dev/sda1\n",
                "fs.type=xfs\n",
                "fs.mountpoint=/srv\n",
                "fs.is-root=false\n",
                "fs.is-removable=false\n",
                "structure=finobt\n",
                "domain=ag\n",
                "group=3\n",
                "polkit.message=",
                "polkit.gettext_domain=healerd\n",
        };
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        assert_null(repair(&fixture, "a{sv}", 2, "structure", "s", "finobt", "group", "u", UINT32_C(3)));
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                print_message("%s\n", lines[i]);
                assert_non_null(strstr(fixture.question_details, lines[i]));
        }
        assert_null(strstr(fixture.question_details, "inode="));
        bus_fixture_done(&fixture);
}

static void test_every_property_is_told(void **state _unused_) {
        static const char *const constants[] = { "DeviceNumber", NULL };
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        fake_engine_changed(fixture.engine, fs);
        fake_engine_raise(fixture.engine, fs, CONDITION_SICK, "agno 0x0 finobt", "sick");
        fake_engine_tell_event(fixture.engine, &(HealthEvent) { .kind = EVENT_SICK, .count = 1 }, fs, NULL);
        assert_null(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", NULL, "a{sv}", 0));
        bus_fixture_wait_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged", 1);
        bus_fixture_settle(&fixture);
        bus_fixture_assert_changed(&fixture, FS_PATH, BUS_INTERFACE_FILESYSTEM, constants);
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_properties),
                cmocka_unit_test(test_mount_points),
                cmocka_unit_test(test_conditions),
                cmocka_unit_test(test_stale_conditions),
                cmocka_unit_test(test_repair_orders),
                cmocka_unit_test(test_repair_refuses),
                cmocka_unit_test(test_engine_refuses),
                cmocka_unit_test(test_jobs_of_user),
                cmocka_unit_test(test_verify),
                cmocka_unit_test(test_scrub),
                cmocka_unit_test(test_details),
                cmocka_unit_test(test_every_property_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
