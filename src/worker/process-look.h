/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How one process uses one superblock, or one inode of it. Nothing is opened or followed but /proc and control
 * groups; what is only nearly as harmless, and what can wait for a process that is stuck, comes last. For child
 * processes with a deadline.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/model/user-verdict.h"
#include "src/worker/user-mounts.h"

#define PROCESS_CGROUP_SIZE 2048
#define PROCESS_DETAIL_SIZE 1024
/* Of one process no more are counted. */
#define PROCESS_FILES_MAX 65536

typedef struct ProcessLook {
        pid_t pid;
        uint64_t start_ticks;
        uint64_t pidfd_inode;           /* tells it from every other process of this boot (Linux 6.9); 0: not told */
        uint32_t uid;
        unsigned uses;                  /* UserUse */
        uint32_t n_files;               /* descriptors on it, those of other threads' own tables as well */
        uint32_t n_unknown;             /* descriptors on mounts that are in no namespace */
        bool is_kernel_thread, is_storage, is_marked, is_cgroup_known;
        char name[USER_NAME_SIZE];
        char program[PROCESS_DETAIL_SIZE];      /* what its link shows; "": not known */
        char cgroup[PROCESS_CGROUP_SIZE];
} ProcessLook;

typedef struct LookedFor {
        const UserMounts *mounts;
        uint64_t inode;                 /* 0: any */
} LookedFor;

/* What never waits: who it is, and its descriptors. Returns 0; -ESRCH if it is gone; or another negative errno. */
int process_look_first(const LookedFor *wanted, pid_t pid, ProcessLook *ret_look);

/* What may wait for a process that is stuck: its memory; and its folders and its program, where their names say that
 * they could lie there. Adds to @look. Returns 0, or -ESRCH if it is gone or is another process by now. */
int process_look_rest(const LookedFor *wanted, ProcessLook *look);
