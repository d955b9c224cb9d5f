/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structures by kernel/metadata-structures.c, inodes by the b-tree of inodes.
 */

#include "src/worker/patrol-walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernel/metadata-structures.h"
#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/pressure.h"
#include "src/worker/removable.h"
#include "src/worker/survey-slice.h"

#define PRESSURE_PAUSE_USEC USEC_PER_SEC

/* getrusage(2) counts in these, whatever the disk's are. */
#define RUSAGE_BLOCK_BYTES 512

typedef struct Patrol {
        const SurveyTask *task;
        int report_fd;
        uint64_t end_usec, reported_usec, n_reported_damaged;
        uint64_t read_before_bytes;     /* by its process */
        bool is_known;                  /* its geometry */
        XfsSurveyGeometry geometry;
        XfsInodeWalk inodes;
        XfsSeenInode seen[XFS_SURVEY_INODES];
        int n_seen, n_seen_checked;
        bool may_list;                  /* the inodes of this group */
        uint32_t may_list_group;
        WorkerMessage message;
} Patrol;

static PatrolPosition *position_of(Patrol *patrol) {
        return &patrol->message.survey_result.position;
}

/* By this process, in the kernel's checks: 0 where it keeps no such account (CONFIG_TASK_IO_ACCOUNTING). */
static uint64_t bytes_read(void) {
        struct rusage usage;

        return getrusage(RUSAGE_SELF, &usage) < 0 ? 0 : (uint64_t) usage.ru_inblock * RUSAGE_BLOCK_BYTES;
}

static int report(Patrol *patrol) {
        patrol->reported_usec = clock_monotonic_usec();
        patrol->message.survey_result.read_bytes = bytes_read() - patrol->read_before_bytes;
        patrol->n_reported_damaged = patrol->message.survey_result.n_damaged;
        return child_report(patrol->report_fd, &patrol->message, patrol->message.header.size_bytes, -EBADF);
}

/* What is not here could not be checked. */
static const struct CheckMeaning {
        Outcome outcome;
        int end;                        /* positive errno: the turn ends with it */
        bool is_checked, is_damaged;
} meanings[] = {
        { OUTCOME_DONE, 0, true, false },
        { OUTCOME_STILL_CORRUPT, 0, true, true },
        { OUTCOME_CROSS_REFERENCE, 0, true, true },
        /* This one has no such thing, or it is gone meanwhile. */
        { OUTCOME_GONE, 0, false, false },
        { OUTCOME_NOT_SUPPORTED, 0, false, false },
        { OUTCOME_SHUT_DOWN, EIO, false, false },
        { OUTCOME_NO_PERMISSION, EPERM, false, false },
        { OUTCOME_CANCELLED, EINTR, false, false },
};

/* Returns 0 to go on; what ends a turn is a negative errno. */
static int check(Patrol *patrol, int root_fd, const RepairTarget *target) {
        WorkerSurveyResult *counts = &patrol->message.survey_result;
        uint64_t began_usec = clock_monotonic_usec();
        MetadataResult result;

        result = metadata_call(root_fd, target, METADATA_CHECK);
        counts->busy_usec += clock_monotonic_usec() - began_usec;
        for (size_t i = 0; i < ELEMENTSOF(meanings); i++) {
                if (meanings[i].outcome != result.outcome)
                        continue;
                counts->n_checked += meanings[i].is_checked;
                counts->n_damaged += meanings[i].is_damaged;
                return -meanings[i].end;
        }
        counts->n_unreadable++;
        return 0;
}

static void stage_end(Patrol *patrol) {
        PatrolPosition *position = position_of(patrol);

        *position = (PatrolPosition) { .stage = position->stage + 1 };
}

/* What stands on others comes after them. The reverse map comes before free space, which is rebuilt from it: each is
 * checked against the other and both are told where they differ, and the first that is told is repaired first. */
static const Structure group_structures[] = {
        STRUCTURE_AG_SUPER,
        STRUCTURE_AG_AGF,
        STRUCTURE_AG_AGFL,
        STRUCTURE_AG_AGI,
        STRUCTURE_AG_RMAPBT,
        STRUCTURE_AG_BNOBT,
        STRUCTURE_AG_CNTBT,
        STRUCTURE_AG_INOBT,
        STRUCTURE_AG_FINOBT,
        STRUCTURE_AG_REFCOUNTBT,
};

