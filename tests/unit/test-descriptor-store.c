/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors kept by systemd, which is played by a socket and three variables of the environment.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/notify.h"
#include "src/daemon/descriptor-store.h"

#define FIRST_FD 3

/* What the descriptors from FIRST_FD on are in the eyes of the kernel. */
typedef struct Fake {
        const char *name;
        bool is_monitor, is_alive;
        unsigned maj, min;
        bool is_watch;
} Fake;

static const Fake *fakes;
static char socket_path[108];
static int notify_socket;

bool __wrap_health_monitor_fd_is_monitor(int fd);
int __wrap_health_monitor_totals(int fd, HealthMonitorTotals *ret_totals);

bool __wrap_health_monitor_fd_is_monitor(int fd) {
        return fakes[fd - FIRST_FD].is_monitor;
}

int __wrap_health_monitor_totals(int fd, HealthMonitorTotals *ret_totals) {
        const Fake *fake = fakes + (fd - FIRST_FD);

        *ret_totals = (HealthMonitorTotals){ .is_alive = fake->is_alive,
                                             .device_number = makedev(fake->maj, fake->min) };
        return 0;
}

int __wrap_error_watch_check(int fd, ErrorWatchMark *ret_mark);

int __wrap_error_watch_check(int fd, ErrorWatchMark *ret_mark) {
        const Fake *fake = fakes + (fd - FIRST_FD);

        if (!fake->is_watch)
                return -ENOTTY;
        *ret_mark = (ErrorWatchMark) { .is_alive = fake->is_alive };
        if (fake->is_alive)
                ret_mark->device_number = makedev(fake->maj, fake->min);
        return 0;
}

/* Our own socket, too, stays out of the way: it is made with the first notification. */
static void make_room(void) {
        int fds[32];
        char byte;

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = open("/dev/null", O_RDONLY|O_CLOEXEC);
        assert_int_equal(notify_send("A=1", -EBADF), 0);
        assert_int_equal(recv(notify_socket, &byte, 1, 0), 1);
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close_fd(fds[i]);
}

static int setup(void **state _unused_) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        strcpy(socket_path, "/tmp/healer-notify-XXXXXX");
        assert_non_null(mkdtemp(socket_path));
        strcat(socket_path, "/socket");
        notify_socket = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        assert_true(notify_socket >= 0);
        /* Out of the way of what systemd would pass. */
        assert_true(fcntl(notify_socket, F_DUPFD_CLOEXEC, 100) >= 100);
        notify_socket = dup2(notify_socket, 101);
        strcpy(address.sun_path, socket_path);
        assert_int_equal(bind(notify_socket, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", socket_path, 1), 0);
        make_room();
        return 0;
}

static int teardown(void **state _unused_) {
        close_fd(notify_socket);
        (void) unlink(socket_path);
        *strrchr(socket_path, '/') = '\0';
        return rmdir(socket_path);
}

/* One notification; *ret_fd is the descriptor that came with it, or negative. Returns false if there is none. */
static bool next_notification(char text[static 256], int *ret_fd) {
        char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))] __attribute__((__aligned__(8)));
        struct iovec iovec = { text, 255 };
        struct msghdr header = { .msg_iov = &iovec,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control) };
        ssize_t n = recvmsg(notify_socket, &header, MSG_CMSG_CLOEXEC);

        *ret_fd = -EBADF;
        if (n < 0)
                return false;
        text[n] = '\0';
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                        memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
        return true;
}

static void assert_notified(const char *expected, bool has_fd) {
        char text[256];
        int fd;

        assert_true(next_notification(text, &fd));
        assert_string_equal(text, expected);
        assert_int_equal(fd >= 0, has_fd);
        close_fd(fd);
}

static void assert_silent(void) {
        char text[256];
        int fd;

        if (next_notification(text, &fd))
                fail_msg("\"%s\" was said", text);
}

