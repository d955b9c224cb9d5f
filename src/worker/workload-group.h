/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of a control group and of all groups below it, reached without systemd: containers whose group is no
 * unit, and what is left of a unit. For child processes.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Of one group no more are counted. */
#define GROUP_PROCESSES_MAX 65536

typedef int (*GroupProcess)(pid_t pid, void *userdata);

/* Calls @call for each process, and ends at its first result other than 0. @group: "/machine.slice/libpod-….scope".
 * Returns 0, that result, or a negative errno. A group that is gone has none. */
int workload_group_each(const char *group, GroupProcess call, void *userdata);

uint32_t workload_group_count(const char *group);

/* To each process, pinned before it is signalled. Returns 0, or the first negative errno that was no end of a
 * process. */
int workload_group_signal(const char *group, int number);

/* SIGKILL to all of it, also to what is forked meanwhile. Where the kernel cannot do that (before Linux 5.14, or
 * version 1), each process is killed, a few times over. */
int workload_group_kill(const char *group);

/* What keeps the processes that are left: "pid 17 is in state D (xfs_ilock)". */
void workload_group_explain(const char *group, char *detail, size_t size_bytes);
