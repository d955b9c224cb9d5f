/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The map of who owns which space, as the kernel gives it: facts of Linux 7.2, compared with the installed headers by
 * kernel/check-headers. Owners are those of XFS.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <linux/ioctl.h>

#include "kernel/xfs-abi.h"

struct abi_fsmap {
        uint32_t fmr_device;            /* dev_t of 32 bits, or a small number: ABI_FMH_OF_DEV_T */
        uint32_t fmr_flags;             /* ABI_FMR_OF_* */
        uint64_t fmr_physical;          /* bytes */
        uint64_t fmr_owner;             /* an inode, or ABI_XFS_FMR_OWN_* with ABI_FMR_OF_SPECIAL_OWNER */
        uint64_t fmr_offset;            /* bytes */
        uint64_t fmr_length;            /* bytes */
        uint64_t fmr_reserved[3];       /* zero */
};
ABI_SIZE(struct abi_fsmap, 64);
ABI_AT(struct abi_fsmap, fmr_physical, 8);
ABI_AT(struct abi_fsmap, fmr_owner, 16);
ABI_AT(struct abi_fsmap, fmr_offset, 24);
ABI_AT(struct abi_fsmap, fmr_length, 32);

struct abi_fsmap_head {
        uint32_t fmh_iflags;            /* zero */
        uint32_t fmh_oflags;            /* ABI_FMH_OF_* */
        uint32_t fmh_count;             /* room for records */
        uint32_t fmh_entries;           /* of it that was filled */
        uint64_t fmh_reserved[6];       /* zero */
        struct abi_fsmap fmh_keys[2];   /* the lowest and the highest that are wanted; behind them the records */
};
ABI_SIZE(struct abi_fsmap_head, 192);
ABI_AT(struct abi_fsmap_head, fmh_count, 8);
ABI_AT(struct abi_fsmap_head, fmh_keys, 64);

enum {
        ABI_FMH_OF_DEV_T = 1 << 0,

        ABI_FMR_OF_PREALLOC = 1 << 0,
        ABI_FMR_OF_ATTR_FORK = 1 << 1,
        ABI_FMR_OF_EXTENT_MAP = 1 << 2,
        ABI_FMR_OF_SHARED = 1 << 3,
        ABI_FMR_OF_SPECIAL_OWNER = 1 << 4,
        ABI_FMR_OF_LAST = 1 << 5,
};

/* Codes below a type in the upper half. Source: XFS_FMR_OWN_*, Linux 7.2. */
#define ABI_FMR_OWNER_OF_XFS ((uint64_t) 'X' << 32)
#define ABI_FMR_OWN_FREE UINT64_C(1)
#define ABI_FMR_OWN_UNKNOWN UINT64_C(2)
#define ABI_XFS_FMR_OWN_FS (ABI_FMR_OWNER_OF_XFS | 1)
#define ABI_XFS_FMR_OWN_LOG (ABI_FMR_OWNER_OF_XFS | 2)
#define ABI_XFS_FMR_OWN_AG (ABI_FMR_OWNER_OF_XFS | 3)
#define ABI_XFS_FMR_OWN_INOBT (ABI_FMR_OWNER_OF_XFS | 4)
#define ABI_XFS_FMR_OWN_INODES (ABI_FMR_OWNER_OF_XFS | 5)
#define ABI_XFS_FMR_OWN_REFC (ABI_FMR_OWNER_OF_XFS | 6)
#define ABI_XFS_FMR_OWN_COW (ABI_FMR_OWNER_OF_XFS | 7)
#define ABI_XFS_FMR_OWN_DEFECTIVE (ABI_FMR_OWNER_OF_XFS | 8)

/* fmr_device without ABI_FMH_OF_DEV_T is ABI_XFS_DEV_*. */

#define ABI_FS_IOC_GETFSMAP _IOWR('X', 59, struct abi_fsmap_head)
