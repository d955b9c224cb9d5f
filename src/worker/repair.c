/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's part decides whether a repair may begin at all; the child's part does it, step by step, and
 * each step can end it with an outcome of its own.
 */

#include "src/worker/repair.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/filesystem-probe.h"
#include "kernel/harmful-repairs.h"
#include "kernel/health-monitor.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/job.h"
#include "src/worker/reopen.h"

/* In the child */

typedef struct Repair {
        Job *job;
        int report_fd;
        Reopened place;
        FilesystemFacts facts;
        const HarmfulRepair *harmful;   /* the row that warns of this repair, even if it may go on */
        int inode_fd;                   /* pins the inode, so that the kernel need not load it again */
} Repair;

static Outcome explain(WorkerJobResult *result, Outcome outcome, int error, const char *detail) {
        result->error = error;
        (void) text_copy(result->detail, sizeof(result->detail), detail ?: "");
        return outcome;
}

/* Not loadable is not always damaged: it may have been deleted meanwhile. Checking does not crash. */
static Outcome judge_unloadable(Repair *repair, WorkerJobResult *result) {
        MetadataResult look = metadata_call(repair->place.fd, &repair->job->repair.target, METADATA_CHECK);

        if (look.outcome == OUTCOME_DONE || look.outcome == OUTCOME_NOT_NEEDED)
                return explain(result, OUTCOME_NOT_NEEDED, 0, NULL);
        if (look.outcome == OUTCOME_GONE)
                return explain(result, OUTCOME_GONE, look.error, NULL);

        result->flags = look.flags;
        return explain(result, OUTCOME_REFUSED_HARMFUL, 0, repair->harmful->why);
}

/* OUTCOME_DONE: the repair may go on. */
static Outcome avoid_harm(Repair *repair, WorkerJobResult *result) {
        const WorkerRepairRequest *request = &repair->job->repair;

        repair->harmful = harmful_repair_find(repair->job->worker->kernel, &repair->facts, &request->target);
        if (!repair->harmful || text_equal(request->override_harmful, repair->harmful->name))
                return OUTCOME_DONE;
        if (!repair->harmful->only_if_unloadable)
                return explain(result, OUTCOME_REFUSED_HARMFUL, 0, repair->harmful->why);

        repair->inode_fd = filesystem_inode_open(repair->place.fd, request->target.inode, request->target.generation);
        return repair->inode_fd >= 0 ? OUTCOME_DONE : judge_unloadable(repair, result);
}

/* Where nothing else can be written, whoever looks at a crash dump or a serial console still learns of it. */
static void tell_kernel_log(const Job *job, int error) {
        char line[256];
        int length;

        if (job->kmsg_fd < 0)
                return;

        length = snprintf(line, sizeof(line),
                          "<4>healer-worker[%d]: repair of %s begins on device %u (group %" PRIu32 ", inode %" PRIu64
                          ", job %" PRIu64 "); it could not be recorded: error %d\n",
                          (int) getpid(), structure_to_name(job->repair.target.structure) ?: "?",
                          (unsigned) job->repair.device_number, job->repair.target.group, job->repair.target.inode,
                          job->job_id, -error);
        (void) !write(job->kmsg_fd, line, length);
}

static Outcome record_intent(Repair *repair, WorkerJobResult *result) {
        Job *job = repair->job;
        IntentNote note = {};
        int r;

        r = intents_write_in_child(job->worker->intents, job->intent_slot, &job->intent);
        note.error = r < 0 ? -r : 0;
        if (child_report(repair->report_fd, &note, sizeof(note), -EBADF) < 0)
                return explain(result, OUTCOME_WORKER_LOST, EPIPE, NULL);
        if (r >= 0)
                return OUTCOME_DONE;

        if (repair->harmful)
                return explain(result, OUTCOME_REFUSED_HARMFUL, -r,
                               "a repair that can crash this kernel needs a record on disk first, and that "
                               "cannot be written");

        tell_kernel_log(job, r);
        return OUTCOME_DONE;
}

static Outcome check_again(Repair *repair, WorkerJobResult *result) {
        MetadataResult look = metadata_call(repair->place.fd, &repair->job->repair.target, METADATA_CHECK);

        result->was_verified = look.outcome == OUTCOME_DONE || look.outcome == OUTCOME_NOT_NEEDED;
        if (result->was_verified)
                return OUTCOME_DONE;

        result->flags = look.flags;
        if (look.outcome == OUTCOME_STILL_CORRUPT || look.outcome == OUTCOME_CROSS_REFERENCE)
                return explain(result, look.outcome, look.error,
                               "the kernel said it was repaired, a check afterwards disagrees");

        return explain(result, OUTCOME_UNVERIFIED, look.error, NULL);
}

/* The kernel puts this text where it could not bring back a link's target, and calls the link repaired. Source:
 * Linux 7.2, fs/xfs/scrub/symlink_repair.c; measured: no damage of a remote link's block left the target
 * readable. */
static const char lost_target_prefix[] = "The target of this symbolic link could not be recovered";

