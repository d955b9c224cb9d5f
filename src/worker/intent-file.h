/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that remembers which repairs were begun: fixed-size records in a small preallocated file, each
 * one sector with its own checksum, so that a crash leaves either the old record or the new one.
 *
 * Everything here may block on the disk: for child processes and for the command line only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/metadata-repair.h"
#include "src/basic/names.h"
#include "src/model/filesystem-facts.h"

#define INTENT_RECORD_SIZE 512
#define INTENT_SLOTS 128
#define INTENT_FILE_BYTES ((off_t) INTENT_SLOTS * INTENT_RECORD_SIZE)
#define INTENT_DIRECTORY "worker"
#define INTENT_FILE "intents"
#define BOOT_ID_SIZE 16

typedef enum IntentState {
        INTENT_FREE,
        INTENT_OPEN,                    /* begun, no end known */
        INTENT_DONE,                    /* ended well */
        INTENT_FAILED,                  /* ended, but did not help */
        INTENT_INTERRUPTED,             /* ended by us, or its child vanished without harm to the kernel */
        INTENT_BANNED,                  /* never ended, or crashed the kernel: not tried again on that kernel */
} IntentState;
DECLARE_NAMES(intent_state, IntentState)

/* In memory. Also what a job's result was, so that it can be said again after a restart. */
typedef struct Intent {
        IntentState state;
        uint32_t revision;              /* of two records of one intent the higher one counts */
        uint64_t job_id, event_id;
        uint64_t device_number;
        FactState uuid_state;
        uint8_t uuid[UUID_SIZE];
        uint8_t boot_id[BOOT_ID_SIZE];
        RepairTarget target;
        uint64_t started_realtime_usec, ended_realtime_usec, duration_usec;
        uint64_t oops_count;            /* when it began; UINT64_MAX: unknown */
        uint64_t process_start_ticks;   /* tells the process from a later one with its number; 0: unknown */
        int32_t pid;
        Outcome outcome;                /* from INTENT_DONE on */
        int error;
        uint32_t flags;
        bool was_verified;
        char kernel_release[65];
        char detail[128];
} Intent;

/* True if both tell of the same begun repair. */
bool intent_is_same(const Intent *a, const Intent *b);

/* Pure: record <-> bytes. */
void intent_encode(const Intent *intent, uint8_t ret_bytes[static INTENT_RECORD_SIZE]);
/* Returns 0; -ENODATA for a free record; -EBADMSG for a torn or foreign one. */
int intent_decode(const uint8_t bytes[static INTENT_RECORD_SIZE], Intent *ret_intent);

/**
 * intent_file_open() - open or make the file
 * @state_dir: the product's state folder; a folder of our own is made below it
 * @may_create: false: only look
 *
 * The state folder may belong to another user: nothing below it is followed or trusted unless it is root's alone.
 *
 * Returns: a descriptor; -ENOENT if there is none and @may_create is false; -EPERM if something there is not ours;
 * or another negative errno.
 */
int intent_file_open(const char *state_dir, bool may_create);

typedef struct IntentSlots {
        Intent slots[INTENT_SLOTS];
        size_t n_torn;
} IntentSlots;

/* Of two records of one intent only the newer one is kept. Returns 0 or a negative errno. */
int intent_file_read(int fd, IntentSlots *ret_slots);

/* Writes one record and waits for the disk. INTENT_FREE clears it. Returns 0 or a negative errno. */
int intent_file_write(int fd, size_t slot, const Intent *intent);
