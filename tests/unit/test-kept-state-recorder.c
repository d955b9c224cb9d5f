/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same with a real recorder in a process of its own, which is killed, has no folder, or loses it.
 */
#include "tests/unit/kept-state-fixture.h"

static void start_recorder(Setup *s) {
        s->process = fork();
        assert_true(s->process >= 0);
        if (s->process == 0) {
                const RecorderOptions options = {
                        .n_rows_max = RECORDER_ROWS_DEFAULT,
                        .age_max_usec = RECORDER_AGE_DEFAULT_USEC,
                        .folder = s->folder,
                        .listen_path = s->socket,
                        .connection_fd = -EBADF,
                        .peer_uid = geteuid(),
                };
                Recorder *recorder;

                if (recorder_new(&options, &recorder) < 0)
                        _exit(1);
                _exit(recorder_run(recorder) < 0 ? 1 : 0);
        }
}

/* A real recorder, killed, and a healerd that ends without a word. */
static void test_real_recorder(void **state) {
        Setup *s = *state;
        char key[16];

        start_recorder(s);
        wait_until(s, is_loaded);
        assert_true(s->is_durable);
        for (unsigned i = 0; i < 500; i++) {
                (void) snprintf(key, sizeof(key), "%03u", i);
                put(s, key, "v");
                if (i == 250)
                        end_recorder(s, SIGKILL);
        }
        start_recorder(s);
        for (unsigned i = 3; i < 500; i++) {
                (void) snprintf(key, sizeof(key), "%03u", i);
                assert_int_equal(kept_state_remove(s->state, key), 0);
        }
        wait_until(s, is_confirmed);
        put(s, "001", "changed");
        stop(s);
        end_recorder(s, SIGTERM);

        start_recorder(s);
        start(s);
        wait_until(s, is_loaded);
        assert_string_equal(s->rows, " 000=v 001=changed 002=v");
        assert_true(s->is_durable);
        end_recorder(s, SIGKILL);
}

/* Without a folder it survives healerd, and as long as there is a healerd also the recorder. */
static void test_real_recorder_without_a_folder(void **state) {
        Setup *s = *state;
        char folder[64];

        (void) text_copy(folder, sizeof(folder), s->folder);
        (void) snprintf(s->folder, sizeof(s->folder), "/nonexistent/folder");
        start_recorder(s);
        wait_until(s, is_loaded);
        assert_false(s->is_durable);
        put(s, "a", "1");
        wait_until(s, is_confirmed);
        stop(s);
        start(s);
        wait_until(s, is_loaded);
        assert_string_equal(s->rows, " a=1");

        end_recorder(s, SIGKILL);
        put(s, "b", "2");
        start_recorder(s);
        wait_until(s, is_confirmed);
        stop(s);
        start(s);
        wait_until(s, is_loaded);
        assert_string_equal(s->rows, " a=1 b=2");
        end_recorder(s, SIGKILL);
        (void) text_copy(s->folder, sizeof(s->folder), folder);
}

/* What the recorder's files may grow to. */
static void set_file_limit(Setup *s, rlim_t bytes) {
        struct rlimit limit;

        assert_int_equal(prlimit(s->process, RLIMIT_FSIZE, NULL, &limit), 0);
        limit.rlim_cur = bytes;
        assert_int_equal(prlimit(s->process, RLIMIT_FSIZE, &limit, NULL), 0);
}

static bool is_in_memory(Setup *s) {
        return history_link_place(s->link) == HISTORY_PLACE_MEMORY;
}

static bool is_on_disk(Setup *s) {
        return history_link_place(s->link) == HISTORY_PLACE_DISK;
}

/* The folder is full in the middle: memory has all of it then, and the folder when there is room again, without what
 * was removed meanwhile and without a healerd that could tell it. */
static void test_real_recorder_loses_its_folder(void **state) {
        static char large[HISTORY_VALUE_MAX];
        Setup *s = *state;
        char key[16];

        start_recorder(s);
        wait_until(s, is_loaded);
        put(s, "a", "1");
        put(s, "b", "2");
        wait_until(s, is_confirmed);
        set_file_limit(s, 64 * 1024);
        memset(large, 'x', sizeof(large));
        for (unsigned i = 0; i < 50; i++) {
                (void) snprintf(key, sizeof(key), "large %u", i);
                assert_int_equal(kept_state_put(s->state, key, large, sizeof(large)), 0);
        }
        wait_until(s, is_in_memory);
        wait_until(s, is_confirmed);
        for (unsigned i = 0; i < 50; i++) {
                (void) snprintf(key, sizeof(key), "large %u", i);
                assert_int_equal(kept_state_remove(s->state, key), 0);
        }
        assert_int_equal(kept_state_remove(s->state, "b"), 0);
        put(s, "c", "3");
        wait_until(s, is_confirmed);

        stop(s);
        start(s);
        wait_until(s, is_loaded);
        assert_string_equal(s->rows, " a=1 c=3");
        assert_false(s->is_durable);
        stop(s);

        set_file_limit(s, RLIM_INFINITY);
        assert_int_equal(history_link_new(s->event, s->socket, &s->link), 0);
        wait_until(s, is_on_disk);
        s->link = history_link_free(s->link);
        end_recorder(s, SIGKILL);
        start_recorder(s);
        start(s);
        wait_until(s, is_loaded);
        assert_string_equal(s->rows, " a=1 c=3");
        assert_true(s->is_durable);
        end_recorder(s, SIGKILL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_real_recorder, setup, teardown),
                cmocka_unit_test_setup_teardown(test_real_recorder_without_a_folder, setup, teardown),
                cmocka_unit_test_setup_teardown(test_real_recorder_loses_its_folder, setup, teardown),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("kept-state", tests, NULL, NULL);
}