/* Passes descriptors as systemd does. */
static void pass(const Fake *list, size_t n) {
        char names[512] = "", number[32];

        fakes = list;
        for (size_t i = 0; i < n; i++) {
                int fd = open("/dev/null", O_RDONLY);

                assert_true(fd >= 0);
                if (fd != FIRST_FD + (int) i) {
                        assert_int_equal(dup2(fd, FIRST_FD + (int) i), FIRST_FD + (int) i);
                        close_fd(fd);
                }
                if (i > 0)
                        strcat(names, ":");
                strcat(names, list[i].name);
        }
        (void) snprintf(number, sizeof(number), "%d", getpid());
        assert_int_equal(setenv("LISTEN_PID", number, 1), 0);
        (void) snprintf(number, sizeof(number), "%zu", n);
        assert_int_equal(setenv("LISTEN_FDS", number, 1), 0);
        assert_int_equal(setenv("LISTEN_FDNAMES", names, 1), 0);
}

static void test_nothing_passed(void **state _unused_) {
        StoredDescriptors stored;

        (void) unsetenv("LISTEN_FDS");
        assert_int_equal(descriptor_store_take(&stored), 0);
        assert_int_equal(stored.n_monitors, 0);
        assert_true(stored.ring_fd < 0);
        descriptor_store_done(&stored);
        assert_silent();
}

static void test_kept_and_forgotten(void **state _unused_) {
        descriptor_store_keep_ring(notify_socket);
        assert_notified("FDSTORE=1\nFDNAME=record-ring\nFDPOLL=0", true);
        descriptor_store_keep_monitor(makedev(259, 1048575), UINT64_MAX, notify_socket);
        assert_notified("FDSTORE=1\nFDNAME=hm-259-1048575-18446744073709551615\nFDPOLL=0", true);
        descriptor_store_forget_monitor(makedev(8, 1), 7);
        assert_notified("FDSTOREREMOVE=1\nFDNAME=hm-8-1-7", false);
        descriptor_store_forget_ring();
        assert_notified("FDSTOREREMOVE=1\nFDNAME=record-ring", false);

        /* A watch takes the name of the one before it, of which nothing may be left. */
        descriptor_store_keep_error_watch(makedev(7, 0), notify_socket);
        assert_notified("FDSTOREREMOVE=1\nFDNAME=fe-7-0", false);
        assert_notified("FDSTORE=1\nFDNAME=fe-7-0\nFDPOLL=0", true);
        descriptor_store_forget_error_watch(makedev(7, 0));
        assert_notified("FDSTOREREMOVE=1\nFDNAME=fe-7-0", false);
}

static void test_without_systemd(void **state _unused_) {
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        descriptor_store_keep_ring(notify_socket);
        descriptor_store_forget_ring();
        assert_silent();
}

static void test_taken_over(void **state _unused_) {
        static const Fake list[] = {
                { "hm-7-1-12",     true, true, 7, 1, false },
                { "record-ring",   false, false, 0, 0, false },
                { "hm-8-17-3",     true, true, 8, 17, false },
                { "hm-7-1-9",      true, false, 7, 1, false },  /* ended; its successor has the same device number */
        };
        StoredDescriptors stored;

        pass(list, ELEMENTSOF(list));
        assert_int_equal(descriptor_store_take(&stored), 0);
        assert_silent();
        assert_int_equal(stored.ring_fd, FIRST_FD + 1);
        assert_int_equal(stored.n_monitors, 3);
        assert_int_equal(stored.monitors[0].number, 9);
        assert_false(stored.monitors[0].is_alive);
        assert_int_equal(stored.monitors[1].number, 3);
        assert_int_equal(stored.monitors[1].device_number, makedev(8, 17));
        assert_int_equal(stored.monitors[1].fd, FIRST_FD + 2);
        assert_int_equal(stored.monitors[2].number, 12);
        assert_true(stored.monitors[2].is_alive);
        assert_int_equal(fcntl(stored.monitors[0].fd, F_GETFD), FD_CLOEXEC);
        assert_null(getenv("LISTEN_FDS"));

        /* What was taken out stays open. */
        stored.monitors[1].fd = -EBADF;
        descriptor_store_done(&stored);
        assert_int_equal(fcntl(FIRST_FD, F_GETFD), -1);
        assert_true(fcntl(FIRST_FD + 2, F_GETFD) >= 0);
        close_fd(FIRST_FD + 2);
}

