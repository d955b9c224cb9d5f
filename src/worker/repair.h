/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairing one structure: same superblock, not harmful, intent durable, then the kernel's repair and the
 * check of what it left.
 */
#pragma once

#include "src/worker/worker.h"

/* Keeps a process ready for the next repair: forking one takes longer than all that is done before the kernel is
 * called. */
void repair_get_ready(Worker *worker);

/* @taken_fd is taken, also on failure. Says the result itself, sooner or later. */
void repair_request(Worker *worker, const WorkerRepairRequest *request, int taken_fd);
