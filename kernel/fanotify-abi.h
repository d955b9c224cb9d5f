/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of fanotify that we speak: mount news (Linux 6.15) and file system errors (5.16). Our own statement
 * of the numbers, named by the rule that kernel/xfs-abi.h explains. Source: Linux 7.2,
 * include/uapi/linux/fanotify.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernel/xfs-abi.h"

enum {
        /* fanotify_init() */
        ABI_FAN_CLOEXEC = 0x1,
        ABI_FAN_NONBLOCK = 0x2,
        ABI_FAN_CLASS_NOTIF = 0x0,
        ABI_FAN_REPORT_FID = 0x200,
        ABI_FAN_REPORT_MNT = 0x4000,

        /* fanotify_mark() */
        ABI_FAN_MARK_ADD = 0x1,
        ABI_FAN_MARK_FILESYSTEM = 0x100,
        ABI_FAN_MARK_MNTNS = 0x110,

        /* masks */
        ABI_FAN_Q_OVERFLOW = 0x4000,
        ABI_FAN_FS_ERROR = 0x8000,
        ABI_FAN_MNT_ATTACH = 0x01000000,
        ABI_FAN_MNT_DETACH = 0x02000000,        /* together with ATTACH: the mount was moved */

        /* records behind an event */
        ABI_FAN_EVENT_INFO_TYPE_FID = 1,
        ABI_FAN_EVENT_INFO_TYPE_ERROR = 5,
        ABI_FAN_EVENT_INFO_TYPE_MNT = 7,

        ABI_FANOTIFY_METADATA_VERSION = 3,
};

struct abi_fanotify_event_metadata {
        uint32_t event_len;             /* with all records that belong to it */
        uint8_t vers;
        uint8_t reserved;
        uint16_t metadata_len;
        uint64_t mask;
        int32_t fd;
        int32_t pid;
};
ABI_SIZE(struct abi_fanotify_event_metadata, 24);
ABI_AT(struct abi_fanotify_event_metadata, vers, 4);
ABI_AT(struct abi_fanotify_event_metadata, metadata_len, 6);
ABI_AT(struct abi_fanotify_event_metadata, mask, 8);
ABI_AT(struct abi_fanotify_event_metadata, fd, 16);

struct abi_fanotify_event_info_header {
        uint8_t info_type;
        uint8_t pad;
        uint16_t len;
};
ABI_SIZE(struct abi_fanotify_event_info_header, 4);
ABI_AT(struct abi_fanotify_event_info_header, len, 2);

struct abi_fanotify_event_info_error {
        struct abi_fanotify_event_info_header hdr;
        int32_t error;                  /* positive errno of the first error */
        uint32_t error_count;           /* errors merged into it */
};
ABI_SIZE(struct abi_fanotify_event_info_error, 12);
ABI_AT(struct abi_fanotify_event_info_error, error, 4);

/* What file handles begin with; one without bytes has the type ABI_FILEID_INVALID. */
struct abi_file_handle {
        uint32_t handle_bytes;
        int32_t handle_type;
};
ABI_SIZE(struct abi_file_handle, 8);
ABI_AT(struct abi_file_handle, handle_type, 4);

struct abi_fanotify_event_info_fid {
        struct abi_fanotify_event_info_header hdr;
        int32_t fsid[2];                /* a file handle follows, then padding up to four */
};
ABI_SIZE(struct abi_fanotify_event_info_fid, 12);
ABI_AT(struct abi_fanotify_event_info_fid, fsid, 4);

/* Types of file handles. No header of the kernel's interface has them, but programs see and keep the handles, so they
 * do not change. Source: Linux 7.2, include/linux/exportfs.h, fs/btrfs/export.c, fs/xfs/xfs_export.h. */
enum {
        ABI_FILEID_INO32_GEN = 1,
        ABI_FILEID_INO32_GEN_PARENT = 2,
        ABI_FILEID_BTRFS_WITHOUT_PARENT = 0x4d,
        ABI_FILEID_BTRFS_WITH_PARENT = 0x4e,
        ABI_FILEID_BTRFS_WITH_PARENT_ROOT = 0x4f,
        ABI_FILEID_INO64_GEN = 0x81,
        ABI_FILEID_INO64_GEN_PARENT = 0x82,
        ABI_FILEID_INVALID = 0xff,
};

struct abi_fanotify_event_info_mnt {
        struct abi_fanotify_event_info_header hdr;
        uint8_t hole[4];                /* so that 32-bit programs have the kernel's layout, too */
        uint64_t mnt_id;                /* unique number of the mount */
};
ABI_SIZE(struct abi_fanotify_event_info_mnt, 16);
ABI_AT(struct abi_fanotify_event_info_mnt, mnt_id, 8);
