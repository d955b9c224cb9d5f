/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two looks at the mount table -> what went away, what came, what changed. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernel/mount-table.h"

typedef struct MountSet {
        size_t n, n_allocated;
        MountInfo *items;               /* ascending by mount_id once sorted */
} MountSet;

void mount_set_clear(MountSet *set);
/* Copies @info to the end. Returns 0 or -ENOMEM. */
int mount_set_append(MountSet *set, const MountInfo *info);
/* Needed after the last append, before anything below. */
void mount_set_sort(MountSet *set);
/* Adds or replaces one mount of a sorted set. Returns 0 or -ENOMEM. */
int mount_set_put(MountSet *set, const MountInfo *info);
/* Removes one mount of a sorted set; nothing happens if it is not there. */
void mount_set_remove(MountSet *set, uint64_t mount_id);
/* NULL if it is not there. */
const MountInfo *mount_set_find(const MountSet *set, uint64_t mount_id);

typedef struct MountDiffCalls {
        void (*on_gone)(const MountInfo *before, void *userdata);
        void (*on_mounted)(const MountInfo *after, void *userdata);     /* new, moved, or read-only changed */
        void (*on_listed)(void *userdata);      /* NULL, or: after everything was listed again; not called by
                                                 * mount_diff() */
} MountDiffCalls;

/*
 * First everything that is gone, then what is there: whoever reads it never sees two superblocks of one
 * device at a time. A number that stands for another device or root now is gone and mounted.
 */
void mount_diff(const MountSet *before, const MountSet *after, const MountDiffCalls *calls, void *userdata);
