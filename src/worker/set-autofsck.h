/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's property on the root directory of a file system: set because a person said so, or only read.
 */
#pragma once

#include "src/worker/worker.h"

/* Answers itself, sooner or later. @taken_fd: monitor, or negative. */
void set_autofsck_request(Worker *worker, const WorkerAutofsckRequest *request, int taken_fd);
