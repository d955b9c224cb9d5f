/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts units for the policy: the administrator's own templates, with the job's number as instance, and files to read.
 * What runs goes on when the worker ends; the next one waits for it in its place.
 */
#pragma once

#include "src/worker/worker.h"

/* Units that run at the same time; each is waited for by a child. healerd's own limits are below it. */
#define UNITS_MAX 24

/* @taken_fd is taken, also on failure; may be negative. Says the result itself, sooner or later. */
void start_unit_request(Worker *worker, const WorkerUnitRequest *request, int taken_fd);

/* Once, at the start: what an earlier worker began. */
void start_unit_adopt(Worker *worker);
