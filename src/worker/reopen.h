/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a mounted file system again, and only the very same one. Blocks: for child processes.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "src/worker/superblock-table.h"

typedef struct Reopened {
        int fd;                         /* -EBADF on failure */
        bool is_read_only;              /* this mount or the superblock */
        bool is_whole;                  /* the root of the file system, not a folder of it */
        const char *problem;            /* static text for people, of a failure that needs one; or NULL */
        char mount_point[PATH_MAX];
} Reopened;

typedef enum ReopenPurpose {
        REOPEN_TO_LOOK,                 /* the root, briefly, through any mount; they stay free to be unmounted */
        REOPEN_TO_SCAN,                 /* as that, but only where the whole is mounted */
        REOPEN_TO_REPAIR,               /* the top of any mount, writable ones first; it is busy until the end */
} ReopenPurpose;

/**
 * reopen_superblock() - find a mount of it and open that
 * @superblock: as it was when the child was forked. The mount that was best then is asked for again; if it is not what
 *              it was, or cannot be opened, all mounts are, where the kernel allows
 * @monitor_fd: proves that it is the same superblock; negative: there is no monitor, the device number must do
 *
 * Returns: OUTCOME_DONE; OUTCOME_UNMOUNTED; OUTCOME_WRONG_FILESYSTEM; OUTCOME_CANNOT_REOPEN with the errno in
 * @ret_error; OUTCOME_NOT_SUPPORTED if none of its mounts is of the kind that is needed.
 */
Outcome reopen_superblock(const Superblock *superblock, int monitor_fd, ReopenPurpose purpose, Reopened *ret_reopened,
                          int *ret_error);

/**
 * mount_open_beside() - open the root of a file system without keeping its mount from being unmounted
 * @is_whole: false: the mount shows a folder of it; on XFS the root above is reached all the same
 *
 * Opened by itself a root directory makes its mount busy, and a program that unmounts right after mounting does
 * meet the 50 us that an attachment needs. Opened through a copy of the mount that is attached nowhere it keeps
 * nothing but the superblock, so for moments only: umount returns, and the file system lives until the descriptor
 * is closed. Where that cannot be had, the mount itself is opened.
 *
 * Returns: a descriptor; -ESTALE if another superblock is there; -EOPNOTSUPP if the root cannot be reached from a
 * folder of this type; or another negative errno.
 */
int mount_open_beside(const char *mount_point, dev_t device_number, bool is_whole);
