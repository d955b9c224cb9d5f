/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending programs over the bus: what may be asked for and who is asked first, what everybody hears, locks, holds.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/bus/bus-inhibit.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define PATH BUS_FILESYSTEM_PREFIX "/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"
#define POD "11111111-2222-3333-4444-555555555555"
#define VOLUME "/var/lib/kubelet/pods/" POD "/volumes/csi/data/mount"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = VOLUME, .uuid = UUID, .label = "data", .device_number = 0x801,
};

static BusFixture fixture;

static int set_up(void **state _unused_) {
        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        return 0;
}

static int tear_down(void **state _unused_) {
        bus_fixture_done(&fixture);
        return 0;
}

static const char *call(const char *member, const char *key, const char *type, uint64_t value) {
        if (!key)
                return bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, member, NULL, "a{sv}", 0);
        if (type[0] == 't')
                return bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, member, NULL, "a{sv}", 1, key,
                                        type, value);
        return bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, member, NULL, "a{sv}", 1, key, type,
                                (unsigned) value);
}

static const char *call_text(const char *member, const char *key, const char *text) {
        return bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, member, NULL, "a{sv}", 1, key, "s",
                                text);
}

static FakeEngine *engine(void) {
        return fake_engine(fixture.engine);
}

static void test_defaults(void **state _unused_) {
        WorkloadScope usual = workload_scope_default(HOW_STOP);

        assert_null(call("FailWorkloads", NULL, NULL, 0));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_FAIL_WORKLOAD);
        assert_int_equal(engine()->last_order.action, ACTION_FAIL_WORKLOAD);
        assert_false(engine()->last_order.is_dry_run);
        assert_memory_equal(&engine()->last_scope, &usual, sizeof(usual));
}

/* How long it is asked to end before hangs on how it is to end. */
static void test_default_of_failing(void **state _unused_) {
        assert_null(call_text("FailWorkloads", "how", "fail"));
        assert_int_equal(engine()->last_scope.how, HOW_FAIL);
        assert_int_equal(engine()->last_scope.term_usec, 0);
        assert_null(call_text("FailWorkloads", "how", "stop"));
        assert_int_equal(engine()->last_scope.term_usec, WORKLOAD_TERM_DEFAULT_USEC);
}

static void test_all_options(void **state _unused_) {
        const WorkloadScope *scope = &engine()->last_scope;

        assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "FailWorkloads", NULL,
                                     "a{sv}", 14, "who", "s", "file-users", "inode", "t", UINT64_C(131),
                                     "only-unit", "as", 2, "db@*.service", "web.service", "only-slice", "as", 0,
                                     "only-pod", "as", 1, "any",
                                     "how", "s", "fail", "warn-usec", "t", 5 * USEC_PER_SEC,
                                     "term-usec", "t", 20 * USEC_PER_SEC, "max", "u", 5, "confirm-large", "b", true,
                                     "even-if-unused", "b", true, "hold-usec", "t", UINT64_MAX, "dry-run", "b", false,
                                     "reason", "s", "it is late"));
        assert_int_equal(scope->who, WHO_FILE_USERS);
        assert_int_equal(engine()->last_order.target.inode, 131);
        assert_string_equal(scope->only[WORKLOAD_KEY_UNIT], "db@*.service\nweb.service");
        assert_string_equal(scope->only[WORKLOAD_KEY_SLICE], "");
        assert_string_equal(scope->only[WORKLOAD_KEY_POD], "any");
        assert_int_equal(scope->how, HOW_FAIL);
        assert_int_equal(scope->warn_usec, 5 * USEC_PER_SEC);
        assert_int_equal(scope->term_usec, 20 * USEC_PER_SEC);
        assert_int_equal(scope->max, 5);
        assert_true(scope->is_large_confirmed);
        assert_true(scope->even_if_unused);
        assert_true(scope->hold_usec == WORKLOAD_HOLD_UNTIL_CLEAR);
        assert_string_equal(engine()->last_reason, "it is late");
        assert_non_null(strstr(fixture.question_details, "db@*.service web.service"));
        assert_non_null(strstr(fixture.question_details, "units.max"));
}

static void test_dry_run(void **state _unused_) {
        static const char *const members[] = { "FailWorkloads", "FreezeWorkloads" };

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                _cleanup_(free_at) char *is_dry_run = NULL;
                char path[BUS_JOB_PATH_SIZE];

                assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, members[i], NULL, "a{sv}",
                                             i + 1, "dry-run", "b", true, "thaw-usec", "t", USEC_PER_MINUTE));
                assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
                assert_true(engine()->last_order.is_dry_run);
                is_dry_run = bus_fixture_property(&fixture, bus_job_path(i + 1, path), BUS_INTERFACE_JOB, "DryRun");
                assert_string_equal(is_dry_run, "true");
        }
}

