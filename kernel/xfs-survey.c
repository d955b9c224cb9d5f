/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Masks of remembered sickness, by the same table as the records of the monitor: kernel/metadata-structures.c.
 */
#include "kernel/xfs-survey.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "kernel/metadata-structures.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

#define REAL_TIME_BITS ((uint32_t) (ABI_XFS_FSOP_GEOM_SICK_RT_BITMAP | ABI_XFS_FSOP_GEOM_SICK_RT_SUMMARY))

size_t sick_mask_decode(const SickFinding *where, uint32_t mask,
                        SickFinding ret_findings[static SICK_FINDINGS_PER_MASK]) {
        const MetadataStructure *structures;
        size_t n_structures, n = 0;

        structures = metadata_structures(&n_structures);
        for (size_t i = 0; i < n_structures; i++) {
                if ((uint32_t) structures[i].domain != where->domain || !(mask & structures[i].bit))
                        continue;

                ret_findings[n] = *where;
                ret_findings[n].structure = structures[i].structure;
                ret_findings[n++].unknown_bits = 0;
                mask &= ~structures[i].bit;
        }

        if (mask != 0) {
                ret_findings[n] = *where;
                ret_findings[n].structure = STRUCTURE_UNRECOGNISED;
                ret_findings[n++].unknown_bits = mask;
        }

        return n;
}

/* The smallest power of two that is not smaller. */
static uint32_t bits_for(uint32_t n) {
        uint32_t bits = 0;

        while (bits < 31 && UINT32_C(1) << bits < n)
                bits++;
        return bits;
}

int xfs_survey_geometry(int root_fd, XfsSurveyGeometry *ret_geometry) {
        struct abi_xfs_fsop_geom geometry = {};

        if (ioctl(root_fd, ABI_XFS_IOC_FSGEOMETRY, &geometry) < 0)
                return -errno;

        *ret_geometry = (XfsSurveyGeometry) {
                .n_groups = geometry.agcount,
                /* Without the feature the kernel keeps one group for itself, which cannot be asked for. */
                .n_rtgroups = geometry.flags & ABI_XFS_FSOP_GEOM_FLAGS_METADIR ? geometry.rgcount : 0,
                /* Blocks of a group, and inodes of a block; the latter is a power of two. */
                .inode_bits_in_group = bits_for(geometry.agblocks) +
                                       bits_for(geometry.inodesize > 0 ? geometry.blocksize / geometry.inodesize : 1),
                .group_bytes = (uint64_t) geometry.agblocks * geometry.blocksize,
                .sector_bytes = geometry.sectsize,
                .sick = geometry.sick,
        };
        return 0;
}

size_t geometry_findings(const XfsSurveyGeometry *geometry, SickFinding ret_findings[static SICK_FINDINGS_PER_MASK]) {
        static const struct {
                uint32_t told, means;
        } bits[] = {
                { ABI_XFS_FSOP_GEOM_SICK_RT_BITMAP, ABI_XFS_RTGROUP_GEOM_SICK_BITMAP },
                { ABI_XFS_FSOP_GEOM_SICK_RT_SUMMARY, ABI_XFS_RTGROUP_GEOM_SICK_SUMMARY },
        };
        const SickFinding whole = { .domain = DOMAIN_FS }, group = { .domain = DOMAIN_RTGROUP };
        uint32_t group_mask = 0;
        size_t n;

        n = sick_mask_decode(&whole, geometry->sick & ~REAL_TIME_BITS, ret_findings);
        if (geometry->n_rtgroups > 0)
                return n;

        for (size_t i = 0; i < ELEMENTSOF(bits); i++)
                if (geometry->sick & bits[i].told)
                        group_mask |= bits[i].means;
        return n + sick_mask_decode(&group, group_mask, ret_findings + n);
}

int xfs_survey_group(int root_fd, EventDomain domain, uint32_t group, uint32_t *ret_mask) {
        struct abi_xfs_rtgroup_geometry rtgroup = { .rg_number = group };
        struct abi_xfs_ag_geometry ag = { .ag_number = group };

        if (domain == DOMAIN_RTGROUP) {
                if (ioctl(root_fd, ABI_XFS_IOC_RTGROUP_GEOMETRY, &rtgroup) < 0)
                        return -errno;
                *ret_mask = rtgroup.rg_sick;
                return 0;
        }

        if (ioctl(root_fd, ABI_XFS_IOC_AG_GEOMETRY, &ag) < 0)
                return -errno;
        *ret_mask = ag.ag_sick;
        return 0;
}

/* A request and the room for its answers. */
#define REQUEST_BYTES(type, record, n) (sizeof(type) + (n) * sizeof(record))

static bool is_damage(int error) {
        return error == EUCLEAN || error == EBADMSG || error == EIO || error == ENODATA || error == EILSEQ;
}

static void leave_group(XfsInodeWalk *walk) {
        walk->group++;
        walk->next = 0;
        walk->is_done = walk->group >= walk->n_groups;
}

static void prepare(struct abi_xfs_bulk_ireq *header, const XfsInodeWalk *walk, uint32_t n) {
        *header = (struct abi_xfs_bulk_ireq) {
                .ino = walk->next,
                .flags = ABI_XFS_BULK_IREQ_AGNO,
                .icount = n,
                .agno = walk->group,
        };
}

