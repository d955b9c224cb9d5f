/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row for each structure that the kernel repairs, in the order in which they are repaired. Source: what each
 * rebuild reads, Linux 7.2, fs/xfs/scrub/ (the file is named where a stage begins).
 *
 * The order is no proof that a repair will work: the reverse map is rebuilt from the very block maps and inode b-trees
 * that are rebuilt with its help. Whoever repairs tries again what failed after something else was healed.
 */
#include "kernel/repair-rank.h"

#include "src/basic/macro.h"

static const struct {
        Structure structure;
        RepairStage stage;
} rows[] = {
        /* agheader_repair.c: where the roots of all b-trees of a group are, and the free blocks that a b-tree grows
         * into. AGFL and AGI are rebuilt with AGF locked and read. */
        { STRUCTURE_AG_SUPER, REPAIR_STAGE_HEADERS },
        { STRUCTURE_AG_AGF, REPAIR_STAGE_HEADERS },
        { STRUCTURE_AG_AGFL, REPAIR_STAGE_HEADERS },
        { STRUCTURE_AG_AGI, REPAIR_STAGE_HEADERS },
        { STRUCTURE_RTGROUP_SUPER, REPAIR_STAGE_HEADERS },

        /* rmap_repair.c, rtrmap_repair.c: everything below down to block maps is rebuilt from it. */
        { STRUCTURE_AG_RMAPBT, REPAIR_STAGE_REVERSE_MAP },
        { STRUCTURE_RTGROUP_RMAPBT, REPAIR_STAGE_REVERSE_MAP },

        /* alloc_repair.c, ialloc_repair.c, refcount_repair.c, rtbitmap_repair.c, rtrefcount_repair.c: free space first,
         * because each rebuild is given new blocks from there; the inode b-trees lead to every inode. */
        { STRUCTURE_AG_BNOBT, REPAIR_STAGE_BTREES },
        { STRUCTURE_AG_CNTBT, REPAIR_STAGE_BTREES },
        { STRUCTURE_AG_INOBT, REPAIR_STAGE_BTREES },
        { STRUCTURE_AG_FINOBT, REPAIR_STAGE_BTREES },
        { STRUCTURE_AG_REFCOUNTBT, REPAIR_STAGE_BTREES },
        { STRUCTURE_FS_RTBITMAP, REPAIR_STAGE_BTREES },
        { STRUCTURE_RTGROUP_BITMAP, REPAIR_STAGE_BTREES },
        { STRUCTURE_FS_RTSUMMARY, REPAIR_STAGE_BTREES },
        { STRUCTURE_RTGROUP_SUMMARY, REPAIR_STAGE_BTREES },
        { STRUCTURE_RTGROUP_REFCOUNTBT, REPAIR_STAGE_BTREES },

        /* inode_repair.c: no fork can be read of an inode that cannot be loaded. */
        { STRUCTURE_INODE_CORE, REPAIR_STAGE_INODES },

        /* bmap_repair.c, cow_repair.c: what a directory or a set of attributes lies in. */
        { STRUCTURE_INODE_DATAFORK, REPAIR_STAGE_BLOCK_MAPS },
        { STRUCTURE_INODE_ATTRFORK, REPAIR_STAGE_BLOCK_MAPS },
        { STRUCTURE_INODE_COWFORK, REPAIR_STAGE_BLOCK_MAPS },

        /* attr_repair.c, dir_repair.c, symlink_repair.c: attributes first, because with parent pointers a directory is
         * rebuilt from those of its files. */
        { STRUCTURE_INODE_XATTR, REPAIR_STAGE_CONTENTS },
        { STRUCTURE_INODE_DIRECTORY, REPAIR_STAGE_CONTENTS },
        { STRUCTURE_INODE_SYMLINK, REPAIR_STAGE_CONTENTS },

        /* parent_repair.c, dirtree_repair.c: all directories are read for it. */
        { STRUCTURE_INODE_PARENT, REPAIR_STAGE_TREE },
        { STRUCTURE_INODE_DIRTREE, REPAIR_STAGE_TREE },

        /* nlinks_repair.c, quota_repair.c, quotacheck_repair.c, fscounters_repair.c: sums over all of the above. */
        { STRUCTURE_FS_NLINKS, REPAIR_STAGE_COUNTS },
        { STRUCTURE_FS_USRQUOTA, REPAIR_STAGE_COUNTS },
        { STRUCTURE_FS_GRPQUOTA, REPAIR_STAGE_COUNTS },
        { STRUCTURE_FS_PRJQUOTA, REPAIR_STAGE_COUNTS },
        { STRUCTURE_FS_QUOTACHECK, REPAIR_STAGE_COUNTS },
        { STRUCTURE_FS_COUNTERS, REPAIR_STAGE_COUNTS },
};

unsigned repair_rank(Structure structure) {
        for (unsigned i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].structure == structure)
                        return i;
        return ELEMENTSOF(rows);
}

RepairStage repair_stage(Structure structure) {
        unsigned rank = repair_rank(structure);

        return rank < ELEMENTSOF(rows) ? rows[rank].stage : REPAIR_STAGE_COUNTS;
}
