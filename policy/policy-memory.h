/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy knows of events before this one: counts of `when`, rests of `cooldown`, levels of `escalate`, what
 * `limits` have left. The chooser reads it; it changes when a decision was made, when a step begins, and when the last
 * one ended. Looks at no clock: the moment is in the facts.
 *
 * Rules that only observe have counts, rests and levels of their own, which go on as if each step had helped.
 */
#pragma once

#include "policy/decision-walk.h"
#include "policy/memory-row.h"
#include "policy/policy-compile.h"
#include "src/model/event-facts.h"

typedef struct PolicyMemory PolicyMemory;

/* @boot_id: of this boot; lines of another one are aged by the clock on the wall. Copied. */
int policy_memory_new(const char *boot_id, PolicyMemory **ret_memory);
PolicyMemory *policy_memory_free(PolicyMemory *memory);
DEFINE_CLEANUP(PolicyMemory, policy_memory_free)

const MemoryTable *policy_memory_table(const PolicyMemory *memory);

/**
 * policy_remember() - an event was decided on
 * @decisions: those that policy_choose() made of these facts with this memory
 *
 * Each rule with `when` that matches counts it, also behind the one that ended the search. What was taken empties its
 * window (per unit: those of the units that have reached the count), begins to rest, and uses up its
 * limits; whoever carries it out calls policy_remember_end(). What waits does so when it is carried out.
 *
 * Returns: 0 or -ENOMEM; then what could be remembered is.
 */
int policy_remember(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, const Decision *decisions,
                    size_t n);

/* Action @action of a decision that is_escalating begins (the first one is known by policy_remember()). */
void policy_remember_step(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, const Decision *decision,
                          size_t action);

/* An action that was counted was not begun after all (joined, refused), or was tried @n times more. */
void policy_remember_attempts(PolicyMemory *memory, const Policy *policy, const EventFacts *facts,
                              const Decision *decision, int n);

/**
 * policy_remember_workloads() - units and containers are failed or frozen
 * @rule_id: of the decision; what people ask for is not counted, and nothing else fails any
 * @mode:    of the decision
 * @n:       how many. Negative: so many that were counted were not touched after all (all of them were spared by the
 *           worker, the permit was refused, somebody asked to wait)
 *
 * To be called once for each action, when it is known who it takes and policy_workloads_room() has said that there is
 * room, before the worker is told; with a decision that only observes as well, whose counts are its own. What is
 * counted is kept like all that the memory holds.
 */
void policy_remember_workloads(PolicyMemory *memory, const Policy *policy, const EventFacts *facts,
                               const char *rule_id, PolicyMode mode, int n);

/* The last step ended, action @action of the decision. @end: of an escalation, else without meaning. */
void policy_remember_end(PolicyMemory *memory, const Policy *policy, const EventFacts *facts, const Decision *decision,
                         EscalationEnd end, size_t action);

/* A moment as lines that are kept have it, of this boot. */
MemoryMoment policy_memory_moment(const PolicyMemory *memory, uint64_t boottime_usec, uint64_t realtime_usec);

/**
 * policy_memory_adopt() - take up a line that was kept
 *
 * What this run has made itself stays. Returns: 0; -EEXIST if it has; -EINVAL if it is no such line; -ENOMEM.
 */
int policy_memory_adopt(PolicyMemory *memory, const char *key, const char *text, uint64_t now_boottime_usec,
                        uint64_t now_realtime_usec);

/**
 * policy_memory_take_change() - what is to be kept
 * @ret_key:  MEMORY_KEY_SIZE
 * @ret_text: MEMORY_ROW_SIZE; "": it is to be forgotten
 *
 * Returns: false if nothing has changed since the last call.
 */
bool policy_memory_take_change(PolicyMemory *memory, uint64_t now_boottime_usec, uint64_t now_realtime_usec,
                               char *ret_key, char *ret_text);

/* How many actions of a decision `limits` counts when it is made: those that touch a file system or a unit; of an
 * escalation the first. */
size_t policy_count_acting(const Decision *decision);

/* For the chooser. */

/* How often @rule has counted within its window, without this event; 0 if it lacks what the rule counts by. */
typedef struct WhenAnswer {
        bool is_countable;
        bool is_reached;                /* with this event */
        uint64_t n;                     /* with this event */
        /* Where it is counted per unit: the one with the most, and how many of this event's do not count. */
        char unit[WORKLOAD_UNIT_KEY_SIZE];
        size_t n_units_left_out;
} WhenAnswer;
WhenAnswer policy_memory_when(const PolicyMemory *memory, const RuleSource *rule, PolicyMode mode,
                              const EventFacts *facts);

/* Microseconds for which the rule rests still, per unit: until the first of them does not; 0: it does not;
 * USEC_INFINITY: its steps are not done. */
uint64_t policy_memory_rest_usec(const PolicyMemory *memory, const RuleSource *rule, PolicyMode mode,
                                 const EventFacts *facts);

/* The step of an escalation to begin with. */
size_t policy_memory_level(const PolicyMemory *memory, const RuleSource *rule, PolicyMode mode,
                           const EventFacts *facts);

/* Whether so many file systems fail that nothing may be done, this event included. */
bool policy_memory_is_braked(const PolicyMemory *memory, const Policy *policy, const EventFacts *facts);
/* Until when, if nothing more fails; 0: it is not. */
uint64_t policy_memory_brake_until_usec(const PolicyMemory *memory, uint64_t now_boottime_usec);
/* Somebody says that it was seen to. Returns whether the brake was on. */
bool policy_memory_release_brake(PolicyMemory *memory, uint64_t now_boottime_usec);

/* What `limits` count. */
typedef enum LimitedThing {
        LIMITED_ACTIONS,
        LIMITED_WORKLOADS,              /* units and containers that are failed or frozen */
} LimitedThing;
DECLARE_NAMES(limited_thing, LimitedThing)

/* @owner: a rule's id, or NULL for the limit of all. True if @n more do not fit; then @ret_usec says when they will
 * (USEC_INFINITY: never). */
bool policy_memory_is_limited(const PolicyMemory *memory, LimitedThing thing, const ActionLimit *limit,
                              const char *owner, PolicyMode mode, const EventFacts *facts, size_t n,
                              uint64_t *ret_usec);
