/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses, remembers, waits, and walks the steps as the engine does.
 */
#include "policy/policy-stream.h"

#include "policy/policy-rules.h"
#include "src/basic/text.h"
#include "src/model/workload-plan.h"

/* Long enough after the boot that no window reaches beyond it. */
#define STREAM_BOOTTIME_USEC (4 * TIMING_MAX_USEC)

/* What is known of the file system of something that waits. */
typedef struct Waiting {
        TAILQ_ENTRY(Waiting) entries;
        char key[MEMORY_KEY_SIZE];
        bool has_filesystem;
        FilesystemFacts filesystem;
        Zone *zone;
        FactState workloads_state;
        int workloads_error;
        WorkloadFacts workloads;
        uint64_t boottime_usec, realtime_usec;  /* when it began to wait */
} Waiting;

struct PolicyStream {
        Policy *policy;
        PolicyMemory *memory;
        DeferredTable *deferred;
        TAILQ_HEAD(, Waiting) waiting;
        Deferred *due;                  /* that policy_stream_due() told last */
        uint64_t at_usec;
        uint64_t realtime_usec;         /* where the clock on the wall stood last; 0: nobody said */
};

int policy_stream_new(Policy *policy, PolicyStream **ret_stream) {
        _cleanup_(policy_stream_free_at) PolicyStream *stream = calloc(1, sizeof(*stream));
        int r;

        if (!stream)
                return -ENOMEM;
        TAILQ_INIT(&stream->waiting);
        stream->policy = policy_ref(policy);
        r = policy_memory_new("stream", &stream->memory);
        if (r >= 0)
                r = deferred_table_new(&stream->deferred);
        if (r < 0)
                return r;
        *ret_stream = steal_ptr(stream);
        return 0;
}

/* NULL is fine. */
static void waiting_free(PolicyStream *stream, Waiting *waiting) {
        if (!waiting)
                return;
        TAILQ_REMOVE(&stream->waiting, waiting, entries);
        filesystem_facts_clear(&waiting->filesystem);
        workload_facts_clear(&waiting->workloads);
        zone_free(waiting->zone);
        free(waiting);
}

