/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's manager, played by a socket that is read late or never.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/notify.h"
#include "src/daemon/manager-line.h"

/* More than any system's limit of unread datagrams, and than our own of waiting ones. */
#define MANY 4096

typedef struct Setup {
        sd_event *event;
        int manager;
        char path[64];
} Setup;

static int setup(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        static Setup s;

        (void) snprintf(s.path, sizeof(s.path), "/tmp/test-manager-line.%d", (int) getpid());
        strcpy(address.sun_path, s.path);
        s.manager = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        assert_true(s.manager >= 0);
        assert_int_equal(bind(s.manager, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", s.path, 1), 0);
        assert_int_equal(sd_event_new(&s.event), 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        manager_line_close();
        sd_event_unref(s->event);
        close_fd(s->manager);
        (void) unsetenv("WATCHDOG_USEC");
        return unlink(s->path);
}

/* Returns false if nothing is there. */
static bool heard(Setup *s, char text[static 64]) {
        ssize_t length = recv(s->manager, text, 63, 0);

        text[length > 0 ? length : 0] = '\0';
        return length > 0;
}

/* For so long, and until what is due then is done: the time may go by without us. */
static void run(Setup *s, uint64_t usec) {
        uint64_t end = clock_monotonic_usec() + usec;

        while (clock_monotonic_usec() < end)
                assert_true(sd_event_run(s->event, 10 * USEC_PER_MSEC) >= 0);
        while (sd_event_run(s->event, 0) > 0)
                ;
}

/* Nobody waits for a manager that does not read; what it is told comes later, in order, up to the limit. */
static void test_does_not_read(void **state) {
        Setup *s = *state;
        unsigned n_heard = 0, number, last = 0;
        char text[64];

        assert_int_equal(manager_line_open(s->event), 0);
        for (unsigned i = 1; i <= MANY; i++) {
                (void) snprintf(text, sizeof(text), "N=%u", i);
                manager_line_tell(text, -EBADF);
        }
        assert_int_equal(notify_send("N=0", -EBADF), -EAGAIN);
        /* Until nothing comes for longer than it waits between two tries. */
        for (unsigned n_silent = 0; n_silent < 15; n_silent++) {
                while (heard(s, text)) {
                        assert_int_equal(sscanf(text, "N=%u", &number), 1);
                        assert_int_equal(number, last + 1);
                        last = number;
                        n_heard++;
                        n_silent = 0;
                }
                run(s, 100 * USEC_PER_MSEC);
        }
        print_message("%u of %u heard\n", n_heard, MANY);
        assert_true(n_heard > MANAGER_QUEUE_MAX && n_heard < MANY);

        manager_line_tell("N=after", -EBADF);
        assert_true(heard(s, text));
        assert_string_equal(text, "N=after");
}

/* The newest status only, a second after the first of them, and none that was told already. */
static void test_status(void **state) {
        Setup *s = *state;
        char text[64];

        assert_int_equal(manager_line_open(s->event), 0);
        for (unsigned i = 0; i <= 100; i++) {
                (void) snprintf(text, sizeof(text), "%u", i);
                manager_line_tell_status(text);
        }
        /* Not at once either: whoever has news has better things to do first. */
        assert_false(heard(s, text));
        run(s, 3 * USEC_PER_SEC);
        assert_true(heard(s, text));
        assert_string_equal(text, "STATUS=100");
        manager_line_tell_status("100");
        run(s, 2 * USEC_PER_SEC);
        assert_false(heard(s, text));
}

/* A descriptor that had to wait is one of its own. */
static void test_descriptor_waits(void **state) {
        Setup *s = *state;
        char text[64], control[CMSG_SPACE(sizeof(int))] __attribute__((__aligned__(8)));
        struct iovec iovec = { text, sizeof(text) };
        bool has_come = false;
        int fds[2];

        while (notify_send("N=0", -EBADF) == 0)
                ;
        assert_int_equal(pipe(fds), 0);
        manager_line_tell("FDSTORE=1", fds[0]);
        close_fd(fds[0]);
        assert_int_equal(manager_line_open(s->event), 0);
        for (unsigned i = 0; i < 100 && !has_come; i++) {
                struct msghdr message = { .msg_iov = &iovec, .msg_iovlen = 1, .msg_control = control };

                do
                        message.msg_controllen = sizeof(control);
                while (recvmsg(s->manager, &message, MSG_CMSG_CLOEXEC) > 0 && message.msg_controllen == 0);
                has_come = message.msg_controllen > 0 && CMSG_FIRSTHDR(&message) && strncmp(text, "FDSTORE=1", 9) == 0;
                run(s, 100 * USEC_PER_MSEC);
        }
        assert_true(has_come);
        memcpy(fds, CMSG_DATA((struct cmsghdr *) control), sizeof(int));
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(read(fds[0], text, 1), 1);
        close_fd(fds[0]);
        close_fd(fds[1]);
}

static void test_watchdog(void **state) {
        Setup *s = *state;
        char text[64];

        assert_int_equal(setenv("WATCHDOG_USEC", "1000000", 1), 0);
        assert_int_equal(manager_line_open(s->event), 0);
        for (unsigned i = 0; i < 3; i++) {
                run(s, 700 * USEC_PER_MSEC);
                assert_true(heard(s, text));
                assert_string_equal(text, "WATCHDOG=1");
                while (heard(s, text))
                        assert_string_equal(text, "WATCHDOG=1");
        }
}

static void test_no_manager(void **state) {
        Setup *s = *state;

        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        assert_int_equal(notify_send("READY=1", -EBADF), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", "nonsense", 1), 0);
        assert_int_equal(notify_send("READY=1", -EBADF), -EINVAL);
        assert_int_equal(setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1), 0);
        assert_int_equal(notify_send("READY=1", -EBADF), -ENOENT);
        manager_line_tell("READY=1", -EBADF);
        assert_int_equal(manager_line_open(s->event), 0);
        assert_int_equal(sd_event_run(s->event, 2 * USEC_PER_SEC), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_does_not_read, setup, teardown),
                cmocka_unit_test_setup_teardown(test_status, setup, teardown),
                cmocka_unit_test_setup_teardown(test_descriptor_waits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_watchdog, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_manager, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
