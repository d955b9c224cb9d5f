/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recorded stream gives back what was written, ends cleanly where it was torn, and refuses nonsense.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/source/record-stream.h"

static char path[64];

static int setup(void **state) {
        int fd;

        (void) state;
        strcpy(path, "/tmp/healer-stream-XXXXXX");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        close_fd(fd);
        return 0;
}

static int teardown(void **state) {
        (void) state;
        return unlink(path);
}

static void write_sample(void) {
        _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
        const uint8_t record[HEALTH_RECORD_SIZE] = { 2, 0, 0, 0, 3 };
        WorkerMessage message;

        assert_int_equal(record_stream_create(path, &stream), 0);
        worker_message_init(&message, WORKER_FILESYSTEM);
        strcpy(message.filesystem.type, "xfs");
        record_stream_write_message(stream, 1, &message);
        record_stream_write_record(stream, 1, record);
}

static void test_round_trip(void **state) {
        _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
        static RecordFrame frame;

        (void) state;
        write_sample();
        assert_int_equal(record_stream_open(path, &stream), 0);
        assert_int_equal(record_stream_read(stream, &frame), 1);
        assert_int_equal(frame.header.type, RECORD_FRAME_FILESYSTEM);
        assert_string_equal(frame.message.filesystem.type, "xfs");
        assert_int_equal(record_stream_read(stream, &frame), 1);
        assert_int_equal(frame.header.type, RECORD_FRAME_RECORD);
        assert_int_equal(frame.record[4], 3);
        assert_int_equal(record_stream_read(stream, &frame), 0);
}

static void test_torn(void **state) {
        _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
        static RecordFrame frame;
        struct stat st;

        (void) state;
        write_sample();
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size - 10), 0);
        assert_int_equal(record_stream_open(path, &stream), 0);
        assert_int_equal(record_stream_read(stream, &frame), 1);
        assert_int_equal(record_stream_read(stream, &frame), 0);
}

static void test_nonsense(void **state) {
        static const struct {
                const char *name;
                const char *bytes;
                size_t length;
                int open_result, read_result;
        } cases[] = {
                { "empty", "", 0, -EBADMSG, 0 },
                { "other file", "#!/bin/sh\n", 10, -EBADMSG, 0 },
                { "nothing but the magic", RECORD_STREAM_MAGIC, 8, 0, 0 },
                { "impossible size", RECORD_STREAM_MAGIC "\3\0\0\0\377\377\377\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32,
                  0, -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
                static RecordFrame frame;
                FILE *file = fopen(path, "we");

                print_message("%s\n", cases[i].name);
                assert_non_null(file);
                assert_int_equal(fwrite(cases[i].bytes, 1, cases[i].length, file), cases[i].length);
                assert_int_equal(fclose(file), 0);
                assert_int_equal(record_stream_open(path, &stream), cases[i].open_result);
                if (stream)
                        assert_int_equal(record_stream_read(stream, &frame), cases[i].read_result);
        }
        {
                RecordStream *stream = NULL;

                assert_int_equal(record_stream_open("/nonexistent/stream", &stream), -ENOENT);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
