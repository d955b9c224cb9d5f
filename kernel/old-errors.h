/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a file system counted before we came: ext4 keeps errors in its superblock, btrfs in the statistics of its
 * devices.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "src/model/health-event.h"

/* Of btrfs: devices that fail, and devices that give something damaged. */
#define OLD_ERRORS_MAX 2

typedef struct OldErrors {
        uint64_t count;                 /* 0: nothing */
        uint64_t inode;                 /* of the last one; 0: none, or not told */
        uint64_t realtime_sec;          /* of the last one; 0: not told */
        int32_t error;                  /* positive errno of the last one; 0: not told */
        uint32_t pad;                   /* zero */
        char location[EVENT_LOCATION_SIZE];     /* "ext4_find_entry:1594", "": not told */
} OldErrors;

/**
 * old_errors_find() - ask a mounted file system what it has counted
 * @type:   as in the mount table
 * @sys:    where sysfs is mounted
 * @root_fd: open on any directory of it; borrowed
 *
 * Counts are of all times until somebody clears them: e2fsck those of ext4, "btrfs device stats --reset" those of
 * btrfs.
 *
 * Returns: 0, also with nothing counted and for types that count nothing; -ENOENT if ext4 is not what has mounted it;
 * or another negative errno. Source: Documentation/ABI/testing/sysfs-fs-ext4; Linux 7.2, fs/ext4/ext4.h (codes);
 * btrfs-ioctl(2).
 */
int old_errors_find(const char *type, const char *sys, dev_t device_number, int root_fd,
                    OldErrors ret_errors[static OLD_ERRORS_MAX]);
