/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl policy explain`: what a policy makes of an event, and why, with the daemon's own loader and chooser,
 * without the daemon and without root. An event that somebody wrote down; or one of the history, which healerd has to
 * be asked for, and what was decided then beside it.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "policy/policy-explain.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-history.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-policy-events.h"
#include "src/ctl/ctl-policy.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

typedef struct Explain {
        const Policy *policy;
        PolicyStream *stream;
        json_t *all;                    /* NULL: text */
        bool with_names;
} Explain;

/* An event of the history. */
typedef struct Recorded {
        json_t *rows;                   /* all that belongs to it */
        const json_t *event;            /* the row of the event itself, borrowed from them */
} Recorded;

static void recorded_clear(Recorded *recorded) {
        json_decref(recorded->rows);
        *recorded = (Recorded) {};
}

/* 1795838400123456, or #1795838400123456 as lines show it. */
static bool is_event_id(const char *argument, uint64_t *ret_id) {
        return number_parse_u64(argument + (argument[0] == '#'), 1, UINT64_MAX, ret_id) >= 0;
}

static CtlExit recorded_ask(const CtlRequest *request, uint64_t event_id, Recorded *ret_recorded) {
        const CtlHistoryQuestion question = { .limit = CTL_LIMIT_MAX, .event_id = event_id, .wants_facts = true };
        CtlExit exit_code;
        json_t *row;
        size_t i;

        exit_code = ctl_history_ask(request, &question, &ret_recorded->rows);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        json_array_foreach(ret_recorded->rows, i, row)
                if (!ret_recorded->event && text_equal(ctl_value_text(row, "type"), "event"))
                        ret_recorded->event = row;

        if (!ret_recorded->event) {
                ctl_complain(NULL, "there is no event %" PRIu64 " in the history; see: healerctl events", event_id);
                return CTL_EXIT_FAILED;
        }
        if (!*ctl_history_facts(ret_recorded->event)) {
                ctl_complain(NULL,
                             "event %" PRIu64 " was recorded by a version that kept no facts; healerctl events shows "
                             "what was decided", event_id);
                return CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

/* What was decided and done when it came. */
static json_t *recorded_lines(const Recorded *recorded) {
        _cleanup_(json_decref_at) json_t *lines = json_array();
        json_t *row;
        size_t i;

        json_array_foreach(recorded->rows, i, row) {
                if (row == recorded->event)
                        continue;
                if (!lines || json_array_append_new(lines, ctl_line_of_history(json_incref(row))) < 0)
                        return NULL;
        }
        return steal_ptr(lines);
}

static int print_event(const Recorded *recorded) {
        _cleanup_(json_decref_at) json_t *line = ctl_line_of_history(json_incref((json_t *) recorded->event));

        if (!line)
                return -ENOMEM;
        ctl_line_print(line, stdout);
        return 0;
}

static int print_then(const Recorded *recorded) {
        _cleanup_(json_decref_at) json_t *lines = recorded_lines(recorded);
        json_t *line;
        size_t i;

        if (!lines)
                return -ENOMEM;
        puts(json_array_size(lines) > 0 ? _("decided then:") : _("decided then: nothing"));
        json_array_foreach(lines, i, line) {
                fputs("    ", stdout);
                ctl_line_print(line, stdout);
        }
        puts(_("What rules had counted, how long they rested and what limits had left then is not kept: above, nothing "
               "had happened before."));
        return 0;
}

static void print_left_out(const EventExample *example) {
        const char *separator = "not kept, and unknown here: ";

        if (!example->left_out)
                return;
        YAML_FOREACH(key, example->left_out) {
                fputs(separator, stdout);
                ctl_print_safe(stdout, key->text);
                separator = ", ";
        }
        fputc('\n', stdout);
}

/* With what the events before it left behind; it is one of those for the next. */
static int explain(const Explain *explain, const EventExample *example, DecisionTexts *ret_texts, json_t *list,
                   char **ret_text) {
        _cleanup_(decision_texts_clear) DecisionTexts due = {};
        EventFacts facts;
        int r;

        r = ctl_decide_due(explain->stream, example, &due, NULL);
        if (r < 0)
                return r;
        facts = policy_stream_facts(explain->stream, example);
        r = policy_explain(explain->policy, policy_stream_memory(explain->stream), &facts, ret_text);
        return r < 0 ? r : ctl_decide(explain->stream, example, ret_texts, list);
}

static int explain_as_text(const Explain *request, const EventExample *example) {
        _cleanup_(decision_texts_clear) DecisionTexts texts = {};
        _cleanup_(free_at) char *text = NULL;
        bool with_name = request->with_names;
        char buffer[64];
        int r;

        r = explain(request, example, &texts, NULL, &text);
        if (r < 0)
                return r;
        if (with_name) {
                ctl_print_safe(stdout, ctl_event_name(example, buffer));
                fputs(":\n", stdout);
        }
        print_left_out(example);
        ctl_print_safe_lines(stdout, text);
        fputs(with_name ? "\n\n" : "\n", stdout);
        return 0;
}

static json_t *left_out(const EventExample *example) {
        _cleanup_(json_decref_at) json_t *list = json_array();

        for (const YamlNode *key = example->left_out ? example->left_out->first : NULL; list && key; key = key->next)
                if (json_array_append_new(list, ctl_json_text(key->text)) < 0)
                        return NULL;
        return steal_ptr(list);
}

static int explain_as_json(const Explain *request, const EventExample *example) {
        _cleanup_(json_decref_at) json_t *decisions = json_array();
        _cleanup_(decision_texts_clear) DecisionTexts texts = {};
        _cleanup_(free_at) char *text = NULL;
        json_t *item;
        char buffer[64];
        int r;

        if (!decisions)
                return -ENOMEM;
        r = explain(request, example, &texts, decisions, &text);
        if (r < 0)
                return r;
        item = json_pack("{s:o, s:i, s:O, s:o, s:o}", "name", ctl_json_text(ctl_event_name(example, buffer)),
                         "line", (int) example->position.line, "decisions", decisions,
                         "explanation", ctl_json_text(text), "left_out", left_out(example));
        return item && json_array_append_new(request->all, item) >= 0 ? 0 : -ENOMEM;
}

static int explain_one(const EventExample *example, void *userdata) {
        const Explain *request = userdata;

        return request->all ? explain_as_json(request, example) : explain_as_text(request, example);
}

/* @recorded NULL: written by hand. */
static CtlExit explain_all(const CtlRequest *request, Policy *policy, CtlEvents *events, const Recorded *recorded) {
        _cleanup_(json_decref_at) json_t *all = NULL, *object = NULL;
        _cleanup_(policy_stream_free_at) PolicyStream *decided = NULL;
        int r;

        if (request->options & CTL_OPTION_JSON) {
                all = json_array();
                if (!all)
                        return ctl_decide_failed(-ENOMEM);
        }
        r = recorded && !all ? print_event(recorded) : 0;
        if (r >= 0)
                r = policy_stream_new(policy, &decided);
        if (r >= 0)
                r = ctl_events_each(events, explain_one,
                                    &(Explain) { policy, decided, all, events->first && events->first->next });
        if (r >= 0 && recorded && !all)
                r = print_then(recorded);
        if (r < 0)
                return ctl_decide_failed(r);
        if (!all)
                return CTL_EXIT_OK;

        object = json_pack("{s:i, s:s, s:O, s:o}", "schema", CTL_JSON_SCHEMA, "hash", policy_hash(policy),
                           "events", all, "then", recorded ? recorded_lines(recorded) : json_null());
        if (!object || ctl_json_print(object, false, stdout) == -ENOMEM)
                return ctl_decide_failed(-ENOMEM);
        return CTL_EXIT_OK;
}

CtlExit ctl_policy_explain(const CtlRequest *request) {
        _cleanup_(policy_unref_at) Policy *policy = ctl_policy_load(request->policy);
        _cleanup_(ctl_events_clear) CtlEvents events = {};
        _cleanup_(recorded_clear) Recorded recorded = {};
        const char *facts;
        uint64_t event_id;
        CtlExit exit_code;

        if (!policy)
                return CTL_EXIT_USAGE;
        if (!is_event_id(request->arguments[0], &event_id)) {
                if (ctl_events_read(request->arguments[0], &events) < 0)
                        return CTL_EXIT_USAGE;
                return explain_all(request, policy, &events, NULL);
        }

        exit_code = recorded_ask(request, event_id, &recorded);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        facts = ctl_history_facts(recorded.event);
        if (ctl_events_parse("history", facts, strlen(facts), &events) < 0)
                return CTL_EXIT_FAILED;
        return explain_all(request, policy, &events, &recorded);
}
