/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at rules as wholes, puts them in order and sorts them by the kinds of events they can be
 * taken for.
 */
#include "policy/policy-compile.h"

#include <string.h>

#include "policy/policy-check.h"
#include "policy/policy-rules.h"
#include "policy/policy-routes.h"
#include "policy/policy-schedules.h"
#include "policy/policy-windows.h"
#include "policy/rule-index.h"
#include "src/basic/text.h"

#define EVENT_BIT(kind) (UINT64_C(1) << (kind))
#define ALL_EVENTS ((UINT64_C(1) << N_EVENT_KINDS) - 1)

Policy *policy_ref(Policy *policy) {
        policy->n_references++;
        return policy;
}

Policy *policy_unref(Policy *policy) {
        if (!policy || --policy->n_references > 0)
                return NULL;

        for (size_t i = 0; i < policy->n_rules; i++)
                rule_source_clear(&policy->rules[i].source);
        for (size_t i = 0; i < policy->n_protects; i++)
                condition_clear(&policy->protects[i].match);
        rule_index_free(policy->index);
        free(policy->counting);
        for (size_t i = 0; i < policy->n_files; i++)
                free(policy->files[i]);
        free(policy->rules);
        free(policy->protects);
        free(policy->windows);
        for (size_t i = 0; i < policy->n_routes; i++)
                free(policy->routes[i].unit);
        free(policy->routes);
        for (size_t i = 0; i < policy->n_schedules; i++)
                schedule_source_clear(&policy->schedules[i]);
        free(policy->schedules);
        free(policy->schedule_rules);
        free(policy->permit.unit);
        free(policy->files);
        free(policy->sources);
        free(policy);
        return NULL;
}

uint64_t policy_generation(const Policy *policy) {
        return policy->generation;
}

const char *policy_hash(const Policy *policy) {
        return policy->hash;
}

PolicyMode policy_mode(const Policy *policy) {
        return policy->mode;
}

PolicyBaseline policy_baseline(const Policy *policy) {
        return policy->baseline;
}

const PatrolPolicy *policy_patrol(const Policy *policy) {
        return &policy->patrol;
}

const PermitSource *policy_permit(const Policy *policy) {
        return policy->permit.unit ? &policy->permit : NULL;
}

const PolicyLimits *policy_limits(const Policy *policy) {
        return &policy->limits;
}

size_t policy_n_rules(const Policy *policy) {
        return policy->n_rules;
}

const PolicyRule *policy_find_rule(const Policy *policy, const char *id) {
        for (size_t i = 0; id && id[0] && i < policy->n_rules; i++)
                if (strcmp(policy->rules[i].source.id, id) == 0)
                        return policy->rules + i;
        return NULL;
}

bool policy_has_windows(const Policy *policy) {
        return policy->n_windows > 0;
}

const char *const *policy_sources(const Policy *policy) {
        return (const char *const *) policy->sources;
}

bool policy_needs_fact(const Policy *policy, EventKind kind, PolicyFact fact) {
        return policy->facts[kind] & (UINT32_C(1) << fact);
}

bool policy_call_needs_fact(const Policy *policy, PolicyFact fact) {
        return policy->call_facts & (UINT32_C(1) << fact);
}

/* The kinds that tests joined by and leave. Tests deeper inside only narrow further. */
static uint64_t match_events(const Condition *match) {
        uint64_t events = ALL_EVENTS;

        for (size_t i = 0; i < match->n_children; i++) {
                const Condition *child = &match->children[i];

                if (child->kind == CONDITION_TEST && strcmp(child->key->path, "event") == 0)
                        events &= child->mask;
        }

        return events;
}

/* Results of ours may only be told about, and nothing can be done to what is not mounted any more. */
static uint64_t never_acted_on(void) {
        uint64_t events = EVENT_BIT(EVENT_UNMOUNTED);

        for (unsigned i = 0; i < N_EVENT_KINDS; i++)
                if (event_kind_is_result((EventKind) i))
                        events |= EVENT_BIT(i);

        return events;
}

static const Condition *find_settable(const Condition *condition) {
        const Condition *found = NULL;

        if (condition->kind == CONDITION_TEST)
                return condition->key->is_settable_by_user ? condition : NULL;

        for (size_t i = 0; i < condition->n_children && !found; i++)
                found = find_settable(&condition->children[i]);
        return found;
}

/* "fs.removable: true" joined by and: the author knows. */
static bool names_removable(const Condition *match) {
        for (size_t i = 0; i < match->n_children; i++) {
                const Condition *child = &match->children[i];

                if (child->kind == CONDITION_TEST && strcmp(child->key->path, "fs.removable") == 0 &&
                    child->mask == UINT64_C(1) << true)
                        return true;
        }

        return false;
}

static uint32_t condition_facts(const Condition *condition) {
        uint32_t facts = 0;

        if (condition->kind == CONDITION_TEST)
                return UINT32_C(1) << condition->key->fact;

        for (size_t i = 0; i < condition->n_children; i++)
                facts |= condition_facts(&condition->children[i]);
        return facts;
}

