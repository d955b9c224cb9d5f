/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a mounted file system again, and only the very same one. Blocks: for child processes.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "src/worker/superblock-table.h"

typedef struct Reopened {
        int fd;                         /* directory at the top of the mount; -EBADF on failure */
        bool is_read_only;              /* this mount or the superblock */
        bool is_whole;
        char mount_point[PATH_MAX];
} Reopened;

/**
 * reopen_superblock() - find a mount of it and open that, writable ones first
 * @superblock: as it was when the child was forked; the mount table is looked at again where the kernel allows
 * @monitor_fd: proves that it is the same superblock; negative: there is no monitor, the device number must do
 * @whole_only: not through a mount of a part of it
 *
 * Returns: OUTCOME_DONE; OUTCOME_UNMOUNTED; OUTCOME_WRONG_FILESYSTEM; OUTCOME_CANNOT_REOPEN with the errno in @ret_error.
 */
Outcome reopen_superblock(const Superblock *superblock, int monitor_fd, bool whole_only, Reopened *ret_reopened,
                          int *ret_error);
