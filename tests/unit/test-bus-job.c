/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Job1 over a socketpair: a job's life as clients see it, cancelling, and how long ended ones stay.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define FS_PATH "/org/xfs/Healer/fs/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"
#define JOB_PATH "/org/xfs/Healer/job/1"
#define SECRET "geheim"
#define REFUSED SD_BUS_ERROR_ACCESS_DENIED

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        /* 8:1 */
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .device_number = 0x801,
};

static void assert_property(BusFixture *fixture, const char *property, const char *expected) {
        _cleanup_(free_at) char *value = bus_fixture_property(fixture, JOB_PATH, BUS_INTERFACE_JOB, property);

        print_message("%s is %s\n", property, value);
        assert_string_equal(value, expected);
}

static void start_repair(BusFixture *fixture) {
        assert_null(bus_fixture_call(fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Repair", NULL, "a{sv}", 2,
                                     "structure", "s", "finobt", "group", "u", UINT32_C(0)));
        bus_fixture_settle(fixture);
}

static bool is_started(BusFixture *fixture, void *userdata _unused_) {
        return fake_engine(fixture->engine)->n_started > 0;
}

static void end_job(BusFixture *fixture, Outcome outcome, const char *detail) {
        WorkerJobResult result = { .job_id = 1, .outcome = (uint8_t) outcome, .was_verified = true };

        bus_fixture_wait(fixture, is_started, NULL);
        (void) text_copy(result.detail, sizeof(result.detail), detail);
        job_queue_on_result(engine_jobs(fixture->engine), &result);
        bus_fixture_settle(fixture);
}

static void test_life(void **state _unused_) {
        const char *outcome, *detail, *job, *action, *result;
        BusFixture fixture;
        sd_bus_message *signal;
        int is_success;
        uint64_t id;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        bus_fixture_wait(&fixture, is_started, NULL);
        assert_property(&fixture, "Id", "1");
        assert_property(&fixture, "Operation", "repair");
        assert_property(&fixture, "Filesystem", FS_PATH);
        assert_property(&fixture, "State", "running");
        assert_property(&fixture, "Target", "agno 0x0 finobt");
        assert_property(&fixture, "EventId", "0");
        assert_property(&fixture, "Rule", "");
        assert_property(&fixture, "Source", "caller");
        assert_property(&fixture, "CallerUID", "1000");
        assert_property(&fixture, "Attempts", "1");
        assert_property(&fixture, "Outcome", "");
        assert_property(&fixture, "Ended", "0");

        end_job(&fixture, OUTCOME_DONE, "");
        assert_property(&fixture, "State", "ended");
        assert_property(&fixture, "Outcome", "done");
        assert_property(&fixture, "Error", "0");
        assert_property(&fixture, "Verified", "true");
        assert_property(&fixture, "Detail", outcome_to_sentence(OUTCOME_DONE));

        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_JOB, "Completed");
        assert_string_equal(sd_bus_message_get_path(signal), JOB_PATH);
        assert_true(sd_bus_message_read(signal, "bss", &is_success, &outcome, &detail) >= 0);
        assert_true(is_success);
        assert_string_equal(outcome, "done");
        assert_string_equal(detail, outcome_to_sentence(OUTCOME_DONE));

        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "ActionTaken");
        assert_true(sd_bus_message_read(signal, "toss", &id, &job, &action, &result) >= 0);
        assert_string_equal(job, JOB_PATH);
        assert_string_equal(action, "repair");
        assert_string_equal(result, "done");
        assert_int_equal(bus_fixture_count_signals(&fixture, BUS_INTERFACE_JOB, "Completed"), 1);
        bus_fixture_done(&fixture);
}

/* The last property change stands before Completed, however often properties may change. */
static void test_last_change_first(void **state _unused_) {
        size_t changed = SIZE_MAX, completed = SIZE_MAX;
        BusFixture fixture;

        bus_fixture_init(&fixture, &(BusServerOptions) { .change_interval_usec = USEC_PER_HOUR });
        fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        end_job(&fixture, OUTCOME_DONE, "");
        for (size_t i = 0; i < fixture.n_signals; i++) {
                if (sd_bus_message_is_signal(fixture.signals[i], BUS_INTERFACE_JOB, "Completed") > 0)
                        completed = i;
                if (sd_bus_message_is_signal(fixture.signals[i], "org.freedesktop.DBus.Properties",
                                             "PropertiesChanged") > 0 &&
                    text_equal(sd_bus_message_get_path(fixture.signals[i]), JOB_PATH))
                        changed = i;
        }
        assert_true(completed != SIZE_MAX);
        assert_true(changed < completed);
        bus_fixture_done(&fixture);
}

