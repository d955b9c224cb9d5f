/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which structures of a group a repair stands on, as a table. Sources: Linux 7.2, fs/xfs/scrub/newbt.c and tempfile.c
 * (where the blocks come from), fs/xfs/libxfs/xfs_alloc.c (what taking one changes); that the file system is shut down
 * was measured on 7.2.13.
 */
#include "kernel/repair-ground.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "kernel/metadata-structures.h"
#include "kernel/xfs-abi.h"
#include "kernel/xfs-survey.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"

/* A check of free space takes a millisecond where there is little of it, and is made once after a mount. */
#define OTHER_GROUPS_USEC (20 * USEC_PER_MSEC)

typedef enum GroundKind {
        GROUND_NONE,
        /* The b-trees of a group take from their own. Each is also checked against the others, and which of two that
         * differ is wrong is not known: only what is wrong in itself stands in the way, or nobody would be first. */
        GROUND_OF_GROUP,
        /* Block maps are rebuilt from the reverse map, which is rebuilt from block maps. */
        GROUND_OF_BLOCK_MAP,
        GROUND_OF_CONTENTS,
} GroundKind;

static const struct {
        Structure structure;
        GroundKind kind;
} takers[] = {
        { STRUCTURE_AG_INOBT, GROUND_OF_GROUP },
        { STRUCTURE_AG_FINOBT, GROUND_OF_GROUP },
        { STRUCTURE_AG_REFCOUNTBT, GROUND_OF_GROUP },
        { STRUCTURE_INODE_DATAFORK, GROUND_OF_BLOCK_MAP },
        { STRUCTURE_INODE_ATTRFORK, GROUND_OF_BLOCK_MAP },
        { STRUCTURE_INODE_COWFORK, GROUND_OF_BLOCK_MAP },
        { STRUCTURE_INODE_XATTR, GROUND_OF_CONTENTS },
        { STRUCTURE_INODE_DIRECTORY, GROUND_OF_CONTENTS },
        { STRUCTURE_INODE_SYMLINK, GROUND_OF_CONTENTS },
        { STRUCTURE_INODE_PARENT, GROUND_OF_CONTENTS },
};

/* @is_always_checked: its check is cheap; of others only what is known to be sick is checked once more. */
static const struct {
        Structure structure;
        GroundKind first_kind;
        bool is_always_checked;
} grounds[] = {
        { STRUCTURE_AG_AGF, GROUND_OF_BLOCK_MAP, false },
        { STRUCTURE_AG_AGFL, GROUND_OF_BLOCK_MAP, false },
        { STRUCTURE_AG_BNOBT, GROUND_OF_GROUP, true },
        { STRUCTURE_AG_CNTBT, GROUND_OF_GROUP, true },
        { STRUCTURE_AG_RMAPBT, GROUND_OF_CONTENTS, false },
};

static GroundKind kind_of(Structure structure) {
        for (size_t i = 0; i < ELEMENTSOF(takers); i++)
                if (takers[i].structure == structure)
                        return takers[i].kind;
        return GROUND_NONE;
}

bool repair_needs_ground(Structure structure) {
        return kind_of(structure) != GROUND_NONE;
}

/* What could not be compared with others (XFAIL) says something about those. */
static bool is_damaged(const MetadataResult *look, GroundKind kind) {
        if (look->outcome == OUTCOME_CROSS_REFERENCE)
                return kind != GROUND_OF_GROUP && (look->flags & ABI_XFS_SCRUB_OFLAG_XCORRUPT);
        return look->outcome == OUTCOME_STILL_CORRUPT;
}

/* Returns 1 and the structure that is damaged, or 0. */
static int look_at_group(const GroundCalls *calls, GroundKind kind, uint32_t group, RepairTarget *ret_sick) {
        GroupHealth health = {};
        int r;

        r = calls->group(calls->userdata, group, &health);
        if (r == -EUCLEAN || r == -EBADMSG) {
                *ret_sick = (RepairTarget) { .structure = STRUCTURE_AG_AGF, .group = group };
                return 1;
        }
        if (r < 0)
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(grounds); i++) {
                const RepairTarget ground = { .structure = grounds[i].structure, .group = group };
                uint32_t bit = metadata_structure_find(ground.structure)->bit;
                MetadataResult look;

                if (kind < grounds[i].first_kind)
                        continue;
                /* What was repaired or changed since is found out by the check. */
                if (!(health.sick & bit) && (!grounds[i].is_always_checked || (health.checked & bit)))
                        continue;
                look = calls->check(calls->userdata, &ground);
                if (is_damaged(&look, kind)) {
                        *ret_sick = ground;
                        return 1;
                }
        }
        return 0;
}

int repair_ground_find(const GroundCalls *calls, const GroundPlan *plan, const RepairTarget *target,
                       RepairTarget *ret_sick) {
        GroundKind kind = kind_of(target->structure);
        uint64_t end_usec;
        int r;

        if (kind == GROUND_NONE || plan->own_group >= plan->n_groups)
                return 0;
        r = look_at_group(calls, kind, plan->own_group, ret_sick);
        if (r != 0 || kind == GROUND_OF_GROUP)
                return r;

        end_usec = calls->now_usec(calls->userdata) + plan->budget_usec;
        for (uint32_t group = 0; group < plan->n_groups && calls->now_usec(calls->userdata) < end_usec; group++) {
                if (group == plan->own_group)
                        continue;
                r = look_at_group(calls, kind, group, ret_sick);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int kernel_group(void *userdata, uint32_t group, GroupHealth *ret_health) {
        struct abi_xfs_ag_geometry geometry = { .ag_number = group };
        const int *fd = userdata;

        if (ioctl(*fd, ABI_XFS_IOC_AG_GEOMETRY, &geometry) < 0)
                return -errno;
        *ret_health = (GroupHealth) { .sick = geometry.ag_sick, .checked = geometry.ag_checked };
        return 0;
}

static MetadataResult kernel_check(void *userdata, const RepairTarget *target) {
        const int *fd = userdata;

        return metadata_call(*fd, target, METADATA_CHECK);
}

static uint64_t kernel_now(_unused_ void *userdata) {
        return clock_monotonic_usec();
}

int repair_ground_look(int fd, const RepairTarget *target, RepairTarget *ret_sick) {
        const GroundCalls calls = {
                .userdata = &fd,
                .group = kernel_group,
                .check = kernel_check,
                .now_usec = kernel_now,
        };
        GroundPlan plan = { .budget_usec = OTHER_GROUPS_USEC };
        XfsSurveyGeometry geometry;

        if (!repair_needs_ground(target->structure) || xfs_survey_geometry(fd, &geometry) < 0)
                return 0;
        plan.n_groups = geometry.n_groups;
        plan.own_group = metadata_structure_find(target->structure)->selector == METADATA_SELECTOR_GROUP ?
                target->group : (uint32_t) (target->inode >> geometry.inode_bits_in_group);
        return repair_ground_find(&calls, &plan, target, ret_sick);
}
