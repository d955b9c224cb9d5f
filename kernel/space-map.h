/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns which part of a device of a mounted XFS (FS_IOC_GETFSMAP). With the reverse map each owner is named, without
 * it only what is free. For child processes.
 *
 * Places are in units of 512 bytes, as of media-verify.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum SpaceOwner {
        SPACE_FREE,
        SPACE_UNKNOWN,                  /* used, and nobody knows by whom */
        SPACE_HEADERS,                  /* of an allocation group: superblock, AGF, AGFL, AGI */
        SPACE_LOG,
        SPACE_SPACE_BTREES,             /* b-trees of free space and of owners, and blocks kept for them */
        SPACE_INODE_BTREES,
        SPACE_INODES,                   /* records of inodes */
        SPACE_REFCOUNT_BTREE,
        SPACE_STAGING,                  /* written to be shared no more, not in a file yet */
        SPACE_FILE,                     /* contents of a file, a directory or a symbolic link */
        SPACE_FILE_MAP,                 /* b-tree that says where the contents are */
        SPACE_ATTRIBUTES,               /* extended attributes */
        SPACE_ATTRIBUTE_MAP,
} SpaceOwner;
#define N_SPACE_OWNERS (SPACE_ATTRIBUTE_MAP + 1)

/* For people: "the log". */
const char *space_owner_to_text(SpaceOwner owner);

typedef struct SpaceExtent {
        uint64_t start, end;
        SpaceOwner owner;
        uint64_t inode;                 /* SPACE_FILE and what follows */
} SpaceExtent;

/* Which device the kernel means: told by what it says of one whose volumes have devices of their own. */
typedef struct SpaceMap {
        int fd;                         /* borrowed */
        uint32_t device;                /* as the kernel calls it */
} SpaceMap;

/**
 * space_map_data() - the data device of a file system
 * @device_number: as in stat
 *
 * Returns: 0; -EOPNOTSUPP or -ENOTTY: there is no map to be had; or another negative errno.
 */
int space_map_data(int fd, dev_t device_number, SpaceMap *ret_map);

/**
 * space_map_read() - what lies in a range, free parts included
 * @max: at most so many; one place has several owners where it is shared
 *
 * In order of their starts; the first may begin before @start, the last may end behind @end. If @max are returned there
 * may be more. Returns: how many; or a negative errno: -EIO if the b-trees that say it cannot be read.
 * Source: Linux 7.2, fs/xfs/xfs_fsmap.c. The reverse map needs CAP_SYS_ADMIN.
 */
int space_map_read(const SpaceMap *map, uint64_t start, uint64_t end, SpaceExtent *ret_extents, size_t max);

#define SPACE_MAP_MAX 128               /* in one answer */

typedef struct SpaceRange {
        uint64_t start, end;
} SpaceRange;

/**
 * space_map_used() - the parts of a range that are not free, joined where they touch or overlap
 * @ret_until: so far the answer goes: behind it nothing is known; beyond @start
 *
 * Returns: how many, at most SPACE_MAP_MAX; or a negative errno.
 */
int space_map_used(const SpaceMap *map, uint64_t start, uint64_t end, SpaceRange ret_ranges[static SPACE_MAP_MAX],
                   uint64_t *ret_until);