static void test_freeze(void **state _unused_) {
        assert_string_equal(call("FreezeWorkloads", NULL, NULL, 0), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call_text("FreezeWorkloads", "how", "stop"), SD_BUS_ERROR_INVALID_ARGS);
        assert_null(call("FreezeWorkloads", "thaw-usec", "t", USEC_PER_MINUTE));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_FAIL_WORKLOAD);
        assert_int_equal(engine()->last_order.action, ACTION_FREEZE);
        assert_int_equal(engine()->last_scope.how, HOW_FREEZE);
        assert_int_equal(engine()->last_scope.thaw_usec, USEC_PER_MINUTE);
}

static void test_bad_options(void **state _unused_) {
        char reason[300];

        memset(reason, 'x', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = 0;
        assert_string_equal(call_text("FailWorkloads", "who", "everybody"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call_text("FailWorkloads", "who", "file-users"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call("FailWorkloads", "inode", "t", 131), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call_text("FailWorkloads", "how", "freeze"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call_text("FailWorkloads", "how", "gently"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call("FailWorkloads", "max", "u", WORKLOADS_MAX_LIMIT + 1), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call("FailWorkloads", "max", "u", 0), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call("FailWorkloads", "warn-usec", "t", UINT64_MAX), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call("FailWorkloads", "thaw-usec", "t", 1), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call_text("FailWorkloads", "reason", reason), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(call_text("FailWorkloads", "only-unit", "db.service"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "FailWorkloads", NULL,
                                             "a{sv}", 1, "only-unit", "as", 1, "a/b"), SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(engine()->n_orders, 0);
}

static void test_denied(void **state _unused_) {
        static const char *const members[] = { "FailWorkloads", "Shutdown" };

        fixture.polkit = FAKE_POLKIT_DENY;
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                assert_string_equal(call(members[i], NULL, NULL, 0), SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(engine()->n_orders, 0);
}

static void test_shutdown(void **state _unused_) {
        assert_null(call_text("Shutdown", "reason", "it is worn out"));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_SHUTDOWN);
        assert_int_equal(engine()->last_order.action, ACTION_SHUTDOWN);
        assert_string_equal(engine()->last_reason, "it is worn out");
        assert_string_equal(call("Shutdown", "force", "b", true), SD_BUS_ERROR_INVALID_ARGS);
}

static void add(Job *job, WorkloadReport report, const char *unit, const char *container, const char *why) {
        strcpy(report.workload.unit, unit);
        strcpy(report.workload.container, container);
        if (*container) {
                report.workload.runtime = RUNTIME_CONTAINERD;
                strcpy(report.workload.pod, POD);
        }
        report.workload.user = *unit ? WORKLOAD_USER_NONE : 1234567;
        strcpy(report.name, "secret-program");
        strcpy(report.why, why);
        assert_int_equal(workload_reports_take(&job->workloads, &report), 0);
}

static Job *announced_job(void) {
        Job *job;

        assert_null(call("FailWorkloads", NULL, NULL, 0));
        job = job_queue_next(engine_jobs(fixture.engine), NULL);
        assert_non_null(job);
        add(job, (WorkloadReport) { .is_taken = true }, "db.service", "", "");
        add(job, (WorkloadReport) { .is_taken = true }, "", "c0ffee", "");
        add(job, (WorkloadReport) { .n_processes = 3 }, "ssh.service", "", "is how people log in");
        job->act_realtime_usec = 77;
        fake_engine_announce(fixture.engine, job);
        return job;
}

static void test_signals(void **state _unused_) {
        _cleanup_(free_at) char *before = NULL, *after = NULL;
        Filesystem *filesystem = filesystem_table_next(engine_filesystems(fixture.engine), NULL);
        uint64_t id, number, deadline_usec;
        const char *path, *result;
        sd_bus_message *signal;
        Job *job;

        filesystem->good_realtime_usec = 4711;
        filesystem->first_bad_realtime_usec = 4712;
        job = announced_job();
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "WorkloadWillFail", 0);
        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "WorkloadWillFail");
        assert_true(sd_bus_message_read(signal, "tto", &id, &number, &path) > 0);
        assert_int_equal(number, job->id);
        assert_string_equal(path, PATH);
        assert_true(sd_bus_message_skip(signal, "as") > 0);
        assert_true(sd_bus_message_read(signal, "t", &deadline_usec) > 0);
        assert_int_equal(deadline_usec, 77);
        assert_true(sd_bus_message_rewind(signal, true) >= 0);
        before = bus_message_text(signal);
        for (const char *const *part = (const char *const []) {
                     "\"db.service\"", "\"c0ffee\"", "\"" POD "\"", "\"containerd\"", "\"volume\"", "UINT64 4711",
                     "UINT64 4712", "\"" UUID "\"", "\"fail-workload\"", "\"stop\"", NULL }; *part; part++) {
                print_message("%s\n", *part);
                assert_non_null(strstr(before, *part));
        }
        assert_null(strstr(before, "\"fate\""));

        for (size_t i = 0; i < job->workloads.n_items; i++) {
                job->workloads.items[i].has_fate = true;
                job->workloads.items[i].fate = job->workloads.items[i].is_taken ? FATE_KILLED : FATE_SPARED;
        }
        job->workloads.items[0].is_held = true;
        bus_fixture_settle(&fixture);
        assert_int_equal(job_queue_on_result(engine_jobs(fixture.engine),
                                             &(WorkerJobResult) { .job_id = job->id, .outcome = OUTCOME_DONE }), 0);
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "WorkloadFailed", 0);
        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "WorkloadFailed");
        assert_true(sd_bus_message_read(signal, "ttos", &id, &number, &path, &result) > 0);
        assert_string_equal(result, "done");
        assert_true(sd_bus_message_rewind(signal, true) >= 0);
        after = bus_message_text(signal);
        assert_non_null(strstr(after, "\"killed\""));
        assert_non_null(strstr(after, "\"held\""));

        /* Everybody hears these: no programs, no users, nobody who is spared. */
        assert_false(bus_fixture_signals_contain(&fixture, "secret-program"));
        assert_false(bus_fixture_signals_contain(&fixture, "1234567"));
        assert_false(bus_fixture_signals_contain(&fixture, "ssh.service"));
}

static void test_not_announced(void **state _unused_) {
        Job *job;

        assert_null(call("FailWorkloads", NULL, NULL, 0));
        bus_fixture_settle(&fixture);
        job = job_queue_next(engine_jobs(fixture.engine), NULL);
        assert_int_equal(job_queue_on_result(engine_jobs(fixture.engine),
                                             &(WorkerJobResult) { .job_id = job->id, .outcome = OUTCOME_REFUSED }), 0);
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "ActionTaken", 0);
        bus_fixture_settle(&fixture);
        assert_int_equal(bus_fixture_count_signals(&fixture, BUS_INTERFACE_MANAGER, "WorkloadFailed"), 0);
}

static void test_list_workloads(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL;
        char path[BUS_JOB_PATH_SIZE];
        Job *job = announced_job();

        assert_null(bus_fixture_call(&fixture, false, bus_job_path(job->id, path), BUS_INTERFACE_JOB, "ListWorkloads",
                                     &reply, "a{sv}", 0));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_string_equal(sd_bus_message_get_signature(reply, true), "aa{sv}");
        text = bus_message_text(reply);
        for (const char *const *part = (const char *const []) {
                     "\"secret-program\"", "\"ssh.service\"", "\"is how people log in\"", "\"taken\"", "UINT32 3",
                     "\"owner-uid\"", NULL }; *part; part++) {
                print_message("%s\n", *part);
                assert_non_null(strstr(text, *part));
        }

        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(bus_fixture_call(&fixture, false, path, BUS_INTERFACE_JOB, "ListWorkloads", NULL, "a{sv}",
                                             0), SD_BUS_ERROR_ACCESS_DENIED);
}

static void test_cancel(void **state _unused_) {
        char path[BUS_JOB_PATH_SIZE];
        Job *job = announced_job();

        fixture.caller_uid++; /* somebody else's */
        assert_null(bus_fixture_call(&fixture, false, bus_job_path(job->id, path), BUS_INTERFACE_JOB, "Cancel", NULL,
                                     "a{sv}", 0));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_FAIL_WORKLOAD);
}

static const char *inhibit(const char *who, const char *why, int *ret_fd) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *error;
        int fd;

        error = bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Inhibit", &reply, "ssa{sv}", who,
                                 why, 0);
        if (error)
                return error;
        assert_true(sd_bus_message_read(reply, "h", &fd) > 0);
        *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        assert_true(*ret_fd >= 0);
        return NULL;
}

