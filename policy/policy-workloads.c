/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of parameters says where each value lies; what it may be stands here.
 */
#include "policy/policy-workloads.h"

#include <string.h>

#include "src/basic/duration.h"
#include "src/basic/text.h"

#define UNTIL_CLEAR "until-clear"

/* Types of units that hold processes. */
static const char *const unit_types[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

static const char *who_name_at(unsigned i) {
        return workload_who_to_name((WorkloadWho) i);
}

static const char *how_name_at(unsigned i) {
        return workload_how_to_name((WorkloadHow) i);
}

static const char *confirm_name_at(_unused_ unsigned i) {
        return "large";
}

bool parameter_is_of_scope(const ActionParameter *parameter) {
        return parameter->type >= PARAMETER_WHO;
}

/* Reading */

static bool is_unit_that_exists(const char *pattern) {
        for (size_t i = 0; i < ELEMENTSOF(unit_types); i++)
                if (text_ends_with(pattern, unit_types[i]) && strlen(pattern) > strlen(unit_types[i]))
                        return true;
        return false;
}

/* What would never be found is a slip. */
static bool check_pattern(PolicyParser *parser, const YamlNode *node, WorkloadKey key, const char *pattern) {
        if (!workload_pattern_is_exact(pattern))
                return true;
        if (key == WORKLOAD_KEY_UNIT && !is_unit_that_exists(pattern)) {
                policy_error(parser->problems, node->position,
                             "\"unit\" cannot be \"%s\": write its whole name, such as '%.32s.service'", pattern,
                             pattern);
                return false;
        }
        if (key == WORKLOAD_KEY_SLICE && !text_ends_with(pattern, ".slice")) {
                policy_error(parser->problems, node->position,
                             "\"slice\" cannot be \"%s\": write its whole name, such as '%.32s.slice'", pattern,
                             pattern);
                return false;
        }
        return true;
}

static void parse_pattern(PolicyParser *parser, const YamlNode *node, WorkloadKey key, WorkloadScope *scope) {
        const char *name = workload_key_to_name(key), *text;
        int r;

        if (!parse_text(parser, node, name, &text) || !check_pattern(parser, node, key, text))
                return;
        r = strlen(text) < node->length ? -EINVAL : workload_scope_add_only(scope, key, text);
        if (r == -ENOBUFS)
                policy_error(parser->problems, node->position,
                             "too much for \"%s\": all of its patterns together can be %d bytes long, write globs",
                             name, WORKLOAD_ONLY_SIZE - 1);
        else if (r < 0)
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": no name has a slash or a line break, write a name, a glob or %s",
                             name, text, WORKLOAD_ANY);
}

static void parse_only_key(PolicyParser *parser, const YamlNode *entry, WorkloadScope *scope) {
        const char *words[N_WORKLOAD_KEYS];
        WorkloadKey key;

        for (unsigned i = 0; i < N_WORKLOAD_KEYS; i++)
                words[i] = workload_key_to_name((WorkloadKey) i);
        if (workload_key_from_name(entry->text, &key) < 0) {
                parse_unknown_word(parser, entry->position, "key of \"only\"", entry->text, words, ELEMENTSOF(words));
                return;
        }
        if (entry->value->kind != YAML_KIND_LIST) {
                parse_pattern(parser, entry->value, key, scope);
                return;
        }
        if (entry->value->n_children == 0)
                policy_error(parser->problems, entry->value->position,
                             "empty list for \"%s\": write at least one name", entry->text);
        YAML_FOREACH(item, entry->value)
                parse_pattern(parser, item, key, scope);
}

static void parse_only(PolicyParser *parser, const YamlNode *node, WorkloadScope *scope) {
        if (!parse_kind(parser, node, YAML_KIND_MAP, "only"))
                return;
        if (node->n_children == 0)
                policy_error(parser->problems, node->position,
                             "empty map for \"only\": write at least one key, such as "
                             "\"only: {unit: 'db@*.service'}\"");
        YAML_FOREACH(entry, node)
                parse_only_key(parser, entry, scope);
}

static void parse_byte_word(PolicyParser *parser, const YamlNode *node, const char *name,
                            const char *(*to_name)(unsigned i), unsigned n_words, uint8_t *ret_value) {
        unsigned value;

        if (parse_word(parser, node, name, to_name, n_words, &value))
                *ret_value = (uint8_t) value;
}

static void parse_hold(PolicyParser *parser, const YamlNode *node, const ActionParameter *parameter,
                       uint64_t *ret_usec) {
        if (node->kind == YAML_KIND_SCALAR && text_equal(node->text, UNTIL_CLEAR))
                *ret_usec = WORKLOAD_HOLD_UNTIL_CLEAR;
        else if (node->kind == YAML_KIND_SCALAR && text_distance(node->text, UNTIL_CLEAR) <= 3)
                policy_error(parser->problems, node->position, "unknown %s \"%s\": did you mean \"%s\"?",
                             parameter->name, node->text, UNTIL_CLEAR);
        else
                (void) parse_duration(parser, node, parameter->name, parameter->min, parameter->max, ret_usec);
}

