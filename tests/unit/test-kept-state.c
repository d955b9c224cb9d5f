/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that survives healerd, against a recorder that the test plays: it tells what it likes, confirms when it likes,
 * and goes when it likes. At the end a real one in a process of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/record/kept-state.h"
#include "src/recorder/recorder.h"

/* Nothing here takes longer unless something is broken. */
#define PATIENCE_USEC (20 * USEC_PER_SEC)
#define TEXT_SIZE 4096

/* Rows are "key=value" with a blank between them. */
typedef struct Setup {
        char folder[64], socket[96];
        sd_event *event;
        HistoryLink *link;
        KeptState *state;
        char rows[TEXT_SIZE];           /* that were handed over */
        char refused_key[16];           /* removed as soon as it is handed over */
        unsigned n_loaded;
        bool is_durable;

        /* The recorder. */
        pid_t process;                  /* the real one */
        sd_event_source *listen_source, *io_source;
        int fd;
        const char *told;               /* after the greeting */
        bool tells_memory, confirms;
        int error;
        unsigned n_greeted;
        char changes[TEXT_SIZE];        /* "+key=value" and "-key" */
        uint64_t n_changes, last_serial, n_history;
} Setup;

static bool is_deadline_short;

int __real_sd_event_add_time_relative(sd_event *e, sd_event_source **s, clockid_t clock, uint64_t usec,
                                      uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **s, clockid_t clock, uint64_t usec,
                                      uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);

int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **s, clockid_t clock, uint64_t usec,
                                      uint64_t accuracy, sd_event_time_handler_t callback, void *userdata) {
        if (is_deadline_short && usec == KEPT_STATE_LOAD_USEC)
                usec = accuracy = USEC_PER_MSEC;
        return __real_sd_event_add_time_relative(e, s, clock, usec, accuracy, callback, userdata);
}

static void say(Setup *s, const HistoryMessage *message) {
        assert_int_equal(history_message_send(s->fd, message), 0);
}

static void tell_rows(Setup *s, const char *rows, bool is_durable, int error) {
        HistoryMessage message;
        char copy[TEXT_SIZE], *rest = copy, *row;
        uint32_t n = 0;

        assert_int_equal(text_copy(copy, sizeof(copy), rows), 0);
        while ((row = strsep(&rest, " "))) {
                char *value = strchr(row, '=');

                if (!value)
                        continue;
                *value++ = 0;
                history_message_set_entry(&message, HISTORY_KEPT, 0, row, value, strlen(value));
                say(s, &message);
                n++;
        }
        history_message_init(&message, HISTORY_KEPT_END);
        message.kept_end = (HistoryKeptEnd) { .n_rows = n, .is_durable = is_durable, .error = error };
        say(s, &message);
}

static void greet(Setup *s) {
        HistoryMessage message;

        history_message_init(&message, HISTORY_HELLO_REPLY);
        (void) snprintf(message.hello.program_version, sizeof(message.hello.program_version), "test");
        say(s, &message);
        s->n_greeted++;
        if (s->told)
                tell_rows(s, s->told, !s->tells_memory, s->error);
}

static void confirm(Setup *s) {
        HistoryMessage message;

        history_message_init(&message, HISTORY_CHANGED);
        message.changed.serial = s->last_serial;
        say(s, &message);
}

static void take_change(Setup *s, const HistoryMessage *message) {
        bool is_put = message->header.type == HISTORY_PUT;

        assert_true(message->entry.serial > s->last_serial);
        s->last_serial = message->entry.serial;
        s->n_changes++;
        if (s->n_changes < 64)
                (void) text_append_format(s->changes, sizeof(s->changes), "%s%s%s%.*s", is_put ? " +" : " -",
                                          history_entry_key(&message->entry), is_put ? "=" : "",
                                          (int) message->entry.value_size,
                                          (const char *) history_entry_value(&message->entry));
        if (s->confirms)
                confirm(s);
}

