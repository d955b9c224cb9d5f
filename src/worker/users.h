/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a file system, looked up in a child. Nothing is done to anybody here.
 */
#pragma once

#include "src/worker/worker.h"

/* Looks that go on at the same time; who asks beyond that is told so. */
#define USERS_WALKS_MAX 2
/* Beyond these they are counted, not told. */
#define USERS_TOLD_MAX 1024
/* After this no more processes are looked at; what is left is counted. */
#define USERS_WALK_USEC (30 * USEC_PER_SEC)
/* And after this the whole look is given up. */
#define USERS_TIMEOUT_USEC (45 * USEC_PER_SEC)

/* Says the answer itself, sooner or later. */
void users_request(Worker *worker, const WorkerUsersRequest *request);

/* For code in a child. */
typedef struct UsersTask {
        WorkerUsersRequest request;
        bool is_root, is_state;         /* what the file system is to us; also if that is not known */
        pid_t own_pids[2];              /* the worker, and who asks; 0: none */
} UsersTask;

/* Walks all of it and reports on @report_fd. For ChildTask.run. */
int users_walk_in_child(int report_fd, const UsersTask *task);
