/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerd's end of a line to one of its other processes, whichever: connects, greets, queues what the other end does
 * not read, connects again with growing pauses when the line breaks. What is said over it is the business of its owner
 * (worker-link, history-link). Never waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/packet.h"

typedef struct Line Line;

/* What does not change from one line of this kind to the next. Borrowed for the life of the line. */
typedef struct LineKind {
        const char *description;        /* of the event source */
        const char *subject;            /* what a line in the log about it begins with */
        const char *meanwhile;          /* what we do without it, for the log */
        int log_level;                  /* of a line that was lost */
        size_t record_size_max;
        unsigned n_batch;               /* records taken in one go before the loop may look at something else */
        size_t n_out_max;               /* records the other end did not read, or did not confirm */
        /* Records stay until line_forget_first() and are sent again on the next line; they wait until the other end has
         * answered, and one that finds no room is refused and counted. Otherwise they end with their line, and one that
         * finds no room ends it, because whoever is so far behind is dead. */
        bool keeps_sent;

        /* Is @record, as it is to be sent, well-formed? Returns 0 or a negative errno. */
        int (*check)(const void *record, size_t size_bytes);
        /* One checked record into a buffer of record_size_max. Returns as packet_receive(), and -EPROTONOSUPPORT. */
        int (*receive)(int socket_fd, void *ret_record, int *ret_fd);
        /* The answer to our hello: the first record of a line, and only that. */
        bool (*is_greeting)(const void *record);
} LineKind;

typedef struct LineHandlers {
        /* Connected: say hello. Negative ends the line. */
        int (*on_open)(void *userdata);
        /* Greeted by @record, borrowed. */
        void (*on_ready)(void *userdata, const void *record);
        /* Any other record and the descriptor it brought, or a negative value; borrowed. Negative ends the line. */
        int (*on_record)(void *userdata, const void *record, int fd);
        /* The line is gone; @was_ready: on_ready() had been called. */
        void (*on_lost)(void *userdata, bool was_ready);
        void *userdata;
} LineHandlers;

/**
 * line_new() - start connecting; no handler is called from here
 * @socket_path: where the other process listens; borrowed for the life of the line; NULL with @connected_fd
 * @connected_fd: an open line (taken), or a negative value; such a line is not opened again when it breaks
 */
int line_new(sd_event *event, const LineKind *kind, const char *socket_path, int connected_fd,
             const LineHandlers *handlers, Line **ret_line);
/* No handler is called any more. */
Line *line_free(Line *line);
DEFINE_CLEANUP(Line, line_free)

/* The other end has answered the hello. */
bool line_is_ready(const Line *line);

/* The other end was asked something at @asked_monotonic_usec and has not answered. Returns true if nothing at all was
 * heard from it since: then it gets LINE_DOUBT_USEC for a sign of life (for which the caller asks), and without one the
 * line is ended, because a process that stands still must not look like one that is there. */
bool line_doubt(Line *line, uint64_t asked_monotonic_usec);
#define LINE_DOUBT_USEC (5 * USEC_PER_SEC)

/* Of timers that end the waiting for the other end: what has come from it is read first, so that a healerd that stood
 * still itself does not take the other one for dead. */
#define LINE_DEADLINE_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/**
 * line_send() - send one record, or queue it
 * @fd: duplicated, or a negative value
 *
 * Returns: 0; -ENOBUFS at the limit; -ENOTCONN without a line, or if it broke just now (of a kind that keeps, 0: the
 * record waits for the next one); or another negative errno.
 */
int line_send(Line *line, const void *record, size_t size_bytes, int fd);

/* Past the queue: at once, or not at all. Returns 0; -ENOTCONN; -EAGAIN if the other end does not read; or another
 * negative errno. The line is not ended by it. */
int line_send_now(Line *line, const void *record, size_t size_bytes);

/* Of a kind that keeps: the oldest record, or the oldest if it was sent on this line; NULL without one; borrowed. */
const Packet *line_first(const Line *line);
const Packet *line_first_sent(const Line *line);
/* The other end confirmed the oldest. */
void line_forget_first(Line *line);

/* Every record that waits or is kept, to be changed in place before any of them was sent. */
void line_each_queued(Line *line, void (*each)(void *record, void *userdata), void *userdata);

/* Records that wait or are kept, and those that were refused since the start: no room, no memory, not well-formed. */
size_t line_n_queued(const Line *line);
uint64_t line_n_dropped(const Line *line);
