/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-explain.h. A question holds its message and finds everything else anew when an answer comes.
 */
#include "src/bus/bus-explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-value.h"
#include "src/bus/bus-workloads.h"
#include "src/engine/engine-explain.h"

typedef struct Question {
        BusContext *context;
        sd_bus_message *message;
        uint64_t filesystem_id;         /* that was asked for; 0: none was */
        uint64_t event_id;              /* of the history */
        bool is_found;
        char facts[HISTORY_FACTS_SIZE];
} Question;

static Question *question_free(Question *question) {
        if (question)
                sd_bus_message_unref(question->message);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(Question, question_free)
DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

static int open_entry(sd_bus_message *reply, const char *key, const char *type) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', type);
        return r < 0 ? r : sd_bus_message_open_container(reply, 'a', type + 1);
}

/* Array, variant, entry. */
static int close_entry(sd_bus_message *reply) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_plan(sd_bus_message *reply, const ExplainedPlan *plan) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(reply, "action", action_kind_to_name(plan->action));
        if (r >= 0)
                r = bus_entry_text(reply, "rule", plan->rule_id);
        if (r >= 0)
                r = bus_entry_text(reply, "mode", policy_mode_to_name(plan->mode));
        if (r >= 0 && plan->refused[0])
                r = bus_entry_text(reply, "refused", plan->refused);
        if (r >= 0 && plan->error != 0)
                r = bus_entry_text(reply, "errno", errno_to_name(plan->error) ?: "EIO");
        if (r >= 0)
                r = open_entry(reply, "workloads", "aa{sv}");
        for (size_t i = 0; r >= 0 && i < plan->workloads.n_items; i++)
                r = bus_workloads_append(reply, plan->workloads.items + i);
        if (r >= 0)
                r = close_entry(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_more(BusContext *context, sd_bus_message *reply, const Explanation *explanation) {
        Filesystem *filesystem = filesystem_table_find_id(engine_filesystems(context->engine),
                                                          explanation->filesystem_id);
        const Policy *policy = engine_policy(context->engine);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = open_entry(reply, "decisions", "as");
        for (size_t i = 0; r >= 0 && i < explanation->n_decisions; i++)
                r = bus_append_text(reply, explanation->decisions[i]);
        if (r >= 0)
                r = close_entry(reply);
        if (r >= 0 && policy)
                r = bus_entry_text(reply, "policy-hash", policy_hash(policy));
        if (r >= 0 && policy)
                r = bus_entry_u64(reply, "policy-generation", policy_generation(policy));
        if (r >= 0 && filesystem)
                r = sd_bus_message_append(reply, "{sv}", "filesystem", "o", bus_filesystem_path(context, filesystem));
        if (r >= 0)
                r = open_entry(reply, "plans", "aa{sv}");
        for (size_t i = 0; r >= 0 && i < explanation->n_plans; i++)
                r = append_plan(reply, explanation->plans + i);
        if (r >= 0)
                r = close_entry(reply);
        if (r >= 0 && explanation->n_plans_untold > 0)
                r = bus_entry_u32(reply, "plans-untold", (uint32_t) explanation->n_plans_untold);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void on_explained(void *userdata, const Explanation *explanation) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        Question *question = userdata;
        int r;

        /* The engine goes, and what we have of it may be gone. */
        r = explanation->is_ending ? -ESHUTDOWN : sd_bus_message_new_method_return(question->message, &reply);
        if (r >= 0)
                r = bus_append_text(reply, explanation->text);
        if (r >= 0)
                r = append_more(question->context, reply, explanation);
        /* Who asked may have left the bus. */
        if (r >= 0)
                (void) sd_bus_send(NULL, reply, NULL);
        else
                (void) sd_bus_reply_method_errno(question->message, r, NULL);
        question_free(question);
}

/* Takes the question if it returns 0. */
static int ask_policy(Question *question, const char *event, sd_bus_error *error) {
        _cleanup_(free_at) char *problems = NULL;
        BusContext *context = question->context;
        const ExplainQuestion asked = {
                .event = event,
                .length = strlen(event),
                .filesystem = filesystem_table_find_id(engine_filesystems(context->engine), question->filesystem_id),
        };
        int r;

        if (question->filesystem_id != 0 && !asked.filesystem)
                return bus_error_set(error, -ENOENT, "The file system is not mounted any more");
        r = engine_explain(context->engine, &asked, on_explained, question, &problems);
        if (r == -E2BIG)
                return bus_error_set(error, -EINVAL, "The event is longer than %zu bytes", EXPLAIN_EVENT_MAX);
        if (r == -EINVAL)
                return bus_error_set(error, r, "This event cannot be read:\n%s", problems ?: "");
        if (r < 0)
                return bus_error_set(error, r, "Nothing can be decided: %s", strerror(-r));
        return 0;
}

static void on_row(void *userdata, const HistoryRow *row, int end_error) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Question *question = userdata;
        HistoryValues values;
        int r;

        if (row) {
                history_row_values(row, &values);
                if (values.type == HISTORY_ROW_EVENT) {
                        question->is_found = true;
                        (void) text_copy(question->facts, sizeof(question->facts), values.texts[HISTORY_FACTS]);
                }
                return;
        }

        if (end_error < 0)
                r = bus_error_set(&error, -ENOLINK, "The history cannot be read: %s", strerror(-end_error));
        else if (!question->is_found)
                r = bus_error_set(&error, -EINVAL, "There is no event %" PRIu64 " in the history", question->event_id);
        else if (!question->facts[0])
                r = bus_error_set(&error, -EINVAL, "Event %" PRIu64 " was recorded without facts", question->event_id);
        else
                r = ask_policy(question, question->facts, &error);
        if (r >= 0)
                return;
        (void) sd_bus_reply_method_error(question->message, &error);
        sd_bus_error_free(&error);
        question_free(question);
}

