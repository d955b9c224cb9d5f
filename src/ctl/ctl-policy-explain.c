/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl policy explain`: what a policy makes of an event that somebody wrote down, and why, with the
 * daemon's own loader and chooser, without the daemon and without root.
 */
#include <errno.h>
#include <string.h>

#include "policy/policy-explain.h"
#include "src/ctl/ctl-bus.h"
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
        ctl_print_safe_lines(stdout, text);
        fputs(with_name ? "\n\n" : "\n", stdout);
        return 0;
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
        item = json_pack("{s:o, s:i, s:O, s:o}", "name", ctl_json_text(ctl_event_name(example, buffer)),
                         "line", (int) example->position.line, "decisions", decisions,
                         "explanation", ctl_json_text(text));
        return item && json_array_append_new(request->all, item) >= 0 ? 0 : -ENOMEM;
}

static int explain_one(const EventExample *example, void *userdata) {
        const Explain *request = userdata;

        return request->all ? explain_as_json(request, example) : explain_as_text(request, example);
}

CtlExit ctl_policy_explain(const CtlRequest *request) {
        _cleanup_(json_decref_at) json_t *all = NULL, *object = NULL;
        _cleanup_(policy_stream_free_at) PolicyStream *decided = NULL;
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        _cleanup_(ctl_events_clear) CtlEvents events = {};
        int r;

        policy = ctl_policy_load(request->policy);
        if (!policy || ctl_events_read(request->arguments[0], &events) < 0)
                return CTL_EXIT_USAGE;
        if (request->options & CTL_OPTION_JSON) {
                all = json_array();
                if (!all)
                        return ctl_decide_failed(-ENOMEM);
        }
        r = policy_stream_new(policy, &decided);
        if (r >= 0)
                r = ctl_events_each(&events, explain_one,
                                     &(Explain) { policy, decided, all, events.first && events.first->next });
        if (r < 0)
                return ctl_decide_failed(r);
        if (all) {
                object = json_pack("{s:i, s:s, s:O}", "schema", CTL_JSON_SCHEMA, "hash", policy_hash(policy),
                                   "events", all);
                if (!object || ctl_json_print(object, false, stdout) == -ENOMEM)
                        return ctl_decide_failed(-ENOMEM);
        }
        return CTL_EXIT_OK;
}
