/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Releasing, comparing and showing rules as they were written.
 */
#include "policy/rule-source.h"

#include <inttypes.h>
#include <string.h>

#include "src/basic/text.h"

static const char *const on_unknown_names[] = {
        [ON_UNKNOWN_SKIP] = "skip",
        [ON_UNKNOWN_MATCH] = "match",
};
DEFINE_NAMES(on_unknown, OnUnknown)

static const char *const policy_baseline_names[] = {
        [BASELINE_AUTOFSCK] = "autofsck",
        [BASELINE_OFF] = "off",
};
DEFINE_NAMES(policy_baseline, PolicyBaseline)

static const char *const patrol_mode_names[] = {
        [PATROL_OFF] = "off",
        [PATROL_AT_MOUNT] = "at-mount",
        [PATROL_CONTINUOUS] = "continuous",
};
DEFINE_NAMES(patrol_mode, PatrolMode)

void condition_clear(Condition *condition) {
        for (size_t i = 0; i < condition->n_children; i++)
                condition_clear(&condition->children[i]);
        free(condition->children);
        (void) pattern_free(condition->pattern);
        *condition = (Condition) {};
}

static bool pattern_equal(const Pattern *a, const Pattern *b) {
        return pattern_kind(a) == pattern_kind(b) && strcmp(pattern_text(a), pattern_text(b)) == 0;
}

static bool test_equal(const Condition *a, const Condition *b) {
        if (a->key != b->key || a->test != b->test)
                return false;

        switch (a->test) {
        case TEST_MASK:
                return a->mask == b->mask;
        case TEST_RANGE:
                return a->min == b->min && a->max == b->max;
        case TEST_PATTERN:
        case TEST_WINDOW:
                return pattern_equal(a->pattern, b->pattern);
        }

        return false;
}

bool condition_equal(const Condition *a, const Condition *b) {
        if (a->kind != b->kind || a->n_children != b->n_children)
                return false;
        if (a->kind == CONDITION_TEST)
                return test_equal(a, b);

        for (size_t i = 0; i < a->n_children; i++)
                if (!condition_equal(&a->children[i], &b->children[i]))
                        return false;

        return true;
}

static void print_words(const Condition *condition, FILE *stream) {
        bool is_several = condition->mask & (condition->mask - 1);
        const char *separator = "";

        if (is_several)
                fputc('[', stream);
        for (unsigned i = 0; i < condition->key->n_words; i++) {
                const char *word = condition->key->word(i);
                bool was_printed = false;

                if (!word || !(condition->mask & (UINT64_C(1) << i)))
                        continue;
                /* One word may stand for several values. */
                for (unsigned k = 0; k < i; k++)
                        if ((condition->mask & (UINT64_C(1) << k)) && text_equal(condition->key->word(k), word))
                                was_printed = true;
                if (was_printed)
                        continue;
                fprintf(stream, "%s%s", separator, word);
                separator = ", ";
        }
        if (is_several)
                fputc(']', stream);
}

static void print_range(const Condition *condition, FILE *stream) {
        if (condition->key->type == VALUE_ERRNO)
                fputs(errno_to_name((int) condition->min) ?: "?", stream);
        else if (condition->min == condition->max)
                fprintf(stream, "%" PRIu64, condition->min);
        else if (condition->min == 0)
                fprintf(stream, "{at-most: %" PRIu64 "}", condition->max);
        else
                fprintf(stream, "{at-least: %" PRIu64 "}", condition->min);
}

/* As YAML wants it: single quotes are doubled inside; what is no text for people needs double ones. */
void policy_print_quoted(const char *text, FILE *stream) {
        bool is_plain = true;

        for (const char *c = text; *c; c++)
                is_plain = is_plain && (unsigned char) *c >= ' ' && *c != 0x7f;
        fputc(is_plain ? '\'' : '"', stream);
        for (; *text; text++)
                if (is_plain && *text == '\'')
                        fputs("''", stream);
                else if (is_plain || ((unsigned char) *text >= ' ' && *text != 0x7f && *text != '"' && *text != '\\'))
                        fputc(*text, stream);
                else
                        fprintf(stream, "\\x%02x", (unsigned char) *text);
        fputc(is_plain ? '\'' : '"', stream);
}

