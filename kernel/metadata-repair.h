/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's online check and repair of one metadata structure (XFS_IOC_SCRUB_METADATA).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/model/health-event.h"
#include "src/model/job-report.h"

/* Which structure: a plain value, also on the wire to the worker. */
typedef struct RepairTarget {
        Structure structure;
        uint32_t group;
        uint64_t inode;
        uint32_t generation;            /* 0: not known, whatever is there now */
} RepairTarget;

/* True if the kernel has a scrub type for it at all. */
bool metadata_structure_is_repairable(Structure structure);

typedef enum MetadataCall {
        METADATA_CHECK,
        METADATA_REPAIR,        /* checks first; does nothing to what is healthy */
        METADATA_REBUILD,       /* made anew even if the check finds nothing */
} MetadataCall;

typedef struct MetadataResult {
        Outcome outcome;
        int error;              /* positive errno of the call, 0 if it returned 0 */
        uint32_t flags;         /* sm_flags as they came back */
} MetadataResult;

/**
 * metadata_call() - check or repair one structure
 * @fd: open on any file of the mounted file system; a repair needs the mount to be writable
 *
 * Blocks for as long as the kernel needs: for a child process only.
 * METADATA_CHECK gives OUTCOME_DONE for clean and OUTCOME_STILL_CORRUPT for damaged; METADATA_REPAIR gives
 * OUTCOME_DONE for repaired and OUTCOME_NOT_NEEDED for healthy, METADATA_REBUILD the first alone. Every errno class has
 * an outcome of its own.
 * Source: Linux 7.2, fs/xfs/scrub/scrub.c.
 */
MetadataResult metadata_call(int fd, const RepairTarget *target, MetadataCall call);

/* Pure part of it, for tests: what the returned flags and errno mean. */
MetadataResult metadata_result_classify(MetadataCall call, int error, uint32_t flags);

/* Does this kernel check this mounted file system online? Returns 0; -ENOTTY; -EOPNOTSUPP; or another negative
 * errno. */
int metadata_check_probe(int fd);

/* Does this mounted file system offer online repair? Returns 0; -EROFS; -EOPNOTSUPP; -ENOTTY; or another negative
 * errno. */
int metadata_repair_probe(int fd);
