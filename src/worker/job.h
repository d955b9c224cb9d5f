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
#include "src/worker/unit-place.h"

/* What healerd hears it tells to many, and all of them want the processor: an answer that a repair found waits for the
 * end of that repair, but not longer than this. Most are over by then. */
#define JOB_ANSWER_AFTER_USEC (200 * USEC_PER_MSEC)
/* Results nobody took; beyond it the oldest is dropped and logged. */
#define JOB_RESULTS_MAX 256

typedef struct Job Job;

typedef struct JobKind {
        const char *name;
        int (*run)(int report_fd, void *userdata);      /* in the child; @userdata is the Job */
        /* The same in one that was kept ready: receives the order, with the monitor. @userdata is the Worker. May be
         * NULL. */
        int (*wait)(int report_fd, void *userdata);
        /* In the loop, before the result is said. May be NULL. */
        void (*finish)(Job *job, const WorkerJobResult *result);
        /* In the loop, for each further record of the child's before it is passed on. NULL: it has none. */
        void (*report)(Job *job, WorkerMessage *message);
        uint64_t grace_usec;
        bool dies_with_us;
        bool only_watches;              /* when the worker leaves, it goes on without it, and no result is said */
} JobKind;

struct Job {
        Worker *worker;
        const JobKind *kind;
        Superblock *superblock;         /* stays while the child lives; NULL: it is about none */
        Child *child;
        uint64_t job_id, event_id;
        uint64_t started_usec;          /* CLOCK_MONOTONIC */
        bool is_said;                   /* the result was said */
        bool is_stuck_said;             /* it was said to hang */
        bool is_intent_written;         /* the repair began, or its record may be on disk for ever */

        int monitor_fd;                 /* only until the child is forked; in the child, its copy */
        const void *order;              /* borrowed, only until the child has it: what a kind that can wait needs */
        size_t order_size_bytes;
        const Intent *intent;           /* as the order: what is written while its process looks; NULL: nothing */
        bool needs_own_child;           /* what waits is of no use to it */
        WorkerScrubRequest scrub;
        UnitRecord *unit;               /* owned; what its child notes stays in the child */
        int payload_fd;                 /* as monitor_fd */
        uint64_t deadline_usec;         /* CLOCK_MONOTONIC; of a kind that watches it itself; USEC_INFINITY: none */
        struct FailTask *fail;          /* owned */
        struct HooksTask *hooks;        /* owned */

        size_t intent_slot;             /* repairs */
        const Intent *ban;              /* the record that forbids this repair, as known here */
        /* A job that came with a question about its file system finds the answer itself on its way: one process less,
         * at a moment at which it counts. */
        bool gathers, has_waiting, has_gathered;
        WorkerGatherRequest waiting;
        int waiting_fd;
        uint64_t gathered_inode;
        WorkerGathered gathered;
        sd_event_source *answer_source; /* timer */
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
        Child *ready;                   /* waits for the next job of its kind; NULL: none */
        const JobKind *ready_kind;
        int ready_writer_fd;            /* the loop's line to the writer of its intent, in the child the writer's end
                                         * of it; negative: none */
} JobTable;

/* Said by a repair's child before it calls the kernel, or instead of that, and in one packet: each wakes the loop. */
typedef struct JobBegun {
        int32_t intent_error;           /* positive errno: the intent could not be made durable */
        bool is_started;                /* it calls the kernel as soon as its intent is durable, or cannot be */
        bool is_again;                  /* said before: only intent_error is new */
        bool has_gathered;
        char detail[JOB_DETAIL_SIZE];
        WorkerGathered gathered;        /* but for request and device */
} JobBegun;

void job_table_init(JobTable *table);
void job_table_clear(JobTable *table);

/* @superblock: NULL for what is about none. */
Job *job_new(Worker *worker, const JobKind *kind, Superblock *superblock, uint64_t job_id, uint64_t event_id);
Job *job_free(Job *job);
DEFINE_CLEANUP(Job, job_free)

/* Keeps a child waiting for the next job of this kind, if it can be had. */
void job_get_ready(Worker *worker, const JobKind *kind);

/* Gives it to the child that waits, or forks one. Returns 0 and takes @job; or a negative errno. */
int job_start(Job *job, uint64_t timeout_usec);

/* True if a job takes the question (and @monitor_fd, which may be negative), because it is going to find the answer or
 * has it already. If it does not, it is asked again by gather_request(). */
bool job_answers(Worker *worker, const WorkerGatherRequest *request, int monitor_fd);

/* Ends the job with this number, if it runs. */
void job_cancel(Worker *worker, uint64_t job_id);
void job_taken(Worker *worker, uint64_t job_id);

/* A request that never became a job: say its result, and return it. @detail may be NULL. */
WorkerJobResult job_refuse(Worker *worker, uint64_t job_id, dev_t device_number, Outcome outcome, int error,
                           const char *detail);

/* A result that an earlier worker could not hand over. */
void job_keep_left_result(Worker *worker, const Intent *intent);
void job_keep_result(Worker *worker, const WorkerJobResult *result);

/* Its result was not said yet. */
bool job_is_running(const Worker *worker, uint64_t job_id);
/* True if there is a result of this job that nobody has taken: it is said once more. */
bool job_say_result_again(Worker *worker, uint64_t job_id);

/* A new healerd: results that nobody took. */
void job_say_results(Worker *worker);

/* For the child: its result. Number, device and time are filled in by the loop. */
int job_report_result(int report_fd, const WorkerJobResult *result);
/* For the child: it has begun. */
int job_report_started(int report_fd, const char *detail);
/* In the loop: its child ended without a result. @result gets outcome and detail. */
void job_explain_end(const ChildEnd *end, WorkerJobResult *result);
