/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who was announced to be failed, in sealed memory: for each its unit and its container, each ended by a NUL byte.
 */
#pragma once

#include "src/model/workload-plan.h"

/* Those of @plan that are taken. @ret_fd: new, sealed. Returns 0 or a negative errno. */
int workload_list_make(const WorkloadPlan *plan, int *ret_fd);

/**
 * workload_list_read() - what somebody handed over
 * @fd: borrowed
 * @ret_plan: new, with unit and container of each, all taken; workload_plan_clear()
 *
 * Returns: 0; -EPERM if it is not sealed memory; -EFBIG or -EBADMSG if it is no such list; or another negative errno.
 */
int workload_list_read(int fd, WorkloadPlan *ret_plan);
