/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by intents.c and intents-load.c, and by nobody else.
 */
#pragma once

#include "src/worker/intents.h"

typedef struct IntentSlot {
        Intent intent;
        bool is_dirty;                  /* differs from the disk */
        bool is_written_now;            /* the writer took it along */
        bool is_poisoned;               /* a write that was given up may still come through: never used again */
        sd_event_source *left_source;   /* pidfd of a left-over child */
} IntentSlot;

struct Intents {
        sd_event *event;
        ChildTable *children;
        const char *state_dir, *kernel_release;
        const IntentsCalls *calls;
        void *userdata;
        uint8_t boot_id[BOOT_ID_SIZE];
        size_t n_torn;
        bool is_loading, is_load_said;
        bool is_load_failed;            /* what the file holds is not known, so nothing is written over it */
        bool is_writing, is_unusable, is_failure_said;
        sd_event_source *retry_source;
        IntentSlot slots[INTENT_SLOTS];
};

/* Changes a record and sees to it that the disk learns of it. */
void intents_set_state(Intents *intents, IntentSlot *slot, IntentState state);
/* Starts a writer if there is something to write and none at work. */
void intents_flush(Intents *intents);
/* Nothing is written for a while. */
void intents_leave_disk_alone(Intents *intents);
