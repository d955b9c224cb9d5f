/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts that need the mount: the administrator's property, read-only or not, path and owner of one inode.
 */
#pragma once

#include "src/worker/worker.h"

#define GATHER_TIMEOUT_USEC (10 * USEC_PER_SEC)
/* A path look-up pins the mount for a moment: not while somebody may be about to unmount it again. */
#define GATHER_PATH_AFTER_USEC USEC_PER_SEC

/* A name service that does not answer by then leaves a name unknown: soon enough for the whole answer to be taken. */
#define GATHER_NAMES_USEC (2 * USEC_PER_SEC)

/* For code in a child: how its path comes into an answer. @fd: anything on that file system. */
void gather_path(int fd, uint64_t inode, uint32_t generation, WorkerGathered *answer);
/* For code in a child: of what type it is, and if it is wanted all its names: the first as its path, others in sealed
 * memory (@ret_names_fd, new; negative: there are none). */
void gather_lost(int fd, const WorkerGatherRequest *request, WorkerGathered *answer, int *ret_names_fd);
/* For code in a child: the same for the property; @root_fd: the root. */
void gather_autofsck(int root_fd, WorkerGathered *answer);

/* For code in a child: whose an inode is, in numbers, and then how these are called on this machine, which takes
 * GATHER_NAMES_USEC at most. @type: of the file system. */
void gather_owner(int fd, const char *type, const WorkerGatherRequest *request, WorkerOwner *answer);
void gather_owner_names(WorkerOwner *answer);

/* @taken_fd is taken, also on failure; may be negative. Says the answer itself, sooner or later. */
void gather_request(Worker *worker, const WorkerGatherRequest *request, int taken_fd);