static void hang_up(Setup *s) {
        s->io_source = sd_event_source_disable_unref(s->io_source);
        s->fd = close_fd(s->fd);
        s->last_serial = 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        HistoryMessage message;
        Setup *s = userdata;
        int r;

        (void) source;
        (void) revents;
        while ((r = history_message_receive(fd, &message)) == 0) {
                if (message.header.type == HISTORY_HELLO)
                        greet(s);
                else if (message.header.type == HISTORY_PUT || message.header.type == HISTORY_REMOVE)
                        take_change(s, &message);
                else
                        s->n_history++;
        }
        assert_true(r == -EAGAIN || r == -ECONNRESET);
        if (r == -ECONNRESET)
                hang_up(s);
        return 0;
}

static int on_line(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
        Setup *s = userdata;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);

        (void) source;
        (void) revents;
        if (fd < 0)
                return 0;
        hang_up(s);
        s->fd = fd;
        assert_true(sd_event_add_io(s->event, &s->io_source, fd, EPOLLIN, on_io, s) >= 0);
        return 0;
}

static void listen_here(Setup *s) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(text_copy(address.sun_path, sizeof(address.sun_path), s->socket), 0);
        (void) unlink(s->socket);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_true(sd_event_add_io(s->event, &s->listen_source, fd, EPOLLIN, on_line, s) >= 0);
        assert_true(sd_event_source_set_io_fd_own(s->listen_source, true) >= 0);
}

static void on_row(void *userdata, const char *key, const void *value, size_t size_bytes) {
        Setup *s = userdata;

        (void) text_append_format(s->rows, sizeof(s->rows), " %s=%.*s", key, (int) size_bytes, (const char *) value);
        if (text_equal(key, s->refused_key))
                assert_int_equal(kept_state_remove(s->state, key), 0);
}

static void on_loaded(void *userdata, bool is_durable) {
        Setup *s = userdata;

        s->n_loaded++;
        s->is_durable = is_durable;
}

static void start(Setup *s) {
        const KeptStateHandlers handlers = { on_row, on_loaded, s };

        assert_int_equal(history_link_new(s->event, s->socket, &s->link), 0);
        assert_int_equal(kept_state_new(s->event, s->link, &handlers, &s->state), 0);
}

static void stop(Setup *s) {
        s->state = kept_state_free(s->state);
        s->link = history_link_free(s->link);
        s->n_loaded = 0;
        s->rows[0] = 0;
}

static int setup(void **state) {
        Setup *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        s->fd = -EBADF;
        s->confirms = true;
        s->told = "";
        (void) snprintf(s->folder, sizeof(s->folder), "/tmp/test-kept-state.XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        (void) snprintf(s->socket, sizeof(s->socket), "%s/line", s->folder);
        assert_int_equal(sd_event_new(&s->event), 0);
        is_deadline_short = false;
        start(s);
        *state = s;
        return 0;
}

static void end_recorder(Setup *s, int signal_number) {
        if (s->process <= 0)
                return;
        assert_int_equal(kill(s->process, signal_number), 0);
        assert_int_equal(waitpid(s->process, NULL, 0), s->process);
        s->process = 0;
}

static int teardown(void **state) {
        static const char *const names[] = { "line", HISTORY_FILE_NAME, HISTORY_FILE_NAME "-wal" };
        Setup *s = *state;

        stop(s);
        end_recorder(s, SIGKILL);
        hang_up(s);
        sd_event_source_disable_unref(s->listen_source);
        sd_event_unref(s->event);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                char path[160];

                (void) snprintf(path, sizeof(path), "%s/%s", s->folder, names[i]);
                (void) unlink(path);
        }
        (void) rmdir(s->folder);
        free(s);
        return 0;
}

