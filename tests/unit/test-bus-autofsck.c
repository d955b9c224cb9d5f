/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1.GetAutofsck and SetAutofsck over a socketpair: who may, what is asked of the engine, and the name of each
 * failure.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define PATH BUS_FILESYSTEM_PREFIX "/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .label = "data", .device_number = 0x801,
};

static void set_up(BusFixture *fixture) {
        bus_fixture_init(fixture, NULL);
        fake_engine_add_filesystem(fixture->engine, &srv);
}

static const char *set(BusFixture *fixture, const char *value, const char *key, const char *text) {
        if (!key)
                return bus_fixture_call(fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "SetAutofsck", NULL, "sa{sv}",
                                        value, 0);
        return bus_fixture_call(fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "SetAutofsck", NULL, "sa{sv}", value, 1,
                                key, "s", text);
}

static void test_get(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *value;
        BusFixture fixture;

        set_up(&fixture);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "GetAutofsck", &reply, "a{sv}",
                                     0));
        assert_int_equal(fixture.n_questions, 0);
        assert_true(sd_bus_message_read(reply, "s", &value) > 0);
        assert_string_equal(value, "check");
        assert_false(fake_engine(fixture.engine)->last_autofsck.is_set);
        assert_string_equal(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "GetAutofsck", NULL,
                                             "a{sv}", 1, "colour", "s", "red"), SD_BUS_ERROR_INVALID_ARGS);
        bus_fixture_done(&fixture);
}

static void test_set(void **state _unused_) {
        static const char *const values[] = { "unset", "none", "check", "optimize", "repair" };
        BusFixture fixture;

        set_up(&fixture);
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                assert_null(set(&fixture, values[i], "reason", "it is a scratch disk"));
                assert_string_equal(fixture.question_action, POLKIT_ACTION_SET_AUTOFSCK);
                assert_non_null(strstr(fixture.question_details, values[i]));
                assert_true(fake_engine(fixture.engine)->last_autofsck.is_set);
                assert_string_equal(autofsck_to_name(fake_engine(fixture.engine)->last_autofsck.value), values[i]);
                assert_int_equal(fake_engine(fixture.engine)->last_autofsck.caller_uid, fixture.caller_uid);
                assert_string_equal(fake_engine(fixture.engine)->last_reason, "it is a scratch disk");
        }
        assert_null(set(&fixture, "none", NULL, NULL));
        assert_string_equal(fake_engine(fixture.engine)->last_reason, "");
        bus_fixture_done(&fixture);
}

static void test_refused(void **state _unused_) {
        char longest[300];
        BusFixture fixture;

        set_up(&fixture);
        memset(longest, 'a', sizeof(longest));
        longest[257] = '\0';
        assert_string_equal(set(&fixture, "heal", NULL, NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(set(&fixture, "", NULL, NULL), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(set(&fixture, "none", "colour", "red"), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(set(&fixture, "none", "reason", longest), SD_BUS_ERROR_INVALID_ARGS);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_non_null(set(&fixture, "none", NULL, NULL));
        assert_int_equal(fake_engine(fixture.engine)->n_autofsck, 0);
        bus_fixture_done(&fixture);
}

static void test_failures(void **state _unused_) {
        static const struct {
                int result;             /* negative: at once; positive: in the answer */
                const char *error;
        } cases[] = {
                { -EOPNOTSUPP, BUS_ERROR_NOT_SUPPORTED },
                { -ESHUTDOWN, BUS_ERROR_SHUT_DOWN },
                { -ENOTCONN, BUS_ERROR_NO_WORKER },
                { -ENOBUFS, SD_BUS_ERROR_LIMITS_EXCEEDED },
                { EROFS, BUS_ERROR_READ_ONLY },
                { EIO, BUS_ERROR_SHUT_DOWN },
                { ESTALE, BUS_ERROR_NO_SUCH_FILESYSTEM },
                { EBUSY, BUS_ERROR_BUSY },
                { ETIMEDOUT, BUS_ERROR_BUSY },
                { ENOTCONN, BUS_ERROR_NO_WORKER },
                { ENOSPC, BUS_ERROR_FAILED },
        };
        BusFixture fixture;

        set_up(&fixture);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake_engine(fixture.engine)->autofsck_result = cases[i].result;
                assert_string_equal(set(&fixture, "none", NULL, NULL), cases[i].error);
                print_message("%s\n", bus_fixture_error_text());
        }
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_get),
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_failures),
        };

        return cmocka_run_group_tests_name("bus-autofsck", tests, NULL, NULL);
}
