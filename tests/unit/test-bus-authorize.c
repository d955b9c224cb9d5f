/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what: every answer polkit can give or keep to itself, what changes while a person thinks, and the
 * limits. The test plays polkit and the bus on the other end of a socketpair.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-authorize.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

#define UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"
#define NOBODY_TO_ASK SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED
#define FS_PATH "/org/xfs/Healer/fs/0b5f1f2e_5d5d_4b6b_9c4e_1f2e3d4c5b6a"

static const FakeFilesystem srv = {
        /* 8:1 */
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = UUID, .device_number = 0x801,
};

/* Deadlines that pass at once for those who wait, and never for those who do not. */
static const BusServerOptions short_deadlines = {
        .authorize_interactive_usec = 1, .authorize_timeout_usec = 1,
};
static const BusServerOptions short_interactive = {
        .authorize_interactive_usec = 1, .authorize_timeout_usec = USEC_PER_HOUR,
};

static const char *scrub(BusFixture *fixture, bool is_interactive) {
        return bus_fixture_call(fixture, is_interactive, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", NULL, "a{sv}", 0);
}

static void test_answers(void **state _unused_) {
        static const struct {
                const char *name;
                FakePolkit polkit;
                uint32_t uid;
                const char *error;
                unsigned n_questions;
        } cases[] = {
                { "allowed",                 FAKE_POLKIT_ALLOW,     1000,       NULL,                              1 },
                { "refused",                 FAKE_POLKIT_DENY,      1000,       SD_BUS_ERROR_ACCESS_DENIED,        1 },
                { "nobody to ask",           FAKE_POLKIT_CHALLENGE, 1000,       NOBODY_TO_ASK,                     1 },
                { "dismissed",               FAKE_POLKIT_DISMISS,   1000,       BUS_ERROR_AUTHORIZATION_DISMISSED, 1 },
                { "absent",                  FAKE_POLKIT_ABSENT,    1000,       BUS_ERROR_NO_POLKIT,               1 },
                { "nonsense",                FAKE_POLKIT_NONSENSE,  1000,       SD_BUS_ERROR_ACCESS_DENIED,        1 },
                { "root, polkit absent",     FAKE_POLKIT_ABSENT,    0,          NULL,                              0 },
                { "root, polkit hangs",      FAKE_POLKIT_SILENT,    0,          NULL,                              0 },
                { "the bus knows no caller", FAKE_POLKIT_ALLOW,     UINT32_MAX, SD_BUS_ERROR_ACCESS_DENIED,        0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BusFixture fixture;
                const char *error;

                print_message("%s\n", cases[i].name);
                bus_fixture_init(&fixture, NULL);
                fake_engine_add_filesystem(fixture.engine, &srv);
                fixture.polkit = cases[i].polkit;
                fixture.caller_uid = cases[i].uid;
                error = scrub(&fixture, false);
                if (cases[i].error)
                        assert_string_equal(error, cases[i].error);
                else
                        assert_null(error);
                assert_int_equal(fixture.n_questions, cases[i].n_questions);
                assert_int_equal(fake_engine(fixture.engine)->n_orders, cases[i].error ? 0 : 1);
                if (fixture.n_questions > 0)
                        assert_string_equal(fixture.question_subject, CLIENT_NAME);
                bus_fixture_done(&fixture);
        }
}

static void test_interaction_flag(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        assert_null(scrub(&fixture, false));
        assert_int_equal(fixture.question_flags, 0);
        assert_null(scrub(&fixture, true));
        assert_int_equal(fixture.question_flags, 1);
        bus_fixture_done(&fixture);
}

static void test_deadline(void **state _unused_) {
        static const struct {
                const char *name;
                const BusServerOptions *options;
                bool is_interactive;
        } cases[] = {
                { "nobody is asked",    &short_deadlines,   false },
                { "a person is asked",  &short_interactive, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BusFixture fixture;

                print_message("%s\n", cases[i].name);
                bus_fixture_init(&fixture, cases[i].options);
                fake_engine_add_filesystem(fixture.engine, &srv);
                fixture.polkit = FAKE_POLKIT_SILENT;
                assert_string_equal(scrub(&fixture, cases[i].is_interactive), BUS_ERROR_AUTHORIZATION_TIMED_OUT);
                assert_int_equal(fake_engine(fixture.engine)->n_orders, 0);
                bus_fixture_done(&fixture);
        }
}

static bool is_asked(BusFixture *fixture, void *n) {
        return fixture->n_questions >= *(unsigned *) n;
}

static bool is_cancelled(BusFixture *fixture, void *userdata _unused_) {
        return fixture->n_cancels > 0;
}

static bool is_replied(BusFixture *fixture _unused_, void *replied) {
        return *(unsigned *) replied > 0;
}

/* The dialog closes when whoever asked is gone, and nothing is done. */
static void test_caller_leaves(void **state _unused_) {
        unsigned replied = 0, n = 1;
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fixture.polkit = FAKE_POLKIT_SILENT;
        bus_fixture_call_async(&fixture, CLIENT_NAME, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &replied, "a{sv}", 0);
        bus_fixture_wait(&fixture, is_asked, &n);

        bus_fixture_caller_leaves(&fixture, ":1.99");
        bus_fixture_settle(&fixture);
        assert_int_equal(fixture.n_cancels, 0);

        bus_fixture_caller_leaves(&fixture, CLIENT_NAME);
        bus_fixture_wait(&fixture, is_cancelled, NULL);
        bus_fixture_settle(&fixture);
        assert_int_equal(replied, 0);
        assert_int_equal(fake_engine(fixture.engine)->n_orders, 0);
        bus_fixture_done(&fixture);
}

static Filesystem *asked_about;

static void unmount(BusFixture *fixture) {
        fake_engine_remove_filesystem(fixture->engine, asked_about);
}

static void mount_another(BusFixture *fixture) {
        fake_engine_remove_filesystem(fixture->engine, asked_about);
        fake_engine_add_filesystem(fixture->engine, &srv);
}

static void becomes_removable(BusFixture *fixture _unused_) {
        asked_about->facts.is_removable = TRISTATE_YES;
}

static void becomes_protected(BusFixture *fixture) {
        fake_engine(fixture->engine)->order_result = -EACCES;
        fake_engine(fixture->engine)->denied = "protect: srv";
}

/* A person thinks for a while; what holds is what is true after that. */
static void test_changes_meanwhile(void **state _unused_) {
        static const struct {
                const char *name;
                void (*change)(BusFixture *fixture);
                const char *error;
        } cases[] = {
                { "nothing changes",                      NULL,              NULL },
                { "it is unmounted",                      unmount,           SD_BUS_ERROR_UNKNOWN_OBJECT },
                { "another one is there, the same path",  mount_another,     BUS_ERROR_BUSY },
                { "it takes another permission now",      becomes_removable, BUS_ERROR_BUSY },
                { "it is protected now",                  becomes_protected, BUS_ERROR_REFUSED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                BusFixture fixture;
                const char *error;

                print_message("%s\n", cases[i].name);
                bus_fixture_init(&fixture, NULL);
                asked_about = fake_engine_add_filesystem(fixture.engine, &srv);
                fixture.on_question = cases[i].change;
                error = bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", NULL, "a{sv}", 1,
                                         "repair", "b", 1);
                if (cases[i].error)
                        assert_string_equal(error, cases[i].error);
                else
                        assert_null(error);
                /* An answer serves one call. */
                fixture.on_question = NULL;
                fixture.polkit = FAKE_POLKIT_DENY;
                assert_non_null(scrub(&fixture, false));
                bus_fixture_done(&fixture);
        }
}

static void test_limit_of_one_caller(void **state _unused_) {
        unsigned replied = 0, refused = 0, n = BUS_AUTHORIZE_PENDING_PER_SENDER_MAX, other = n + 1;
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fixture.polkit = FAKE_POLKIT_SILENT;
        for (unsigned i = 0; i < n; i++)
                bus_fixture_call_async(&fixture, CLIENT_NAME, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &replied,
                                       "a{sv}", 0);
        bus_fixture_wait(&fixture, is_asked, &n);
        assert_string_equal(scrub(&fixture, false), SD_BUS_ERROR_LIMITS_EXCEEDED);

        /* Others are not hindered, and neither is what needs no permission. */
        bus_fixture_call_async(&fixture, ":1.8", FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &refused, "a{sv}", 0);
        bus_fixture_wait(&fixture, is_asked, &other);
        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "GetFilesystem", NULL, "s",
                                     "/srv"));
        assert_int_equal(replied, 0);
        assert_int_equal(refused, 0);
        bus_fixture_done(&fixture);
}

static void test_limit_of_all(void **state _unused_) {
        unsigned replied = 0, refused = 0, by_root = 0, n = BUS_AUTHORIZE_PENDING_MAX;
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fixture.polkit = FAKE_POLKIT_SILENT;
        for (unsigned i = 0; i < n; i++) {
                unsigned n_asked = i + 1;
                char sender[32];

                fixture.caller_uid = 1000 + i / BUS_AUTHORIZE_PENDING_PER_USER_MAX;
                (void) snprintf(sender, sizeof(sender), ":1.%u", 100 + i);
                bus_fixture_call_async(&fixture, sender, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &replied,
                                       "a{sv}", 0);
                bus_fixture_wait(&fixture, is_asked, &n_asked);
        }
        fixture.caller_uid++;
        bus_fixture_call_async(&fixture, ":1.9", FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &refused, "a{sv}", 0);
        bus_fixture_wait(&fixture, is_replied, &refused);
        assert_int_equal(replied, 0);
        assert_int_equal(fake_engine(fixture.engine)->n_orders, 0);

        /* Nobody can lock out root by filling the list. */
        fixture.caller_uid = 0;
        bus_fixture_call_async(&fixture, ":1.10", FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &by_root, "a{sv}", 0);
        bus_fixture_wait(&fixture, is_replied, &by_root);
        assert_int_equal(fake_engine(fixture.engine)->n_orders, 1);
        bus_fixture_done(&fixture);
}

/* However many connections one user opens, others are still asked. */
static void test_limit_of_user(void **state _unused_) {
        unsigned replied = 0, refused = 0, n = BUS_AUTHORIZE_PENDING_PER_USER_MAX;
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fixture.polkit = FAKE_POLKIT_SILENT;
        for (unsigned i = 0; i < n; i++) {
                char sender[32];

                (void) snprintf(sender, sizeof(sender), ":1.%u", 100 + i);
                bus_fixture_call_async(&fixture, sender, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &replied,
                                       "a{sv}", 0);
        }
        bus_fixture_wait(&fixture, is_asked, &n);
        bus_fixture_call_async(&fixture, ":1.9", FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &refused, "a{sv}", 0);
        bus_fixture_wait(&fixture, is_replied, &refused);
        assert_int_equal(fixture.n_questions, n);

        fixture.caller_uid++;
        bus_fixture_call_async(&fixture, ":1.10", FS_PATH, BUS_INTERFACE_FILESYSTEM, "Scrub", &replied, "a{sv}", 0);
        n++;
        bus_fixture_wait(&fixture, is_asked, &n);
        assert_int_equal(replied, 0);
        bus_fixture_done(&fixture);
}

/* Every guarded row of the table, called by somebody whom polkit refuses: nothing happens. */
static void test_nothing_before_permission(void **state _unused_) {
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(scrub(&fixture, false), SD_BUS_ERROR_ACCESS_DENIED);
        assert_string_equal(bus_fixture_call(&fixture, false, FS_PATH, BUS_INTERFACE_FILESYSTEM, "Repair", NULL,
                                             "a{sv}", 1, "structure", "s", "fscounters"),
                            SD_BUS_ERROR_ACCESS_DENIED);
        assert_string_equal(
                bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "ReloadPolicy", NULL, ""),
                SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(fake_engine(fixture.engine)->n_orders, 0);
        assert_int_equal(fake_engine(fixture.engine)->n_reloads, 0);
        bus_fixture_done(&fixture);
}

static void test_table(void **state _unused_) {
        const BusGuard *guards;
        size_t n;

        guards = bus_guards(&n);
        for (size_t i = 0; i < n; i++) {
                print_message("%s.%s variant %d\n", guards[i].interface, guards[i].member, (int) guards[i].variant);
                /* One row for each: the first one would hide the second. */
                assert_ptr_equal(bus_guard_find(guards[i].interface, guards[i].member, guards[i].variant), guards + i);
                assert_true(bus_guard_knows(guards[i].interface, guards[i].member));
                if (guards[i].action)
                        assert_non_null(guards[i].message);
        }
        assert_null(bus_guard_find(BUS_INTERFACE_FILESYSTEM, "Repair", BUS_VARIANT_PLAIN));
        assert_null(bus_guard_find(BUS_INTERFACE_MANAGER, "Format", BUS_VARIANT_PLAIN));
        assert_null(bus_guard_find(NULL, NULL, BUS_VARIANT_PLAIN));
        assert_false(bus_guard_knows(BUS_INTERFACE_MANAGER, "Format"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_interaction_flag),
                cmocka_unit_test(test_deadline),
                cmocka_unit_test(test_caller_leaves),
                cmocka_unit_test(test_changes_meanwhile),
                cmocka_unit_test(test_limit_of_one_caller),
                cmocka_unit_test(test_limit_of_all),
                cmocka_unit_test(test_limit_of_user),
                cmocka_unit_test(test_nothing_before_permission),
                cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