/* The answer stops in front of what cannot be loaded, and a question that begins there fails. Which inode it is the
 * b-tree of inodes knows; if that cannot be read either, the rest of this group is left out. */
static int step_over(int root_fd, XfsInodeWalk *walk, XfsSeenInode *ret_seen) {
        union {
                struct abi_xfs_inumbers_req request;
                uint8_t bytes[REQUEST_BYTES(struct abi_xfs_inumbers_req, struct abi_xfs_inumbers, 1)];
        } question = {};
        const struct abi_xfs_inumbers *chunk = question.request.inumbers;

        walk->n_unreadable++;
        prepare(&question.request.hdr, walk, 1);
        if (ioctl(root_fd, ABI_XFS_IOC_INUMBERS, &question) < 0 || question.request.hdr.ocount != 1) {
                leave_group(walk);
                return 0;
        }

        for (unsigned i = 0; i < XFS_SURVEY_INODES; i++) {
                uint64_t inode = chunk->xi_startino + i;

                if (inode >= walk->next && chunk->xi_allocmask & UINT64_C(1) << i) {
                        walk->next = inode + 1;
                        *ret_seen = (XfsSeenInode) { .inode = inode, .is_unreadable = true };
                        return 1;
                }
        }
        /* Nothing in use in here: what failed lies behind it. */
        walk->next = max_of(walk->next + 1, chunk->xi_startino + XFS_SURVEY_INODES);
        return 0;
}

int xfs_survey_inodes(int root_fd, XfsInodeWalk *walk, XfsSeenInode ret_seen[static XFS_SURVEY_INODES]) {
        union {
                struct abi_xfs_bulkstat_req request;
                uint8_t bytes[REQUEST_BYTES(struct abi_xfs_bulkstat_req, struct abi_xfs_bulkstat, XFS_SURVEY_INODES)];
        } question = {};
        const struct abi_xfs_bulk_ireq *answer = &question.request.hdr;

        prepare(&question.request.hdr, walk, XFS_SURVEY_INODES);
        if (ioctl(root_fd, ABI_XFS_IOC_BULKSTAT, &question) < 0) {
                if (!is_damage(errno))
                        return -errno;
                return step_over(root_fd, walk, ret_seen);
        }

        if (answer->ocount == 0 || answer->ocount > XFS_SURVEY_INODES || answer->ino <= walk->next) {
                leave_group(walk);
                return 0;
        }
        for (uint32_t i = 0; i < answer->ocount; i++) {
                const struct abi_xfs_bulkstat *inode = question.request.bulkstat + i;

                ret_seen[i] = (XfsSeenInode) {
                        .inode = inode->bs_ino,
                        .generation = inode->bs_gen,
                        .mask = inode->bs_sick,
                        .mode = inode->bs_mode,
                };
        }
        walk->n_seen += answer->ocount;
        walk->next = answer->ino;
        return (int) answer->ocount;
}

/* One inode, by its number. */
static int survey_inode(int root_fd, uint64_t inode, uint32_t generation, uint32_t *ret_mask) {
        union {
                struct abi_xfs_bulkstat_req request;
                uint8_t bytes[REQUEST_BYTES(struct abi_xfs_bulkstat_req, struct abi_xfs_bulkstat, 1)];
        } question = {};
        const struct abi_xfs_bulkstat *answer = question.request.bulkstat;

        question.request.hdr.ino = inode;
        question.request.hdr.icount = 1;
        if (ioctl(root_fd, ABI_XFS_IOC_BULKSTAT, &question) < 0)
                return -errno;
        /* The next one that there is. */
        if (question.request.hdr.ocount != 1 || answer->bs_ino != inode ||
            (generation != 0 && answer->bs_gen != generation))
                return -ESTALE;
        *ret_mask = answer->bs_sick;
        return 0;
}

int xfs_survey_is_sick(int root_fd, const SickFinding *where) {
        SickFinding findings[SICK_FINDINGS_PER_MASK];
        XfsSurveyGeometry geometry = {};
        uint32_t mask = 0;
        size_t n = 0;
        int r;

        switch ((EventDomain) where->domain) {
        case DOMAIN_FS:
                r = xfs_survey_geometry(root_fd, &geometry);
                n = r >= 0 ? geometry_findings(&geometry, findings) : 0;
                break;
        case DOMAIN_AG:
        case DOMAIN_RTGROUP:
                r = xfs_survey_group(root_fd, (EventDomain) where->domain, where->group, &mask);
                n = r >= 0 ? sick_mask_decode(where, mask, findings) : 0;
                break;
        case DOMAIN_INODE:
                r = survey_inode(root_fd, where->inode, where->generation, &mask);
                n = r >= 0 ? sick_mask_decode(where, mask, findings) : 0;
                break;
        case DOMAIN_UNRECOGNISED:
        case DOMAIN_MOUNT:
        case DOMAIN_DATADEV:
        case DOMAIN_LOGDEV:
        case DOMAIN_RTDEV:
        case DOMAIN_FILERANGE:
                return -EOPNOTSUPP;
        }
        if (r < 0)
                /* What cannot be read is no better. */
                return is_damage(-r) ? 1 : r;

        for (size_t i = 0; i < n; i++)
                if (findings[i].structure == where->structure)
                        return 1;
        return 0;
}
