/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading `windows`, finding them by name, showing them.
 */
#include "policy/policy-windows.h"

#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/text.h"

/* Reading */

static void parse_range(PolicyParser *parser, const YamlNode *node, const char *name, TimeWindow *window) {
        SourcePosition position = node->position;
        TimeFault fault;
        const char *text;
        int r;

        if (!parse_text(parser, node, name, &text))
                return;

        r = time_window_add(window, text, &fault);
        if (r == -EINVAL) {
                /* Within quotes the text begins behind the first of them. */
                position.column += (unsigned) fault.offset + node->is_quoted;
                policy_error(parser->problems, position, "%s", fault.text);
        } else if (r == -E2BIG)
                policy_error(parser->problems, position, "more than %d times in window \"%s\": write fewer",
                             WINDOW_RANGES_MAX, name);
}

static void parse_window(PolicyParser *parser, const YamlNode *entry, WindowSource *window) {
        const YamlNode *value = entry->value;

        *window = (WindowSource) { .position = entry->position };
        (void) parse_id(parser, entry, "name of a window", window->id);
        if (value->kind != YAML_KIND_LIST) {
                parse_range(parser, value, entry->text, &window->window);
                return;
        }

        if (value->n_children == 0)
                policy_error(parser->problems, value->position, "window \"%s\" is never open: write at least one time",
                             entry->text);
        YAML_FOREACH(item, value)
                parse_range(parser, item, entry->text, &window->window);
}

int parse_windows(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        if (!parse_kind(parser, node, YAML_KIND_MAP, "windows"))
                return 0;
        if (node->n_children > POLICY_WINDOWS_MAX) {
                policy_error(parser->problems, node->position, "%zu windows: write at most %d", node->n_children,
                             POLICY_WINDOWS_MAX);
                return 0;
        }

        source->windows = calloc(max_of(node->n_children, (size_t) 1), sizeof(*source->windows));
        if (!source->windows)
                return -ENOMEM;
        YAML_FOREACH(entry, node)
                parse_window(parser, entry, &source->windows[source->n_windows++]);
        return 0;
}

/* Finding */

static const WindowSource *find_window(const Policy *policy, const char *name) {
        for (size_t i = 0; i < policy->n_windows; i++)
                if (strcmp(policy->windows[i].id, name) == 0)
                        return &policy->windows[i];

        return NULL;
}

const TimeWindow *policy_find_window(const Policy *policy, const char *name) {
        const WindowSource *found = find_window(policy, name);

        return found ? &found->window : NULL;
}

static void unknown_window(const Policy *policy, const char *name, SourcePosition position,
                           PolicyProblems *problems) {
        const char *words[POLICY_WINDOWS_MAX];

        for (size_t i = 0; i < policy->n_windows; i++)
                words[i] = policy->windows[i].id;
        if (policy->n_windows > 0)
                policy_unknown_word(problems, position, "window", name, words, policy->n_windows);
        else
                policy_error(problems, position,
                             "unknown window \"%s\": there are none, write one, such as "
                             "\"windows: {%s: 'Mon..Fri 22:00..06:00'}\"", name, name);
}

static void resolve(const Policy *policy, Condition *condition, bool is_part, PolicyProblems *problems) {
        for (size_t i = 0; i < condition->n_children; i++)
                resolve(policy, &condition->children[i], is_part, problems);
        if (condition->kind != CONDITION_TEST || condition->test != TEST_WINDOW)
                return;

        condition->window = policy_find_window(policy, pattern_text(condition->pattern));
        if (!condition->window && !is_part)
                unknown_window(policy, pattern_text(condition->pattern), condition->position, problems);
}

static void resolve_steps(const Policy *policy, RuleSource *rule, bool is_part, PolicyProblems *problems) {
        for (size_t i = 0; i < rule->n_steps; i++) {
                StepSource *step = rule->steps + i;

                if (!step->request.window[0])
                        continue;
                step->window = policy_find_window(policy, step->request.window);
                if (!step->window && !is_part)
                        unknown_window(policy, step->request.window, step->window_position, problems);
        }
}

void policy_windows_resolve(Policy *policy, bool is_part, PolicyProblems *problems) {
        for (size_t i = 0; i < policy->n_rules; i++) {
                resolve(policy, &policy->rules[i].source.match, is_part, problems);
                resolve_steps(policy, &policy->rules[i].source, is_part, problems);
        }
        for (size_t i = 0; i < policy->n_protects; i++)
                resolve(policy, &policy->protects[i].match, is_part, problems);
}

/* Showing */

void window_print_value(const TimeWindow *window, FILE *stream) {
        char text[WINDOW_RANGE_TEXT_SIZE];

        fputs(window->n_ranges > 1 ? "[" : "", stream);
        for (size_t i = 0; i < window->n_ranges; i++)
                fprintf(stream, "%s'%s'", i > 0 ? ", " : "", window_range_text(&window->ranges[i], text));
        fputs(window->n_ranges > 1 ? "]" : "", stream);
}

static void explain_window(const Policy *policy, const WindowSource *window, const EventFacts *facts, FILE *stream) {
        const char *file = window->position.file < policy->n_files ? policy->files[window->position.file] : "?";
        uint64_t now_usec = facts->now_realtime_usec, until_usec;
        bool is_open = time_window_is_open(&window->window, facts->zone, now_usec);
        char text[WEEK_MINUTE_TEXT_SIZE];

        fprintf(stream, "window %s (%s:%u) is %s", window->id, file, window->position.line,
                is_open ? "open" : "closed");
        until_usec = time_window_next(&window->window, facts->zone, now_usec, !is_open);
        if (until_usec == USEC_INFINITY)
                fputs(" for ever\n", stream);
        else
                fprintf(stream, " until %s\n", week_minute_text(zone_week_minute(facts->zone, until_usec), text));
}

void policy_windows_explain(const Policy *policy, const EventFacts *facts, FILE *stream) {
        char text[WEEK_MINUTE_TEXT_SIZE];

        if (policy->n_windows == 0)
                return;
        if (facts->now_realtime_usec == 0) {
                fputs("what time it is is unknown, and so is which windows are open\n", stream);
                return;
        }

        week_minute_text(zone_week_minute(facts->zone, facts->now_realtime_usec), text);
        fprintf(stream, "it is %s in %s\n", text, zone_name(facts->zone));
        for (size_t i = 0; i < policy->n_windows; i++)
                explain_window(policy, &policy->windows[i], facts, stream);
}
