/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts that need the mount: the administrator's property, read-only or not, the path of one inode.
 */
#pragma once

#include "src/worker/worker.h"

#define GATHER_TIMEOUT_USEC (10 * USEC_PER_SEC)
/* A path look-up pins the mount for a moment: not while somebody may be about to unmount it again. */
#define GATHER_PATH_AFTER_USEC USEC_PER_SEC

/* @taken_fd is taken, also on failure; may be negative. Says the answer itself, sooner or later. */
void gather_request(Worker *worker, const WorkerGatherRequest *request, int taken_fd);