static bool are_locks(BusFixture *f, void *userdata) {
        return fake_engine(f->engine)->n_inhibitors == *(const size_t *) userdata;
}

static void test_inhibit(void **state _unused_) {
        _cleanup_(free_at) char *text = NULL, *none = NULL;
        int first, second;

        assert_null(inhibit("backup", "copies the last\nsnapshot", &first));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_INHIBIT);
        assert_non_null(strstr(fixture.question_details, "backup"));
        assert_null(inhibit("other", "is slow", &second));
        assert_int_equal(engine()->n_inhibitors, 2);
        text = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "InhibitedBy");
        assert_non_null(strstr(text, "backup"));
        assert_non_null(strstr(text, "other"));

        /* What is written into one is of no interest, and a copy keeps it. */
        int copy = fcntl(first, F_DUPFD_CLOEXEC, 3);
        (void) !write(first, "x", 1);
        close(first);
        bus_fixture_settle(&fixture);
        assert_int_equal(engine()->n_inhibitors, 2);
        close(copy);
        bus_fixture_wait(&fixture, are_locks, &(size_t) { 1 });
        close(second);
        bus_fixture_wait(&fixture, are_locks, &(size_t) { 0 });
        none = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "InhibitedBy");
        assert_null(strstr(none, "backup"));
}

