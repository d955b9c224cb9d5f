/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `do` and `escalate` lists to steps: names and parameters of actions.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy-parse-value.h"
#include "policy/policy-workloads.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/basic/unit-name.h"
#include "src/model/startable-unit.h"

static const char *action_name_at(unsigned i) {
        return action_kind_to_name((ActionKind) i);
}

static const char *severity_name_at(unsigned i) {
        return severity_to_name((Severity) i);
}

static const char *scrub_repair_name_at(unsigned i) {
        return scrub_repair_to_name((ScrubRepair) i);
}

static const char *verify_space_name_at(unsigned i) {
        return verify_space_to_name((VerifySpace) i);
}

static void replace_text(PolicyParser *parser, const char *text, char **slot) {
        free(*slot);
        *slot = strdup(text);
        parser->problems->out_of_memory |= !*slot;
}

void parse_unit(PolicyParser *parser, const YamlNode *node, const char *name, char **ret_unit) {
        const char *text, *fault;

        if (!parse_text(parser, node, name, &text))
                return;
        if (!unit_name_is_template(text)) {
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write the name of a template, such as 'restore@.service'", name,
                             text);
                return;
        }
        fault = startable_unit_fault(text);
        if (fault) {
                policy_error(parser->problems, node->position, "unit \"%s\" %s: write one of your own", text, fault);
                return;
        }
        replace_text(parser, text, ret_unit);
}

bool parse_action_name(PolicyParser *parser, const YamlNode *node, ActionKind *ret_kind) {
        unsigned value;

        if (!parse_word(parser, node, "action", action_name_at, N_ACTION_KINDS, &value))
                return false;

        *ret_kind = (ActionKind) value;
        return true;
}

static void parse_route_name(PolicyParser *parser, const YamlNode *node, const char *name, StepSource *step) {
        char id[RULE_ID_SIZE];

        if (!parse_id(parser, node, name, id))
                return;
        replace_text(parser, id, &step->request.route);
        step->route_position = node->position;
}

/* It begins the target of a condition, and a blank ends it there. */
static void parse_condition_name(PolicyParser *parser, const YamlNode *node, const char *name, char **ret_name) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
        const char *text;

        if (!parse_text(parser, node, name, &text))
                return;
        if (strlen(text) >= RULE_ID_SIZE || text[0] == '-' || strspn(text, letters) != strlen(text)) {
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write at most %d small letters, digits and dashes, no dash "
                             "first", name, text, RULE_ID_SIZE - 1);
                return;
        }
        replace_text(parser, text, ret_name);
}

/* Also those behind ASCII: terminals know them. */
static bool has_control(const char *text) {
        for (const unsigned char *c = (const unsigned char *) text; *c; c++)
                if (*c < ' ' || *c == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
                        return true;
        return false;
}

static void parse_sentence(PolicyParser *parser, const YamlNode *node, const ActionParameter *parameter,
                           char **ret_text) {
        const char *text;

        if (!parse_text(parser, node, parameter->name, &text))
                return;
        if (node->length > parameter->max)
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be %zu bytes long: write at most %" PRIu64, parameter->name, node->length,
                             parameter->max);
        else if (has_control(text))
                policy_error(parser->problems, node->position,
                             "\"%s\" has a line break or another control character: write one sentence in one line",
                             parameter->name);
        else
                replace_text(parser, text, ret_text);
}

static void parse_bytes(PolicyParser *parser, const YamlNode *node, const ActionParameter *parameter,
                        uint64_t *ret_bytes) {
        char min_text[BYTES_TEXT_SIZE], max_text[BYTES_TEXT_SIZE];
        const char *text;
        uint64_t bytes;

        if (!parse_text(parser, node, parameter->name, &text))
                return;
        if (number_parse_bytes(text, &bytes) < 0 || bytes < parameter->min || bytes > parameter->max)
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write a number of bytes from %s to %s, such as 50M",
                             parameter->name, text, number_format_bytes(parameter->min, min_text),
                             number_format_bytes(parameter->max, max_text));
        else
                *ret_bytes = bytes;
}