static bool is_per_unit(const RuleTiming *timing) {
        unsigned parts = 0;

        if (timing->when.count > 0)
                parts |= timing->when.per;
        if (timing->cooldown.for_usec > 0)
                parts |= timing->cooldown.per;
        if (timing->gather.quiet_usec > 0)
                parts |= timing->gather.per;
        return parts & EVENT_PART_BIT(EVENT_PART_UNIT);
}

static void prepare_rule(PolicyRule *rule, PolicyMode mode) {
        const RuleSource *source = &rule->source;

        for (size_t i = 0; i < source->n_steps; i++) {
                ActionKind kind = source->steps[i].request.kind;

                rule->is_acting |= !action_word_of(kind)->is_telling;
                rule->is_destructive |= action_kind_is_destructive(kind);
        }

        rule->has_timing = source->timing.when.count > 0 || source->timing.cooldown.for_usec > 0 ||
                           source->timing.lasting_usec > 0;
        rule->mode = source->has_mode ? source->mode : mode;
        rule->events = match_events(&source->match);
        if (rule->is_acting)
                rule->events &= ~never_acted_on();
        rule->names_workloads = condition_facts(&source->match) & (UINT32_C(1) << POLICY_FACT_WORKLOAD);
        rule->is_per_unit = is_per_unit(&source->timing);
        rule->guard = find_settable(&source->match);
        rule->is_guarded = rule->guard && !names_removable(&source->match);
}

/* What has to be remembered beyond an event. */
static int collect_timing(Policy *policy) {
        policy->counting = calloc(max_of(policy->n_rules, (size_t) 1), sizeof(*policy->counting));
        if (!policy->counting)
                return -ENOMEM;

        policy->has_timing = policy->limits.actions.within_usec > 0 || policy->limits.workloads.within_usec > 0 ||
                             policy->brake.n_filesystems > 0;
        for (size_t i = 0; i < policy->n_rules; i++) {
                const RuleTiming *timing = &policy->rules[i].source.timing;

                policy->has_timing |= policy->rules[i].has_timing || timing->is_escalating ||
                                      timing->actions.within_usec > 0 || timing->workloads.within_usec > 0;
                if (timing->when.count > 0)
                        policy->counting[policy->n_counting++] = (uint16_t) i;
        }
        return 0;
}

static uint32_t rule_facts(const PolicyRule *rule) {
        uint32_t facts = condition_facts(&rule->source.match);

        if (rule->is_per_unit)
                facts |= UINT32_C(1) << POLICY_FACT_WORKLOAD;
        for (size_t i = 0; i < rule->source.n_steps; i++)
                if (action_word_of(rule->source.steps[i].request.kind)->level > AUTOFSCK_LEVEL_REPORT &&
                    !rule->source.ignores_autofsck)
                        facts |= UINT32_C(1) << POLICY_FACT_AUTOFSCK;
        return facts;
}

static void collect_facts(Policy *policy) {
        static const EventKind baseline_kinds[] = { EVENT_SICK, EVENT_CORRUPT, EVENT_EVENTS_LOST };

        for (size_t i = 0; i < policy->n_protects; i++)
                policy->call_facts |= condition_facts(&policy->protects[i].match);

        for (unsigned kind = 0; kind < N_EVENT_KINDS; kind++) {
                policy->facts[kind] = policy->call_facts;
                /* Nobody is looked for to protect what nothing is done to anyway. */
                if (never_acted_on() & EVENT_BIT(kind))
                        policy->facts[kind] &= ~(UINT32_C(1) << POLICY_FACT_WORKLOAD);
                for (size_t i = 0; i < policy->n_rules; i++)
                        if (policy->rules[i].events & EVENT_BIT(kind))
                                policy->facts[kind] |= rule_facts(&policy->rules[i]);
        }
        if (policy->baseline == BASELINE_AUTOFSCK)
                for (size_t i = 0; i < ELEMENTSOF(baseline_kinds); i++)
                        policy->facts[baseline_kinds[i]] |= UINT32_C(1) << POLICY_FACT_AUTOFSCK;
        if (policy->n_schedules > 0)
                policy->facts[EVENT_CHECK_DUE] |= UINT32_C(1) << POLICY_FACT_AUTOFSCK;
}

typedef struct RuleOrder {
        int64_t priority;
        size_t index;                   /* file and place */
} RuleOrder;

static int compare_order(const void *a, const void *b) {
        const RuleOrder *left = a, *right = b;

        if (left->priority != right->priority)
                return left->priority > right->priority ? -1 : 1;
        return left->index < right->index ? -1 : left->index > right->index;
}

