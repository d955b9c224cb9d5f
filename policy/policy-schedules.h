/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `schedules`: what is done to which file systems when. For this folder; everybody else asks policy_schedule_at().
 */
#pragma once

#include <stdio.h>

#include "policy/policy-rules.h"

void schedule_source_clear(ScheduleSource *schedule);
/* One with the same name takes the place of the one before it. Returns 0 or -ENOMEM. */
int policy_schedules_merge(PolicySource *whole, PolicySource *part);
/* Each for itself: what it matches, and what it does. */
void policy_schedules_check(const Policy *policy, PolicyProblems *problems);

/* "at: …, spread: …" and what else is written of one, a line each, without its match and its action. */
void schedule_print_times(const ScheduleSource *schedule, FILE *stream);
/* For each schedule whether it concerns the file system of @facts, and when the calendar has it next; nothing without
 * schedules. */
void policy_schedules_explain(const Policy *policy, const EventFacts *facts, FILE *stream);
