/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Full checks that others begin (xfs_scrub_all.timer, a person): who runs, and how it ended, for healerd.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/worker/child.h"
#include "src/worker/superblock-table.h"

typedef struct ScanWatch ScanWatch;

typedef struct ScanWatchCalls {
        void (*on_scan)(const WorkerScan *scan, void *userdata);
} ScanWatchCalls;

/* Watches from the first turn of the loop on. @superblocks, @children: borrowed. */
int scan_watch_new(sd_event *event, ChildTable *children, SuperblockTable *superblocks, const ScanWatchCalls *calls,
                   void *userdata, ScanWatch **ret_watch);
ScanWatch *scan_watch_free(ScanWatch *watch);
DEFINE_CLEANUP(ScanWatch, scan_watch_free)

/* Tells once more of those that run. */
void scan_watch_tell(ScanWatch *watch);
