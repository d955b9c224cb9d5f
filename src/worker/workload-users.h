/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a file system, as a plan, with the processes that each unit and container was found by. For child
 * processes.
 */
#pragma once

#include "src/model/workload-plan.h"
#include "src/worker/users-find.h"

/* A process that was found. */
typedef struct FoundProcess {
        pid_t pid;
        uint64_t start_ticks;
        size_t planned;                 /* whose it is: a place in the plan */
        char *group;                    /* of the whole unit or container; "" if it has none */
} FoundProcess;

typedef struct WorkloadUsers {
        UsersFind find;
        WorkloadPlan plan;
        FoundProcess *processes;
        size_t n_processes, n_allocated;
        int error;
} WorkloadUsers;

/* @task: borrowed for the life of @users. Returns 0 or a negative errno; workload_users_clear() either way. */
int workload_users_find(WorkloadUsers *users, const UsersTask *task);
void workload_users_clear(WorkloadUsers *users);
