/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by job-queue.c and job-queue-ahead.c, and by nobody else.
 */
#pragma once

#include <sys/queue.h>

#include "src/action/attempt-memory.h"
#include "src/action/job-kind.h"
#include "src/action/job-queue.h"

typedef struct QueuedJob {
        Job job;
        TAILQ_ENTRY(QueuedJob) entries;
        bool is_untold;                 /* begun by job_queue_begin(), and nobody has asked for it yet */
        bool has_result;                /* untold: kept until it is known what it answers */
        WorkerJobResult result;
} QueuedJob;
/* job_unref() frees what it is given. */
_Static_assert(offsetof(QueuedJob, job) == 0, "the job is the memory it lies in");

struct JobQueue {
        sd_event *event;
        sd_event_source *timer;
        FilesystemTable *filesystems;
        JobCarrier carrier;
        JobChanged changed;
        void *userdata;
        TAILQ_HEAD(QueuedJobs, QueuedJob) jobs;
        struct QueuedJobs ended;        /* their end is not told yet */
        sd_event_source *tell_source;
        size_t n_jobs;
        unsigned n_parallel[N_JOB_CLASSES];
        uint64_t next_id;
        bool is_pumping, is_pump_due;
        AttemptMemory attempts;
};

static inline QueuedJob *queued_of(const Job *job) {
        return container_of(job, QueuedJob, job);
}

/* As job_queue_next(), also what nobody was told of. */
Job *job_queue_next_of_all(JobQueue *queue, const Job *previous);
/* Tells of a job, unless nobody is to hear of it yet. */
void job_queue_tell_change(JobQueue *queue, Job *job);

/* Returns 1 and the new job, 0 and an equal one, or a negative errno as job_queue_add(). */
int job_queue_find_or_make(JobQueue *queue, const JobOrder *order, Job **ret_job);
/* Starts what can be started now. */
void job_queue_pump(JobQueue *queue);
void job_queue_timer_arm(JobQueue *queue);
/* The worker has spoken about the running try. */
void job_queue_take_result(JobQueue *queue, Job *job, const WorkerJobResult *result);

/* True if it is told of from now on like any other, because the worker began with it; else it never was. */
bool job_queue_tell_untold(JobQueue *queue, Job *job);
/* As job_queue_take_result(), for what nobody has asked for yet. */
void job_queue_take_untold_result(JobQueue *queue, Job *job, const WorkerJobResult *result);
