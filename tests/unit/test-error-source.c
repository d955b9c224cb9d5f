/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the bytes of an error watch, played by a pipe, to events.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kernel/error-watch.h"
#include "src/basic/clock.h"
#include "src/source/error-source.h"
#include "tests/unit/error-records.h"

typedef struct Setup {
        sd_event *event;
        ErrorSource *source;
        int writer;
        HealthEvent events[8];
        size_t n_events, n_ends;
        int end_error;
} Setup;

static void on_event(void *userdata, const HealthEvent *event) {
        Setup *s = userdata;

        assert_true(s->n_events < ELEMENTSOF(s->events));
        s->events[s->n_events++] = *event;
}

static void on_end(void *userdata, uint64_t filesystem_id, int error) {
        Setup *s = userdata;

        assert_int_equal(filesystem_id, 17);
        s->n_ends++;
        s->end_error = error;
        /* As the engine does it. */
        s->source = error_source_free(s->source);
}

static int setup(void **state) {
        static Setup s;
        const EventSink sink = { .on_event = on_event, .on_end = on_end, .userdata = &s };
        int fds[2];

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(pipe2(fds, O_NONBLOCK|O_CLOEXEC), 0);
        s.writer = fds[1];
        assert_int_equal(error_source_new(s.event, fds[0], 17, &sink, &s.source), 0);
        assert_int_equal(error_source_fd(s.source), fds[0]);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        error_source_free(s->source);
        close_fd(s->writer);
        sd_event_unref(s->event);
        return 0;
}

static void write_records(Setup *s, const ErrorRecord *records, size_t n, size_t n_cut) {
        uint8_t bytes[8 * ERROR_RECORD_SIZE];
        size_t length = 0;

        for (size_t i = 0; i < n; i++)
                length += error_record_write(records + i, bytes + length);
        assert_int_equal(write(s->writer, bytes, length - n_cut), length - n_cut);
}

static const ErrorRecord two_records[] = {
        { ABI_FAN_FS_ERROR, EIO, 4, INO32_HANDLE(12, 3) },
        { ABI_FAN_FS_ERROR, EUCLEAN, 1, ABI_FILEID_INVALID, 0, {} },
};

static void run_until_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static void check_two(const Setup *s, uint64_t before_nsec) {
        assert_int_equal(s->n_events, 2);
        assert_int_equal(s->events[0].inode, 12);
        assert_int_equal(s->events[0].count, 4);
        assert_int_equal(s->events[1].error, EUCLEAN);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(s->events[i].filesystem_id, 17);
                assert_true(s->events[i].time_realtime_nsec >= before_nsec);
                assert_true(s->events[i].received_boottime_usec > 0);
        }
}

static void test_events(void **state) {
        uint64_t now_nsec = clock_realtime_usec() * NSEC_PER_USEC;
        Setup *s = *state;

        write_records(s, two_records, 2, 0);
        run_until_quiet(s);
        check_two(s, now_nsec);
        assert_int_equal(s->n_ends, 0);

        write_records(s, two_records, 1, 0);
        run_until_quiet(s);
        assert_int_equal(s->n_events, 3);
}

static void test_drain(void **state) {
        uint64_t now_nsec = clock_realtime_usec() * NSEC_PER_USEC;
        Setup *s = *state;

        error_source_drain(s->source);
        assert_int_equal(s->n_events, 0);
        write_records(s, two_records, 2, 0);
        error_source_drain(s->source);
        check_two(s, now_nsec);
}

static void test_half_a_record(void **state) {
        Setup *s = *state;

        write_records(s, two_records, 2, 1);
        run_until_quiet(s);
        assert_int_equal(s->n_events, 1);
        assert_int_equal(s->n_ends, 1);
        assert_int_equal(s->end_error, -EBADMSG);
}

static void test_end(void **state) {
        Setup *s = *state;

        s->writer = close_fd(s->writer);
        run_until_quiet(s);
        assert_int_equal(s->n_events, 0);
        assert_int_equal(s->n_ends, 1);
        assert_int_equal(s->end_error, -ENODATA);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_events, setup, teardown),
                cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
                cmocka_unit_test_setup_teardown(test_half_a_record, setup, teardown),
                cmocka_unit_test_setup_teardown(test_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
