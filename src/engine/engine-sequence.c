/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the steps of a decision, in the order of policy/decision-walk, and tells the policy's memory what became of
 * them.
 */

#include <inttypes.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-suspend.h"

/* A policy allows at most a hundred retries. */
#define ATTEMPTS_COUNTED_MAX 1000

static void sequence_free(Engine *engine, Sequence *sequence) {
        TAILQ_REMOVE(&engine->sequences, sequence, entries);
        engine->n_sequences--;
        engine_survey_count(engine, &sequence->event, false);
        record_ring_release(engine->ring, sequence->event.kept_as);
        decision_clear(&sequence->decision);
        policy_unref(sequence->policy);
        free(sequence->path);
        deferred_free(sequence->gathered);
        free(sequence);
}

void engine_forget_sequences(Engine *engine) {
        Sequence *sequence;

        while ((sequence = TAILQ_FIRST(&engine->sequences)))
                sequence_free(engine, sequence);
}

/* Also of a file system that is gone. */
static EventFacts facts_of(const Sequence *sequence) {
        return (EventFacts) {
                .event = &sequence->event,
                .filesystem = &sequence->identity,
                .now_boottime_usec = clock_boottime_usec(),
                .now_realtime_usec = clock_realtime_usec(),
        };
}

static void tell_exhausted(Engine *engine, const Sequence *sequence) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);
        char target[EVENT_TEXT_SIZE], message[RULE_ID_SIZE + 64];

        if (!filesystem)
                return;
        health_event_target_text(&sequence->event, target);
        (void) snprintf(message, sizeof(message), "all steps of rule %s were tried, and it is still damaged",
                        sequence->decision.rule_id);
        engine_raise(engine, filesystem, CONDITION_EXHAUSTED, SEVERITY_CRITICAL, target, message, sequence->event.id);
}

static void sequence_end(Engine *engine, Sequence *sequence, size_t step, EscalationEnd end) {
        const EventFacts facts = facts_of(sequence);

        if (!sequence->event.is_test) {
                policy_remember_end(engine->memory, sequence->policy, &facts, &sequence->decision, end, step);
                if (sequence->decision.is_escalating && end == ESCALATION_EXHAUSTED)
                        tell_exhausted(engine, sequence);
                engine_memory_changed(engine);
        }
        sequence_free(engine, sequence);
}

static void refuse(Engine *engine, const Sequence *sequence, const ActionRequest *request, const char *why) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);
        bool is_test = sequence->event.is_test;

        engine->totals.n_refused += !is_test;
        if (!filesystem)
                return;
        filesystem->totals.n_refused += !is_test;
        engine_tell(engine, on_refused, request->kind, why, &sequence->decision, &sequence->event, filesystem);
        /* A result that follows from a result would be a loop. Nobody wanted more of a test. */
        if (!is_test && !event_kind_is_result(sequence->event.kind))
                engine_tell_result(engine, EVENT_ACTION_REFUSED, &sequence->event, filesystem->id, 0);
}

/* What gathered behind the first event, one by one; start with NULL. */
static const DeferredEvent *further_next(const Sequence *sequence, const DeferredEvent *previous) {
        const Deferred *gathered = sequence->gathered;
        size_t next;

        if (!gathered)
                return NULL;
        next = previous ? (size_t) (previous - gathered->events) + 1 : 1;
        return next < gathered->n_events ? gathered->events + next : NULL;
}

/* Each event is told, or silenced, for itself. */
static void step_route(Engine *engine, const Sequence *sequence, const ActionRequest *request, Severity severity,
                       const Filesystem *filesystem, bool is_first_silenced) {
        RoutedNotice notice = {
                .route = request->route,
                .severity = severity,
                .rule_id = sequence->decision.rule_id,
                .event = &sequence->event,
                .filesystem = filesystem,
                .path = sequence->path,
                .n_more = sequence->gathered ? sequence->gathered->n_dropped : 0,
        };

        if (!is_first_silenced) {
                engine_tell(engine, on_routed, &notice);
                notice.n_more = 0;
        }
        for (const DeferredEvent *further = NULL; (further = further_next(sequence, further));) {
                if (engine_is_silenced(engine, &further->event, filesystem, &sequence->decision, request))
                        continue;
                notice.event = &further->event;
                notice.path = further->path;
                if (request->has_own_severity)
                        notice.severity = health_event_severity(&further->event);
                engine_tell(engine, on_routed, &notice);
                notice.n_more = 0;
        }
}

