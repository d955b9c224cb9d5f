/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line to the worker: greeted, broken, nonsense, a worker that does not read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "src/basic/clock.h"
#include "src/link/line.h"
#include "src/link/worker-link.h"

typedef struct Setup {
        sd_event *event;
        WorkerLink *link;
        int peer;
        unsigned n_hello, n_ready, n_lost, n_messages;
        uint16_t last_type;
} Setup;

static void on_hello(void *userdata) {
        ((Setup *) userdata)->n_hello++;
}

static void on_ready(void *userdata, const WorkerHelloReply *reply) {
        assert_string_equal(reply->program_version, "test");
        ((Setup *) userdata)->n_ready++;
}

static void on_lost(void *userdata) {
        ((Setup *) userdata)->n_lost++;
}

static void on_message(void *userdata, const WorkerMessage *message, int fd) {
        Setup *s = userdata;

        (void) fd;
        s->n_messages++;
        s->last_type = message->header.type;
}

static int setup(void **state) {
        static Setup s;
        const WorkerLinkHandlers handlers = { on_hello, on_ready, on_lost, on_message, &s };
        int fds[2];

        s = (Setup) {};
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, fds), 0);
        s.peer = fds[1];
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(worker_link_new(s.event, NULL, fds[0], &handlers, &s.link), 0);
        while (s.n_hello == 0)
                assert_true(sd_event_run(s.event, 30 * USEC_PER_SEC) > 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        worker_link_free(s->link);
        close_fd(s->peer);
        sd_event_unref(s->event);
        return 0;
}

static void answer_hello(Setup *s) {
        WorkerMessage message;
        int fd;

        assert_int_equal(worker_message_receive(s->peer, &message, &fd), 0);
        assert_int_equal(message.header.type, WORKER_HELLO);
        worker_message_init(&message, WORKER_HELLO_REPLY);
        strcpy(message.hello_reply.program_version, "test");
        assert_int_equal(worker_message_send(s->peer, &message, -EBADF), 0);
        while (s->n_ready == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
}

static void test_hello_and_message(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        assert_false(worker_link_is_ready(s->link));
        answer_hello(s);
        assert_true(worker_link_is_ready(s->link));
        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        assert_int_equal(worker_message_send(s->peer, &message, -EBADF), 0);
        while (s->n_messages == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        assert_int_equal(s->last_type, WORKER_MOUNTS_LISTED);
}

static void test_nothing_before_the_hello(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        assert_int_equal(worker_message_send(s->peer, &message, -EBADF), 0);
        while (worker_link_send(s->link, &message, -EBADF) == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) >= 0);
        assert_int_equal(s->n_messages, 0);
}

static void test_nonsense_ends_the_line(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        answer_hello(s);
        assert_int_equal(send(s->peer, "nonsense", 8, 0), 8);
        while (s->n_lost == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        assert_false(worker_link_is_ready(s->link));
        worker_message_init(&message, WORKER_HELD_END);
        assert_int_equal(worker_link_send(s->link, &message, -EBADF), -ENOTCONN);
}

static void test_worker_that_does_not_read(void **state) {
        Setup *s = *state;
        WorkerMessage message;
        unsigned n_sent = 0;
        int r;

        answer_hello(s);
        worker_message_init(&message, WORKER_RELEASED);
        while ((r = worker_link_send(s->link, &message, -EBADF)) == 0)
                assert_true(++n_sent < 100000);
        assert_int_equal(r, -ENOBUFS);
        assert_int_equal(s->n_lost, 1); /* a limit, and a line that is taken for dead; the loop never waited */
}

/* Who gives a sign of life is kept, however late the answer; who gives none must not look as if it were there. */
static void test_doubt(void **state) {
        Setup *s = *state;
        WorkerMessage message;

        assert_false(worker_link_doubt(s->link, clock_monotonic_usec())); /* not greeted yet: another deadline runs */
        answer_hello(s);
        assert_false(worker_link_doubt(s->link, clock_monotonic_usec() - USEC_PER_MINUTE)); /* heard since */

        assert_true(worker_link_doubt(s->link, clock_monotonic_usec() + 1));
        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        assert_int_equal(worker_message_send(s->peer, &message, -EBADF), 0);
        /* We stand still until the time is over: what it has said is heard first, and counts. */
        (void) poll(NULL, 0, (LINE_DOUBT_USEC + USEC_PER_SEC / 10) / USEC_PER_MSEC);
        while (s->n_messages == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        while (sd_event_run(s->event, 0) > 0)
                ;
        assert_int_equal(s->n_lost, 0);

        assert_true(worker_link_doubt(s->link, clock_monotonic_usec() + 1));
        assert_true(worker_link_doubt(s->link, clock_monotonic_usec() + 1));
        while (s->n_lost == 0)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        assert_false(worker_link_is_ready(s->link));
        assert_false(worker_link_doubt(s->link, clock_monotonic_usec() + 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_hello_and_message, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_before_the_hello, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nonsense_ends_the_line, setup, teardown),
                cmocka_unit_test_setup_teardown(test_worker_that_does_not_read, setup, teardown),
                cmocka_unit_test_setup_teardown(test_doubt, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
