/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of whole rules: what would be dangerous is an error, what is merely useless a warning.
 */
#include "policy/policy-check.h"

#include <string.h>

/* 64-bit FNV-1a: only to find equal matches quickly, equality is checked afterwards. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t length) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < length; i++)
                hash = (hash ^ bytes[i]) * HASH_PRIME;
        return hash;
}

static uint64_t hash_number(uint64_t hash, uint64_t number) {
        return hash_bytes(hash, &number, sizeof(number));
}

static uint64_t condition_hash(uint64_t hash, const Condition *condition) {
        hash = hash_number(hash, condition->kind);
        if (condition->kind != CONDITION_TEST) {
                hash = hash_number(hash, condition->n_children);
                for (size_t i = 0; i < condition->n_children; i++)
                        hash = condition_hash(hash, &condition->children[i]);
                return hash;
        }

        hash = hash_number(hash, match_key_index(condition->key));
        switch (condition->test) {
        case TEST_MASK:
                return hash_number(hash, condition->mask);
        case TEST_RANGE:
                return hash_number(hash_number(hash, condition->min), condition->max);
        case TEST_PATTERN:
        case TEST_WINDOW:
                hash = hash_number(hash, pattern_kind(condition->pattern));
                return hash_bytes(hash, pattern_text(condition->pattern), strlen(pattern_text(condition->pattern)));
        }

        return hash;
}

/* A test of the event that names a result, not counting what is ruled out by none-of and not. */
static const Condition *find_result_test(const Condition *condition, EventKind *ret_kind) {
        const Condition *found = NULL;

        if (condition->kind == CONDITION_TEST) {
                if (strcmp(condition->key->path, "event") != 0)
                        return NULL;
                for (unsigned i = 0; i < N_EVENT_KINDS; i++)
                        if (event_kind_is_result((EventKind) i) && (condition->mask & (UINT64_C(1) << i))) {
                                *ret_kind = (EventKind) i;
                                return condition;
                        }
                return NULL;
        }
        if (condition->kind == CONDITION_NONE)
                return NULL;

        for (size_t i = 0; i < condition->n_children && !found; i++)
                found = find_result_test(&condition->children[i], ret_kind);
        return found;
}

/* Does the match say anything about what happened, not only about where and when? */
static bool names_happening(const Condition *condition) {
        if (condition->kind == CONDITION_TEST)
                return !strchr(condition->key->path, '.') && condition->test != TEST_WINDOW;

        for (size_t i = 0; i < condition->n_children; i++)
                if (names_happening(&condition->children[i]))
                        return true;
        return false;
}

static void check_acting_rule(const PolicyRule *rule, PolicyProblems *problems) {
        const RuleSource *source = &rule->source;
        const Condition *test;
        EventKind kind;

        test = find_result_test(&source->match, &kind);
        if (test)
                policy_error(problems, test->position,
                             "rule \"%s\" acts on \"%s\", a result of an action: only log, notify and condition may "
                             "follow results",
                             source->id, event_kind_to_name(kind));
        else if (rule->events == 0)
                policy_warning(problems, source->match.position,
                               "rule \"%s\" can never be taken: no event that one can act on is left", source->id);
        else if (source->match.n_children > 0 && !names_happening(&source->match))
                policy_warning(problems, source->match.position,
                               "rule \"%s\" acts on events of every kind: write \"event: [sick, corrupt]\" or "
                               "what you mean",
                               source->id);
}

/* Does the match say anything but when? */
static bool selects(const Condition *condition) {
        if (condition->kind == CONDITION_TEST)
                return condition->test != TEST_WINDOW;

        for (size_t i = 0; i < condition->n_children; i++)
                if (selects(&condition->children[i]))
                        return true;
        return false;
}

