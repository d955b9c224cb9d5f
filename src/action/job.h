/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thing to be done to one file system: asked for by a decision or a person, queued, carried out by the
 * worker, reported.
 */
#pragma once

#include "kernel/metadata-repair.h"
#include "src/message/message.h"
#include "src/model/health-event.h"
#include "src/model/job-report.h"
#include "src/model/scan-progress.h"
#include "src/model/workload-report.h"

#define JOB_TARGET_TEXT_SIZE 128

typedef enum JobState {
        JOB_QUEUED,
        JOB_WAITING,                    /* for its next try */
        JOB_RUNNING,
        JOB_ENDED,
} JobState;
DECLARE_NAMES(job_state, JobState)

typedef struct Job {
        unsigned n_refs;
        uint64_t id;                    /* counts from 1 in a run */
        uint64_t filesystem_id;
        dev_t device_number;
        JobState state;
        ActionRequest request;
        RepairTarget target;            /* ACTION_REPAIR */
        HealthEvent event;              /* the cause; event.id 0 for a caller's job without one */
        char target_text[JOB_TARGET_TEXT_SIZE];   /* "agno 0x0 finobt" or "" */
        char override_harmful[64];
        bool expects_autofsck;          /* ordered before the facts came: done only if the property is @autofsck */
        Autofsck autofsck;
        /* ACTION_START_UNIT: what the unit is going to read. */
        MessageList events;
        PathList paths;
        uint64_t n_events;              /* also those that the lists have no room for */
        bool is_handed_over;            /* to the worker: nothing more can be added */
        unsigned n_joined;              /* further requests for the same thing that this job answers */
        uint64_t deadline_monotonic_usec;       /* of the running try */
        uint64_t not_before_monotonic_usec;     /* JOB_WAITING */
        bool has_begun;                 /* the worker said that the running try is really at work, its intent written */
        bool is_cancel_requested;
        bool is_put_back;               /* JOB_WAITING: until something else of the file system was repaired */
        unsigned n_put_back;            /* how often */
        unsigned n_again;               /* tries after that */
        bool had_scan;                  /* a full scan was made for it, or has ended since it was put back first */
        uint64_t done_bytes, total_bytes;       /* ACTION_VERIFY_MEDIA; 0: not known */
        uint64_t estimated_end_realtime_usec;   /* of that, or of the phase of ACTION_SCRUB; 0: not known */
        bool was_unverified;            /* an earlier try repaired it, and it could not be checked */
        char *file;                     /* of what was not repaired, from the root of the file system on, if it has a
                                         * name; or NULL */
        BootCheck boot_check;           /* what the worker saw of it, with the root */
        /* ACTION_FAIL_WORKLOAD, ACTION_FREEZE, ACTION_SHUTDOWN: prepared here, and then ordered of the worker. */
        bool is_dry_run;                /* ends with the plan */
        bool was_announced;
        bool is_ordered;                /* from here on something may be done */
        unsigned n_begun_again;         /* because a worker went away before that */
        uint64_t act_realtime_usec;     /* announced: not before; 0: it was not announced */
        WorkloadReports workloads;      /* of the first two: everybody who uses it */
        ScanProgress progress;          /* ACTION_SCRUB: of the running try; phase 0: not known */
        uint64_t phase_began_monotonic_usec;    /* when it was told of first, and */
        unsigned phase_began_percent;           /* how far it was then */
        JobReport report;               /* filled as it goes; complete with JOB_ENDED */
} Job;

Job *job_ref(Job *job);
Job *job_unref(Job *job);
DEFINE_CLEANUP(Job, job_unref)
