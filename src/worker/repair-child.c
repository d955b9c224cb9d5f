/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "src/worker/repair-child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/filesystem-probe.h"
#include "kernel/harmful-repairs.h"
#include "kernel/repair-ground.h"
#include "src/basic/text.h"
#include "src/worker/boot-check.h"
#include "src/worker/gather.h"
#include "src/worker/job.h"
#include "src/worker/name-search.h"
#include "src/worker/reopen.h"
#include "src/worker/survey.h"

typedef struct Repair {
        const RepairHost *host;
        const RepairOrder *order;
        const Superblock *superblock;
        int report_fd, monitor_fd;
        IntentWriter *writer;
        Reopened place;
        char type[32];
        FilesystemFacts facts;          /* borrows the type */
        const HarmfulRepair *harmful;   /* the row that warns of this repair, even if it may go on */
        JobBegun begun;
        int inode_fd;                   /* pins the inode, so that the kernel need not load it again */
} Repair;

static Outcome explain(WorkerJobResult *result, Outcome outcome, int error, const char *detail) {
        result->error = error;
        (void) text_copy(result->detail, sizeof(result->detail), detail ?: "");
        return outcome;
}

static int open_root_again(void *userdata) {
        Repair *repair = userdata;
        Reopened place;
        int error;

        if (reopen_superblock(repair->superblock, repair->monitor_fd, REOPEN_TO_LOOK, &place, &error) != OUTCOME_DONE)
                return error > 0 ? -error : -ESTALE;
        return place.fd;
}

/* Its own back references cannot be read, but a folder may still name it. */
static void find_any_name(Repair *repair, WorkerJobResult *result) {
        const NameSearch search = {
                .inode = repair->order->request.target.inode,
                .budget_usec = NAME_SEARCH_USEC,
                .slice_usec = SURVEY_SLICE_USEC,
                .open_root = open_root_again,
                .userdata = repair,
        };

        /* Nothing is repaired any more, and nobody who unmounts shall wait for this. */
        repair->place.fd = close_fd(repair->place.fd);
        if (name_search(&search, result->path) < 0)
                result->path[0] = 0;
}

/* Not loadable is not always damaged: it may have been deleted meanwhile. Checking does not crash. */
static Outcome judge_unloadable(Repair *repair, WorkerJobResult *result) {
        MetadataResult look = metadata_call(repair->place.fd, &repair->order->request.target, METADATA_CHECK);

        if (look.outcome == OUTCOME_DONE || look.outcome == OUTCOME_NOT_NEEDED)
                return explain(result, OUTCOME_NOT_NEEDED, 0, NULL);
        if (look.outcome == OUTCOME_GONE)
                return explain(result, OUTCOME_GONE, look.error, NULL);

        result->flags = look.flags;
        find_any_name(repair, result);
        return explain(result, OUTCOME_REFUSED_HARMFUL, 0, repair->harmful->why);
}

/* OUTCOME_DONE: the repair may go on. */
static Outcome avoid_harm(Repair *repair, WorkerJobResult *result) {
        const WorkerRepairRequest *request = &repair->order->request;

        if (!harmful_repair_is_possible(repair->host->kernel, &request->target))
                return OUTCOME_DONE;

        (void) text_copy(repair->type, sizeof(repair->type), repair->order->type);
        repair->facts.type = repair->type;
        repair->facts.device_number = request->device_number;
        (void) filesystem_probe(repair->place.fd, &repair->facts);

        repair->harmful = harmful_repair_find(repair->host->kernel, &repair->facts, &request->target);
        if (!repair->harmful || text_equal(request->override_harmful, repair->harmful->name))
                return OUTCOME_DONE;
        if (!repair->harmful->only_if_unloadable)
                return explain(result, OUTCOME_REFUSED_HARMFUL, 0, repair->harmful->why);

        repair->inode_fd = filesystem_inode_open(repair->place.fd, request->target.inode, request->target.generation);
        return repair->inode_fd >= 0 ? OUTCOME_DONE : judge_unloadable(repair, result);
}