/* What is done to the users of a file needs one. */
static void check_file_users(const PolicyRule *rule, PolicyProblems *problems) {
        static const uint64_t of_files = (UINT64_C(1) << EVENT_SICK) | (UINT64_C(1) << EVENT_CORRUPT) |
                                         (UINT64_C(1) << EVENT_HEALTHY) | (UINT64_C(1) << EVENT_READ_ERROR) |
                                         (UINT64_C(1) << EVENT_WRITE_ERROR) | (UINT64_C(1) << EVENT_DATA_LOST) |
                                         (UINT64_C(1) << EVENT_FILESYSTEM_ERROR) |
                                         (UINT64_C(1) << EVENT_UNRECOGNISED);

        for (size_t i = 0; i < rule->source.n_steps; i++) {
                const StepSource *step = &rule->source.steps[i];

                if (step->request.workloads && step->request.workloads->who == WHO_FILE_USERS && rule->events != 0 &&
                    !(rule->events & of_files))
                        policy_error(problems, step->position,
                                     "\"file-users\" are those of a file, and the events of rule \"%s\" name none: "
                                     "write \"who: fs-users\", or match such as data-lost", rule->source.id);
        }
}

static void check_destructive_rule(const PolicyRule *rule, PolicyProblems *problems) {
        static const uint64_t damage = (UINT64_C(1) << EVENT_SICK) | (UINT64_C(1) << EVENT_CORRUPT);
        const RuleSource *source = &rule->source;

        if (source->match.n_children == 0)
                policy_error(problems, source->position,
                             "rule \"%s\" acts on everything: a destructive action needs a \"match\" with at "
                             "least one key",
                             source->id);
        else if (!selects(&source->match))
                policy_error(problems, source->match.position,
                             "rule \"%s\" acts on everything at its time: a destructive action needs another key "
                             "beside \"time\"", source->id);
        if (source->on_unknown == ON_UNKNOWN_MATCH)
                policy_error(problems, source->on_unknown_position,
                             "rule \"%s\" would act on what is unknown: write \"on-unknown: skip\", "
                             "or leave out its destructive actions", source->id);

        for (size_t i = 0; i < source->n_steps; i++)
                if (source->steps[i].request.kind == ACTION_REPAIR && rule->events != 0 && !(rule->events & damage))
                        policy_error(problems, source->steps[i].position,
                                     "\"repair\" needs a damaged structure, and the events of rule \"%s\" name none: "
                                     "match sick or corrupt, or write scrub", source->id);
        check_file_users(rule, problems);
}

typedef struct RuleHash {
        uint64_t hash;
        size_t index;
} RuleHash;

static int compare_hashes(const void *a, const void *b) {
        const RuleHash *left = a, *right = b;

        if (left->hash != right->hash)
                return left->hash < right->hash ? -1 : 1;
        return left->index < right->index ? -1 : left->index > right->index;
}

/* Does what it matches sometimes reach a later rule? */
static bool lets_through(const PolicyRule *rule) {
        const RuleTiming *timing = &rule->source.timing;

        return rule->source.is_continuing || timing->when.count > 0 || timing->lasting_usec > 0 ||
               (timing->cooldown.for_usec > 0 && timing->cooldown.then == COOLDOWN_NEXT);
}

/* Does @earlier take everything that it matches away from @later? */
static bool rule_hides(const PolicyRule *earlier, const PolicyRule *later) {
        if (lets_through(earlier))
                return false;
        /* What only observes hides nothing from what acts. */
        if (earlier->mode == POLICY_MODE_OBSERVE && later->mode == POLICY_MODE_ENFORCE)
                return false;
        return (later->events & ~earlier->events) == 0;
}

static void warn_hidden(const PolicyRule *earlier, const PolicyRule *later, PolicyProblems *problems) {
        policy_warning(problems, later->source.position,
                       "rule \"%s\" is never reached: rule \"%s\" in %s line %u takes every event before it; "
                       "add \"continue: true\" there or change the order", later->source.id, earlier->source.id,
                       policy_problems_file_name(problems, earlier->source.position.file),
                       earlier->source.position.line);
}

