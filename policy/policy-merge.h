/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several files to one: drop-ins add rules, replace them by id in their place, disable them and set the
 * mode; protection only grows. Used by the loader alone.
 */
#pragma once

#include "policy/rule-source.h"

/**
 * policy_merge() - add one more file
 * @whole:    what was read before; starts zeroed
 * @part:     its contents are taken; empty afterwards, also on failure
 * @is_alone: nothing was read before, and nothing is to be missed
 *
 * Returns: 0 or -ENOMEM. What it has to say is in @problems.
 */
int policy_merge(PolicySource *whole, PolicySource *part, bool is_alone, PolicyProblems *problems);