PolicyStream *policy_stream_free(PolicyStream *stream) {
        Waiting *first;

        if (!stream)
                return NULL;
        while ((first = TAILQ_FIRST(&stream->waiting)))
                waiting_free(stream, first);
        deferred_free(stream->due);
        deferred_table_free(stream->deferred);
        policy_memory_free(stream->memory);
        policy_unref(stream->policy);
        free(stream);
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

static Waiting *waiting_find(PolicyStream *stream, const char *key) {
        Waiting *waiting;

        TAILQ_FOREACH(waiting, &stream->waiting, entries)
                if (text_equal(waiting->key, key))
                        return waiting;
        return NULL;
}

static int copy_workloads(const EventFacts *facts, Waiting *waiting) {
        int r = 0;

        waiting->workloads_state = facts->workloads_state;
        waiting->workloads_error = facts->workloads_error;
        if (facts->workloads_state != FACT_KNOWN)
                return 0;
        waiting->workloads.is_partial = facts->workloads->is_partial;
        for (size_t i = 0; i < facts->workloads->n_items && r >= 0; i++)
                r = workload_facts_add(&waiting->workloads, &facts->workloads->items[i]);
        return r < 0 ? r : workload_facts_settle(&waiting->workloads);
}

static int waiting_new(PolicyStream *stream, const char *key, const EventFacts *facts) {
        Waiting *waiting;
        int r = 0;

        if (waiting_find(stream, key))
                return 0;
        waiting = calloc(1, sizeof(*waiting));
        if (!waiting)
                return -ENOMEM;
        (void) text_copy(waiting->key, sizeof(waiting->key), key);
        waiting->boottime_usec = facts->now_boottime_usec;
        waiting->realtime_usec = facts->now_realtime_usec;
        TAILQ_INSERT_TAIL(&stream->waiting, waiting, entries);
        if (facts->filesystem) {
                waiting->has_filesystem = true;
                r = filesystem_facts_copy(facts->filesystem, &waiting->filesystem);
        }
        if (r >= 0 && facts->zone)
                r = zone_new_named(zone_name(facts->zone), &waiting->zone);
        return r < 0 ? r : copy_workloads(facts, waiting);
}

/* The decision, or action @action of it. */
static int defer(PolicyStream *stream, const Decision *decision, size_t action, const EventFacts *facts) {
        Deferred *deferred;
        int r;

        r = deferred_table_add(stream->deferred, decision, action, facts, &deferred);
        return r < 0 ? r : waiting_new(stream, deferred->key, facts);
}

/* What does not last is not waited for. */
static void heal(PolicyStream *stream, const EventFacts *facts) {
        Deferred *healed;

        if (facts->event->kind != EVENT_HEALTHY)
                return;
        while ((healed = deferred_table_healed(stream->deferred, facts))) {
                waiting_free(stream, waiting_find(stream, healed->key));
                deferred_table_take(stream->deferred, healed);
                deferred_free(healed);
        }
}

/* Whom an action takes of those that were written down. */
static int plan_workloads(const EventFacts *facts, const WorkloadScope *scope, WorkloadPlan *plan) {
        const FilesystemFacts *filesystem = facts->filesystem;
        const PlanGround ground = {
                .scope = scope,
                .mounts = (const char *const *) filesystem->mounts,
                .n_mounts = filesystem->n_mounts,
                .is_root = filesystem->is_root != TRISTATE_NO,
                .is_state = filesystem->is_state != TRISTATE_NO,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < facts->workloads->n_items; i++) {
                const WorkloadFact *fact = &facts->workloads->items[i];
                const UserFacts user = {
                        .kind = USER_PROCESS,
                        .name = "",
                        .uid = fact->user_state == FACT_KNOWN ? fact->user : UINT32_MAX,
                        .uses = USE_OPEN,
                        .workload = &fact->workload,
                };

                r = workload_plan_add(plan, &(PlanUser) {
                        .kind = USER_PROCESS,
                        .name = "",
                        .uses = USE_OPEN,
                        .workload = &fact->workload,
                        .spared_because = user_spared_because(&user),
                        .is_session = user_is_spared_as_session(&user),
                });
        }
        return r < 0 ? r : workload_plan_decide(plan, &ground);
}

/* As the engine does when it has looked who uses the file system; here it is known only if it was written down. What is
 * taken is counted. */
static int bound_workloads(PolicyStream *stream, const EventFacts *facts, const Decision *decision,
                           ActionRequest *request) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        int r;

        if (!request->workloads || request->denied_by[0] || request->is_deferred || !facts->filesystem ||
            facts->workloads_state != FACT_KNOWN || facts->workloads->is_partial)
                return 0;
        r = plan_workloads(facts, request->workloads, &plan);
        if (r < 0)
                return r;
        if (plan.refused[0])
                (void) text_copy(request->denied_by, sizeof(request->denied_by), plan.refused);
        else if (policy_workloads_room(stream->memory, stream->policy, decision->rule_id, decision->mode, facts,
                                       plan.n_taken, request->denied_by))
                policy_remember_workloads(stream->memory, stream->policy, facts, decision->rule_id, decision->mode,
                                          (int) plan.n_taken);
        return 0;
}

/* Returns how it ended, and takes the next outcome of the stream if it was an action. */
static StepEnd step_end(const ActionRequest *request, const EventExample *example, size_t *n_taken,
                        Outcome *ret_outcome) {
        *ret_outcome = OUTCOME_DONE;
        if (request->denied_by[0])
                return STEP_REFUSED;
        if (action_word_of(request->kind)->is_telling || request->is_deferred)
                return STEP_TOLD;
        if (example && *n_taken < example->n_outcomes)
                *ret_outcome = example->outcomes[*n_taken];
        (*n_taken)++;
        return STEP_ENDED;
}

static int walk(PolicyStream *stream, const EventFacts *facts, const EventExample *example, Decision *decision,
                size_t *n_taken) {
        EscalationEnd end = ESCALATION_CANCELLED;
        Outcome outcome;
        size_t step = 0;
        int r = 0;

        for (size_t next = 0; next < decision->n_actions && r >= 0;) {
                StepEnd how;

                if (next > 0 && decision->is_escalating)
                        policy_remember_step(stream->memory, stream->policy, facts, decision, next);
                step = next;
                r = bound_workloads(stream, facts, decision, decision->actions + step);
                if (r < 0)
                        break;
                how = step_end(decision->actions + step, example, n_taken, &outcome);
                if (decision->actions[step].is_deferred)
                        r = defer(stream, decision, step, facts);
                next = decision_step_after(decision, step, how, outcome, &end);
        }
        policy_remember_end(stream->memory, stream->policy, facts, decision, end, step);
        return r;
}

