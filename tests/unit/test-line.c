/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line under the links, with records of one number each: greeted once, made anew when it breaks, and what becomes
 * of the records that were on it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/link/line.h"

/* Nothing here takes longer unless something is broken. */
#define PATIENCE_USEC (120 * USEC_PER_SEC)
#define OUT_MAX 8

/* The vocabulary of this line: any other number is a record. */
#define HELLO 1
#define GREETING 2
#define NONSENSE 3

typedef struct Setup {
        sd_event *event;
        char folder[64], socket[96];
        int listen_fd, peer;
        Line *line;
        unsigned n_open, n_ready, n_lost, n_lost_ready;
        uint64_t last;
} Setup;

static int check(const void *record, size_t size_bytes) {
        return size_bytes == sizeof(uint64_t) && *(const uint64_t *) record != NONSENSE ? 0 : -EBADMSG;
}

static int receive(int socket_fd, void *ret_record, int *ret_fd) {
        size_t size_bytes;
        int r;

        r = packet_receive(socket_fd, ret_record, sizeof(uint64_t), &size_bytes, ret_fd);
        return r < 0 ? r : check(ret_record, size_bytes);
}

static bool is_greeting(const void *record) {
        return *(const uint64_t *) record == GREETING;
}

#define KIND(keeps) {                                           \
        .description = "test", .subject = "test:", .meanwhile = "trying again", .log_level = LOG_DEBUG, \
        .record_size_max = sizeof(uint64_t), .n_batch = 4, .n_out_max = OUT_MAX, .keeps_sent = keeps,   \
        .check = check, .receive = receive, .is_greeting = is_greeting }
static const LineKind passing = KIND(false), keeping = KIND(true);

static int on_open(void *userdata) {
        Setup *s = userdata;

        s->n_open++;
        return line_send_now(s->line, &(uint64_t) { HELLO }, sizeof(uint64_t));
}

static void on_ready(void *userdata, const void *record) {
        Setup *s = userdata;

        assert_true(is_greeting(record));
        s->n_ready++;
}

static int on_record(void *userdata, const void *record, int fd) {
        Setup *s = userdata;

        assert_true(fd < 0);
        s->last = *(const uint64_t *) record;
        return 0;
}

static void on_lost(void *userdata, bool was_ready) {
        Setup *s = userdata;

        s->n_lost++;
        s->n_lost_ready += was_ready;
}

static int setup_kind(void **state, const LineKind *kind) {
        static Setup s;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        s = (Setup) { .peer = -EBADF, .folder = "/tmp/test-line.XXXXXX" };
        assert_non_null(mkdtemp(s.folder));
        (void) snprintf(s.socket, sizeof(s.socket), "%s/line", s.folder);
        strcpy(address.sun_path, s.socket);
        s.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        assert_true(s.listen_fd >= 0);
        assert_int_equal(bind(s.listen_fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(s.listen_fd, 4), 0);
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(line_new(s.event, kind, s.socket, -EBADF,
                                  &(LineHandlers) { on_open, on_ready, on_record, on_lost, &s }, &s.line), 0);
        *state = &s;
        return 0;
}

static int setup_passing(void **state) {
        return setup_kind(state, &passing);
}

static int setup_keeping(void **state) {
        return setup_kind(state, &keeping);
}

static int teardown(void **state) {
        Setup *s = *state;

        line_free(s->line);
        close_fd(s->peer);
        close_fd(s->listen_fd);
        (void) unlink(s->socket);
        (void) rmdir(s->folder);
        sd_event_unref(s->event);
        return 0;
}

static void run_until(Setup *s, const unsigned *counter, unsigned value) {
        uint64_t end = clock_monotonic_usec() + PATIENCE_USEC;

        while (*counter < value) {
                assert_true(clock_monotonic_usec() < end);
                assert_true(sd_event_run(s->event, 100 * USEC_PER_MSEC) >= 0);
        }
}

static uint64_t peer_receive(const Setup *s) {
        uint64_t number;
        size_t size_bytes;
        int r;

        r = packet_receive(s->peer, &number, sizeof(number), &size_bytes, NULL);
        return r < 0 ? 0 : number;
}

static void peer_say(const Setup *s, uint64_t number) {
        assert_int_equal(packet_send(s->peer, &number, sizeof(number), -EBADF), 0);
}

/* Takes in the @nth line and hears its hello. */
static void accept_line(Setup *s, unsigned nth) {
        run_until(s, &s->n_open, nth);
        close_fd(s->peer);
        s->peer = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);
        assert_true(s->peer >= 0);
        assert_int_equal(peer_receive(s), HELLO);
}

static void greet(Setup *s) {
        unsigned n = s->n_ready;

        peer_say(s, GREETING);
        run_until(s, &s->n_ready, n + 1);
        assert_true(line_is_ready(s->line));
}

static int send_number(const Setup *s, uint64_t number) {
        return line_send(s->line, &number, sizeof(number), -EBADF);
}

