/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's hooks before a workload is failed or frozen: one job for each announcement, one child that has
 * systemd start each hook as a unit of its own and waits for their ends.
 */
#pragma once

#include <limits.h>

#include "src/worker/worker.h"

/* Announcements whose hooks run at the same time. */
#define HOOK_JOBS_MAX 4

/* For code in a child. */
typedef struct HooksTask {
        WorkerHooksRequest request;
        uint64_t deadline_usec;         /* CLOCK_MONOTONIC */
        char subject[PATH_MAX];         /* what people call the file system */
        bool has_uuid;
        uint8_t uuid[UUID_SIZE];
        int place_fd;                   /* borrowed: where what they read is put */
        const char *runtime_dir;        /* borrowed: that it is below */
} HooksTask;

/* @taken_fd: what they are given to read; may be negative. Says its result itself, sooner or later. */
void hooks_request(Worker *worker, const WorkerHooksRequest *request, int taken_fd);

/* hook-run.c: in a child. Reports each and, at the end, how it went. */
int hooks_run(int report_fd, const HooksTask *task, int payload_fd);