static void test_detail_names_no_file(void **state _unused_) {
        static const struct {
                const char *name, *detail;
                bool is_shown;
        } cases[] = {
                { "sentence",        "the structure cannot be rebuilt", true },
                { "names the mount", "/srv: Input/output error",        true },
                { "names a file",    "cannot open /srv/" SECRET,        false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BusFixture fixture;

                print_message("%s\n", cases[i].name);
                bus_fixture_init(&fixture, NULL);
                fake_engine_add_filesystem(fixture.engine, &srv);
                start_repair(&fixture);
                end_job(&fixture, OUTCOME_STILL_CORRUPT, cases[i].detail);
                assert_property(&fixture, "Detail", cases[i].is_shown ? cases[i].detail
                                                                      : outcome_to_sentence(OUTCOME_STILL_CORRUPT));
                assert_int_equal(bus_fixture_signals_contain(&fixture, cases[i].detail), cases[i].is_shown);
                assert_false(bus_fixture_signals_contain(&fixture, SECRET));
                bus_fixture_done(&fixture);
        }
}

static void test_cancel(void **state _unused_) {
        static const struct {
                const char *name;
                uint32_t uid;
                FakePolkit polkit;
                const char *error, *action;
        } cases[] = {
                { "who started it is not asked", 1000, FAKE_POLKIT_DENY,  NULL,    "" },
                { "root is not asked",           0,    FAKE_POLKIT_DENY,  NULL,    "" },
                { "another one is refused",      1001, FAKE_POLKIT_DENY,  REFUSED, POLKIT_ACTION_REPAIR },
                { "another one is allowed",      1001, FAKE_POLKIT_ALLOW, NULL,    POLKIT_ACTION_REPAIR },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BusFixture fixture;
                const char *error;

                print_message("%s\n", cases[i].name);
                bus_fixture_init(&fixture, NULL);
                fake_engine_add_filesystem(fixture.engine, &srv);
                start_repair(&fixture);
                bus_fixture_wait(&fixture, is_started, NULL);
                fixture.caller_uid = cases[i].uid;
                fixture.polkit = cases[i].polkit;
                fixture.question_action[0] = '\0';
                error = bus_fixture_call(&fixture, false, JOB_PATH, BUS_INTERFACE_JOB, "Cancel", NULL, "a{sv}", 0);
                if (cases[i].error)
                        assert_string_equal(error, cases[i].error);
                else
                        assert_null(error);
                assert_string_equal(fixture.question_action, cases[i].action);
                assert_int_equal(fake_engine(fixture.engine)->n_cancelled, cases[i].error ? 0 : 1);
                bus_fixture_done(&fixture);
        }
}

static void test_cancel_refuses(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        assert_string_equal(bus_fixture_call(&fixture, false, JOB_PATH, BUS_INTERFACE_JOB, "Cancel", NULL, "a{sv}",
                                             1, "force", "b", 1),
                            SD_BUS_ERROR_INVALID_ARGS);
        assert_non_null(strstr(bus_fixture_error_text(), "\"force\""));
        end_job(&fixture, OUTCOME_DONE, "");
        assert_string_equal(bus_fixture_call(&fixture, false, JOB_PATH, BUS_INTERFACE_JOB, "Cancel", NULL, "a{sv}", 0),
                            BUS_ERROR_NO_SUCH_JOB);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_JOB_PREFIX "/2", BUS_INTERFACE_JOB, "Cancel",
                                             NULL, "a{sv}", 0),
                            SD_BUS_ERROR_UNKNOWN_OBJECT);
        bus_fixture_done(&fixture);
}

static void test_filesystem_gone(void **state _unused_) {
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        bus_fixture_wait(&fixture, is_started, NULL);
        job_queue_on_filesystem_gone(engine_jobs(fixture.engine), fs->id, OUTCOME_UNMOUNTED);
        fake_engine_remove_filesystem(fixture.engine, fs);
        assert_property(&fixture, "Filesystem", BUS_NO_OBJECT);
        assert_property(&fixture, "Outcome", "unmounted");
        bus_fixture_done(&fixture);
}

static void test_ended_jobs_are_forgotten(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, &(BusServerOptions) { .job_keep_usec = 1 });
        fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        end_job(&fixture, OUTCOME_DONE, "");
        bus_fixture_wait_signals(&fixture, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", 0);
        assert_string_equal(bus_fixture_call(&fixture, false, JOB_PATH, BUS_INTERFACE_JOB, "Cancel", NULL, "a{sv}", 0),
                            SD_BUS_ERROR_UNKNOWN_OBJECT);
        bus_fixture_done(&fixture);
}

