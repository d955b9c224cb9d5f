/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection states: closed (a timer runs), open (hello sent, deadline runs), ready (in doubt: a deadline runs). A line
 * that was given to us is there before it is open. What is wrong is said once until something else is or the line is
 * ready, however often it is tried meanwhile.
 */

#include "src/link/line.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (5 * USEC_PER_SEC)
/* A process that has not answered by then is taken for dead; starting one takes well below a second. */
#define HELLO_DEADLINE_USEC (30 * USEC_PER_SEC)
#define TIMER_ACCURACY_USEC (50 * USEC_PER_MSEC)

struct Line {
        sd_event *event;
        const LineKind *kind;
        const char *socket_path;
        LineHandlers handlers;
        sd_event_source *io_source;     /* while it is open or ready */
        sd_event_source *timer_source;  /* reconnecting, the hello's deadline, or that of a doubted process */
        int fd;
        bool is_ready;
        bool is_doubted;                /* the timer runs until it gives a sign of life */
        uint64_t heard_monotonic_usec;
        const char *loss_logged;        /* what was said last, or NULL since it was ready */
        uint64_t reconnect_usec;
        PacketQueue out;
        uint64_t n_dropped;
        void *received;                 /* room for one record */
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(Line *line, uint64_t delay_usec) {
        int r;

        if (delay_usec == USEC_INFINITY) {
                if (line->timer_source)
                        (void) sd_event_source_set_enabled(line->timer_source, SD_EVENT_OFF);
                return;
        }

        if (!line->timer_source) {
                r = sd_event_add_time_relative(line->event, &line->timer_source, CLOCK_MONOTONIC, delay_usec,
                                               TIMER_ACCURACY_USEC, on_timer, line);
                if (r >= 0)
                        r = sd_event_source_set_priority(line->timer_source, LINE_DEADLINE_PRIORITY);
        } else {
                r = sd_event_source_set_time_relative(line->timer_source, delay_usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(line->timer_source, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_error_errno(r, "%s cannot be given a timer, the line stays as it is: %m", line->kind->subject);
}

static void line_close(Line *line) {
        bool was_ready = line->is_ready;

        line->io_source = sd_event_source_disable_unref(line->io_source);
        line->fd = close_fd(line->fd);
        line->is_ready = line->is_doubted = false;
        if (line->kind->keeps_sent)
                packet_queue_rewind(&line->out);
        else
                packet_queue_clear(&line->out);
        if (line->handlers.on_lost)
                line->handlers.on_lost(line->handlers.userdata, was_ready);
}

static void line_lost(Line *line, int error, const char *what) {
        if (!line->loss_logged || strcmp(line->loss_logged, what) != 0)
                log_errno(line->kind->log_level, error, "%s %s, %s: %m", line->kind->subject, what,
                          line->socket_path ? line->kind->meanwhile : "there is no other line");
        line->loss_logged = what;
        line_close(line);
        if (!line->socket_path) {
                set_timer(line, USEC_INFINITY);
                return;
        }

        set_timer(line, line->reconnect_usec);
        line->reconnect_usec = min_of(line->reconnect_usec * 2, RECONNECT_MAX_USEC);
}

/* Returns 0, also if something is left; or a negative errno, and the line is lost. */
static int out_flush(Line *line) {
        int r;

        if (line->kind->keeps_sent && !line->is_ready)
                return 0;

        r = packet_queue_flush(&line->out, line->fd);
        if (r >= 0 || r == -EAGAIN)
                r = sd_event_source_set_io_events(line->io_source, EPOLLIN | (r == -EAGAIN ? EPOLLOUT : 0));
        if (r < 0)
                line_lost(line, r, "cannot be told anything");
        return r;
}

/* Past the queue: to copy a record and its descriptor takes longer than to send them. Returns -EAGAIN if the queue is
 * what has to take it. */
static int send_at_once(Line *line, const void *record, size_t size_bytes, int fd) {
        if (line->kind->keeps_sent || line->out.n > 0)
                return -EAGAIN;
        return packet_send(line->fd, record, size_bytes, fd);
}

int line_send(Line *line, const void *record, size_t size_bytes, int fd) {
        int r;

        /* A line that was given to us is there before it is greeted, and nothing comes before the greeting. */
        if (!line->kind->keeps_sent && !line->io_source)
                return -ENOTCONN;

        r = line->kind->check(record, size_bytes);
        if (r >= 0) {
                r = send_at_once(line, record, size_bytes, fd);
                if (r >= 0)
                        return 0;
                if (r != -EAGAIN) {
                        line_lost(line, r, "cannot be told anything");
                        return -ENOTCONN;
                }
                r = packet_queue_add(&line->out, record, size_bytes, fd);
        }
        if (r < 0) {
                line->n_dropped++;
                if (r == -ENOBUFS && !line->kind->keeps_sent)
                        line_lost(line, r, "does not read what it is told");
                return r;
        }

        r = line->io_source ? out_flush(line) : 0;
        return r < 0 && !line->kind->keeps_sent ? -ENOTCONN : 0;
}

int line_send_now(Line *line, const void *record, size_t size_bytes) {
        int r;

        if (!line->io_source)
                return -ENOTCONN;
        r = line->kind->check(record, size_bytes);
        return r < 0 ? r : packet_send(line->fd, record, size_bytes, -EBADF);
}

static int take_greeting(Line *line) {
        line->is_ready = true;
        line->loss_logged = NULL;
        line->reconnect_usec = RECONNECT_MIN_USEC;
        set_timer(line, USEC_INFINITY);
        line->handlers.on_ready(line->handlers.userdata, line->received);
        if (line->fd >= 0)
                (void) out_flush(line);
        return 0;
}

bool line_doubt(Line *line, uint64_t asked_monotonic_usec) {
        if (!line->is_ready || line->heard_monotonic_usec >= asked_monotonic_usec)
                return false;
        if (!line->is_doubted)
                set_timer(line, LINE_DOUBT_USEC);
        line->is_doubted = true;
        return true;
}

static void give_sign_of_life(Line *line) {
        line->heard_monotonic_usec = clock_monotonic_usec();
        if (!line->is_doubted)
                return;
        line->is_doubted = false;
        set_timer(line, USEC_INFINITY);
}

static int receive_batch(Line *line) {
        for (unsigned i = 0; i < line->kind->n_batch && line->fd >= 0; i++) {
                _cleanup_(close_fd_at) int fd = -EBADF;
                int r;

                r = line->kind->receive(line->fd, line->received, &fd);
                if (r == -EAGAIN)
                        return 0;
                /* The greeting comes first, and once. */
                if (r >= 0 && line->kind->is_greeting(line->received) == line->is_ready)
                        r = -EBADMSG;
                if (r >= 0)
                        give_sign_of_life(line);
                if (r >= 0)
                        r = line->is_ready ? line->handlers.on_record(line->handlers.userdata, line->received, fd) :
                                             take_greeting(line);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int on_io(_unused_ sd_event_source *source, _unused_ int fd, uint32_t revents, void *userdata) {
        Line *line = userdata;
        int r = 0;

        if (revents & (EPOLLIN|EPOLLHUP|EPOLLERR))
                r = receive_batch(line);
        if (r == -EPROTONOSUPPORT)
                line_lost(line, r, "is of another version");
        else if (r == -EBADMSG)
                line_lost(line, r, "answered nonsense");
        else if (r < 0)
                line_lost(line, r, "is gone");
        else if (line->fd >= 0 && revents & EPOLLOUT)
                (void) out_flush(line);

        return 0;
}

static int line_open(Line *line) {
        int r;

        r = sd_event_add_io(line->event, &line->io_source, line->fd, EPOLLIN, on_io, line);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(line->io_source, line->kind->description);

        set_timer(line, HELLO_DEADLINE_USEC);
        return line->handlers.on_open(line->handlers.userdata);
}

static int line_connect(Line *line) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        if (text_copy(address.sun_path, sizeof(address.sun_path), line->socket_path) < 0)
                return -ENAMETOOLONG;
        line->fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (line->fd < 0) {
                line->fd = -EBADF;
                return -errno;
        }

        /* A local socket connects at once or not at all; EAGAIN means a full backlog. */
        if (connect(line->fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                r = -errno;
                line->fd = close_fd(line->fd);
                return r;
        }
        return line_open(line);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Line *line = userdata;
        int r;

        if (line->io_source) {
                /* One that hangs in a file system may come back: the records wait, and the next line is no better. */
                line_lost(line, -ETIMEDOUT, line->is_ready ? "stands still" : "does not answer");
                return 0;
        }

        /* A line that was given to us is only greeted, any other is connected first. */
        r = line->fd >= 0 ? line_open(line) : line_connect(line);
        if (r < 0)
                line_lost(line, r, "cannot be reached");
        return 0;
}

int line_new(sd_event *event, const LineKind *kind, const char *socket_path, int connected_fd,
             const LineHandlers *handlers, Line **ret_line) {
        _cleanup_(close_fd_at) int fd = connected_fd;
        _cleanup_(line_free_at) Line *line = NULL;

        line = malloc(sizeof(*line));
        if (!line)
                return -ENOMEM;

        *line = (Line) {
                .event = sd_event_ref(event),
                .kind = kind,
                .socket_path = socket_path,
                .handlers = *handlers,
                .fd = steal_fd(&fd),
                .reconnect_usec = RECONNECT_MIN_USEC,
                .received = malloc(kind->record_size_max),
        };
        packet_queue_init(&line->out, kind->n_out_max, kind->keeps_sent);
        if (!line->received)
                return -ENOMEM;

        /* Not from here: the owner has to have the line before its handlers are called. */
        set_timer(line, 0);
        *ret_line = steal_ptr(line);
        return 0;
}

Line *line_free(Line *line) {
        if (!line)
                return NULL;

        line->handlers.on_lost = NULL;
        line_close(line);
        packet_queue_clear(&line->out);
        sd_event_source_disable_unref(line->timer_source);
        sd_event_unref(line->event);
        free(line->received);
        free(line);
        return NULL;
}

bool line_is_ready(const Line *line) {
        return line->is_ready;
}

const Packet *line_first(const Line *line) {
        return packet_queue_first(&line->out);
}

const Packet *line_first_sent(const Line *line) {
        return packet_queue_first_sent(&line->out);
}

void line_forget_first(Line *line) {
        packet_queue_pop(&line->out);
}

void line_each_queued(Line *line, void (*each)(void *record, void *userdata), void *userdata) {
        Packet *packet;

        STAILQ_FOREACH(packet, &line->out.packets, entries)
                each(packet->data, userdata);
}

size_t line_n_queued(const Line *line) {
        return line->out.n;
}

uint64_t line_n_dropped(const Line *line) {
        return line->n_dropped;
}
