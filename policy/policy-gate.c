/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each `no, not now` with its words.
 */
#include "policy/policy-gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/duration.h"
#include "src/basic/text.h"

/* People read it: whole seconds, and never none of them. */
static char *left_text(uint64_t usec, char buffer[static DURATION_TEXT_SIZE]) {
        return duration_format(max_of((usec + USEC_PER_SEC - 1) / USEC_PER_SEC, UINT64_C(1)) * USEC_PER_SEC, buffer);
}

/* Of units, the one with the most; and nobody is left out without a word. */
static void append_unit(const WhenAnswer *answer, char why[static DENIED_SIZE]) {
        const char *name = strchr(answer->unit, '=');

        if (answer->n_units_left_out > 0)
                (void) text_append_format(why, DENIED_SIZE, ", %zu units left out", answer->n_units_left_out);
        if (name)
                (void) text_append_format(why, DENIED_SIZE, ": %s", name + 1);
}

static bool has_happened(const PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts,
                         char ret_why[static DENIED_SIZE]) {
        const RuleWhen *when = &rule->source.timing.when;
        char duration[DURATION_TEXT_SIZE], parts[EVENT_PARTS_TEXT_SIZE];
        WhenAnswer answer;

        if (when->count == 0)
                return true;
        answer = policy_memory_when(memory, &rule->source, rule->mode, facts);
        if (!answer.is_countable) {
                (void) snprintf(ret_why, DENIED_SIZE, "the event lacks what is counted");
                return false;
        }
        (void) snprintf(ret_why, DENIED_SIZE, "%" PRIu64 " of %" PRIu64 " within %s, by %s", answer.n, when->count,
                        duration_format(when->within_usec, duration), event_parts_names(when->per, parts));
        append_unit(&answer, ret_why);
        return answer.is_reached;
}

RuleOutcome policy_gate(const PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts,
                        char ret_why[static DENIED_SIZE]) {
        char left[DURATION_TEXT_SIZE];
        uint64_t rest;

        ret_why[0] = '\0';
        /* It was taken before it waited, and rests from the end of what is still to come. */
        if (facts->resumed_from == RESUMED_WINDOW)
                return RULE_TAKEN;
        if (facts->resumed_from == RESUMED_NOT && !has_happened(memory, rule, facts, ret_why))
                return RULE_COUNTING;
        if (facts->resumed_from == RESUMED_NOT && rule->source.timing.lasting_usec > 0) {
                (void) snprintf(ret_why, DENIED_SIZE, "it has to last %s",
                                duration_format(rule->source.timing.lasting_usec, left));
                return RULE_LASTING;
        }

        rest = policy_memory_rest_usec(memory, &rule->source, rule->mode, facts);
        if (rest == 0)
                return RULE_TAKEN;
        if (rest == USEC_INFINITY)
                (void) snprintf(ret_why, DENIED_SIZE, "cooldown: its actions are not done yet");
        else
                (void) snprintf(ret_why, DENIED_SIZE, "cooldown: %s left", left_text(rest, left));
        return rule->source.timing.cooldown.then == COOLDOWN_NEXT ? RULE_STEPPED_OVER : RULE_RESTING;
}

static bool limit_says_no(const PolicyMemory *memory, LimitedThing thing, const ActionLimit *limit, const char *owner,
                          PolicyMode mode, const EventFacts *facts, size_t n, char ret_why[static DENIED_SIZE]) {
        char within[DURATION_TEXT_SIZE], left[DURATION_TEXT_SIZE];
        uint64_t until;

        if (!policy_memory_is_limited(memory, thing, limit, owner, mode, facts, n, &until))
                return false;
        (void) snprintf(ret_why, DENIED_SIZE, "limits: %s: %" PRIu64 " per %s", limited_thing_to_name(thing),
                        limit->count, duration_format(limit->within_usec, within));
        if (until != USEC_INFINITY)
                (void) text_append_format(ret_why, DENIED_SIZE, ", %s left", left_text(until, left));
        return true;
}

static bool brake_says_no(const PolicyMemory *memory, const Policy *policy, const EventFacts *facts,
                          char ret_why[static DENIED_SIZE]) {
        char within[DURATION_TEXT_SIZE];

        if (!policy_memory_is_braked(memory, policy, facts))
                return false;
        (void) snprintf(ret_why, DENIED_SIZE, "brake: %u file systems failed within %s", policy->brake.n_filesystems,
                        duration_format(policy->brake.within_usec, within));
        return true;
}

bool policy_gate_has_room(const PolicyMemory *memory, const Policy *policy, const PolicyRule *rule, PolicyMode mode,
                          const EventFacts *facts, size_t n, char ret_why[static DENIED_SIZE]) {
        return !brake_says_no(memory, policy, facts, ret_why) &&
               !limit_says_no(memory, LIMITED_ACTIONS, &policy->limits.actions, NULL, mode, facts, n, ret_why) &&
               !(rule && limit_says_no(memory, LIMITED_ACTIONS, &rule->source.timing.actions, rule->source.id, mode,
                                       facts, n, ret_why));
}

bool policy_workloads_room(const PolicyMemory *memory, const Policy *policy, const char *rule_id, PolicyMode mode,
                           const EventFacts *facts, size_t n, char ret_why[static DENIED_SIZE]) {
        const PolicyRule *rule = policy_find_rule(policy, rule_id);

        ret_why[0] = 0;
        return !brake_says_no(memory, policy, facts, ret_why) &&
               !limit_says_no(memory, LIMITED_WORKLOADS, &policy->limits.workloads, NULL, mode, facts, n, ret_why) &&
               !(rule && limit_says_no(memory, LIMITED_WORKLOADS, &rule->source.timing.workloads, rule->source.id,
                                       mode, facts, n, ret_why));
}

void policy_gate_limits(const PolicyMemory *memory, const Policy *policy, const PolicyRule *rule,
                        const EventFacts *facts, Decision *decision) {
        size_t n = policy_count_acting(decision);
        char why[DENIED_SIZE];

        if (n == 0 || policy_gate_has_room(memory, policy, rule, decision->mode, facts, n, why))
                return;

        for (size_t i = 0; i < decision->n_actions; i++) {
                ActionRequest *request = decision->actions + i;

                if (!action_word_of(request->kind)->is_telling && !request->denied_by[0])
                        (void) text_copy(request->denied_by, sizeof(request->denied_by), why);
        }
}
