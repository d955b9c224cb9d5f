/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a repair stands on beside its own structure: it takes new blocks from some group. If the b-trees of free space
 * are damaged there, it meets that half-way, with a transaction that cannot be given up any more, and the kernel shuts
 * the file system down; the next mount may fail, too. So these are looked at first.
 *
 * For child processes: each look can sleep.
 */
#pragma once

#include <stdint.h>

#include "kernel/metadata-repair.h"

/* What the kernel knows of a group. */
typedef struct GroupHealth {
        uint32_t sick, checked;         /* ABI_XFS_AG_GEOM_SICK_*, since the mount */
} GroupHealth;

/* Where the answers come from; repair_ground_look() asks the kernel, tests have some of their own. */
typedef struct GroundCalls {
        void *userdata;
        /* Returns 0 or a negative errno. */
        int (*group)(void *userdata, uint32_t group, GroupHealth *ret_health);
        MetadataResult (*check)(void *userdata, const RepairTarget *target);
        uint64_t (*now_usec)(void *userdata);
} GroundCalls;

/* Of one file system. */
typedef struct GroundPlan {
        uint32_t n_groups;
        uint32_t own_group;             /* of what is to be repaired */
        uint64_t budget_usec;           /* for groups other than its own */
} GroundPlan;

/* Does this repair take blocks, and would others of its group be met by that? Pure. */
bool repair_needs_ground(Structure structure);

/**
 * repair_ground_find() - what speaks against a repair
 * @target:   what is to be repaired
 * @ret_sick: the structure of a group that has to be repaired first
 *
 * The own group is looked at in any case. An inode's new blocks may come from any other (a directory is rebuilt in a
 * temporary one, and those go round the groups), so these are looked at as long as @plan->budget_usec lasts. What a
 * check found sound since the mount is not checked again.
 *
 * Returns 1 and @ret_sick, or 0: nothing that is known or was found.
 */
int repair_ground_find(const GroundCalls *calls, const GroundPlan *plan, const RepairTarget *target,
                       RepairTarget *ret_sick);

/* The same of the file system on which @fd is open. What cannot be asked speaks against nothing. */
int repair_ground_look(int fd, const RepairTarget *target, RepairTarget *ret_sick);
