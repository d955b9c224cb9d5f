/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * statmount(), listmount() (Linux 6.8) and the ioctls that any file system may answer (UUID: Linux 6.9). Our own
 * statement of the numbers, named by the rule that kernel/xfs-abi.h explains. Sources: Linux 7.2,
 * include/uapi/linux/mount.h, fs.h and stat.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <linux/ioctl.h>
#include <sys/syscall.h>

#include "kernel/xfs-abi.h"

/* One number everywhere but on the architectures with tables of their own. */
#if defined(SYS_statmount)
#define ABI_SYS_STATMOUNT SYS_statmount
#elif defined(__alpha__)
#define ABI_SYS_STATMOUNT 567
#elif defined(__mips__)
#define ABI_SYS_STATMOUNT (__NR_Linux + 457)
#else
#define ABI_SYS_STATMOUNT 457
#endif
#if defined(SYS_listmount)
#define ABI_SYS_LISTMOUNT SYS_listmount
#elif defined(__alpha__)
#define ABI_SYS_LISTMOUNT 568
#elif defined(__mips__)
#define ABI_SYS_LISTMOUNT (__NR_Linux + 458)
#else
#define ABI_SYS_LISTMOUNT 458
#endif

struct abi_mnt_id_req {
        uint32_t size;
        uint32_t mnt_fd;                /* with ABI_STATMOUNT_BY_FD (Linux 7.0); else zero */
        uint64_t mnt_id;
        uint64_t param;                 /* statmount: what is wanted; listmount: the last number already seen */
        uint64_t mnt_ns_id;             /* zero: the caller's namespace */
};
ABI_SIZE(struct abi_mnt_id_req, 32);
ABI_AT(struct abi_mnt_id_req, mnt_fd, 4);
ABI_AT(struct abi_mnt_id_req, mnt_id, 8);
ABI_AT(struct abi_mnt_id_req, param, 16);
ABI_AT(struct abi_mnt_id_req, mnt_ns_id, 24);

enum {
        ABI_MNT_ID_REQ_SIZE_VER0 = 24,          /* without mnt_ns_id: all that Linux 6.8 takes */
};

/* "offset" members point into str; they mean something only if their bit is set in mask. */
struct abi_statmount {
        uint32_t size;                  /* of all of it, strings included */
        uint32_t mnt_opts;
        uint64_t mask;                  /* what was filled in */
        uint32_t sb_dev_major;
        uint32_t sb_dev_minor;
        uint64_t sb_magic;
        uint32_t sb_flags;
        uint32_t fs_type;               /* offset */
        uint64_t mnt_id;
        uint64_t mnt_parent_id;
        uint32_t mnt_id_old;
        uint32_t mnt_parent_id_old;
        uint64_t mnt_attr;
        uint64_t mnt_propagation;
        uint64_t mnt_peer_group;
        uint64_t mnt_master;
        uint64_t propagate_from;
        uint32_t mnt_root;              /* offset */
        uint32_t mnt_point;             /* offset */
        uint64_t mnt_ns_id;
        uint32_t fs_subtype;            /* offset */
        uint32_t sb_source;             /* offset */
        uint32_t opt_num;
        uint32_t opt_array;
        uint32_t opt_sec_num;
        uint32_t opt_sec_array;
        uint64_t supported_mask;
        uint32_t mnt_uidmap_num;
        uint32_t mnt_uidmap;
        uint32_t mnt_gidmap_num;
        uint32_t mnt_gidmap;
        uint64_t reserved[43];
        char str[];
};
ABI_SIZE(struct abi_statmount, 512);
ABI_AT(struct abi_statmount, mask, 8);
ABI_AT(struct abi_statmount, sb_dev_major, 16);
ABI_AT(struct abi_statmount, sb_flags, 32);
ABI_AT(struct abi_statmount, fs_type, 36);
ABI_AT(struct abi_statmount, mnt_id, 40);
ABI_AT(struct abi_statmount, mnt_attr, 64);
ABI_AT(struct abi_statmount, mnt_root, 104);
ABI_AT(struct abi_statmount, mnt_point, 108);
ABI_AT(struct abi_statmount, mnt_ns_id, 112);
ABI_AT(struct abi_statmount, sb_source, 124);
ABI_AT(struct abi_statmount, supported_mask, 144);
ABI_AT(struct abi_statmount, str, 512);

enum {
        ABI_STATMOUNT_SB_BASIC = 0x1,
        ABI_STATMOUNT_MNT_BASIC = 0x2,
        ABI_STATMOUNT_PROPAGATE_FROM = 0x4,
        ABI_STATMOUNT_MNT_ROOT = 0x8,
        ABI_STATMOUNT_MNT_POINT = 0x10,
        ABI_STATMOUNT_FS_TYPE = 0x20,
        ABI_STATMOUNT_SB_SOURCE = 0x200,        /* Linux 6.13 */
};

#define ABI_STATMOUNT_BY_FD 0x1
#define ABI_LSMT_ROOT UINT64_MAX

enum {
        ABI_MOUNT_ATTR_RDONLY = 0x1,
        ABI_SB_RDONLY = 0x1,                    /* in sb_flags */
        ABI_STATX_MNT_ID_UNIQUE = 0x4000,       /* Linux 6.8 */
};

struct abi_fsuuid2 {
        uint8_t len;
        uint8_t uuid[16];
};
ABI_SIZE(struct abi_fsuuid2, 17);
ABI_AT(struct abi_fsuuid2, uuid, 1);

enum {
        ABI_FSLABEL_MAX = 256,
};

struct abi_fsxattr {
        uint32_t fsx_xflags;
        uint32_t fsx_extsize;
        uint32_t fsx_nextents;
        uint32_t fsx_projid;
        uint32_t fsx_cowextsize;
        uint8_t fsx_pad[8];
};
ABI_SIZE(struct abi_fsxattr, 28);
ABI_AT(struct abi_fsxattr, fsx_projid, 12);

#define ABI_FS_IOC_FSGETXATTR _IOR('X', 31, struct abi_fsxattr)
#define ABI_FS_IOC_GETFSUUID _IOR(0x15, 0, struct abi_fsuuid2)
#define ABI_FS_IOC_GETFSLABEL _IOR(0x94, 49, char[ABI_FSLABEL_MAX])
