/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sets one kind of job apart from another in the queue, as a table; and what is peculiar to units: their events
 * are collected until they are started.
 */
#pragma once

#include "src/action/job-queue.h"

/* What is limited apart: a scan of a day must not keep repairs waiting. How many are asked at the same time is limited
 * where it is done. */
typedef enum JobClass {
        JOB_REPAIRS,
        JOB_SCRUBS,
        JOB_VERIFIES,
        JOB_UNITS,
        JOB_UNLIMITED,
} JobClass;
#define N_JOB_CLASSES (JOB_UNLIMITED + 1)

typedef struct JobKindRule {
        bool is_carried_out;            /* by a worker */
        bool needs_filesystem;          /* ends when it is unmounted */
        bool needs_running;             /* the file system: refused when it is shut down, and ends then */
        bool is_prepared;               /* much goes before the worker is told: until then nothing was done. Never tried
                                         * again by itself after that. */
        bool is_attempt;                /* one that failed is held off for a while */
        bool loads_disk;                /* reads all of it: one at a time on each disk */
        JobClass class;
        uint64_t timeout_usec;          /* without a word of the rule */
} JobKindRule;

/* Never NULL. */
const JobKindRule *job_kind_rule(ActionKind kind);

/* One of them has to wait until the other one, which runs, has ended. */
bool job_excludes(const Job *running, const Job *candidate);
/* An older job that answers the order as well. */
bool job_answers_order(const Job *job, const JobOrder *order);

/* ACTION_START_UNIT: one more event for a unit that is not started yet. Returns 0; -ENOMEM: it is counted only. */
int job_add_event(Job *job, const JobOrder *order);
