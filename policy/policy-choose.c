/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules, then the baseline, then the built-in notification.
 */
#include "policy/policy-choose.h"

#include <string.h>

#include "policy/policy-bound.h"
#include "policy/policy-gate.h"
#include "policy/policy-rules.h"
#include "policy/rule-index.h"
#include "src/basic/text.h"

/* One is kept free for the baseline or the notification. */
#define RULE_DECISIONS_MAX (POLICY_DECISIONS_MAX - 1)

static const char *const rule_outcome_names[] = {
        [RULE_NOT_MATCHED] = "not-matched",
        [RULE_UNKNOWN] = "unknown",
        [RULE_NEVER_ACTS] = "never-acts",
        [RULE_HIDDEN] = "hidden",
        [RULE_COUNTING] = "counting",
        [RULE_LASTING] = "lasting",
        [RULE_STEPPED_OVER] = "stepped-over",
        [RULE_RESTING] = "resting",
        [RULE_OBSERVED] = "observed",
        [RULE_TAKEN] = "taken",
        [RULE_NOT_LOOKED_AT] = "not-looked-at",
};
DEFINE_NAMES(rule_outcome, RuleOutcome)

/* Structures that have no scrub type of their own. Source: Linux 7.2, fs/xfs/libxfs/xfs_fs.h. */
static const Structure structures_without_repair[] = {
        STRUCTURE_NONE,
        STRUCTURE_UNRECOGNISED,
        STRUCTURE_FS_METADIR,
        STRUCTURE_FS_METAPATH,
        STRUCTURE_AG_INODES,
};

bool policy_structure_has_repair(Structure structure) {
        for (size_t i = 0; i < ELEMENTSOF(structures_without_repair); i++)
                if (structures_without_repair[i] == structure)
                        return false;

        return true;
}

/* One search through the rules. */
typedef struct Choice {
        const Policy *policy;
        const PolicyMemory *memory;
        const EventFacts *facts;
        MatchContext context;
        Protection protection;
        Decision *decisions;
        size_t n_decisions, max;
        bool was_taken;         /* by a rule that acts */
        bool has_ended;         /* nothing more is looked at, not even the baseline */
        bool is_full;           /* no more rules, but the baseline */
        bool observers_ended;   /* an observing rule ended what observing rules see */
        bool is_walking;        /* the index is not used */
} Choice;

void policy_trace_clear(PolicyTrace *trace) {
        free(trace->rules);
        *trace = (PolicyTrace) {};
}

static int decision_begin(Choice *choice, DecisionSource source, Decision **ret_decision) {
        Decision *decision;

        if (choice->n_decisions >= choice->max)
                return -E2BIG;

        decision = &choice->decisions[choice->n_decisions++];
        /* Not as a whole: its places for actions are some kilobytes. */
        decision->event_id = choice->facts->event->id;
        decision->source = source;
        decision->rule_id[0] = 0;
        decision->mode = POLICY_MODE_ENFORCE;
        decision->stop_on_failure = false;
        decision->is_escalating = false;
        decision->first_step = 0;
        decision->suppressed_by[0] = 0;
        decision->wait = WAIT_NONE;
        decision->resting.n_items = decision->resting.n_left_out = 0;
        decision->policy_generation = choice->policy->generation;
        decision->n_actions = 0;
        decision->reason[0] = 0;
        *ret_decision = decision;
        return 0;
}

/* The first reason stays. */
static void decision_set_reason(Decision *decision, const char *text) {
        if (!decision->reason[0])
                (void) text_copy(decision->reason, sizeof(decision->reason), text);
}

static uint64_t window_opens_usec(const TimeWindow *window, const EventFacts *facts) {
        uint64_t opens;

        if (facts->now_realtime_usec == 0)
                return USEC_INFINITY;
        opens = time_window_next(window, facts->zone, facts->now_realtime_usec, true);
        return opens == USEC_INFINITY ? USEC_INFINITY : opens - facts->now_realtime_usec;
}

/* The window of a step that is closed now. */
static void defer_step(const EventFacts *facts, const StepSource *step, ActionRequest *request) {
        if (!step->window || request->denied_by[0])
                return;
        request->deferred_usec = window_opens_usec(step->window, facts);
        request->is_deferred = request->deferred_usec != 0;
}

