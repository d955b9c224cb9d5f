/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders jobs, for decisions and for people, and makes of their results events of their own.
 */

#include <string.h>

#include "src/action/job-kind.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-workloads.h"

void engine_tell_result(Engine *engine, EventKind kind, const HealthEvent *cause, uint64_t filesystem_id, int error) {
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

static RepairTarget target_of(const HealthEvent *event) {
        return (RepairTarget) {
                .structure = event->structure,
                .group = event->group,
                .inode = event->inode,
                .generation = event->generation,
        };
}

const char *engine_order_error_text(int error) {
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

JobOrder engine_order_of(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                         const ActionRequest *request) {
        return (JobOrder) {
                .filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id),
                .request = request,
                .event = event,
                /* A scan is about everything: no other failure holds it off, and one is enough. */
                .target = request->kind == ACTION_REPAIR ? target_of(event) : (RepairTarget) {},
                .source = decision->source,
                .rule_id = decision->rule_id,
        };
}

/* The repair that a decision comes to after nothing but telling; NULL: none. */
static const ActionRequest *first_repair(const Engine *engine, const Decision *decision) {
        if (decision->mode == POLICY_MODE_OBSERVE || decision->suppressed_by[0] || decision->wait != WAIT_NONE ||
            engine->options.replay_path)
                return NULL;

        for (size_t i = 0; i < decision->n_actions; i++) {
                const ActionRequest *request = decision->actions + i;

                if (request->kind == ACTION_REPAIR)
                        return request->denied_by[0] ? NULL : request;
                if (!action_word_of(request->kind)->is_telling)
                        return NULL;
        }
        return NULL;
}

/* What comes after the repair whatever it came to is about damage that there really is. */
static void keep_repair(Decision *decision) {
        size_t n = 0;

        while (n < decision->n_actions && decision->actions[n].kind != ACTION_REPAIR)
                action_request_clear(decision->actions + n++);
        memmove(decision->actions, decision->actions + n, (decision->n_actions - n) * sizeof(*decision->actions));
        decision->n_actions -= n;
        decision->first_step += (unsigned) n;
        while (!decision->is_escalating && decision->n_actions > 1)
                action_request_clear(decision->actions + --decision->n_actions);
}

size_t engine_keep_repairs(const Engine *engine, Decision *decisions, size_t n) {
        size_t n_kept = 0;

        for (size_t i = 0; i < n; i++) {
                if (!first_repair(engine, decisions + i)) {
                        decision_clear(decisions + i);
                        continue;
                }
                keep_repair(decisions + i);
                if (n_kept != i)
                        decisions[n_kept] = decisions[i];
                n_kept++;
        }
        return n_kept;
}

void engine_begin_repair(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id,
                         int expected_autofsck) {
        const ActionRequest *request = first_repair(engine, decision);
        JobOrder order;

        if (!request || !metadata_structure_is_repairable(event->structure))
                return;
        order = engine_order_of(engine, decision, event, filesystem_id, request);
        if (order.filesystem)
                job_queue_begin(engine->jobs, &order, expected_autofsck);
}

static void note_heal(HealTimes *times, uint64_t usec) {
        times->n++;
        times->last_usec = usec;
        times->max_usec = max_of(times->max_usec, usec);
        times->total_usec += usec;
}

/* What a person asked for has no beginning; nor has anything if the clock on the wall went back. */
static void time_heal(EngineTotals *totals, Filesystem *filesystem, const Job *job) {
        uint64_t began_usec = job->event.time_realtime_nsec / NSEC_PER_USEC;
        uint64_t ended_usec = job->report.ended_realtime_usec;

        if (job->event.id == 0 || began_usec == 0 || ended_usec < began_usec)
                return;
        note_heal(&totals->heal_times, ended_usec - began_usec);
        note_heal(&filesystem->totals.heal_times, ended_usec - began_usec);
}

static void count_result(EngineTotals *totals, Filesystem *filesystem, const Job *job) {
        const JobReport *report = &job->report;
        bool is_refused = report->outcome == OUTCOME_REFUSED || report->outcome == OUTCOME_REFUSED_HARMFUL ||
                          report->outcome == OUTCOME_REFUSED_UNFINISHED;

        if ((report->outcome == OUTCOME_DONE || report->outcome == OUTCOME_CONTENT_LOST) &&
            report->action == ACTION_REPAIR) {
                totals->n_healed++;
                filesystem->totals.n_healed++;
                time_heal(totals, filesystem, job);
        } else if (is_refused) {
                totals->n_refused++;
                filesystem->totals.n_refused++;
        } else if (!outcome_is_success(report->outcome)) {
                totals->n_failed++;
                filesystem->totals.n_failed++;
        }
}

static EventKind result_kind(const Job *job) {
        const JobReport *report = &job->report;

        /* Somebody did not want it any more, or nobody can use it any more: nobody was left over. */
        if (job_kind_rule(job->request.kind)->is_prepared && !job->is_ordered &&
            (report->outcome == OUTCOME_CANCELLED || report->outcome == OUTCOME_UNMOUNTED))
                return EVENT_ACTION_REFUSED;
        if (report->outcome == OUTCOME_REFUSED || report->outcome == OUTCOME_REFUSED_HARMFUL ||
            report->outcome == OUTCOME_REFUSED_UNFINISHED)
                return EVENT_ACTION_REFUSED;
        /* A scan that finds damage has done its work: the kernel reports each finding as an event of its own. */
        if (report->action == ACTION_SCRUB)
                return outcome_is_success(report->outcome) || report->outcome == OUTCOME_FOUND_CORRUPTION
                               ? EVENT_SCRUB_DONE : EVENT_SCRUB_FAILED;
        if (report->action == ACTION_VERIFY_MEDIA)
                return outcome_is_success(report->outcome) || report->outcome == OUTCOME_FOUND_CORRUPTION
                               ? EVENT_VERIFY_DONE : EVENT_VERIFY_FAILED;
        if (report->action == ACTION_SURVEY)
                return outcome_is_success(report->outcome) ? EVENT_SURVEY_DONE : EVENT_SURVEY_FAILED;
        if (report->action == ACTION_FAIL_WORKLOAD)
                return outcome_is_success(report->outcome) ? EVENT_WORKLOAD_FAILED : EVENT_WORKLOAD_LEFT;
        if (report->action == ACTION_FREEZE)
                return outcome_is_success(report->outcome) ? EVENT_WORKLOAD_FROZEN : EVENT_WORKLOAD_LEFT;
        if (report->action == ACTION_SHUTDOWN)
                return outcome_is_success(report->outcome) ? EVENT_SHUTDOWN_DONE : EVENT_SHUTDOWN_FAILED;
        if (report->action == ACTION_RECYCLE)
                return outcome_is_success(report->outcome) ? EVENT_RECYCLE_DONE : EVENT_RECYCLE_FAILED;
        if (report->action == ACTION_START_UNIT)
                return outcome_is_success(report->outcome) ? EVENT_UNIT_DONE : EVENT_UNIT_FAILED;
        return outcome_is_success(report->outcome) ? EVENT_REPAIR_DONE : EVENT_REPAIR_FAILED;
}

void engine_on_job_changed(void *userdata, Job *job) {
        Engine *engine = userdata;
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);
        Watch *watch;

        if (job->state != JOB_ENDED) {
                engine_tell(engine, on_job, job, filesystem);
                return;
        }

        engine_fail_on_job_ended(engine, job);
        if (job->request.kind == ACTION_RECYCLE) {
                filesystem = engine_recycle_filesystem(engine, job) ?: filesystem;
                engine_recycle_on_job_ended(engine, job, filesystem);
        }
        if (job->is_dry_run) {
                /* Nothing was done, so nothing follows from it. */
                engine_tell(engine, on_job, job, filesystem);
                return;
        }
        if (filesystem) {
                count_result(&engine->totals, filesystem, job);
                engine_conditions_from_job(engine, filesystem, job);
                if (job->request.kind == ACTION_SCRUB)
                        engine_checked_note(engine, filesystem, job->report.outcome,
                                            job->report.source == DECISION_SCHEDULE);
        }
        engine_tell(engine, on_job, job, filesystem);
        if (job->request.kind == ACTION_VERIFY_MEDIA)
                engine_verify_on_job_ended(engine, job);
        if (job->request.kind == ACTION_REPAIR) {
                engine_survey_on_repair_ended(engine);
                engine_survey_after_repair(engine, job);
        }
        if (filesystem)
                engine_tell_result(engine, result_kind(job), &job->event, filesystem->id, job->report.error);
        engine_continue_sequences(engine, job);
        watch = engine_watch_find(engine, job->filesystem_id);
        if (watch)
                engine_looks_next(engine, watch);
}

