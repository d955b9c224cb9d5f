/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side: whether it can begin, its child, and the lines in the journal, which are the loop's because they are
 * to come from uid 0 and from one process.
 */
#include "src/worker/fail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/duration.h"
#include "src/basic/log.h"
#include "src/basic/message-ids.h"
#include "src/basic/text.h"
#include "src/worker/hold.h"
#include "src/worker/job.h"
#include "src/worker/workload-freeze.h"

/* A child that is told to end thaws first what it froze. */
#define THAW_GRACE_USEC (4 * USEC_PER_SEC)

/* In the child */

static int run_in_child(int report_fd, void *userdata) {
        const Job *job = userdata;

        return fail_in_child(report_fd, job->fail, job->superblock, job->payload_fd);
}

/* In the loop */

static void add_fields(LogRecord *record, const Job *job, const WorkerWorkload *workload) {
        const FailTask *task = job->fail;
        char uuid[UUID_TEXT_SIZE];

        if (workload->unit[0]) {
                /* "journalctl --unit=" shows lines about a unit if they come from uid 0. */
                log_record_field(record, "OBJECT_SYSTEMD_UNIT", "%s", workload->unit);
                log_record_field(record, "XFS_HEALER_UNIT", "%s", workload->unit);
        }
        if (workload->container[0])
                log_record_field(record, "XFS_HEALER_CONTAINER", "%s", workload->container);
        if (workload->pod[0])
                log_record_field(record, "XFS_HEALER_POD", "%s", workload->pod);
        if (task->has_uuid)
                log_record_field(record, "XFS_HEALER_FS_UUID", "%s", uuid_format(task->uuid, uuid));
        log_record_field(record, "XFS_HEALER_MOUNTPOINT", "%s", task->subject);
        log_record_field(record, "XFS_HEALER_JOB", "%" PRIu64, job->job_id);
        if (job->event_id != 0)
                log_record_field(record, "XFS_HEALER_EVENT", "%" PRIu64, job->event_id);
        if (task->request.rule_id[0])
                log_record_field(record, "XFS_HEALER_RULE", "%s", task->request.rule_id);
        log_record_field(record, "XFS_HEALER_FATE", "%s", workload_fate_to_name((WorkloadFate) workload->fate));
}

static void log_workload(const Job *job, const WorkerWorkload *workload) {
        bool is_spared = workload->fate == FATE_SPARED || workload->fate == FATE_GONE;
        /* The kernel's users, and processes of nobody's unit, are in the answer; there may be very many. */
        bool is_nobodys = !workload->unit[0] && !workload->container[0];
        const char *name = workload->unit[0] ? workload->unit
                                             : workload->container[0] ? workload->container : workload->name;
        LogRecord record;

        log_record_begin(&record, is_nobodys ? LOG_DEBUG : is_spared ? LOG_INFO : LOG_WARNING,
                         is_spared ? MESSAGE_WORKLOAD_SPARED : MESSAGE_UNIT_TAKEN);
        add_fields(&record, job, workload);
        log_record_send(&record, "%s uses the sick file system %s: %s%s%s (job %" PRIu64 ")", name,
                        job->fail->subject, workload_fate_to_name((WorkloadFate) workload->fate),
                        workload->detail[0] ? ", " : "", workload->detail, job->job_id);
}

static void on_report(Job *job, WorkerMessage *message) {
        if (message->header.type != WORKER_WORKLOAD)
                return;
        message->workload.job_id = job->job_id;
        fail_budget_note(&job->worker->fail_budget, (WorkloadFate) message->workload.fate, clock_monotonic_usec());
        log_workload(job, &message->workload);
}

/* What its child left, however it ended. */
static void on_finish(Job *job, const WorkerJobResult *result) {
        (void) result;

        if (job->fail->request.scope.how == HOW_FREEZE)
                thaw_job(job->worker, job->job_id);
        hold_look(job->worker);
}

static const JobKind fail_kind = {
        .name = "fail",
        .run = run_in_child,
        .report = on_report,
        .finish = on_finish,
        .grace_usec = THAW_GRACE_USEC,
        .dies_with_us = true,
};