/* As if each step had helped, the first of an escalation ends it. */
static int observe(PolicyStream *stream, const EventFacts *facts, Decision *decision) {
        size_t n = decision->is_escalating ? min_of(decision->n_actions, (size_t) 1) : decision->n_actions;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = bound_workloads(stream, facts, decision, decision->actions + i);
        return r;
}

static int carry_out(PolicyStream *stream, const EventFacts *facts, const EventExample *example,
                     Decision *decisions, size_t n) {
        size_t n_taken = 0;
        int r;

        r = policy_remember(stream->memory, stream->policy, facts, decisions, n);
        for (size_t i = 0; i < n && r >= 0; i++) {
                Decision *decision = decisions + i;

                if (decision->suppressed_by[0])
                        continue;
                if (decision->wait != WAIT_NONE)
                        r = defer(stream, decision, 0, facts);
                else if (decision->mode != POLICY_MODE_OBSERVE)
                        r = walk(stream, facts, example, decision, &n_taken);
                else
                        r = observe(stream, facts, decision);
        }
        for (size_t i = 0; i < n && r < 0; i++)
                decision_clear(decisions + i);
        return r;
}

int policy_stream_decide(PolicyStream *stream, const EventExample *example, Decision *ret_decisions, size_t *ret_n) {
        const EventFacts facts = policy_stream_facts(stream, example);
        int r;

        heal(stream, &facts);
        r = policy_choose(stream->policy, stream->memory, &facts, ret_decisions, POLICY_DECISIONS_MAX, ret_n);
        return r < 0 ? r : carry_out(stream, &facts, example, ret_decisions, *ret_n);
}

/* The moment up to which the stream has come when @until is about to be decided on. */
static uint64_t moment_before(const PolicyStream *stream, const EventExample *until) {
        PolicyStream then = *stream;

        return until ? policy_stream_facts(&then, until).now_boottime_usec : USEC_INFINITY / 4;
}

int policy_stream_due(PolicyStream *stream, const EventExample *until, Decision *ret_decisions, size_t *ret_n,
                      const Deferred **ret_waited, uint64_t *ret_after_usec) {
        Deferred *due = deferred_table_due(stream->deferred, moment_before(stream, until));
        const char *paths[2] = {};
        EventFacts facts = {};
        uint64_t moment_usec;
        Waiting *waiting;
        int r = 0;

        stream->due = deferred_free(stream->due);
        if (!due)
                return 0;
        stream->due = due;
        deferred_table_take(stream->deferred, due);
        waiting = waiting_find(stream, due->key);
        if (!waiting)
                return -ENOENT;
        moment_usec = (uint64_t) (due->kind == DEFERRED_IN ? min_of(due->due_usec, due->last_usec) : due->due_usec);

        paths[0] = due->events[0].path;
        facts.event = &due->events[0].event;
        facts.path_state = paths[0] ? FACT_KNOWN : FACT_UNKNOWN;
        facts.paths = paths;
        facts.filesystem = waiting->has_filesystem ? &waiting->filesystem : NULL;
        facts.zone = waiting->zone;
        facts.workloads_state = waiting->workloads_state;
        facts.workloads_error = waiting->workloads_error;
        facts.workloads = &waiting->workloads;
        facts.now_boottime_usec = moment_usec;
        if (waiting->realtime_usec != 0)
                facts.now_realtime_usec = waiting->realtime_usec + (moment_usec - waiting->boottime_usec);
        facts.resumed_from = deferred_resumed_from(due->kind);
        facts.resumed_rule = due->rule_id;
        facts.resumed_step = due->step;

        *ret_n = 0;
        *ret_waited = due;
        *ret_after_usec = moment_usec - STREAM_BOOTTIME_USEC;
        if (!deferred_has_expired(due, moment_usec))
                r = policy_choose(stream->policy, stream->memory, &facts, ret_decisions, POLICY_DECISIONS_MAX, ret_n);
        if (r >= 0)
                r = carry_out(stream, &facts, NULL, ret_decisions, *ret_n);
        if (!deferred_table_find(stream->deferred, due->key))
                waiting_free(stream, waiting);
        return r < 0 ? r : 1;
}