static void step_notice(Engine *engine, const Sequence *sequence, const ActionRequest *request) {
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);
        Severity severity = request->kind == ACTION_NOTIFY ? request->severity
                                                           : event_kind_severity(sequence->event.kind);
        bool is_silenced = request->kind == ACTION_NOTIFY &&
                           engine_is_silenced(engine, &sequence->event, filesystem, &sequence->decision, request);

        if (!is_silenced)
                engine_tell(engine, on_notice, severity, request->message, &sequence->decision, &sequence->event,
                            filesystem);
        if (request->route)
                step_route(engine, sequence, request, severity, filesystem, is_silenced);
}

static StepEnd step_condition(Engine *engine, const Sequence *sequence, const ActionRequest *request) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);

        if (!filesystem) {
                refuse(engine, sequence, request, "the file system is not there any more");
                return STEP_REFUSED;
        }
        engine_raise_for_rule(engine, filesystem, &sequence->decision, request, &sequence->event);
        for (const DeferredEvent *further = NULL; (further = further_next(sequence, further));)
                engine_raise_for_rule(engine, filesystem, &sequence->decision, request, &further->event);
        return STEP_TOLD;
}

/* An action that was counted when it was decided on, and that nobody begins for it. */
static void give_back(Engine *engine, const Sequence *sequence) {
        const EventFacts facts = facts_of(sequence);

        policy_remember_attempts(engine->memory, sequence->policy, &facts, &sequence->decision, -1);
}

/* The unit is given them, too: they join its job, which is not started before the loop goes on. */
static void add_further(Engine *engine, const Sequence *sequence, JobOrder order) {
        Job *job;

        order.n_more = 0;
        for (const DeferredEvent *further = NULL; (further = further_next(sequence, further));) {
                order.event = &further->event;
                order.path = further->path;
                (void) job_queue_add(engine->jobs, &order, &job);
        }
}

/* Returns true if a job was made that has to be waited for. */
static bool step_job(Engine *engine, Sequence *sequence, const ActionRequest *request) {
        JobOrder order = engine_order_of(engine, &sequence->decision, &sequence->event, sequence->filesystem_id,
                                         request);
        Job *job;
        int r;

        if (!order.filesystem)
                return false;
        order.path = sequence->path;
        order.n_more = sequence->gathered ? sequence->gathered->n_dropped : 0;

        if (request->kind == ACTION_REPAIR && !metadata_structure_is_repairable(order.target.structure))
                r = -EOPNOTSUPP;
        else
                r = job_queue_add(engine->jobs, &order, &job);
        if (r <= 0)
                give_back(engine, sequence);
        if (r < 0) {
                /* There will be room. */
                if (r == -ENOBUFS && request->kind == ACTION_REPAIR)
                        engine_looks_later(engine, order.filesystem, &sequence->event);
                refuse(engine, sequence, request, engine_order_error_text(-r));
                return false;
        }

        sequence->job_id = job->id;
        sequence->is_own_job = r > 0;
        if (request->kind == ACTION_START_UNIT)
                add_further(engine, sequence, order);
        return true;
}

/* It was decided before the pause began. */
static bool is_held_back(Engine *engine, const Sequence *sequence, const ActionRequest *request) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);
        char why[DENIED_SIZE];

        if (engine_may_begin(engine, &sequence->event, filesystem, request->kind, why))
                return false;
        give_back(engine, sequence);
        refuse(engine, sequence, request, why);
        if (filesystem && request->kind == ACTION_REPAIR)
                engine_want_after_pause(engine, filesystem, &sequence->event);
        return true;
}

/* Returns true if the sequence has to wait before its next step. */
static bool sequence_step(Engine *engine, Sequence *sequence, const ActionRequest *request, StepEnd *ret_how) {
        *ret_how = STEP_REFUSED;
        /* Nothing but a silence denies that something is told, and whether it still does is looked up now. */
        if (request->denied_by[0] && request->kind != ACTION_NOTIFY) {
                refuse(engine, sequence, request, request->denied_by);
                return false;
        }

        if (request->is_deferred && !sequence->event.is_test) {
                const EventFacts facts = facts_of(sequence);

                engine_defer(engine, &sequence->decision, sequence->step, &facts);
                *ret_how = STEP_TOLD;
                return false;
        }
        if (is_held_back(engine, sequence, request))
                return false;

        switch (request->kind) {
        case ACTION_LOG:
        case ACTION_NOTIFY:
                step_notice(engine, sequence, request);
                *ret_how = STEP_TOLD;
                return false;
        case ACTION_CONDITION:
                *ret_how = step_condition(engine, sequence, request);
                return false;
        case ACTION_SURVEY:
        case ACTION_REPAIR:
        case ACTION_SCRUB:
        case ACTION_VERIFY_MEDIA:
        case ACTION_START_UNIT:
        case ACTION_FAIL_WORKLOAD:
        case ACTION_FREEZE:
        case ACTION_SHUTDOWN:
        case ACTION_RECYCLE:
                return step_job(engine, sequence, request);
        }
        return false;
}

