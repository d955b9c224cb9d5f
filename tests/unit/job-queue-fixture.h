/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue with two file systems and a carrier that only notes what it is told.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "src/action/job-kind.h"
#include "src/action/job-queue.h"

#define EVENT_ID 77

typedef struct JobQueueSetup {
        sd_event *event;
        FilesystemTable *table;
        Filesystem *one, *two;
        JobQueue *queue;
        uint64_t started[64];
        size_t n_started;
        bool expected;                  /* the last one */
        int start_result;
        unsigned n_cancelled, n_taken;
        Outcome ended[64];
        uint64_t ended_ids[64];
        size_t n_ended;
        unsigned n_waiting;
        unsigned n_changes;
        uint64_t gone_in_changed;       /* what hears of an end ends others of this file system */
} JobQueueSetup;

int setup(void **state);
int teardown(void **state);
/* Hands a repair to the carrier before anybody decided on it (job_queue_begin()). */
void begin_repair(JobQueueSetup *s, Filesystem *filesystem, Structure structure);
/* As job_queue_add(), of the baseline. */
int add_repair(JobQueueSetup *s, Filesystem *filesystem, Structure structure, uint32_t group, Job **ret_job);
/* Lets the loop do what is due, until @n jobs were started. */
void run_until_started(JobQueueSetup *s, size_t n);
void run_due(JobQueueSetup *s);
/* The carrier's word that it has ended. */
void end_job(JobQueueSetup *s, uint64_t id, Outcome outcome);
