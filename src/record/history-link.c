/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection states: closed (a timer runs), open (hello sent, deadline runs), ready. The queue outlives a line: what was sent
 * and not confirmed is sent again, and the recorder knows by the serial what it has already.
 */

#include "src/record/history-link.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"

#define RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (5 * USEC_PER_SEC)
#define HELLO_DEADLINE_USEC (30 * USEC_PER_SEC)
/* Records taken in one go before the loop may look at something else. */
#define RECEIVE_BATCH 256

typedef struct Waiting {
        STAILQ_ENTRY(Waiting) entries;
        uint64_t since_monotonic_usec;
        HistoryMessage message;         /* only as long as its header says */
} Waiting;

typedef struct Query {
        TAILQ_ENTRY(Query) entries;
        HistoryLink *link;
        uint64_t id;
        HistoryAnswer on_answer;
        void *userdata;
        sd_event_source *deadline;
} Query;

struct HistoryLink {
        sd_event *event;
        const char *socket_path;
        sd_event_source *io_source;
        sd_event_source *timer_source;  /* reconnecting, or the hello's deadline */
        int fd;
        bool is_ready;
        bool is_refused_logged;
        bool is_stall_logged;
        uint64_t reconnect_usec;
        HistoryPlace place;             /* as the recorder says it */
        uint64_t next_serial;
        STAILQ_HEAD(, Waiting) waiting;
        Waiting *next_to_send;
        size_t n_waiting;
        uint64_t n_dropped, n_dropped_logged;
        TAILQ_HEAD(, Query) queries;
        size_t n_queries;
        uint64_t last_query_id;
};

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(HistoryLink *link, uint64_t delay_usec) {
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
                log_error_errno(r, "history: cannot set a timer, the line stays as it is: %m");
}

/* Ends a query; @error 0 or a negative errno. */
static void query_end(Query *query, int error) {
        TAILQ_REMOVE(&query->link->queries, query, entries);
        query->link->n_queries--;
        sd_event_source_disable_unref(query->deadline);
        query->on_answer(query->userdata, NULL, error);
        free(query);
}

static void end_all_queries(HistoryLink *link, int error) {
        while (!TAILQ_EMPTY(&link->queries))
                query_end(TAILQ_FIRST(&link->queries), error);
}

static void line_close(HistoryLink *link, int error) {
        link->io_source = sd_event_source_disable_unref(link->io_source);
        link->fd = close_fd(link->fd);
        link->is_ready = false;
        link->place = HISTORY_PLACE_ABSENT;
        link->next_to_send = STAILQ_FIRST(&link->waiting);
        end_all_queries(link, error);
}

static void line_lost(HistoryLink *link, int error, const char *what) {
        if (!link->is_refused_logged)
                log_notice_errno(error, "history: the recorder %s, healerd goes on without and tries again: %m", what);
        link->is_refused_logged = true;
        line_close(link, -ENOLINK);
        set_timer(link, link->reconnect_usec);
        link->reconnect_usec = min_of(link->reconnect_usec * 2, RECONNECT_MAX_USEC);
}

static void flush(HistoryLink *link) {
        int r;

        while (link->next_to_send) {
                r = history_message_send(link->fd, &link->next_to_send->message);
                if (r == -EAGAIN) {
                        (void) sd_event_source_set_io_events(link->io_source, EPOLLIN|EPOLLOUT);
                        return;
                }
                if (r < 0) {
                        line_lost(link, r, "cannot be told anything");
                        return;
                }
                link->next_to_send = STAILQ_NEXT(link->next_to_send, entries);
        }
        (void) sd_event_source_set_io_events(link->io_source, EPOLLIN);
}

static void drop(HistoryLink *link) {
        if (link->n_dropped++ == link->n_dropped_logged)
                log_warning("history: %zu records wait for the recorder, what comes now is not kept", link->n_waiting);
}

static bool is_stalled(const HistoryLink *link) {
        const Waiting *first = STAILQ_FIRST(&link->waiting);

        return first && clock_monotonic_usec() > first->since_monotonic_usec + HISTORY_STALL_USEC;
}