/* Of an escalation only the first step that is left would be done. */
void engine_observe(Engine *engine, const Decision *decision, const HealthEvent *event, uint64_t filesystem_id) {
        size_t n = decision->is_escalating ? min_of(decision->n_actions, (size_t) 1) : decision->n_actions;

        if (engine->options.replay_path)
                return;
        for (size_t i = 0; i < n; i++) {
                const ActionRequest *request = decision->actions + i;
                JobOrder order = engine_order_of(engine, decision, event, filesystem_id, request);
                Job *job;
                int r;

                if ((request->kind != ACTION_FAIL_WORKLOAD && request->kind != ACTION_FREEZE) ||
                    request->denied_by[0] || request->is_deferred || !order.filesystem)
                        continue;
                order.is_dry_run = true;
                r = job_queue_add(engine->jobs, &order, &job);
                if (r < 0)
                        log_notice("event %" PRIu64 ": who would be taken is not found out: %s", event->id,
                                   engine_order_error_text(-r));
        }
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
                .verify_space = order->verify_space,
                .rate_bytes = order->rate_bytes,
                .workloads = (WorkloadScope *) order->workloads,
        };
        const HealthEvent event = event_of_call(order);
        const EventFacts facts = engine_facts(engine, NULL, order->filesystem);
        const JobOrder job_order = {
                .filesystem = order->filesystem,
                .request = &request,
                .event = &event,
                .target = order->target,
                .source = DECISION_CALLER,
                .caller_uid = order->caller_uid,
                .override_harmful = order->override_harmful,
                .is_dry_run = order->is_dry_run,
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
        if ((order->action == ACTION_REPAIR || order->action == ACTION_VERIFY_MEDIA) &&
            !can_have_monitor(order->filesystem))
                return -ENOTTY;

        return job_queue_add(engine->jobs, &job_order, ret_job);
}
