/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/kept-state-fixture.h"

bool is_deadline_short;

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

void tell_rows(Setup *s, const char *rows, bool is_durable, int error) {
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

void confirm(Setup *s) {
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

void listen_here(Setup *s) {
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

void start(Setup *s) {
        const KeptStateHandlers handlers = { on_row, on_loaded, s };

        assert_int_equal(history_link_new(s->event, s->socket, &s->link), 0);
        assert_int_equal(kept_state_new(s->event, s->link, &handlers, &s->state), 0);
}

void stop(Setup *s) {
        s->state = kept_state_free(s->state);
        s->link = history_link_free(s->link);
        s->n_loaded = 0;
        s->rows[0] = 0;
}

int setup(void **state) {
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

void end_recorder(Setup *s, int signal_number) {
        if (s->process <= 0)
                return;
        assert_int_equal(kill(s->process, signal_number), 0);
        assert_int_equal(waitpid(s->process, NULL, 0), s->process);
        s->process = 0;
}

int teardown(void **state) {
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

void wait_until(Setup *s, bool (*is_so)(Setup *s)) {
        uint64_t end = clock_monotonic_usec() + PATIENCE_USEC;

        while (!is_so(s)) {
                assert_true(clock_monotonic_usec() < end);
                assert_true(sd_event_run(s->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

/* Both ends run on one loop: what is not said now is said because of something else. */
void run_quiet(Setup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

bool is_loaded(Setup *s) {
        return s->n_loaded > 0;
}

bool is_confirmed(Setup *s) {
        return kept_state_n_waiting(s->state) == 0;
}

bool has_one_on_its_way(Setup *s) {
        return s->n_changes == 1;
}

bool is_greeted(Setup *s) {
        return s->n_greeted > 0;
}

void put(Setup *s, const char *key, const char *value) {
        assert_int_equal(kept_state_put(s->state, key, value, strlen(value)), 0);
}

/* A line breaks, and the next recorder has told everything. */
void reconnect(Setup *s) {
        hang_up(s);
        s->changes[0] = 0;
        s->n_changes = 0;
        s->n_greeted = 0;
        wait_until(s, is_greeted);
        run_quiet(s);
}

void load(Setup *s) {
        listen_here(s);
        wait_until(s, is_loaded);
        run_quiet(s);
}
