/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which rules can be taken for an event, without trying them all: a rule that asks for certain values of one fact (a
 * mount point, a label, a structure) stands in the lists of these values, any other in the list of those that are
 * always tried.
 *
 * What the index leaves out would not have matched: a positive test of a fact that has another value or is absent is
 * no, and of an unknown one unknown, which takes only rules that say `on-unknown: match`; those are always tried. What
 * it leaves in is tried as ever.
 */
#pragma once

#include "policy/policy-match.h"

typedef struct PolicyRule PolicyRule;
typedef struct RuleIndex RuleIndex;

/* Rules that are borrowed and stay where they are. Returns 0 or -ENOMEM. */
int rule_index_new(const PolicyRule *rules, size_t n_rules, RuleIndex **ret_index);
RuleIndex *rule_index_free(RuleIndex *index);
DEFINE_CLEANUP(RuleIndex, rule_index_free)

/* Lists that are merged at once; more (a file system with very many mounts) are not: then every rule is tried. */
#define RULE_LISTS_MAX 16

typedef struct RuleList {
        const uint16_t *rules;          /* ascending */
        size_t n_rules;
} RuleList;

/* The rules for one event, in the order they are looked at. */
typedef struct RuleWalk {
        RuleList lists[RULE_LISTS_MAX];
        size_t n_lists;
} RuleWalk;

/* Allocates nothing. */
void rule_walk_begin(RuleWalk *walk, const RuleIndex *index, EventKind kind, MatchContext *context);
/* The next rule's number; SIZE_MAX at the end. */
size_t rule_walk_next(RuleWalk *walk);
