/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies below the runtime folder for units that are kept from something, and outlives the worker: a folder for
 * those that may not be started, one for those that were frozen, in each a file for each unit, by its name. They are
 * root's alone, in memory (/run), and end with the boot.
 */
#pragma once

#include "src/protocol/worker-protocol.h"

#define UNIT_MARKS_HELD "holds"
#define UNIT_MARKS_FROZEN "frozen"
/* In one folder; beyond that nothing is held or frozen. */
#define UNIT_MARKS_MAX 1024

/* It appears whole or not at all. -EINVAL: no name of a unit; -ENOSPC: there are too many. */
int unit_mark_write(int folder_fd, const WorkerHold *mark);
/* -ENOENT; -EBADMSG for what is none. */
int unit_mark_read(int folder_fd, const char *unit, WorkerHold *ret_mark);
int unit_mark_remove(int folder_fd, const char *unit);
/* In no order; what cannot be read is removed. Returns how many there are, or a negative errno. */
int unit_marks_each(int folder_fd, void (*call)(const WorkerHold *mark, void *userdata), void *userdata);
