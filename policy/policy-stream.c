/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses, remembers, and walks the steps as the engine does.
 */
#include "policy/policy-stream.h"

#include "policy/policy-rules.h"

/* Long enough after the boot that no window reaches beyond it. */
#define STREAM_BOOTTIME_USEC (4 * TIMING_MAX_USEC)

struct PolicyStream {
        Policy *policy;
        PolicyMemory *memory;
        uint64_t at_usec;
        uint64_t realtime_usec;         /* where the clock on the wall stood last; 0: nobody said */
};

int policy_stream_new(Policy *policy, PolicyStream **ret_stream) {
        _cleanup_(policy_stream_free_at) PolicyStream *stream = calloc(1, sizeof(*stream));
        int r;

        if (!stream)
                return -ENOMEM;
        stream->policy = policy_ref(policy);
        r = policy_memory_new("stream", &stream->memory);
        if (r < 0)
                return r;
        *ret_stream = steal_ptr(stream);
        return 0;
}

PolicyStream *policy_stream_free(PolicyStream *stream) {
        if (stream) {
                policy_unref(stream->policy);
                policy_memory_free(stream->memory);
                free(stream);
        }
        return NULL;
}

EventFacts policy_stream_facts(PolicyStream *stream, const EventExample *example) {
        EventFacts facts = event_example_facts(example);

        stream->at_usec = max_of(stream->at_usec, example->at_usec);
        /* Times that are written down say how much passes between two events, unless the clock went back. */
        if (facts.now_realtime_usec > stream->realtime_usec && stream->realtime_usec != 0 && example->at_usec == 0)
                stream->at_usec += facts.now_realtime_usec - stream->realtime_usec;
        if (facts.now_realtime_usec != 0)
                stream->realtime_usec = facts.now_realtime_usec;
        facts.now_boottime_usec = STREAM_BOOTTIME_USEC + stream->at_usec;
        return facts;
}

const PolicyMemory *policy_stream_memory(const PolicyStream *stream) {
        return stream->memory;
}

/* Returns how it ended, and takes the next outcome of the stream if it was an action. */
static StepEnd step_end(const ActionRequest *request, const EventExample *example, size_t *n_taken,
                        Outcome *ret_outcome) {
        *ret_outcome = OUTCOME_DONE;
        if (request->denied_by[0])
                return STEP_REFUSED;
        if (action_word_of(request->kind)->is_telling)
                return STEP_TOLD;
        if (*n_taken < example->n_outcomes)
                *ret_outcome = example->outcomes[*n_taken];
        (*n_taken)++;
        return STEP_ENDED;
}

static void walk(PolicyStream *stream, const EventFacts *facts, const EventExample *example, const Decision *decision,
                 size_t *n_taken) {
        EscalationEnd end = ESCALATION_CANCELLED;
        Outcome outcome;
        size_t step = 0;

        for (size_t next = 0; next < decision->n_actions;) {
                StepEnd how;

                if (next > 0 && decision->is_escalating)
                        policy_remember_step(stream->memory, stream->policy, facts, decision, next);
                step = next;
                how = step_end(decision->actions + step, example, n_taken, &outcome);
                next = decision_step_after(decision, step, how, outcome, &end);
        }
        policy_remember_end(stream->memory, stream->policy, facts, decision, end, step);
}

int policy_stream_decide(PolicyStream *stream, const EventExample *example, Decision *ret_decisions, size_t *ret_n) {
        const EventFacts facts = policy_stream_facts(stream, example);
        size_t n_taken = 0;
        int r;

        r = policy_choose(stream->policy, stream->memory, &facts, ret_decisions, POLICY_DECISIONS_MAX, ret_n);
        if (r < 0)
                return r;

        r = policy_remember(stream->memory, stream->policy, &facts, ret_decisions, *ret_n);
        for (size_t i = 0; i < *ret_n; i++)
                if (ret_decisions[i].mode != POLICY_MODE_OBSERVE && !ret_decisions[i].suppressed_by[0])
                        walk(stream, &facts, example, ret_decisions + i, &n_taken);
        if (r < 0)
                for (size_t i = 0; i < *ret_n; i++)
                        decision_clear(ret_decisions + i);
        return r;
}
