/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy meeting one event after the other by a clock of its own: what the daemon would decide about a stream of
 * events, with the same chooser and the same memory. Actions take no time, and end as the stream says.
 */
#pragma once

#include "policy/deferred-table.h"
#include "policy/event-example.h"
#include "policy/policy-choose.h"

typedef struct PolicyStream PolicyStream;

/* @policy: referenced. */
int policy_stream_new(Policy *policy, PolicyStream **ret_stream);
PolicyStream *policy_stream_free(PolicyStream *stream);
DEFINE_CLEANUP(PolicyStream, policy_stream_free)

/* What is known when the next event comes, by its own time; nothing comes earlier than what was before it. Borrowed
 * from @example. */
EventFacts policy_stream_facts(PolicyStream *stream, const EventExample *example);
/* For policy_explain() before the event is decided on. */
const PolicyMemory *policy_stream_memory(const PolicyStream *stream);

/**
 * policy_stream_due() - what has waited and comes due before the next event
 * @until:          that event; NULL: the stream has ended, and everything comes due
 * @ret_decisions:  as policy_stream_decide(); none if the rule wants nothing any more
 * @ret_waited:     what waited, borrowed until the next call
 * @ret_after_usec: since the beginning of the stream
 *
 * To be called before each event, until it says that there is nothing: 0. What the stream does not say to be healthy
 * lasts.
 *
 * Returns: 1; 0; or a negative errno.
 */
int policy_stream_due(PolicyStream *stream, const EventExample *until, Decision *ret_decisions, size_t *ret_n,
                      const Deferred **ret_waited, uint64_t *ret_after_usec);

/**
 * policy_stream_decide() - the next event
 * @ret_decisions: POLICY_DECISIONS_MAX elements; decision_clear()
 *
 * Acting steps end as example->outcomes says, in the order in which they are done, those beyond it well.
 *
 * Returns: 0 or as policy_choose().
 */
int policy_stream_decide(PolicyStream *stream, const EventExample *example, Decision *ret_decisions, size_t *ret_n);