static void parse_parameter_value(PolicyParser *parser, const ActionParameter *parameter, const YamlNode *node,
                                  StepSource *step) {
        void *slot = (char *) &step->request + parameter->offset;
        uint64_t *durations = slot;
        unsigned value;
        int64_t count;

        switch (parameter->type) {
        case PARAMETER_DURATION:
                (void) parse_duration(parser, node, parameter->name, parameter->min, parameter->max, durations);
                break;
        case PARAMETER_DURATION_RANGE:
                (void) parse_duration_range(parser, node, parameter->name, parameter->min, parameter->max,
                                            &durations[0], &durations[1]);
                break;
        case PARAMETER_COUNT:
                if (parse_i64(parser, node, parameter->name, (int64_t) parameter->min, (int64_t) parameter->max,
                              &count))
                        *(unsigned *) slot = (unsigned) count;
                break;
        case PARAMETER_SEVERITY:
                if (parse_word(parser, node, parameter->name, severity_name_at, SEVERITY_INFO + 1, &value)) {
                        *(Severity *) slot = (Severity) value;
                        step->has_severity = true;
                }
                break;
        case PARAMETER_SCRUB_REPAIR:
                if (parse_word(parser, node, parameter->name, scrub_repair_name_at, SCRUB_REPAIR_IF_ALLOWED + 1,
                               &value))
                        *(ScrubRepair *) slot = (ScrubRepair) value;
                break;
        case PARAMETER_VERIFY_SPACE:
                if (parse_word(parser, node, parameter->name, verify_space_name_at, VERIFY_SPACE_ALL + 1, &value))
                        *(VerifySpace *) slot = (VerifySpace) value;
                break;
        case PARAMETER_BYTES:
                parse_bytes(parser, node, parameter, slot);
                break;
        case PARAMETER_WINDOW:
                (void) parse_id(parser, node, parameter->name, slot);
                step->window_position = node->position;
                break;
        case PARAMETER_ROUTE:
                parse_route_name(parser, node, parameter->name, step);
                break;
        case PARAMETER_UNIT:
                parse_unit(parser, node, parameter->name, slot);
                break;
        case PARAMETER_NAME:
                parse_condition_name(parser, node, parameter->name, slot);
                break;
        case PARAMETER_SENTENCE:
                parse_sentence(parser, node, parameter, slot);
                break;
        case PARAMETER_WHO:
        case PARAMETER_HOW:
        case PARAMETER_ONLY:
        case PARAMETER_SCOPE_COUNT:
        case PARAMETER_SCOPE_DURATION:
        case PARAMETER_HOLD:
        case PARAMETER_CONFIRM:
        case PARAMETER_TRUTH:
                parse_scope_value(parser, parameter, node, step->request.workloads);
                break;
        }
}

static bool has_parameter(const YamlNode *parameters, const char *name) {
        return parameters && parameters->kind == YAML_KIND_MAP && yaml_map_find(parameters, name);
}

/* @parameters: NULL if the action is a word alone. */
static void check_required(PolicyParser *parser, ActionKind kind, SourcePosition position,
                           const YamlNode *parameters) {
        for (size_t i = 0; i < action_parameter_count(); i++) {
                const ActionParameter *parameter = action_parameter_at(i);

                if (parameter->action == kind && parameter->is_required && !has_parameter(parameters, parameter->name))
                        policy_error(parser->problems, position, "\"%s\" has no \"%s\": write \"%s: {%s: ...}\"",
                                     action_kind_to_name(kind), parameter->name, action_kind_to_name(kind),
                                     parameter->name);
        }
}

static void unknown_parameter(PolicyParser *parser, const YamlNode *entry, ActionKind kind) {
        const char *words[32];
        size_t n = 0;

        for (size_t i = 0; i < action_parameter_count() && n < ELEMENTSOF(words); i++)
                if (action_parameter_at(i)->action == kind)
                        words[n++] = action_parameter_at(i)->name;

        if (n == 0)
                policy_error(parser->problems, entry->position,
                             "unknown parameter \"%s\": \"%s\" has none, leave it out",
                             entry->text, action_kind_to_name(kind));
        else
                parse_unknown_word(parser, entry->position, "parameter", entry->text, words, n);
}

