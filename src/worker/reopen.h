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

typedef enum ReopenPurpose {
        REOPEN_TO_LOOK,                 /* briefly; whole mounts only, and they stay free to be unmounted */
        REOPEN_TO_REPAIR,               /* any mount of it, writable ones first; it is busy until the end */
} ReopenPurpose;

/**
 * reopen_superblock() - find a mount of it and open that
 * @superblock: as it was when the child was forked; the mount table is looked at again where the kernel allows
 * @monitor_fd: proves that it is the same superblock; negative: there is no monitor, the device number must do
 *
 * Returns: OUTCOME_DONE; OUTCOME_UNMOUNTED; OUTCOME_WRONG_FILESYSTEM; OUTCOME_CANNOT_REOPEN with the errno in
 * @ret_error.
 */
Outcome reopen_superblock(const Superblock *superblock, int monitor_fd, ReopenPurpose purpose, Reopened *ret_reopened,
                          int *ret_error);

/**
 * mount_open_beside() - open the root of a mount without keeping it from being unmounted
 *
 * Opened by itself a root directory makes its mount busy, and a program that unmounts right after mounting does
 * meet the 50 us that an attachment needs. Opened through a copy of the mount that is attached nowhere it keeps
 * nothing but the superblock, so for moments only: umount returns, and the file system lives until the descriptor
 * is closed. Where that cannot be had, the mount itself is opened.
 *
 * Returns: a descriptor; -ESTALE if another superblock is there; or another negative errno.
 */
int mount_open_beside(const char *mount_point, dev_t device_number);
