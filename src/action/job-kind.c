/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row for each kind.
 */

#include "src/action/job-kind.h"

#include "src/action/attempt-memory.h"
#include "src/basic/text.h"

static const JobKindRule rules[N_ACTION_KINDS] = {
        [ACTION_SURVEY] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .needs_running = true,
                .class = JOB_UNLIMITED,
                .timeout_usec = JOB_SURVEY_TIMEOUT_USEC,
        },
        [ACTION_REPAIR] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .needs_running = true,
                .is_attempt = true,
                .class = JOB_REPAIRS,
                .timeout_usec = JOB_REPAIR_TIMEOUT_USEC,
        },
        [ACTION_SCRUB] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .needs_running = true,
                .is_attempt = true,
                .loads_disk = true,
                .class = JOB_SCRUBS,
                .timeout_usec = JOB_SCRUB_TIMEOUT_USEC,
        },
        [ACTION_VERIFY_MEDIA] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .needs_running = true,
                .loads_disk = true,
                .class = JOB_VERIFIES,
                .timeout_usec = JOB_VERIFY_TIMEOUT_USEC,
        },
        /* A file system that is shut down is what they are for most of all. */
        [ACTION_FAIL_WORKLOAD] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .is_prepared = true,
                .class = JOB_UNLIMITED,
                .timeout_usec = JOB_WORKLOADS_TIMEOUT_USEC,
        },
        [ACTION_FREEZE] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .is_prepared = true,
                .class = JOB_UNLIMITED,
                .timeout_usec = JOB_WORKLOADS_TIMEOUT_USEC,
        },
        /* Of one that is shut down already the worker says that there is nothing to do. */
        [ACTION_SHUTDOWN] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .is_prepared = true,
                .class = JOB_UNLIMITED,
                .timeout_usec = JOB_SHUTDOWN_TIMEOUT_USEC,
        },
        /* Outlives the mount that it is about. */
        [ACTION_RECYCLE] = {
                .is_carried_out = true,
                .needs_filesystem = true,
                .is_prepared = true,
                .class = JOB_UNLIMITED,
                .timeout_usec = JOB_RECYCLE_TIMEOUT_USEC,
        },
        /* What it does it does not do to the file system: it may well be there for one that is gone. */
        [ACTION_START_UNIT] = {
                .is_carried_out = true,
                .class = JOB_UNITS,
                .timeout_usec = JOB_UNIT_TIMEOUT_USEC,
        },
};

const JobKindRule *job_kind_rule(ActionKind kind) {
        return rules + kind;
}

/* Whose users it is about: one of them is looked at, announced and ended after the other. */
static bool is_about_users(const Job *job) {
        return job->request.kind == ACTION_FAIL_WORKLOAD || job->request.kind == ACTION_FREEZE ||
               job->request.kind == ACTION_RECYCLE;
}

bool job_excludes(const Job *running, const Job *candidate) {
        if (running->filesystem_id != candidate->filesystem_id)
                return false;
        if (is_about_users(running) && is_about_users(candidate))
                return true;
        if (running->request.kind != candidate->request.kind)
                return false;

        return running->request.kind != ACTION_START_UNIT ||
               text_equal(running->request.unit, candidate->request.unit);
}

/* Whom it fails or freezes; how and when the first one says. */
static bool answers_scope(const Job *job, const JobOrder *order) {
        const WorkloadScope *has = job->request.workloads, *wants = order->request->workloads;

        if (job->is_dry_run != order->is_dry_run || !has != !wants)
                return false;
        if (!has)
                return true;
        if (!workload_scope_same_users(has, wants))
                return false;
        if (has->who != WHO_FILE_USERS)
                return true;
        return order->event && job->event.inode == order->event->inode &&
               job->event.generation == order->event->generation;
}

bool job_answers_order(const Job *job, const JobOrder *order) {
        const ActionRequest *request = order->request;

        if (job->filesystem_id != order->filesystem->id || job->request.kind != request->kind)
                return false;
        if (request->kind == ACTION_REPAIR)
                return repair_target_equal(&job->target, &order->target) &&
                       /* Who asks for a rebuild is not answered by a check. */
                       (health_event_is_unreadable(&job->event) || !order->event ||
                        !health_event_is_unreadable(order->event));
        if (request->kind == ACTION_VERIFY_MEDIA)
                return job->request.verify_space >= request->verify_space;
        /* Who asks for more than a check is not answered by one. */
        if (request->kind == ACTION_SCRUB)
                return job->request.scrub_repair >= request->scrub_repair;
        if (is_about_users(job))
                return answers_scope(job, order);
        /* What it was given to read cannot be added to. */
        if (request->kind == ACTION_START_UNIT)
                return !job->is_handed_over && text_equal(job->request.unit, request->unit) &&
                       text_equal(job->report.rule_id, order->rule_id ?: "");

        return true;
}

int job_add_event(Job *job, const JobOrder *order) {
        _cleanup_(free_at) char *object = NULL;
        int r, result = 0;

        job->n_events += 1 + order->n_more;
        job->events.n_omitted += order->n_more;
        if (!order->event)
                return 0;
        r = message_event(order->event, health_event_severity(order->event), &order->filesystem->facts, order->path,
                          order->rule_id ?: "", &object);
        if (r < 0)
                job->events.n_omitted++;
        else
                r = message_list_add(&job->events, object, JOB_UNIT_EVENTS_BYTES, JOB_UNIT_EVENTS_MAX);
        if (r < 0)
                result = r;
        if (order->path) {
                r = path_list_add(&job->paths, order->path, JOB_UNIT_PATHS_BYTES);
                if (r < 0)
                        result = r;
        }
        return result;
}
