/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of whole rules, which no single value shows. Used by the compiler alone.
 */
#pragma once

#include "policy/policy-rules.h"

/* Reports into @problems. Returns 0 or -ENOMEM. */
int policy_check_rules(const Policy *policy, PolicyProblems *problems);