/* Moves the rules out of the source, in the order they are looked at. */
static int take_rules(Policy *policy, PolicySource *source) {
        _cleanup_(free_at) RuleOrder *order = NULL;

        order = calloc(max_of(source->n_rules, (size_t) 1), sizeof(*order));
        policy->rules = calloc(max_of(source->n_rules, (size_t) 1), sizeof(*policy->rules));
        if (!order || !policy->rules)
                return -ENOMEM;

        for (size_t i = 0; i < source->n_rules; i++)
                order[i] = (RuleOrder) { source->rules[i].priority, i };
        qsort(order, source->n_rules, sizeof(*order), compare_order);

        for (size_t i = 0; i < source->n_rules; i++) {
                policy->rules[i].source = source->rules[order[i].index];
                source->rules[order[i].index] = (RuleSource) {};
                prepare_rule(&policy->rules[i], policy->mode);
        }
        policy->n_rules = source->n_rules;
        return 0;
}

/* What a schedule does is bounded as if a rule did it. */
static int take_schedules(Policy *policy, PolicySource *source) {
        policy->schedules = steal_ptr(source->schedules);
        policy->n_schedules = source->n_schedules;
        source->n_schedules = 0;
        policy->schedule_rules = calloc(max_of(policy->n_schedules, (size_t) 1), sizeof(*policy->schedule_rules));
        if (!policy->schedule_rules)
                return -ENOMEM;
        for (size_t i = 0; i < policy->n_schedules; i++) {
                policy->schedule_rules[i].source = policy->schedules[i].rule;
                prepare_rule(&policy->schedule_rules[i], policy->mode);
        }
        return 0;
}

static int copy_files(Policy *policy, const PolicyProblems *problems) {
        size_t n_sources = 0;

        policy->files = calloc(max_of(problems->n_files, (size_t) 1), sizeof(*policy->files));
        policy->sources = calloc(problems->n_files + 1, sizeof(*policy->sources));
        if (!policy->files || !policy->sources)
                return -ENOMEM;

        for (size_t i = 0; i < problems->n_files; i++) {
                policy->files[i] = strdup(problems->files[i].name);
                if (!policy->files[i])
                        return -ENOMEM;
                policy->n_files++;
                if (problems->files[i].text)
                        policy->sources[n_sources++] = policy->files[i];
        }

        return 0;
}

static int compile(Policy *policy, PolicySource *source, PolicyProblems *problems) {
        int r;

        if (source->n_rules > POLICY_RULES_MAX || source->n_protects > POLICY_PROTECTS_MAX ||
            source->n_windows > POLICY_WINDOWS_MAX || source->n_schedules > POLICY_SCHEDULES_MAX) {
                policy_error(problems, ((SourcePosition) {}),
                             "%zu rules, %zu protections, %zu windows and %zu schedules in all files together: use at "
                             "most %d, %d, %d and %d", source->n_rules, source->n_protects, source->n_windows,
                             source->n_schedules, POLICY_RULES_MAX, POLICY_PROTECTS_MAX, POLICY_WINDOWS_MAX,
                             POLICY_SCHEDULES_MAX);
                return -EINVAL;
        }

        policy->mode = source->has_mode ? source->mode : POLICY_MODE_ENFORCE;
        policy->baseline = source->has_baseline ? source->baseline : BASELINE_AUTOFSCK;
        policy->limits = source->limits;
        policy->brake = source->brake;
        policy->patrol = source->patrol;
        if (policy->patrol.share_percent == 0)
                policy->patrol.share_percent = PATROL_SHARE_DEFAULT;
        policy->permit = source->permit;
        source->permit = (PermitSource) {};
        policy->protects = steal_ptr(source->protects);
        policy->n_protects = source->n_protects;
        source->n_protects = 0;
        policy->windows = steal_ptr(source->windows);
        policy->n_windows = source->n_windows;
        source->n_windows = 0;
        policy->routes = steal_ptr(source->routes);
        policy->n_routes = source->n_routes;
        source->n_routes = 0;

        r = take_rules(policy, source);
        if (r >= 0)
                r = take_schedules(policy, source);
        if (r < 0)
                return r;
        policy_schedules_check(policy, problems);
        policy_windows_resolve(policy, source->is_part, problems);
        policy_routes_check(policy, source->is_part, problems);
        r = policy_check_rules(policy, problems);
        if (r < 0)
                return r;
        if (problems->n_errors > 0)
                return -EINVAL;
        r = copy_files(policy, problems);
        if (r < 0)
                return r;
        r = rule_index_new(policy->rules, policy->n_rules, &policy->index);
        if (r < 0)
                return r;

        collect_facts(policy);
        r = collect_timing(policy);
        if (r < 0)
                return r;
        return problems->out_of_memory ? -ENOMEM : 0;
}

int policy_compile(PolicySource *source, PolicyProblems *problems, uint64_t generation, const char *hash,
                   Policy **ret_policy) {
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        int r = -ENOMEM;

        policy = calloc(1, sizeof(*policy));
        if (policy) {
                policy->n_references = 1;
                policy->generation = generation;
                (void) text_copy(policy->hash, sizeof(policy->hash), hash);
                r = compile(policy, source, problems);
        }
        policy_source_clear(source);
        if (r < 0)
                return r;

        *ret_policy = steal_ptr(policy);
        return 0;
}
