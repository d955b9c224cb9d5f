/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses what to do about one event: policy x facts x now -> decisions. Runs nothing and looks at no
 * clock; carrying decisions out is src/action/'s business.
 *
 * Order: rules by priority, file, place; the first one that is taken ends the search unless it says
 * `continue`. A rule that only observes is recorded and never keeps an event from the rules that act,
 * nor from the baseline. Then the baseline, then the built-in notification of what no acting rule took.
 *
 * What is forbidden stays in the decision, with ActionRequest.denied_by saying by what.
 */
#pragma once

#include "policy/policy-match.h"
#include "policy/policy-memory.h"

/* More decisions than this for one event are not made; policy_choose() says so by -E2BIG if @max is less. */
#define POLICY_DECISIONS_MAX 16

/* What became of one rule that was looked at. */
typedef enum RuleOutcome {
        RULE_NOT_MATCHED,
        RULE_UNKNOWN,           /* a fact was missing, and the rule does not act on what is unknown */
        RULE_NEVER_ACTS,        /* the rule would act, and the event is a result of ours or an unmount */
        RULE_HIDDEN,            /* matched, but an earlier observing rule already ended what observing rules see */
        RULE_COUNTING,          /* matched, and has not happened often enough */
        RULE_LASTING,           /* matched, and has to last: recorded, and the next one is looked at */
        RULE_STEPPED_OVER,      /* matched, rests, and lets the next rule be looked at */
        RULE_RESTING,           /* matched and rests: recorded, nothing is done */
        RULE_OBSERVED,          /* taken, nothing is done */
        RULE_TAKEN,
        RULE_NOT_LOOKED_AT,     /* an earlier rule ended the search */
} RuleOutcome;
DECLARE_NAMES(rule_outcome, RuleOutcome)

typedef struct RuleTrace {
        size_t rule;                    /* index in the order they are looked at */
        RuleOutcome outcome;
        Verdict verdict;
        const Condition *decider;       /* borrowed from the policy; NULL if the match is empty or was not tried */
        char why[DENIED_SIZE];          /* what time and counting say; "" if nothing */
} RuleTrace;

/* Filled only for explanations. Starts as `PolicyTrace trace = {};` */
typedef struct PolicyTrace {
        RuleTrace *rules;
        size_t n_rules;
} PolicyTrace;

void policy_trace_clear(PolicyTrace *trace);

/**
 * policy_choose() - decide about one event
 * @memory:            what was before; NULL: nothing. Not changed: policy_remember() is told of what is carried out
 * @facts:             event and what is known about it; facts that were not gathered are unknown
 * @ret_decisions:     at least @max elements; each one that was written: decision_clear()
 * @ret_n:             how many were written, 0 if nobody wants anything
 *
 * Makes at most POLICY_DECISIONS_MAX decisions: rules beyond that are not looked at, the baseline always is.
 *
 * Returns: 0; -E2BIG if @max is less than POLICY_DECISIONS_MAX and not enough; -ENOMEM. On failure nothing
 * is left to clear.
 */
int policy_choose(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts, Decision *ret_decisions,
                  size_t max, size_t *ret_n);

/* The same, trying every rule one after the other: what the index has to equal, for tests and benchmarks. */
int policy_choose_walking(const Policy *policy, const EventFacts *facts, Decision *ret_decisions, size_t max,
                          size_t *ret_n);

/* The same, and @ret_trace says for every rule why (policy_trace_clear()). */
int policy_choose_traced(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts,
                         Decision *ret_decisions, size_t max, size_t *ret_n, PolicyTrace *ret_trace);

/* How long until the window opens that step @step of a rule waits for; 0: it is open, or there is nothing to wait for
 * any more; USEC_INFINITY: never, or the time is not known. */
uint64_t policy_window_opens_usec(const Policy *policy, const char *rule_id, unsigned step, const EventFacts *facts);

/**
 * policy_check_call() - may a person's bus call do this?
 * @facts:         event may be NULL: then everything about an event is unknown, and protection counts that as yes
 * @ret_denied_by: new text ("protect: usb") if it is forbidden, NULL if it is allowed; free()
 *
 * Only `protect` binds persons; the autofsck property bounds what happens by itself.
 *
 * Returns: 0 or -ENOMEM.
 */
int policy_check_call(const Policy *policy, const EventFacts *facts, ActionKind action, char **ret_denied_by);

/**
 * policy_allows_more() - may one more action be begun for what was decided on before?
 * @decision: by a rule or by the baseline
 * @request:  what is to be done; a repairing scan is lowered to a check where no more is allowed
 * @ret_why:  "protect: usb", "limits: actions: 5 per 1h"; "" if it may
 *
 * Protection, property, limits and brake of this moment: what was decided an hour ago was decided with others.
 */
bool policy_allows_more(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts,
                        const Decision *decision, ActionRequest *request, char ret_why[static DENIED_SIZE]);

/**
 * policy_workloads_room() - may so many units and containers be failed, or frozen, now?
 * @rule_id: of the decision; "" or NULL for one that is no rule's
 * @mode:    of the decision: what only observes has counts of its own
 * @facts:   of now, of the event that it is done for
 * @n:       how many the action would take: what workload_plan_decide() has marked
 * @ret_why: "limits: workloads: 3 per 1h, 20min left", "brake: ..."; "" if there is room
 *
 * How many they are is not known when an event is decided, only after somebody looked who uses the file system. So
 * whoever carries out fail-workload and freeze asks between the plan and the announcement; what does not fit whole is
 * refused whole. After a yes: policy_remember_workloads(). Protection and the limits of actions are those of
 * policy_allows_more(). Not for what people ask for: that is never limited.
 */
bool policy_workloads_room(const PolicyMemory *memory, const Policy *policy, const char *rule_id, PolicyMode mode,
                           const EventFacts *facts, size_t n, char ret_why[static DENIED_SIZE]);

/**
 * policy_hangs_on_workloads() - does it matter for this event who uses the file system?
 * @facts: without them; whatever else is not known yet may matter
 *
 * False where every rule and protection that asks for it says the same whoever it is: then nobody needs to look.
 */
bool policy_hangs_on_workloads(const Policy *policy, const EventFacts *facts);

/* How far the property of this file system lets rules and baseline go. */
AutofsckLevel policy_autofsck_level(const FilesystemFacts *filesystem);

/* False for structures that no kernel rebuilds alone: the baseline asks for a full scan instead. This layer cannot
 * ask kernel/; test-structure-repair holds it equal to metadata_structure_is_repairable(). */
bool policy_structure_has_repair(Structure structure);
