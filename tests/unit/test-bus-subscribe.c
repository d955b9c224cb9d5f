/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.Subscribe over a socketpair: who may, what is sent to whom, and who is cut off.
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
#include "src/bus/bus-names.h"
#include "src/bus/bus-subscribe.h"
#include "tests/unit/bus-fixture.h"
#include "tests/unit/history-rows.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef" /* that of the rows */
#define OTHER_UUID "0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a"

static const FakeFilesystem srv = {
        .device = "/dev/loop7", .mount_point = "/srv", .uuid = UUID, .device_number = 0x701,
};
static const FakeFilesystem other = {
        .device = "/dev/sda1", .mount_point = "/other", .uuid = OTHER_UUID, .device_number = 0x801,
};

typedef struct Setup {
        BusFixture fixture;
        HistoryTold told;
        void *listener;
        bool is_mute;                   /* asked for a sign of life, the client gives none */
        unsigned n_pings;
} Setup;

static int fake_query(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        (void) userdata;
        (void) query;
        on_answer(answer_userdata, NULL, 0);
        return 0;
}

static void fake_listen(void *userdata, HistoryTold on_row, void *listener) {
        Setup *s = userdata;

        s->told = on_row;
        s->listener = listener;
}

static int on_ping(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        Setup *s = userdata;

        if (!sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Peer", "Ping"))
                return 0;
        s->n_pings++;
        return s->is_mute;
}

static void set_up(Setup *s) {
        const BusServerOptions options = {
                .change_interval_usec = 1,
                .history = { .query = fake_query, .listen = fake_listen, .userdata = s },
        };

        *s = (Setup) {};
        bus_fixture_init(&s->fixture, &options);
        fake_engine_add_filesystem(s->fixture.engine, &srv);
        fake_engine_add_filesystem(s->fixture.engine, &other);
        assert_true(sd_bus_add_filter(s->fixture.client, NULL, on_ping, s) >= 0);
        assert_non_null(s->told);
}

static void tear_down(Setup *s) {
        bus_fixture_done(&s->fixture);
        assert_null(s->told);
}

static const char *subscribe(Setup *s, const char *filesystem) {
        return bus_fixture_call(&s->fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Subscribe", NULL, "a{sv}", 1,
                                "filesystem", "s", filesystem);
}

static void happen(Setup *s, unsigned n) {
        HistoryValues values = history_test_values(42, 1000);
        HistoryMessage message;

        for (unsigned i = 0; i < n; i++) {
                history_message_set_row(&message, HISTORY_RECORD, i + 1, &values);
                s->told(s->listener, &message.row);
        }
}

static unsigned n_records(Setup *s) {
        bus_fixture_settle(&s->fixture);
        return bus_fixture_count_signals(&s->fixture, BUS_INTERFACE_MANAGER, "Record");
}

static uint64_t property(Setup *s, const char *name) {
        _cleanup_(free_at) char *text = bus_fixture_property(&s->fixture, BUS_PATH, BUS_INTERFACE_MANAGER, name);

        return strtoull(text, NULL, 10);
}

static void test_records(void **state _unused_) {
        sd_bus_message *record;
        Setup s;

        set_up(&s);
        happen(&s, 1);
        assert_int_equal(n_records(&s), 0);
        assert_null(subscribe(&s, ""));
        assert_string_equal(s.fixture.question_action, POLKIT_ACTION_READ_EVENTS);
        assert_int_equal(property(&s, "Subscribers"), 1);

        happen(&s, 1);
        assert_int_equal(n_records(&s), 1);
        record = bus_fixture_signal(&s.fixture, BUS_INTERFACE_MANAGER, "Record");
        /* To this one alone, whatever else is on the bus. */
        assert_string_equal(sd_bus_message_get_destination(record), CLIENT_NAME);
        assert_true(bus_fixture_signals_contain(&s.fixture, "agno 0x3 finobt: sick"));
        assert_true(bus_fixture_signals_contain(&s.fixture, "\"inode\""));
        assert_false(bus_fixture_signals_contain(&s.fixture, "\"facts\""));

        assert_null(bus_fixture_call(&s.fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Unsubscribe", NULL, ""));
        assert_int_equal(property(&s, "Subscribers"), 0);
        happen(&s, 1);
        assert_int_equal(n_records(&s), 1);
        tear_down(&s);
}

static void test_one_filesystem(void **state _unused_) {
        Setup s;

        set_up(&s);
        assert_null(subscribe(&s, "/other"));
        happen(&s, 1);
        assert_int_equal(n_records(&s), 0);
        /* Asked again it is the same subscription, with other options. */
        assert_null(subscribe(&s, "/srv"));
        assert_int_equal(property(&s, "Subscribers"), 1);
        happen(&s, 1);
        assert_int_equal(n_records(&s), 1);
        assert_string_equal(subscribe(&s, "/nowhere"), BUS_ERROR_NO_SUCH_FILESYSTEM);
        assert_string_equal(bus_fixture_call(&s.fixture, false, BUS_PATH, BUS_INTERFACE_MANAGER, "Subscribe", NULL,
                                             "a{sv}", 1, "colour", "s", "red"), SD_BUS_ERROR_INVALID_ARGS);
        tear_down(&s);
}

static void test_denied(void **state _unused_) {
        Setup s;

        set_up(&s);
        s.fixture.polkit = FAKE_POLKIT_DENY;
        assert_string_equal(subscribe(&s, ""), SD_BUS_ERROR_ACCESS_DENIED);
        happen(&s, 1);
        assert_int_equal(n_records(&s), 0);
        tear_down(&s);
}

static void test_who_leaves(void **state _unused_) {
        Setup s;

        set_up(&s);
        assert_null(subscribe(&s, ""));
        bus_fixture_caller_leaves(&s.fixture, CLIENT_NAME);
        bus_fixture_settle(&s.fixture);
        assert_int_equal(property(&s, "Subscribers"), 0);
        assert_int_equal(property(&s, "SubscribersCut"), 0);
        tear_down(&s);
}

/* Whoever reads may have as many as there are. */
static void test_signs_of_life(void **state _unused_) {
        Setup s;

        set_up(&s);
        s.fixture.is_deaf = true;
        assert_null(subscribe(&s, ""));
        for (unsigned i = 0; i < 3 * BUS_SUBSCRIPTION_UNREAD_RECORDS_MAX; i += BUS_SUBSCRIPTION_ASK_RECORDS) {
                happen(&s, BUS_SUBSCRIPTION_ASK_RECORDS);
                bus_fixture_settle(&s.fixture);
        }
        assert_int_equal(property(&s, "Subscribers"), 1);
        assert_int_equal(s.n_pings, 3 * BUS_SUBSCRIPTION_UNREAD_RECORDS_MAX / BUS_SUBSCRIPTION_ASK_RECORDS);
        tear_down(&s);
}

static void test_who_does_not_read_is_cut_off(void **state _unused_) {
        Setup s;

        set_up(&s);
        s.fixture.is_deaf = s.is_mute = true;
        assert_null(subscribe(&s, ""));
        for (unsigned i = 0; i < BUS_SUBSCRIPTION_UNREAD_RECORDS_MAX; i++) {
                happen(&s, 1);
                bus_fixture_settle(&s.fixture);
        }
        assert_int_equal(property(&s, "Subscribers"), 1);
        assert_int_equal(s.n_pings, 1);
        happen(&s, 1);
        assert_int_equal(property(&s, "Subscribers"), 0);
        assert_int_equal(property(&s, "SubscribersCut"), 1);
        /* It may come back. */
        s.is_mute = false;
        assert_null(subscribe(&s, ""));
        tear_down(&s);
}

static uint64_t n_queued(Setup *s) {
        uint64_t n = 0;

        assert_true(sd_bus_get_n_queued_write(s->fixture.service, &n) >= 0);
        return n;
}

/* The bus does not read: records leave room for the signals to everybody, and who missed some is told how many. */
static void test_bus_does_not_read(void **state _unused_) {
        const HealthEvent event = { .id = 7, .kind = EVENT_SICK, .count = 1 };
        unsigned n_replied = 0, n = 0;
        Setup s;

        set_up(&s);
        for (unsigned i = 0; i < BUS_SUBSCRIPTIONS_PER_USER_MAX; i++) {
                char sender[32];

                (void) snprintf(sender, sizeof(sender), ":1.%u", 100 + i);
                bus_fixture_call_async(&s.fixture, sender, BUS_PATH, BUS_INTERFACE_MANAGER, "Subscribe", &n_replied,
                                       "a{sv}", 0);
        }
        bus_fixture_settle(&s.fixture);
        assert_int_equal(n_replied, BUS_SUBSCRIPTIONS_PER_USER_MAX);
        s.fixture.is_deaf = true;
        /* The buffer of the socket takes some megabytes first. */
        while (n_queued(&s) < BUS_RECORDS_QUEUED_MAX) {
                assert_true(n++ < BUS_SUBSCRIPTION_UNREAD_RECORDS_MAX - 16);
                happen(&s, 1);
        }
        happen(&s, 5);
        assert_int_equal(n_queued(&s), BUS_RECORDS_QUEUED_MAX);
        fake_engine_tell_event(s.fixture.engine, &event, NULL, NULL);
        assert_int_equal(n_queued(&s), BUS_RECORDS_QUEUED_MAX + 1);

        bus_fixture_settle(&s.fixture);
        assert_true(property(&s, "SignalsDropped") >= 5 * BUS_SUBSCRIPTIONS_PER_USER_MAX);
        s.fixture.is_deaf = false;
        happen(&s, 1);
        assert_int_equal(n_records(&s), BUS_SUBSCRIPTIONS_PER_USER_MAX);
        assert_true(bus_fixture_signals_contain(&s.fixture, "\"missed\""));
        bus_fixture_forget_signals(&s.fixture);
        happen(&s, 1);
        assert_int_equal(n_records(&s), BUS_SUBSCRIPTIONS_PER_USER_MAX);
        assert_false(bus_fixture_signals_contain(&s.fixture, "\"missed\""));
        tear_down(&s);
}

static void test_limits(void **state _unused_) {
        unsigned n_replied = 0;
        Setup s;

        set_up(&s);
        for (unsigned i = 0; i < BUS_SUBSCRIPTIONS_PER_USER_MAX; i++) {
                char sender[32];

                (void) snprintf(sender, sizeof(sender), ":1.%u", 100 + i);
                bus_fixture_call_async(&s.fixture, sender, BUS_PATH, BUS_INTERFACE_MANAGER, "Subscribe", &n_replied,
                                       "a{sv}", 0);
                bus_fixture_settle(&s.fixture);
        }
        assert_int_equal(n_replied, BUS_SUBSCRIPTIONS_PER_USER_MAX);
        assert_int_equal(property(&s, "Subscribers"), BUS_SUBSCRIPTIONS_PER_USER_MAX);
        assert_string_equal(subscribe(&s, ""), SD_BUS_ERROR_LIMITS_EXCEEDED);
        /* Others are not kept out by this one. */
        s.fixture.caller_uid = 1001;
        assert_null(subscribe(&s, ""));
        tear_down(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_one_filesystem),
                cmocka_unit_test(test_denied),
                cmocka_unit_test(test_who_leaves),
                cmocka_unit_test(test_signs_of_life),
                cmocka_unit_test(test_who_does_not_read_is_cut_off),
                cmocka_unit_test(test_bus_does_not_read),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