/* A repair that would meet other damage half-way is not begun: OUTCOME_INCOMPLETE, as the kernel says it where it can
 * still turn back, so that it is tried again when the other is repaired. OUTCOME_DONE: it may go on. */
static Outcome look_at_ground(Repair *repair, WorkerJobResult *result) {
        char detail[JOB_DETAIL_SIZE] = "";
        RepairTarget sick;

        if (repair_ground_look(repair->place.fd, &repair->order->request.target, &sick) == 0)
                return OUTCOME_DONE;

        (void) text_append_format(detail, sizeof(detail),
                                  "not begun: it needs free space of group %" PRIu32 ", whose %s is damaged; that "
                                  "comes first, or the kernel would shut the file system down",
                                  sick.group, structure_to_name(sick.structure));
        return explain(result, OUTCOME_INCOMPLETE, 0, detail);
}

/* Where nothing else can be written, whoever looks at a crash dump or a serial console still learns of it. */
static void tell_kernel_log(const Repair *repair, int error) {
        const WorkerRepairRequest *request = &repair->order->request;
        char line[256];
        int length;

        if (repair->host->kmsg_fd < 0)
                return;

        length = snprintf(line, sizeof(line),
                          "<4>%s[%d]: repair of %s begins on device %u (group %" PRIu32 ", inode %" PRIu64
                          ", job %" PRIu64 "); it could not be recorded: error %d\n",
                          program_invocation_short_name, (int) getpid(),
                          structure_to_name(request->target.structure) ?: "?",
                          (unsigned) request->device_number, request->target.group, request->target.inode,
                          request->job_id, -error);
        (void) !write(repair->host->kmsg_fd, line, length);
}

/* Waited for also if the look says that nothing is going to be repaired: @looked is then what remains. */
static Outcome end_intent_write(Repair *repair, Outcome looked, WorkerJobResult *result) {
        int r = repair->order->intent_error;

        if (r >= 0)
                r = intent_writer_end(repair->writer);
        repair->begun.intent_error = r < 0 ? -r : 0;
        if (r >= 0 || looked != OUTCOME_DONE)
                return looked;

        if (repair->harmful)
                return explain(result, OUTCOME_REFUSED_HARMFUL, -r,
                               "a repair that can crash this kernel needs a record on disk first, and that "
                               "cannot be written");

        tell_kernel_log(repair, r);
        return OUTCOME_DONE;
}

/* Returns what remains of @looked. */
static Outcome report_begun(Repair *repair, Outcome looked, WorkerJobResult *result) {
        JobBegun *begun = &repair->begun;

        begun->is_started = looked == OUTCOME_DONE;
        if (begun->is_started && !begun->is_again)
                (void) text_append_format(begun->detail, sizeof(begun->detail), "through %s",
                                          repair->place.mount_point);
        if (child_report(repair->report_fd, begun, sizeof(*begun), -EBADF) < 0 && begun->is_started)
                return explain(result, OUTCOME_WORKER_LOST, EPIPE, NULL);
        return looked;
}

static Outcome check_again(Repair *repair, WorkerJobResult *result) {
        MetadataResult look = metadata_call(repair->place.fd, &repair->order->request.target, METADATA_CHECK);

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
        const RepairTarget *target = &repair->order->request.target;
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
        const RepairTarget *target = &repair->order->request.target;
        _cleanup_(close_fd_at) int fd = -EBADF;

        if (target->structure != STRUCTURE_INODE_XATTR || done->error != ENOENT)
                return false;

        fd = filesystem_inode_open(repair->place.fd, target->inode, target->generation);
        return fd >= 0;
}

