/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of btrfs that we speak: which devices there are and what went wrong on each. Our own statement of the
 * numbers, named by the rule that kernel/xfs-abi.h explains. Source: Linux 7.2, include/uapi/linux/btrfs.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "kernel/xfs-abi.h"

enum {
        ABI_BTRFS_DEV_STAT_WRITE_ERRS = 0,
        ABI_BTRFS_DEV_STAT_READ_ERRS = 1,
        ABI_BTRFS_DEV_STAT_FLUSH_ERRS = 2,
        ABI_BTRFS_DEV_STAT_CORRUPTION_ERRS = 3,         /* checksums, and pointers that lead astray */
        ABI_BTRFS_DEV_STAT_GENERATION_ERRS = 4,         /* writes that never came to the disk */
        ABI_BTRFS_DEV_STAT_VALUES_MAX = 5,
};

struct abi_btrfs_ioctl_fs_info_args {
        uint64_t max_id;                /* of a device */
        uint64_t num_devices;
        uint8_t fsid[16];
        uint8_t rest[992];
};
ABI_SIZE(struct abi_btrfs_ioctl_fs_info_args, 1024);
ABI_AT(struct abi_btrfs_ioctl_fs_info_args, num_devices, 8);

struct abi_btrfs_ioctl_get_dev_stats {
        uint64_t devid;
        uint64_t nr_items;              /* asked for; then, had */
        uint64_t flags;
        uint64_t values[ABI_BTRFS_DEV_STAT_VALUES_MAX];
        uint64_t unused[121];
};
ABI_SIZE(struct abi_btrfs_ioctl_get_dev_stats, 1032);
ABI_AT(struct abi_btrfs_ioctl_get_dev_stats, nr_items, 8);
ABI_AT(struct abi_btrfs_ioctl_get_dev_stats, flags, 16);
ABI_AT(struct abi_btrfs_ioctl_get_dev_stats, values, 24);

#define ABI_BTRFS_IOC_FS_INFO _IOR(0x94, 31, struct abi_btrfs_ioctl_fs_info_args)
#define ABI_BTRFS_IOC_GET_DEV_STATS _IOWR(0x94, 52, struct abi_btrfs_ioctl_get_dev_stats)
