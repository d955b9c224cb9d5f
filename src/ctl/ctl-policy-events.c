/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads them, has them decided, and puts decisions into words.
 */
#include "src/ctl/ctl-policy-events.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "policy/policy-explain.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-policy.h"
#include "src/ctl/ctl-value.h"

void ctl_events_clear(CtlEvents *events) {
        yaml_tree_free(events->tree);
        policy_problems_clear(&events->problems);
        free(events->text);
        *events = (CtlEvents) {};
}

/* A kind of event or a map in braces is meant as it stands there. */
static bool is_inline(const char *argument) {
        EventKind kind;

        return argument[strspn(argument, " \n")] == '{' || event_kind_from_name(argument, &kind) >= 0;
}

static int read_text(const char *argument, size_t max_bytes, const char **ret_name, char **ret_text,
                     size_t *ret_length) {
        if (is_inline(argument)) {
                *ret_name = "argument";
                *ret_text = strdup(argument);
                *ret_length = strlen(argument);
                return *ret_text ? 0 : -ENOMEM;
        }

        if (text_equal(argument, "-")) {
                *ret_name = "standard input";
                return file_read_fd(STDIN_FILENO, max_bytes, ret_text, ret_length);
        }
        *ret_name = argument;
        return file_read(AT_FDCWD, argument, max_bytes, ret_text, ret_length);
}

int ctl_events_parse(const char *name, const char *text, size_t length, CtlEvents *events) {
        const YamlNode *root, *cases;
        unsigned file = 0;
        int r;

        r = policy_problems_add_file(&events->problems, name, text, length, &file);
        if (r >= 0)
                r = yaml_tree_parse_stream(text, length, file, &events->problems, &events->tree);
        root = r >= 0 ? yaml_tree_root(events->tree) : NULL;
        if (r >= 0 && !root) {
                policy_error(&events->problems, ((SourcePosition) { .file = file }),
                             "there is no event in it: write one, such as event: sick");
                r = -EINVAL;
        }
        if (r < 0 || events->problems.n_errors > 0) {
                policy_problems_print(&events->problems, stderr);
                return r < 0 ? r : -EINVAL;
        }

        cases = root->kind == YAML_KIND_MAP ? yaml_map_find(root, "cases") : NULL;
        if (cases && cases->kind == YAML_KIND_LIST)
                root = cases;
        events->first = root->kind == YAML_KIND_LIST ? root->first : root;
        return 0;
}

int ctl_events_read(const char *argument, CtlEvents *events) {
        const char *name;
        size_t length;
        int r;

        r = read_text(argument, YAML_STREAM_MAX, &name, &events->text, &length);
        if (r < 0) {
                ctl_complain(NULL, "cannot read %s: %s", name, strerror(-r));
                return r;
        }
        return ctl_events_parse(name, events->text, length, events);
}

int ctl_events_text(const char *argument, size_t max_bytes, char **ret_text) {
        const char *name;
        size_t length;
        int r;

        r = read_text(argument, max_bytes, &name, ret_text, &length);
        if (r < 0)
                ctl_complain(NULL, "cannot read %s: %s", name, strerror(-r));
        return r;
}

const char *ctl_event_name(const EventExample *example, char buffer[static 64]) {
        if (example->name)
                return example->name;
        buffer[0] = 0;
        (void) text_append_format(buffer, 64, "%s in line %u", event_kind_to_name(example->event.kind),
                                  example->position.line);
        return buffer;
}

json_t *ctl_policy_decision_json(const Decision *decision) {
        _cleanup_(json_decref_at) json_t *actions = json_array();

        for (size_t i = 0; actions && i < decision->n_actions; i++) {
                const ActionRequest *request = decision->actions + i;
                json_t *item;

                item = json_pack("{s:s, s:o}", "action", action_kind_to_name(request->kind), "denied_by",
                                 request->denied_by[0] ? ctl_json_text(request->denied_by) : json_null());
                if (!item || json_array_append_new(actions, item) < 0)
                        return NULL;
        }
        return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:O}", "source", decision_source_to_name(decision->source),
                         "rule", decision->rule_id, "mode", policy_mode_to_name(decision->mode), "reason",
                         decision->reason[0] ? ctl_json_text(decision->reason) : json_null(), "suppressed_by",
                         decision->suppressed_by[0] ? ctl_json_text(decision->suppressed_by) : json_null(),
                         "first_step", (json_int_t) decision->first_step + 1, "actions", actions);
}

void decision_texts_clear(DecisionTexts *texts) {
        while (texts->n_items > 0)
                free(texts->items[--texts->n_items]);
        free(texts->items);
        *texts = (DecisionTexts) {};
}

static int texts_append(DecisionTexts *texts, const Decision *decision) {
        _cleanup_(free_at) char *text = policy_decision_text(decision);

        if (!text)
                return -ENOMEM;
        if (texts->n_items == texts->n_allocated) {
                size_t n = max_of(2 * texts->n_allocated, (size_t) 4);
                char **items = reallocarray(texts->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                texts->items = items;
                texts->n_allocated = n;
        }
        texts->items[texts->n_items++] = steal_ptr(text);
        return 0;
}

int decision_texts_take(DecisionTexts *texts, json_t *list, Decision *decisions, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = texts_append(texts, decisions + i);
                if (r >= 0 && list && json_array_append_new(list, ctl_policy_decision_json(decisions + i)) < 0)
                        r = -ENOMEM;
                decision_clear(decisions + i);
        }
        return r;
}

int ctl_decide(PolicyStream *stream, const EventExample *example, DecisionTexts *texts, json_t *list) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        size_t n;
        int r;

        r = policy_stream_decide(stream, example, decisions, &n);
        return r < 0 ? r : decision_texts_take(texts, list, decisions, n);
}

int ctl_decide_due(PolicyStream *stream, const EventExample *until, DecisionTexts *texts, json_t *list) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        const Deferred *waited;
        uint64_t after_usec;
        size_t n;
        int r;

        while ((r = policy_stream_due(stream, until, decisions, &n, &waited, &after_usec)) > 0) {
                r = decision_texts_take(texts, list, decisions, n);
                if (r < 0)
                        return r;
        }
        return r;
}

int ctl_events_each(CtlEvents *events, int (*each)(const EventExample *example, void *userdata), void *userdata) {
        _cleanup_(zone_free_at) Zone *machine = NULL;
        uint64_t now_usec = clock_realtime_usec();
        int r;

        /* Without it, "now" is a time of UTC, and is called that. */
        r = zone_new_machine(&machine);
        if (r < 0)
                ctl_complain(NULL, "cannot read this machine's time zone: %s", strerror(-r));

        r = 0;
        for (const YamlNode *node = events->first; node && r >= 0; node = node->next) {
                EventExample example = {};

                r = event_example_read(node, NULL, &events->problems, &example);
                event_example_set_now(&example, now_usec, machine);
                if (r >= 0)
                        r = each(&example, userdata);
                event_example_clear(&example);
        }
        policy_problems_print(&events->problems, stderr);
        return r;
}

CtlExit ctl_decide_failed(int error) {
        /* What is wrong with the input was said where it stands. */
        if (error == -EINVAL)
                return CTL_EXIT_USAGE;
        ctl_complain(NULL, "cannot decide: %s", strerror(-error));
        return CTL_EXIT_FAILED;
}
