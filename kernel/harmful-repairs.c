/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of repairs that must not be asked for.
 */
#include "kernel/harmful-repairs.h"

#include "src/basic/macro.h"
#include "src/basic/text.h"

/* The reverse map b-tree without real-time groups. If the geometry could not be read, the UUID is not known either.
 * With the metadata directory feature the repair works, also where there is no group (measured): then the kernel does
 * not keep one for itself. */
static bool has_rmapbt_without_rtgroups(const FilesystemFacts *facts) {
        if (!text_equal(facts->type, "xfs"))
                return false;
        if (facts->uuid_state != FACT_KNOWN)
                return true;

        return facts->has_rmapbt && facts->n_rtgroups == 0 && !facts->has_metadir;
}

static const HarmfulRepair rows[] = {
        {
                /* Rebuilding an inode that cannot be loaded counts its blocks in the reverse maps of all real-time
                 * groups. The kernel keeps one such group even where the feature is absent and asks a cursor that
                 * it never made: NULL is dereferenced with locks held. Measured on 7.2.13; the same lines stand in
                 * 7.3.4, and they came with the real-time reverse map b-tree in 6.14. Source:
                 * fs/xfs/scrub/inode_repair.c, xrep_dinode_count_rmaps(). */
                .name = "inode-core-without-rtgroups",
                .why = "repairing an inode that cannot be loaded crashes this kernel on a file system "
                       "with a reverse map b-tree and without real-time groups",
                .structure = STRUCTURE_INODE_CORE,
                .only_if_unloadable = true,
                .first = { 6, 14, 0 },
                .applies = has_rmapbt_without_rtgroups,
        },
};

static bool is_unset(KernelVersion version) {
        return version.major == 0 && version.minor == 0 && version.patch == 0;
}

static bool row_is_of(const HarmfulRepair *row, KernelVersion running) {
        if (kernel_version_compare(running, row->first) < 0)
                return false;
        return is_unset(row->last) || kernel_version_compare(running, row->last) <= 0;
}

static bool row_matches(const HarmfulRepair *row, KernelVersion running, const FilesystemFacts *facts) {
        return row_is_of(row, running) && row->applies(facts);
}

bool harmful_repair_is_possible(KernelVersion running, const RepairTarget *target) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].structure == target->structure && row_is_of(rows + i, running))
                        return true;

        return false;
}

const HarmfulRepair *harmful_repair_find(KernelVersion running, const FilesystemFacts *facts,
                                         const RepairTarget *target) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].structure == target->structure && row_matches(rows + i, running, facts))
                        return rows + i;

        return NULL;
}

const HarmfulRepair *harmful_repair_find_for_scan(KernelVersion running, const FilesystemFacts *facts) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (row_matches(rows + i, running, facts))
                        return rows + i;

        return NULL;
}

const HarmfulRepair *harmful_repairs(size_t *ret_n) {
        *ret_n = ELEMENTSOF(rows);
        return rows;
}