/* The row after @skipped ones of this domain that the kernel can check; NULL: there are no more. */
static const MetadataStructure *structure_at(EventDomain domain, uint64_t skipped) {
        size_t n;
        const MetadataStructure *rows = metadata_structures(&n);

        if (domain == DOMAIN_AG)
                return skipped < ELEMENTSOF(group_structures) ? metadata_structure_find(group_structures[skipped])
                                                              : NULL;
        for (size_t i = 0; i < n; i++)
                if (rows[i].domain == domain && rows[i].scrub_type != METADATA_NO_SCRUB_TYPE && skipped-- == 0)
                        return rows + i;
        return NULL;
}

static int check_group(Patrol *patrol, int root_fd) {
        PatrolPosition *position = position_of(patrol);
        bool is_rtgroup = position->stage == PATROL_RTGROUPS;
        const MetadataStructure *row = structure_at(is_rtgroup ? DOMAIN_RTGROUP : DOMAIN_AG, position->next);
        RepairTarget target = { .group = position->group };

        if (position->group >= (is_rtgroup ? patrol->geometry.n_rtgroups : patrol->geometry.n_groups)) {
                stage_end(patrol);
                return 0;
        }
        if (!row) {
                position->group++;
                position->next = 0;
                return 0;
        }

        position->next++;
        target.structure = row->structure;
        return check(patrol, root_fd, &target);
}

static int check_whole(Patrol *patrol, int root_fd) {
        PatrolPosition *position = position_of(patrol);
        const MetadataStructure *row = structure_at(DOMAIN_FS, position->next);
        RepairTarget target = {};

        if (!row) {
                stage_end(patrol);
                return 0;
        }
        position->next++;
        target.structure = row->structure;
        return check(patrol, root_fd, &target);
}

/* @type: of its mode, 0: of any. Others do not have it, or the kernel says at once that there is nothing. */
static const struct {
        Structure structure;
        mode_t type;
} inode_structures[] = {
        { STRUCTURE_INODE_CORE, 0 },
        { STRUCTURE_INODE_DATAFORK, 0 },
        { STRUCTURE_INODE_ATTRFORK, 0 },
        { STRUCTURE_INODE_COWFORK, S_IFREG },
        { STRUCTURE_INODE_DIRECTORY, S_IFDIR },
        { STRUCTURE_INODE_SYMLINK, S_IFLNK },
        { STRUCTURE_INODE_XATTR, 0 },
        { STRUCTURE_INODE_PARENT, 0 },
        { STRUCTURE_INODE_DIRTREE, S_IFDIR },
};

static int check_inode(Patrol *patrol, int root_fd, const XfsSeenInode *inode) {
        RepairTarget target = { .inode = inode->inode, .generation = inode->generation };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(inode_structures); i++) {
                if (inode_structures[i].type != 0 && (inode->mode & S_IFMT) != inode_structures[i].type)
                        continue;
                target.structure = inode_structures[i].structure;
                r = check(patrol, root_fd, &target);
                /* Of one that cannot be loaded there is nothing but its record. */
                if (inode->is_unreadable)
                        break;
        }
        patrol->message.survey_result.n_inodes++;
        return r;
}

/* Walking a b-tree that is damaged badly can shut the file system down. Once a turn for each group: the b-tree of a
 * million inodes takes longer to check than the next 64 of them. */
static int may_list(Patrol *patrol, int root_fd, bool *ret_may) {
        const RepairTarget target = { .structure = STRUCTURE_AG_INOBT, .group = position_of(patrol)->group };
        uint64_t n_damaged = patrol->message.survey_result.n_damaged;
        int r = 0;

        if (!patrol->may_list || patrol->may_list_group != target.group) {
                r = check(patrol, root_fd, &target);
                patrol->may_list = patrol->message.survey_result.n_damaged == n_damaged;
                patrol->may_list_group = target.group;
        }
        *ret_may = patrol->may_list;
        return r;
}

/* The next ones, from the position on. */
static int list_inodes(Patrol *patrol, int root_fd) {
        PatrolPosition *position = position_of(patrol);
        XfsInodeWalk *walk = &patrol->inodes;
        bool may;
        int r, n;

        if (position->group >= patrol->geometry.n_groups) {
                stage_end(patrol);
                return 0;
        }
        r = may_list(patrol, root_fd, &may);
        if (r < 0)
                return r;
        if (!may) {
                *position = (PatrolPosition) { .stage = PATROL_INODES, .group = position->group + 1 };
                return 0;
        }
        *walk = (XfsInodeWalk) {
                .n_groups = patrol->geometry.n_groups,
                .group = position->group,
                .next = position->next,
        };
        n = xfs_survey_inodes(root_fd, walk, patrol->seen);
        if (n < 0)
                return n;
        patrol->n_seen = n;
        patrol->n_seen_checked = 0;
        if (n == 0)
                *position = (PatrolPosition) { PATROL_INODES, walk->group, walk->next };
        return 0;
}

