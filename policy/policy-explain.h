/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decisions and traces as text for people: what `healerctl policy explain` and `healerctl explain` show.
 */
#pragma once

#include "policy/policy-choose.h"

/* "rule heal, enforce: repair; notify error (denied: protect: usb)": one line, new, NULL if out of memory. */
char *policy_decision_text(const Decision *decision);

/**
 * policy_explain() - decide about an event and say why
 * @ret_text: new; one paragraph for every rule with the condition and the fact that settled it, then what was decided
 *
 * Returns: 0 or a negative errno of policy_choose().
 */
int policy_explain(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts, char **ret_text);

/* The same, for whoever wants the decisions as well. @ret_decisions: POLICY_DECISIONS_MAX elements; each one that was
 * written: decision_clear(). */
int policy_explain_decided(const Policy *policy, const PolicyMemory *memory, const EventFacts *facts,
                           Decision *ret_decisions, size_t *ret_n, char **ret_text);