static int add_step(Choice *choice, const PolicyRule *rule, const StepSource *step, Decision *decision) {
        ActionRequest *request = &decision->actions[decision->n_actions];
        bool is_lowered;
        int r;

        r = action_request_copy(&step->request, request);
        if (r < 0)
                return r;
        decision->n_actions++;

        if (request->kind == ACTION_CONDITION && !request->name) {
                request->name = strdup(rule->source.id);
                if (!request->name)
                        return -ENOMEM;
        }
        request->has_own_severity = action_parameter_find(request->kind, "severity") && !step->has_severity;
        if (request->has_own_severity)
                request->severity = health_event_severity(choice->facts->event);
        bound_request(choice->policy, rule, &choice->context, &choice->protection, request, &is_lowered);
        if (is_lowered)
                decision_set_reason(decision, "autofsck allows no repair: the scan only checks");
        defer_step(choice->facts, step, request);
        return 0;
}

/* What was waited for, or is still to come. */
static void decision_wait(const EventFacts *facts, const RuleTiming *timing, Decision *decision) {
        if (facts->resumed_from != RESUMED_NOT)
                return;
        if (timing->lasting_usec > 0) {
                decision->wait = WAIT_LASTING;
                decision->wait_usec = timing->lasting_usec;
        } else if (timing->gather.quiet_usec > 0) {
                decision->wait = WAIT_GATHER;
                decision->wait_usec = timing->gather.quiet_usec;
                decision->wait_max_usec = timing->gather.max_usec;
                decision->gather_parts = timing->gather.per;
        }
}

/* Told now: when its steps are done others use the file system. */
static void rest_units(const EventFacts *facts, const RuleTiming *timing, Decision *decision) {
        if (timing->cooldown.for_usec == 0 || !(timing->cooldown.per & EVENT_PART_BIT(EVENT_PART_UNIT)))
                return;
        event_units(facts, &decision->resting);
        if (decision->resting.n_left_out > 0)
                decision_set_reason(decision, "so many units use it that only the first ones rest");
}

/* The steps that are looked at: all of them from the one an escalation has come to, or the one that waited. */
static void choose_steps(const Choice *choice, const PolicyRule *rule, Decision *decision, size_t *ret_end) {
        const RuleSource *source = &rule->source;

        *ret_end = source->n_steps;
        if (source->timing.is_escalating) {
                decision->is_escalating = true;
                decision->first_step = (unsigned) policy_memory_level(choice->memory, source, rule->mode,
                                                                      choice->facts);
        }
        if (choice->facts->resumed_from == RESUMED_WINDOW) {
                decision->first_step = choice->facts->resumed_step;
                *ret_end = min_of(source->n_steps, (size_t) choice->facts->resumed_step + 1);
        }
}

static int take_rule(Choice *choice, const PolicyRule *rule, Verdict verdict, const char *suppressed_by) {
        const RuleSource *source = &rule->source;
        Decision *decision;
        size_t end;
        int r;

        r = decision_begin(choice, DECISION_RULE, &decision);
        if (r < 0)
                return r;

        (void) text_copy(decision->rule_id, sizeof(decision->rule_id), source->id);
        decision->mode = rule->mode;
        decision->stop_on_failure = source->stops_on_failure;
        (void) text_copy(decision->suppressed_by, sizeof(decision->suppressed_by), suppressed_by);
        choose_steps(choice, rule, decision, &end);
        for (size_t i = decision->first_step; i < end; i++) {
                r = add_step(choice, rule, &source->steps[i], decision);
                if (r < 0)
                        return r;
        }
        rest_units(choice->facts, &source->timing, decision);
        decision_wait(choice->facts, &source->timing, decision);
        /* When it is carried out. */
        if (decision->wait == WAIT_NONE)
                policy_gate_limits(choice->memory, choice->policy, rule, choice->facts, decision);

        if (verdict == VERDICT_UNKNOWN)
                decision_set_reason(decision, "a fact is unknown, and the rule says \"on-unknown: match\"");
        if (choice->n_decisions >= RULE_DECISIONS_MAX) {
                choice->is_full = true;
                decision_set_reason(decision, "so many rules took this event that no more were looked at");
        }
        return 0;
}

/* What the verdict means for this rule now. */
static RuleOutcome rule_outcome(const Choice *choice, const PolicyRule *rule, Verdict verdict) {
        if (verdict == VERDICT_NO)
                return RULE_NOT_MATCHED;
        if (verdict == VERDICT_UNKNOWN && rule->source.on_unknown == ON_UNKNOWN_SKIP)
                return RULE_UNKNOWN;
        if (!(rule->events & (UINT64_C(1) << choice->facts->event->kind)))
                return RULE_NEVER_ACTS;
        if (rule->mode == POLICY_MODE_OBSERVE)
                return choice->observers_ended ? RULE_HIDDEN : RULE_OBSERVED;

        return RULE_TAKEN;
}

