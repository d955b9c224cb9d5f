/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet with at most one descriptor, whatever the other end sends; and the queue in front of a peer that does not
 * read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/packet.h"

#define DESCRIPTORS_MAX 20

typedef struct Setup {
        int us, peer;
} Setup;

static int setup(void **state) {
        static Setup s;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, fds), 0);
        s = (Setup) { .us = fds[0], .peer = fds[1] };
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        close_fd(s->us);
        close_fd(s->peer);
        return 0;
}

static unsigned n_open(void) {
        _cleanup_(closedir_at) DIR *folder = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(folder);
        while (readdir(folder))
                n++;
        return n;
}

/* What packet_send() never does: @n descriptors with one packet. */
static void send_raw(int socket_fd, const void *data, size_t size_bytes, unsigned n) {
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
        } control = {};
        struct iovec part = { .iov_base = (void *) data, .iov_len = size_bytes };
        struct msghdr envelope = { .msg_iov = &part, .msg_iovlen = 1 };

        if (n > 0) {
                struct cmsghdr *descriptors;

                envelope.msg_control = control.bytes;
                envelope.msg_controllen = CMSG_SPACE(n * sizeof(int));
                descriptors = CMSG_FIRSTHDR(&envelope);
                descriptors->cmsg_level = SOL_SOCKET;
                descriptors->cmsg_type = SCM_RIGHTS;
                descriptors->cmsg_len = CMSG_LEN(n * sizeof(int));
                for (unsigned i = 0; i < n; i++)
                        memcpy(CMSG_DATA(descriptors) + i * sizeof(int), &socket_fd, sizeof(int));
        }
        assert_int_equal(sendmsg(socket_fd, &envelope, 0), size_bytes);
}

static void test_receive(void **state) {
        static const struct {
                const char *name;
                size_t size_bytes;
                unsigned n_descriptors;
                bool may_bring_one;
                int result;
        } cases[] = {
                { "a packet",                             16, 0,               true,  0        },
                { "a packet with a descriptor",           16, 1,               true,  0        },
                { "as long as may be",                    32, 0,               true,  0        },
                { "one byte too long",                    33, 0,               true,  -EBADMSG },
                { "too long, with a descriptor",          33, 1,               true,  -EBADMSG },
                { "two descriptors",                      16, 2,               true,  -EBADMSG },
                { "as many as there is room for",         16, 8,               true,  -EBADMSG },
                { "more than there is room for",          16, DESCRIPTORS_MAX, true,  -EBADMSG },
                { "no descriptor where none may come",    16, 0,               false, 0        },
                { "a descriptor where none may come",     16, 1,               false, -EBADMSG },
                { "many descriptors where none may come", 16, DESCRIPTORS_MAX, false, -EBADMSG },
                { "nothing but a descriptor",             0,  1,               true,  0        },
        };
        const Setup *s = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t data[64], buffer[32];
                size_t size_bytes = SIZE_MAX;
                unsigned n_before = n_open();
                int fd = -EBADF;

                print_message("%s\n", cases[i].name);
                memset(data, (int) i + 1, sizeof(data));
                send_raw(s->peer, data, cases[i].size_bytes, cases[i].n_descriptors);
                assert_int_equal(packet_receive(s->us, buffer, sizeof(buffer), &size_bytes,
                                                cases[i].may_bring_one ? &fd : NULL), cases[i].result);
                if (cases[i].result == 0) {
                        assert_int_equal(size_bytes, cases[i].size_bytes);
                        assert_memory_equal(buffer, data, size_bytes);
                        assert_int_equal(fd >= 0, cases[i].n_descriptors == 1);
                } else
                        assert_int_equal(fd, -EBADF);
                if (fd >= 0)
                        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
                close_fd(fd);
                /* Nothing that came along is left behind. */
                assert_int_equal(n_open(), n_before);
        }
        assert_int_equal(packet_receive(s->us, &(uint8_t) { 0 }, 1, &(size_t) { 0 }, NULL), -EAGAIN);
}

static void test_peer_is_gone(void **state) {
        Setup *s = *state;
        size_t size_bytes;
        uint8_t byte = 1;

        s->peer = close_fd(s->peer);
        assert_int_equal(packet_receive(s->us, &byte, 1, &size_bytes, NULL), -ECONNRESET);
        assert_int_equal(packet_send(s->us, &byte, 1, -EBADF), -EPIPE);
}