static void test_error_watches(void **state _unused_) {
        static const Fake list[] = {
                { "fe-7-0",        false, true, 7, 0, true },
                { "fe-8-1",        false, false, 0, 0, true },  /* its file system is unmounted: only the name knows
                                                                 * which it was */
                { "hm-7-1-12",     true, true, 7, 1, false },
                { "fe-7-0",        false, true, 7, 0, true },
                { "fe-8-2",        false, true, 8, 3, true },   /* of another file system */
                { "fe-8-3",        false, true, 8, 3, false },  /* another kind of file */
                { "fe-8-03",       false, true, 8, 3, true },
                { "fe-8-3-1",      false, true, 8, 3, true },
        };
        StoredDescriptors stored;

        pass(list, ELEMENTSOF(list));
        assert_int_equal(descriptor_store_take(&stored), 0);
        assert_int_equal(stored.n_monitors, 1);
        assert_int_equal(stored.n_error_watches, 2);
        assert_int_equal(stored.error_watches[0].device_number, makedev(7, 0));
        assert_true(stored.error_watches[0].is_alive);
        assert_int_equal(stored.error_watches[0].fd, FIRST_FD);
        assert_int_equal(stored.error_watches[1].device_number, makedev(8, 1));
        assert_false(stored.error_watches[1].is_alive);
        for (size_t i = 4; i < ELEMENTSOF(list); i++) {
                char expected[256];

                print_message("%s\n", list[i].name);
                (void) snprintf(expected, sizeof(expected), "FDSTOREREMOVE=1\nFDNAME=%s", list[i].name);
                assert_notified(expected, false);
                assert_int_equal(fcntl(FIRST_FD + (int) i, F_GETFD), -1);
        }
        assert_silent();
        descriptor_store_done(&stored);
        assert_int_equal(fcntl(FIRST_FD, F_GETFD), -1);
}

static void test_none_of_ours(void **state _unused_) {
        static const Fake list[] = {
                { "stored",                       true, true, 7, 1, false },
                { "hm-7-1",                       true, true, 7, 1, false },
                { "hm-7-1-0",                     true, true, 7, 1, false },
                { "hm-7-01-5",                    true, true, 7, 1, false },
                { "hm-7-1-5x",                    true, true, 7, 1, false },
                { "hm-7-1-18446744073709551616",  true, true, 7, 1, false },
                { "hm-7-1-6",                     false, true, 7, 1, false },  /* another kind of file */
                { "hm-7-2-7",                     true, true, 7, 1, false },   /* of another file system */
        };
        StoredDescriptors stored;

        pass(list, ELEMENTSOF(list));
        assert_int_equal(descriptor_store_take(&stored), 0);
        assert_int_equal(stored.n_monitors, 0);
        for (size_t i = 0; i < ELEMENTSOF(list); i++) {
                char expected[256];

                print_message("%s\n", list[i].name);
                (void) snprintf(expected, sizeof(expected), "FDSTOREREMOVE=1\nFDNAME=%s", list[i].name);
                assert_notified(expected, false);
                assert_int_equal(fcntl(FIRST_FD + (int) i, F_GETFD), -1);
        }
        assert_silent();
        descriptor_store_done(&stored);
}

static void test_twice_under_one_name(void **state _unused_) {
        static const Fake list[] = {
                { "hm-7-1-12",     true, true, 7, 1, false },
                { "hm-7-1-12",     true, true, 7, 1, false },
        };
        StoredDescriptors stored;

        pass(list, ELEMENTSOF(list));
        assert_int_equal(descriptor_store_take(&stored), 0);
        assert_int_equal(stored.n_monitors, 1);
        assert_silent();
        descriptor_store_done(&stored);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing_passed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kept_and_forgotten, setup, teardown),
                cmocka_unit_test_setup_teardown(test_without_systemd, setup, teardown),
                cmocka_unit_test_setup_teardown(test_taken_over, setup, teardown),
                cmocka_unit_test_setup_teardown(test_error_watches, setup, teardown),
                cmocka_unit_test_setup_teardown(test_none_of_ours, setup, teardown),
                cmocka_unit_test_setup_teardown(test_twice_under_one_name, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