/* A rule that observes lets those that act be looked at, whatever became of it. */
static int take_or_record(Choice *choice, const PolicyRule *rule, Verdict verdict, const char *suppressed_by) {
        bool is_acting = rule->mode != POLICY_MODE_OBSERVE;

        /* What has to last is nothing yet. */
        if (rule->source.timing.lasting_usec > 0 && choice->facts->resumed_from == RESUMED_NOT)
                return take_rule(choice, rule, verdict, suppressed_by);

        choice->was_taken |= is_acting;
        if (!rule->source.is_continuing) {
                choice->observers_ended = true;
                choice->has_ended |= is_acting;
        }
        return take_rule(choice, rule, verdict, suppressed_by);
}

/* @trace may be NULL. */
static int look_at_rule(Choice *choice, const PolicyRule *rule, RuleTrace *trace) {
        const Condition *decider = NULL;
        char why[DENIED_SIZE] = "";
        RuleOutcome outcome, gate = RULE_TAKEN;
        Verdict verdict;
        int r = 0;

        verdict = condition_match(&rule->source.match, &choice->context, &decider);
        outcome = rule_outcome(choice, rule, verdict);
        if (outcome == RULE_OBSERVED || outcome == RULE_TAKEN) {
                if (rule->has_timing)
                        gate = policy_gate(choice->memory, rule, choice->facts, why);
                if (gate != RULE_TAKEN)
                        outcome = gate;
                if (gate == RULE_TAKEN || gate == RULE_RESTING || gate == RULE_LASTING)
                        r = take_or_record(choice, rule, verdict, gate == RULE_RESTING ? why : "");
        }

        if (trace) {
                trace->verdict = verdict;
                trace->outcome = outcome;
                (void) text_copy(trace->why, sizeof(trace->why), why);
                trace->decider = rule->source.match.n_children > 0 ? decider : NULL;
        }
        return r;
}