static void parse_parameters(PolicyParser *parser, const YamlNode *node, StepSource *step) {
        const char *name = action_kind_to_name(step->request.kind);

        if (yaml_node_is_null(node)) {
                policy_error(parser->problems, node->position,
                             "\"%s\" has no parameters: write \"%s\" without a colon, or \"%s: {...}\"", name, name,
                             name);
                return;
        }
        if (!parse_kind(parser, node, YAML_KIND_MAP, name))
                return;

        YAML_FOREACH(entry, node) {
                const ActionParameter *parameter = action_parameter_find(step->request.kind, entry->text);

                if (!parameter)
                        unknown_parameter(parser, entry, step->request.kind);
                else
                        parse_parameter_value(parser, parameter, entry->value, step);
        }
        if (step->request.workloads)
                parse_scope_end(parser, node, step->request.workloads);
}

/* Returns false without memory. */
static bool step_begin(PolicyParser *parser, ActionKind kind, SourcePosition position, StepSource *ret_step) {
        WorkloadScope scope;

        *ret_step = (StepSource) { .request = action_request_default(kind), .position = position };
        if (!action_scope_default(kind, &scope))
                return true;
        ret_step->request.workloads = malloc(sizeof(scope));
        if (!ret_step->request.workloads) {
                parser->problems->out_of_memory = true;
                return false;
        }
        *ret_step->request.workloads = scope;
        return true;
}

/* Returns false if there is nothing to add. */
static bool parse_step(PolicyParser *parser, const YamlNode *node, StepSource *ret_step) {
        const YamlNode *name = node;
        ActionKind kind;

        if (node->kind == YAML_KIND_LIST) {
                policy_error(parser->problems, node->position,
                             "an action cannot be a list: write \"log\" or \"repair: {...}\"");
                return false;
        }
        if (node->kind == YAML_KIND_MAP) {
                if (node->n_children != 1) {
                        policy_error(parser->problems, node->position,
                                     "%zu keys in one action: write each action as an element of its own",
                                     node->n_children);
                        return false;
                }
                name = node->first;
        }

        if (!parse_action_name(parser, name, &kind))
                return false;

        if (!step_begin(parser, kind, name->position, ret_step))
                return false;
        if (node->kind == YAML_KIND_MAP)
                parse_parameters(parser, name->value, ret_step);
        check_required(parser, kind, name->position, node->kind == YAML_KIND_MAP ? name->value : NULL);
        return true;
}

int parse_single_step(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        rule->steps = calloc(1, sizeof(*rule->steps));
        if (!rule->steps)
                return -ENOMEM;
        rule->n_steps = parse_step(parser, node, rule->steps);
        return 0;
}

static int parse_list(PolicyParser *parser, const YamlNode *node, const char *name, RuleSource *rule) {
        /* Of both, which was reported, the first is read. */
        if (rule->steps || !parse_kind(parser, node, YAML_KIND_LIST, name))
                return 0;
        if (node->n_children == 0)
                policy_error(parser->problems, node->position,
                             "empty list for \"%s\": write at least one action, such as [log]", name);
        if (node->n_children > DECISION_ACTIONS_MAX) {
                policy_error(parser->problems, node->position, "%zu actions in one \"%s\": write at most %d",
                             node->n_children, name, DECISION_ACTIONS_MAX);
                return 0;
        }

        rule->steps = calloc(max_of(node->n_children, (size_t) 1), sizeof(*rule->steps));
        if (!rule->steps)
                return -ENOMEM;

        YAML_FOREACH(item, node)
                if (parse_step(parser, item, &rule->steps[rule->n_steps]))
                        rule->n_steps++;

        return 0;
}

int parse_steps(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        return parse_list(parser, node, "do", rule);
}

int parse_escalation(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        rule->timing.is_escalating = true;
        if (rule->timing.again_usec == 0)
                rule->timing.again_usec = RULE_AGAIN_DEFAULT_USEC;
        return parse_list(parser, node, "escalate", rule);
}