/* What limits or a missing fact forbid now may be allowed in an hour. */
static void tell_schedule(Engine *engine, const Sequence *sequence, StepEnd how, Outcome outcome) {
        const char *denied_by = sequence->decision.actions[0].denied_by;
        bool by_property = text_starts_with(denied_by, "autofsck: ") && !text_equal(denied_by, "autofsck: unknown");
        const ScheduleEnd end = {
                .outcome = outcome,
                .was_begun = how == STEP_ENDED,
                .is_for_good = by_property || text_starts_with(denied_by, "protect: "),
        };

        engine_schedule_on_end(engine, sequence->identity.uuid, sequence->decision.rule_id, end);
}

bool engine_has_scheduled_sequence(const Engine *engine, uint64_t filesystem_id, const char *schedule) {
        const Sequence *sequence;

        TAILQ_FOREACH(sequence, &engine->sequences, entries)
                if (sequence->filesystem_id == filesystem_id && sequence->decision.source == DECISION_SCHEDULE &&
                    text_equal(sequence->decision.rule_id, schedule))
                        return true;
        return false;
}

/* After step @step. Frees the sequence if it was the last one. */
static bool sequence_advance(Engine *engine, Sequence *sequence, StepEnd how, Outcome outcome) {
        const Decision *decision = &sequence->decision;
        EscalationEnd end;
        size_t step = sequence->step;

        sequence->step = decision_step_after(decision, step, how, outcome, &end);
        if (sequence->step >= decision->n_actions) {
                if (decision->source == DECISION_SCHEDULE)
                        tell_schedule(engine, sequence, how, outcome);
                sequence_end(engine, sequence, step, end);
                return false;
        }
        if (decision->is_escalating && !sequence->event.is_test) {
                const EventFacts facts = facts_of(sequence);

                policy_remember_step(engine->memory, sequence->policy, &facts, decision, sequence->step);
                engine_memory_changed(engine);
        }
        return true;
}

static void sequence_run(Engine *engine, Sequence *sequence) {
        StepEnd how;

        do {
                if (sequence_step(engine, sequence, sequence->decision.actions + sequence->step, &how))
                        return;
        } while (sequence_advance(engine, sequence, how, OUTCOME_REFUSED));
}

/* Only what makes it the same file system after a restart. */
static FilesystemFacts identity_of(const Engine *engine, uint64_t filesystem_id) {
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);
        FilesystemFacts identity = {};

        if (filesystem) {
                identity.device_number = filesystem->facts.device_number;
                identity.uuid_state = filesystem->facts.uuid_state;
                memcpy(identity.uuid, filesystem->facts.uuid, sizeof(identity.uuid));
        }
        return identity;
}

/* Takes the actions out of a decision: they are walked here, the rest has been told already. */
static int sequence_new(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                        Sequence **ret_sequence) {
        Sequence *sequence = calloc(1, sizeof(*sequence));
        int r;

        if (!sequence)
                return -ENOMEM;
        sequence->event = *event;
        sequence->filesystem_id = filesystem_id;
        sequence->identity = identity_of(engine, filesystem_id);
        sequence->decision = *decision;
        for (size_t i = 0; i < decision->n_actions; i++) {
                r = action_request_copy(decision->actions + i, sequence->decision.actions + i);
                if (r < 0) {
                        sequence->decision.n_actions = i;
                        decision_clear(&sequence->decision);
                        free(sequence);
                        return r;
                }
        }
        sequence->policy = policy_ref(engine->policy);

        TAILQ_INSERT_TAIL(&engine->sequences, sequence, entries);
        engine->n_sequences++;
        /* What was decided is not done yet: a healerd that comes after us decides it again. */
        record_ring_hold(engine->ring, event->kept_as);
        engine_survey_count(engine, event, true);
        *ret_sequence = sequence;
        return 0;
}

/* Nothing of it is done: the rule does not rest for it. */
static void drop(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id) {
        const FilesystemFacts identity = identity_of(engine, filesystem_id);
        const EventFacts facts = {
                .event = event,
                .filesystem = &identity,
                .now_boottime_usec = clock_boottime_usec(),
                .now_realtime_usec = clock_realtime_usec(),
        };

        if (event->is_test)
                return;
        policy_remember_attempts(engine->memory, engine->policy, &facts, decision,
                                 -(int) policy_count_acting(decision));
        policy_remember_end(engine->memory, engine->policy, &facts, decision, ESCALATION_CANCELLED, 0);
}

