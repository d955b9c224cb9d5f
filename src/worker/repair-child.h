/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of a repair that can sleep in the kernel: one process for each, that does it step by step, and each step can
 * end it with an outcome of its own.
 *
 * The process may have been forked before anybody asked for the repair (job.h, JobKind.wait): then it knows nothing but
 * its order and what never changes in a worker.
 */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "src/worker/worker.h"

/* What never changes in a program that repairs. */
typedef struct RepairHost {
        KernelVersion kernel;
        const char *state_dir;          /* of the record of begun repairs */
        bool is_state_elsewhere;        /* not where the worker has its own */
        int kmsg_fd;                    /* the kernel log; negative: none */
} RepairHost;

typedef struct RepairOrder {
        WorkerRepairRequest request;
        char type[32];                  /* of the file system */
        Intent intent;                  /* but for the process, which enters itself */
        size_t intent_slot;
        int intent_error;               /* negative errno: it cannot be written; 0 */
        bool is_intent_ordered;         /* its writer was told by the loop */
        bool is_banned, can_ban_be_lifted;
        Intent ban;
        /* The best mount that the loop knows; 0: none. */
        uint64_t mount_id;
        bool is_mount_read_only, is_mount_whole;
        char mount_point[PATH_MAX];     /* last, so that no more of it is sent than there is */
} RepairOrder;

/* Bytes of it that count. */
static inline size_t repair_order_size(const RepairOrder *order) {
        return offsetof(RepairOrder, mount_point) + strlen(order->mount_point) + 1;
}

/* Reports what the loop's part expects (job.h). @superblock: NULL: of its mounts no more is known than the order says.
 * @monitor_fd is taken. @writer: started. Returns the exit status. */
int repair_run(const RepairHost *host, const RepairOrder *order, const Superblock *superblock, int report_fd,
               int monitor_fd, IntentWriter *writer);
