/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orders jobs: one repair, one scan and one unit of a name at a time per file system, several file systems side by
 * side; joins equal ones; retries what may be retried; ends every job at its deadline with an outcome. Talks to the
 * worker only through JobCarrier.
 *
 * Repairs of one file system that wait are done in the order of kernel/repair-rank, not in that of their reports. One
 * that failed, and for which another sick structure may be the reason, is put back, and tried again when something else
 * was repaired; when nothing more can come, it ends with the outcome that it had.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/action/job.h"
#include "src/filesystem/filesystem.h"

/* How often one is put back because another sick structure may be the reason of its failure. */
#define JOB_PUT_BACK_MAX 16
/* How many of one file system wait like this, and half the queue of all; others end at once, as if nothing could
 * help. */
#define JOB_PUT_BACK_JOBS_MAX 64
#define JOB_QUEUE_MAX 1024              /* jobs not ended yet; more are refused with -ENOBUFS and counted */
#define JOB_PARALLEL_DEFAULT 4          /* repairs at the same time, and as many scans; each of another file system */
#define JOB_UNITS_MAX 8                 /* units that run at the same time; they take no place of the above */
#define JOB_REPAIR_TIMEOUT_USEC (10 * USEC_PER_MINUTE)
/* A job that the worker could not even be told of ends after this. */
#define JOB_QUEUED_MAX_USEC (10 * USEC_PER_MINUTE)
#define JOB_SCRUB_TIMEOUT_USEC (24 * USEC_PER_HOUR)
/* Every inode is loaded, with pauses. */
#define JOB_SURVEY_TIMEOUT_USEC (12 * USEC_PER_HOUR)
#define JOB_UNIT_TIMEOUT_USEC USEC_PER_HOUR
/* Listing, permit, announcement, the grace of who is ended, the time of who is frozen: each has a deadline of its
 * own. */
#define JOB_WORKLOADS_TIMEOUT_USEC (3 * USEC_PER_HOUR)
#define JOB_SHUTDOWN_TIMEOUT_USEC (15 * USEC_PER_MINUTE)
#define JOB_RECYCLE_TIMEOUT_USEC (4 * USEC_PER_HOUR)
/* How often a worker may go away before one of these was ordered of it. */
#define JOB_BEGUN_AGAIN_MAX 3
/* The largest disks of today, read slowly. */
#define JOB_VERIFY_TIMEOUT_USEC (7 * USEC_PER_DAY)
/* What one unit is given to read. More is counted in its message: a unit that must not miss anything looks at that. */
#define JOB_UNIT_EVENTS_MAX 256
#define JOB_UNIT_EVENTS_BYTES ((size_t) 320 * 1024)
#define JOB_UNIT_PATHS_BYTES ((size_t) 384 * 1024)

typedef struct JobQueue JobQueue;

/* What carries jobs out (the line to the worker; a recorder in tests). Both return 0, or a negative errno if the
 * worker cannot be reached now (then the job waits for it until its deadline). */
typedef struct JobCarrier {
        int (*start)(void *userdata, const Job *job, const Filesystem *filesystem);     /* NULL: gone, and not needed */
        int (*cancel)(void *userdata, const Job *job);
        /* The result is recorded: the worker may forget the intent. */
        int (*taken)(void *userdata, const Job *job);
        /* For repairs that were put back; NULL: no.
         * Is there anything beside repairs of the queue that could still help it? Asked at any time, does nothing. */
        bool (*may_be_helped)(void *userdata, const Job *job);
        /* Nothing that the queue knows of helps any more. From the loop, may add jobs. False: it ends as it is; it is
         * asked again when that was no help either, so it has to be at some time. */
        bool (*seek_help)(void *userdata, Job *job);
        /* Something was repaired: may it be tried again now? One try is then used up. */
        bool (*may_try_again)(void *userdata, const Job *job);
        void *userdata;
} JobCarrier;

/* Called at every change of state, JOB_ENDED last and from the loop; only then it may call the queue. */
typedef void (*JobChanged)(void *userdata, Job *job);

int job_queue_new(sd_event *event, FilesystemTable *filesystems, const JobCarrier *carrier,
                  JobChanged changed, void *userdata, uint64_t first_job_id, JobQueue **ret_queue);
JobQueue *job_queue_free(JobQueue *queue);
DEFINE_CLEANUP(JobQueue, job_queue_free)

/* How many at the same time, each of another file system; 0: JOB_PARALLEL_DEFAULT. Others wait. */
void job_queue_set_parallel(JobQueue *queue, unsigned n_repairs, unsigned n_scrubs);

