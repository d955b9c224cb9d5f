/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks the steps of a decision: each after the one before it, whatever its result unless the rule says
 * stop-on-failure. Results become events of their own.
 */

#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

static void sequence_run(Engine *engine, Sequence *sequence);

static void sequence_free(Engine *engine, Sequence *sequence) {
        TAILQ_REMOVE(&engine->sequences, sequence, entries);
        engine->n_sequences--;
        engine_survey_count(engine, &sequence->event, false);
        record_ring_release(engine->ring, sequence->event.kept_as);
        decision_clear(&sequence->decision);
        free(sequence);
}

void engine_forget_sequences(Engine *engine) {
        Sequence *sequence;

        while ((sequence = TAILQ_FIRST(&engine->sequences)))
                sequence_free(engine, sequence);
}

/* A result is told as an event about the same target. */
static void tell_result(Engine *engine, EventKind kind, const HealthEvent *cause, uint64_t filesystem_id, int error) {
        HealthEvent event = {
                .source = EVENT_SOURCE_HEALERD,
                .cause_id = cause->id,
                .filesystem_id = filesystem_id,
                .kind = kind,
                .domain = cause->domain,
                .structure = cause->structure,
                .unknown_bits = cause->unknown_bits,
                .group = cause->group,
                .inode = cause->inode,
                .generation = cause->generation,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
                .count = 1,
                .error = error,
                .is_test = cause->is_test,
        };

        engine_take_event(engine, &event);
}

static void refuse(Engine *engine, const Sequence *sequence, const ActionRequest *request, const char *why) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);

        engine->totals.n_refused++;
        if (!filesystem)
                return;
        filesystem->totals.n_refused++;
        engine_tell(engine, on_refused, request->kind, why, &sequence->decision, &sequence->event, filesystem);
        /* A result that follows from a result would be a loop. */
        if (!event_kind_is_result(sequence->event.kind))
                tell_result(engine, EVENT_ACTION_REFUSED, &sequence->event, filesystem->id, 0);
}

static void step_notice(Engine *engine, const Sequence *sequence, const ActionRequest *request) {
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, sequence->filesystem_id);
        Severity severity = request->kind == ACTION_NOTIFY ? request->severity
                                                           : event_kind_severity(sequence->event.kind);

        engine_tell(engine, on_notice, severity, request->message, &sequence->decision, &sequence->event, filesystem);
}

static RepairTarget target_of(const HealthEvent *event) {
        return (RepairTarget) {
                .structure = event->structure,
                .group = event->group,
                .inode = event->inode,
                .generation = event->generation,
        };
}

