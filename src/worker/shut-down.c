/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/worker/shut-down.h"

#include <errno.h>

#include "kernel/health-monitor.h"
#include "kernel/shutdown-filesystem.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/job.h"
#include "src/worker/reopen.h"

/* In the child */

static Outcome shut_down_steps(Job *job, WorkerJobResult *result) {
        Reopened place;
        Outcome outcome;
        int error, r;

        outcome = reopen_superblock(job->superblock, job->monitor_fd, REOPEN_TO_LOOK, &place, &error);
        if (outcome == OUTCOME_CANNOT_REOPEN && (error == EIO || error == ESHUTDOWN)) {
                result->error = error;
                (void) text_copy(result->detail, sizeof(result->detail), "nothing of it can be opened any more");
                return OUTCOME_SHUT_DOWN;
        }
        if (outcome != OUTCOME_DONE) {
                result->error = error;
                (void) text_copy(result->detail, sizeof(result->detail), place.problem ?: "");
                return outcome;
        }

        r = filesystem_shut_down(place.fd);
        place.fd = close_fd(place.fd);
        result->error = -r;
        if (r >= 0)
                return OUTCOME_DONE;
        if (r == -ENOTTY || r == -EOPNOTSUPP || r == -EINVAL) {
                (void) text_copy(result->detail, sizeof(result->detail), "its driver has no way to shut it down");
                return OUTCOME_NOT_SUPPORTED;
        }
        if (r == -ESHUTDOWN || r == -EIO)
                return OUTCOME_SHUT_DOWN;
        return r == -EPERM ? OUTCOME_NO_PERMISSION : OUTCOME_FAILED;
}

static int shut_down_in_child(int report_fd, void *userdata) {
        WorkerJobResult result = {};
        Job *job = userdata;

        result.outcome = shut_down_steps(job, &result);
        return job_report_result(report_fd, &result) < 0;
}

/* In the loop */

static const JobKind shut_down_kind = {
        .name = "shutdown",
        .run = shut_down_in_child,
        .dies_with_us = true,
};

static const char *refused_because(const Superblock *superblock) {
        if (superblock->facts.is_root != TRISTATE_NO)
                return "it is the root file system, or that is not known";
        if (superblock->facts.is_state != TRISTATE_NO)
                return "it holds healerd's own state, or that is not known";
        return NULL;
}

void shut_down_request(Worker *worker, const WorkerShutdownRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        const char *why;
        int r;

        if (!superblock) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_UNMOUNTED, 0, NULL);
                return;
        }
        why = refused_because(superblock);
        if (why) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_REFUSED, EPERM, why);
                return;
        }
        if (monitor_fd >= 0 && !health_monitor_fd_is_monitor(monitor_fd)) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_FAILED, EBADF,
                           "what came with the request is no health monitor");
                return;
        }

        job = job_new(worker, &shut_down_kind, superblock, request->job_id, request->event_id);
        if (!job) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_NO_MEMORY, ENOMEM, NULL);
                return;
        }
        job->monitor_fd = steal_fd(&monitor_fd);
        r = job_start(job, request->timeout_usec);
        if (r < 0) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_BUSY, -r,
                           "no process for it at this time");
                return;
        }
        (void) steal_ptr(job);
}