static int check_hidden_rules(const Policy *policy, PolicyProblems *problems) {
        _cleanup_(free_at) RuleHash *hashes = NULL;
        const PolicyRule *for_all = NULL;

        hashes = calloc(max_of(policy->n_rules, (size_t) 1), sizeof(*hashes));
        if (!hashes)
                return -ENOMEM;

        for (size_t i = 0; i < policy->n_rules; i++) {
                const PolicyRule *rule = &policy->rules[i];

                hashes[i] = (RuleHash) { condition_hash(HASH_START, &rule->source.match), i };
                if (for_all && rule_hides(for_all, rule))
                        warn_hidden(for_all, rule, problems);
                else if (!for_all && rule->source.match.n_children == 0 && !lets_through(rule))
                        for_all = rule;
        }
        qsort(hashes, policy->n_rules, sizeof(*hashes), compare_hashes);

        for (size_t i = 1; i < policy->n_rules; i++) {
                const PolicyRule *earlier = &policy->rules[hashes[i - 1].index];
                const PolicyRule *later = &policy->rules[hashes[i].index];

                if (hashes[i - 1].hash == hashes[i].hash && later->source.match.n_children > 0 &&
                    rule_hides(earlier, later) && condition_equal(&earlier->source.match, &later->source.match))
                        warn_hidden(earlier, later, problems);
        }
        return 0;
}

static void check_timing(const RuleSource *source, uint64_t events, PolicyProblems *problems) {
        static const uint64_t lasting_events = (UINT64_C(1) << EVENT_SICK) | (UINT64_C(1) << EVENT_CORRUPT);

        if (source->timing.again_usec > 0 && !source->timing.is_escalating)
                policy_error(problems, source->again_position,
                             "\"again\" is for \"escalate\", whose first step it passes over: leave it out of rule "
                             "\"%s\", or write \"cooldown\"", source->id);
        for (size_t i = 0; i < source->n_steps && source->timing.is_escalating; i++)
                if (source->steps[i].request.window[0])
                        policy_error(problems, source->steps[i].window_position,
                                     "rule \"%s\": no step of \"escalate\" can wait for a window, the one after it "
                                     "would, too: leave out \"in\", or write \"do\"", source->id);
        for (size_t i = 0; i < source->n_steps; i++)
                if (!source->steps[i].request.window[0] &&
                    source->steps[i].request.expires_usec != ACTION_EXPIRES_DEFAULT_USEC)
                        policy_error(problems, source->steps[i].position,
                                     "rule \"%s\": \"expires\" says how long to wait for a window: write \"in\" beside "
                                     "it, or leave it out", source->id);
        if (source->timing.lasting_usec > 0 && source->timing.gather.quiet_usec > 0)
                policy_error(problems, source->lasting_position,
                             "rule \"%s\" has both \"for\" and \"gather\": write one of them", source->id);
        if (source->timing.lasting_usec > 0 && (events & ~lasting_events))
                policy_error(problems, source->lasting_position,
                             "rule \"%s\": only damage lasts: with \"for\" match \"event: [sick, corrupt]\", or "
                             "leave it out", source->id);
        if (source->timing.is_escalating && source->stops_on_failure)
                policy_error(problems, source->position,
                             "rule \"%s\": each step of \"escalate\" begins when the one before it failed: leave out "
                             "\"stop-on-failure\"", source->id);
}

int policy_check_rules(const Policy *policy, PolicyProblems *problems) {
        for (size_t i = 0; i < policy->n_rules; i++) {
                const PolicyRule *rule = &policy->rules[i];

                check_timing(&rule->source, rule->events, problems);
                if (rule->is_acting)
                        check_acting_rule(rule, problems);
                if (rule->is_destructive)
                        check_destructive_rule(rule, problems);
        }

        return check_hidden_rules(policy, problems);
}
