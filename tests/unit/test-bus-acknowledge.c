/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Acknowledging conditions over the bus: what may be said, who is asked first, and what the engine hears of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

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
static Filesystem *filesystem;

static int set_up(void **state _unused_) {
        bus_fixture_init(&fixture, NULL);
        filesystem = fake_engine_add_filesystem(fixture.engine, &srv);
        fake_engine(fixture.engine)->acknowledge_result = 1;
        return 0;
}

static int tear_down(void **state _unused_) {
        bus_fixture_done(&fixture);
        return 0;
}

static FakeEngine *engine(void) {
        return fake_engine(fixture.engine);
}

static const char *acknowledge(const char *code, const char *target, const char *reason, bool is_all) {
        return bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Acknowledge", NULL, "ssa{sv}", code,
                                target, 2, "reason", "s", reason, "all", "b", is_all);
}

static void test_one(void **state _unused_) {
        assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Acknowledge", NULL, "ssa{sv}",
                                     "data-lost", "ino 131 gen 0x5", 1, "reason", "s", "restored, ticket 7"));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_ACKNOWLEDGE);
        assert_non_null(strstr(fixture.question_details, "data-lost"));
        assert_non_null(strstr(fixture.question_details, "ino 131 gen 0x5"));
        assert_non_null(strstr(fixture.question_details, "/srv"));
        assert_int_equal(engine()->n_acknowledged, 1);
        assert_int_equal(engine()->last_acknowledgement.code, CONDITION_DATA_LOST);
        assert_false(engine()->last_acknowledgement.is_all);
        assert_true(engine()->last_acknowledgement.caller_uid != BUS_UID_NONE);
        assert_string_equal(engine()->last_target, "ino 131 gen 0x5");
        assert_string_equal(engine()->last_reason, "restored, ticket 7");
}

static void test_all(void **state _unused_) {
        assert_null(acknowledge("io-error", "", "new cable", true));
        assert_true(engine()->last_acknowledgement.is_all);
        assert_string_equal(engine()->last_target, "");
}

static void test_bad(void **state _unused_) {
        static const struct {
                const char *what, *code, *target, *reason;
                bool is_all;
        } cases[] = {
                { "no such code",       "io-errors", "",      "why",          false },
                { "no code",            "",          "",      "why",          false },
                { "both",               "io-error",  "ino 1", "why",          true  },
                { "no reason",          "io-error",  "",      "",             false },
                { "blank reason",       "io-error",  "",      "   ",          false },
                { "two lines",          "io-error",  "",      "one\ntwo",     false },
                { "controls",           "io-error",  "",      "red \x1b[31m", false },
        };
        char target[CONDITION_TARGET_SIZE + 1], reason[258];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].what);
                assert_string_equal(acknowledge(cases[i].code, cases[i].target, cases[i].reason, cases[i].is_all),
                                    SD_BUS_ERROR_INVALID_ARGS);
        }
        memset(reason, 'x', sizeof(reason) - 1);
        reason[sizeof(reason) - 1] = 0;
        assert_string_equal(acknowledge("io-error", "", reason, false), SD_BUS_ERROR_INVALID_ARGS);
        memset(target, 'x', sizeof(target) - 1);
        target[sizeof(target) - 1] = 0;
        assert_string_equal(acknowledge("io-error", target, "why", false), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Acknowledge", NULL,
                                             "ssa{sv}", "io-error", "", 0), SD_BUS_ERROR_INVALID_ARGS);
        assert_string_equal(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "Acknowledge", NULL,
                                             "ssa{sv}", "io-error", "", 2, "reason", "s", "why", "for", "s", "ever"),
                            SD_BUS_ERROR_INVALID_ARGS);
        /* Nobody is asked for a password for what makes no sense. */
        assert_int_equal(fixture.n_questions, 0);
        assert_int_equal(engine()->n_acknowledged, 0);

        /* The longest there may be. */
        reason[256] = 0;
        target[CONDITION_TARGET_SIZE - 1] = 0;
        assert_null(acknowledge("io-error", target, reason, false));
        assert_string_equal(engine()->last_target, target);
}

static void test_denied(void **state _unused_) {
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(acknowledge("io-error", "", "why", false), SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(engine()->n_acknowledged, 0);
}

static void test_refused(void **state _unused_) {
        engine()->acknowledge_result = -ENOMSG;
        assert_string_equal(acknowledge("io-error", "", "why", false), BUS_ERROR_NO_SUCH_CONDITION);
        fake_engine_raise(fixture.engine, filesystem, CONDITION_DATA_LOST, "ino 131 gen 0x5", "lost");
        assert_string_equal(acknowledge("data-lost", "", "why", false), BUS_ERROR_NO_SUCH_CONDITION);
        engine()->acknowledge_result = -EACCES;
        assert_string_equal(acknowledge("sick", "", "why", false), BUS_ERROR_REFUSED);
        engine()->acknowledge_result = 1;
        assert_null(acknowledge("io-error", "", "why", false));
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_one),
                test(test_all),
                test(test_bad),
                test(test_denied),
                test(test_refused),
        };

        return cmocka_run_group_tests_name("bus-acknowledge", tests, NULL, NULL);
}