static void wait_until(Setup *s, bool (*is_so)(Setup *s)) {
        uint64_t end = clock_monotonic_usec() + PATIENCE_USEC;

        while (!is_so(s)) {
                assert_true(clock_monotonic_usec() < end);
                assert_true(sd_event_run(s->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

/* Both ends run on one loop: what is not said now is said because of something else. */
static void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

static bool is_loaded(Setup *s) {
        return s->n_loaded > 0;
}

static bool is_confirmed(Setup *s) {
        return kept_state_n_waiting(s->state) == 0;
}

static bool has_one_on_its_way(Setup *s) {
        return s->n_changes == 1;
}

static bool is_greeted(Setup *s) {
        return s->n_greeted > 0;
}

static void put(Setup *s, const char *key, const char *value) {
        assert_int_equal(kept_state_put(s->state, key, value, strlen(value)), 0);
}

/* A line breaks, and the next recorder has told everything. */
static void reconnect(Setup *s) {
        hang_up(s);
        s->changes[0] = 0;
        s->n_changes = 0;
        s->n_greeted = 0;
        wait_until(s, is_greeted);
        run_quiet(s);
}

static void load(Setup *s) {
        listen_here(s);
        wait_until(s, is_loaded);
        run_quiet(s);
}

static void test_loaded(void **state) {
        Setup *s = *state;

        s->told = "a=1 b= c=3";
        load(s);
        assert_string_equal(s->rows, " a=1 b= c=3");
        assert_int_equal(s->n_loaded, 1);
        assert_true(s->is_durable);
        assert_string_equal(s->changes, "");

        put(s, "a", "1");
        put(s, "b", "2");
        assert_int_equal(kept_state_remove(s->state, "c"), 0);
        assert_int_equal(kept_state_remove(s->state, "never there"), 0);
        wait_until(s, is_confirmed);
        assert_string_equal(s->changes, " +b=2 -c");
}

/* What this run has done counts, whatever the store says. */
static void test_no_row_overwrites(void **state) {
        Setup *s = *state;

        put(s, "changed", "new");
        put(s, "same", "1");
        put(s, "removed", "new");
        assert_int_equal(kept_state_remove(s->state, "removed"), 0);
        assert_int_equal(kept_state_remove(s->state, "removed before it was told"), 0);
        s->told = "changed=old other=1 removed=old same=1";
        load(s);
        assert_string_equal(s->rows, " other=1");
        wait_until(s, is_confirmed);
        /* Removals come first. */
        assert_non_null(strstr(s->changes, "-removed "));
        assert_non_null(strstr(s->changes, "+changed=new"));
        assert_true(strstr(s->changes, "-removed ") < strstr(s->changes, "+changed=new"));
        assert_null(strstr(s->changes, "same"));
        assert_null(strstr(s->changes, "other"));
}

/* A row that its owner does not want is removed from the store. */
static void test_refused_by_its_owner(void **state) {
        Setup *s = *state;

        s->told = "bad=x good=1";
        (void) text_copy(s->refused_key, sizeof(s->refused_key), "bad");
        load(s);
        wait_until(s, is_confirmed);
        assert_string_equal(s->changes, " -bad");
}

static void test_broken_before_it_was_confirmed(void **state) {
        Setup *s = *state;

        load(s);
        s->confirms = false;
        put(s, "a", "1");
        wait_until(s, has_one_on_its_way);
        assert_int_equal(kept_state_n_waiting(s->state), 1);

        /* It had not arrived. */
        reconnect(s);
        assert_string_equal(s->changes, " +a=1");
        assert_int_equal(kept_state_n_waiting(s->state), 1);
        /* It had. */
        s->told = "a=1";
        reconnect(s);
        assert_string_equal(s->changes, "");
        assert_int_equal(kept_state_n_waiting(s->state), 0);
        assert_string_equal(s->rows, "");

        assert_int_equal(kept_state_remove(s->state, "a"), 0);
        wait_until(s, has_one_on_its_way);
        reconnect(s);
        assert_string_equal(s->changes, " -a");
        s->told = "";
        s->confirms = true;
        reconnect(s);
        wait_until(s, is_confirmed);
        assert_int_equal(s->n_loaded, 1);
}

/* Between two sendings only the newest counts. */
static void test_coalesced(void **state) {
        Setup *s = *state;
        char value[16];

        for (unsigned i = 0; i < 100; i++) {
                (void) snprintf(value, sizeof(value), "%u", i);
                put(s, "before the line", value);
        }
        s->confirms = false;
        load(s);
        assert_string_equal(s->changes, " +before the line=99");
        confirm(s);
        run_quiet(s);

        for (unsigned i = 0; i < 100; i++) {
                (void) snprintf(value, sizeof(value), "%u", i);
                put(s, "a", value);
                put(s, "there and gone", value);
                assert_int_equal(kept_state_remove(s->state, "there and gone"), 0);
                run_quiet(s);
        }
        assert_string_equal(s->changes, " +before the line=99 +a=0 +there and gone=0");
        assert_int_equal(kept_state_n_waiting(s->state), 2);
        confirm(s);
        run_quiet(s);
        assert_string_equal(s->changes, " +before the line=99 +a=0 +there and gone=0 +a=99 -there and gone");
        confirm(s);
        run_quiet(s);
        assert_int_equal(kept_state_n_waiting(s->state), 0);
}

/* A recorder without memory of what it confirmed is told everything that is current, and nothing else. */
static void test_came_back_empty(void **state) {
        Setup *s = *state;

        s->tells_memory = true;
        s->told = "a=1 b=2 c=3";
        load(s);
        assert_false(s->is_durable);
        put(s, "b", "4");
        put(s, "d", "5");
        assert_int_equal(kept_state_remove(s->state, "c"), 0);
        wait_until(s, is_confirmed);

        s->told = "";
        reconnect(s);
        wait_until(s, is_confirmed);
        /* That a folder which was away all the time may have c is not forgotten. */
        assert_string_equal(s->changes, " -c +a=1 +b=4 +d=5");
        assert_int_equal(s->n_loaded, 1);
        assert_string_equal(s->rows, " a=1 b=2 c=3");
}

/* Memory first; then the folder of an earlier run can be used, and has what nobody knew. */
static void test_folder_comes_late(void **state) {
        Setup *s = *state;

        s->tells_memory = true;
        load(s);
        put(s, "mine", "new");
        assert_int_equal(kept_state_remove(s->state, "cleared"), 0);
        wait_until(s, is_confirmed);
        assert_string_equal(s->changes, " +mine=new -cleared");
        s->changes[0] = 0;

        tell_rows(s, "cleared=old mine=new old=1", true, 0);
        wait_until(s, is_confirmed);
        run_quiet(s);
        assert_string_equal(s->rows, " old=1");
        assert_int_equal(s->n_loaded, 2);
        assert_true(s->is_durable);
        assert_string_equal(s->changes, " -cleared");

        /* From now on what we do not know is not to be there. */
        s->changes[0] = 0;
        tell_rows(s, "cleared=old mine=new old=1 other=1", true, 0);
        run_quiet(s);
        assert_string_equal(s->rows, " old=1");
        assert_string_equal(s->changes, " -cleared -other");
        assert_int_equal(s->n_loaded, 2);
}

/* Rows that could only be read in part are ours from then on, and memory is told all of them. */
static void test_unreadable_store(void **state) {
        Setup *s = *state;

        s->told = "a=1 b=2";
        s->tells_memory = true;
        s->error = EIO;
        load(s);
        wait_until(s, is_confirmed);
        assert_string_equal(s->rows, " a=1 b=2");
        assert_string_equal(s->changes, " +a=1 +b=2");
        assert_false(s->is_durable);
}

static void test_nobody_tells(void **state) {
        Setup *s = *state;

        stop(s);
        is_deadline_short = true;
        s->told = NULL;
        start(s);
        listen_here(s);
        wait_until(s, is_loaded);
        assert_false(s->is_durable);
        put(s, "a", "1");

        /* It comes later all the same. */
        wait_until(s, is_greeted);
        tell_rows(s, "a=0 b=2", false, 0);
        run_quiet(s);
        assert_string_equal(s->rows, " b=2");
        assert_int_equal(s->n_loaded, 2);
        assert_string_equal(s->changes, " +a=1");
}

/* One that does not read: nothing waits for it, and it gets everything when it reads again. */
static void test_stands_still(void **state) {
        enum { N = 5000 };
        static char value[HISTORY_VALUE_MAX];
        Setup *s = *state;
        char key[16];

        load(s);
        assert_true(sd_event_source_set_enabled(s->io_source, SD_EVENT_OFF) >= 0);
        memset(value, 'v', sizeof(value));
        for (unsigned i = 0; i < N; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                assert_int_equal(kept_state_put(s->state, key, value, sizeof(value)), 0);
        }
        run_quiet(s);
        assert_int_equal(kept_state_n_waiting(s->state), N);
        assert_true(sd_event_source_set_enabled(s->io_source, SD_EVENT_ON) >= 0);
        wait_until(s, is_confirmed);
        assert_int_equal(s->n_changes, N);
        assert_int_equal(kept_state_n_dropped(s->state), 0);
}

static void test_limit(void **state) {
        Setup *s = *state;
        char key[16];

        load(s);
        for (unsigned i = 0; i < HISTORY_KEPT_MAX; i++) {
                (void) snprintf(key, sizeof(key), "%u", i);
                put(s, key, "v");
        }
        assert_int_equal(kept_state_put(s->state, "one more", "v", 1), -ENOBUFS);
        assert_int_equal(kept_state_n_dropped(s->state), 1);
        put(s, "7", "what is there can be changed");
        assert_int_equal(kept_state_remove(s->state, "8"), 0);
        wait_until(s, is_confirmed);
        put(s, "one more", "v");
        assert_int_equal(kept_state_n_dropped(s->state), 1);
        wait_until(s, is_confirmed);
}

static void test_wrong(void **state) {
        static char key[HISTORY_KEY_SIZE + 1], value[HISTORY_VALUE_MAX + 1];
        Setup *s = *state;

        memset(key, 'k', sizeof(key) - 1);
        assert_int_equal(kept_state_put(s->state, "", "v", 1), -EINVAL);
        assert_int_equal(kept_state_put(s->state, key, "v", 1), -EINVAL);
        assert_int_equal(kept_state_put(s->state, "a\nb", "v", 1), -EINVAL);
        assert_int_equal(kept_state_put(s->state, "k", value, sizeof(value)), -EINVAL);
        assert_int_equal(kept_state_remove(s->state, ""), -EINVAL);
        assert_int_equal(kept_state_n_waiting(s->state), 0);
        key[HISTORY_KEY_SIZE - 1] = 0;
        assert_int_equal(kept_state_put(s->state, key, value, sizeof(value) - 1), 0);
        load(s);
        wait_until(s, is_confirmed);
        assert_int_equal(s->n_changes, 1);
}

static void start_recorder(Setup *s) {
        s->process = fork();
        assert_true(s->process >= 0);
        if (s->process == 0) {
                const RecorderOptions options = {
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
                cmocka_unit_test_setup_teardown(test_loaded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_row_overwrites, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_by_its_owner, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken_before_it_was_confirmed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_coalesced, setup, teardown),
                cmocka_unit_test_setup_teardown(test_came_back_empty, setup, teardown),
                cmocka_unit_test_setup_teardown(test_folder_comes_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unreadable_store, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody_tells, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stands_still, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
                cmocka_unit_test_setup_teardown(test_real_recorder, setup, teardown),
                cmocka_unit_test_setup_teardown(test_real_recorder_without_a_folder, setup, teardown),
                cmocka_unit_test_setup_teardown(test_real_recorder_loses_its_folder, setup, teardown),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("kept-state", tests, NULL, NULL);
}
