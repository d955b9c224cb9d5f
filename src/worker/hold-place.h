/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps units of the machine's manager from being started, by files of systemd's: a drop-in with an assertion that
 * fails while the unit's mark is there. For child processes.
 */
#pragma once

#include "src/worker/fail.h"
#include "src/worker/workload-target.h"

/* Where systemd looks for what does not outlive the boot. */
#define HOLD_UNITS_FOLDER "/run/systemd/system"
#define HOLD_DROP_IN "90-healerd-hold.conf"

/**
 * hold_place() - before anything is ended: none of those that are TARGET_CHOSEN starts again
 * @problem: JOB_DETAIL_SIZE bytes, one sentence on failure
 *
 * Containers and units that systemd forgets when they end (scopes) cannot be held; their detail says so.
 * Returns: 0; or a negative errno, after which none is held by this call.
 */
int hold_place(TargetList *list, sd_bus *bus, const FailTask *task, char *problem);

/* Removes every drop-in of this runtime folder whose mark is gone. Returns 0 or a negative errno. */
int hold_sweep(const char *runtime_dir);

/* The same for other folders, without telling systemd, for tests. Returns how many were removed, or a negative
 * errno. */
int hold_sweep_folder(const char *units_folder, const char *runtime_dir);
int hold_write_drop_in(const char *units_folder, const char *runtime_dir, const char *unit);
