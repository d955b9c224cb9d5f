/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-history.h. The answer grows row by row in the reply that is sent at the end; a question holds its message and
 * nothing of the server, so that it may outlive a connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-history.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-value.h"

typedef struct Question {
        sd_bus_message *message, *reply;
        int error;                      /* of an answer that could not be built */
} Question;

static Question *question_free(Question *question) {
        if (!question)
                return NULL;
        sd_bus_message_unref(question->message);
        sd_bus_message_unref(question->reply);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(Question, question_free)

static int append_number(sd_bus_message *reply, HistoryNumber number, uint64_t value) {
        const HistoryField *field = history_number_field(number);

        if (field->bus_type == 'b')
                return bus_entry_bool(reply, field->name, value != 0);
        if (field->bus_type == 'u')
                return bus_entry_u32(reply, field->name, (uint32_t) value);
        return bus_entry_u64(reply, field->name, value);
}

/* "repair,notify" as {"actions", <as>}. */
static int append_words(sd_bus_message *reply, const char *name, const char *text) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        while (r >= 0 && *text) {
                size_t length = strcspn(text, ",");
                _cleanup_(free_at) char *word = strndup(text, length);

                r = word ? bus_append_text(reply, word) : -ENOMEM;
                text += length + (text[length] == ',');
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_text(sd_bus_message *reply, HistoryText text, const char *value) {
        const HistoryField *field = history_text_field(text);

        if (field->bus_type == 'y')
                return bus_entry_path(reply, field->name, value);
        if (field->bus_type == 'a')
                return append_words(reply, field->name, value);
        return bus_entry_text(reply, field->name, value);
}

static int append_row(sd_bus_message *reply, const HistoryRow *row) {
        HistoryValues values;
        int r;

        history_row_values(row, &values);
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "type", history_row_type_to_name(values.type));
        if (r >= 0)
                r = bus_entry_u64(reply, "serial", row->serial);
        for (size_t i = 0; r >= 0 && i < N_HISTORY_NUMBERS; i++)
                if (values.known & UINT32_C(1) << i)
                        r = append_number(reply, i, values.numbers[i]);
        for (size_t i = 0; r >= 0 && i < N_HISTORY_TEXTS; i++)
                if (values.texts[i][0] || (i == HISTORY_ACTIONS && values.type == HISTORY_ROW_DECISION))
                        r = append_text(reply, i, values.texts[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void answer_error(Question *question, int error) {
        sd_bus_error text = SD_BUS_ERROR_NULL;

        if (error == -ETIMEDOUT)
                (void) bus_error_set(&text, -ENOLINK,
                                     "The recorder of the history does not answer; its file system may hang");
        else if (error == -ENOLINK || error == -ESHUTDOWN)
                (void) bus_error_set(&text, -ENOLINK, "The recorder of the history is not there");
        else
                (void) bus_error_set(&text, -ENOLINK, "The history cannot be read: %s", strerror(-error));
        /* Who asked may have left the bus. */
        (void) sd_bus_reply_method_error(question->message, &text);
        sd_bus_error_free(&text);
}

static void on_answer(void *userdata, const HistoryRow *row, int error) {
        Question *question = userdata;

        if (row) {
                if (question->error == 0)
                        question->error = min_of(append_row(question->reply, row), 0);
                return;
        }

        if (error == 0)
                error = question->error;
        if (error == 0)
                error = min_of(sd_bus_message_close_container(question->reply), 0);
        if (error == 0)
                (void) sd_bus_send(NULL, question->reply, NULL);
        else
                answer_error(question, error);
        question_free(question);
}

static int read_query(BusContext *context, sd_bus_message *message, HistoryQuery *query, sd_bus_error *error) {
        const char *name = "";
        int wants_facts = 0;
        const BusOption options[] = {
                { "filesystem", 's', &name, NULL },
                { "id", 't', &query->event_id, NULL },
                { "before", 't', &query->before_serial, NULL },
                { "facts", 'b', &wants_facts, NULL },
        };
        Filesystem *filesystem;
        char uuid[UUID_TEXT_SIZE];
        int r;

        r = sd_bus_message_read(message, "tu", &query->since_usec, &query->n_max);
        if (r < 0)
                return r;
        r = bus_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;

        if (query->n_max > HISTORY_QUERY_ROWS_MAX)
                return bus_error_set(error, -EINVAL, "At most %d entries can be asked for", HISTORY_QUERY_ROWS_MAX);
        if (query->n_max == 0)
                query->n_max = BUS_HISTORY_DEFAULT_MAX;
        query->wants_facts = wants_facts != 0;

        /* What is mounted now is asked for by its UUID: it may have been mounted elsewhere. */
        if (*name && filesystem_table_find_name(engine_filesystems(context->engine), name, &filesystem) >= 0 &&
            filesystem->facts.uuid_state == FACT_KNOWN)
                name = uuid_format(filesystem->facts.uuid, uuid);
        if (text_copy(query->filesystem, sizeof(query->filesystem), name) < 0)
                return bus_error_set(error, -EINVAL, "The name of the file system is too long");
        return 0;
}

int bus_history_on_list_events(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(question_free_at) Question *question = NULL;
        BusContext *context = userdata;
        HistoryQuery query = {};
        uint32_t uid;
        int r;

        r = read_query(context, message, &query, error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* polkit was asked; this runs again when it has answered */

        if (!context->history.query)
                return bus_error_set(error, -ENOLINK, "This healerd keeps no history");
        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->message = sd_bus_message_ref(message);
        r = sd_bus_message_new_method_return(message, &question->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(question->reply, 'a', "a{sv}");
        if (r < 0)
                return r;

        r = context->history.query(context->history.userdata, &query, on_answer, question);
        if (r == -ENOBUFS)
                return bus_error_set(error, r, "Too many ask for the history at once");
        if (r == -ENOLINK)
                return bus_error_set(error, r, "The recorder of the history is not there");
        if (r < 0)
                return bus_error_set(error, r, "The history cannot be read: %s", strerror(-r));

        (void) steal_ptr(question);
        return 1;
}
