/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions x facts -> yes, no or unknown (Kleene's three-valued logic). A positive test of an absent fact is
 * no, of an unknown fact unknown; a fact with several values (mounts, hard links) meets a test if any of them does.
 */
#pragma once

#include "policy/rule-source.h"

/* One event's facts, each asked for at most once. Make a new one for every decision. */
typedef struct MatchContext {
        const EventFacts *facts;
        uint64_t known;                         /* bit for each key whose value below was asked for */
        FactValue values[MATCH_KEYS_MAX];       /* by match_key_index() */
} MatchContext;

void match_context_init(MatchContext *context, const EventFacts *facts);
/* Borrowed from @context. */
const FactValue *match_context_value(MatchContext *context, const MatchKey *key);

/**
 * condition_match() - is it so?
 * @ret_decider: the test or group that settled the answer, for explanations; borrowed from @condition; may be NULL
 */
Verdict condition_match(const Condition *condition, MatchContext *context, const Condition **ret_decider);

/* "fs.label is \"data\"", "fs.autofsck is unknown (Input/output error)"; new, NULL if out of memory. */
char *match_fact_text(MatchContext *context, const MatchKey *key);
