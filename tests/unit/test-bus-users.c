/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1.ListUsers: who is asked, what is shown of the answer, and what is said when none comes.
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

static const WorkerUser users[] = {
        {
                .kind = USER_PROCESS, .uses = USE_OPEN | USE_WORKING, .pid = 4242, .uid = 26, .n_files = 7,
                .owner = WORKLOAD_USER_NONE, .start_ticks = 123456789, .pidfd_inode = 999, .name = "post\ngres\xff",
                .detail = "/usr/bin/postgres", .unit = "postgresql@main.service", .slice = "system.slice",
        },
        {
                .kind = USER_PROCESS, .uses = USE_MAPPED | USE_UNKNOWN, .pid = 17, .uid = UINT32_MAX, .owner = 1000,
                .runtime = RUNTIME_PODMAN, .container = "5e5e", .pod = "some-pod", .user_unit = "libpod-5e5e.scope",
                .session = "3", .spared_because = "is somebody's session",
        },
        {
                .kind = USER_LOOP, .uid = UINT32_MAX, .owner = UINT32_MAX, .name = "loop3", .detail = "/srv/disk",
                .spared_because = "belongs to the kernel",
        },
};

static void set_up(BusFixture *fixture) {
        bus_fixture_init(fixture, NULL);
        fake_engine_add_filesystem(fixture->engine, &srv);
        fake_engine(fixture->engine)->users = users;
        fake_engine(fixture->engine)->n_users = ELEMENTSOF(users);
        fake_engine(fixture->engine)->users_end = (WorkerUsersEnd) { .n_processes = 300, .n_users = 4, .n_untold = 1 };
}

static const char *list(BusFixture *fixture, sd_bus_message **ret_reply) {
        return bus_fixture_call(fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "ListUsers", ret_reply, "a{sv}", 0);
}

static void test_answer(void **state _unused_) {
        static const char *const parts[] = {
                "\"process\"", "UINT32 4242", "UINT64 123456789", "UINT64 999", "UINT32 26", "\"open\"",
                "\"working-directory\"", "\"postgresql@main.service\"", "\"system.slice\"", "\"program\"", "\"taken\"",
                "\"mapped\"", "\"unknown\"", "\"owner-uid\"", "\"podman\"", "\"5e5e\"", "\"some-pod\"", "\"user-unit\"",
                "\"session\"", "\"spared-because\"", "\"is somebody's session\"", "\"loop\"", "\"loop3\"", "\"path\"",
                "\"untold\"", "UINT32 300", "\"duration-usec\"",
        };
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(free_at) char *text = NULL;
        BusFixture fixture;

        set_up(&fixture);
        assert_null(list(&fixture, &reply));
        assert_string_equal(fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_non_null(strstr(fixture.question_details, "/srv"));
        assert_string_equal(sd_bus_message_get_signature(reply, true), "aa{sv}a{sv}");
        text = bus_message_text(reply);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                print_message("%s\n", parts[i]);
                assert_non_null(strstr(text, parts[i]));
        }
        assert_int_equal(fake_engine(fixture.engine)->users_inode, 0);
        bus_fixture_done(&fixture);
}

static void test_options(void **state _unused_) {
        BusFixture fixture;

        set_up(&fixture);
        assert_null(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "ListUsers", NULL, "a{sv}", 1,
                                     "inode", "t", UINT64_C(131)));
        assert_int_equal(fake_engine(fixture.engine)->users_inode, 131);
        assert_string_equal(bus_fixture_call(&fixture, false, PATH, BUS_INTERFACE_FILESYSTEM, "ListUsers", NULL,
                                             "a{sv}", 1, "colour", "s", "red"),
                            SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(fake_engine(fixture.engine)->n_users_questions, 1);
        bus_fixture_done(&fixture);
}

static void test_denied(void **state _unused_) {
        BusFixture fixture;

        set_up(&fixture);
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_non_null(list(&fixture, NULL));
        assert_int_equal(fake_engine(fixture.engine)->n_users_questions, 0);
        bus_fixture_done(&fixture);
}

static void test_failures(void **state _unused_) {
        static const struct {
                const char *name;
                int result, end;
                const char *error;
        } cases[] = {
                { "no worker", -ENOTCONN, 0, BUS_ERROR_NO_WORKER },
                { "too many ask", -ENOBUFS, 0, SD_BUS_ERROR_LIMITS_EXCEEDED },
                { "unmounted meanwhile", 0, ESTALE, BUS_ERROR_NO_SUCH_FILESYSTEM },
                { "others are looked up", 0, EBUSY, BUS_ERROR_BUSY },
                { "the worker died", 0, ENOTCONN, BUS_ERROR_NO_WORKER },
                { "healerd ends", 0, ESHUTDOWN, BUS_ERROR_NO_WORKER },
                { "takes too long", 0, ETIMEDOUT, BUS_ERROR_FAILED },
                { "the look died", 0, EIO, BUS_ERROR_FAILED },
        };
        BusFixture fixture;

        set_up(&fixture);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                fake_engine(fixture.engine)->users_result = cases[i].result;
                fake_engine(fixture.engine)->users_end.error = cases[i].end;
                assert_string_equal(list(&fixture, NULL), cases[i].error);
        }
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answer),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_denied),
                cmocka_unit_test(test_failures),
        };

        return cmocka_run_group_tests_name("bus-users", tests, NULL, NULL);
}