static void test_made_anew(void **state) {
        Setup *s = *state;

        assert_int_equal(send_number(s, 100), -ENOTCONN);
        assert_int_equal(line_send_now(s->line, &(uint64_t) { 100 }, sizeof(uint64_t)), -ENOTCONN);
        accept_line(s, 1);
        assert_false(line_is_ready(s->line));
        greet(s);
        assert_int_equal(send_number(s, 100), 0);
        assert_int_equal(peer_receive(s), 100);
        peer_say(s, 200);
        while (s->last != 200)
                assert_true(sd_event_run(s->event, PATIENCE_USEC) > 0);

        s->peer = close_fd(s->peer);
        run_until(s, &s->n_lost_ready, 1);
        assert_false(line_is_ready(s->line));
        assert_int_equal(send_number(s, 101), -ENOTCONN);
        accept_line(s, 2);
        greet(s);
        /* What was refused meanwhile is not sent later. */
        assert_int_equal(peer_receive(s), 0);
}

static void test_order_of_greetings(void **state) {
        static const struct {
                const char *name;
                bool is_greeted;
                uint64_t said;
        } cases[] = {
                { "a record before the greeting", false, 100      },
                { "a second greeting",            true,  GREETING },
                { "nonsense",                     true,  NONSENSE },
                { "nonsense for a greeting",      false, NONSENSE },
        };
        Setup *s = *state;

        for (unsigned i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                accept_line(s, i + 1);
                if (cases[i].is_greeted)
                        greet(s);
                peer_say(s, cases[i].said);
                run_until(s, &s->n_lost, i + 1);
                assert_int_equal(s->last, 0);
        }
        assert_int_equal(s->n_lost_ready, 2);
}

/* One that keeps: before the line is there, over its end, until it is confirmed; what finds no room is counted. */
static void test_kept(void **state) {
        Setup *s = *state;

        for (uint64_t i = 0; i < OUT_MAX; i++)
                assert_int_equal(send_number(s, 100 + i), 0);
        assert_int_equal(send_number(s, 200), -ENOBUFS);
        assert_int_equal(send_number(s, NONSENSE), -EBADMSG);
        assert_int_equal(line_n_dropped(s->line), 2);

        accept_line(s, 1);
        assert_int_equal(peer_receive(s), 0); /* not before the greeting */
        greet(s);
        for (uint64_t i = 0; i < OUT_MAX; i++)
                assert_int_equal(peer_receive(s), 100 + i);
        assert_non_null(line_first_sent(s->line));
        line_forget_first(s->line);
        assert_int_equal(send_number(s, 300), 0);
        assert_int_equal(peer_receive(s), 300);
        assert_int_equal(line_n_queued(s->line), OUT_MAX);

        s->peer = close_fd(s->peer);
        run_until(s, &s->n_lost, 1);
        assert_null(line_first_sent(s->line));
        accept_line(s, 2);
        greet(s);
        for (uint64_t i = 1; i < OUT_MAX; i++)
                assert_int_equal(peer_receive(s), 100 + i);
        assert_int_equal(peer_receive(s), 300);
        assert_int_equal(peer_receive(s), 0);
}

/* Pauses grow while nobody is there, and begin small again after one was. */
static void test_pauses(void **state) {
        Setup *s = *state;
        uint64_t start;

        accept_line(s, 1);
        greet(s);
        s->listen_fd = close_fd(s->listen_fd);
        start = clock_monotonic_usec();
        s->peer = close_fd(s->peer);
        /* Lost, then not reached after 100, 200 and 400 ms. */
        run_until(s, &s->n_lost, 4);
        assert_true(clock_monotonic_usec() - start >= 700 * USEC_PER_MSEC);
        assert_int_equal(s->n_lost_ready, 1);
        assert_int_equal(s->n_open, 1);
}

/* One that never reads is dropped at the limit, with what waited for it. */
static void test_does_not_read(void **state) {
        Setup *s = *state;
        uint64_t i = 100;
        int r;

        accept_line(s, 1);
        greet(s);
        while ((r = send_number(s, i)) == 0)
                assert_true(++i < 100000);
        assert_int_equal(r, -ENOBUFS);
        assert_int_equal(s->n_lost_ready, 1);
        assert_int_equal(line_n_queued(s->line), 0);
        accept_line(s, 2);
        greet(s);
        assert_int_equal(peer_receive(s), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_made_anew, setup_passing, teardown),
                cmocka_unit_test_setup_teardown(test_order_of_greetings, setup_passing, teardown),
                cmocka_unit_test_setup_teardown(test_kept, setup_keeping, teardown),
                cmocka_unit_test_setup_teardown(test_pauses, setup_passing, teardown),
                cmocka_unit_test_setup_teardown(test_does_not_read, setup_passing, teardown),
        };

        log_set_max_level(LOG_ERR);
        return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
