/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for somebody who may not read: nothing waits for him, and what is dropped is counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/xfs-healer/healer-output.h"

#define DEADLINE_USEC (30 * USEC_PER_SEC)

typedef struct Fixture {
        sd_event *event;
        HealerOutput *output;
        int reader, writer;
} Fixture;

static int set_up(void **state) {
        static Fixture fixture;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        fixture = (Fixture) { .reader = fds[0], .writer = fds[1] };
        assert_true(sd_event_new(&fixture.event) >= 0);
        assert_int_equal(healer_output_new(fixture.event, fixture.writer, &fixture.output), 0);
        *state = &fixture;
        return 0;
}

static int tear_down(void **state) {
        Fixture *fixture = *state;

        healer_output_free(fixture->output);
        sd_event_unref(fixture->event);
        close_fd(fixture->reader);
        close_fd(fixture->writer);
        return 0;
}

static void run_until_written(Fixture *fixture) {
        while (!healer_output_is_written(fixture->output))
                assert_true(sd_event_run(fixture->event, DEADLINE_USEC) > 0);
}

static void expect(const Fixture *fixture, const char *text) {
        char buffer[256] = "";

        assert_int_equal(read(fixture->reader, buffer, sizeof(buffer) - 1), strlen(text));
        assert_string_equal(buffer, text);
}

static void test_lines(void **state) {
        Fixture *fixture = *state;

        healer_output_line(fixture->output, "one");
        healer_output_line(fixture->output, "two");
        assert_false(healer_output_is_written(fixture->output));
        run_until_written(fixture);
        expect(fixture, "one\ntwo\n");
}

static void test_file(_unused_ void **state) {
        _cleanup_(close_fd_at) int fd = memfd_create("output", MFD_CLOEXEC);
        HealerOutput *output;
        char buffer[16] = "";
        sd_event *event;

        assert_true(sd_event_new(&event) >= 0);
        assert_int_equal(healer_output_new(event, fd, &output), 0);
        healer_output_line(output, "one");
        assert_true(healer_output_is_written(output));
        assert_int_equal(pread(fd, buffer, sizeof(buffer), 0), 4);
        assert_string_equal(buffer, "one\n");
        healer_output_free(output);
        sd_event_unref(event);
}

/* A full pipe keeps nobody waiting; of too many lines the first are kept, and the number of the others is told. */
static void test_nobody_reads(void **state) {
        Fixture *fixture = *state;
        char line[64], *text, *rest;
        size_t length = 0, size_bytes = OUTPUT_LINES_MAX * sizeof(line) + 65536;
        const size_t n_too_many = 7;

        for (size_t i = 0; i < OUTPUT_LINES_MAX + n_too_many; i++) {
                (void) snprintf(line, sizeof(line), "this is the line with the number %zu", i);
                healer_output_line(fixture->output, line);
        }
        /* So much goes into the pipe; then there is nothing to do until somebody reads. */
        while (sd_event_run(fixture->event, 0) > 0)
                ;
        assert_false(healer_output_is_written(fixture->output));

        text = calloc(1, size_bytes);
        assert_non_null(text);
        assert_true(fcntl(fixture->reader, F_SETFL, O_NONBLOCK) >= 0);
        for (;;) {
                ssize_t n = read(fixture->reader, text + length, size_bytes - length - 1);

                if (n > 0)
                        length += (size_t) n;
                else if (healer_output_is_written(fixture->output))
                        break;
                else
                        assert_true(sd_event_run(fixture->event, DEADLINE_USEC) > 0);
        }

        rest = text;
        for (size_t i = 0; i < OUTPUT_LINES_MAX; i++) {
                (void) snprintf(line, sizeof(line), "this is the line with the number %zu\n", i);
                assert_memory_equal(rest, line, strlen(line));
                rest += strlen(line);
        }
        assert_string_equal(rest, "xfs_healer: 7 lines were dropped, nobody read them\n");
        free(text);
}

static void test_reader_gone(void **state) {
        Fixture *fixture = *state;

        (void) signal(SIGPIPE, SIG_IGN);
        fixture->reader = close_fd(fixture->reader);
        healer_output_line(fixture->output, "one");
        healer_output_line(fixture->output, "two");
        run_until_written(fixture);
        healer_output_line(fixture->output, "three");
        assert_true(healer_output_is_written(fixture->output));
}

static void test_drain(void **state) {
        Fixture *fixture = *state;

        healer_output_line(fixture->output, "one");
        healer_output_drain(fixture->output);
        assert_true(healer_output_is_written(fixture->output));
        expect(fixture, "one\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
                cmocka_unit_test(test_file),
                cmocka_unit_test_setup_teardown(test_nobody_reads, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_reader_gone, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
