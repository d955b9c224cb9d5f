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
#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/worker/job.h"
#include "src/worker/mount-diff.h"
#include "src/worker/repair-child.h"

_Static_assert(sizeof(RepairOrder) <= CHILD_REPORT_SIZE, "an order is one packet");

static const JobKind repair_kind;

/* In the child */

static RepairHost host_of(const Worker *worker) {
        return (RepairHost) {
                .kernel = worker->kernel,
                .state_dir = worker->options.state_dir,
                .kmsg_fd = worker->kmsg_fd,
        };
}

static int repair_in_child(int report_fd, void *userdata) {
        Job *job = userdata;
        const RepairHost host = host_of(job->worker);
        IntentWriter writer;

        intent_writer_start(&writer, job->worker->options.state_dir, -EBADF);
        return repair_run(&host, job->order, job->superblock, report_fd, steal_fd(&job->monitor_fd), &writer);
}

static int look_on(const MountInfo *mount, void *userdata) {
        return mount_set_append(userdata, mount);
}

/* As the writer of the intent does: what is done once beforehand goes faster when it counts, because the code and the
 * memory for it are there. */
static void rehearse(void) {
        char detail[JOB_DETAIL_SIZE] = "";
        MountSet mounts = {};

        child_touch_memory();
        (void) clock_monotonic_usec();
        (void) text_append_format(detail, sizeof(detail), "through %s", "/");
        (void) text_equal(detail, "");
        (void) mount_table_list(look_on, &mounts);
        mount_set_clear(&mounts);
}

static int wait_in_child(int report_fd, void *userdata) {
        Worker *worker = userdata;
        const RepairHost host = host_of(worker);
        IntentWriter writer;
        RepairOrder order;
        ssize_t length;
        int monitor_fd;

        intent_writer_start(&writer, worker->options.state_dir, steal_fd(&worker->jobs.ready_writer_fd));
        rehearse();
        length = child_receive(report_fd, &order, sizeof(order), &monitor_fd);
        if (length <= (ssize_t) offsetof(RepairOrder, mount_point))
                return 0;
        order.is_intent_ordered = true;
        child_set_name(repair_kind.name);
        return repair_run(&host, &order, NULL, report_fd, monitor_fd, &writer);
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
        const Mount *mount = superblock_best_mount(job->superblock);

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

        if (mount && text_copy(order->mount_point, sizeof(order->mount_point), mount->mount_point) >= 0) {
                order->mount_id = mount->mount_id;
                order->is_mount_read_only = mount->is_read_only;
                order->is_mount_whole = mount->is_whole;
        }

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
        job->order_size_bytes = repair_order_size(&order);
        job->needs_own_child = order.is_banned;
        if (order.intent_error >= 0)
                job->intent = &order.intent;
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
