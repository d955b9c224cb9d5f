/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals of a burst: the first ones at once, the others as one, and nothing is lost without a count.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/bus/bus-burst.h"
#include "src/bus/bus-names.h"
#include "tests/unit/bus-fixture.h"

static const FakeFilesystem srv = {
        .device = "/dev/sda1", .mount_point = "/srv", .uuid = "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a",
        .device_number = 0x801,
};

static uint64_t last_id;

static void happen(BusFixture *fixture, Filesystem *filesystem, EventKind kind, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                const HealthEvent event = {
                        .id = ++last_id, .kind = kind, .count = 3, .filesystem_id = filesystem->id,
                        .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT,
                };

                fake_engine_tell_event(fixture->engine, &event, filesystem, NULL);
        }
        bus_fixture_settle(fixture);
}

static unsigned n_events(BusFixture *fixture) {
        return bus_fixture_count_signals(fixture, BUS_INTERFACE_MANAGER, "Event");
}

/* The first ones come at once and as they are; the end of the second tells of all others together. */
static void test_storm(void **state _unused_) {
        _cleanup_(free_at) char *text = NULL;
        sd_bus_message *signal;
        BusFixture fixture;
        Filesystem *fs;
        uint64_t id;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        happen(&fixture, fs, EVENT_SICK, BUS_BURST_TOLD);
        assert_int_equal(n_events(&fixture), BUS_BURST_TOLD);
        assert_false(bus_fixture_signals_contain(&fixture, "\"signals\""));

        happen(&fixture, fs, EVENT_SICK, 50);
        assert_int_equal(n_events(&fixture), BUS_BURST_TOLD);
        /* Of another kind nothing was told yet. */
        happen(&fixture, fs, EVENT_HEALTHY, 1);
        assert_int_equal(n_events(&fixture), BUS_BURST_TOLD + 1);

        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "Event", BUS_BURST_TOLD + 1);
        signal = bus_fixture_signal(&fixture, BUS_INTERFACE_MANAGER, "Event");
        assert_int_equal(sd_bus_message_read(signal, "t", &id), 1);
        assert_int_equal(id, last_id - 1);
        text = bus_message_text(signal);
        print_message("%s\n", text);
        assert_non_null(strstr(text, "\"signals\""));
        assert_non_null(strstr(text, "UINT64 50;"));
        assert_non_null(strstr(text, "UINT64 150;")); /* reports */

        /* The next second begins anew. */
        happen(&fixture, fs, EVENT_SICK, 1);
        assert_int_equal(n_events(&fixture), BUS_BURST_TOLD + 3);
        bus_fixture_done(&fixture);
}

/* One too many is an ordinary signal, a second late. */
static void test_one_more(void **state _unused_) {
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        happen(&fixture, fs, EVENT_SICK, BUS_BURST_TOLD + 1);
        assert_int_equal(n_events(&fixture), BUS_BURST_TOLD);
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "Event", BUS_BURST_TOLD);
        assert_int_equal(n_events(&fixture), BUS_BURST_TOLD + 1);
        assert_false(bus_fixture_signals_contain(&fixture, "\"signals\""));
        bus_fixture_done(&fixture);
}

/* What differs is not merged: each rule has its own. */
static void test_decisions(void **state _unused_) {
        Decision decision = { .source = DECISION_RULE, .mode = POLICY_MODE_ENFORCE };
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        for (unsigned i = 0; i < 2 * BUS_BURST_TOLD; i++) {
                const HealthEvent event = { .id = ++last_id, .kind = EVENT_SICK, .filesystem_id = fs->id };

                decision.event_id = event.id;
                (void) snprintf(decision.rule_id, sizeof(decision.rule_id), i % 2 ? "one" : "other");
                fake_engine_tell_decision(fixture.engine, &decision, &event, fs);
        }
        bus_fixture_settle(&fixture);
        assert_int_equal(bus_fixture_count_signals(&fixture, BUS_INTERFACE_MANAGER, "Decision"), 2 * BUS_BURST_TOLD);
        for (unsigned i = 0; i < 5; i++)
                fake_engine_tell_decision(fixture.engine, &decision, NULL, fs);
        bus_fixture_settle(&fixture);
        assert_int_equal(bus_fixture_count_signals(&fixture, BUS_INTERFACE_MANAGER, "Decision"), 2 * BUS_BURST_TOLD);
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "Decision", 2 * BUS_BURST_TOLD);
        assert_true(bus_fixture_signals_contain(&fixture, "\"signals\""));
        bus_fixture_done(&fixture);
}

/* A file system that is gone by then has no object, and its burst is told all the same. */
static void test_gone_meanwhile(void **state _unused_) {
        BusFixture fixture;
        Filesystem *fs;

        bus_fixture_init(&fixture, NULL);
        fs = fake_engine_add_filesystem(fixture.engine, &srv);
        happen(&fixture, fs, EVENT_SICK, BUS_BURST_TOLD + 3);
        fake_engine_remove_filesystem(fixture.engine, fs);
        bus_fixture_wait_signals(&fixture, BUS_INTERFACE_MANAGER, "Event", BUS_BURST_TOLD);
        assert_true(bus_fixture_signals_contain(&fixture, "\"signals\""));
        bus_fixture_done(&fixture);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_storm),
                cmocka_unit_test(test_one_more),
                cmocka_unit_test(test_decisions),
                cmocka_unit_test(test_gone_meanwhile),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
