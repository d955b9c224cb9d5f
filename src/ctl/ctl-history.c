/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks over the bus, and makes a stream of events by hand out of what comes back.
 */
#include "src/ctl/ctl-history.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-manager.h"
#include "src/ctl/ctl-time.h"
#include "src/ctl/ctl-value.h"
#include "src/model/decision.h"
#include "src/model/job-report.h"

static int append_option(sd_bus_message *call, const char *key, const char *type, ...) {
        va_list value;
        int r;

        r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(call, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', type);
        if (r < 0)
                return r;
        va_start(value, type);
        r = sd_bus_message_appendv(call, type, value);
        va_end(value);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Only what is asked for, so that an older healerd understands a question that it can answer. */
static int append_options(sd_bus_message *call, const CtlHistoryQuestion *question, bool has_since) {
        const struct {
                const char *key, *value;
        } words[] = {
                { "filesystem", question->filesystem }, { "kind", question->kind },
                { "structure", question->structure },   { "rule", question->rule },
                { "outcome", question->outcome },
        };
        const struct {
                const char *key;
                uint64_t value;
        } numbers[] = {
                { "id", question->event_id },
                { "before", question->before_serial },
                { "until", question->until_usec },
                { "since", has_since ? question->since_usec : 0 },
        };
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(words); i++)
                if (words[i].value)
                        r = append_option(call, words[i].key, "s", words[i].value);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                if (numbers[i].value != 0)
                        r = append_option(call, numbers[i].key, "t", numbers[i].value);
        if (r >= 0 && question->wants_facts)
                r = append_option(call, "facts", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_question(sd_bus_message *call, const void *arguments) {
        const CtlHistoryQuestion *question = arguments;
        int r;

        r = sd_bus_message_append(call, "tu", question->since_usec, question->limit);
        return r < 0 ? r : append_options(call, question, false);
}

int ctl_history_append_dump(sd_bus_message *call, const void *question) {
        return append_options(call, question, true);
}

static CtlExit read_time(const char *option, const char *text, uint64_t *ret_usec) {
        if (!text || ctl_time_parse(text, clock_realtime_usec(), ret_usec) >= 0)
                return CTL_EXIT_OK;
        ctl_complain(NULL, "--%s needs a time (2026-11-20 12:56, today) or a duration (2h), not \"%s\"", option, text);
        return CTL_EXIT_USAGE;
}

CtlExit ctl_history_question(const CtlRequest *request, CtlHistoryQuestion *ret_question) {
        CtlExit exit_code;

        *ret_question = (CtlHistoryQuestion) {
                .limit = request->limit,
                .filesystem = request->filesystem,
                .kind = request->kind,
                .structure = request->structure,
                .rule = request->rule,
                .outcome = request->outcome,
        };
        exit_code = read_time("since", request->since, &ret_question->since_usec);
        return exit_code != CTL_EXIT_OK ? exit_code : read_time("until", request->until, &ret_question->until_usec);
}

CtlExit ctl_history_ask(const CtlRequest *request, const CtlHistoryQuestion *question, json_t **ret_rows) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        CtlExit exit_code;
        int r;

        exit_code = ctl_manager_call(request, "ListEvents", append_question, question, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = ctl_value_read(reply, ret_rows);
        if (r <= 0) {
                ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(r < 0 ? -r : EBADMSG));
                return CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

/* Written by us it is a map on one line of ASCII; what else stands in the file of the history is nothing to print. */
const char *ctl_history_facts(const json_t *row) {
        const char *facts = ctl_value_text(row, "facts");

        for (const char *c = facts; *c; c++)
                if (*c < 0x20 || *c > 0x7e)
                        return "";
        return facts[0] == '{' && text_ends_with(facts, "}") ? facts : "";
}

static const char *id_key(const json_t *row, char buffer[static 32]) {
        (void) snprintf(buffer, 32, "%" PRIu64, ctl_value_number(row, "id"));
        return buffer;
}

/* Decisions and actions by the number of their event, in their order; new. */
static json_t *rows_by_event(const json_t *rows) {
        _cleanup_(json_decref_at) json_t *all = json_object();
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                json_t *list;
                char id[32];

                if (!all || text_equal(ctl_value_text(row, "type"), "event"))
                        continue;
                list = json_object_get(all, id_key(row, id));
                if (!list) {
                        list = json_array();
                        if (json_object_set_new(all, id, list) < 0)
                                return NULL;
                }
                if (json_array_append(list, row) < 0)
                        return NULL;
        }
        return steal_ptr(all);
}

static bool is_by_same(const json_t *a, const json_t *b) {
        return text_equal(ctl_value_text(a, "source"), ctl_value_text(b, "source")) &&
               text_equal(ctl_value_text(a, "rule"), ctl_value_text(b, "rule"));
}

/* How the actions that this decision had done ended, in the order in which they did. */
static void print_outcomes_of(const json_t *list, const json_t *decision, size_t *n, FILE *stream) {
        json_t *row;
        size_t i;

        json_array_foreach(list, i, row) {
                Outcome outcome;

                /* A step that was refused has no job, and takes no outcome in a simulation. */
                if (!text_equal(ctl_value_text(row, "type"), "action") || ctl_value_number(row, "job_number") == 0 ||
                    !is_by_same(row, decision) || *n >= DECISION_ACTIONS_MAX ||
                    outcome_from_name(ctl_value_text(row, "result"), &outcome) < 0)
                        continue;
                fputs((*n)++ > 0 ? ", " : "outcomes: [", stream);
                fputs(outcome_to_name(outcome), stream);
        }
}

/* A simulation takes them one decision after the other. What waited was decided on twice, under one name. */
static void print_outcomes(const json_t *list, FILE *stream) {
        json_t *row;
        size_t i, n = 0;

        json_array_foreach(list, i, row) {
                bool is_told = !text_equal(ctl_value_text(row, "type"), "decision");

                for (size_t j = 0; j < i; j++)
                        is_told = is_told || (is_by_same(json_array_get(list, j), row) &&
                                              text_equal(ctl_value_text(json_array_get(list, j), "type"), "decision"));
                if (!is_told)
                        print_outcomes_of(list, row, &n, stream);
        }
        if (n > 0)
                fputs("], ", stream);
}

static int print_stream(const json_t *rows, FILE *stream) {
        _cleanup_(json_decref_at) json_t *by_event = rows_by_event(rows);
        size_t i, n_without = 0;
        json_t *row;

        if (!by_event)
                return -ENOMEM;
        json_array_foreach(rows, i, row) {
                const char *facts = ctl_history_facts(row);
                char id[32];

                if (!text_equal(ctl_value_text(row, "type"), "event"))
                        continue;
                if (!*facts) {
                        n_without++;
                        continue;
                }
                fprintf(stream, "- {name: '#%s', ", id_key(row, id));
                print_outcomes(json_object_get(by_event, id), stream);
                fprintf(stream, "%s\n", facts + 1);
        }
        if (n_without > 0)
                ctl_complain(NULL, "%zu events are left out: a version that kept no facts recorded them", n_without);
        return 0;
}

static int keep(const json_t *page, const char *const *keys, json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach(page, i, row) {
                json_t *kept = json_object();

                if (!kept || json_array_append_new(rows, kept) < 0)
                        return -ENOMEM;
                for (size_t k = 0; keys[k]; k++) {
                        json_t *value = json_object_get(row, keys[k]);

                        if (value && json_object_set(kept, keys[k], value) < 0)
                                return -ENOMEM;
                }
        }
        return 0;
}

/* The pages come newest first. */
static int join_pages(const json_t *pages, json_t *rows) {
        for (size_t i = json_array_size(pages); i-- > 0;)
                if (json_array_extend(rows, json_array_get(pages, i)) < 0)
                        return -ENOMEM;
        return 0;
}

static CtlExit out_of_memory(void) {
        ctl_complain(NULL, "cannot read the history: %s", strerror(ENOMEM));
        return CTL_EXIT_FAILED;
}

CtlExit ctl_history_all(const CtlRequest *request, const CtlHistoryQuestion *question, const char *const *keys,
                        json_t **ret_rows) {
        _cleanup_(json_decref_at) json_t *pages = json_array(), *rows = json_array();
        CtlHistoryQuestion next = *question;

        next.limit = question->limit == 0 ? CTL_LIMIT_MAX : question->limit;
        for (;;) {
                _cleanup_(json_decref_at) json_t *page = NULL;
                json_t *kept = json_array();
                CtlExit exit_code;

                exit_code = ctl_history_ask(request, &next, &page);
                if (exit_code != CTL_EXIT_OK) {
                        json_decref(kept);
                        return exit_code;
                }
                if (!pages || json_array_append_new(pages, kept) < 0 || keep(page, keys, kept) < 0)
                        return out_of_memory();
                next.before_serial = ctl_value_number(json_array_get(page, 0), "serial");
                if (question->limit != 0 || json_array_size(page) < next.limit || next.before_serial == 0)
                        break;
        }
        if (!rows || join_pages(pages, rows) < 0)
                return out_of_memory();
        *ret_rows = steal_ptr(rows);
        return CTL_EXIT_OK;
}

CtlExit ctl_history_export(const CtlRequest *request, const CtlHistoryQuestion *question, FILE *stream) {
        static const char *const keys[] = {
                "type", "id", "serial", "source", "rule", "result", "job_number", "facts", NULL,
        };
        _cleanup_(json_decref_at) json_t *rows = NULL;
        CtlHistoryQuestion with_facts = *question;
        CtlExit exit_code;

        with_facts.wants_facts = true;
        exit_code = ctl_history_all(request, &with_facts, keys, &rows);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        return print_stream(rows, stream) < 0 ? out_of_memory() : CTL_EXIT_OK;
}