static uint64_t receive_number(const Setup *s, int *fd) {
        uint64_t number;
        size_t size_bytes;

        assert_int_equal(packet_receive(s->peer, &number, sizeof(number), &size_bytes, fd), 0);
        assert_int_equal(size_bytes, sizeof(number));
        return number;
}

/* Two descriptors of one file. */
static void assert_same_file(int a, int b) {
        struct stat status_a, status_b;

        assert_int_equal(fstat(a, &status_a), 0);
        assert_int_equal(fstat(b, &status_b), 0);
        assert_int_equal(status_a.st_ino, status_b.st_ino);
}

/* As full as the socket is, in order, each with the descriptor that it was given. */
static void test_queue_behind_a_full_socket(void **state) {
        const Setup *s = *state;
        uint64_t n_sent = 0, n_received = 0, n_queued = 0;
        PacketQueue queue;
        int r;

        packet_queue_init(&queue, 100, false);
        do {
                r = packet_queue_send(&queue, s->us, &n_sent, sizeof(n_sent), -EBADF);
                n_sent++;
        } while (r == 0);
        assert_int_equal(r, -EAGAIN);
        assert_int_equal(queue.n, 1);
        for (n_queued = 1; n_queued < 100; n_queued++, n_sent++)
                assert_int_equal(packet_queue_send(&queue, s->us, &n_sent, sizeof(n_sent), s->us), -EAGAIN);
        assert_int_equal(packet_queue_send(&queue, s->us, &n_sent, sizeof(n_sent), s->us), -ENOBUFS);
        assert_int_equal(queue.n, 100);

        while (n_received < n_sent) {
                _cleanup_(close_fd_at) int fd = -EBADF;

                assert_int_equal(receive_number(s, &fd), n_received++);
                assert_int_equal(fd >= 0, n_received > n_sent - 99);
                if (fd >= 0)
                        assert_same_file(fd, s->us);
                r = packet_queue_flush(&queue, s->us);
                assert_true(r == 0 || r == -EAGAIN);
        }
        assert_int_equal(r, 0);
        assert_int_equal(queue.n, 0);
}

/* What was sent and not confirmed is sent again on the next socket; what was confirmed is not. */
static void test_queue_that_keeps(void **state) {
        const Setup *s = *state;
        PacketQueue queue;

        packet_queue_init(&queue, 4, true);
        assert_null(packet_queue_first(&queue));
        assert_null(packet_queue_first_sent(&queue));
        for (uint64_t i = 0; i < 4; i++)
                assert_int_equal(packet_queue_add(&queue, &i, sizeof(i), -EBADF), 0);
        assert_int_equal(packet_queue_add(&queue, "x", 1, -EBADF), -ENOBUFS);
        assert_non_null(packet_queue_first(&queue));
        assert_null(packet_queue_first_sent(&queue));

        assert_int_equal(packet_queue_flush(&queue, s->us), 0);
        for (uint64_t i = 0; i < 4; i++)
                assert_int_equal(receive_number(s, NULL), i);
        assert_int_equal(queue.n, 4);
        assert_ptr_equal(packet_queue_first_sent(&queue), packet_queue_first(&queue));
        packet_queue_pop(&queue);
        assert_int_equal(packet_queue_flush(&queue, s->us), 0);

        packet_queue_rewind(&queue);
        assert_null(packet_queue_first_sent(&queue));
        assert_int_equal(packet_queue_flush(&queue, s->us), 0);
        for (uint64_t i = 1; i < 4; i++)
                assert_int_equal(receive_number(s, NULL), i);

        packet_queue_clear(&queue);
        assert_int_equal(queue.n, 0);
        /* And it may be used on. */
        assert_int_equal(packet_queue_add(&queue, &(uint64_t) { 7 }, sizeof(uint64_t), -EBADF), 0);
        assert_int_equal(packet_queue_flush(&queue, s->us), 0);
        assert_int_equal(receive_number(s, NULL), 7);
        packet_queue_clear(&queue);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
                cmocka_unit_test_setup_teardown(test_peer_is_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_queue_behind_a_full_socket, setup, teardown),
                cmocka_unit_test_setup_teardown(test_queue_that_keeps, setup, teardown),
        };

        return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
