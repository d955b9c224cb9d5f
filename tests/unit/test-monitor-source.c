/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a health monitor, played by a pipe, is read, and when what it said is handed on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "kernel/xfs-abi.h"
#include "src/source/monitor-source.h"

typedef struct Setup {
        sd_event *event;
        RecordRing *ring;
        MonitorSource *source;
        int monitor_fd, writer;
        size_t n_read, n_events, n_ends;
} Setup;

static void on_read(void *userdata, uint64_t filesystem_id, uint64_t n_records) {
        Setup *s = userdata;

        assert_int_equal(filesystem_id, 17);
        s->n_read = n_records;
}

static void on_event(void *userdata, const HealthEvent *event) {
        Setup *s = userdata;

        assert_int_equal(event->filesystem_id, 17);
        s->n_events++;
        record_ring_release(s->ring, event->kept_as);
}

static void on_end(void *userdata, _unused_ uint64_t filesystem_id, int error) {
        Setup *s = userdata;

        assert_int_equal(error, 0);
        s->n_ends++;
        s->source = monitor_source_free(s->source);
}

static int setup(void **state) {
        static Setup s;
        const EventSink sink = { .on_event = on_event, .on_end = on_end, .on_read = on_read, .userdata = &s };
        RingMonitor *account;
        int fds[2];

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(record_ring_new(&s.ring), 0);
        assert_int_equal(record_ring_add_monitor(s.ring, 0, 0x700, &account), 0);
        assert_int_equal(pipe2(fds, O_NONBLOCK|O_CLOEXEC), 0);
        s.monitor_fd = fds[0];
        s.writer = fds[1];
        assert_int_equal(monitor_source_new(s.event, s.monitor_fd, 17, &sink, s.ring, account, NULL, &s.source), 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        monitor_source_free(s->source);
        close_fd(s->monitor_fd);
        close_fd(s->writer);
        record_ring_free(s->ring);
        sd_event_unref(s->event);
        return 0;
}

static void report(const Setup *s, size_t n) {
        const struct abi_xfs_health_monitor_event record = {
                .domain = ABI_XFS_HEALTH_MONITOR_DOMAIN_AG,
                .type = ABI_XFS_HEALTH_MONITOR_TYPE_SICK,
                .time_ns = 1,
                .e.group = { .mask = ABI_XFS_AG_GEOM_SICK_FINOBT, .gno = 1 },
        };

        for (size_t i = 0; i < n; i++)
                assert_int_equal(write(s->writer, &record, sizeof(record)), sizeof(record));
}

static void turn_once(Setup *s) {
        assert_true(sd_event_run(s->event, 0) > 0);
}

/* Deadlines of the test itself are only there to end what would never end. */
static void run_until_events(Setup *s, size_t n) {
        for (unsigned i = 0; s->n_events < n && i < 1000; i++)
                assert_true(sd_event_run(s->event, 10000) >= 0);
        assert_int_equal(s->n_events, n);
}

/* What is reported after a calm is handed on before the loop does anything else. */
static void test_calm(void **state) {
        Setup *s = *state;

        report(s, 2);
        turn_once(s);
        assert_int_equal(s->n_read, 2);
        assert_int_equal(s->n_events, 2);
}

/* Many, or one more soon after: there may be a storm, in which the monitor is read by the clock. */
static void test_no_calm(void **state) {
        Setup *s = *state;

        report(s, 20);
        turn_once(s);
        assert_int_equal(s->n_read, 20);
        assert_int_equal(s->n_events, 0);

        report(s, 1);
        for (unsigned i = 0; s->n_read < 21 && i < 1000; i++)
                assert_true(sd_event_run(s->event, 10000) >= 0);
        assert_int_equal(s->n_read, 21);
        assert_true(s->n_events < 21);
        run_until_events(s, 21);
}

static void test_end(void **state) {
        Setup *s = *state;

        report(s, 1);
        s->writer = close_fd(s->writer);
        run_until_events(s, 1);
        for (unsigned i = 0; s->n_ends == 0 && i < 1000; i++)
                assert_true(sd_event_run(s->event, 10000) >= 0);
        assert_int_equal(s->n_ends, 1);
        assert_int_equal(record_ring_count(s->ring), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_calm, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_calm, setup, teardown),
                cmocka_unit_test_setup_teardown(test_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
