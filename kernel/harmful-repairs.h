/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs that are known to crash or hang a running kernel: one table, each row with its source. An
 * administrator can overrule a row by its name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "kernel/kernel-version.h"
#include "kernel/metadata-repair.h"
#include "src/model/filesystem-facts.h"

typedef struct HarmfulRepair {
        const char *name;               /* "inode-core-without-rtgroups" */
        const char *why;                /* one sentence for people */
        Structure structure;
        bool only_if_unloadable;        /* harmless while the inode can be loaded */
        KernelVersion first, last;      /* both included; last {0,0,0}: not fixed yet */
        /* Can this file system be hurt by it? True if that is not known. */
        bool (*applies)(const FilesystemFacts *facts);
} HarmfulRepair;

/* False: harmful_repair_find() gives NULL whatever the facts are, so nobody needs to find them out. Pure. */
bool harmful_repair_is_possible(KernelVersion running, const RepairTarget *target);

/* Returns the row that forbids this repair on this kernel and file system, NULL if none does. Pure. */
const HarmfulRepair *harmful_repair_find(KernelVersion running, const FilesystemFacts *facts,
                                         const RepairTarget *target);

/* Returns the row that a repairing full scan could run into, NULL if none. Pure. */
const HarmfulRepair *harmful_repair_find_for_scan(KernelVersion running, const FilesystemFacts *facts);

/* All rows, for documentation and tests. */
const HarmfulRepair *harmful_repairs(size_t *ret_n);