static int look_at_candidates(Choice *choice) {
        const Policy *policy = choice->policy;
        EventKind kind = choice->facts->event->kind;
        RuleWalk walk;
        int r;

        rule_walk_begin(&walk, policy->index, kind, &choice->context);
        while (!choice->has_ended && !choice->is_full) {
                size_t number = rule_walk_next(&walk);

                if (number == SIZE_MAX)
                        break;
                if (!(policy->rules[number].events & (UINT64_C(1) << kind)))
                        continue;
                r = look_at_rule(choice, &policy->rules[number], NULL);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int look_at_each(Choice *choice) {
        const Policy *policy = choice->policy;
        int r;

        for (size_t i = 0; i < policy->n_rules && !choice->has_ended && !choice->is_full; i++) {
                r = look_at_rule(choice, &policy->rules[i], NULL);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int look_at_all(Choice *choice, PolicyTrace *trace) {
        const Policy *policy = choice->policy;
        int r;

        trace->rules = calloc(max_of(policy->n_rules, (size_t) 1), sizeof(*trace->rules));
        if (!trace->rules)
                return -ENOMEM;
        trace->n_rules = policy->n_rules;

        for (size_t i = 0; i < policy->n_rules; i++) {
                trace->rules[i] = (RuleTrace) { .rule = i, .outcome = RULE_NOT_LOOKED_AT };
                if (choice->has_ended || choice->is_full)
                        continue;
                r = look_at_rule(choice, &policy->rules[i], &trace->rules[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static void add_action(Choice *choice, Decision *decision, ActionRequest request) {
        bool is_lowered;

        decision->actions[decision->n_actions] = request;
        bound_request(choice->policy, NULL, &choice->context, &choice->protection,
                      &decision->actions[decision->n_actions++], &is_lowered);
}

/* What was bad and nobody was told about by an acting rule is told at least once. */
static bool wants_notification(const Choice *choice) {
        return !choice->was_taken && health_event_severity(choice->facts->event) <= SEVERITY_ERROR;
}

static void add_notification(Choice *choice, Decision *decision) {
        ActionRequest request = action_request_default(ACTION_NOTIFY);

        request.severity = health_event_severity(choice->facts->event);
        add_action(choice, decision, request);
}

static bool baseline_applies(const Choice *choice) {
        const HealthEvent *event = choice->facts->event;

        if (choice->policy->baseline == BASELINE_OFF || !choice->facts->filesystem)
                return false;
        if (event->kind == EVENT_EVENTS_LOST)
                return true;

        return (event->kind == EVENT_SICK || event->kind == EVENT_CORRUPT) && event->structure != STRUCTURE_NONE;
}

/*
 * As far as the property goes: repair, with the whole file system scanned where there is no single
 * structure to repair, as upstream's program does it. With `check` nothing is started: one report is no reason for a
 * scan that takes hours, and the kernel just looked at the structure itself; so it is logged, and the reason says why.
 */
static ActionRequest baseline_action(const EventFacts *facts) {
        ActionRequest scrub = action_request_default(ACTION_SCRUB);

        scrub.scrub_repair = SCRUB_REPAIR_IF_ALLOWED;
        if (policy_autofsck_level(facts->filesystem) < AUTOFSCK_LEVEL_REPAIR)
                return action_request_default(ACTION_LOG);
        if (facts->event->kind == EVENT_EVENTS_LOST || !policy_structure_has_repair(facts->event->structure))
                return scrub;

        return action_request_default(ACTION_REPAIR);
}

static int choose_baseline(Choice *choice) {
        const FilesystemFacts *filesystem = choice->facts->filesystem;
        char property[AUTOFSCK_TEXT_SIZE], reason[AUTOFSCK_TEXT_SIZE + 32];
        ActionRequest request = baseline_action(choice->facts);
        Decision *decision;
        int r;

        r = decision_begin(choice, DECISION_BASELINE, &decision);
        if (r < 0)
                return r;

        (void) snprintf(reason, sizeof(reason), "%s%s", autofsck_text(filesystem, property),
                        request.kind == ACTION_LOG ? ": reported only" : "");
        decision_set_reason(decision, reason);
        /* First: what is said after a repair would read as if it had not helped. */
        if (wants_notification(choice))
                add_notification(choice, decision);
        add_action(choice, decision, request);
        policy_gate_limits(choice->memory, choice->policy, NULL, choice->facts, decision);
        return 0;
}

static int choose_builtin(Choice *choice) {
        Decision *decision;
        int r;

        r = decision_begin(choice, DECISION_BUILTIN, &decision);
        if (r < 0)
                return r;
        decision_set_reason(decision, "no rule took it");
        add_notification(choice, decision);
        return 0;
}

/* As of a rule, but that it cannot be unknown, and that it ends no search. */
static int choose_schedule(Choice *choice) {
        const ScheduleSource *schedule = policy_find_schedule(choice->policy, choice->facts->resumed_rule);
        Decision *decision;
        int r;

        if (!schedule || condition_match(&schedule->rule.match, &choice->context, NULL) != VERDICT_YES)
                return 0;
        r = take_rule(choice, choice->policy->schedule_rules + (schedule - choice->policy->schedules), VERDICT_YES, "");
        if (r < 0)
                return r;
        decision = &choice->decisions[choice->n_decisions - 1];
        decision->source = DECISION_SCHEDULE;
        decision_set_reason(decision, "it is due");
        return 0;
}

/* The rule, or its step, may be gone meanwhile: then nothing is done. */
static int choose_resumed(Choice *choice) {
        const PolicyRule *rule = policy_find_rule(choice->policy, choice->facts->resumed_rule);

        if (choice->facts->resumed_from == RESUMED_SCHEDULE)
                return choose_schedule(choice);

        if (!rule || (choice->facts->resumed_from == RESUMED_WINDOW &&
                      choice->facts->resumed_step >= rule->source.n_steps))
                return 0;
        return look_at_rule(choice, rule, NULL);
}

uint64_t policy_window_opens_usec(const Policy *policy, const char *rule_id, unsigned step, const EventFacts *facts) {
        const PolicyRule *rule = policy_find_rule(policy, rule_id);

        if (!rule || step >= rule->source.n_steps || !rule->source.steps[step].window)
                return 0;
        return window_opens_usec(rule->source.steps[step].window, facts);
}

static int choose(Choice *choice, PolicyTrace *trace) {
        int r;

        if (choice->facts->resumed_from != RESUMED_NOT)
                return choose_resumed(choice);

        if (trace)
                r = look_at_all(choice, trace);
        else
                r = choice->is_walking ? look_at_each(choice) : look_at_candidates(choice);
        if (r < 0 || choice->has_ended)
                return r;
        if (baseline_applies(choice))
                return choose_baseline(choice);

        return wants_notification(choice) ? choose_builtin(choice) : 0;
}

static int choose_or_clear(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts, bool is_walking,
                           Decision *ret_decisions, size_t max, size_t *ret_n, PolicyTrace *trace) {
        Choice choice;
        int r;

        /* Not cleared as a whole: the context is some kilobytes, and it knows itself what it holds. */
        choice.policy = policy;
        choice.memory = memory;
        choice.facts = facts;
        match_context_init(&choice.context, facts);
        choice.protection = (Protection) {};
        choice.decisions = ret_decisions;
        choice.max = max;
        choice.n_decisions = 0;
        choice.is_walking = is_walking;
        choice.was_taken = choice.has_ended = choice.is_full = choice.observers_ended = false;

        r = choose(&choice, trace);
        if (r < 0) {
                for (size_t i = 0; i < choice.n_decisions; i++)
                        decision_clear(&ret_decisions[i]);
                return r;
        }

        *ret_n = choice.n_decisions;
        return 0;
}

int policy_choose(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts, Decision *ret_decisions,
                  size_t max, size_t *ret_n) {
        return choose_or_clear(policy, memory, facts, false, ret_decisions, max, ret_n, NULL);
}

int policy_choose_walking(const Policy *policy, const EventFacts *facts, Decision *ret_decisions, size_t max,
                          size_t *ret_n) {
        return choose_or_clear(policy, NULL, facts, true, ret_decisions, max, ret_n, NULL);
}

int policy_choose_traced(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts,
                         Decision *ret_decisions, size_t max, size_t *ret_n, PolicyTrace *ret_trace) {
        PolicyTrace trace = {};
        int r;

        r = choose_or_clear(policy, memory, facts, false, ret_decisions, max, ret_n, &trace);
        if (r < 0) {
                policy_trace_clear(&trace);
                return r;
        }

        *ret_trace = trace;
        return 0;
}

int policy_check_call(const Policy *policy, const EventFacts *facts, ActionKind action, char **ret_denied_by) {
        _cleanup_(free_at) char *denied_by = NULL;
        Protection protection = {};
        const ProtectSource *protect;
        MatchContext context;

        match_context_init(&context, facts);
        protect = protection_find(&protection, policy, &context, action);
        if (protect && asprintf(&denied_by, "protect: %s", protect->id) < 0) {
                denied_by = NULL;
                return -ENOMEM;
        }

        *ret_denied_by = steal_ptr(denied_by);
        return 0;
}

bool policy_hangs_on_workloads(const Policy *policy, const EventFacts *facts) {
        EventKind kind = facts->event->kind;
        MatchContext context;

        if (!policy_needs_fact(policy, kind, POLICY_FACT_WORKLOAD))
                return false;
        match_context_init(&context, facts);
        for (size_t i = 0; i < policy->n_protects && policy_call_needs_fact(policy, POLICY_FACT_WORKLOAD); i++)
                if (condition_match(&policy->protects[i].match, &context, NULL) == VERDICT_UNKNOWN)
                        return true;
        for (size_t i = 0; i < policy->n_rules; i++) {
                const PolicyRule *rule = &policy->rules[i];

                Verdict verdict;

                if (!(rule->names_workloads || rule->is_per_unit) || !(rule->events & (UINT64_C(1) << kind)))
                        continue;
                verdict = condition_match(&rule->source.match, &context, NULL);
                if (verdict == VERDICT_UNKNOWN || (verdict == VERDICT_YES && rule->is_per_unit))
                        return true;
        }
        return false;
}

bool policy_allows_more(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts,
                        const Decision *decision, ActionRequest *request, char ret_why[static DENIED_SIZE]) {
        const PolicyRule *rule = decision->source == DECISION_RULE ? policy_find_rule(policy, decision->rule_id) : NULL;
        Protection protection = {};
        MatchContext context;
        bool is_lowered;

        ret_why[0] = 0;
        if (decision->source == DECISION_RULE && !rule) {
                (void) snprintf(ret_why, DENIED_SIZE, "rule %s is there no more", decision->rule_id);
                return false;
        }

        match_context_init(&context, facts);
        request->denied_by[0] = 0;
        bound_request(policy, rule, &context, &protection, request, &is_lowered);
        if (request->denied_by[0])
                (void) text_copy(ret_why, DENIED_SIZE, request->denied_by);
        return !ret_why[0] && policy_gate_has_room(memory, policy, rule, decision->mode, facts, 1, ret_why);
}