void history_link_add(HistoryLink *link, const HistoryValues *values) {
        HistoryMessage message;
        Waiting *waiting;

        if (is_stalled(link) && link->is_ready && !link->is_stall_logged) {
                link->is_stall_logged = true;
                log_warning("history: the recorder takes nothing, its file system may hang; healerd goes on without");
        }
        if (link->n_waiting >= HISTORY_QUEUE_MAX) {
                drop(link);
                return;
        }

        history_message_set_row(&message, HISTORY_RECORD, link->next_serial++, values);
        waiting = malloc(offsetof(Waiting, message) + message.header.size_bytes);
        if (!waiting) {
                drop(link);
                return;
        }
        memcpy(&waiting->message, &message, message.header.size_bytes);
        waiting->since_monotonic_usec = clock_monotonic_usec();
        STAILQ_INSERT_TAIL(&link->waiting, waiting, entries);
        link->n_waiting++;
        if (!link->next_to_send)
                link->next_to_send = waiting;
        if (link->is_ready)
                flush(link);
}

static void take_taken(HistoryLink *link, uint64_t serial) {
        Waiting *first;

        while ((first = STAILQ_FIRST(&link->waiting)) && first != link->next_to_send &&
               first->message.row.serial <= serial) {
                STAILQ_REMOVE_HEAD(&link->waiting, entries);
                link->n_waiting--;
                free(first);
        }

        link->is_stall_logged = false;
        if (link->n_dropped > link->n_dropped_logged) {
                log_notice("history: the recorder takes records again, %" PRIu64 " are missing",
                           link->n_dropped - link->n_dropped_logged);
                link->n_dropped_logged = link->n_dropped;
        }
}

static void take_state(HistoryLink *link, const HistoryState *state) {
        if (state->place == link->place)
                return;
        link->place = state->place;
        if (state->place == HISTORY_PLACE_MEMORY)
                log_warning_errno(state->error, "history: kept in memory only, it ends with the recorder: %m");
}

static void take_answer(HistoryLink *link, const HistoryMessage *message) {
        bool is_end = message->header.type == HISTORY_END;
        uint64_t id = is_end ? message->end.query_id : message->row.query_id;
        Query *query;

        TAILQ_FOREACH(query, &link->queries, entries)
                if (query->id == id)
                        break;
        /* Its deadline passed meanwhile. */
        if (!query)
                return;

        if (is_end)
                query_end(query, -message->end.error);
        else
                query->on_answer(query->userdata, &message->row, 0);
}

static int take_message(HistoryLink *link, const HistoryMessage *message) {
        switch ((HistoryMessageType) message->header.type) {
        case HISTORY_HELLO_REPLY:
                if (link->is_ready)
                        return -EBADMSG;
                link->is_ready = true;
                link->is_refused_logged = false;
                link->reconnect_usec = RECONNECT_MIN_USEC;
                set_timer(link, USEC_INFINITY);
                log_info("history: connected to the recorder, version %s", message->hello.program_version);
                flush(link);
                return 0;
        case HISTORY_TAKEN:
                take_taken(link, message->taken.serial);
                return 0;
        case HISTORY_STATE:
                take_state(link, &message->state);
                return 0;
        case HISTORY_ROW:
        case HISTORY_END:
                take_answer(link, message);
                return 0;
        case HISTORY_HELLO:
        case HISTORY_RECORD:
        case HISTORY_QUERY:
                break;
        }

        return -EBADMSG;
}