void parse_scope_value(PolicyParser *parser, const ActionParameter *parameter, const YamlNode *node,
                       WorkloadScope *scope) {
        void *slot = (char *) scope + parameter->offset;
        int64_t count;
        bool truth;

        if (parameter->type == PARAMETER_WHO)
                parse_byte_word(parser, node, parameter->name, who_name_at, N_WORKLOAD_WHOS, slot);
        else if (parameter->type == PARAMETER_HOW)
                parse_byte_word(parser, node, parameter->name, how_name_at, HOW_FAIL + 1, slot);
        else if (parameter->type == PARAMETER_ONLY)
                parse_only(parser, node, scope);
        else if (parameter->type == PARAMETER_SCOPE_DURATION)
                (void) parse_duration(parser, node, parameter->name, parameter->min, parameter->max, slot);
        else if (parameter->type == PARAMETER_HOLD)
                parse_hold(parser, node, parameter, slot);
        else if (parameter->type == PARAMETER_CONFIRM) {
                unsigned value;

                if (parse_word(parser, node, parameter->name, confirm_name_at, 1, &value))
                        *(uint8_t *) slot = true;
        } else if (parameter->type == PARAMETER_TRUTH) {
                if (parse_bool(parser, node, parameter->name, &truth))
                        *(uint8_t *) slot = truth;
        } else if (parse_i64(parser, node, parameter->name, (int64_t) parameter->min, (int64_t) parameter->max, &count))
                *(uint32_t *) slot = (uint32_t) count;
}

static int stop_at_glob(const char *pattern, _unused_ void *userdata) {
        return workload_pattern_is_exact(pattern) ? 0 : -EINVAL;
}

void parse_scope_end(PolicyParser *parser, const YamlNode *parameters, WorkloadScope *scope) {
        const YamlNode *unused = yaml_map_find(parameters, "even-if-unused");

        /* Who is killed is not asked first unless the rule says so. */
        if (!yaml_map_find(parameters, "term"))
                scope->term_usec = workload_scope_default((WorkloadHow) scope->how).term_usec;
        if (scope->even_if_unused &&
            (!scope->only[WORKLOAD_KEY_UNIT][0] ||
             workload_scope_each_only(scope, WORKLOAD_KEY_UNIT, stop_at_glob, NULL) < 0))
                policy_error(parser->problems, unused ? unused->position : parameters->position,
                             "\"even-if-unused\" is for units that are named one by one: write "
                             "\"only: {unit: [db.service]}\" without globs, or leave it out");
}

/* Showing */

bool scope_value_is_default(const ActionParameter *parameter, const WorkloadScope *scope) {
        const char *here = (const char *) scope + parameter->offset, *there;
        WorkloadScope usual = {};

        (void) action_scope_default(parameter->action, &usual);
        usual.term_usec = workload_scope_default((WorkloadHow) scope->how).term_usec;
        there = (const char *) &usual + parameter->offset;

        if (parameter->type == PARAMETER_ONLY) {
                for (size_t i = 0; i < N_WORKLOAD_KEYS; i++)
                        if (scope->only[i][0])
                                return false;
                return true;
        }
        if (parameter->type == PARAMETER_SCOPE_DURATION || parameter->type == PARAMETER_HOLD)
                return *(const uint64_t *) here == *(const uint64_t *) there;
        if (parameter->type == PARAMETER_SCOPE_COUNT)
                return *(const uint32_t *) here == *(const uint32_t *) there;
        return !parameter->is_required && *here == *there;
}

typedef struct PatternPrinter {
        FILE *stream;
        unsigned n;
} PatternPrinter;

static int print_pattern(const char *pattern, void *userdata) {
        PatternPrinter *printer = userdata;

        fputs(printer->n++ > 0 ? ", " : "", printer->stream);
        if (text_equal(pattern, WORKLOAD_ANY))
                fputs(pattern, printer->stream);
        else
                policy_print_quoted(pattern, printer->stream);
        return 0;
}

static void print_only(const WorkloadScope *scope, FILE *stream) {
        const char *separator = "{";

        for (unsigned i = 0; i < N_WORKLOAD_KEYS; i++) {
                PatternPrinter printer = { .stream = stream };
                bool is_list = strchr(scope->only[i], '\n');

                if (!scope->only[i][0])
                        continue;
                fprintf(stream, "%s%s: %s", separator, workload_key_to_name((WorkloadKey) i), is_list ? "[" : "");
                (void) workload_scope_each_only(scope, (WorkloadKey) i, print_pattern, &printer);
                fputs(is_list ? "]" : "", stream);
                separator = ", ";
        }
        fputc('}', stream);
}

void scope_print_value(const ActionParameter *parameter, const WorkloadScope *scope, FILE *stream) {
        const void *slot = (const char *) scope + parameter->offset;
        char text[DURATION_TEXT_SIZE];

        if (parameter->type == PARAMETER_WHO)
                fputs(workload_who_to_name((WorkloadWho) scope->who), stream);
        else if (parameter->type == PARAMETER_HOW)
                fputs(workload_how_to_name((WorkloadHow) scope->how), stream);
        else if (parameter->type == PARAMETER_ONLY)
                print_only(scope, stream);
        else if (parameter->type == PARAMETER_SCOPE_COUNT)
                fprintf(stream, "%u", *(const uint32_t *) slot);
        else if (parameter->type == PARAMETER_CONFIRM)
                fputs(confirm_name_at(0), stream);
        else if (parameter->type == PARAMETER_TRUTH)
                fputs(*(const uint8_t *) slot ? "true" : "false", stream);
        else if (parameter->type == PARAMETER_HOLD && *(const uint64_t *) slot == WORKLOAD_HOLD_UNTIL_CLEAR)
                fputs(UNTIL_CLEAR, stream);
        else
                fputs(duration_format(*(const uint64_t *) slot, text), stream);
}

void scope_explain(ActionKind kind, const WorkloadScope *scope, FILE *stream) {
        for (size_t i = 0; i < action_parameter_count(); i++) {
                const ActionParameter *parameter = action_parameter_at(i);

                if (parameter->action != kind || !parameter_is_of_scope(parameter) ||
                    scope_value_is_default(parameter, scope))
                        continue;
                fprintf(stream, " %s ", parameter->name);
                scope_print_value(parameter, scope, stream);
        }
}