static int check_inodes(Patrol *patrol, int root_fd) {
        PatrolPosition *position = position_of(patrol);
        const XfsSeenInode *inode;

        if (patrol->n_seen_checked == patrol->n_seen)
                return list_inodes(patrol, root_fd);

        inode = patrol->seen + patrol->n_seen_checked++;
        position->next = inode->inode + 1;
        /* The walk knows where the next ones are, also in another group. */
        if (patrol->n_seen_checked == patrol->n_seen)
                *position = (PatrolPosition) { PATROL_INODES, patrol->inodes.group, patrol->inodes.next };
        return check_inode(patrol, root_fd, inode);
}

static int step(Patrol *patrol, int root_fd) {
        switch ((PatrolStage) position_of(patrol)->stage) {
        case PATROL_GROUPS:
        case PATROL_RTGROUPS:
                return check_group(patrol, root_fd);
        case PATROL_INODES:
                return check_inodes(patrol, root_fd);
        case PATROL_WHOLE:
                return check_whole(patrol, root_fd);
        case PATROL_DONE:
                break;
        }
        return 0;
}

static int slice(Patrol *patrol, int root_fd) {
        uint64_t end_usec = clock_monotonic_usec() + SURVEY_SLICE_USEC;
        uint32_t stage = position_of(patrol)->stage;
        int r = 0;

        if (!patrol->is_known) {
                r = xfs_survey_geometry(root_fd, &patrol->geometry);
                if (r < 0)
                        return r;
                patrol->is_known = true;
        }
        while (r >= 0 && position_of(patrol)->stage == stage && clock_monotonic_usec() < end_usec)
                r = step(patrol, root_fd);
        return r;
}

/* After @busy_usec in the kernel. Returns false if the rest would take longer than the turn: it is over. */
static bool rest(const Patrol *patrol, uint64_t busy_usec) {
        unsigned share = patrol->task->request.share_percent;
        uint64_t pause_usec = max_of(busy_usec * (100 - share) / share, SURVEY_PAUSE_USEC);

        if (clock_monotonic_usec() + pause_usec >= patrol->end_usec)
                return false;
        survey_sleep(pause_usec);
        if (share >= PATROL_POLITE_PERCENT)
                return true;
        while (pressure_is_high()) {
                if (clock_monotonic_usec() + PRESSURE_PAUSE_USEC >= patrol->end_usec)
                        return false;
                survey_sleep(PRESSURE_PAUSE_USEC);
        }
        return true;
}

/* Returns 0 at the end of the turn, or a negative errno. */
static int walk(Patrol *patrol) {
        uint32_t stage = position_of(patrol)->stage;
        uint64_t busy_usec = 0;

        while (position_of(patrol)->stage == stage && (busy_usec == 0 || rest(patrol, busy_usec))) {
                uint64_t began_usec;
                int r, root_fd;

                began_usec = clock_monotonic_usec();
                root_fd = survey_slice_open(patrol->task);
                if (root_fd < 0)
                        return root_fd;

                r = slice(patrol, root_fd);
                close_fd(root_fd);
                if (r < 0)
                        return r;
                busy_usec = max_of(clock_monotonic_usec() - began_usec, UINT64_C(1));
                /* What is damaged is repaired at once: looked at again it would be healthy. */
                if (patrol->message.survey_result.n_damaged > patrol->n_reported_damaged ||
                    clock_monotonic_usec() >= patrol->reported_usec + PATROL_REPORT_USEC) {
                        r = report(patrol);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int patrol_walk_in_child(int report_fd, const SurveyTask *task) {
        uint64_t now_usec = clock_monotonic_usec();
        Patrol patrol = {
                .task = task,
                .report_fd = report_fd,
                .end_usec = now_usec + PATROL_TURN_USEC,
                .reported_usec = now_usec,
                .read_before_bytes = bytes_read(),
        };
        WorkerSurveyResult *result = &patrol.message.survey_result;

        worker_message_init(&patrol.message, WORKER_SURVEY_RESULT);
        result->request_id = task->request.request_id;
        result->device_number = task->request.device_number;
        result->position = task->request.position;
        if (!task->request.on_rotating && device_is_rotating("/sys", (dev_t) task->request.device_number))
                result->error = EMEDIUMTYPE;
        else
                result->error = -walk(&patrol);
        result->is_last = true;
        return report(&patrol) < 0;
}
