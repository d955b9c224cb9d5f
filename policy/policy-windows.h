/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The windows of a policy: the names that `time` tests. They may come from another file than the test, so a test
 * keeps the name until everything is merged, and finds its window then.
 */
#pragma once

#include <stdio.h>

#include "policy/policy-rules.h"

/* Leads every test of `time` to its window. A name that there is not is a problem, but in a drop-in that is looked at
 * alone: such a test is unknown. */
void policy_windows_resolve(Policy *policy, bool is_part, PolicyProblems *problems);

/* "'Mon..Fri 22:00..06:00'", or a list of such. */
void window_print_value(const TimeWindow *window, FILE *stream);

/* Where the clock stands, and for each window whether it is open and until when; nothing without windows. */
void policy_windows_explain(const Policy *policy, const EventFacts *facts, FILE *stream);
