/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mounts exist in a mount namespace, and news about them straight from the kernel
 * (statmount, listmount and fanotify mount events, Linux 6.15 and later).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/basic/cleanup.h"

typedef struct MountInfo {
        uint64_t mount_id;              /* unique, never reused (STATX_MNT_ID_UNIQUE) */
        dev_t device_number;            /* of the superblock */
        char *type;                     /* "xfs" */
        char *root;                     /* "/" unless a part of the file system is mounted */
        char *mount_point;              /* NULL: not reachable from our root */
        char *source;                   /* NULL: unknown */
        bool is_read_only;              /* this mount */
        bool is_superblock_read_only;
} MountInfo;

void mount_info_clear(MountInfo *info);

/* Returns 0; -ENOENT if the mount is gone; -ENOSYS before Linux 6.8; or another negative errno. */
int mount_info_get(uint64_t mount_id, MountInfo *ret_info);

/* Pure part of it, for tests: an answer of statmount(). Returns 0; -EBADMSG if it contradicts itself; or -ENOMEM. */
int mount_info_parse(const void *answer, size_t size_bytes, MountInfo *ret_info);

typedef int (*MountInfoFound)(const MountInfo *info, void *userdata);

/* Calls @found for every mount of our namespace; ends at its first negative result and returns that. -ENOSYS before
 * Linux 6.8. */
int mount_table_list(MountInfoFound found, void *userdata);

/* Opens the news channel for our own mount namespace. Returns a non-blocking descriptor; -EINVAL/-ENOSYS before Linux
 * 6.15; or another negative errno. */
int mount_events_open(void);

typedef enum MountChange {
        MOUNT_ATTACHED = 1 << 0,
        MOUNT_DETACHED = 1 << 1,        /* both: it was moved */
} MountChange;

typedef void (*MountChanged)(uint64_t mount_id, unsigned changes, void *userdata);

/* Reads what is there now. Returns 0; -EOVERFLOW if the kernel dropped news (list again); or another negative errno. */
int mount_events_read(int fd, MountChanged changed, void *userdata);

/* Pure part of it, for tests: one buffer as the kernel fills it. Returns 0; -EOVERFLOW; or -EBADMSG. */
int mount_events_parse(const void *buffer, size_t size_bytes, MountChanged changed, void *userdata);
