/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records over SOCK_SEQPACKET, one record a packet and at most one descriptor with it, and a bounded queue of those
 * that the other end does not read at once. What a record means is the business of the protocol above; nothing here
 * waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/**
 * packet_send() - one packet, without waiting
 * @fd: descriptor to pass along (borrowed), or a negative value
 *
 * Returns: 0; -EAGAIN if the peer does not read; -EPIPE if it is gone; or another negative errno.
 */
int packet_send(int socket_fd, const void *data, size_t size_bytes, int fd);

/**
 * packet_receive() - one packet, without waiting
 * @buffer: for @size_max bytes; undefined on failure
 * @ret_fd: the descriptor that came along (new), or -EBADF; NULL: none may come
 *
 * Returns: 0; -EAGAIN if nothing is there; -ECONNRESET at the end; -EBADMSG for a packet that is longer, or has more
 * descriptors than it may (all of them are closed); or another negative errno.
 */
int packet_receive(int socket_fd, void *buffer, size_t size_max, size_t *ret_size_bytes, int *ret_fd);

typedef struct Packet {
        STAILQ_ENTRY(Packet) entries;
        uint64_t since_monotonic_usec;  /* when it was queued */
        int fd;
        size_t size_bytes;
        _Alignas(uint64_t) uint8_t data[];
} Packet;

/* Embedded in its owner. Packets are sent in the order in which they were added. One that @keeps_sent lets go of them
 * only by packet_queue_pop(): they can be sent again on another socket until the other end has confirmed them. */
typedef struct PacketQueue {
        STAILQ_HEAD(, Packet) packets;
        Packet *next;                   /* the first that was not sent */
        size_t n, n_max;
        bool keeps_sent;
} PacketQueue;

void packet_queue_init(PacketQueue *queue, size_t n_max, bool keeps_sent);
/* Lets go of all of them, and may be used on. */
void packet_queue_clear(PacketQueue *queue);

/* @data is copied, @fd (or a negative value) duplicated. Returns 0; -ENOBUFS at the limit; or another negative
 * errno. */
int packet_queue_add(PacketQueue *queue, const void *data, size_t size_bytes, int fd);

/* Sends as much as the peer reads. Returns 0 if nothing is left; -EAGAIN if something is; or another negative errno. */
int packet_queue_flush(PacketQueue *queue, int socket_fd);

/* packet_send() if nothing waits, and the queue for what is not read. Returns as packet_queue_flush(), and -ENOBUFS at
 * the limit. Not for a queue that keeps what it sent. */
int packet_queue_send(PacketQueue *queue, int socket_fd, const void *data, size_t size_bytes, int fd);

/* The oldest, or NULL; borrowed until it is popped. */
const Packet *packet_queue_first(const PacketQueue *queue);
/* The oldest, if it was sent and is kept. */
const Packet *packet_queue_first_sent(const PacketQueue *queue);
void packet_queue_pop(PacketQueue *queue);
/* All that are kept are sent again. */
void packet_queue_rewind(PacketQueue *queue);
