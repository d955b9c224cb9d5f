/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shutting a file system down: whatever waits for it ends with an error, and nothing more is written to it until it is
 * unmounted and mounted again.
 */
#pragma once

#include "src/worker/worker.h"

/* Says its result itself, sooner or later. @taken_fd: monitor, or negative. */
void shut_down_request(Worker *worker, const WorkerShutdownRequest *request, int taken_fd);