static int receive_batch(HistoryLink *link) {
        for (unsigned i = 0; i < RECEIVE_BATCH && link->fd >= 0; i++) {
                HistoryMessage message;
                int r;

                r = history_message_receive(link->fd, &message);
                if (r == -EAGAIN)
                        return 0;
                if (r >= 0 && !link->is_ready && message.header.type != HISTORY_HELLO_REPLY)
                        r = -EBADMSG;
                if (r >= 0)
                        r = take_message(link, &message);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int on_io(_unused_ sd_event_source *source, _unused_ int fd, uint32_t revents, void *userdata) {
        HistoryLink *link = userdata;
        int r = 0;

        if (revents & (EPOLLIN|EPOLLHUP|EPOLLERR))
                r = receive_batch(link);
        if (r == -EPROTONOSUPPORT)
                line_lost(link, r, "is of another version");
        else if (r == -EBADMSG)
                line_lost(link, r, "answered nonsense");
        else if (r < 0)
                line_lost(link, r, "is gone");
        else if (link->is_ready && revents & EPOLLOUT)
                flush(link);

        return 0;
}

static int line_connect(HistoryLink *link) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        HistoryMessage hello;
        int r;

        if (text_copy(address.sun_path, sizeof(address.sun_path), link->socket_path) < 0)
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
        r = sd_event_add_io(link->event, &link->io_source, link->fd, EPOLLIN, on_io, link);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(link->io_source, "history-link");

        history_message_init(&hello, HISTORY_HELLO);
        (void) text_copy(hello.hello.program_version, sizeof(hello.hello.program_version), HEALER_VERSION);
        r = history_message_send(link->fd, &hello);
        if (r < 0)
                return r;

        set_timer(link, HELLO_DEADLINE_USEC);
        return 0;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        HistoryLink *link = userdata;
        int r;

        if (link->fd >= 0) {
                /* One that hangs in a file system may come back: the records wait, and the next line is no better. */
                line_lost(link, -ETIMEDOUT, "does not answer");
                return 0;
        }

        r = line_connect(link);
        if (r < 0)
                line_lost(link, r, "cannot be reached");
        return 0;
}

int history_link_new(sd_event *event, const char *socket_path, HistoryLink **ret_link) {
        HistoryLink *link = calloc(1, sizeof(*link));

        if (!link)
                return -ENOMEM;

        *link = (HistoryLink) {
                .event = sd_event_ref(event),
                .socket_path = socket_path,
                .fd = -EBADF,
                .reconnect_usec = RECONNECT_MIN_USEC,
                .next_serial = clock_serial_start(),
        };
        STAILQ_INIT(&link->waiting);
        TAILQ_INIT(&link->queries);
        set_timer(link, 0);
        *ret_link = link;
        return 0;
}

HistoryLink *history_link_free(HistoryLink *link) {
        Waiting *waiting;

        if (!link)
                return NULL;

        line_close(link, -ESHUTDOWN);
        if (link->n_waiting > 0)
                log_notice("history: %zu records were not confirmed by the recorder", link->n_waiting);
        while ((waiting = STAILQ_FIRST(&link->waiting))) {
                STAILQ_REMOVE_HEAD(&link->waiting, entries);
                free(waiting);
        }
        sd_event_source_disable_unref(link->timer_source);
        sd_event_unref(link->event);
        free(link);
        return NULL;
}

static int on_query_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        query_end(userdata, -ETIMEDOUT);
        return 0;
}

int history_link_query(HistoryLink *link, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        HistoryMessage message;
        Query *asked;
        int r;

        if (!link->is_ready)
                return -ENOLINK;
        if (link->n_queries >= HISTORY_QUERIES_MAX)
                return -ENOBUFS;

        history_message_init(&message, HISTORY_QUERY);
        message.query = *query;
        message.query.query_id = ++link->last_query_id;

        asked = calloc(1, sizeof(*asked));
        if (!asked)
                return -ENOMEM;
        asked->link = link;
        asked->id = link->last_query_id;
        asked->on_answer = on_answer;
        asked->userdata = answer_userdata;
        r = sd_event_add_time_relative(link->event, &asked->deadline, CLOCK_MONOTONIC, HISTORY_QUERY_DEADLINE_USEC,
                                       100 * USEC_PER_MSEC, on_query_deadline, asked);
        if (r >= 0) {
                r = history_message_send(link->fd, &message);
                /* A recorder that does not read will not answer either. */
                if (r == -EAGAIN || r == -EPIPE)
                        r = -ENOLINK;
        }
        if (r < 0) {
                sd_event_source_disable_unref(asked->deadline);
                free(asked);
                return r;
        }

        TAILQ_INSERT_TAIL(&link->queries, asked, entries);
        link->n_queries++;
        return 0;
}

uint64_t history_link_n_dropped(const HistoryLink *link) {
        return link->n_dropped;
}

HistoryPlace history_link_place(const HistoryLink *link) {
        return link->is_ready && is_stalled(link) ? HISTORY_PLACE_STALLED : link->place;
}

size_t history_link_n_waiting(const HistoryLink *link) {
        return link->n_waiting;
}

static int reader_query(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        return history_link_query(userdata, query, on_answer, answer_userdata);
}

static uint64_t reader_n_dropped(void *userdata) {
        return history_link_n_dropped(userdata);
}

static HistoryPlace reader_place(void *userdata) {
        return history_link_place(userdata);
}

HistoryReader history_link_reader(HistoryLink *link) {
        return (HistoryReader) {
                .query = reader_query,
                .n_dropped = reader_n_dropped,
                .place = reader_place,
                .userdata = link,
        };
}
