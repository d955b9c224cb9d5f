/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints what the bus says about our objects, and the table of who may call what, for tests/sync/bus-xml. No test by
 * itself: it fails only if the objects cannot be asked.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "src/bus/bus-authorize.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static void print_object(BusFixture *fixture, const char *path) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        const char *xml;

        assert(bus_fixture_call(fixture, false, path, "org.freedesktop.DBus.Introspectable", "Introspect", &reply,
                                "") == NULL);
        assert(sd_bus_message_read(reply, "s", &xml) >= 0);
        printf("#### %s\n%s\n", path, xml);
}

static void print_guards(void) {
        const BusGuard *guards;
        size_t n;

        guards = bus_guards(&n);
        printf("#### guards\n");
        for (size_t i = 0; i < n; i++)
                printf("%s %s %d %s %s\n", guards[i].interface, guards[i].member, (int) guards[i].variant,
                       guards[i].action ? guards[i].action : "open",
                       guards[i].is_destructive ? "destructive" : "harmless");
}

int main(void) {
        /* 8:1 */
        static const FakeFilesystem srv = { .device = "/dev/sda1", .mount_point = "/srv", .device_number = 0x801 };
        BusFixture fixture;

        bus_fixture_init(&fixture, NULL);
        fake_engine_add_filesystem(fixture.engine, &srv);
        fixture.caller_uid = 0;
        assert(bus_fixture_call(&fixture, false, BUS_FILESYSTEM_PREFIX "/dev_8_1", BUS_INTERFACE_FILESYSTEM, "Scrub",
                                NULL, "a{sv}", 0) == NULL);

        print_object(&fixture, BUS_PATH);
        print_object(&fixture, BUS_FILESYSTEM_PREFIX "/dev_8_1");
        print_object(&fixture, BUS_JOB_PREFIX "/1");
        print_guards();
        bus_fixture_done(&fixture);
        return 0;
}
