/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way to find who uses a file system: for the list that people are shown, and for what is done to those who
 * are on it. For child processes.
 */
#pragma once

#include "src/worker/kernel-users.h"
#include "src/worker/user-reader.h"
#include "src/worker/users.h"

typedef struct UsersFind {
        /* Filled in by the caller. */
        const UsersTask *task;
        /* Borrowed for the call. @facts->workload is NULL if it is not known. */
        void (*found)(const ProcessLook *look, const UserFacts *facts, void *userdata);
        KernelUserFound found_kernel_user;
        void *userdata;

        /* What it comes to; n_users and n_untold are the caller's. */
        WorkerUsersEnd end;

        UserMounts mounts;
        LookedFor wanted;
        UserReader reader;
        uint64_t started_usec;          /* CLOCK_MONOTONIC */
} UsersFind;

/* All processes once, then the kernel's own users. Returns 0 or a negative errno; users_find_clear() either way. */
int users_find(UsersFind *find);

/* Once more at one process, by the mounts that were found. Returns as user_reader_process(). */
int users_find_again(UsersFind *find, pid_t pid, ProcessLook *ret_look);

/* What user_spared_because() is asked with. @workload: filled in here. */
UserFacts users_find_facts(const UsersFind *find, const ProcessLook *look, Workload *workload);

void users_find_clear(UsersFind *find);
