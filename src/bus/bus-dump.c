/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-dump.h. A dump asks, keeps the lines of the answer, writes them as the pipe takes them, and asks again behind
 * the last. It may end while the recorder is still to answer: then what is left of it goes with the answer.
 */
#include "src/bus/bus-dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-history.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-text.h"

struct BusDump {
        TAILQ_ENTRY(BusDump) link;
        BusContext *context;
        bool is_ended;                  /* nothing else of it is valid; it goes with the recorder's answer */
        uint32_t uid;
        HistoryQuery query;             /* of the next page */
        bool is_asked;                  /* the recorder is to answer */
        bool is_last;                   /* nothing comes behind what waits */
        int error;                      /* negative: a line could not be made */
        uint64_t n_rows, n_rows_before; /* in all, and before this page */
        int fd;
        sd_event_source *writable, *deadline;
        char *text;                     /* what waits to be written */
        size_t n_text, n_written, n_allocated;
};

static BusDump *dump_free(BusDump *dump) {
        if (!dump)
                return NULL;
        sd_event_source_disable_unref(dump->writable);
        sd_event_source_disable_unref(dump->deadline);
        close_fd(dump->fd);
        free(dump->text);
        free(dump);
        return NULL;
}
DEFINE_CLEANUP(BusDump, dump_free)

/* The reader finds the end of the file. */
static void dump_end(BusDump *dump) {
        TAILQ_REMOVE(&dump->context->dumps, dump, link);
        dump->context->n_dumps--;
        dump->is_ended = true;
        dump->writable = sd_event_source_disable_unref(dump->writable);
        dump->deadline = sd_event_source_disable_unref(dump->deadline);
        dump->fd = close_fd(dump->fd);
        if (!dump->is_asked)
                dump_free(dump);
}

void bus_dump_drop_all(BusContext *context) {
        BusDump *dump;

        while ((dump = TAILQ_FIRST(&context->dumps)))
                dump_end(dump);
}

static int append(BusDump *dump, const char *bytes, size_t n) {
        if (dump->n_text + n > dump->n_allocated) {
                size_t n_needed = max_of(2 * dump->n_allocated, dump->n_text + n);
                char *text = realloc(dump->text, n_needed);

                if (!text)
                        return -ENOMEM;
                dump->text = text;
                dump->n_allocated = n_needed;
        }
        memcpy(dump->text + dump->n_text, bytes, n);
        dump->n_text += n;
        return 0;
}

/* Takes @line. */
static int append_line(BusDump *dump, json_t *line) {
        char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
        int r = text ? append(dump, text, strlen(text)) : -ENOMEM;

        if (r >= 0)
                r = append(dump, "\n", 1);
        free(text);
        json_decref(line);
        return r;
}

/* Keys are those of the bus, as healerctl's --json has them: "time-usec" is "time_usec". Takes @value. */
static int set(json_t *line, const char *name, json_t *value) {
        char key[32];

        (void) text_copy(key, sizeof(key), name);
        for (char *c = key; *c; c++)
                if (*c == '-')
                        *c = '_';
        return json_object_set_new(line, key, value) < 0 ? -ENOMEM : 0;
}

static json_t *number_value(HistoryNumber number, uint64_t value) {
        char text[32];

        if (history_number_field(number)->bus_type == 'b')
                return json_boolean(value != 0);
        if (value <= INT64_MAX)
                return json_integer((json_int_t) value);
        (void) snprintf(text, sizeof(text), "%" PRIu64, value);
        return json_string(text);
}

static json_t *words_value(const char *text) {
        json_t *list = json_array();

        while (*text) {
                size_t length = strcspn(text, ",");

                if (json_array_append_new(list, json_stringn(text, length)) < 0) {
                        json_decref(list);
                        return NULL;
                }
                text += length + (text[length] == ',');
        }
        return list;
}

static json_t *text_value(HistoryText text, const char *value) {
        char type = history_text_field(text)->bus_type;
        char *clean = NULL;
        json_t *string;

        if (type == 'a')
                return words_value(value);
        if (type == 'y')
                clean = text_escape(value, strlen(value));
        else
                (void) bus_text_clean(value, BUS_TEXT_LINES, &clean);
        string = clean ? json_string(clean) : NULL;
        free(clean);
        return string;
}

static int append_row(BusDump *dump, const HistoryRow *row) {
        HistoryValues values;
        json_t *line;
        int r = 0;

        history_row_values(row, &values);
        line = json_pack("{s:s, s:I}", "type", history_row_type_to_name(values.type), "serial",
                         (json_int_t) row->serial);
        for (size_t i = 0; line && r >= 0 && i < N_HISTORY_NUMBERS; i++)
                if (values.known & UINT32_C(1) << i)
                        r = set(line, history_number_field(i)->name, number_value(i, values.numbers[i]));
        for (size_t i = 0; line && r >= 0 && i < N_HISTORY_TEXTS; i++)
                if (values.texts[i][0] || (i == HISTORY_ACTIONS && values.type == HISTORY_ROW_DECISION))
                        r = set(line, history_text_field(i)->name, text_value(i, values.texts[i]));
        if (r < 0) {
                json_decref(line);
                return r;
        }
        return append_line(dump, line);
}

/* So that nobody takes a part for the whole. @error: 0 or a negative errno. */
static void append_end(BusDump *dump, int error) {
        json_t *line = json_pack("{s:s, s:b, s:I}", "type", "end", "complete", error == 0, "entries",
                                 (json_int_t) dump->n_rows);

        dump->is_last = true;
        if (line && error < 0 && json_object_set_new(line, "error", json_string(strerror(-error))) < 0) {
                json_decref(line);
                return;
        }
        (void) append_line(dump, line);
}

