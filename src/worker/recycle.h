/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system that the kernel has shut down: who uses it is stopped, it is unmounted in an orderly way and mounted
 * again, and, when healerd has seen to what was damaged, the same units are started again. Never by force, never
 * lazily, never the root or what holds our state. Everything is looked at before anything is touched, and the first
 * step that fails is the last one.
 */
#pragma once

#include "src/worker/worker.h"

/* Both say their result themselves. @taken_fd: the list, or negative. */
void recycle_request(Worker *worker, const WorkerRecycleRequest *request, int taken_fd);
void recycle_start_again_request(Worker *worker, const WorkerRecycleRequest *request, int taken_fd);

/* For code in a child: all steps but the last. For JobKind.run. */
int recycle_in_child(int report_fd, void *userdata);
int recycle_start_again_in_child(int report_fd, void *userdata);
