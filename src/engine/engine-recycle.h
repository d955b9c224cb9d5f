/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of engine-recycle.c and the tests of it.
 */
#pragma once

#include "src/engine/engine-workloads.h"

typedef enum RecycleStage {
        RECYCLE_WORKER,                 /* the worker stops, unmounts, mounts */
        RECYCLE_ATTACHING,              /* it is mounted; its monitor is not there yet */
        RECYCLE_SURVEYING,
        RECYCLE_REPAIRING,
        RECYCLE_STARTING,               /* the worker starts */
} RecycleStage;
#define N_RECYCLE_STAGES (RECYCLE_STARTING + 1)

#define RECYCLE_PLACE_SIZE 256

struct RecycleRun {
        TAILQ_ENTRY(RecycleRun) entries;
        Engine *engine;
        uint64_t job_id, event_id;
        uint64_t filesystem_id;         /* that was shut down */
        uint8_t uuid[UUID_SIZE];
        RecycleStage stage;
        uint64_t give_up_monotonic_usec;
        sd_event_source *timer;
        bool was_begun;                 /* something was touched */
        char step[JOB_DETAIL_SIZE];     /* as last told: half a sentence */
        char place[RECYCLE_PLACE_SIZE]; /* its mount point, for a message; "": none that would fit */
};
