/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that healerd asked for: what runs, and which results it has not recorded yet. The common way of a
 * repair and a scrub from request to result; what happens in the child is in repair.c and scrub.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "src/protocol/worker-protocol.h"
#include "src/worker/child.h"
#include "src/worker/intents.h"
#include "src/worker/superblock-table.h"

/* Results nobody took; beyond it the oldest is dropped and logged. */
#define JOB_RESULTS_MAX 256

typedef struct Job Job;

typedef struct JobKind {
        const char *name;
        int (*run)(int report_fd, void *userdata);      /* in the child; @userdata is the Job */
        uint64_t grace_usec;
        bool dies_with_us;
} JobKind;

struct Job {
        Worker *worker;
        const JobKind *kind;
        Superblock *superblock;         /* stays while the child lives */
        Child *child;
        uint64_t job_id, event_id;
        uint64_t started_usec;          /* CLOCK_MONOTONIC */
        bool is_said;                   /* the result was said */
        bool is_stuck_said;             /* it was said to hang */
        bool is_intent_written;         /* or tried to: the repair was about to begin */

        int monitor_fd;                 /* only until the child is forked; in the child, its copy */
        int kmsg_fd;
        WorkerRepairRequest repair;
        WorkerScrubRequest scrub;

        Intent intent;                  /* repairs */
        size_t intent_slot;
        const Intent *ban;              /* the record that forbids this repair, as known here */
        TAILQ_ENTRY(Job) entry;
};

typedef struct JobResultLeft {
        WorkerMessage message;
        TAILQ_ENTRY(JobResultLeft) entry;
} JobResultLeft;

typedef struct JobTable {
        TAILQ_HEAD(, Job) running;
        TAILQ_HEAD(, JobResultLeft) results;
        unsigned n_results;
} JobTable;

/* Said by a repair's child before anything else: could the intent be made durable? */
typedef struct IntentNote {
        int32_t error;                  /* positive errno */
} IntentNote;

void job_table_clear(JobTable *table);

Job *job_new(Worker *worker, const JobKind *kind, Superblock *superblock, uint64_t job_id, uint64_t event_id);
Job *job_free(Job *job);
DEFINE_CLEANUP(Job, job_free)

/* Forks its child. Returns 0 and takes @job; or a negative errno. */
int job_start(Job *job, uint64_t timeout_usec);

/* Ends the job with this number, if it runs. */
void job_cancel(Worker *worker, uint64_t job_id);
void job_taken(Worker *worker, uint64_t job_id);

/* A request that never became a job: say its result. @detail may be NULL. */
void job_refuse(Worker *worker, uint64_t job_id, dev_t device_number, Outcome outcome, int error, const char *detail);

/* A result that an earlier worker could not hand over. */
void job_keep_left_result(Worker *worker, const Intent *intent);

/* A new healerd: results that nobody took. */
void job_say_results(Worker *worker);

/* For the child: fills in a result record and reports it. */
int job_report_result(int report_fd, const Job *job, const WorkerJobResult *result);
/* For the child: it has begun. */
int job_report_started(int report_fd, const Job *job, const char *detail);