/* However many end at once, the bus keeps a bounded number, the newest. */
static void test_ended_jobs_are_bounded(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL;
        const unsigned n_jobs = BUS_ENDED_JOBS_MAX + 10;
        BusFixture fixture;
        Filesystem *fs;
        unsigned n = 0;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        for (unsigned i = 0; i < n_jobs; i++) {
                _cleanup_(free_at) char *denied = NULL;
                Job *job;

                assert_true(engine_order(fixture.engine, &(CallerOrder) {
                        .filesystem = fs, .action = ACTION_REPAIR, .timeout_usec = USEC_INFINITY,
                        .target = { .structure = STRUCTURE_AG_FINOBT, .group = i },
                }, &job, &denied) == 1);
                assert_true(job_queue_cancel(engine_jobs(fixture.engine), job->id) >= 0);
                bus_fixture_settle(&fixture);
                bus_fixture_forget_signals(&fixture);
        }

        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, "org.freedesktop.DBus.ObjectManager",
                                     "GetManagedObjects", &reply, ""));
        text = bus_message_text(reply);
        for (const char *at = text; (at = strstr(at, "\"" BUS_INTERFACE_JOB "\"")); at++)
                n++;
        assert_int_equal(n, BUS_ENDED_JOBS_MAX);
        assert_null(strstr(text, "\"" BUS_JOB_PREFIX "/10\""));
        assert_non_null(strstr(text, "\"" BUS_JOB_PREFIX "/11\""));
        bus_fixture_done(&fixture);
}

/* How far it is changes by itself, and only while it runs. */
static void test_progress(void **state _unused_) {
        static const char *const others[] = {
                "Id", "Operation", "Filesystem", "State", "Target", "EventId", "Rule", "Source", "CallerUID", "DryRun",
                "Started",
                "Ended", "Attempts", "Outcome", "Error", "Detail", "Verified", NULL,
        };
        BusFixture fixture;
        uint64_t begun_usec;
        Job *job;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        bus_fixture_wait(&fixture, is_started, NULL);
        bus_fixture_settle(&fixture);
        bus_fixture_forget_signals(&fixture);
        fake_engine_tell_progress(fixture.engine, 1, (ScanProgress) { 3, 45 });
        bus_fixture_settle(&fixture);
        assert_property(&fixture, "Phase", "3");
        assert_property(&fixture, "Progress", "45");
        assert_property(&fixture, "EstimatedEnd", "0");
        bus_fixture_assert_changed(&fixture, JOB_PATH, BUS_INTERFACE_JOB, others);

        /* How fast the phase is tells its end: 20 % in 10 minutes, 35 % are left. */
        job = job_queue_find(engine_jobs(fixture.engine), 1);
        job->phase_began_monotonic_usec -= 10 * USEC_PER_MINUTE;
        begun_usec = clock_realtime_usec();
        fake_engine_tell_progress(fixture.engine, 1, (ScanProgress) { 3, 65 });
        assert_in_range(job->estimated_end_realtime_usec, begun_usec + 17 * USEC_PER_MINUTE,
                        clock_realtime_usec() + 19 * USEC_PER_MINUTE);
        /* The next phase begins anew. */
        fake_engine_tell_progress(fixture.engine, 1, (ScanProgress) { 5, 3 });
        bus_fixture_settle(&fixture);
        assert_property(&fixture, "EstimatedEnd", "0");
        fake_engine_tell_progress(fixture.engine, 1, (ScanProgress) { 3, 45 });

        end_job(&fixture, OUTCOME_DONE, "");
        fake_engine_tell_progress(fixture.engine, 1, (ScanProgress) { 4, 1 });
        assert_property(&fixture, "Phase", "3");
        bus_fixture_done(&fixture);
}

static void test_bytes(void **state _unused_) {
        BusFixture fixture;
        Job *job;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        assert_null(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "VerifyMedia", NULL, "a{sv}",
                                     0));
        bus_fixture_settle(&fixture);
        assert_property(&fixture, "Operation", "verify-media");
        assert_property(&fixture, "Percent", "0");
        assert_property(&fixture, "BytesTotal", "0");

        job = job_queue_find(engine_jobs(fixture.engine), 1);
        job->done_bytes = 1000;
        job->total_bytes = 4000;
        job->estimated_end_realtime_usec = 77;
        fake_engine_tell_job_progress(fixture.engine, job);
        bus_fixture_settle(&fixture);
        assert_property(&fixture, "Percent", "25");
        assert_property(&fixture, "BytesDone", "1000");
        assert_property(&fixture, "BytesTotal", "4000");
        assert_property(&fixture, "EstimatedEnd", "77");
        bus_fixture_done(&fixture);
}

static void test_every_property_is_told(void **state _unused_) {
        static const char *const constants[] = {
                "Id", "Operation", "Target", "EventId", "Rule", "Source", "CallerUID", "DryRun", NULL,
        };
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        start_repair(&fixture);
        fake_engine_tell_job_progress(fixture.engine, job_queue_find(engine_jobs(fixture.engine), 1));
        bus_fixture_settle(&fixture);
        end_job(&fixture, OUTCOME_DONE, "");
        fake_engine_remove_filesystem(fixture.engine, fs);
        bus_fixture_settle(&fixture);
        bus_fixture_assert_changed(&fixture, JOB_PATH, BUS_INTERFACE_JOB, constants);
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_life),
                cmocka_unit_test(test_last_change_first),
                cmocka_unit_test(test_detail_names_no_file),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_cancel_refuses),
                cmocka_unit_test(test_filesystem_gone),
                cmocka_unit_test(test_ended_jobs_are_forgotten),
                cmocka_unit_test(test_ended_jobs_are_bounded),
                cmocka_unit_test(test_progress),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_every_property_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