/* The reverse map is made of what uses blocks, of a group's b-trees and of its list of blocks for them (AGFL)
 * together, which are one owner there. A block that is in a b-tree and in the list as well is therefore found by no
 * check, and the kernel would give it away a second time. The list that is made from the new map does not have it.
 * Measured on 7.2.13; source: Linux 7.2, fs/xfs/scrub/agheader_repair.c, xrep_agfl_collect_blocks(). */
static Outcome rebuild_free_list(const Repair *repair, WorkerJobResult *result) {
        const RepairTarget *target = &repair->order->request.target;
        const RepairTarget list = { .structure = STRUCTURE_AG_AGFL, .group = target->group };
        MetadataResult done;

        if (target->structure != STRUCTURE_AG_RMAPBT)
                return OUTCOME_DONE;
        done = metadata_call(repair->place.fd, &list, METADATA_REBUILD);
        if (outcome_is_success(done.outcome))
                return OUTCOME_DONE;
        return explain(result, done.outcome, done.error,
                       "it was rebuilt, but the group's list of free blocks could not be");
}

/* What the kernel did is told as it is: sound again is not the same as whole again. */
static Outcome judge_repair(Repair *repair, const MetadataResult *done, WorkerJobResult *result) {
        Outcome outcome = done->outcome;

        if (attributes_are_lost(repair, done))
                return explain(result, OUTCOME_CONTENT_LOST, 0, "the extended attributes are lost");
        if (outcome == OUTCOME_DONE)
                outcome = rebuild_free_list(repair, result);
        if (outcome == OUTCOME_DONE)
                outcome = check_again(repair, result);
        if (outcome == OUTCOME_DONE && target_is_lost(repair))
                return explain(result, OUTCOME_CONTENT_LOST, 0, "the target of the symbolic link is lost");
        return outcome;
}

/* An order that came before its facts brings them home, and is carried out only if they are what it expects. The
 * property stands on the root, which a part of the file system does not show. */
static Outcome gather_facts(Repair *repair, WorkerJobResult *result) {
        const WorkerRepairRequest *request = &repair->order->request;
        WorkerGathered *found = &repair->begun.gathered;

        if (!request->expects_autofsck)
                return OUTCOME_DONE;
        if (repair->place.is_whole) {
                repair->begun.has_gathered = true;
                found->is_read_only = repair->place.is_read_only ? TRISTATE_YES : TRISTATE_NO;
                gather_autofsck(repair->place.fd, found);
                if (request->target.inode != 0)
                        gather_path(repair->place.fd, request->target.inode, request->target.generation, found);
                if (found->autofsck_state == FACT_KNOWN && found->autofsck == request->autofsck)
                        return OUTCOME_DONE;
        }

        result->have_facts_changed = true;
        return explain(result, OUTCOME_REFUSED, 0, "its property autofsck is not what it was");
}

/* OUTCOME_DONE: it is the right file system, and nothing speaks against it. */
static Outcome look_first(Repair *repair, WorkerJobResult *result) {
        Outcome outcome;
        int error;

        outcome = reopen_superblock(repair->superblock, repair->monitor_fd, REOPEN_TO_REPAIR, &repair->place, &error);
        if (outcome != OUTCOME_DONE)
                return explain(result, outcome, error, repair->place.problem);

        outcome = gather_facts(repair, result);
        if (outcome == OUTCOME_DONE)
                outcome = avoid_harm(repair, result);
        /* If the repair hangs, the slot of the monitor must not hang with it. */
        repair->monitor_fd = close_fd(repair->monitor_fd);
        return outcome == OUTCOME_DONE ? look_at_ground(repair, result) : outcome;
}

