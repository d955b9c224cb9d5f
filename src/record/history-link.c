/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue of the line outlives it: what was sent and not confirmed is sent again, and the recorder knows by the
 * serial what it has already.
 */

#include "src/record/history-link.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/queue.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/link/line.h"

#define RECEIVE_BATCH 256

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
        Line *line;
        bool is_stall_logged;
        HistoryPlace place;             /* as the recorder says it */
        uint64_t n_removed;             /* as well */
        HistoryLinkListener listener;
        HistoryTold told;
        void *told_userdata;
        uint64_t next_serial;
        bool has_been_ready;
        uint64_t n_dropped_logged;
        TAILQ_HEAD(, Query) queries;
        size_t n_queries;
        uint64_t last_query_id;
};

static int check(const void *record, size_t size_bytes) {
        return history_message_check(record, size_bytes);
}

static int receive(int socket_fd, void *ret_record, _unused_ int *ret_fd) {
        return history_message_receive(socket_fd, ret_record);
}

static bool is_greeting(const void *record) {
        return ((const HistoryMessage *) record)->header.type == HISTORY_HELLO_REPLY;
}

static const LineKind recorder_line = {
        .description = "history-link",
        .subject = "history: the recorder",
        .meanwhile = "healerd goes on without and tries again",
        .log_level = LOG_NOTICE,
        .record_size_max = sizeof(HistoryMessage),
        .n_batch = RECEIVE_BATCH,
        .n_out_max = HISTORY_QUEUE_MAX,
        .keeps_sent = true,
        .check = check,
        .receive = receive,
        .is_greeting = is_greeting,
};

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

static bool is_stalled(const HistoryLink *link) {
        const Packet *first = line_first(link->line);

        return first && clock_monotonic_usec() > first->since_monotonic_usec + HISTORY_STALL_USEC;
}

void history_link_add(HistoryLink *link, const HistoryValues *values) {
        HistoryMessage message;
        int r;

        if (is_stalled(link) && line_is_ready(link->line) && !link->is_stall_logged) {
                link->is_stall_logged = true;
                log_warning("history: the recorder takes nothing, its file system may hang; healerd goes on without");
        }

        history_message_set_row(&message, HISTORY_RECORD, link->next_serial++, values);
        r = line_send(link->line, &message, message.header.size_bytes, -EBADF);
        if (r < 0 && line_n_dropped(link->line) == link->n_dropped_logged + 1)
                log_warning_errno(r, "history: %zu records wait for the recorder, what comes now is not kept: %m",
                                  line_n_queued(link->line));
        if (link->told)
                link->told(link->told_userdata, &message.row);
}

static void take_taken(HistoryLink *link, uint64_t serial) {
        uint64_t n_dropped = line_n_dropped(link->line);
        const Packet *first;

        while ((first = line_first_sent(link->line)) && ((const HistoryMessage *) first->data)->row.serial <= serial)
                line_forget_first(link->line);

        link->is_stall_logged = false;
        if (n_dropped > link->n_dropped_logged) {
                log_notice("history: the recorder takes records again, %" PRIu64 " are missing",
                           n_dropped - link->n_dropped_logged);
                link->n_dropped_logged = n_dropped;
        }
}

