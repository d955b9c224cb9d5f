/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of a repair that can sleep in the kernel: one process for each, that does it step by step, and each step can
 * end it with an outcome of its own.
 *
 * The process may have been forked before anybody asked for the repair (job.h, JobKind.wait): then it knows nothing but
 * its order and what never changes in a worker.
 */
#pragma once

#include "src/worker/worker.h"

typedef struct RepairOrder {
        WorkerRepairRequest request;
        char type[32];                  /* of the file system */
        Intent intent;                  /* but for the process, which enters itself */
        size_t intent_slot;
        int intent_error;               /* negative errno: it cannot be written; 0 */
        bool is_banned, can_ban_be_lifted;
        Intent ban;
} RepairOrder;

/* Reports what the loop's part expects (job.h). @superblock: NULL: what is mounted where is known to the kernel only.
 * @monitor_fd is taken. @writer: started. Returns the exit status. */
int repair_run(const Worker *worker, const RepairOrder *order, const Superblock *superblock, int report_fd,
               int monitor_fd, IntentWriter *writer);