/* Takes the question if it returns 0. */
static int ask_history(Question *question, sd_bus_error *error) {
        const HistoryReader *history = &question->context->history;
        const HistoryQuery query = {
                .event_id = question->event_id,
                .n_max = HISTORY_QUERY_ROWS_MAX,
                .wants_facts = true,
        };
        int r;

        if (!history->query)
                return bus_error_set(error, -ENOLINK, "This healerd keeps no history");
        r = history->query(history->userdata, &query, on_row, question);
        if (r == -ENOBUFS)
                return bus_error_set(error, r, "Too many ask for the history at once");
        if (r < 0)
                return bus_error_set(error, -ENOLINK, "The history cannot be read: %s", strerror(-r));
        return 0;
}

static int find_filesystem(BusContext *context, const char *name, Filesystem **ret_filesystem, sd_bus_error *error) {
        int r;

        if (!name)
                return 0;
        r = filesystem_table_find_name(engine_filesystems(context->engine), name, ret_filesystem);
        return r < 0 ? bus_error_set(error, r, "Option \"filesystem\": %s", r == -ENOTUNIQ ?
                                     "several have this UUID, name a mount point or device" :
                                     "there is no file system called so") : 0;
}

int bus_explain_on_explain(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        _cleanup_(question_free_at) Question *question = NULL;
        const char *event, *name = NULL;
        const BusOption known[] = { { "filesystem", 's', &name, NULL } };
        Filesystem *filesystem = NULL;
        BusContext *context = userdata;
        uint64_t event_id = 0;
        uint32_t uid;
        int r;

        r = sd_bus_message_read(message, "s", &event);
        if (r >= 0)
                r = bus_options_read(message, known, ELEMENTSOF(known), error);
        if (r >= 0)
                r = find_filesystem(context, name, &filesystem, error);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) {
                .filesystem = filesystem,
                .owner_uid = BUS_UID_NONE,
        }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->context = context;
        question->message = sd_bus_message_ref(message);
        question->filesystem_id = filesystem ? filesystem->id : 0;
        if (number_parse_u64(event + (event[0] == '#'), 1, UINT64_MAX, &event_id) >= 0) {
                question->event_id = event_id;
                r = ask_history(question, error);
        } else
                r = ask_policy(question, event, error);
        if (r < 0)
                return r;

        (void) steal_ptr(question);
        return 1;
}
