/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a job did, as a plain value: made by the worker or by src/action/, shown by record and bus.
 */
#pragma once

#include <stdint.h>

#include "src/model/decision.h"

/* One outcome for every way an action can end. What is not an error of ours is not an errno. */
typedef enum Outcome {
        OUTCOME_DONE,                   /* repaired and checked again, scanned clean, said */
        OUTCOME_NOT_NEEDED,             /* looked again: no longer sick */
        OUTCOME_UNVERIFIED,             /* repaired, but the check afterwards could not be made */
        OUTCOME_CONTENT_LOST,           /* repaired: the structure is sound again, what it held is lost (link targets,
                                         * attributes) */
        OUTCOME_CROSS_REFERENCE,        /* seems correct, other structures disagree: offline repair recommended */
        OUTCOME_STILL_CORRUPT,          /* the kernel tried and could not: offline repair required */
        OUTCOME_INCOMPLETE,             /* the kernel could not finish; another sick structure may be the reason */
        OUTCOME_FOUND_CORRUPTION,       /* a check found damage (scrub jobs) */
        OUTCOME_GONE,                   /* inode, group or feature does not exist (any more) */
        OUTCOME_READ_ONLY,
        OUTCOME_SHUT_DOWN,
        OUTCOME_BUSY,                   /* may be tried again */
        OUTCOME_NO_MEMORY,              /* may be tried again */
        OUTCOME_NOT_SUPPORTED,          /* by this kernel, file system or structure */
        OUTCOME_NO_PERMISSION,
        OUTCOME_CANNOT_REOPEN,          /* no mount of it could be opened; may be tried again */
        OUTCOME_WRONG_FILESYSTEM,       /* another superblock is mounted where it was */
        OUTCOME_REFUSED_HARMFUL,        /* would crash this kernel */
        OUTCOME_REFUSED_UNFINISHED,     /* the same repair never ended before */
        OUTCOME_REFUSED,                /* by protection, autofsck or shutdown; the detail says which */
        OUTCOME_UNMOUNTED,              /* went away meanwhile */
        OUTCOME_TIMED_OUT,              /* ended at its deadline */
        OUTCOME_STUCK,                  /* hangs in the kernel and cannot be ended */
        OUTCOME_CRASHED,                /* the worker's child died in a kernel oops */
        OUTCOME_CANCELLED,
        OUTCOME_WORKER_LOST,            /* the worker went away; whether it ended is not known */
        OUTCOME_FAILED,                 /* anything else; JobReport.error says what */
} Outcome;
DECLARE_NAMES(outcome, Outcome)
#define N_OUTCOMES (OUTCOME_FAILED + 1)

bool outcome_is_success(Outcome outcome);
bool outcome_may_retry(Outcome outcome);
/* Of a repair: it is another structure than before. */
bool outcome_has_changed(Outcome outcome);
/* Another sick structure of the same file system may be the reason: once that one is healthy, the same may succeed. */
bool outcome_may_depend(Outcome outcome);
/* As above, of an inode: what leads to inodes may be the reason. */
bool outcome_may_be_unreached(Outcome outcome);
/* Nothing online can help any more: a person has to take the file system offline. */
bool outcome_needs_offline_repair(Outcome outcome);
/* The sentence of upstream's grammar where it has one ("Repairs successful."), else one of ours. */
const char *outcome_to_sentence(Outcome outcome);
/* The same for what is no repair. */
const char *outcome_to_sentence_of(Outcome outcome, ActionKind action);

#define JOB_DETAIL_SIZE 512

typedef struct JobReport {
        uint64_t job_id;
        uint64_t event_id;              /* cause; 0 for a job that a person asked for */
        ActionKind action;
        DecisionSource source;
        char rule_id[RULE_ID_SIZE];
        uint32_t caller_uid;            /* with DECISION_CALLER */
        Outcome outcome;
        int error;                      /* positive errno or 0 */
        bool was_verified;
        unsigned n_attempts;
        uint64_t started_realtime_usec, ended_realtime_usec;
        uint64_t duration_usec;         /* monotonic */
        char detail[JOB_DETAIL_SIZE];   /* one sentence for people; may be "" */
} JobReport;
