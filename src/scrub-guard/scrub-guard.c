/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision alone; how the facts are had is in scrub-guard-main.c.
 */
#include "src/scrub-guard/scrub-guard.h"

#include "kernel/harmful-repairs.h"

static bool may_repair(const FilesystemFacts *facts) {
        return facts->autofsck_state == FACT_UNKNOWN || facts->autofsck == AUTOFSCK_REPAIR;
}

bool scrub_guard_allows(KernelVersion running, const FilesystemFacts *facts, const char **ret_reason) {
        const HarmfulRepair *harmful;

        if (!may_repair(facts))
                return true;
        harmful = harmful_repair_find_for_scan(running, facts);
        if (!harmful)
                return true;

        *ret_reason = harmful->why;
        return false;
}
