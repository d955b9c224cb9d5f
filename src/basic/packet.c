/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One way to send and to receive for every line between our programs, so that a packet that is cut off or a descriptor
 * that nobody asked for is handled the same everywhere.
 */

#include "src/basic/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"

/* Room for more descriptors than are ever allowed, so that surplus ones arrive, are seen and closed. */
#define N_DESCRIPTORS_RECEIVED 8

int packet_send(int socket_fd, const void *data, size_t size_bytes, int fd) {
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec part = {
                .iov_base = (void *) data,
                .iov_len = size_bytes,
        };
        struct msghdr envelope = {
                .msg_iov = &part,
                .msg_iovlen = 1,
        };

        if (fd >= 0) {
                struct cmsghdr *descriptors;

                envelope.msg_control = control.bytes;
                envelope.msg_controllen = sizeof(control.bytes);
                descriptors = CMSG_FIRSTHDR(&envelope);
                descriptors->cmsg_level = SOL_SOCKET;
                descriptors->cmsg_type = SCM_RIGHTS;
                descriptors->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(descriptors), &fd, sizeof(int));
        }

        for (;;) {
                if (sendmsg(socket_fd, &envelope, MSG_DONTWAIT|MSG_NOSIGNAL) >= 0)
                        return 0;
                if (errno == EINTR)
                        continue;
                if (errno == EWOULDBLOCK || errno == ENOBUFS)
                        return -EAGAIN;
                if (errno == ECONNRESET || errno == ENOTCONN)
                        return -EPIPE;
                return -errno;
        }
}

/* Keeps a single descriptor in @fd and closes every other one. Returns how many came. */
static size_t take_descriptors(struct msghdr *envelope, int *fd) {
        size_t n_received = 0;

        for (struct cmsghdr *part = CMSG_FIRSTHDR(envelope); part; part = CMSG_NXTHDR(envelope, part)) {
                size_t n;

                if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS ||
                    part->cmsg_len < CMSG_LEN(0))
                        continue;

                n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int received;

                        memcpy(&received, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
                        *fd = close_fd(*fd);
                        *fd = received;
                        n_received++;
                }
        }

        return n_received;
}

int packet_receive(int socket_fd, void *buffer, size_t size_max, size_t *ret_size_bytes, int *ret_fd) {
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(N_DESCRIPTORS_RECEIVED * sizeof(int))];
        } control;
        struct iovec part = {
                .iov_base = buffer,
                .iov_len = size_max,
        };
        /* Without room for descriptors the kernel keeps them from being installed and says that it cut them off. */
        struct msghdr envelope = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = ret_fd ? control.bytes : NULL,
                .msg_controllen = ret_fd ? sizeof(control.bytes) : 0,
        };
        _cleanup_(close_fd_at) int fd = -EBADF;
        size_t n_descriptors;
        ssize_t length;

        do
                length = recvmsg(socket_fd, &envelope, MSG_DONTWAIT|MSG_CMSG_CLOEXEC);
        while (length < 0 && errno == EINTR);
        if (length < 0)
                return -errno;

        n_descriptors = take_descriptors(&envelope, &fd);
        /* An empty packet with something in its envelope is no end. */
        if (n_descriptors > 1 || envelope.msg_flags & (MSG_TRUNC|MSG_CTRUNC))
                return -EBADMSG;
        if (length == 0 && n_descriptors == 0)
                return -ECONNRESET;

        *ret_size_bytes = (size_t) length;
        if (ret_fd)
                *ret_fd = steal_fd(&fd);
        return 0;
}

void packet_queue_init(PacketQueue *queue, size_t n_max, bool keeps_sent) {
        *queue = (PacketQueue) { .n_max = n_max, .keeps_sent = keeps_sent };
        STAILQ_INIT(&queue->packets);
}

void packet_queue_pop(PacketQueue *queue) {
        Packet *first = STAILQ_FIRST(&queue->packets);

        if (queue->next == first)
                queue->next = STAILQ_NEXT(first, entries);
        STAILQ_REMOVE_HEAD(&queue->packets, entries);
        queue->n--;
        close_fd(first->fd);
        free(first);
}

void packet_queue_clear(PacketQueue *queue) {
        while (!STAILQ_EMPTY(&queue->packets))
                packet_queue_pop(queue);
}

int packet_queue_add(PacketQueue *queue, const void *data, size_t size_bytes, int fd) {
        _cleanup_(close_fd_at) int copy = -EBADF;
        Packet *packet;

        if (queue->n >= queue->n_max)
                return -ENOBUFS;

        if (fd >= 0) {
                copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
                if (copy < 0)
                        return -errno;
        }
        packet = malloc(offsetof(Packet, data) + size_bytes);
        if (!packet)
                return -ENOMEM;

        packet->since_monotonic_usec = clock_monotonic_usec();
        packet->fd = steal_fd(&copy);
        packet->size_bytes = size_bytes;
        memcpy(packet->data, data, size_bytes);
        STAILQ_INSERT_TAIL(&queue->packets, packet, entries);
        if (!queue->next)
                queue->next = packet;
        queue->n++;
        return 0;
}

int packet_queue_flush(PacketQueue *queue, int socket_fd) {
        while (queue->next) {
                int r = packet_send(socket_fd, queue->next->data, queue->next->size_bytes, queue->next->fd);

                if (r < 0)
                        return r;
                if (queue->keeps_sent)
                        queue->next = STAILQ_NEXT(queue->next, entries);
                else
                        packet_queue_pop(queue);
        }

        return 0;
}

int packet_queue_send(PacketQueue *queue, int socket_fd, const void *data, size_t size_bytes, int fd) {
        int r = -EAGAIN;

        if (queue->n == 0)
                r = packet_send(socket_fd, data, size_bytes, fd);
        if (r != -EAGAIN)
                return r;

        r = packet_queue_add(queue, data, size_bytes, fd);
        return r < 0 ? r : -EAGAIN;
}

const Packet *packet_queue_first(const PacketQueue *queue) {
        return STAILQ_FIRST(&queue->packets);
}

const Packet *packet_queue_first_sent(const PacketQueue *queue) {
        const Packet *first = STAILQ_FIRST(&queue->packets);

        return first != queue->next ? first : NULL;
}

void packet_queue_rewind(PacketQueue *queue) {
        queue->next = STAILQ_FIRST(&queue->packets);
}
