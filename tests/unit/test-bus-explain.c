/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.Explain and Manager1.CheckPolicy over a socketpair: who may ask, what the engine is asked, what comes back,
 * and what is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"
#include "tests/unit/history-rows.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define SEALS (F_SEAL_SHRINK | F_SEAL_WRITE)

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "data", .device_number = 0x801,
};

typedef struct FakeHistory {
        int result, end;
        bool is_empty, has_no_facts;
} FakeHistory;

static int fake_query(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        const FakeHistory *history = userdata;
        HistoryValues event = history_test_values(query->event_id, 1000);
        HistoryMessage message;

        assert_true(query->wants_facts);
        if (history->result < 0)
                return history->result;
        if (history->has_no_facts)
                event.texts[HISTORY_FACTS] = "";
        history_message_set_row(&message, HISTORY_ROW, 1, &event);
        if (!history->is_empty)
                on_answer(answer_userdata, &message.row, 0);
        on_answer(answer_userdata, NULL, history->end);
        return 0;
}

static Explanation explanation;
static WorkloadReport reports[2];

static Filesystem *set_up(BusFixture *fixture, FakeHistory *history) {
        const BusServerOptions options = { .history = { .query = fake_query, .userdata = history } };
        Filesystem *filesystem;

        bus_fixture_init(fixture, history ? &options : NULL);
        filesystem = fake_engine_add_filesystem(fixture->engine, &srv);
        reports[0] = (WorkloadReport) { .kind = USER_PROCESS, .is_taken = true, .name = "postgres", .n_processes = 3 };
        reports[1] = (WorkloadReport) { .kind = USER_LOOP, .name = "loop3", .why = "belongs to the kernel" };
        strcpy(reports[0].workload.unit, "db.service");
        explanation = (Explanation) {
                .text = (char *) "rule db (policy.yaml:4) is taken\ndecided:\n",
                .decisions = { (char *) "rule db, enforce: fail-workload" },
                .n_decisions = 1,
                .filesystem_id = filesystem->id,
                .plans = { { .action = ACTION_FAIL_WORKLOAD, .rule_id = "db", .refused = "limits: workloads: 1 per 1h",
                             .workloads = { .items = reports, .n_items = ELEMENTSOF(reports) } },
                           { .action = ACTION_FREEZE, .rule_id = "ice", .error = EBUSY } },
                .n_plans = 2,
                .n_plans_untold = 1,
        };
        fake_engine(fixture->engine)->explanation = &explanation;
        return filesystem;
}

static const char *explain(BusFixture *fixture, const char *event, sd_bus_message **ret_reply) {
        return bus_fixture_call(fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Explain", ret_reply, "sa{sv}", event,
                                0);
}

static void test_answer(void **state _unused_) {
        static const char *const parts[] = {
                "rule db (policy.yaml:4) is taken", "\"decisions\"", "\"rule db, enforce: fail-workload\"",
                "\"policy-hash\"", "\"0123456789abcdef\"", "\"policy-generation\"", "\"filesystem\"",
                BUS_FILESYSTEM_PREFIX "/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a", "\"plans\"", "\"fail-workload\"",
                "\"refused\"", "\"limits: workloads: 1 per 1h\"", "\"db.service\"", "\"taken\"", "\"loop3\"",
                "\"belongs to the kernel\"", "\"freeze\"", "\"errno\"", "\"EBUSY\"", "\"plans-untold\"", "UINT32 1",
        };
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;

        set_up(&fixture, NULL);
        assert_null(explain(&fixture, "event: sick", &reply));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_string_equal(fake_engine(fixture.engine)->last_event, "event: sick");
        assert_int_equal(fake_engine(fixture.engine)->last_filesystem_id, 0);
        assert_string_equal(sd_bus_message_get_signature(reply, true), "sa{sv}");
        text = bus_message_text(reply);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                print_message("%s\n", parts[i]);
                assert_non_null(strstr(text, parts[i]));
        }
        bus_fixture_done(&fixture);
}

static void test_options(void **state _unused_) {
        Filesystem *filesystem;
        BusFixture fixture;

        filesystem = set_up(&fixture, NULL);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Explain", NULL, "sa{sv}",
                                     "sick", 1, "filesystem", "s", "/srv"));
        assert_int_equal(fake_engine(fixture.engine)->last_filesystem_id, filesystem->id);
        assert_non_null(strstr(fixture.question_details, "/srv"));
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Explain", NULL,
                                             "sa{sv}", "sick", 1, "filesystem", "s", "/elsewhere"),
                            BUS_ERROR_NO_SUCH_FILESYSTEM);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Explain", NULL,
                                             "sa{sv}", "sick", 1, "colour", "s", "red"),
                            SD_BUS_ERROR_INVALID_ARGS);
        bus_fixture_done(&fixture);
}

