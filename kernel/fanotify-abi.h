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

struct abi_fanotify_event_info_mnt {
        struct abi_fanotify_event_info_header hdr;
        uint8_t hole[4];                /* so that 32-bit programs have the kernel's layout, too */
        uint64_t mnt_id;                /* unique number of the mount */
};
ABI_SIZE(struct abi_fanotify_event_info_mnt, 16);
ABI_AT(struct abi_fanotify_event_info_mnt, mnt_id, 8);
