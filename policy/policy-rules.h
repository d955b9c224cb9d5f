/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of a Policy, for this folder alone: filled by policy-compile.c, read by matcher, chooser and
 * explanation, changed by nobody.
 */
#pragma once

#include "policy/policy-compile.h"

#define POLICY_HASH_SIZE 17

typedef struct RuleIndex RuleIndex;

typedef struct PolicyRule {
        RuleSource source;
        PolicyMode mode;                /* the rule's own, else the policy's */
        uint64_t events;                /* bit for each EventKind that it can be taken for */
        bool is_acting;                 /* has a step that does more than tell */
        bool is_destructive;            /* has a step that touches data, processes or availability */
        bool names_workloads;           /* its match does */
        bool is_per_unit;               /* what it counts, lets rest, or gathers */
        bool is_guarded;                /* selects by what whoever brings a disk chooses: not for removable ones */
        const Condition *guard;         /* with is_guarded: the test that did so */
        bool has_timing;                /* may match and yet not be taken, or take another step than the first */
} PolicyRule;

struct Policy {
        unsigned n_references;
        uint64_t generation;
        char hash[POLICY_HASH_SIZE];
        PolicyMode mode;
        PolicyBaseline baseline;
        size_t n_rules;
        PolicyRule *rules;              /* in the order they are looked at */
        size_t n_protects;
        ProtectSource *protects;
        size_t n_windows;
        WindowSource *windows;
        size_t n_routes;
        RouteSource *routes;
        size_t n_schedules;
        ScheduleSource *schedules;
        PolicyRule *schedule_rules;     /* of each; what they hold is borrowed from @schedules */
        RuleIndex *index;
        PolicyLimits limits;
        Brake brake;
        PatrolPolicy patrol;
        PermitSource permit;
        bool has_timing;                /* one of its rules has, or there are limits: something has to be remembered */
        size_t n_counting;
        uint16_t *counting;             /* rules with `when`: they count behind the end of the search */
        uint32_t facts[N_EVENT_KINDS];  /* bit for each PolicyFact needed for a kind */
        uint32_t call_facts;            /* the same for calls */
        size_t n_files;
        char **files;                   /* names by SourcePosition.file */
        char **sources;                 /* those of them that were read, NULL-terminated; names borrowed from files */
};

/* NULL if there is none; @id may be NULL or empty. */
const PolicyRule *policy_find_rule(const Policy *policy, const char *id);

_Static_assert(POLICY_RULES_MAX <= UINT16_MAX, "a rule's index fits");
