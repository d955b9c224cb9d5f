/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking the health monitor of a mounted superblock and finding out what it is: in a child that opens the
 * mount, takes the monitor, asks a few questions and closes again within a millisecond or so, because an
 * open descriptor makes unmounting fail.
 */
#pragma once

#include "src/worker/worker.h"

/* Attempts at the same time. */
#define ATTACH_PARALLEL_MAX 8
#define ATTACH_TIMEOUT_USEC (10 * USEC_PER_SEC)

/* Puts it in the queue, or marks it for another attempt if one runs. */
void attach_want(Worker *worker, Superblock *superblock);

/* Starts as many attempts as may run now. */
void attach_continue(Worker *worker);

/* A new healerd: what was given to the last one is no longer held. */
void attach_reset(Worker *worker);