typedef struct JobOrder {
        Filesystem *filesystem;
        const ActionRequest *request;   /* copied */
        const HealthEvent *event;       /* cause; NULL for a caller */
        const char *path;               /* ACTION_START_UNIT: of the file, absolute; NULL: none, or not known */
        uint64_t n_more;                /* ACTION_START_UNIT: events that came with it, too many to be kept */
        RepairTarget target;
        DecisionSource source;
        const char *rule_id;            /* "" or NULL without one */
        uint32_t caller_uid;
        const char *override_harmful;   /* NULL: none */
        bool is_dry_run;                /* ACTION_FAIL_WORKLOAD, ACTION_FREEZE: nothing but the plan */
} JobOrder;

/**
 * job_queue_add() - ask for something to be done
 * @ret_job: borrowed; the job that will answer it, an older equal one if there is one
 *
 * A unit that is not started yet is given this event as well: that is how it joins.
 *
 * Returns: 1 new; 0 joined an equal job; -EALREADY if the same repair or scan failed a short while ago
 * (attempt-memory.h; a person's order is never held off); -ENOBUFS at the limit (counted); -ESHUTDOWN if the file
 * system is shut down; -EOPNOTSUPP for an action no worker carries out; -ENOMEM.
 */
int job_queue_add(JobQueue *queue, const JobOrder *order, Job **ret_job);

/* False if job_queue_add() would refuse it now. */
bool job_queue_may_add(JobQueue *queue, const JobOrder *order);

/**
 * job_queue_begin() - hand to the worker now what job_queue_add() is most likely going to ask for
 * @expected_autofsck: AUTOFSCK_UNSET to AUTOFSCK_REPAIR: the facts are still being asked for, and the order was made
 *                     with this value of the property; the worker looks before it begins. Negative: it was made with
 *                     facts.
 *
 * For what must not wait until everything is known and everybody was told why. Nobody hears of the job before
 * job_queue_add() was called with the same order, which answers as if it had made it. If that never happens,
 * job_queue_settle() is called. Nothing is done if there is an equal job, or if job_queue_add() is going to refuse.
 */
void job_queue_begin(JobQueue *queue, const JobOrder *order, int expected_autofsck);

/**
 * job_queue_settle() - the decision about an event was carried out
 *
 * What was begun for it and not asked for is taken back; if the worker was at work already, it is told as what it is, a
 * job that was cancelled or came to its end.
 */
void job_queue_settle(JobQueue *queue, uint64_t event_id);

int job_queue_cancel(JobQueue *queue, uint64_t job_id);

/* For what is no job and has to have a number all the same. */
uint64_t job_queue_new_number(JobQueue *queue);

/* The worker says how far it is. Returns the job; NULL if there is none that runs. */
Job *job_queue_on_progress(JobQueue *queue, uint64_t job_id, ScanProgress progress);
void job_queue_on_started(JobQueue *queue, uint64_t job_id);
/* Returns 0; -ENOENT for a job that ended before its result came, or that an earlier run ordered: nothing is done with
 * it. */
int job_queue_on_result(JobQueue *queue, const WorkerJobResult *result);
/* The line broke: what ran may or may not have ended. */
void job_queue_on_worker_lost(JobQueue *queue);
void job_queue_on_worker_ready(JobQueue *queue);
/* Tells now what has ended and is not told yet, for a caller that cannot wait for the loop. */
void job_queue_tell_ended(JobQueue *queue);
/* True for one that was put back, and that nothing in the queue can help any more. */
bool job_queue_is_stalled(JobQueue *queue, const Job *job);
/* What was put back may have nothing to wait for any more: looked at soon, from the loop. */
void job_queue_look_at_put_back(JobQueue *queue);
/* A mount of it can be opened (again): what could not re-open it need not wait for its next try. */
void job_queue_on_mounted(JobQueue *queue, uint64_t filesystem_id);
/* Jobs of a file system that is gone or shut down end. */
void job_queue_on_filesystem_gone(JobQueue *queue, uint64_t filesystem_id, Outcome outcome);

/* The kernel says it is healthy: earlier failures no longer count. */
void job_queue_on_healthy(JobQueue *queue, uint64_t filesystem_id, const RepairTarget *target);

/* As job_queue_next(), only what was told of. */
Job *job_queue_find(JobQueue *queue, uint64_t job_id);
/* Jobs that have not ended and were told of, in order; start with NULL. */
Job *job_queue_next(JobQueue *queue, const Job *previous);
/* True while the worker has a repair of it that has not ended, told of or not. */
bool job_queue_is_repairing(JobQueue *queue, uint64_t filesystem_id);
/* Its running or first waiting job; NULL for none. */
Job *job_queue_active(JobQueue *queue, uint64_t filesystem_id);