static void on_answer(void *userdata, const HistoryRow *row, int error) {
        BusDump *dump = userdata;

        if (row) {
                if (dump->is_ended || dump->error < 0)
                        return;
                dump->error = append_row(dump, row);
                dump->query.after_serial = row->serial;
                dump->n_rows += dump->error >= 0;
                return;
        }

        dump->is_asked = false;
        if (dump->is_ended) {
                dump_free(dump);
                return;
        }
        if (error == 0)
                error = dump->error;
        /* A page that is short may have left out what makes no sense; only an empty one says that it was the last. */
        if (error < 0 || dump->n_rows == dump->n_rows_before)
                append_end(dump, error);
        dump->n_rows_before = dump->n_rows;
        if (sd_event_source_set_enabled(dump->writable, SD_EVENT_ON) < 0)
                dump_end(dump);
}

static int ask(BusDump *dump) {
        const HistoryReader *history = &dump->context->history;
        int r;

        dump->is_asked = true;
        r = history->query(history->userdata, &dump->query, on_answer, dump);
        if (r < 0)
                dump->is_asked = false;
        return r;
}

/* All that waits was written: the next page, or the end. */
static int go_on(BusDump *dump) {
        int r;

        dump->n_text = dump->n_written = 0;
        if (dump->is_last) {
                dump_end(dump);
                return 0;
        }
        r = sd_event_source_set_enabled(dump->writable, SD_EVENT_OFF);
        if (r >= 0)
                r = ask(dump);
        if (r >= 0)
                return 0;

        append_end(dump, r);
        if (sd_event_source_set_enabled(dump->writable, SD_EVENT_ON) < 0)
                dump_end(dump);
        return 0;
}

/* Once for each turn of the loop: others come between. */
static int on_writable(_unused_ sd_event_source *source, _unused_ int fd, uint32_t revents, void *userdata) {
        BusDump *dump = userdata;
        ssize_t n = 0;

        if (dump->n_written < dump->n_text && !(revents & EPOLLERR)) {
                n = write(dump->fd, dump->text + dump->n_written, dump->n_text - dump->n_written);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
        }
        if (n < 0 || revents & EPOLLERR) {
                dump_end(dump); /* the reader has gone */
                return 0;
        }
        dump->n_written += (size_t) n;
        if (n > 0 && sd_event_source_set_time_relative(dump->deadline, BUS_DUMP_DEADLINE_USEC) < 0) {
                dump_end(dump);
                return 0;
        }
        return dump->n_written < dump->n_text ? 0 : go_on(dump);
}

static int on_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        dump_end(userdata);
        return 0;
}

static int check_room(const BusContext *context, uint32_t uid, sd_bus_error *error) {
        const BusDump *dump;
        size_t n = 0;

        TAILQ_FOREACH(dump, &context->dumps, link)
                n += dump->uid == uid;
        if (context->n_dumps >= BUS_DUMPS_MAX)
                return bus_error_set(error, -ENOBUFS, "The history is being dumped %d times already", BUS_DUMPS_MAX);
        if (n >= BUS_DUMPS_PER_USER_MAX)
                return bus_error_set(error, -ENOBUFS, "User %" PRIu32 " has %d dumps of the history already", uid,
                                     BUS_DUMPS_PER_USER_MAX);
        return 0;
}

/* @ret_fd: the reader's end, new. */
static int dump_new(BusContext *context, const HistoryQuery *query, uint32_t uid, int *ret_fd, sd_bus_error *error) {
        _cleanup_(dump_free_at) BusDump *dump = calloc(1, sizeof(*dump));
        _cleanup_(close_fd_at) int reader_fd = -EBADF;
        int fds[2], r;

        if (!dump)
                return -ENOMEM;
        *dump = (BusDump) { .context = context, .uid = uid, .query = *query, .fd = -EBADF };
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        reader_fd = fds[0];
        dump->fd = fds[1];
        if (fcntl(dump->fd, F_SETFL, O_NONBLOCK | O_WRONLY) < 0)
                return -errno;
        r = sd_event_add_io(context->event, &dump->writable, dump->fd, EPOLLOUT, on_writable, dump);
        if (r >= 0)
                r = sd_event_source_set_priority(dump->writable, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(dump->writable, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(context->event, &dump->deadline, CLOCK_MONOTONIC, BUS_DUMP_DEADLINE_USEC,
                                               USEC_PER_SEC, on_deadline, dump);
        dump->is_asked = true;
        if (r >= 0)
                r = bus_history_ask(context, query, on_answer, dump, error);
        if (r < 0)
                return r;

        TAILQ_INSERT_TAIL(&context->dumps, dump, link);
        context->n_dumps++;
        (void) steal_ptr(dump);
        *ret_fd = steal_fd(&reader_fd);
        return 0;
}

int bus_dump_on_dump_events(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        HistoryQuery query = { .n_max = BUS_DUMP_PAGE_ROWS, .wants_oldest = 1 };
        _cleanup_(close_fd_at) int fd = -EBADF;
        BusContext *context = userdata;
        uint32_t uid;
        int r;

        r = bus_history_read_options(context, message, true, &query, error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = check_room(context, uid, error);
        if (r >= 0)
                r = dump_new(context, &query, uid, &fd, error);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(message, "h", fd);
}
