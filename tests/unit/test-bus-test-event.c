/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Made-up events over the bus: what may be said of them, and what the engine is given.
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

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a", .label = "data",
        .device_number = 0x801,
};

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static BusFixture fixture;
static Filesystem *filesystem;

static int set_up(void **state _unused_) {
        bus_fixture_init(&fixture, NULL);
        filesystem = fake_engine_add_filesystem(fixture.engine, &srv);
        return 0;
}

static int tear_down(void **state _unused_) {
        bus_fixture_done(&fixture);
        return 0;
}

static FakeEngine *engine(void) {
        return fake_engine(fixture.engine);
}

/* @number: of a group or of an inode, under @key; NULL: neither. */
static const char *inject(const char *kind, const char *name, const char *structure, const char *key, uint32_t number) {
        bool is_inode = key && strcmp(key, "inode") == 0;

        if (!structure)
                return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "InjectTestEvent", NULL,
                                        "a{sv}a{sv}", 2, "kind", "s", kind, "filesystem", "s", name, 0);
        if (!key)
                return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "InjectTestEvent", NULL,
                                        "a{sv}a{sv}", 3, "kind", "s", kind, "filesystem", "s", name, "structure", "s",
                                        structure, 0);
        if (is_inode)
                return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "InjectTestEvent", NULL,
                                        "a{sv}a{sv}", 4, "kind", "s", kind, "filesystem", "s", name, "structure", "s",
                                        structure, key, "t", (uint64_t) number, 0);
        return bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "InjectTestEvent", NULL,
                                "a{sv}a{sv}", 4, "kind", "s", kind, "filesystem", "s", name, "structure", "s",
                                structure, key, "u", number, 0);
}

static void test_good(void **state _unused_) {
        static const struct {
                const char *kind, *name, *structure, *key;
                EventDomain domain;
                Structure expected;
        } cases[] = {
                { "sick",        "/srv",       "finobt",    "group", DOMAIN_AG,       STRUCTURE_AG_FINOBT },
                { "sick",        "/dev/sda1",  "directory", "inode", DOMAIN_INODE,    STRUCTURE_INODE_DIRECTORY },
                { "corrupt",     "/srv",       "nlinks",    NULL,    DOMAIN_FS,       STRUCTURE_FS_NLINKS },
                { "shutdown",    "/srv",       NULL,        NULL,    DOMAIN_MOUNT,    STRUCTURE_NONE },
                { "media-error", "/srv",       NULL,        NULL,    DOMAIN_DATADEV,  STRUCTURE_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const HealthEvent *event = &engine()->last_test_event;

                print_message("%s\n", cases[i].kind);
                assert_null(inject(cases[i].kind, cases[i].name, cases[i].structure, cases[i].key, 3));
                assert_int_equal(event->filesystem_id, filesystem->id);
                assert_int_equal(event->domain, cases[i].domain);
                assert_int_equal(event->structure, cases[i].expected);
                assert_int_equal(event->group, cases[i].domain == DOMAIN_AG ? 3 : 0);
                assert_int_equal(event->inode, cases[i].domain == DOMAIN_INODE ? 3 : 0);
        }
        assert_string_equal(fixture.question_action, POLKIT_ACTION_INJECT_TEST_EVENT);
        assert_non_null(strstr(fixture.question_details, "media-error"));
        assert_non_null(strstr(fixture.question_details, "/srv"));
}

static void test_answer(void **state _unused_) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        uint64_t id;

        assert_null(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "InjectTestEvent", &reply,
                                     "a{sv}a{sv}", 5, "kind", "s", "read-error", "filesystem", "s", "/srv",
                                     "inode", "t", UINT64_C(131), "errno", "s", "EIO", "length-bytes", "t",
                                     UINT64_C(4096), 0));
        assert_true(sd_bus_message_read(reply, "t", &id) > 0);
        assert_int_equal(id, 42);
        assert_int_equal(engine()->last_test_event.error, EIO);
        assert_int_equal(engine()->last_test_event.length_bytes, 4096);
        assert_int_equal(engine()->last_test_event.domain, DOMAIN_FILERANGE);
}

static void test_bad(void **state _unused_) {
        static const struct {
                const char *kind, *name, *structure, *key;
        } cases[] = {
                { "healthy",    "/srv", "finobt", "group" },
                { "sicker",     "/srv", "finobt", "group" },
                { "sick",       "/srv", NULL,     NULL },
                { "sick",       "/srv", "finobts", "group" },
                { "sick",       "/srv", "finobt", "inode" },
                { "sick",       "/srv", "bitmap", "number" },
                { "shutdown",   "/srv", "finobt", "group" },
                { "read-error", "/srv", NULL,     NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s %s\n", cases[i].kind, cases[i].structure ?: "");
                assert_string_equal(inject(cases[i].kind, cases[i].name, cases[i].structure, cases[i].key, 3),
                                    SD_BUS_ERROR_INVALID_ARGS);
        }
        assert_string_equal(inject("shutdown", "/other", NULL, NULL, 0), BUS_ERROR_NO_SUCH_FILESYSTEM);
        assert_string_equal(bus_fixture_call(&fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "InjectTestEvent", NULL,
                                             "a{sv}a{sv}", 2, "kind", "s", "shutdown", "filesystem", "s", "/srv", 1,
                                             "now", "b", true), SD_BUS_ERROR_INVALID_ARGS);
        assert_int_equal(fixture.n_questions, 0);
        assert_int_equal(engine()->n_test_events, 0);
}

static void test_refused(void **state _unused_) {
        fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(inject("shutdown", "/srv", NULL, NULL, 0), SD_BUS_ERROR_ACCESS_DENIED);
        assert_int_equal(engine()->n_test_events, 0);
        fixture.polkit = FAKE_POLKIT_ALLOW;
        engine()->test_event_result = -EBUSY;
        assert_string_equal(inject("shutdown", "/srv", NULL, NULL, 0), BUS_ERROR_BUSY);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_good, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_answer, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_bad, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
