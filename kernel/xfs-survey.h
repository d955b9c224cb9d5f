/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks a mounted XFS what the kernel knows to be sick in it. The kernel tells damage once, to whoever listens then;
 * what it found before that, or while reports were lost, it only remembers: for the whole file system, for each
 * allocation and real-time group, and for each inode that is in its memory.
 *
 * What is asked and what the answer means are kept apart: decoding is pure. For child processes: each question can
 * sleep.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/vocabulary.h"

/* One sick structure, as it also travels from the worker to healerd. */
typedef struct SickFinding {
        uint32_t domain;                /* EventDomain: DOMAIN_FS, DOMAIN_AG, DOMAIN_RTGROUP, DOMAIN_INODE */
        uint32_t structure;             /* Structure */
        uint32_t unknown_bits;          /* with STRUCTURE_UNRECOGNISED */
        uint32_t group;                 /* DOMAIN_AG, DOMAIN_RTGROUP */
        uint64_t inode;                 /* DOMAIN_INODE */
        uint32_t generation;
        uint32_t is_unreadable;         /* 0 or 1: the device cannot read a part of it, whatever the kernel remembers */
} SickFinding;

/* One for each bit of a mask at most: what is not known is told together. */
#define SICK_FINDINGS_PER_MASK 32

/**
 * sick_mask_decode() - one finding for each bit
 * @where: domain, and group or inode and generation; the rest is not looked at
 * @mask:  as the kernel gave it for that domain
 *
 * Only "sick" is asked for: "checked" says whether a scrub looked, and damage that ordinary use met is sick all the
 * same.
 * Returns: how many. Pure.
 */
size_t sick_mask_decode(const SickFinding *where, uint32_t mask,
                        SickFinding ret_findings[static SICK_FINDINGS_PER_MASK]);

typedef struct XfsSurveyGeometry {
        uint32_t n_groups;
        uint32_t n_rtgroups;            /* 0 without the feature */
        uint32_t inode_bits_in_group;   /* an inode's number without them is its group */
        uint64_t group_bytes;           /* from the beginning of one allocation group to that of the next */
        uint32_t sector_bytes;          /* of its data device */
        uint32_t sick;                  /* of the file system as a whole; decode with geometry_findings() */
} XfsSurveyGeometry;

/* Source: XFS_IOC_FSGEOMETRY; reads nothing from the disk. Returns 0 or a negative errno. */
int xfs_survey_geometry(int root_fd, XfsSurveyGeometry *ret_geometry);

/**
 * geometry_findings() - what the file system says of itself as a whole
 *
 * Free space of the real-time device is told here for all groups together. With groups each of them says its own;
 * without, it is told as the monitor tells it, as that of real-time group 0. Pure. Returns how many.
 */
size_t geometry_findings(const XfsSurveyGeometry *geometry, SickFinding ret_findings[static SICK_FINDINGS_PER_MASK]);

/**
 * xfs_survey_group() - what one group is known to suffer from
 * @domain: DOMAIN_AG or DOMAIN_RTGROUP
 *
 * Returns: 0; -EUCLEAN or -EBADMSG if the group's header could not be read just now (the kernel reports that to its
 * monitor as well); or another negative errno.
 * Source: XFS_IOC_AG_GEOMETRY, XFS_IOC_RTGROUP_GEOMETRY. Reads the headers of an allocation group.
 */
int xfs_survey_group(int root_fd, EventDomain domain, uint32_t group, uint32_t *ret_mask);

/**
 * xfs_survey_is_sick() - does the kernel know this one structure to be sick?
 * @where: domain, structure, and group, or inode and generation
 *
 * An inode is loaded for it, and what is damaged in its core is found by that.
 *
 * Returns: 1 or 0; -ESTALE if there is no such inode (any more); -EOPNOTSUPP for a domain that is not asked; or another
 * negative errno.
 */
int xfs_survey_is_sick(int root_fd, const SickFinding *where);

#define XFS_SURVEY_INODES 64            /* a chunk of the b-tree of inodes, so that a question stays short */

typedef struct XfsSeenInode {
        uint64_t inode;
        uint32_t generation;            /* 0, with @is_unreadable: not known */
        uint32_t mask;                  /* of what is sick in it */
        uint16_t mode;                  /* as in stat */
        bool is_unreadable;             /* there is one, and it cannot be loaded */
} XfsSeenInode;

/* Begins with n_groups and zero in everything else. */
typedef struct XfsInodeWalk {
        uint32_t n_groups, group;       /* allocation groups, and which one is being walked */
        uint64_t next;                  /* the first inode number to be asked for; 0: the first of the group */
        uint64_t n_seen;
        uint64_t n_unreadable;          /* inodes that could not be loaded, and rests of groups whose inodes cannot be
                                         * found */
        bool is_done;
} XfsInodeWalk;

/**
 * xfs_survey_inodes() - the next inodes
 * @ret_seen: each of them, sick or not
 *
 * Loads each inode, also those that nobody uses, and what the kernel stumbles over in there it reports to its monitor;
 * a b-tree of inodes that is damaged badly can shut the file system down. It repairs nothing: the repair that crashes
 * kernels (harmful-repairs.h) is not on this way, an inode that cannot be loaded is stepped over and counted.
 *
 * Returns: how many, at most XFS_SURVEY_INODES; or a negative errno, after which the walk cannot go on.
 * Source: XFS_IOC_BULKSTAT, XFS_IOC_INUMBERS. Need CAP_SYS_ADMIN.
 */
int xfs_survey_inodes(int root_fd, XfsInodeWalk *walk, XfsSeenInode ret_seen[static XFS_SURVEY_INODES]);