static void test_refused(void **state _unused_) {
        _cleanup_(free_at) char *large = malloc(EXPLAIN_EVENT_MAX + 2);
        BusFixture fixture;

        assert_non_null(large);
        memset(large, ' ', EXPLAIN_EVENT_MAX + 1);
        large[EXPLAIN_EVENT_MAX + 1] = '\0';
        set_up(&fixture, NULL);
        assert_string_equal(explain(&fixture, large, NULL), SD_BUS_ERROR_INVALID_ARGS);
        fake_engine(fixture.engine)->explain_result = -EINVAL;
        assert_string_equal(explain(&fixture, "evnt: sick", NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_non_null(strstr(bus_fixture_error_text(), "event:1:2: error: what is that?"));
        fake_engine(fixture.engine)->explain_result = 0;
        explanation.is_ending = true;
        assert_non_null(explain(&fixture, "sick", NULL));

        fake_engine(fixture.engine)->last_event[0] = '\0';
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_non_null(explain(&fixture, "sick", NULL));
        assert_string_equal(fake_engine(fixture.engine)->last_event, "");
        bus_fixture_done(&fixture);
}

static void test_history(void **state _unused_) {
        static const struct {
                const char *name;
                FakeHistory history;
                const char *error;
        } cases[] = {
                { "there", {}, NULL },
                { "not there", { .is_empty = true }, SD_BUS_ERROR_INVALID_ARGS },
                { "without facts", { .has_no_facts = true }, SD_BUS_ERROR_INVALID_ARGS },
                { "no recorder", { .result = -ENOLINK }, BUS_ERROR_NO_HISTORY },
                { "recorder hangs", { .end = -ETIMEDOUT }, BUS_ERROR_NO_HISTORY },
                { "too many", { .result = -ENOBUFS }, SD_BUS_ERROR_LIMITS_EXCEEDED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                FakeHistory history = cases[i].history;
                BusFixture fixture;
                const char *error;

                print_message("%s\n", cases[i].name);
                set_up(&fixture, &history);
                error = explain(&fixture, i % 2 == 0 ? "#42" : "42", NULL);
                assert_string_equal(error ?: "", cases[i].error ?: "");
                assert_string_equal(fake_engine(fixture.engine)->last_event,
                                    cases[i].error ? "" :
                                    "{event: {kind: sick, domain: ag, structure: finobt, group: 3}}");
                bus_fixture_done(&fixture);
        }
}

static int memory(const char *text, size_t size_bytes, int seals) {
        int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        assert_int_equal(ftruncate(fd, (off_t) size_bytes), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
        return fd;
}

static const char *check(BusFixture *fixture, int fd, sd_bus_message **ret_reply) {
        const char *error;

        /* A descriptor can be sent as soon as both ends have said that they take some. */
        bus_fixture_settle(fixture);
        error = bus_fixture_call(fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "CheckPolicy", ret_reply, "ha{sv}",
                                 fd, 0);

        close(fd);
        return error;
}

static void test_check(void **state _unused_) {
        static const int results[] = { 0, -EINVAL };
        BusFixture fixture;

        set_up(&fixture, NULL);
        for (size_t i = 0; i < ELEMENTSOF(results); i++) {
                _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
                const char *severity, *file, *text;
                unsigned line, column;
                int is_ok;

                fake_engine(fixture.engine)->check_result = results[i];
                assert_null(check(&fixture, memory("version: 1\n", 11, SEALS), &reply));
                assert_int_equal(fake_engine(fixture.engine)->check_length, 11);
                assert_string_equal(fixture.question_action, POLKIT_ACTION_MANAGE_POLICY);
                assert_true(sd_bus_message_read(reply, "b", &is_ok) > 0);
                assert_int_equal(is_ok, results[i] == 0);
                assert_true(sd_bus_message_enter_container(reply, 'a', "(ssuus)") > 0);
                assert_true(sd_bus_message_read(reply, "(ssuus)", &severity, &file, &line, &column, &text) > 0);
                assert_string_equal(severity, results[i] == 0 ? "warning" : "error");
                assert_string_equal(file, "policy");
                assert_int_equal(line, 3);
                assert_int_equal(column, 7);
                assert_string_equal(text, "unknown word \"heel\": did you mean \"heal\"?");
                assert_int_equal(sd_bus_message_read(reply, "(ssuus)", &severity, &file, &line, &column, &text), 0);
        }
        bus_fixture_done(&fixture);
}

/* What could wait, end in the middle, or be another text at the next look. */
static void test_check_refused(void **state _unused_) {
        BusFixture fixture;
        int pipe_fds[2];

        set_up(&fixture, NULL);
        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        assert_string_equal(check(&fixture, pipe_fds[0], NULL), SD_BUS_ERROR_INVALID_ARGS);
        close(pipe_fds[1]);
        assert_string_equal(check(&fixture, open("/proc/self/status", O_RDONLY | O_CLOEXEC), NULL),
                            SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(check(&fixture, memory("x", 1, 0), NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_non_null(strstr(bus_fixture_error_text(), "sealed"));
        assert_string_equal(check(&fixture, memory("x", 1, F_SEAL_SHRINK), NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(check(&fixture, memory("x", 1024 * 1024 + 1, SEALS), NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(fake_engine(fixture.engine)->check_length, 0);
        assert_null(check(&fixture, memory("x", 1024 * 1024, SEALS), NULL));
        fixture.polkit = FAKE_POLKIT_DENY;
        fake_engine(fixture.engine)->check_length = 0;
        assert_non_null(check(&fixture, memory("x", 1, SEALS), NULL));
        assert_int_equal(fake_engine(fixture.engine)->check_length, 0);
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_history),
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_check_refused),
        };

        return cmocka_run_group_tests_name("bus-explain", tests, NULL, NULL);
}
