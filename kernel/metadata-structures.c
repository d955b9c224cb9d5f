/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structure, reported bit, scrub type. Sources: Linux 7.2, fs/xfs/xfs_health.c (bits) and
 * fs/xfs/scrub/scrub.c (types and what selects them).
 */
#include "kernel/metadata-structures.h"

#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

#define FS(name, bit_name, type)                                                        \
        { STRUCTURE_FS_##name, DOMAIN_FS, METADATA_SELECTOR_NONE, ABI_XFS_FSOP_GEOM_SICK_##bit_name, type }
#define AG(name, bit_name, type)                                                        \
        { STRUCTURE_AG_##name, DOMAIN_AG, METADATA_SELECTOR_GROUP, ABI_XFS_AG_GEOM_SICK_##bit_name, type }
#define RT(name, bit_name, type)                                                        \
        { STRUCTURE_RTGROUP_##name, DOMAIN_RTGROUP, METADATA_SELECTOR_GROUP,            \
          ABI_XFS_RTGROUP_GEOM_SICK_##bit_name, type }
#define INODE(name, bit_name, type)                                                     \
        { STRUCTURE_INODE_##name, DOMAIN_INODE, METADATA_SELECTOR_INODE, ABI_XFS_BS_SICK_##bit_name, type }

/* Without a type: METADIR and METAPATH (the report does not say which path), INODES (not which inode). */
static const MetadataStructure rows[] = {
        FS(COUNTERS,            COUNTERS,       ABI_XFS_SCRUB_TYPE_FSCOUNTERS),
        FS(USRQUOTA,            UQUOTA,         ABI_XFS_SCRUB_TYPE_UQUOTA),
        FS(GRPQUOTA,            GQUOTA,         ABI_XFS_SCRUB_TYPE_GQUOTA),
        FS(PRJQUOTA,            PQUOTA,         ABI_XFS_SCRUB_TYPE_PQUOTA),
        FS(RTBITMAP,            RT_BITMAP,      ABI_XFS_SCRUB_TYPE_RTBITMAP),
        FS(RTSUMMARY,           RT_SUMMARY,     ABI_XFS_SCRUB_TYPE_RTSUM),
        FS(QUOTACHECK,          QUOTACHECK,     ABI_XFS_SCRUB_TYPE_QUOTACHECK),
        FS(NLINKS,              NLINKS,         ABI_XFS_SCRUB_TYPE_NLINKS),
        FS(METADIR,             METADIR,        METADATA_NO_SCRUB_TYPE),
        FS(METAPATH,            METAPATH,       METADATA_NO_SCRUB_TYPE),

        AG(SUPER,               SB,             ABI_XFS_SCRUB_TYPE_SB),
        AG(AGF,                 AGF,            ABI_XFS_SCRUB_TYPE_AGF),
        AG(AGFL,                AGFL,           ABI_XFS_SCRUB_TYPE_AGFL),
        AG(AGI,                 AGI,            ABI_XFS_SCRUB_TYPE_AGI),
        AG(BNOBT,               BNOBT,          ABI_XFS_SCRUB_TYPE_BNOBT),
        AG(CNTBT,               CNTBT,          ABI_XFS_SCRUB_TYPE_CNTBT),
        AG(INOBT,               INOBT,          ABI_XFS_SCRUB_TYPE_INOBT),
        AG(FINOBT,              FINOBT,         ABI_XFS_SCRUB_TYPE_FINOBT),
        AG(RMAPBT,              RMAPBT,         ABI_XFS_SCRUB_TYPE_RMAPBT),
        AG(REFCOUNTBT,          REFCNTBT,       ABI_XFS_SCRUB_TYPE_REFCNTBT),
        AG(INODES,              INODES,         METADATA_NO_SCRUB_TYPE),

        RT(SUPER,               SUPER,          ABI_XFS_SCRUB_TYPE_RGSUPER),
        RT(BITMAP,              BITMAP,         ABI_XFS_SCRUB_TYPE_RTBITMAP),
        RT(SUMMARY,             SUMMARY,        ABI_XFS_SCRUB_TYPE_RTSUM),
        RT(RMAPBT,              RMAPBT,         ABI_XFS_SCRUB_TYPE_RTRMAPBT),
        RT(REFCOUNTBT,          REFCNTBT,       ABI_XFS_SCRUB_TYPE_RTREFCBT),

        INODE(CORE,             INODE,          ABI_XFS_SCRUB_TYPE_INODE),
        INODE(DATAFORK,         BMBTD,          ABI_XFS_SCRUB_TYPE_BMBTD),
        INODE(ATTRFORK,         BMBTA,          ABI_XFS_SCRUB_TYPE_BMBTA),
        INODE(COWFORK,          BMBTC,          ABI_XFS_SCRUB_TYPE_BMBTC),
        INODE(DIRECTORY,        DIR,            ABI_XFS_SCRUB_TYPE_DIR),
        INODE(XATTR,            XATTR,          ABI_XFS_SCRUB_TYPE_XATTR),
        INODE(SYMLINK,          SYMLINK,        ABI_XFS_SCRUB_TYPE_SYMLINK),
        INODE(PARENT,           PARENT,         ABI_XFS_SCRUB_TYPE_PARENT),
        INODE(DIRTREE,          DIRTREE,        ABI_XFS_SCRUB_TYPE_DIRTREE),
};

const MetadataStructure *metadata_structures(size_t *ret_n) {
        *ret_n = ELEMENTSOF(rows);
        return rows;
}

const MetadataStructure *metadata_structure_find(Structure structure) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].structure == structure)
                        return rows + i;

        return NULL;
}