static const char *order_error_text(int error) {
        static const struct {
                int error;
                const char *text;
        } texts[] = {
                { EALREADY, "the same was tried a short while ago and did not help" },
                { ENOBUFS, "too many jobs are waiting" },
                { ESHUTDOWN, "the file system is shut down" },
                { EOPNOTSUPP, "the kernel has no repair for this structure" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (texts[i].error == error)
                        return texts[i].text;
        return strerror(error);
}

static JobOrder order_of(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                         const ActionRequest *request) {
        return (JobOrder) {
                .filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id),
                .request = request,
                .event = event,
                .target = target_of(event),
                .source = decision->source,
                .rule_id = decision->rule_id,
        };
}

/* The repair that a decision comes to after nothing but telling; NULL: none. */
static const ActionRequest *first_repair(const Engine *engine, const Decision *decision) {
        if (decision->mode == POLICY_MODE_OBSERVE || engine->options.replay_path)
                return NULL;

        for (size_t i = 0; i < decision->n_actions; i++) {
                const ActionRequest *request = decision->actions + i;

                if (request->kind == ACTION_REPAIR)
                        return request->denied_by[0] ? NULL : request;
                if (request->kind != ACTION_LOG && request->kind != ACTION_NOTIFY)
                        return NULL;
        }
        return NULL;
}

void engine_begin_repair(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                         int expected_autofsck) {
        const ActionRequest *request = first_repair(engine, decision);
        JobOrder order;

        if (!request || !metadata_structure_is_repairable(event->structure))
                return;
        order = order_of(engine, decision, event, filesystem_id, request);
        if (order.filesystem)
                job_queue_begin(engine->jobs, &order, expected_autofsck);
}

/* Returns true if a job was made that has to be waited for. */
static bool step_job(Engine *engine, Sequence *sequence, const ActionRequest *request) {
        const JobOrder order = order_of(engine, &sequence->decision, &sequence->event, sequence->filesystem_id,
                                        request);
        Job *job;
        int r;

        if (!order.filesystem)
                return false;

        if (request->kind == ACTION_REPAIR && !metadata_structure_is_repairable(order.target.structure))
                r = -EOPNOTSUPP;
        else
                r = job_queue_add(engine->jobs, &order, &job);
        if (r < 0) {
                refuse(engine, sequence, request, order_error_text(-r));
                return false;
        }

        sequence->job_id = job->id;
        return true;
}

/* Returns true if the sequence has to wait before its next step. */
static bool sequence_step(Engine *engine, Sequence *sequence, const ActionRequest *request) {
        if (request->denied_by[0]) {
                refuse(engine, sequence, request, request->denied_by);
                return false;
        }

        switch (request->kind) {
        case ACTION_LOG:
        case ACTION_NOTIFY:
                step_notice(engine, sequence, request);
                return false;
        case ACTION_SURVEY:
        case ACTION_REPAIR:
        case ACTION_SCRUB:
                return step_job(engine, sequence, request);
        case ACTION_CONDITION:
        case ACTION_VERIFY_MEDIA:
        case ACTION_FAIL_WORKLOAD:
        case ACTION_FREEZE:
        case ACTION_SHUTDOWN:
        case ACTION_RECYCLE:
        case ACTION_START_UNIT:
                /* The loader refuses these by name: whoever comes here found a hole in it. */
                refuse(engine, sequence, request, "this version does not carry it out");
                return false;
        }
        return false;
}

static void sequence_run(Engine *engine, Sequence *sequence) {
        while (sequence->next < sequence->decision.n_actions) {
                const ActionRequest *request = sequence->decision.actions + sequence->next++;

                if (sequence_step(engine, sequence, request))
                        return;
                if (request->denied_by[0] && sequence->decision.stop_on_failure)
                        break;
        }
        sequence_free(engine, sequence);
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

        TAILQ_INSERT_TAIL(&engine->sequences, sequence, entries);
        engine->n_sequences++;
        /* What was decided is not done yet: a healerd that comes after us decides it again. */
        record_ring_hold(engine->ring, event->kept_as);
        engine_survey_count(engine, event, true);
        *ret_sequence = sequence;
        return 0;
}

void engine_carry_out(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id) {
        Sequence *sequence;
        int r;

        if (decision->mode == POLICY_MODE_OBSERVE || engine->options.replay_path || decision->n_actions == 0)
                return;

        r = engine->n_sequences < ENGINE_SEQUENCES_MAX ? sequence_new(engine, decision, event, filesystem_id, &sequence)
                                                       : -ENOBUFS;
        if (r < 0) {
                if (engine->totals.n_dropped++ == 0)
                        log_error_errno(r, "event %" PRIu64 ": its decision cannot be carried out: %m", event->id);
                return;
        }
        sequence_run(engine, sequence);
}

static void count_result(EngineTotals *totals, Filesystem *filesystem, const JobReport *report) {
        bool is_refused = report->outcome == OUTCOME_REFUSED || report->outcome == OUTCOME_REFUSED_HARMFUL ||
                          report->outcome == OUTCOME_REFUSED_UNFINISHED;

        if ((report->outcome == OUTCOME_DONE || report->outcome == OUTCOME_CONTENT_LOST) &&
            report->action == ACTION_REPAIR) {
                totals->n_healed++;
                filesystem->totals.n_healed++;
        } else if (is_refused) {
                totals->n_refused++;
                filesystem->totals.n_refused++;
        } else if (!outcome_is_success(report->outcome)) {
                totals->n_failed++;
                filesystem->totals.n_failed++;
        }
}

static EventKind result_kind(const JobReport *report) {
        if (report->outcome == OUTCOME_REFUSED || report->outcome == OUTCOME_REFUSED_HARMFUL ||
            report->outcome == OUTCOME_REFUSED_UNFINISHED)
                return EVENT_ACTION_REFUSED;
        /* A scan that finds damage has done its work: the kernel reports each finding as an event of its own. */
        if (report->action == ACTION_SCRUB)
                return outcome_is_success(report->outcome) || report->outcome == OUTCOME_FOUND_CORRUPTION
                               ? EVENT_SCRUB_DONE : EVENT_SCRUB_FAILED;
        if (report->action == ACTION_SURVEY)
                return outcome_is_success(report->outcome) ? EVENT_SURVEY_DONE : EVENT_SURVEY_FAILED;
        return outcome_is_success(report->outcome) ? EVENT_REPAIR_DONE : EVENT_REPAIR_FAILED;
}

/* What upstream's program does, and no default of ours may do less: damage that one structure's repair could not mend
 * is looked for in the whole file system. Only then: a gone inode or a read-only mount is no reason for a scan of
 * hours. */
static void scan_after_failed_baseline(Engine *engine, Filesystem *filesystem, const Job *job) {
        const ActionRequest request = {
                .kind = ACTION_SCRUB,
                .timeout_usec = USEC_INFINITY,
                .scrub_repair = SCRUB_REPAIR_IF_ALLOWED,
        };
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &request,
                .event = &job->event,
                .source = DECISION_BASELINE,
        };
        const EventFacts facts = engine_facts(&job->event, filesystem);
        _cleanup_(free_at) char *denied_by = NULL;
        Job *scan;
        int r;

        if (job->report.source != DECISION_BASELINE || job->request.kind != ACTION_REPAIR ||
            (job->report.outcome != OUTCOME_STILL_CORRUPT && job->report.outcome != OUTCOME_INCOMPLETE))
                return;

        r = policy_check_call(engine->policy, &facts, ACTION_SCRUB, &denied_by);
        if (r >= 0 && !denied_by)
                r = job_queue_add(engine->jobs, &order, &scan);
        if (r < 0 && r != -EALREADY)
                log_warning_errno(r, "%s: no full scan after the failed repair: %m",
                                  filesystem->n_mounts > 0 ? filesystem->mounts[0].mount_point : "?");
}