static void take_state(HistoryLink *link, const HistoryState *state) {
        link->n_removed = state->n_removed;
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

static int on_open(void *userdata) {
        HistoryLink *link = userdata;
        HistoryMessage hello;

        history_message_init(&hello, HISTORY_HELLO);
        (void) text_copy(hello.hello.program_version, sizeof(hello.hello.program_version), HEALER_VERSION);
        return line_send_now(link->line, &hello, hello.header.size_bytes);
}

static void number_anew(void *record, void *userdata) {
        HistoryLink *link = userdata;

        ((HistoryMessage *) record)->row.serial = link->next_serial++;
}

/* Serials begin with the time of day, so that they go up from run to run; where the clock was set back they would not,
 * and the new rows would stand before the old ones, or be taken for them. Only until the first row was handed over:
 * from then on a serial says which row it is. */
static void begin_after(HistoryLink *link, uint64_t last_serial) {
        const Packet *first = line_first(link->line);
        uint64_t serial = first ? ((const HistoryMessage *) first->data)->row.serial : link->next_serial;

        if (link->has_been_ready)
                return;
        link->has_been_ready = true;
        if (last_serial < serial || last_serial > INT64_MAX / 2)
                return;

        log_notice("history: the clock was set back since the last entry; what comes now is kept after it all "
                   "the same");
        link->next_serial = last_serial + 1;
        line_each_queued(link->line, number_anew, link);
}

static void on_ready(void *userdata, const void *record) {
        const HistoryMessage *message = record;

        begin_after(userdata, message->hello.last_serial);
        log_info("history: connected to the recorder, version %s", message->hello.program_version);
}

static int take_record(HistoryLink *link, const HistoryMessage *message) {
        switch ((HistoryMessageType) message->header.type) {
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
        case HISTORY_KEPT:
        case HISTORY_KEPT_END:
        case HISTORY_CHANGED:
                return 0;       /* the listener's */
        case HISTORY_HELLO:
        case HISTORY_HELLO_REPLY:
        case HISTORY_RECORD:
        case HISTORY_QUERY:
        case HISTORY_PUT:
        case HISTORY_REMOVE:
                break;
        }

        return -EBADMSG;
}

static int on_record(void *userdata, const void *record, _unused_ int fd) {
        HistoryLink *link = userdata;
        int r;

        r = take_record(link, record);
        if (r >= 0 && link->listener.on_record)
                link->listener.on_record(link->listener.userdata, record);
        return r;
}

static void on_lost(void *userdata, _unused_ bool was_ready) {
        HistoryLink *link = userdata;

        link->place = HISTORY_PLACE_ABSENT;
        end_all_queries(link, -ENOLINK);
        if (link->listener.on_lost)
                link->listener.on_lost(link->listener.userdata);
}

void history_link_set_listener(HistoryLink *link, const HistoryLinkListener *listener) {
        link->listener = *listener;
}

int history_link_send_now(HistoryLink *link, const HistoryMessage *message) {
        if (!line_is_ready(link->line))
                return -ENOTCONN;
        return line_send_now(link->line, message, message->header.size_bytes);
}

int history_link_new(sd_event *event, const char *socket_path, HistoryLink **ret_link) {
        _cleanup_(history_link_free_at) HistoryLink *link = calloc(1, sizeof(*link));
        int r;

        if (!link)
                return -ENOMEM;

        *link = (HistoryLink) {
                .event = sd_event_ref(event),
                .next_serial = clock_serial_start(),
        };
        TAILQ_INIT(&link->queries);
        r = line_new(event, &recorder_line, socket_path, -EBADF,
                     &(LineHandlers) { on_open, on_ready, on_record, on_lost, link }, &link->line);
        if (r < 0)
                return r;

        *ret_link = steal_ptr(link);
        return 0;
}

HistoryLink *history_link_free(HistoryLink *link) {
        if (!link)
                return NULL;

        end_all_queries(link, -ESHUTDOWN);
        if (link->line && line_n_queued(link->line) > 0)
                log_notice("history: %zu records were not confirmed by the recorder", line_n_queued(link->line));
        line_free(link->line);
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

        if (!line_is_ready(link->line))
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
        if (r >= 0)
                r = sd_event_source_set_priority(asked->deadline, LINE_DEADLINE_PRIORITY);
        if (r >= 0) {
                r = line_send_now(link->line, &message, message.header.size_bytes);
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
        return line_n_dropped(link->line);
}

HistoryPlace history_link_place(const HistoryLink *link) {
        return line_is_ready(link->line) && is_stalled(link) ? HISTORY_PLACE_STALLED : link->place;
}

size_t history_link_n_waiting(const HistoryLink *link) {
        return line_n_queued(link->line);
}

static int reader_query(void *userdata, const HistoryQuery *query, HistoryAnswer on_answer, void *answer_userdata) {
        return history_link_query(userdata, query, on_answer, answer_userdata);
}

static uint64_t reader_n_dropped(void *userdata) {
        return history_link_n_dropped(userdata);
}

static uint64_t reader_n_removed(void *userdata) {
        return ((const HistoryLink *) userdata)->n_removed;
}

static HistoryPlace reader_place(void *userdata) {
        return history_link_place(userdata);
}

static void reader_listen(void *userdata, HistoryTold on_row, void *listener) {
        HistoryLink *link = userdata;

        link->told = on_row;
        link->told_userdata = listener;
}

HistoryReader history_link_reader(HistoryLink *link) {
        return (HistoryReader) {
                .query = reader_query,
                .n_dropped = reader_n_dropped,
                .n_removed = reader_n_removed,
                .place = reader_place,
                .listen = reader_listen,
                .userdata = link,
        };
}
