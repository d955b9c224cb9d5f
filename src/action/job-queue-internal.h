/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by job-queue.c, job-queue-ahead.c, job-queue-order.c and job-queue-try.c, and by nobody
 * else.
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
        bool is_due;                    /* put back, and something was repaired since */
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
        size_t n_jobs, n_put_back;
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

/* Ends the job or puts it back for another try. @detail NULL: nothing to say. */
void job_queue_try_ended(JobQueue *queue, Job *job, Outcome outcome, int error, const char *detail);
/* A job has ended: what it means for the next one of its kind. */
void job_queue_remember_outcome(JobQueue *queue, const Job *job);
/* It ends, and whoever waits for it is told from the loop. @detail NULL: as it stands. */
void job_queue_end_job(JobQueue *queue, Job *job, Outcome outcome, int error, const char *detail);
/* What has ended is told, and what was put back is looked at, when the loop goes on. */
void job_queue_tell_soon(JobQueue *queue);

/* What runs, here or elsewhere on its disks, has to end first. */
bool job_queue_is_occupied(JobQueue *queue, const Job *candidate);
/* Puts it into the list where its turn is. */
void job_queue_insert(JobQueue *queue, Job *job);
/* Waits for others after a try that failed so, if they may help. @may_retry: it could be tried again without them after
 * a while. False: nothing was done. */
bool job_queue_put_back(JobQueue *queue, Job *job, Outcome outcome, bool may_retry);
/* It does not wait for others any more. */
void job_queue_take_out(JobQueue *queue, Job *job);
/* What an end means for those that wait for others. */
void job_queue_note_end(JobQueue *queue, const Job *ended);
/* Those that are to be tried again get in line. */
void job_queue_wake_put_back(JobQueue *queue);
/* Ends those that have nothing to wait for any more. */
void job_queue_end_stalled(JobQueue *queue);

/* True if it is told of from now on like any other, because the worker began with it; else it never was. */
bool job_queue_tell_untold(JobQueue *queue, Job *job);
/* As job_queue_take_result(), for what nobody has asked for yet. */
void job_queue_take_untold_result(JobQueue *queue, Job *job, const WorkerJobResult *result);
