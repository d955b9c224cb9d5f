/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pausing over the bus, the machine and one file system: what may be said, who is asked, how it is shown.
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
#define PATH BUS_FILESYSTEM_PREFIX "/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "data", .device_number = 0x801,
};

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

static const char *pause_all(const char *reason, uint64_t until_usec) {
        return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Pause", NULL, "sa{sv}", reason, 1,
                                "until-usec", "t", until_usec);
}

static const char *pause_one(void) {
        return bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Pause", NULL, "sa{sv}", "why", 0);
}

static void assert_property(const char *path, const char *interface, const char *expected) {
        _cleanup_(free_at) char *value = bus_fixture_property(&fixture, path, interface, "Paused");

        assert_string_equal(value, expected);
}

static void test_all(void **state _unused_) {
        uint64_t until_usec = clock_realtime_usec() + USEC_PER_HOUR;
        unsigned n = bus_fixture_count_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged");

        assert_property(BUS_PATH, BUS_INTERFACE_MANAGER, "false");
        assert_null(pause_all("shelf", until_usec));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_MANAGE_POLICY);
        assert_int_equal(engine()->last_suspend.kind, SUSPENSION_PAUSE);
        assert_string_equal(engine()->last_suspend.id, SUSPENSION_ALL);
        assert_string_equal(engine()->last_suspend.reason, "shelf");
        assert_true(engine()->last_suspend.until_usec == until_usec);
        assert_true(engine()->last_suspend.uid != BUS_UID_NONE);
        assert_property(BUS_PATH, BUS_INTERFACE_MANAGER, "true");
        assert_property(PATH, BUS_INTERFACE_FILESYSTEM, "true");
        bus_fixture_wait_signals(&fixture, "org.freedesktop.DBus.Properties", "PropertiesChanged", n + 1);
        assert_true(bus_fixture_signals_contain(&fixture, "PausedBy"));
        assert_true(bus_fixture_signals_contain(&fixture, "shelf"));

        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Resume", NULL, ""));
        assert_string_equal(engine()->last_unsuspend, "pause all");
        assert_int_equal(engine()->n_resumed, 1);
        assert_property(PATH, BUS_INTERFACE_FILESYSTEM, "false");
}

static void test_one(void **state _unused_) {
        assert_null(pause_one());
        assert_non_null(strstr(fixture.question_details, "/srv"));
        assert_string_equal(engine()->last_suspend.id, UUID);
        assert_true(engine()->last_suspend.until_usec == 0);
        assert_property(BUS_PATH, BUS_INTERFACE_MANAGER, "false");
        assert_property(PATH, BUS_INTERFACE_FILESYSTEM, "true");
        assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Resume", NULL, "a{sv}", 0));
        assert_string_equal(engine()->last_unsuspend, "pause " UUID);
        /* Once more is no mistake. */
        assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Resume", NULL, "a{sv}", 0));
        assert_property(PATH, BUS_INTERFACE_FILESYSTEM, "false");
}

static void test_bad(void **state _unused_) {
        static const char *const reasons[] = { "", "  ", "one\ntwo", "red \x1b[31m" };

        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                assert_string_equal(pause_all(reasons[i], UINT64_MAX), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(pause_all("why", clock_realtime_usec() - 1), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Pause", NULL, "sa{sv}",
                                             "why", 1, "for", "s", "ever"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Resume", NULL, "a{sv}",
                                             1, "all", "b", true), SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(fixture.n_questions, 0);
        assert_int_equal(engine()->n_suspends, 0);
}

static void test_refused(void **state _unused_) {
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(pause_one(), SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(engine()->n_suspends, 0);
        fixture.polkit = FAKE_POLKIT_ALLOW;
        engine()->suspend_result = -ENOBUFS;
        assert_string_equal(pause_one(), SD_BUS_ERROR_LIMITS_EXCEEDED);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_all, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_bad, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
