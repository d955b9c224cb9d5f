/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection states: closed (a timer runs), open (hello sent, deadline runs), ready.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/link/worker-link.h"

#define RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (5 * USEC_PER_SEC)
/* A worker that has not answered by then is taken for dead; starting one takes well below a second. */
#define HELLO_DEADLINE_USEC (30 * USEC_PER_SEC)
#define OUT_QUEUE_MAX 2048
/* Records taken in one go before the loop may look at something else. */
#define RECEIVE_BATCH 64

typedef struct OutRecord {
        STAILQ_ENTRY(OutRecord) entries;
        int fd;
        WorkerMessage message;
} OutRecord;

struct WorkerLink {
        sd_event *event;
        const char *socket_path;
        WorkerLinkHandlers handlers;
        sd_event_source *io_source;
        sd_event_source *timer_source;  /* reconnecting, or the hello's deadline */
        int fd;
        bool is_ready;
        bool is_refused_logged;
        uint64_t reconnect_usec;
        STAILQ_HEAD(, OutRecord) out;
        size_t n_out;
};

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(WorkerLink *link, uint64_t delay_usec) {
        int r;

        if (delay_usec == USEC_INFINITY) {
                if (link->timer_source)
                        (void) sd_event_source_set_enabled(link->timer_source, SD_EVENT_OFF);
                return;
        }

        if (!link->timer_source)
                r = sd_event_add_time_relative(link->event, &link->timer_source, CLOCK_MONOTONIC, delay_usec,
                                               50 * USEC_PER_MSEC, on_timer, link);
        else {
                r = sd_event_source_set_time_relative(link->timer_source, delay_usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(link->timer_source, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_error_errno(r, "worker: cannot set a timer, the line stays as it is: %m");
}

static void out_clear(WorkerLink *link) {
        OutRecord *record;

        while ((record = STAILQ_FIRST(&link->out))) {
                STAILQ_REMOVE_HEAD(&link->out, entries);
                close_fd(record->fd);
                free(record);
        }
        link->n_out = 0;
}

static void line_close(WorkerLink *link) {
        bool was_ready = link->is_ready;

        link->io_source = sd_event_source_disable_unref(link->io_source);
        link->fd = close_fd(link->fd);
        link->is_ready = false;
        out_clear(link);

        if (was_ready && link->handlers.on_lost)
                link->handlers.on_lost(link->handlers.userdata);
}

static void line_lost(WorkerLink *link, int error, const char *what) {
        if (link->fd >= 0)
                log_warning_errno(error, "worker: %s: %m", what);
        line_close(link);
        if (!link->socket_path) {
                set_timer(link, USEC_INFINITY);
                return;
        }

        set_timer(link, link->reconnect_usec);
        link->reconnect_usec = min_of(link->reconnect_usec * 2, RECONNECT_MAX_USEC);
}

static int out_flush(WorkerLink *link) {
        OutRecord *record;
        int r;

        while ((record = STAILQ_FIRST(&link->out))) {
                r = worker_message_send(link->fd, &record->message, record->fd);
                if (r == -EAGAIN)
                        return sd_event_source_set_io_events(link->io_source, EPOLLIN|EPOLLOUT);
                if (r < 0)
                        return r;

                STAILQ_REMOVE_HEAD(&link->out, entries);
                link->n_out--;
                close_fd(record->fd);
                free(record);
        }

        return sd_event_source_set_io_events(link->io_source, EPOLLIN);
}

int worker_link_send(WorkerLink *link, const WorkerMessage *message, int fd) {
        _cleanup_(free_at) OutRecord *record = NULL;
        _cleanup_(close_fd_at) int copy = -EBADF;
        int r;

        /* A line that was given to us is there before it is greeted, and nothing comes before the greeting. */
        if (link->fd < 0 || !link->io_source)
                return -ENOTCONN;
        if (link->n_out >= OUT_QUEUE_MAX) {
                line_lost(link, -ENOBUFS, "does not read what it is told, dropping the line");
                return -ENOBUFS;
        }

        if (fd >= 0) {
                copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (copy < 0)
                        return -errno;
        }
        record = malloc(sizeof(*record));
        if (!record)
                return -ENOMEM;
        record->message = *message;
        record->fd = steal_fd(&copy);
        STAILQ_INSERT_TAIL(&link->out, record, entries);
        record = NULL;
        link->n_out++;

        r = out_flush(link);
        if (r < 0) {
                line_lost(link, r, "cannot be told anything, dropping the line");
                return -ENOTCONN;
        }
        return 0;
}

bool worker_link_is_ready(const WorkerLink *link) {
        return link->is_ready;
}

static void take_message(WorkerLink *link, const WorkerMessage *message, int fd) {
        if (message->header.type == WORKER_HELLO_REPLY) {
                link->is_ready = true;
                link->reconnect_usec = RECONNECT_MIN_USEC;
                set_timer(link, USEC_INFINITY);
                log_info("worker: connected, version %s, kernel %s", message->hello_reply.program_version,
                         message->hello_reply.kernel_release);
                if (link->handlers.on_ready)
                        link->handlers.on_ready(link->handlers.userdata, &message->hello_reply);
                return;
        }

        link->handlers.on_message(link->handlers.userdata, message, fd);
}

static int receive_batch(WorkerLink *link) {
        for (unsigned i = 0; i < RECEIVE_BATCH && link->fd >= 0; i++) {
                _cleanup_(close_fd_at) int fd = -EBADF;
                WorkerMessage message;
                int r;

                r = worker_message_receive(link->fd, &message, &fd);
                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        return r;
                if (!link->is_ready && message.header.type != WORKER_HELLO_REPLY)
                        return -EBADMSG;
                take_message(link, &message, fd);
        }

        return 0;
}

static int on_io(_unused_ sd_event_source *source, _unused_ int fd, uint32_t revents, void *userdata) {
        WorkerLink *link = userdata;
        int r = 0;

        if (revents & (EPOLLIN|EPOLLHUP|EPOLLERR))
                r = receive_batch(link);
        if (r >= 0 && link->fd >= 0 && (revents & EPOLLOUT))
                r = out_flush(link);
        if (r == -EPROTONOSUPPORT)
                line_lost(link, r, "is of another version, waiting for the one that belongs to this daemon");
        else if (r == -EBADMSG)
                line_lost(link, r, "answered nonsense, dropping the line");
        else if (r < 0)
                line_lost(link, r, "the line broke");

        return 0;
}

static int line_open(WorkerLink *link) {
        WorkerMessage hello;
        int r;

        r = sd_event_add_io(link->event, &link->io_source, link->fd, EPOLLIN, on_io, link);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(link->io_source, "worker-link");

        worker_message_init(&hello, WORKER_HELLO);
        (void) text_copy(hello.hello.program_version, sizeof(hello.hello.program_version), HEALER_VERSION);
        r = worker_link_send(link, &hello, -EBADF);
        if (r < 0)
                return r;

        set_timer(link, HELLO_DEADLINE_USEC);
        link->handlers.on_hello(link->handlers.userdata);
        return 0;
}

static int line_connect(WorkerLink *link) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int r;

        r = text_copy(address.sun_path, sizeof(address.sun_path), link->socket_path);
        if (r < 0)
                return -ENAMETOOLONG;

        link->fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (link->fd < 0) {
                link->fd = -EBADF;
                return -errno;
        }

        /* A local socket connects at once or not at all; EAGAIN means a full backlog. */
        if (connect(link->fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                r = -errno;
                link->fd = close_fd(link->fd);
                return r;
        }

        link->is_refused_logged = false;
        return line_open(link);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        WorkerLink *link = userdata;
        int r;

        if (link->io_source) {
                line_lost(link, -ETIMEDOUT, "did not answer the hello");
                return 0;
        }

        /* A line that was given to us is only greeted, any other is connected first. */
        r = link->fd >= 0 ? line_open(link) : line_connect(link);
        if (r < 0 && link->socket_path) {
                if (!link->is_refused_logged)
                        log_warning_errno(r, "worker: cannot connect to %s, trying again: %m", link->socket_path);
                link->is_refused_logged = true;
        }
        if (r < 0)
                line_lost(link, r, "cannot be greeted");
        return 0;
}

int worker_link_new(sd_event *event, const char *socket_path, int connected_fd,
                    const WorkerLinkHandlers *handlers, WorkerLink **ret_link) {
        _cleanup_(close_fd_at) int fd = connected_fd;
        _cleanup_(worker_link_free_at) WorkerLink *link = NULL;

        link = malloc(sizeof(*link));
        if (!link)
                return -ENOMEM;

        *link = (WorkerLink) {
                .event = sd_event_ref(event),
                .socket_path = socket_path,
                .handlers = *handlers,
                .fd = steal_fd(&fd),
                .reconnect_usec = RECONNECT_MIN_USEC,
        };
        STAILQ_INIT(&link->out);

        /* Not from here: the owner has to have the link before its handlers are called. */
        set_timer(link, 0);
        *ret_link = steal_ptr(link);
        return 0;
}

WorkerLink *worker_link_free(WorkerLink *link) {
        if (!link)
                return NULL;

        link->handlers.on_lost = NULL;
        line_close(link);
        sd_event_source_disable_unref(link->timer_source);
        sd_event_unref(link->event);
        free(link);
        return NULL;
}
