/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side: whether it can begin, its child, and a line of the journal for each hook.
 */
#include "src/worker/hooks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/job.h"

/* systemd ends what runs at the deadline, with a grace; then the child says how it went. */
#define END_USEC (15 * USEC_PER_SEC)
/* A child that is told to end stops its units first. */
#define STOP_GRACE_USEC (12 * USEC_PER_SEC)

/* In the child */

static int run_in_child(int report_fd, void *userdata) {
        const Job *job = userdata;

        return hooks_run(report_fd, job->hooks, job->payload_fd);
}

/* In the loop */

static void on_report(Job *job, WorkerMessage *message) {
        const WorkerHooksRequest *request = &job->hooks->request;
        const WorkerHook *hook = &message->hook;
        Outcome outcome = (Outcome) hook->outcome;
        LogRecord record;

        if (message->header.type != WORKER_HOOK)
                return;
        log_record_begin(&record, outcome_is_success(outcome) ? LOG_INFO : LOG_WARNING, NULL);
        log_record_field(&record, "XFS_HEALER_HOOK", "%s", hook->name);
        log_record_field(&record, "XFS_HEALER_JOB", "%" PRIu64, request->announced_job_id);
        if (request->event_id != 0)
                log_record_field(&record, "XFS_HEALER_EVENT", "%" PRIu64, request->event_id);
        log_record_send(&record, "hook %s before %s of %s: %s%s%s (job %" PRIu64 ")", hook->name,
                        action_kind_to_name((ActionKind) request->action), job->hooks->subject,
                        outcome_to_name(outcome), hook->detail[0] ? ", " : "", hook->detail,
                        request->announced_job_id);
}

static void on_finish(Job *job, const WorkerJobResult *result) {
        (void) result;

        unit_place_remove(job->worker->place_fd, job->job_id);
}

static const JobKind hooks_kind = {
        .name = "hooks",
        .run = run_in_child,
        .report = on_report,
        .finish = on_finish,
        .grace_usec = STOP_GRACE_USEC,
        .dies_with_us = true,
};

static bool has_room(const Worker *worker) {
        const Job *job;
        unsigned n = 0;

        TAILQ_FOREACH(job, &worker->jobs.running, entry)
                n += job->kind == &hooks_kind;
        return n < HOOK_JOBS_MAX;
}

static HooksTask *make_task(const Worker *worker, const Superblock *superblock, const WorkerHooksRequest *request) {
        HooksTask *task = malloc(sizeof(*task));
        uint64_t now_usec = clock_monotonic_usec();
        char buffer[32];

        if (!task)
                return NULL;
        *task = (HooksTask) {
                .request = *request,
                .deadline_usec = request->timeout_usec < USEC_PER_DAY ? now_usec + request->timeout_usec
                                                                      : now_usec + USEC_PER_DAY,
                .has_uuid = superblock->facts.uuid_state == FACT_KNOWN,
                .place_fd = worker->place_fd,
                .runtime_dir = worker->options.runtime_dir,
        };
        memcpy(task->uuid, superblock->facts.uuid, UUID_SIZE);
        (void) text_copy(task->subject, sizeof(task->subject), superblock_subject(superblock, buffer));
        return task;
}

static void refuse(Worker *worker, const WorkerHooksRequest *request, Outcome outcome, int error, const char *detail) {
        job_refuse(worker, request->job_id, request->device_number, outcome, error, detail);
}

void hooks_request(Worker *worker, const WorkerHooksRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int payload_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        const Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        int r;

        if (job_is_running(worker, request->job_id) || job_say_result_again(worker, request->job_id))
                return;
        if (!superblock) {
                refuse(worker, request, OUTCOME_UNMOUNTED, 0, NULL);
                return;
        }
        if (payload_fd < 0 || worker->place_fd < 0) {
                refuse(worker, request, OUTCOME_FAILED, payload_fd < 0 ? EBADF : ENOENT,
                       "there is nothing that they could read, or no place for it");
                return;
        }
        if (!has_room(worker)) {
                refuse(worker, request, OUTCOME_BUSY, EBUSY, "hooks of too many announcements run already");
                return;
        }

        /* The file system may go away meanwhile: it is about a job, not about it. */
        job = job_new(worker, &hooks_kind, NULL, request->job_id, request->event_id);
        if (job)
                job->hooks = make_task(worker, superblock, request);
        if (!job || !job->hooks) {
                refuse(worker, request, OUTCOME_NO_MEMORY, ENOMEM, NULL);
                return;
        }
        job->payload_fd = steal_fd(&payload_fd);
        r = job_start(job, job->hooks->deadline_usec - clock_monotonic_usec() + END_USEC);
        if (r < 0) {
                refuse(worker, request, OUTCOME_BUSY, -r, "no process for it at this time");
                return;
        }
        (void) steal_ptr(job);
}
