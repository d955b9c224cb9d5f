/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Job1: one object for each job that waits, runs, or ended a short while ago.
 */
#pragma once

#include "src/bus/bus-context.h"

/* Ended jobs that are kept at most; the oldest goes first. */
#define BUS_ENDED_JOBS_MAX 256

#define BUS_JOB_PATH_SIZE 64

int bus_job_attach(BusContext *context, sd_bus *bus);
/* The timer that forgets ended jobs. Returns 0 or a negative errno. */
int bus_job_init(BusContext *context);

/* Takes note of a job's state: puts it on the bus, tells its end. Returns 0 or -ENOMEM. */
int bus_job_update(BusContext *context, Job *job, const Filesystem *filesystem);
/* It is further than it was. */
void bus_job_progress(BusContext *context, const Job *job);
/* The file system of these jobs is gone: their property says so. */
void bus_job_filesystem_gone(BusContext *context, uint64_t filesystem_id);
void bus_job_remove_all(BusContext *context);

/* "/org/xfs/Healer/job/N"; returns @buffer. */
char *bus_job_path(uint64_t job_id, char buffer[static BUS_JOB_PATH_SIZE]);

void bus_job_announce(BusContext *context);
