/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl policy simulate`: what a policy makes of a stream of events that somebody wrote down, beside another
 * policy or what was expected; by a clock of its own.
 */
#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-policy-events.h"
#include "src/ctl/ctl-policy.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

#define TITLE_SIZE 128

typedef struct Simulation {
        PolicyStream *policy, *other;   /* @other NULL: no --diff */
        json_t *all;                    /* NULL: text */
        size_t n_events, n_different, n_unexpected;
} Simulation;

/* One event, or what had waited and came due. */
typedef struct Moment {
        const char *title;
        unsigned line;                  /* 0: behind the last event */
        const YamlNode *expected;       /* NULL: nothing is */
        DecisionTexts now, then;
        json_t *now_list, *then_list;
} Moment;

static int moment_begin(const Simulation *simulation, Moment *moment) {
        moment->now_list = json_array();
        moment->then_list = simulation->other ? json_array() : json_null();
        return moment->now_list && moment->then_list ? 0 : -ENOMEM;
}

static void moment_clear(Moment *moment) {
        decision_texts_clear(&moment->now);
        decision_texts_clear(&moment->then);
        json_decref(moment->now_list);
        json_decref(moment->then_list);
}

static bool texts_equal(const DecisionTexts *a, const DecisionTexts *b) {
        if (a->n_items != b->n_items)
                return false;
        for (size_t i = 0; i < a->n_items; i++)
                if (!text_equal(a->items[i], b->items[i]))
                        return false;
        return true;
}

static bool is_as_expected(const YamlNode *expected, const DecisionTexts *texts) {
        size_t i = 0;

        if (!expected)
                return true;
        YAML_FOREACH(item, expected) {
                if (i >= texts->n_items || !text_equal(item->text, texts->items[i]))
                        return false;
                i++;
        }
        return i == texts->n_items;
}

static void print_texts(const char *mark, const DecisionTexts *texts) {
        for (size_t i = 0; i < texts->n_items; i++) {
                fputs(mark, stdout);
                ctl_print_safe(stdout, texts->items[i]);
                fputc('\n', stdout);
        }
        if (texts->n_items == 0)
                printf("%s%s\n", mark, _("nothing"));
}

static void print_moment(const Simulation *simulation, const Moment *moment, bool is_different, bool is_unexpected) {
        if (simulation->other && !is_different && !is_unexpected)
                return;
        ctl_print_safe(stdout, moment->title);
        fputs(":\n", stdout);
        print_texts(is_different ? "  - " : "    ", &moment->now);
        if (is_different)
                print_texts("  + ", &moment->then);
        if (!is_unexpected)
                return;
        printf("    %s\n", _("expected:"));
        YAML_FOREACH(item, moment->expected) {
                fputs("    ! ", stdout);
                ctl_print_safe(stdout, item->text);
                fputc('\n', stdout);
        }
}

static int moment_end(Simulation *simulation, const Moment *moment) {
        bool is_different = simulation->other && !texts_equal(&moment->now, &moment->then);
        bool is_unexpected = !is_as_expected(moment->expected, &moment->now);
        json_t *item;

        simulation->n_different += is_different;
        simulation->n_unexpected += is_unexpected;
        if (!simulation->all) {
                print_moment(simulation, moment, is_different, is_unexpected);
                return 0;
        }
        item = json_pack("{s:o, s:i, s:O, s:O, s:b, s:b}", "name", ctl_json_text(moment->title), "line",
                         (int) moment->line, "decisions", moment->now_list, "other", moment->then_list, "different",
                         is_different, "unexpected", is_unexpected);
        return item && json_array_append_new(simulation->all, item) >= 0 ? 0 : -ENOMEM;
}

/* Told if there is something, or something else was expected. */
static int simulate_due(Simulation *simulation, const EventExample *until) {
        _cleanup_(moment_clear) Moment moment = {};
        char title[TITLE_SIZE] = "", name[64];
        int r;

        if (!until) {
                (void) text_append_format(title, sizeof(title), "%s", _("what had waited, at the end"));
        } else {
                (void) text_append_format(title, sizeof(title), _("what had waited, before %s"),
                                          ctl_event_name(until, name));
                moment.line = until->position.line;
                moment.expected = until->due;
        }
        moment.title = title;
        r = moment_begin(simulation, &moment);
        if (r >= 0)
                r = ctl_decide_due(simulation->policy, until, &moment.now, moment.now_list);
        if (r >= 0 && simulation->other)
                r = ctl_decide_due(simulation->other, until, &moment.then, moment.then_list);
        if (r < 0 || (moment.now.n_items == 0 && moment.then.n_items == 0 && !moment.expected))
                return r;
        return moment_end(simulation, &moment);
}

static int simulate_one(const EventExample *example, void *userdata) {
        _cleanup_(moment_clear) Moment moment = { .line = example->position.line, .expected = example->expect };
        Simulation *simulation = userdata;
        char name[64];
        int r;

        r = simulate_due(simulation, example);
        if (r >= 0)
                r = moment_begin(simulation, &moment);
        if (r >= 0)
                r = ctl_decide(simulation->policy, example, &moment.now, moment.now_list);
        if (r >= 0 && simulation->other)
                r = ctl_decide(simulation->other, example, &moment.then, moment.then_list);
        if (r < 0)
                return r;

        simulation->n_events++;
        moment.title = ctl_event_name(example, name);
        return moment_end(simulation, &moment);
}

static int print_sum(const Simulation *simulation) {
        _cleanup_(json_decref_at) json_t *object = NULL;

        if (!simulation->all) {
                printf(ngettext("%zu event", "%zu events", simulation->n_events), simulation->n_events);
                if (simulation->other)
                        printf(_(", %zu decided differently"), simulation->n_different);
                if (simulation->n_unexpected > 0)
                        printf(_(", %zu not as expected"), simulation->n_unexpected);
                fputc('\n', stdout);
                return 0;
        }
        object = json_pack("{s:i, s:I, s:I, s:I, s:O}", "schema", CTL_JSON_SCHEMA,
                           "n_events", (json_int_t) simulation->n_events,
                           "n_different", (json_int_t) simulation->n_different,
                           "n_unexpected", (json_int_t) simulation->n_unexpected, "events", simulation->all);
        return object ? ctl_json_print(object, false, stdout) : -ENOMEM;
}

CtlExit ctl_policy_simulate(const CtlRequest *request) {
        _cleanup_(policy_stream_free_at) PolicyStream *decided = NULL, *other_decided = NULL;
        _cleanup_(policy_unref_at) Policy *policy = NULL, *other = NULL;
        _cleanup_(ctl_events_clear) CtlEvents events = {};
        _cleanup_(json_decref_at) json_t *all = NULL;
        Simulation simulation;
        int r;

        policy = ctl_policy_load(request->policy);
        other = policy && request->diff ? ctl_policy_load(request->diff) : NULL;
        if (!policy || (request->diff && !other) || ctl_events_read(request->arguments[0], &events) < 0)
                return CTL_EXIT_USAGE;
        if (request->options & CTL_OPTION_JSON) {
                all = json_array();
                if (!all)
                        return ctl_decide_failed(-ENOMEM);
        }
        r = policy_stream_new(policy, &decided);
        if (r >= 0 && other)
                r = policy_stream_new(other, &other_decided);
        simulation = (Simulation) { .policy = decided, .other = other_decided, .all = all };
        if (r >= 0)
                r = ctl_events_each(&events, simulate_one, &simulation);
        if (r >= 0)
                r = simulate_due(&simulation, NULL);
        if (r >= 0)
                r = print_sum(&simulation);
        if (r < 0 && r != -EPIPE)
                return ctl_decide_failed(r);
        return simulation.n_different + simulation.n_unexpected > 0 ? CTL_EXIT_NO : CTL_EXIT_OK;
}