static bool target_is_lost(const Repair *repair) {
        const RepairTarget *target = &repair->job->repair.target;
        _cleanup_(close_fd_at) int fd = -EBADF;
        char text[sizeof(lost_target_prefix)] = "";

        if (target->structure != STRUCTURE_INODE_SYMLINK)
                return false;

        fd = filesystem_inode_open(repair->place.fd, target->inode, target->generation);
        if (fd < 0 || readlinkat(fd, "", text, sizeof(text) - 1) < 0)
                return false;
        return text_equal(text, lost_target_prefix);
}

/* Attributes that cannot be salvaged are all taken away, and the kernel then looks for the fork that it
 * removed: ENOENT (measured on 7.2.13). Of an inode that is still there this is a loss, not an absence. */
static bool attributes_are_lost(const Repair *repair, const MetadataResult *done) {
        const RepairTarget *target = &repair->job->repair.target;
        _cleanup_(close_fd_at) int fd = -EBADF;

        if (target->structure != STRUCTURE_INODE_XATTR || done->error != ENOENT)
                return false;

        fd = filesystem_inode_open(repair->place.fd, target->inode, target->generation);
        return fd >= 0;
}

/* What the kernel did is told as it is: sound again is not the same as whole again. */
static Outcome judge_repair(Repair *repair, const MetadataResult *done, WorkerJobResult *result) {
        Outcome outcome = done->outcome;

        if (attributes_are_lost(repair, done))
                return explain(result, OUTCOME_CONTENT_LOST, 0, "the extended attributes are lost");
        if (outcome == OUTCOME_DONE)
                outcome = check_again(repair, result);
        if (outcome == OUTCOME_DONE && target_is_lost(repair))
                return explain(result, OUTCOME_CONTENT_LOST, 0, "the target of the symbolic link is lost");
        return outcome;
}

static Outcome repair_steps(Repair *repair, WorkerJobResult *result) {
        Job *job = repair->job;
        MetadataResult done;
        char detail[JOB_DETAIL_SIZE] = "";
        Outcome outcome;
        int error;

        if (job->ban && intents_ban_stands_in_child(job->worker->intents, job->ban)) {
                (void) text_append_format(detail, sizeof(detail),
                                          "the same repair never ended on this kernel; to allow it again: "
                                          HEALER_LIBEXECDIR "/healer-worker --forget-intent=%" PRIu64,
                                          job->ban->job_id);
                return explain(result, OUTCOME_REFUSED_UNFINISHED, 0, detail);
        }

        outcome = reopen_superblock(job->superblock, job->monitor_fd, REOPEN_TO_REPAIR, &repair->place, &error);
        if (outcome != OUTCOME_DONE)
                return explain(result, outcome, error, repair->place.problem);
        /* If the repair hangs, the slot of the monitor must not hang with it. */
        job->monitor_fd = close_fd(job->monitor_fd);

        repair->facts.type = job->superblock->facts.type;
        repair->facts.device_number = job->superblock->device_number;
        (void) filesystem_probe(repair->place.fd, &repair->facts);

        outcome = avoid_harm(repair, result);
        if (outcome != OUTCOME_DONE)
                return outcome;
        outcome = record_intent(repair, result);
        if (outcome != OUTCOME_DONE)
                return outcome;

        (void) text_append_format(detail, sizeof(detail), "through %s", repair->place.mount_point);
        if (job_report_started(repair->report_fd, job, detail) < 0)
                return explain(result, OUTCOME_WORKER_LOST, EPIPE, NULL);

        done = metadata_call(repair->place.fd, &job->repair.target, METADATA_REPAIR);
        result->flags = done.flags;
        result->error = done.error;
        if (done.outcome == OUTCOME_NOT_NEEDED)
                result->was_verified = true;

        return judge_repair(repair, &done, result);
}

static int repair_in_child(int report_fd, void *userdata) {
        Repair repair = {
                .job = userdata,
                .report_fd = report_fd,
                .place = { .fd = -EBADF },
                .inode_fd = -EBADF,
        };
        WorkerJobResult result = {};

        result.outcome = repair_steps(&repair, &result);
        close_fd(repair.inode_fd);
        close_fd(repair.place.fd);
        return job_report_result(report_fd, repair.job, &result) < 0;
}

/* In the loop */

static const JobKind repair_kind = {
        .name = "repair",
        .run = repair_in_child,
};

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

static void prepare_intent(Worker *worker, Job *job) {
        const WorkerFilesystem *facts = &job->superblock->facts;

        job->intent = (Intent) {
                .job_id = job->job_id,
                .event_id = job->event_id,
                .device_number = facts->device_number,
                .uuid_state = facts->uuid_state,
                .target = job->repair.target,
        };
        memcpy(job->intent.uuid, facts->uuid, UUID_SIZE);
        intents_begin(worker->intents, &job->intent, &job->intent_slot);
}

void repair_request(Worker *worker, const WorkerRepairRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        _cleanup_(job_free_at) Job *job = NULL;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
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
        job->repair = *request;
        job->monitor_fd = steal_fd(&monitor_fd);
        job->ban = intents_find_ban(worker->intents, &superblock->facts, &request->target);
        prepare_intent(worker, job);

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
