/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets units stand still for a while. Each is noted before it is frozen, so that whoever comes after a worker that was
 * killed lets it go on.
 */
#pragma once

#include "src/worker/fail.h"
#include "src/worker/workload-target.h"

/* For code in a child. Freezes every one that is TARGET_CHOSEN, says so by @begun, waits and thaws; SIGTERM ends the
 * wait early (returns true then). */
bool workloads_freeze(TargetList *list, sd_bus *bus, const FailTask *task, void (*begun)(size_t n, void *userdata),
                      void *userdata);

/* In the loop: what an earlier worker left frozen, in its time. */
void thaw_adopt(Worker *worker);
/* A job ended, somehow: what it left frozen goes on now. */
void thaw_job(Worker *worker, uint64_t job_id);
void thaw_clear(Worker *worker);