static void test_inhibit_limits(void **state _unused_) {
        int fds[BUS_INHIBITORS_MAX], fd;
        char text[BUS_INHIBITOR_TEXT_MAX + 2];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        assert_string_equal(inhibit("", "why", &fd), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(inhibit("who", text, &fd), SD_BUS_ERROR_INVALID_ARGS);
        for (unsigned i = 0; i < BUS_INHIBITORS_MAX; i++) {
                fixture.caller_uid = 1000 + i / BUS_INHIBITORS_PER_USER_MAX;
                if (i > 0 && i % BUS_INHIBITORS_PER_USER_MAX == 0) {
                        fixture.caller_uid--;
                        assert_string_equal(inhibit("who", "why", &fd), SD_BUS_ERROR_LIMITS_EXCEEDED);
                        fixture.caller_uid++;
                }
                assert_null(inhibit("who", "why", fds + i));
        }
        fixture.caller_uid = 5000;
        assert_string_equal(inhibit("who", "why", &fd), SD_BUS_ERROR_LIMITS_EXCEEDED);
        close(fds[0]);
        bus_fixture_wait(&fixture, are_locks, &(size_t) { BUS_INHIBITORS_MAX - 1 });
        assert_null(inhibit("who", "why", fds));
        for (unsigned i = 0; i < BUS_INHIBITORS_MAX; i++)
                close(fds[i]);
        bus_fixture_wait(&fixture, are_locks, &(size_t) { 0 });
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(inhibit("who", "why", &fd), SD_BUS_ERROR_ACCESS_DENIED);
}

static void test_holds(void **state _unused_) {
        WorkerHold holds[] = {
                { .unit = "db.service", .rule_id = "db", .job_id = 5, .event_id = 4, .since_realtime_usec = 99,
                  .until_boottime_usec = WORKLOAD_HOLD_UNTIL_CLEAR, .has_uuid = 1 },
                { .unit = "web.service", .until_boottime_usec = 1234 },
        };
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL, *n = NULL;

        assert_int_equal(uuid_parse(UUID, holds[0].uuid), 0);
        fake_engine_tell_holds(fixture.engine, holds, ELEMENTSOF(holds));
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListHolds", &reply, ""));
        text = bus_message_text(reply);
        for (const char *const *part = (const char *const []) {
                     "\"db.service\"", "\"" PATH "\"", "UINT64 99", "\"web.service\"", "UINT64 1234", NULL };
             *part; part++)
                assert_non_null(strstr(text, *part));
        n = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "UnitsHeld");
        assert_string_equal(n, "2");

        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unhold", NULL, "sa{sv}",
                                             "db.service", 0), SD_BUS_ERROR_ACCESS_DENIED);
        assert_string_equal(engine()->last_unhold, "");
        fixture.polkit = FAKE_POLKIT_ALLOW;
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unhold", NULL, "sa{sv}",
                                     "db.service", 0));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_UNHOLD);
        assert_string_equal(engine()->last_unhold, "db.service");
        engine()->unhold_result = -ENOENT;
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unhold", NULL, "sa{sv}",
                                             "db.service", 0), SD_BUS_ERROR_INVALID_ARGS);
        engine()->unhold_result = -ENOTCONN;
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unhold", NULL, "sa{sv}",
                                             "db.service", 0), BUS_ERROR_NO_WORKER);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_defaults),
                test(test_default_of_failing),
                test(test_all_options),
                test(test_dry_run),
                test(test_freeze),
                test(test_bad_options),
                test(test_denied),
                test(test_shutdown),
                test(test_signals),
                test(test_not_announced),
                test(test_list_workloads),
                test(test_cancel),
                test(test_inhibit),
                test(test_inhibit_limits),
                test(test_holds),
        };

        return cmocka_run_group_tests_name("bus-workloads", tests, NULL, NULL);
}