static void continue_sequences(Engine *engine, const Job *job) {
        Sequence *next;

        for (Sequence *sequence = TAILQ_FIRST(&engine->sequences); sequence; sequence = next) {
                next = TAILQ_NEXT(sequence, entries);
                if (sequence->job_id != job->id)
                        continue;
                sequence->job_id = 0;
                if (sequence->decision.stop_on_failure && !outcome_is_success(job->report.outcome))
                        sequence_free(engine, sequence);
                else
                        sequence_run(engine, sequence);
        }
}

void engine_on_job_changed(void *userdata, Job *job) {
        Engine *engine = userdata;
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);

        if (job->state != JOB_ENDED) {
                engine_tell(engine, on_job, job, filesystem);
                return;
        }

        if (filesystem) {
                count_result(&engine->totals, filesystem, &job->report);
                engine_conditions_from_job(engine, filesystem, job);
        }
        engine_tell(engine, on_job, job, filesystem);
        if (filesystem) {
                tell_result(engine, result_kind(&job->report), &job->event, filesystem->id, job->report.error);
                scan_after_failed_baseline(engine, filesystem, job);
        }
        continue_sequences(engine, job);
}

/* What a person asks for is about a target as an event is. */
static HealthEvent event_of_call(const CallerOrder *order) {
        return (HealthEvent) {
                .filesystem_id = order->filesystem->id,
                .kind = EVENT_SICK,
                .domain = order->action == ACTION_REPAIR ? structure_domain(order->target.structure) : DOMAIN_MOUNT,
                .structure = order->target.structure,
                .group = order->target.group,
                .inode = order->target.inode,
                .generation = order->target.generation,
                .count = 1,
        };
}

/* Without a monitor nothing can prove that a repair would meet the file system that was meant. */
static bool can_have_monitor(const Filesystem *filesystem) {
        return text_equal(filesystem->facts.type, "xfs") && filesystem->monitor_state != MONITOR_UNSUPPORTED;
}

int engine_order(Engine *engine, const CallerOrder *order, Job **ret_job, char **reterr_denied) {
        const ActionRequest request = {
                .kind = order->action,
                .timeout_usec = order->timeout_usec,
                .n_retries = ACTION_RETRIES_DEFAULT,
                .backoff_min_usec = ACTION_BACKOFF_MIN_USEC,
                .backoff_max_usec = ACTION_BACKOFF_MAX_USEC,
                .scrub_repair = order->scrub_repair,
        };
        const HealthEvent event = event_of_call(order);
        const EventFacts facts = engine_facts(NULL, order->filesystem);
        const JobOrder job_order = {
                .filesystem = order->filesystem,
                .request = &request,
                .event = &event,
                .target = order->target,
                .source = DECISION_CALLER,
                .caller_uid = order->caller_uid,
                .override_harmful = order->override_harmful,
        };
        _cleanup_(free_at) char *denied_by = NULL;
        int r;

        r = policy_check_call(engine->policy, &facts, order->action, &denied_by);
        if (r < 0)
                return r;
        if (denied_by) {
                *reterr_denied = steal_ptr(denied_by);
                return -EACCES;
        }
        if (order->action == ACTION_REPAIR && !metadata_structure_is_repairable(order->target.structure))
                return -EOPNOTSUPP;
        if (order->action == ACTION_REPAIR && !can_have_monitor(order->filesystem))
                return -ENOTTY;

        return job_queue_add(engine->jobs, &job_order, ret_job);
}
