/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a rule that matches taken now? What `when`, `cooldown` and `limits` say, from what the memory holds.
 */
#pragma once

#include "policy/policy-choose.h"
#include "policy/policy-rules.h"

/**
 * policy_gate() - what time and counting say about a rule that matches
 * @memory:   NULL: nothing was before
 * @ret_why:  "2 of 3 within 1min, by fs", "cooldown: 59min left"; "" if there is nothing to say
 *
 * Returns: RULE_TAKEN, RULE_COUNTING, RULE_LASTING, RULE_STEPPED_OVER or RULE_RESTING.
 */
RuleOutcome policy_gate(const PolicyMemory *memory, const PolicyRule *rule, const EventFacts *facts,
                        char ret_why[static DENIED_SIZE]);

/* Do @n more actions fit its limits, and is the brake off? @ret_why: set if not. */
bool policy_gate_has_room(const PolicyMemory *memory, const Policy *policy, const PolicyRule *rule, PolicyMode mode,
                          const EventFacts *facts, size_t n, char ret_why[static DENIED_SIZE]);

/* Denies the acting steps of a decision that does not fit its limits, all of them, and while the brake is on. @rule:
 * NULL for the baseline. */
void policy_gate_limits(const PolicyMemory *memory, const Policy *policy, const PolicyRule *rule,
                        const EventFacts *facts, Decision *decision);
