/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child of a survey: whole, groups, real-time groups, inodes, in this order. Between two slices nothing of the file
 * system is open, and each time it is opened again it has to be the very same superblock.
 */

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/worker/survey-slice.h"

typedef enum WalkStage {
        WALK_WHOLE,
        WALK_GROUPS,
        WALK_RTGROUPS,
        WALK_INODES,
        WALK_DONE,
} WalkStage;

typedef struct Walk {
        const SurveyTask *task;
        int report_fd;
        WalkStage stage;
        XfsSurveyGeometry geometry;
        uint32_t group;                 /* the next one to be asked for */
        XfsInodeWalk inodes;
        uint64_t n_groups_unreadable;
        uint64_t n_told;
        WorkerMessage message;          /* being filled */
} Walk;

static void message_begin(Walk *walk) {
        const WorkerSurveyResult before = walk->message.survey_result;

        worker_message_init(&walk->message, WORKER_SURVEY_RESULT);
        walk->message.survey_result.request_id = walk->task->request.request_id;
        walk->message.survey_result.device_number = walk->task->request.device_number;
        walk->message.survey_result.n_groups = before.n_groups;
        walk->message.survey_result.n_untold = before.n_untold;
}

static int message_send(Walk *walk) {
        int r;

        walk->message.survey_result.n_inodes = walk->inodes.n_seen;
        walk->message.survey_result.n_unreadable = walk->inodes.n_unreadable + walk->n_groups_unreadable;
        r = child_report(walk->report_fd, &walk->message, walk->message.header.size_bytes, -EBADF);
        if (r < 0)
                return r;

        message_begin(walk);
        return 0;
}

static int take_findings(Walk *walk, const SickFinding *findings, size_t n) {
        WorkerSurveyResult *result = &walk->message.survey_result;
        int r;

        for (size_t i = 0; i < n; i++) {
                if (walk->n_told >= SURVEY_TOLD_MAX) {
                        result->n_untold++;
                        continue;
                }
                if (result->n_findings == SURVEY_FINDINGS_MAX) {
                        r = message_send(walk);
                        if (r < 0)
                                return r;
                }
                result->findings[result->n_findings++] = findings[i];
                walk->n_told++;
        }

        return 0;
}

static void stage_end(Walk *walk) {
        walk->stage++;
        walk->group = 0;
        if (walk->stage == WALK_INODES && walk->task->request.depth != SURVEY_INODES)
                walk->stage = WALK_DONE;
}

static int ask_whole(Walk *walk, int root_fd) {
        SickFinding findings[SICK_FINDINGS_PER_MASK];
        int r;

        r = xfs_survey_geometry(root_fd, &walk->geometry);
        if (r < 0)
                return r;

        walk->inodes.n_groups = walk->geometry.n_groups;
        stage_end(walk);
        return take_findings(walk, findings, geometry_findings(&walk->geometry, findings));
}

static int ask_group(Walk *walk, int root_fd) {
        bool is_rtgroup = walk->stage == WALK_RTGROUPS;
        SickFinding where = { .domain = is_rtgroup ? DOMAIN_RTGROUP : DOMAIN_AG, .group = walk->group };
        uint32_t n_groups = is_rtgroup ? walk->geometry.n_rtgroups : walk->geometry.n_groups, mask;
        SickFinding findings[SICK_FINDINGS_PER_MASK];
        int r;

        if (walk->group >= n_groups) {
                stage_end(walk);
                return 0;
        }

        r = xfs_survey_group(root_fd, (EventDomain) where.domain, walk->group, &mask);
        walk->group++;
        if (r == -EINTR || r == -ENOMEM || r == -EPERM || r == -ENOTTY)
                return r;
        /* What stands in its way is damage, and of damage that it meets the kernel tells the monitor: the others go
         * on. */
        if (r < 0) {
                walk->n_groups_unreadable++;
                return 0;
        }
        walk->message.survey_result.n_groups++;
        return take_findings(walk, findings, sick_mask_decode(&where, mask, findings));
}

static int ask_inodes(Walk *walk, int root_fd) {
        XfsSeenInode seen[XFS_SURVEY_INODES];
        int r, n;

        n = xfs_survey_inodes(root_fd, &walk->inodes, seen);
        for (int i = 0; i < n; i++) {
                SickFinding where = { .domain = DOMAIN_INODE,
                                      .inode = seen[i].inode,
                                      .generation = seen[i].generation };
                SickFinding findings[SICK_FINDINGS_PER_MASK];

                r = take_findings(walk, findings, sick_mask_decode(&where, seen[i].mask, findings));
                if (r < 0)
                        return r;
        }
        if (walk->inodes.is_done)
                stage_end(walk);
        return n < 0 ? n : 0;
}

static int slice(Walk *walk, int root_fd) {
        uint64_t end_usec = clock_monotonic_usec() + SURVEY_SLICE_USEC;
        bool is_walking = walk->stage == WALK_INODES;
        int r = 0;

        /* What is known is told before the inodes are loaded: that can take long, and shut the file system down. */
        while (r >= 0 && walk->stage != WALK_DONE && is_walking == (walk->stage == WALK_INODES) &&
               clock_monotonic_usec() < end_usec)
                switch (walk->stage) {
                case WALK_WHOLE:
                        r = ask_whole(walk, root_fd);
                        break;
                case WALK_GROUPS:
                case WALK_RTGROUPS:
                        r = ask_group(walk, root_fd);
                        break;
                case WALK_INODES:
                        r = ask_inodes(walk, root_fd);
                        break;
                case WALK_DONE:
                        break;
                }

        return r;
}

/* Returns 0 at the end of it, or a negative errno. */
static int walk_all(Walk *walk) {
        while (walk->stage != WALK_DONE) {
                int r, root_fd;

                if (walk->stage != WALK_WHOLE)
                        survey_sleep(SURVEY_PAUSE_USEC);
                root_fd = survey_slice_open(walk->task);
                if (root_fd < 0)
                        return root_fd;

                r = slice(walk, root_fd);
                close_fd(root_fd);
                if (r >= 0 && walk->message.survey_result.n_findings > 0)
                        r = message_send(walk);
                if (r < 0)
                        return r;
        }

        return 0;
}

int survey_walk_in_child(int report_fd, const SurveyTask *task) {
        Walk walk = { .task = task, .report_fd = report_fd };
        int r;

        message_begin(&walk);
        r = walk_all(&walk);
        walk.message.survey_result.is_last = true;
        walk.message.survey_result.error = -r;
        return message_send(&walk) < 0;
}

bool survey_attached(const Superblock *superblock, int root_fd, WorkerMessage *ret_message) {
        SickFinding findings[SICK_FINDINGS_PER_MASK];
        XfsSurveyGeometry geometry;
        size_t n;

        if (xfs_survey_geometry(root_fd, &geometry) < 0)
                return false;
        n = geometry_findings(&geometry, findings);
        if (n == 0)
                return false;

        worker_message_init(ret_message, WORKER_SURVEY_RESULT);
        ret_message->survey_result.device_number = superblock->device_number;
        ret_message->survey_result.is_last = true;
        ret_message->survey_result.n_findings = (uint32_t) n;
        memcpy(ret_message->survey_result.findings, findings, n * sizeof(findings[0]));
        return true;
}