static Outcome repair_steps(Repair *repair, WorkerJobResult *result) {
        const RepairOrder *order = repair->order;
        MetadataResult done;
        char detail[JOB_DETAIL_SIZE] = "";
        Outcome outcome;

        if (order->is_banned &&
            (!order->can_ban_be_lifted || intent_ban_stands(repair->host->state_dir, &order->ban))) {
                (void) text_append_format(detail, sizeof(detail),
                                          "the same repair never ended on this kernel; to allow it again: "
                                          HEALER_LIBEXECDIR "/healer-worker %s%s%s--forget-intent=%" PRIu64,
                                          repair->host->is_state_elsewhere ? "--state-dir=" : "",
                                          repair->host->is_state_elsewhere ? repair->host->state_dir : "",
                                          repair->host->is_state_elsewhere ? " " : "", order->ban.job_id);
                return explain(result, OUTCOME_REFUSED_UNFINISHED, 0, detail);
        }

        /* The disk takes its time; so does the look. */
        if (order->intent_error >= 0)
                intent_writer_begin(repair->writer, order->intent_slot,
                                    order->is_intent_ordered ? NULL : &order->intent);
        outcome = look_first(repair, result);
        /* Said while the disk is at work, so that nobody has to be told between its answer and the kernel's call. What
         * can crash the kernel has not begun before. */
        if (outcome == OUTCOME_DONE && order->intent_error >= 0 && !repair->harmful) {
                outcome = report_begun(repair, outcome, result);
                repair->begun.is_again = true;
        }
        outcome = end_intent_write(repair, outcome, result);
        if (!repair->begun.is_again || repair->begun.intent_error != 0)
                outcome = report_begun(repair, outcome, result);
        if (outcome != OUTCOME_DONE)
                return outcome;

        done = metadata_call(repair->place.fd, &order->request.target,
                             order->request.is_forced ? METADATA_REBUILD : METADATA_REPAIR);
        result->flags = done.flags;
        result->error = done.error;
        if (done.outcome == OUTCOME_NOT_NEEDED)
                result->was_verified = true;

        return judge_repair(repair, &done, result);
}

/* For whoever is told what is left. */
static void describe_what_is_left(Repair *repair, WorkerJobResult *result) {
        const RepairTarget *target = &repair->order->request.target;
        Outcome outcome = (Outcome) result->outcome;
        _cleanup_(free_at) char *path = NULL;

        if (!outcome_may_depend(outcome) && !outcome_needs_offline_repair(outcome))
                return;
        if (target->inode != 0 && target->generation != 0 && repair->place.fd >= 0 &&
            filesystem_inode_path(repair->place.fd, target->inode, target->generation, &path) >= 0 &&
            text_copy(result->path, sizeof(result->path), path) < 0)
                result->path[0] = 0;
        repair->place.fd = close_fd(repair->place.fd);
        if (text_equal(repair->place.mount_point, "/"))
                result->boot_check = (uint8_t) boot_check_look("");
}

int repair_run(const RepairHost *host, const RepairOrder *order, const Superblock *superblock, int report_fd,
               int monitor_fd, IntentWriter *writer) {
        Superblock unlisted = { .device_number = order->request.device_number };
        Mount mount = {
                .mount_id = order->mount_id,
                .mount_point = (char *) order->mount_point,
                .is_read_only = order->is_mount_read_only,
                .is_whole = order->is_mount_whole,
        };
        Repair repair = {
                .host = host,
                .order = order,
                .superblock = superblock ?: &unlisted,
                .report_fd = report_fd,
                .monitor_fd = monitor_fd,
                .writer = writer,
                .place = { .fd = -EBADF },
                .inode_fd = -EBADF,
        };
        WorkerJobResult result = {};
        int r;

        TAILQ_INIT(&unlisted.mounts);
        if (order->mount_id != 0)
                TAILQ_INSERT_TAIL(&unlisted.mounts, &mount, entry);
        result.outcome = repair_steps(&repair, &result);
        close_fd(repair.inode_fd);
        describe_what_is_left(&repair, &result);
        close_fd(repair.place.fd);
        close_fd(repair.monitor_fd);
        r = job_report_result(report_fd, &result);
        intent_writer_close(writer);
        return r < 0;
}
