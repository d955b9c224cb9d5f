/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules as written -> Policy: immutable, shared by counting, ordered as they are looked at. Faults of a
 * rule as a whole are found here: destructive steps on an empty match, on results, or on
 * `on-unknown: match`; rules that can never be reached.
 */
#pragma once

#include "policy/rule-source.h"

typedef struct Policy Policy;

/**
 * policy_compile() - make a policy of merged sources
 * @source:     its contents are taken; empty afterwards, also on failure
 * @problems:   gets the problems; the names of its files become policy_sources(): one list for one load
 * @generation: the daemon's number for this load, see policy_generation()
 * @hash:       of the loaded text, see policy_hash(); copied
 * @ret_policy: new; policy_unref()
 *
 * Returns: 0; -EINVAL if @problems has an error; -ENOMEM.
 */
int policy_compile(PolicySource *source, PolicyProblems *problems, uint64_t generation, const char *hash,
                   Policy **ret_policy);

Policy *policy_ref(Policy *policy);
Policy *policy_unref(Policy *policy);   /* NULL is fine; returns NULL */
DEFINE_CLEANUP(Policy, policy_unref)

uint64_t policy_generation(const Policy *policy);
/* 16 hexadecimal digits: equal for equal files in equal order. Tells machines of a fleet apart, proves nothing. */
const char *policy_hash(const Policy *policy);
PolicyMode policy_mode(const Policy *policy);
PolicyBaseline policy_baseline(const Policy *policy);
const PolicyLimits *policy_limits(const Policy *policy);
/* Borrowed. Never NULL. */
const PatrolPolicy *policy_patrol(const Policy *policy);
/* Who is asked before each action that action_kind_is_destructive(), whoever wants it. NULL: nobody. Borrowed. */
const PermitSource *policy_permit(const Policy *policy);
size_t policy_n_rules(const Policy *policy);
bool policy_has_windows(const Policy *policy);
/* One of the policy's own windows; NULL if it has none of this name. Borrowed. */
const TimeWindow *policy_find_window(const Policy *policy, const char *name);
size_t policy_n_routes(const Policy *policy);
/* @index below policy_n_routes(). Borrowed. */
const RouteSource *policy_route_at(const Policy *policy, size_t index);
/* NULL if it has none of this name. Borrowed. */
const RouteSource *policy_find_route(const Policy *policy, const char *name);

size_t policy_n_schedules(const Policy *policy);
/* @index below policy_n_schedules(). Borrowed. */
const ScheduleSource *policy_schedule_at(const Policy *policy, size_t index);
/* NULL if it has none of this name. Borrowed. */
const ScheduleSource *policy_find_schedule(const Policy *policy, const char *id);

/* A template that the policy starts: for a route, to ask for permission, or as an action. */
typedef struct PolicyUnit {
        const char *name;
        SourcePosition position;
} PolicyUnit;

/* Counts from 0. Returns false behind the last one. Borrowed. */
bool policy_unit_at(const Policy *policy, size_t index, PolicyUnit *ret_unit);

/* Names of the files it was loaded from, main file first; NULL-terminated; empty for the built-in default. Borrowed. */
const char *const *policy_sources(const Policy *policy);

/**
 * policy_needs_fact() - must this fact be gathered before policy_choose() is asked about such an event?
 *
 * A fact that is not gathered is unknown, which is safe but may skip rules. For policy_check_call() ask
 * policy_call_needs_fact().
 */
bool policy_needs_fact(const Policy *policy, EventKind kind, PolicyFact fact);
bool policy_call_needs_fact(const Policy *policy, PolicyFact fact);
