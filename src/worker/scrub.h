/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A full scan of one file system by xfs_scrub, in a unit of systemd's that the worker starts over the bus.
 */
#pragma once

#include "src/worker/worker.h"

/* @taken_fd is taken, also on failure; may be negative. Says the result itself, sooner or later. */
void scrub_request(Worker *worker, const WorkerScrubRequest *request, int taken_fd);
