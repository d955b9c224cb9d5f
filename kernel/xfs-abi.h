/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What XFS of Linux 7.x exchanges with programs: numbers and layouts, and nothing else. Our own statement of
 * these facts, because the headers of stable distributions are older than the kernels they meet. Only kernel/
 * includes it.
 *
 * Every constant is called ABI_ and then the kernel's name, every structure abi_ and then the kernel's name:
 * kernel/check-headers finds the counterparts by that rule and compares them in every build. Sources: Linux
 * 7.2, fs/xfs/libxfs/xfs_fs.h and fs/xfs/xfs_export.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <linux/ioctl.h>

#define ABI_AT(type, member, offset)                                            \
        _Static_assert(offsetof(type, member) == (offset), #type "." #member)
#define ABI_SIZE(type, size_bytes)                                              \
        _Static_assert(sizeof(type) == (size_bytes), #type)

/* ---- health monitor ---- */

struct abi_xfs_health_monitor {
        uint64_t flags;                 /* ABI_XFS_HEALTH_MONITOR_VERBOSE or 0 */
        uint8_t format;                 /* ABI_XFS_HEALTH_MONITOR_FMT_V0 */
        uint8_t pad[23];                /* zero */
};
ABI_SIZE(struct abi_xfs_health_monitor, 32);
ABI_AT(struct abi_xfs_health_monitor, flags, 0);
ABI_AT(struct abi_xfs_health_monitor, format, 8);
ABI_AT(struct abi_xfs_health_monitor, pad, 9);

enum {
        ABI_XFS_HEALTH_MONITOR_VERBOSE = 1,
        ABI_XFS_HEALTH_MONITOR_FMT_V0 = 0,
};

struct abi_xfs_health_monitor_lost {
        uint64_t count;
};

struct abi_xfs_health_monitor_fs {
        uint32_t mask;                  /* ABI_XFS_FSOP_GEOM_SICK_* */
};

struct abi_xfs_health_monitor_group {
        uint32_t mask;                  /* ABI_XFS_AG_GEOM_SICK_* or ABI_XFS_RTGROUP_GEOM_SICK_* */
        uint32_t gno;
};

struct abi_xfs_health_monitor_inode {
        uint32_t mask;                  /* ABI_XFS_BS_SICK_* */
        uint32_t gen;                   /* 0: the core could not be read */
        uint64_t ino;
};

struct abi_xfs_health_monitor_shutdown {
        uint32_t reasons;               /* ABI_XFS_HEALTH_SHUTDOWN_* */
};

struct abi_xfs_health_monitor_media {
        uint64_t daddr;                 /* 512-byte units */
        uint64_t bbcount;
};

struct abi_xfs_health_monitor_filerange {
        uint64_t pos;                   /* bytes */
        uint64_t len;                   /* can be 0 */
        uint64_t ino;
        uint32_t gen;
        uint32_t error;                 /* positive errno */
};

struct abi_xfs_health_monitor_event {
        uint32_t domain;                /* ABI_XFS_HEALTH_MONITOR_DOMAIN_* */
        uint32_t type;                  /* ABI_XFS_HEALTH_MONITOR_TYPE_* */
        uint64_t time_ns;               /* wall clock when it was queued */
        union {
                struct abi_xfs_health_monitor_lost lost;
                struct abi_xfs_health_monitor_fs fs;
                struct abi_xfs_health_monitor_group group;
                struct abi_xfs_health_monitor_inode inode;
                struct abi_xfs_health_monitor_shutdown shutdown;
                struct abi_xfs_health_monitor_media media;
                struct abi_xfs_health_monitor_filerange filerange;
        } e;
        uint64_t pad[2];
};
ABI_SIZE(struct abi_xfs_health_monitor_event, 64);
ABI_AT(struct abi_xfs_health_monitor_event, domain, 0);
ABI_AT(struct abi_xfs_health_monitor_event, type, 4);
ABI_AT(struct abi_xfs_health_monitor_event, time_ns, 8);
ABI_AT(struct abi_xfs_health_monitor_event, e, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.lost.count, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.fs.mask, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.group.mask, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.group.gno, 20);
ABI_AT(struct abi_xfs_health_monitor_event, e.inode.mask, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.inode.gen, 20);
ABI_AT(struct abi_xfs_health_monitor_event, e.inode.ino, 24);
ABI_AT(struct abi_xfs_health_monitor_event, e.shutdown.reasons, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.media.daddr, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.media.bbcount, 24);
ABI_AT(struct abi_xfs_health_monitor_event, e.filerange.pos, 16);
ABI_AT(struct abi_xfs_health_monitor_event, e.filerange.len, 24);
ABI_AT(struct abi_xfs_health_monitor_event, e.filerange.ino, 32);
ABI_AT(struct abi_xfs_health_monitor_event, e.filerange.gen, 40);
ABI_AT(struct abi_xfs_health_monitor_event, e.filerange.error, 44);
ABI_AT(struct abi_xfs_health_monitor_event, pad, 48);

enum {
        ABI_XFS_HEALTH_MONITOR_DOMAIN_MOUNT = 0,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_FS = 1,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_AG = 2,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_INODE = 3,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_RTGROUP = 4,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_DATADEV = 5,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_RTDEV = 6,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_LOGDEV = 7,
        ABI_XFS_HEALTH_MONITOR_DOMAIN_FILERANGE = 8,
};

/* SICK: met in ordinary use. CORRUPT: a scrub found it. HEALTHY: a scrub found it good or repaired it. */
enum {
        ABI_XFS_HEALTH_MONITOR_TYPE_RUNNING = 0,
        ABI_XFS_HEALTH_MONITOR_TYPE_LOST = 1,
        ABI_XFS_HEALTH_MONITOR_TYPE_UNMOUNT = 2,
        ABI_XFS_HEALTH_MONITOR_TYPE_SICK = 3,
        ABI_XFS_HEALTH_MONITOR_TYPE_CORRUPT = 4,
        ABI_XFS_HEALTH_MONITOR_TYPE_HEALTHY = 5,
        ABI_XFS_HEALTH_MONITOR_TYPE_SHUTDOWN = 6,
        ABI_XFS_HEALTH_MONITOR_TYPE_MEDIA_ERROR = 7,
        ABI_XFS_HEALTH_MONITOR_TYPE_BUFREAD = 8,
        ABI_XFS_HEALTH_MONITOR_TYPE_BUFWRITE = 9,
        ABI_XFS_HEALTH_MONITOR_TYPE_DIOREAD = 10,
        ABI_XFS_HEALTH_MONITOR_TYPE_DIOWRITE = 11,
        ABI_XFS_HEALTH_MONITOR_TYPE_DATALOST = 12,
};

enum {
        ABI_XFS_HEALTH_SHUTDOWN_META_IO_ERROR = 1 << 0,
        ABI_XFS_HEALTH_SHUTDOWN_LOG_IO_ERROR = 1 << 1,
        ABI_XFS_HEALTH_SHUTDOWN_FORCE_UMOUNT = 1 << 2,
        ABI_XFS_HEALTH_SHUTDOWN_CORRUPT_INCORE = 1 << 3,
        ABI_XFS_HEALTH_SHUTDOWN_CORRUPT_ONDISK = 1 << 4,
        ABI_XFS_HEALTH_SHUTDOWN_DEVICE_REMOVED = 1 << 5,
};

struct abi_xfs_health_file_on_monitored_fs {
        int32_t fd;
        uint32_t flags;                 /* zero */
};
ABI_SIZE(struct abi_xfs_health_file_on_monitored_fs, 8);
ABI_AT(struct abi_xfs_health_file_on_monitored_fs, fd, 0);
ABI_AT(struct abi_xfs_health_file_on_monitored_fs, flags, 4);

/* ---- what can be sick ---- */

enum {
        ABI_XFS_FSOP_GEOM_SICK_COUNTERS = 1 << 0,
        ABI_XFS_FSOP_GEOM_SICK_UQUOTA = 1 << 1,
        ABI_XFS_FSOP_GEOM_SICK_GQUOTA = 1 << 2,
        ABI_XFS_FSOP_GEOM_SICK_PQUOTA = 1 << 3,
        ABI_XFS_FSOP_GEOM_SICK_RT_BITMAP = 1 << 4,
        ABI_XFS_FSOP_GEOM_SICK_RT_SUMMARY = 1 << 5,
        ABI_XFS_FSOP_GEOM_SICK_QUOTACHECK = 1 << 6,
        ABI_XFS_FSOP_GEOM_SICK_NLINKS = 1 << 7,
        ABI_XFS_FSOP_GEOM_SICK_METADIR = 1 << 8,
        ABI_XFS_FSOP_GEOM_SICK_METAPATH = 1 << 9,
};

enum {
        ABI_XFS_AG_GEOM_SICK_SB = 1 << 0,
        ABI_XFS_AG_GEOM_SICK_AGF = 1 << 1,
        ABI_XFS_AG_GEOM_SICK_AGFL = 1 << 2,
        ABI_XFS_AG_GEOM_SICK_AGI = 1 << 3,
        ABI_XFS_AG_GEOM_SICK_BNOBT = 1 << 4,
        ABI_XFS_AG_GEOM_SICK_CNTBT = 1 << 5,
        ABI_XFS_AG_GEOM_SICK_INOBT = 1 << 6,
        ABI_XFS_AG_GEOM_SICK_FINOBT = 1 << 7,
        ABI_XFS_AG_GEOM_SICK_RMAPBT = 1 << 8,
        ABI_XFS_AG_GEOM_SICK_REFCNTBT = 1 << 9,
        ABI_XFS_AG_GEOM_SICK_INODES = 1 << 10,  /* a sick inode left memory unrepaired */
};

enum {
        ABI_XFS_RTGROUP_GEOM_SICK_SUPER = 1 << 0,
        ABI_XFS_RTGROUP_GEOM_SICK_BITMAP = 1 << 1,
        ABI_XFS_RTGROUP_GEOM_SICK_SUMMARY = 1 << 2,
        ABI_XFS_RTGROUP_GEOM_SICK_RMAPBT = 1 << 3,
        ABI_XFS_RTGROUP_GEOM_SICK_REFCNTBT = 1 << 4,
};

enum {
        ABI_XFS_BS_SICK_INODE = 1 << 0,
        ABI_XFS_BS_SICK_BMBTD = 1 << 1,
        ABI_XFS_BS_SICK_BMBTA = 1 << 2,
        ABI_XFS_BS_SICK_BMBTC = 1 << 3,
        ABI_XFS_BS_SICK_DIR = 1 << 4,
        ABI_XFS_BS_SICK_XATTR = 1 << 5,
        ABI_XFS_BS_SICK_SYMLINK = 1 << 6,
        ABI_XFS_BS_SICK_PARENT = 1 << 7,
        ABI_XFS_BS_SICK_DIRTREE = 1 << 8,
};

/* ---- check and repair ---- */

struct abi_xfs_scrub_metadata {
        uint32_t sm_type;               /* ABI_XFS_SCRUB_TYPE_* */
        uint32_t sm_flags;              /* ABI_XFS_SCRUB_IFLAG_* in, ABI_XFS_SCRUB_OFLAG_* out */
        uint64_t sm_ino;
        uint32_t sm_gen;
        uint32_t sm_agno;
        uint64_t sm_reserved[5];        /* zero */
};
ABI_SIZE(struct abi_xfs_scrub_metadata, 64);
ABI_AT(struct abi_xfs_scrub_metadata, sm_type, 0);
ABI_AT(struct abi_xfs_scrub_metadata, sm_flags, 4);
ABI_AT(struct abi_xfs_scrub_metadata, sm_ino, 8);
ABI_AT(struct abi_xfs_scrub_metadata, sm_gen, 16);
ABI_AT(struct abi_xfs_scrub_metadata, sm_agno, 20);
ABI_AT(struct abi_xfs_scrub_metadata, sm_reserved, 24);

enum {
        ABI_XFS_SCRUB_TYPE_PROBE = 0,
        ABI_XFS_SCRUB_TYPE_SB = 1,
        ABI_XFS_SCRUB_TYPE_AGF = 2,
        ABI_XFS_SCRUB_TYPE_AGFL = 3,
        ABI_XFS_SCRUB_TYPE_AGI = 4,
        ABI_XFS_SCRUB_TYPE_BNOBT = 5,
        ABI_XFS_SCRUB_TYPE_CNTBT = 6,
        ABI_XFS_SCRUB_TYPE_INOBT = 7,
        ABI_XFS_SCRUB_TYPE_FINOBT = 8,
        ABI_XFS_SCRUB_TYPE_RMAPBT = 9,
        ABI_XFS_SCRUB_TYPE_REFCNTBT = 10,
        ABI_XFS_SCRUB_TYPE_INODE = 11,
        ABI_XFS_SCRUB_TYPE_BMBTD = 12,
        ABI_XFS_SCRUB_TYPE_BMBTA = 13,
        ABI_XFS_SCRUB_TYPE_BMBTC = 14,
        ABI_XFS_SCRUB_TYPE_DIR = 15,
        ABI_XFS_SCRUB_TYPE_XATTR = 16,
        ABI_XFS_SCRUB_TYPE_SYMLINK = 17,
        ABI_XFS_SCRUB_TYPE_PARENT = 18,
        ABI_XFS_SCRUB_TYPE_RTBITMAP = 19,
        ABI_XFS_SCRUB_TYPE_RTSUM = 20,
        ABI_XFS_SCRUB_TYPE_UQUOTA = 21,
        ABI_XFS_SCRUB_TYPE_GQUOTA = 22,
        ABI_XFS_SCRUB_TYPE_PQUOTA = 23,
        ABI_XFS_SCRUB_TYPE_FSCOUNTERS = 24,
        ABI_XFS_SCRUB_TYPE_QUOTACHECK = 25,
        ABI_XFS_SCRUB_TYPE_NLINKS = 26,
        ABI_XFS_SCRUB_TYPE_HEALTHY = 27,
        ABI_XFS_SCRUB_TYPE_DIRTREE = 28,
        ABI_XFS_SCRUB_TYPE_METAPATH = 29,
        ABI_XFS_SCRUB_TYPE_RGSUPER = 30,
        ABI_XFS_SCRUB_TYPE_RTRMAPBT = 31,
        ABI_XFS_SCRUB_TYPE_RTREFCBT = 32,
};

enum {
        ABI_XFS_SCRUB_IFLAG_REPAIR = 1 << 0,
        ABI_XFS_SCRUB_OFLAG_CORRUPT = 1 << 1,
        ABI_XFS_SCRUB_OFLAG_PREEN = 1 << 2,
        ABI_XFS_SCRUB_OFLAG_XFAIL = 1 << 3,             /* could not cross-reference */
        ABI_XFS_SCRUB_OFLAG_XCORRUPT = 1 << 4,          /* cross-referencing disagrees */
        ABI_XFS_SCRUB_OFLAG_INCOMPLETE = 1 << 5,
        ABI_XFS_SCRUB_OFLAG_WARNING = 1 << 6,
        ABI_XFS_SCRUB_OFLAG_NO_REPAIR_NEEDED = 1 << 7,
        ABI_XFS_SCRUB_IFLAG_FORCE_REBUILD = 1 << 8,
};

/* ---- media verification ---- */

struct abi_xfs_verify_media {
        uint32_t me_dev;                /* ABI_XFS_DEV_* */
        uint32_t me_flags;              /* ABI_XFS_VERIFY_MEDIA_REPORT or 0 */
        uint64_t me_start_daddr;        /* 512-byte units; both ends come back adjusted */
        uint64_t me_end_daddr;          /* not included */
        uint32_t me_ioerror;            /* positive errno, only if the very first I/O failed */
        uint32_t me_max_io_size;        /* bytes; 0: the kernel's choice */
        uint32_t me_rest_us;            /* above 4294967 it wraps */
        uint32_t me_pad;                /* zero */
};
ABI_SIZE(struct abi_xfs_verify_media, 40);
ABI_AT(struct abi_xfs_verify_media, me_dev, 0);
ABI_AT(struct abi_xfs_verify_media, me_flags, 4);
ABI_AT(struct abi_xfs_verify_media, me_start_daddr, 8);
ABI_AT(struct abi_xfs_verify_media, me_end_daddr, 16);
ABI_AT(struct abi_xfs_verify_media, me_ioerror, 24);
ABI_AT(struct abi_xfs_verify_media, me_max_io_size, 28);
ABI_AT(struct abi_xfs_verify_media, me_rest_us, 32);
ABI_AT(struct abi_xfs_verify_media, me_pad, 36);

enum {
        ABI_XFS_VERIFY_MEDIA_REPORT = 1,
        ABI_XFS_DEV_DATA = 1,
        ABI_XFS_DEV_LOG = 2,
        ABI_XFS_DEV_RT = 3,
};

/* ---- geometry and recorded sickness ---- */

struct abi_xfs_fsop_geom {
        uint32_t blocksize;             /* bytes */
        uint32_t rtextsize;
        uint32_t agblocks;
        uint32_t agcount;
        uint32_t logblocks;
        uint32_t sectsize;
        uint32_t inodesize;
        uint32_t imaxpct;
        uint64_t datablocks;
        uint64_t rtblocks;
        uint64_t rtextents;
        uint64_t logstart;              /* 0: the log has its own device */
        uint8_t uuid[16];
        uint32_t sunit;
        uint32_t swidth;
        int32_t version;
        uint32_t flags;                 /* ABI_XFS_FSOP_GEOM_FLAGS_* */
        uint32_t logsectsize;
        uint32_t rtsectsize;
        uint32_t dirblocksize;
        uint32_t logsunit;
        uint32_t sick;                  /* ABI_XFS_FSOP_GEOM_SICK_* */
        uint32_t checked;
        uint32_t rgextents;
        uint32_t rgcount;               /* meaningful only with ABI_XFS_FSOP_GEOM_FLAGS_METADIR */
        uint64_t rtstart;
        uint64_t rtreserved;
        uint64_t reserved[14];
};
ABI_SIZE(struct abi_xfs_fsop_geom, 256);
ABI_AT(struct abi_xfs_fsop_geom, agcount, 12);
ABI_AT(struct abi_xfs_fsop_geom, datablocks, 32);
ABI_AT(struct abi_xfs_fsop_geom, logstart, 56);
ABI_AT(struct abi_xfs_fsop_geom, uuid, 64);
ABI_AT(struct abi_xfs_fsop_geom, flags, 92);
ABI_AT(struct abi_xfs_fsop_geom, sick, 112);
ABI_AT(struct abi_xfs_fsop_geom, checked, 116);
ABI_AT(struct abi_xfs_fsop_geom, rgextents, 120);
ABI_AT(struct abi_xfs_fsop_geom, rgcount, 124);
ABI_AT(struct abi_xfs_fsop_geom, rtstart, 128);

/* Only the features that a decision of ours depends on. */
enum {
        ABI_XFS_FSOP_GEOM_FLAGS_RMAPBT = 1 << 19,
        ABI_XFS_FSOP_GEOM_FLAGS_PARENT = 1 << 25,
        ABI_XFS_FSOP_GEOM_FLAGS_METADIR = 1 << 26,      /* real-time groups exist only with it */
};

struct abi_xfs_ag_geometry {
        uint32_t ag_number;             /* in */
        uint32_t ag_length;
        uint32_t ag_freeblks;
        uint32_t ag_icount;
        uint32_t ag_ifree;
        uint32_t ag_sick;               /* ABI_XFS_AG_GEOM_SICK_* */
        uint32_t ag_checked;
        uint32_t ag_flags;              /* zero */
        uint64_t ag_reserved[12];
};
ABI_SIZE(struct abi_xfs_ag_geometry, 128);
ABI_AT(struct abi_xfs_ag_geometry, ag_number, 0);
ABI_AT(struct abi_xfs_ag_geometry, ag_sick, 20);
ABI_AT(struct abi_xfs_ag_geometry, ag_checked, 24);
ABI_AT(struct abi_xfs_ag_geometry, ag_flags, 28);

struct abi_xfs_rtgroup_geometry {
        uint32_t rg_number;             /* in */
        uint32_t rg_length;
        uint32_t rg_sick;               /* ABI_XFS_RTGROUP_GEOM_SICK_* */
        uint32_t rg_checked;
        uint32_t rg_flags;
        uint32_t rg_writepointer;
        uint32_t rg_reserved[26];
};
ABI_SIZE(struct abi_xfs_rtgroup_geometry, 128);
ABI_AT(struct abi_xfs_rtgroup_geometry, rg_number, 0);
ABI_AT(struct abi_xfs_rtgroup_geometry, rg_sick, 8);
ABI_AT(struct abi_xfs_rtgroup_geometry, rg_checked, 12);

struct abi_xfs_bulk_ireq {
        uint64_t ino;                   /* the first number wanted; comes back as the next one */
        uint32_t flags;
        uint32_t icount;                /* records that fit */
        uint32_t ocount;                /* records that came */
        uint32_t agno;
        uint64_t reserved[5];           /* zero */
};
ABI_SIZE(struct abi_xfs_bulk_ireq, 64);
ABI_AT(struct abi_xfs_bulk_ireq, flags, 8);
ABI_AT(struct abi_xfs_bulk_ireq, icount, 12);
ABI_AT(struct abi_xfs_bulk_ireq, ocount, 16);
ABI_AT(struct abi_xfs_bulk_ireq, agno, 20);

enum {
        ABI_XFS_BULK_IREQ_AGNO = 1 << 0,        /* only inodes of group agno; ino 0: from its first one */
        ABI_XFS_BULK_IREQ_SPECIAL = 1 << 1,     /* ino is one of these words instead of a number */
        ABI_XFS_BULK_IREQ_SPECIAL_ROOT = 1,     /* the root directory */
};

struct abi_xfs_bulkstat {
        uint64_t bs_ino;
        uint64_t bs_size;
        uint64_t bs_blocks;
        uint64_t bs_xflags;
        int64_t bs_atime;
        int64_t bs_mtime;
        int64_t bs_ctime;
        int64_t bs_btime;
        uint32_t bs_gen;
        uint32_t bs_uid;
        uint32_t bs_gid;
        uint32_t bs_projectid;
        uint32_t bs_atime_nsec;
        uint32_t bs_mtime_nsec;
        uint32_t bs_ctime_nsec;
        uint32_t bs_btime_nsec;
        uint32_t bs_blksize;
        uint32_t bs_rdev;
        uint32_t bs_cowextsize_blks;
        uint32_t bs_extsize_blks;
        uint32_t bs_nlink;
        uint32_t bs_extents;
        uint32_t bs_aextents;
        uint16_t bs_version;
        uint16_t bs_forkoff;
        uint16_t bs_sick;               /* ABI_XFS_BS_SICK_* */
        uint16_t bs_checked;
        uint16_t bs_mode;
        uint16_t bs_pad2;
        uint64_t bs_extents64;
        uint64_t bs_pad[6];
};
ABI_SIZE(struct abi_xfs_bulkstat, 192);
ABI_AT(struct abi_xfs_bulkstat, bs_ino, 0);
ABI_AT(struct abi_xfs_bulkstat, bs_gen, 64);
ABI_AT(struct abi_xfs_bulkstat, bs_nlink, 112);
ABI_AT(struct abi_xfs_bulkstat, bs_sick, 128);
ABI_AT(struct abi_xfs_bulkstat, bs_checked, 130);
ABI_AT(struct abi_xfs_bulkstat, bs_mode, 132);
ABI_AT(struct abi_xfs_bulkstat, bs_extents64, 136);

struct abi_xfs_bulkstat_req {
        struct abi_xfs_bulk_ireq hdr;
        struct abi_xfs_bulkstat bulkstat[];
};
ABI_SIZE(struct abi_xfs_bulkstat_req, 64);
ABI_AT(struct abi_xfs_bulkstat_req, bulkstat, 64);

struct abi_xfs_inumbers {
        uint64_t xi_startino;           /* of 64 */
        uint64_t xi_allocmask;          /* those in use */
        uint8_t xi_alloccount;
        uint8_t xi_version;
        uint8_t xi_padding[6];
};
ABI_SIZE(struct abi_xfs_inumbers, 24);
ABI_AT(struct abi_xfs_inumbers, xi_startino, 0);
ABI_AT(struct abi_xfs_inumbers, xi_allocmask, 8);

struct abi_xfs_inumbers_req {
        struct abi_xfs_bulk_ireq hdr;
        struct abi_xfs_inumbers inumbers[];
};
ABI_SIZE(struct abi_xfs_inumbers_req, 64);
ABI_AT(struct abi_xfs_inumbers_req, inumbers, 64);

/* ---- handles and parent pointers ---- */

struct abi_xfs_fid {
        uint16_t fid_len;               /* ABI_XFS_FID_LEN: what follows it, in bytes */
        uint16_t fid_pad;
        uint32_t fid_gen;
        uint64_t fid_ino;
};
ABI_SIZE(struct abi_xfs_fid, 16);
ABI_AT(struct abi_xfs_fid, fid_gen, 4);
ABI_AT(struct abi_xfs_fid, fid_ino, 8);

struct abi_xfs_handle {
        uint32_t ha_fsid[2];            /* opaque; made from the UUID */
        struct abi_xfs_fid ha_fid;
};
ABI_SIZE(struct abi_xfs_handle, 24);
ABI_AT(struct abi_xfs_handle, ha_fid, 8);

#define ABI_XFS_FID_LEN ((uint16_t) (sizeof(struct abi_xfs_fid) - sizeof(uint16_t)))

/* Holds pointers: a 32-bit program has another layout, which the kernel translates. */
struct abi_xfs_fsop_handlereq {
        uint32_t fd;
        void *path;
        uint32_t oflags;
        void *ihandle;
        uint32_t ihandlen;
        void *ohandle;
        uint32_t *ohandlen;
};
ABI_SIZE(struct abi_xfs_fsop_handlereq, 7 * sizeof(void *));

struct abi_xfs_attrlist_cursor {
        uint32_t opaque[4];
};
ABI_SIZE(struct abi_xfs_attrlist_cursor, 16);

struct abi_xfs_getparents {
        struct abi_xfs_attrlist_cursor gp_cursor;       /* zero for the first call, then left alone */
        uint16_t gp_iflags;             /* zero */
        uint16_t gp_oflags;             /* ABI_XFS_GETPARENTS_OFLAG_* */
        uint32_t gp_bufsize;
        uint64_t gp_reserved;           /* zero */
        uint64_t gp_buffer;             /* address of abi_xfs_getparents_rec records */
};
ABI_SIZE(struct abi_xfs_getparents, 40);
ABI_AT(struct abi_xfs_getparents, gp_iflags, 16);
ABI_AT(struct abi_xfs_getparents, gp_oflags, 18);
ABI_AT(struct abi_xfs_getparents, gp_bufsize, 20);
ABI_AT(struct abi_xfs_getparents, gp_reserved, 24);
ABI_AT(struct abi_xfs_getparents, gp_buffer, 32);

struct abi_xfs_getparents_rec {
        struct abi_xfs_handle gpr_parent;
        uint32_t gpr_reclen;            /* of the whole record */
        uint32_t gpr_reserved;
        char gpr_name[];                /* ends with a NUL byte */
};
ABI_SIZE(struct abi_xfs_getparents_rec, 32);
ABI_AT(struct abi_xfs_getparents_rec, gpr_reclen, 24);
ABI_AT(struct abi_xfs_getparents_rec, gpr_name, 32);

struct abi_xfs_getparents_by_handle {
        struct abi_xfs_handle gph_handle;
        struct abi_xfs_getparents gph_request;
};
ABI_SIZE(struct abi_xfs_getparents_by_handle, 64);
ABI_AT(struct abi_xfs_getparents_by_handle, gph_request, 24);

enum {
        ABI_XFS_GETPARENTS_OFLAG_ROOT = 1 << 0, /* asked about the root directory */
        ABI_XFS_GETPARENTS_OFLAG_DONE = 1 << 1, /* no more records */
};

/* What open_by_handle_at() takes on XFS: this type, and then number and generation without padding. */
enum {
        ABI_XFS_FILEID_INO64_GEN = 0x81,
        ABI_XFS_FILEID_INO64_GEN_BYTES = 12,
};

/* ---- ioctls ---- */

#define ABI_XFS_IOC_SCRUB_METADATA _IOWR('X', 60, struct abi_xfs_scrub_metadata)
#define ABI_XFS_IOC_AG_GEOMETRY _IOWR('X', 61, struct abi_xfs_ag_geometry)
#define ABI_XFS_IOC_GETPARENTS_BY_HANDLE _IOWR('X', 63, struct abi_xfs_getparents_by_handle)
#define ABI_XFS_IOC_RTGROUP_GEOMETRY _IOWR('X', 65, struct abi_xfs_rtgroup_geometry)
#define ABI_XFS_IOC_HEALTH_MONITOR _IOW('X', 68, struct abi_xfs_health_monitor)
#define ABI_XFS_IOC_HEALTH_FD_ON_MONITORED_FS _IOW('X', 69, struct abi_xfs_health_file_on_monitored_fs)
#define ABI_XFS_IOC_VERIFY_MEDIA _IOWR('X', 70, struct abi_xfs_verify_media)
#define ABI_XFS_IOC_FD_TO_HANDLE _IOWR('X', 106, struct abi_xfs_fsop_handlereq)
/* The same for other types, by the name FS_IOC_SHUTDOWN. */
#define ABI_XFS_IOC_GOINGDOWN _IOR('X', 125, uint32_t)
#define ABI_XFS_FSOP_GOING_FLAGS_LOGFLUSH 0x1   /* the log is written first */

#define ABI_XFS_IOC_FSGEOMETRY _IOR('X', 126, struct abi_xfs_fsop_geom)
#define ABI_XFS_IOC_BULKSTAT _IOR('X', 127, struct abi_xfs_bulkstat_req)
#define ABI_XFS_IOC_INUMBERS _IOR('X', 128, struct abi_xfs_inumbers_req)

/* Some architectures put the direction elsewhere; where they do not, the whole numbers are known. */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__) || defined(__riscv)
_Static_assert(ABI_XFS_IOC_SCRUB_METADATA == 0xc040583c, "XFS_IOC_SCRUB_METADATA");
_Static_assert(ABI_XFS_IOC_AG_GEOMETRY == 0xc080583d, "XFS_IOC_AG_GEOMETRY");
_Static_assert(ABI_XFS_IOC_GETPARENTS_BY_HANDLE == 0xc040583f, "XFS_IOC_GETPARENTS_BY_HANDLE");
_Static_assert(ABI_XFS_IOC_RTGROUP_GEOMETRY == 0xc0805841, "XFS_IOC_RTGROUP_GEOMETRY");
_Static_assert(ABI_XFS_IOC_HEALTH_MONITOR == 0x40205844, "XFS_IOC_HEALTH_MONITOR");
_Static_assert(ABI_XFS_IOC_HEALTH_FD_ON_MONITORED_FS == 0x40085845, "XFS_IOC_HEALTH_FD_ON_MONITORED_FS");
_Static_assert(ABI_XFS_IOC_VERIFY_MEDIA == 0xc0285846, "XFS_IOC_VERIFY_MEDIA");
_Static_assert(ABI_XFS_IOC_GOINGDOWN == 0x8004587d, "XFS_IOC_GOINGDOWN");
_Static_assert(ABI_XFS_IOC_FSGEOMETRY == 0x8100587e, "XFS_IOC_FSGEOMETRY");
_Static_assert(ABI_XFS_IOC_BULKSTAT == 0x8040587f, "XFS_IOC_BULKSTAT");
_Static_assert(ABI_XFS_IOC_INUMBERS == 0x80405880, "XFS_IOC_INUMBERS");
#endif
