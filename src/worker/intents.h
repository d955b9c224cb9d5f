/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the worker remembers of repairs it began: in memory always, on disk as far as the disk lets it.
 * Decides what is banned. The loop's part never touches the disk itself.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"
#include "src/worker/child.h"
#include "src/worker/intent-writer.h"

/* No slot on disk. */
#define INTENT_SLOT_NONE SIZE_MAX

typedef struct Intents Intents;

typedef struct IntentsCalls {
        void (*on_loaded)(void *userdata);                              /* or given up: the file is not usable */
        void (*on_left_ended)(const Intent *intent, void *userdata);    /* a left-over child ended */
} IntentsCalls;

/**
 * intents_new() - nothing is read yet
 * @event, @children: borrowed
 * @state_dir, @kernel_release: borrowed for ever
 */
int intents_new(sd_event *event, ChildTable *children, const char *state_dir, const char *kernel_release,
                const IntentsCalls *calls, void *userdata, Intents **ret_intents);
Intents *intents_free(Intents *intents);
DEFINE_CLEANUP(Intents, intents_free)

/* Reads what an earlier worker left, in a child; on_loaded() follows within a few seconds whatever happens. */
int intents_load(Intents *intents);

/* Pure: what a record found open at the start means: INTENT_OPEN (its child lives), _INTERRUPTED or _BANNED. */
IntentState intent_judge(const Intent *intent, const uint8_t boot_id[static BOOT_ID_SIZE], uint64_t oops_count,
                         bool is_alive);

/**
 * intents_find_ban() - is this repair forbidden, because it never ended on this kernel?
 * @superblock: its uuid if known, else the device number, tells the file system
 */
const Intent *intents_find_ban(const Intents *intents, const WorkerFilesystem *superblock,
                               const RepairTarget *target);

/* A left-over child of an earlier worker that still repairs this file system; NULL if there is none. */
const Intent *intents_find_left_running(const Intents *intents, const WorkerFilesystem *superblock);

/**
 * intents_begin() - remember that a repair is about to begin
 * @intent:      target, job and file system; the rest is filled in here
 * @ret_slot:    its place, INTENT_SLOT_NONE if there is no room
 *
 * If intents_may_write(), an IntentWriter of the job's child writes it, with the number of that child in it.
 */
void intents_begin(Intents *intents, Intent *intent, size_t *ret_slot);

/* Whether its open record may be written: 0; -ENOSPC if there is no slot; -EBUSY if the disk did not answer before. */
int intents_may_write(const Intents *intents, size_t slot);

/* False: nobody can have lifted this ban, because it is not in the file, or the disk does not answer. */
bool intents_can_ban_be_lifted(const Intents *intents, const Intent *ban);
/* In a child: is a ban that can be lifted still in the file? In doubt it stands. */
bool intent_ban_stands(const char *state_dir, const Intent *ban);
/* An administrator lifted it. */
void intents_forget_ban(Intents *intents, const Intent *ban);

/* What the child said about its write. */
void intents_note_write(Intents *intents, size_t slot, int error);
/* A write that nobody waits for may still come through: the slot is not used again. */
void intents_spoil(Intents *intents, size_t slot);
void intents_note_pid(Intents *intents, size_t slot, pid_t pid);

/* How a repair that ended like this is remembered. Pure. */
IntentState intent_state_after(Outcome outcome);
/* The repair ended (or its child crashed): closes the record. */
void intents_end(Intents *intents, size_t slot, IntentState state, const WorkerJobResult *result);
/* Nothing was begun after all. */
void intents_drop(Intents *intents, size_t slot);
/* healerd recorded the result. */
void intents_taken(Intents *intents, uint64_t job_id);

/* Calls @each for every record in use. */
void intents_each(const Intents *intents, void (*each)(const Intent *intent, void *userdata), void *userdata);

/* True if everything known has reached the disk, or cannot. */
bool intents_are_settled(const Intents *intents);

void intent_fill_message(const Intent *intent, const char *kernel_release, WorkerIntent *ret_record);