/* As people see it: below the first mount point that shows the whole of the file system. NULL if there is none. */
static char *path_from_root(Engine *engine, uint64_t filesystem_id, const char *path) {
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);
        char *absolute = NULL;

        for (size_t i = 0; path && filesystem && i < filesystem->n_mounts; i++) {
                const char *mount_point = filesystem->mounts[i].mount_point;

                if (!filesystem->mounts[i].is_whole || !mount_point)
                        continue;
                if (asprintf(&absolute, "%s%s", text_equal(mount_point, "/") ? "" : mount_point, path) < 0)
                        return NULL;
                return absolute;
        }
        return NULL;
}

void engine_carry_out(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                      const CarryOut *how) {
        Sequence *sequence;
        int r;

        if (decision->suppressed_by[0])
                return;
        if (decision->mode == POLICY_MODE_OBSERVE) {
                engine_observe(engine, decision, event, filesystem_id);
                return;
        }
        if (engine->options.replay_path || decision->n_actions == 0) {
                drop(engine, decision, event, filesystem_id);
                return;
        }

        r = engine->n_sequences < ENGINE_SEQUENCES_MAX ? sequence_new(engine, decision, event, filesystem_id, &sequence)
                                                       : -ENOBUFS;
        if (r < 0) {
                if (engine->totals.n_dropped++ == 0)
                        log_error_errno(r, "event %" PRIu64 ": its decision cannot be carried out: %m", event->id);
                drop(engine, decision, event, filesystem_id);
                return;
        }
        sequence->path = path_from_root(engine, filesystem_id, how->path);
        if (how->gathered)
                sequence->gathered = steal_ptr(*how->gathered);
        sequence->is_look = how->is_look;
        sequence_run(engine, sequence);
}

/* Tried more than once, it is more than one action; what was put back was counted when it was tried again. */
static void count_attempts(Engine *engine, const Sequence *sequence, const Job *job) {
        const EventFacts facts = facts_of(sequence);
        unsigned n_counted = 1 + job->n_again;

        if (sequence->is_own_job && job->report.n_attempts > n_counted)
                policy_remember_attempts(engine->memory, sequence->policy, &facts, &sequence->decision,
                                         (int) min_of(job->report.n_attempts - n_counted,
                                                      (unsigned) ATTEMPTS_COUNTED_MAX));
}

/* A look that found nothing to do was no action. */
static void give_back_look(Engine *engine, const Sequence *sequence, const Job *job) {
        if (sequence->is_look && sequence->is_own_job && job->request.kind == ACTION_REPAIR &&
            job->report.outcome == OUTCOME_NOT_NEEDED)
                give_back(engine, sequence);
}

static const Sequence *owner_of(const Engine *engine, const Job *job) {
        const Sequence *sequence;

        TAILQ_FOREACH(sequence, &engine->sequences, entries)
                if (sequence->job_id == job->id && sequence->is_own_job)
                        return sequence;
        return NULL;
}

bool engine_sequence_may_act(Engine *engine, const Job *job, ActionRequest *request) {
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);
        const Sequence *sequence = owner_of(engine, job);
        const char *const paths[] = { sequence ? sequence->path : NULL, NULL };
        char why[DENIED_SIZE];
        EventFacts facts;

        /* A person's order, which budgets do not bind. */
        if (!sequence)
                return job->report.source == DECISION_CALLER;
        facts = engine_facts(engine, &sequence->event, filesystem);
        facts.path_state = paths[0] ? FACT_KNOWN : sequence->event.inode != 0 ? FACT_UNKNOWN : FACT_ABSENT;
        facts.paths = paths[0] ? paths : NULL;
        /* One more try of a repair belongs to a job that has begun; a scan that helps it would be another. */
        if ((request->kind != ACTION_REPAIR &&
             !engine_may_begin(engine, &sequence->event, filesystem, request->kind, why)) ||
            !policy_allows_more(engine->policy, engine->memory, &facts, &sequence->decision, request, why)) {
                log_notice("job %" PRIu64 ", %s: no further %s: %s", job->id, job->target_text,
                           action_kind_to_name(request->kind), why);
                return false;
        }

        facts = facts_of(sequence);
        policy_remember_attempts(engine->memory, sequence->policy, &facts, &sequence->decision, 1);
        engine_memory_changed(engine);
        return true;
}

void engine_continue_sequences(Engine *engine, const Job *job) {
        Sequence *next;

        for (Sequence *sequence = TAILQ_FIRST(&engine->sequences); sequence; sequence = next) {
                next = TAILQ_NEXT(sequence, entries);
                if (sequence->job_id != job->id)
                        continue;
                sequence->job_id = 0;
                count_attempts(engine, sequence, job);
                give_back_look(engine, sequence, job);
                if (sequence_advance(engine, sequence, STEP_ENDED, job->report.outcome))
                        sequence_run(engine, sequence);
        }
}
