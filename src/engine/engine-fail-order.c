/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FAIL_ORDERED: the worker is told, and tells what became of each.
 */
#include <errno.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-fail.h"
#include "src/protocol/workload-list.h"

/* Of a detail, for those who were hit. */
#define NAMES_SIZE_MIN 64
_Static_assert(JOB_DETAIL_SIZE / 2 > FAIL_HOOKS_TEXT_SIZE + 32 + 2, "beside half a sentence the hooks have room");

uint64_t engine_fail_order_timeout(const Job *job) {
        const WorkloadScope *scope = job->request.workloads;

        if (job->request.timeout_usec != USEC_INFINITY && job->request.timeout_usec > 0)
                return job->request.timeout_usec;
        return FAIL_ORDER_USEC + (scope ? scope->term_usec + (scope->how == HOW_FREEZE ? scope->thaw_usec : 0) : 0);
}

static int order_shutdown(Engine *engine, const Job *job, const Filesystem *filesystem) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_SHUTDOWN);
        message.shutdown.job_id = job->id;
        message.shutdown.event_id = job->event.id;
        message.shutdown.device_number = filesystem->facts.device_number;
        message.shutdown.timeout_usec = engine_fail_order_timeout(job);
        return worker_link_send(engine->link, &message, filesystem->monitor_fd);
}

int engine_fail_order(FailRun *run, Job *job, const Filesystem *filesystem) {
        _cleanup_(close_fd_at) int announced_fd = -EBADF;
        Engine *engine = run->engine;
        WorkerMessage message;
        int r;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        if (job->request.kind == ACTION_SHUTDOWN)
                return order_shutdown(engine, job, filesystem);
        if (job->request.kind == ACTION_RECYCLE)
                return engine_recycle_order(engine, &run->plan, job, filesystem);

        r = workload_list_make(&run->plan, &announced_fd);
        if (r < 0)
                return r;
        worker_message_init(&message, WORKER_FAIL);
        message.fail.job_id = job->id;
        message.fail.event_id = job->event.id;
        message.fail.device_number = filesystem->facts.device_number;
        message.fail.inode = job->request.workloads->who == WHO_FILE_USERS ? job->event.inode : 0;
        message.fail.timeout_usec = engine_fail_order_timeout(job);
        (void) text_copy(message.fail.rule_id, sizeof(message.fail.rule_id), job->report.rule_id);
        message.fail.scope = *job->request.workloads;
        return worker_link_send(engine->link, &message, announced_fd);
}

void engine_on_workload(Engine *engine, const WorkerWorkload *told) {
        Job *job = job_queue_find(engine->jobs, told->job_id);
        WorkloadReport report = {
                .workload.user = told->owner,
                .workload.runtime = (ContainerRuntime) told->runtime,
                .n_processes = told->n_processes,
                .n_left = told->n_left,
                .has_fate = true,
                .fate = (WorkloadFate) told->fate,
                .is_taken = told->fate != FATE_SPARED,
                .is_held = told->is_held,
                .error = told->error,
        };
        int r;

        if (!job || !job->is_ordered)
                return;
        (void) text_copy(report.workload.unit, sizeof(report.workload.unit), told->unit);
        (void) text_copy(report.workload.slice, sizeof(report.workload.slice), told->slice);
        (void) text_copy(report.workload.container, sizeof(report.workload.container), told->container);
        (void) text_copy(report.workload.pod, sizeof(report.workload.pod), told->pod);
        (void) text_copy(report.name, sizeof(report.name), told->name);
        (void) text_copy(report.why, sizeof(report.why), told->detail);
        r = workload_reports_take(&job->workloads, &report);
        if (r < 0)
                log_warning_errno(r, "job %" PRIu64 ": what became of %s is not kept: %m", job->id, told->unit);
        engine_recycle_on_workload(engine, job);
}

/* The worker says how it went; who it was stands in the list that it told before. */
void engine_fail_add_detail(Engine *engine, WorkerJobResult *result) {
        const Job *job = job_queue_find(engine->jobs, result->job_id);
        char names[JOB_DETAIL_SIZE], hooks[FAIL_HOOKS_TEXT_SIZE + 32] = "";
        const FailRun *run = engine_fail_find(engine, result->job_id);
        size_t length = strlen(result->detail), room;

        if (run)
                (void) engine_fail_hooks_text(run, hooks);
        if (!job || !job->is_ordered || job->workloads.n_items == 0 || length > sizeof(names) / 2)
                return;
        /* Its condition has them, with what is to be done. */
        if (job->request.kind == ACTION_RECYCLE && !outcome_is_success((Outcome) result->outcome))
                return;
        room = sizeof(names) - length - strlen(": ") - strlen(hooks);
        (void) workload_reports_text(&job->workloads, "", names, max_of(room, (size_t) NAMES_SIZE_MIN));
        (void) text_append_format(result->detail, sizeof(result->detail), "%s%s%s", length > 0 ? ": " : "", names,
                                  hooks);
}

/* The first of them, so that people know whom to look for. */
static void raise_failed(Engine *engine, Filesystem *filesystem, const Job *job) {
        char names[JOB_DETAIL_SIZE], text[JOB_DETAIL_SIZE + 128] = "";
        bool is_freeze = job->request.kind == ACTION_FREEZE;
        size_t n_hit = 0;

        for (size_t i = 0; i < job->workloads.n_items; i++)
                n_hit += workload_report_was_hit(job->workloads.items + i);
        if (n_hit == 0 || (is_freeze && workload_reports_n_left(&job->workloads) == 0))
                return;
        (void) text_append_format(text, sizeof(text), "who used it was %s: %s",
                                  is_freeze ? "frozen" : "failed",
                                  workload_reports_text(&job->workloads, "", names, sizeof(names)));
        engine_raise(engine, filesystem, CONDITION_WORKLOADS_FAILED, SEVERITY_CRITICAL, "", text, job->event.id);
}

void engine_fail_tell_conditions(Engine *engine, Filesystem *filesystem, const Job *job) {
        if (job->is_ordered && (job->request.kind == ACTION_FAIL_WORKLOAD || job->request.kind == ACTION_FREEZE))
                raise_failed(engine, filesystem, job);
}