static void print_pattern(const Condition *condition, FILE *stream) {
        static const char *const words[] = {
                [PATTERN_EXACT] = NULL,
                [PATTERN_GLOB] = "glob",
                [PATTERN_UNDER] = "under",
                [PATTERN_REGEX] = "regex",
        };
        const char *word = words[pattern_kind(condition->pattern)];

        if (word)
                fprintf(stream, "{%s: ", word);
        policy_print_quoted(pattern_text(condition->pattern), stream);
        if (word)
                fputc('}', stream);
}

void condition_print_value(const Condition *condition, FILE *stream) {
        switch (condition->test) {
        case TEST_MASK:
                print_words(condition, stream);
                break;
        case TEST_RANGE:
                print_range(condition, stream);
                break;
        case TEST_PATTERN:
        case TEST_WINDOW:
                print_pattern(condition, stream);
                break;
        }
}

static void print_condition(const Condition *condition, FILE *stream) {
        static const char *const words[] = {
                [CONDITION_ALL] = "all-of",
                [CONDITION_ANY] = "any-of",
                [CONDITION_NONE] = "none-of",
        };

        if (condition->kind != CONDITION_TEST) {
                fprintf(stream, "%s: [", words[condition->kind]);
                for (size_t i = 0; i < condition->n_children; i++) {
                        fputs(i > 0 ? ", " : "", stream);
                        print_condition(&condition->children[i], stream);
                }
                fputc(']', stream);
                return;
        }

        fprintf(stream, "%s: ", condition->key->path);
        condition_print_value(condition, stream);
}

char *condition_text(const Condition *condition) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream;

        stream = open_memstream(&text, &length);
        if (!stream)
                return NULL;

        print_condition(condition, stream);
        if (fclose(stream) != 0)
                return NULL;

        return steal_ptr(text);
}

ActionRequest action_request_default(ActionKind kind) {
        return (ActionRequest) {
                .kind = kind,
                .severity = SEVERITY_WARNING,
                .timeout_usec = USEC_INFINITY,
                .n_retries = ACTION_RETRIES_DEFAULT,
                .backoff_min_usec = ACTION_BACKOFF_MIN_USEC,
                .backoff_max_usec = ACTION_BACKOFF_MAX_USEC,
                .scrub_repair = SCRUB_REPAIR_NEVER,
                .verify_space = VERIFY_SPACE_USED,
                .expires_usec = ACTION_EXPIRES_DEFAULT_USEC,
        };
}

bool action_scope_default(ActionKind kind, WorkloadScope *ret_scope) {
        if (kind != ACTION_FAIL_WORKLOAD && kind != ACTION_FREEZE && kind != ACTION_RECYCLE)
                return false;

        *ret_scope = workload_scope_default(kind == ACTION_FREEZE ? HOW_FREEZE : HOW_STOP);
        /* Nobody can be left on what is unmounted. */
        if (kind == ACTION_RECYCLE) {
                ret_scope->max = WORKLOADS_MAX_LIMIT;
                ret_scope->is_large_confirmed = true;
        }
        return true;
}

void rule_source_clear(RuleSource *rule) {
        condition_clear(&rule->match);
        for (size_t i = 0; i < rule->n_steps; i++)
                action_request_clear(&rule->steps[i].request);
        free(rule->steps);
        *rule = (RuleSource) {};
}

void policy_source_clear(PolicySource *source) {
        for (size_t i = 0; i < source->n_rules; i++)
                rule_source_clear(&source->rules[i]);
        for (size_t i = 0; i < source->n_protects; i++)
                condition_clear(&source->protects[i].match);
        free(source->rules);
        free(source->protects);
        free(source->disabled);
        free(source->windows);
        for (size_t i = 0; i < source->n_routes; i++)
                free(source->routes[i].unit);
        free(source->routes);
        for (size_t i = 0; i < source->n_schedules; i++)
                rule_source_clear(&source->schedules[i].rule);
        free(source->schedules);
        free(source->permit.unit);
        *source = (PolicySource) {};
}
