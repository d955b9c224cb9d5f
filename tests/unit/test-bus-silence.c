/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Silences over the bus: what may be said, who is asked for how long a one, the list, the signal.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/bus/bus-authorize.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define OTHER "11111111-2222-3333-4444-555555555555"

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "data", .device_number = 0x801,
};

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static BusFixture fixture;

static int set_up(void **state _unused_) {
        bus_fixture_init(&fixture, NULL);
        (void) fake_engine_add_filesystem(fixture.engine, &srv);
        return 0;
}

static int tear_down(void **state _unused_) {
        bus_fixture_done(&fixture);
        return 0;
}

static FakeEngine *engine(void) {
        return fake_engine(fixture.engine);
}

static const char *silence(const char *key, const char *value, uint64_t for_usec, const char *reason) {
        return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Silence", NULL, "a{sv}tsa{sv}", 1,
                                key, "s", value, clock_realtime_usec() + for_usec, reason, 0);
}

static const char *silence_all(bool is_all) {
        return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Silence", NULL, "a{sv}tsa{sv}", 0,
                                clock_realtime_usec() + USEC_PER_HOUR, "why", 1, "all", "b", is_all);
}

static void test_match(void **state _unused_) {
        const SilenceMatch *match = &engine()->last_suspend.match;

        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Silence", NULL, "a{sv}tsa{sv}",
                                     5, "filesystem", "s", "/srv", "kind", "s", "io-error", "severity", "s", "warning",
                                     "rule", "s", "tell", "route", "s", "page", clock_realtime_usec() + USEC_PER_HOUR,
                                     "new cable comes", 0));
        assert_int_equal(engine()->last_suspend.kind, SUSPENSION_SILENCE);
        assert_string_equal(engine()->last_suspend.reason, "new cable comes");
        assert_true(engine()->last_suspend.uid != BUS_UID_NONE);
        assert_string_equal(match->filesystem, UUID);
        assert_string_equal(match->kind, "io-error");
        assert_true(match->has_severity);
        assert_int_equal(match->severity_at_most, SEVERITY_WARNING);
        assert_string_equal(match->rule, "tell");
        assert_string_equal(match->route, "page");
        assert_non_null(strstr(fixture.question_details, "filesystem=" UUID " kind=io-error severity=warning"));

        /* Not mounted. */
        assert_null(silence("filesystem", OTHER, USEC_PER_HOUR, "why"));
        assert_string_equal(match->filesystem, OTHER);
        assert_null(silence_all(true));
        assert_string_equal(match->filesystem, "");
}

static void test_who_is_asked(void **state _unused_) {
        assert_null(silence("kind", "sick", USEC_PER_DAY - USEC_PER_MINUTE, "why"));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_ACKNOWLEDGE);
        assert_null(silence("kind", "sick", USEC_PER_DAY + USEC_PER_MINUTE, "why"));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_MANAGE_POLICY);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(silence("kind", "sick", USEC_PER_HOUR, "why"), SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(engine()->n_suspends, 2);
}

static void test_bad(void **state _unused_) {
        static const struct {
                const char *key, *value, *reason;
                uint64_t for_usec;
        } cases[] = {
                { "kind",     "sicker",  "why", USEC_PER_HOUR },
                { "severity", "worst",   "why", USEC_PER_HOUR },
                { "rule",     "",        "why", USEC_PER_HOUR },
                { "mount",    "/srv",    "why", USEC_PER_HOUR },
                { "kind",     "sick",    "",    USEC_PER_HOUR },
                { "kind",     "sick",    "why", 0 },
                { "kind",     "sick",    "why", 91 * USEC_PER_DAY },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s=%s\n", cases[i].key, cases[i].value);
                assert_string_equal(silence(cases[i].key, cases[i].value, cases[i].for_usec, cases[i].reason),
                                    SD_BUS_ERROR_INVALID_ARGS);
        }
        assert_string_equal(silence_all(false), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(silence("filesystem", "/other", USEC_PER_HOUR, "why"), BUS_ERROR_NO_SUCH_FILESYSTEM);
        assert_int_equal(fixture.n_questions, 0);
        engine()->suspend_result = -ENOBUFS;
        assert_string_equal(silence("kind", "sick", USEC_PER_HOUR, "why"), SD_BUS_ERROR_LIMITS_EXCEEDED);
}

static void test_list(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL, *n = NULL;
        const char *id;
        int is_set;

        assert_null(silence("route", "page", USEC_PER_HOUR, "new cable comes"));
        bus_fixture_settle(&fixture);
        assert_true(sd_bus_message_read(bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "SilenceChanged"), "sb",
                                        &id, &is_set) > 0);
        assert_string_equal(id, "77");
        assert_true(is_set);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ListSilences", &reply, ""));
        text = bus_message_text(reply);
        assert_non_null(strstr(text, "new cable comes"));
        assert_non_null(strstr(text, "\"page\""));
        n = bus_fixture_property(&fixture, BUS_PATH, BUS_INTERFACE_MANAGER, "Silences");
        assert_string_equal(n, "1");

        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unsilence", NULL, "sa{sv}",
                                     "77", 0));
        bus_fixture_settle(&fixture);
        assert_true(sd_bus_message_read(bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "SilenceChanged"), "sb",
                                        &id, &is_set) > 0);
        assert_false(is_set);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unsilence", NULL,
                                             "sa{sv}", "77", 0), BUS_ERROR_NO_SUCH_SILENCE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_match, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_who_is_asked, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_bad, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
