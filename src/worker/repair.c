/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's part of a repair: whether it can begin at all, its order, and its process.
 */

#include "src/worker/repair.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernel/health-monitor.h"
#include "src/basic/text.h"
#include "src/worker/job.h"
#include "src/worker/repair-child.h"

static const JobKind repair_kind;

/* In the child */

static int repair_in_child(int report_fd, void *userdata) {
        Job *job = userdata;
        IntentWriter writer;

        intent_writer_start(&writer, job->worker->options.state_dir);
        return repair_run(job->worker, job->order, job->superblock, report_fd, steal_fd(&job->monitor_fd), &writer);
}

static int look_on(_unused_ const MountInfo *mount, _unused_ void *userdata) {
        return 0;
}

/* As the writer of the intent does: what is done once beforehand goes faster when it counts. */
static void rehearse(void) {
        (void) mount_table_list(look_on, NULL);
}

static int wait_in_child(int report_fd, void *userdata) {
        const Worker *worker = userdata;
        IntentWriter writer;
        RepairOrder order;
        int monitor_fd;

        intent_writer_start(&writer, worker->options.state_dir);
        rehearse();
        if (child_receive(report_fd, &order, sizeof(order), &monitor_fd) != sizeof(order))
                return 0;
        child_set_name(repair_kind.name);
        return repair_run(worker, &order, NULL, report_fd, monitor_fd, &writer);
}

/* In the loop */

static const JobKind repair_kind = {
        .name = "repair",
        .run = repair_in_child,
        .wait = wait_in_child,
};

void repair_get_ready(Worker *worker) {
        job_get_ready(worker, &repair_kind);
}

static bool refuse_if_busy(Worker *worker, const Superblock *superblock, const WorkerRepairRequest *request) {
        const Intent *left = intents_find_left_running(worker->intents, &superblock->facts);
        char detail[JOB_DETAIL_SIZE];

        if (superblock->is_crashed) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_REFUSED, 0,
                           "the kernel crashed in a repair of this file system; restart the machine first");
                return true;
        }

        if (superblock->repair_job_id != 0)
                (void) snprintf(detail, sizeof(detail), "job %" PRIu64 " is at it", superblock->repair_job_id);
        else if (left)
                (void) snprintf(detail, sizeof(detail), "pid %d, left behind by an earlier worker, is at it",
                                left->pid);
        else if (superblock->n_stuck > 0)
                (void) text_copy(detail, sizeof(detail), "an earlier request hangs in the kernel here");
        else
                return false;

        job_refuse(worker, request->job_id, request->device_number, OUTCOME_BUSY, EBUSY, detail);
        return true;
}

static void prepare_order(Worker *worker, Job *job, const WorkerRepairRequest *request, RepairOrder *order) {
        const WorkerFilesystem *facts = &job->superblock->facts;
        const Intent *ban = intents_find_ban(worker->intents, facts, &request->target);

        *order = (RepairOrder) {
                .request = *request,
                .intent = {
                        .job_id = job->job_id,
                        .event_id = job->event_id,
                        .device_number = facts->device_number,
                        .uuid_state = facts->uuid_state,
                        .target = request->target,
                },
        };
        (void) text_copy(order->type, sizeof(order->type), facts->type);
        memcpy(order->intent.uuid, facts->uuid, UUID_SIZE);

        intents_begin(worker->intents, &order->intent, &order->intent_slot);
        order->intent_error = intents_may_write(worker->intents, order->intent_slot);
        job->intent_slot = order->intent_slot;

        job->ban = ban;
        order->is_banned = ban != NULL;
        if (ban) {
                order->ban = *ban;
                order->can_ban_be_lifted = intents_can_ban_be_lifted(worker->intents, ban);
        }
}

void repair_request(Worker *worker, const WorkerRepairRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        RepairOrder order;
        int r;

        if (!superblock) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_UNMOUNTED, 0, NULL);
                return;
        }
        if (monitor_fd < 0 || !health_monitor_fd_is_monitor(monitor_fd)) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_FAILED, EBADF,
                           "no health monitor came with the request");
                return;
        }
        if (!metadata_structure_is_repairable(request->target.structure)) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_NOT_SUPPORTED, EOPNOTSUPP,
                           "the kernel has no repair for this structure");
                return;
        }
        if (refuse_if_busy(worker, superblock, request))
                return;

        job = job_new(worker, &repair_kind, superblock, request->job_id, request->event_id);
        if (!job) {
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_NO_MEMORY, ENOMEM, NULL);
                return;
        }
        job->monitor_fd = steal_fd(&monitor_fd);
        prepare_order(worker, job, request, &order);
        job->order = &order;
        job->order_size_bytes = sizeof(order);
        job->gathers = request->expects_autofsck;
        job->gathered_inode = request->target.inode;

        r = job_start(job, request->timeout_usec);
        if (r < 0) {
                intents_drop(worker->intents, job->intent_slot);
                job_refuse(worker, request->job_id, request->device_number, OUTCOME_BUSY, -r,
                           "no process for it at this time");
                return;
        }

        superblock->repair_job_id = request->job_id;
        (void) steal_ptr(job);
}
