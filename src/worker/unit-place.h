/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies below the runtime folder for units that were started: for each job a folder "17" with what the unit reads,
 * as long as it runs, and a record ".17" of how far it got, until healerd has taken the result. It is root's alone, in
 * memory (/run), and ends with the boot.
 */
#pragma once

#include "src/protocol/unit-payload.h"
#include "src/protocol/worker-protocol.h"

#define UNIT_PLACE_NAME "jobs"

typedef enum UnitStage {
        UNIT_ORDERED,                   /* nothing of it was begun: whoever ordered it orders it again */
        UNIT_STARTING,                  /* its files are there; systemd is being asked, or was */
        UNIT_STARTED,                   /* systemd accepted it */
        UNIT_ENDED,
} UnitStage;
#define N_UNIT_STAGES (UNIT_ENDED + 1)

typedef struct UnitRecord {
        WorkerUnitRequest request;
        uint64_t deadline_usec;         /* CLOCK_MONOTONIC; USEC_INFINITY: none */
        UnitStage stage;
        WorkerJobResult result;         /* UNIT_ENDED */
} UnitRecord;

/* Makes it if it is not there. Returns a new descriptor; -EPERM if it is not root's alone; or another negative
 * errno. */
int unit_place_open(const char *runtime_dir);

/* The files appear at once or not at all; what lay there before under this number is removed. */
int unit_place_write(int place_fd, uint64_t job_id, const UnitPayload *payload);
/* Nothing happens if there are none. */
void unit_place_remove(int place_fd, uint64_t job_id);

int unit_record_write(int place_fd, const UnitRecord *record);
/* Returns 0; -ENOENT; -EBADMSG for what is none; or another negative errno. */
int unit_record_read(int place_fd, uint64_t job_id, UnitRecord *ret_record);
/* With the files, if there are any left. */
void unit_record_forget(int place_fd, uint64_t job_id);

/* For the start, before anything is written: calls @call for each record, in no order; what cannot be read is
 * removed. */
int unit_record_each(int place_fd, void (*call)(const UnitRecord *record, void *userdata), void *userdata);
