/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The routes of a policy: where its notifications go. They may come from another file than the rule that names one, so
 * names are looked at when everything is merged.
 */
#pragma once

#include <stdio.h>

#include "policy/policy-rules.h"

/* As windows: the last name wins, at the first one's place. Takes what is in @part. Returns 0 or -ENOMEM. */
int policy_routes_merge(PolicySource *whole, PolicySource *part);

/* Every route that a rule names is there; if not, that is a problem, but in a drop-in that is looked at alone. */
void policy_routes_check(const Policy *policy, bool is_part, PolicyProblems *problems);

/* "{unit: 'healer-mail@.service', group: 30s, resend: 4h}" */
void route_print_value(const RouteSource *route, FILE *stream);
