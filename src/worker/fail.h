/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failing or freezing those who use a file system: one job, one child that finds them, decides as healerd did, and acts
 * through systemd.
 */
#pragma once

#include <limits.h>

#include "src/worker/users.h"
#include "src/worker/worker.h"

/* Jobs of this kind at the same time, and one of a file system. */
#define FAILS_MAX 2

/* Says its result itself, sooner or later. @taken_fd: who was announced. */
void fail_request(Worker *worker, const WorkerFailRequest *request, int taken_fd);

/* True if so many were ended by this worker that nobody more is: the job was refused. */
bool fail_refuse_beyond_budget(Worker *worker, uint64_t job_id, dev_t device_number);

/* For code in a child. */
typedef struct FailTask {
        WorkerFailRequest request;
        UsersTask users;
        char subject[PATH_MAX];         /* what people call the file system */
        bool has_uuid;
        uint8_t uuid[UUID_SIZE];
        const char *runtime_dir;        /* borrowed */
} FailTask;

/* @announced_fd: borrowed. @superblock: as it was when the child was forked. Reports all of it on @report_fd. */
int fail_in_child(int report_fd, const FailTask *task, const Superblock *superblock, int announced_fd);
