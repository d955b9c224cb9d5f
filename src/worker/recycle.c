/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side: what is refused without looking at anything.
 */
#include "src/worker/recycle.h"

#include <errno.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/fail.h"

/* A step that is over its time tells that itself. */
#define TELL_GRACE_USEC (60 * USEC_PER_SEC)

static void on_stopped(Job *job, WorkerMessage *message) {
        fail_budget_note(&job->worker->fail_budget, (WorkloadFate) message->workload.fate, clock_monotonic_usec());
}

static const JobKind recycle_kind = {
        .name = "recycle",
        .run = recycle_in_child,
        .report = on_stopped,
        .dies_with_us = true,
};

static const JobKind start_again_kind = {
        .name = "start",
        .run = recycle_start_again_in_child,
        .dies_with_us = true,
};

static void refuse(Worker *worker, const WorkerRecycleRequest *request, Outcome outcome, int error,
                   const char *detail) {
        job_refuse(worker, request->job_id, request->device_number, outcome, error, detail);
}

/* NULL: nothing. */
static const char *find_fault(const Superblock *superblock, Outcome *ret_outcome) {
        *ret_outcome = OUTCOME_REFUSED;
        if (superblock->facts.is_root != TRISTATE_NO)
                return "it is the root file system, or that is not known";
        if (superblock->facts.is_state != TRISTATE_NO)
                return "healerd's own state is on it, or that is not known";
        *ret_outcome = OUTCOME_NOT_SUPPORTED;
        if (!superblock->has_monitor_type)
                return "only of XFS it is known when it is shut down, and well again";
        *ret_outcome = OUTCOME_BUSY;
        if (superblock->is_crashed || superblock->n_stuck > 0)
                return "an earlier request hangs in the kernel here";
        if (superblock->n_children > 0)
                return "something of ours is still at work on it";
        return NULL;
}

static void start(Worker *worker, const JobKind *kind, Superblock *superblock, const WorkerRecycleRequest *request,
                  int *list_fd) {
        _cleanup_(job_free_at) Job *job = NULL;
        uint64_t timeout_usec = request->timeout_usec;
        int r;

        job = job_new(worker, kind, superblock, request->job_id, request->event_id);
        if (!job) {
                refuse(worker, request, OUTCOME_NO_MEMORY, ENOMEM, NULL);
                return;
        }
        job->payload_fd = steal_fd(list_fd);
        job->deadline_usec = timeout_usec < USEC_INFINITY - job->started_usec ? job->started_usec + timeout_usec
                                                                             : USEC_INFINITY;

        r = job_start(job, timeout_usec < USEC_INFINITY - TELL_GRACE_USEC ? timeout_usec + TELL_GRACE_USEC
                                                                         : USEC_INFINITY);
        if (r < 0) {
                refuse(worker, request, OUTCOME_BUSY, -r, "no process for it at this time");
                return;
        }
        (void) steal_ptr(job);
}

void recycle_request(Worker *worker, const WorkerRecycleRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int list_fd = taken_fd;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        const char *fault;
        Outcome outcome;

        if (!superblock) {
                refuse(worker, request, OUTCOME_UNMOUNTED, 0, NULL);
                return;
        }
        fault = find_fault(superblock, &outcome);
        if (fault) {
                refuse(worker, request, outcome, outcome == OUTCOME_REFUSED ? EPERM : 0, fault);
                return;
        }
        if (fail_refuse_beyond_budget(worker, request->job_id, request->device_number))
                return;
        start(worker, &recycle_kind, superblock, request, &list_fd);
}

void recycle_start_again_request(Worker *worker, const WorkerRecycleRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int list_fd = taken_fd;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);

        /* They were stopped for this one: without it they are not started. */
        if (!superblock || superblock->n_mounts == 0) {
                refuse(worker, request, OUTCOME_UNMOUNTED, 0, "it is not mounted any more");
                return;
        }
        start(worker, &start_again_kind, superblock, request, &list_fd);
}