/* Returns NULL if it may begin. */
static const char *find_obstacle(const Worker *worker, const Superblock *superblock) {
        unsigned n = 0;
        const Job *job;

        TAILQ_FOREACH(job, &worker->jobs.running, entry) {
                if (job->kind != &fail_kind)
                        continue;
                if (job->superblock == superblock)
                        return "another such job of this file system goes on";
                n++;
        }
        return n >= FAILS_MAX ? "too many such jobs go on already" : NULL;
}

static FailTask *make_task(const Worker *worker, const Superblock *superblock, const WorkerFailRequest *request) {
        FailTask *task = malloc(sizeof(*task));
        char buffer[32];

        if (!task)
                return NULL;
        *task = (FailTask) {
                .request = *request,
                .users = {
                        .request = {
                                .request_id = request->job_id,
                                .device_number = request->device_number,
                                .inode = request->scope.who == WHO_FILE_USERS ? request->inode : 0,
                        },
                        .is_root = superblock->facts.is_root != TRISTATE_NO,
                        .is_state = superblock->facts.is_state != TRISTATE_NO,
                        .own_pids = { getpid(), connection_peer_pid(worker->connection) },
                },
                .has_uuid = superblock->facts.uuid_state == FACT_KNOWN,
                .runtime_dir = worker->options.runtime_dir,
        };
        memcpy(task->uuid, superblock->facts.uuid, UUID_SIZE);
        (void) text_copy(task->subject, sizeof(task->subject), superblock_subject(superblock, buffer));
        return task;
}

static void refuse(Worker *worker, const WorkerFailRequest *request, Outcome outcome, int error, const char *detail) {
        job_refuse(worker, request->job_id, request->device_number, outcome, error, detail);
}

bool fail_refuse_beyond_budget(Worker *worker, uint64_t job_id, dev_t device_number) {
        char detail[JOB_DETAIL_SIZE] = "", left[DURATION_TEXT_SIZE];
        uint64_t left_usec;

        if (fail_budget_has_room(&worker->fail_budget, clock_monotonic_usec(), &left_usec))
                return false;
        (void) text_append_format(detail, sizeof(detail),
                                  "%d units and containers were ended within an hour, more never are: %s left",
                                  FAIL_BUDGET_MAX, duration_format(left_usec, left));
        job_refuse(worker, job_id, device_number, OUTCOME_REFUSED, EPERM, detail);
        return true;
}

void fail_request(Worker *worker, const WorkerFailRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int announced_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        const char *obstacle;
        int r;

        if (job_is_running(worker, request->job_id) || job_say_result_again(worker, request->job_id))
                return;
        if (!superblock) {
                refuse(worker, request, OUTCOME_UNMOUNTED, 0, NULL);
                return;
        }
        if (announced_fd < 0) {
                refuse(worker, request, OUTCOME_REFUSED, EBADF, "nobody was announced");
                return;
        }
        if (request->scope.who == WHO_FILE_USERS && request->inode == 0) {
                refuse(worker, request, OUTCOME_REFUSED, EINVAL, "it is not known whose file it is about");
                return;
        }
        if (fail_refuse_beyond_budget(worker, request->job_id, request->device_number))
                return;
        obstacle = find_obstacle(worker, superblock);
        if (obstacle) {
                refuse(worker, request, OUTCOME_BUSY, EBUSY, obstacle);
                return;
        }

        job = job_new(worker, &fail_kind, superblock, request->job_id, request->event_id);
        if (job)
                job->fail = make_task(worker, superblock, request);
        if (!job || !job->fail) {
                refuse(worker, request, OUTCOME_NO_MEMORY, ENOMEM, NULL);
                return;
        }
        job->payload_fd = steal_fd(&announced_fd);
        r = job_start(job, request->timeout_usec);
        if (r < 0) {
                refuse(worker, request, OUTCOME_BUSY, -r, "no process for it at this time");
                return;
        }
        (void) steal_ptr(job);
}
