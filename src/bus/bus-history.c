/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-history.h. The answer grows row by row in the reply that is sent at the end; a question holds its message and
 * nothing of the server, so that it may outlive a connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-history.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-value.h"
#include "src/model/job-report.h"
#include "src/model/vocabulary.h"

typedef struct Question {
        sd_bus_message *message, *reply;
        uint64_t event_id;              /* that has to be there; 0: none has to */
        size_t n_rows;
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

int bus_history_append_row(sd_bus_message *reply, const HistoryRow *row, bool with_facts, uint64_t n_missed) {
        HistoryValues values;
        int r;

        history_row_values(row, &values);
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "type", history_row_type_to_name(values.type));
        if (r >= 0)
                r = bus_entry_u64(reply, "serial", row->serial);
        if (r >= 0 && n_missed > 0)
                r = bus_entry_u64(reply, "missed", n_missed);
        for (size_t i = 0; r >= 0 && i < N_HISTORY_NUMBERS; i++)
                if (values.known & UINT32_C(1) << i)
                        r = append_number(reply, i, values.numbers[i]);
        for (size_t i = 0; r >= 0 && i < N_HISTORY_TEXTS; i++)
                if ((values.texts[i][0] && (i != HISTORY_FACTS || with_facts)) ||
                    (i == HISTORY_ACTIONS && values.type == HISTORY_ROW_DECISION))
                        r = append_text(reply, i, values.texts[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void answer_error(Question *question, int error) {
        sd_bus_error text = SD_BUS_ERROR_NULL;

        if (error == -ENODATA)
                (void) bus_error_set(&text, error, "The history has no event %" PRIu64, question->event_id);
        else if (error == -ETIMEDOUT)
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
                question->n_rows++;
                if (question->error == 0)
                        question->error = min_of(bus_history_append_row(question->reply, row, true, 0), 0);
                return;
        }

        if (error == 0)
                error = question->error;
        if (error == 0 && question->event_id != 0 && question->n_rows == 0)
                error = -ENODATA;
        if (error == 0)
                error = min_of(sd_bus_message_close_container(question->reply), 0);
        if (error == 0)
                (void) sd_bus_send(NULL, question->reply, NULL);
        else
                answer_error(question, error);
        question_free(question);
}

/* The words that rows can have. NULL where the vocabulary has none for a value. */
static const char *kind_word(size_t i) {
        return event_kind_to_name((EventKind) i);
}

static const char *structure_word(size_t i) {
        return structure_to_name((Structure) i);
}

static const char *outcome_word(size_t i) {
        return outcome_to_name((Outcome) i);
}

static const struct {
        const char *key;
        size_t n_words;
        const char *(*word)(size_t i);  /* NULL: the history may have rules that no policy has any more */
} word_options[N_HISTORY_WORDS] = {
        [HISTORY_WORD_KIND] = { "kind", N_EVENT_KINDS, kind_word },
        [HISTORY_WORD_STRUCTURE] = { "structure", N_STRUCTURES, structure_word },
        [HISTORY_WORD_RULE] = { "rule", 0, NULL },
        [HISTORY_WORD_RESULT] = { "outcome", N_OUTCOMES, outcome_word },
};

#define WORDS_MAX 64
_Static_assert(N_EVENT_KINDS <= WORDS_MAX && N_STRUCTURES <= WORDS_MAX && N_OUTCOMES <= WORDS_MAX, "all of them fit");

static int check_word(HistoryWord option, const char *word, sd_bus_error *error) {
        const char *words[WORDS_MAX] = {}, *nearest, *key = word_options[option].key;

        for (size_t i = 0; i < word_options[option].n_words; i++) {
                words[i] = word_options[option].word(i);
                if (words[i] && text_equal(words[i], word))
                        return 0;
        }
        nearest = word_nearest(word, words, word_options[option].n_words);
        if (nearest)
                return bus_error_set(error, -EINVAL, "There is no %s \"%s\"; did you mean \"%s\"?", key, word, nearest);
        return bus_error_set(error, -EINVAL, "There is no %s \"%s\"", key, word);
}

static int take_words(const char *const *given, HistoryQuery *query, sd_bus_error *error) {
        for (size_t i = 0; i < N_HISTORY_WORDS; i++) {
                int r;

                if (!*given[i])
                        continue;
                if (word_options[i].word) {
                        r = check_word(i, given[i], error);
                        if (r < 0)
                                return r;
                }
                if (text_copy(query->words[i], sizeof(query->words[i]), given[i]) < 0)
                        return bus_error_set(error, -EINVAL, "No %s has a name that long", word_options[i].key);
        }
        return 0;
}

int bus_history_read_options(BusContext *context, sd_bus_message *message, bool has_since, HistoryQuery *query,
                             sd_bus_error *error) {
        const char *name = "", *words[N_HISTORY_WORDS] = { "", "", "", "" };
        int wants_facts = 0;
        const BusOption options[] = {
                { "filesystem", 's', &name, NULL },
                { "id", 't', &query->event_id, NULL },
                { "before", 't', &query->before_serial, NULL },
                { "until", 't', &query->until_usec, NULL },
                { "facts", 'b', &wants_facts, NULL },
                { "kind", 's', &words[HISTORY_WORD_KIND], NULL },
                { "structure", 's', &words[HISTORY_WORD_STRUCTURE], NULL },
                { "rule", 's', &words[HISTORY_WORD_RULE], NULL },
                { "outcome", 's', &words[HISTORY_WORD_RESULT], NULL },
                { "since", 't', &query->since_usec, NULL },
        };
        size_t n_options = ELEMENTSOF(options) - (has_since ? 0 : 1);
        Filesystem *filesystem;
        char uuid[UUID_TEXT_SIZE];
        int r;

        r = bus_options_read(message, options, n_options, error);
        if (r >= 0)
                r = take_words(words, query, error);
        if (r < 0)
                return r;
        query->wants_facts = wants_facts != 0;

        /* What is mounted now is asked for by its UUID: it may have been mounted elsewhere. */
        if (*name && filesystem_table_find_name(engine_filesystems(context->engine), name, &filesystem) >= 0 &&
            filesystem->facts.uuid_state == FACT_KNOWN)
                name = uuid_format(filesystem->facts.uuid, uuid);
        if (text_copy(query->filesystem, sizeof(query->filesystem), name) < 0)
                return bus_error_set(error, -EINVAL, "The name of the file system is too long");
        return 0;
}

int bus_history_ask(BusContext *context, const HistoryQuery *query, HistoryAnswer answer, void *userdata,
                    sd_bus_error *error) {
        int r;

        if (!context->history.query)
                return bus_error_set(error, -ENOLINK, "This healerd keeps no history");
        r = context->history.query(context->history.userdata, query, answer, userdata);
        if (r == -ENOBUFS)
                return bus_error_set(error, r, "Too many ask for the history at once");
        if (r == -ENOLINK)
                return bus_error_set(error, r, "The recorder of the history is not there");
        if (r < 0)
                return bus_error_set(error, r, "The history cannot be read: %s", strerror(-r));
        return 0;
}

/* Asks polkit, then the recorder. */
static int answer_query(sd_bus_message *message, BusContext *context, const HistoryQuery *query, bool is_one_event,
                        sd_bus_error *error) {
        _cleanup_(question_free_at) Question *question = NULL;
        uint32_t uid;
        int r;

        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* polkit was asked; this runs again when it has answered */

        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->message = sd_bus_message_ref(message);
        question->event_id = is_one_event ? query->event_id : 0;
        r = sd_bus_message_new_method_return(message, &question->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(question->reply, 'a', "a{sv}");
        if (r >= 0)
                r = bus_history_ask(context, query, on_answer, question, error);
        if (r < 0)
                return r;

        (void) steal_ptr(question);
        return 1;
}

int bus_history_on_list_events(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        HistoryQuery query = {};
        int r;

        r = sd_bus_message_read(message, "tu", &query.since_usec, &query.n_max);
        if (r >= 0)
                r = bus_history_read_options(userdata, message, false, &query, error);
        if (r < 0)
                return r;
        if (query.n_max > HISTORY_QUERY_ROWS_MAX)
                return bus_error_set(error, -EINVAL, "At most %d entries can be asked for", HISTORY_QUERY_ROWS_MAX);
        if (query.n_max == 0)
                query.n_max = BUS_HISTORY_DEFAULT_MAX;
        return answer_query(message, userdata, &query, false, error);
}

int bus_history_on_get_event(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        HistoryQuery query = { .n_max = HISTORY_QUERY_ROWS_MAX };
        int wants_facts = 0, r;
        const BusOption options[] = { { "facts", 'b', &wants_facts, NULL } };

        r = sd_bus_message_read(message, "t", &query.event_id);
        if (r >= 0)
                r = bus_options_read(message, options, ELEMENTSOF(options), error);
        if (r < 0)
                return r;
        if (query.event_id == 0)
                return bus_error_set(error, -ENODATA, "No event has the number 0");
        query.wants_facts = wants_facts != 0;
        return answer_query(message, userdata, &query, true, error);
}
