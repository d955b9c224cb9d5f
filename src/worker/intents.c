/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the intents: one array of slots that mirrors the file. Slots that changed are written by a child,
 * one at a time; a disk that does not answer costs that child and nothing else.
 */

#include "src/worker/intents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/intents-internal.h"
#include "src/worker/process.h"

/* After a write failed, the disk is left alone for a while. */
#define RETRY_USEC (60 * USEC_PER_SEC)

int intents_new(sd_event *event, ChildTable *children, const char *state_dir, const char *kernel_release,
                const IntentsCalls *calls, void *userdata, Intents **ret_intents) {
        Intents *intents = calloc(1, sizeof(*intents));
        int r;

        if (!intents)
                return -ENOMEM;

        intents->event = sd_event_ref(event);
        intents->children = children;
        intents->state_dir = state_dir;
        intents->kernel_release = kernel_release;
        intents->calls = calls;
        intents->userdata = userdata;
        r = boot_id_read(intents->boot_id);
        if (r < 0)
                log_warning_errno(r, "cannot read the number of this boot: %m");

        *ret_intents = intents;
        return 0;
}

Intents *intents_free(Intents *intents) {
        if (!intents)
                return NULL;

        for (size_t i = 0; i < INTENT_SLOTS; i++)
                sd_event_source_disable_unref(intents->slots[i].left_source);
        sd_event_source_disable_unref(intents->retry_source);
        sd_event_unref(intents->event);
        free(intents);
        return NULL;
}

void intents_set_state(Intents *intents, IntentSlot *slot, IntentState state) {
        slot->intent.state = state;
        slot->intent.revision++;
        slot->intent.ended_realtime_usec = clock_realtime_usec();
        slot->is_dirty = true;
        intents_flush(intents);
}

static void slot_clear(Intents *intents, IntentSlot *slot) {
        slot->left_source = sd_event_source_disable_unref(slot->left_source);
        slot->intent = (Intent) {};
        slot->is_dirty = true;
        intents_flush(intents);
}

/* Writing, in a child */

static int write_in_child(int report_fd, void *userdata) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        const Intents *intents = userdata;

        (void) report_fd;

        fd = intent_file_open(intents->state_dir, true);
        if (fd < 0)
                return -fd;

        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (intents->slots[i].is_written_now) {
                        int r = intent_file_write(fd, i, &intents->slots[i].intent);

                        if (r < 0)
                                return -r;
                }

        return 0;
}

static bool is_empty(const Intents *intents) {
        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (intents->slots[i].intent.state != INTENT_FREE)
                        return false;

        return true;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Intents *intents = userdata;

        (void) source;
        (void) usec;

        intents->retry_source = sd_event_source_disable_unref(intents->retry_source);
        if (!intents->is_load_failed) {
                intents->is_unusable = false;
                intents_flush(intents);
        } else if (!is_empty(intents) || intents_load(intents) < 0) {
                /* What we remember cannot be mixed with what the file may hold. */
                intents_leave_disk_alone(intents);
        }

        return 0;
}

void intents_leave_disk_alone(Intents *intents) {
        intents->is_unusable = true;
        if (!intents->retry_source)
                (void) sd_event_add_time_relative(intents->event, &intents->retry_source, CLOCK_MONOTONIC, RETRY_USEC,
                                                  USEC_PER_SEC, on_retry, intents);
}

static void say_failure(Intents *intents, int error) {
        if (!intents->is_failure_said)
                log_warning_errno(error, "%s: cannot write the record of begun repairs, keeping it in memory: %m",
                                  intents->state_dir);
        intents->is_failure_said = true;
        intents_leave_disk_alone(intents);
}

static void on_write_end(Child *child, const ChildEnd *end, void *userdata) {
        bool is_good = end->ending == CHILD_EXITED && end->status == 0;
        Intents *intents = userdata;

        (void) child;

        intents->is_writing = false;
        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                if (intents->slots[i].is_written_now && !is_good)
                        intents->slots[i].is_dirty = true;
                intents->slots[i].is_written_now = false;
        }

        if (is_good) {
                intents->is_unusable = false;
                intents->is_failure_said = false;
                intents_flush(intents);
        } else {
                say_failure(intents, end->ending == CHILD_EXITED ? end->status : ETIMEDOUT);
        }
}

void intents_flush(Intents *intents) {
        const ChildTask task = {
                .name = "intents",
                .run = write_in_child,
                .on_end = on_write_end,
                .userdata = intents,
                .timeout_usec = INTENT_WRITE_USEC,
                .is_essential = true,
        };
        bool is_any = false;
        int r;

        if (intents->is_loading || intents->is_writing || intents->is_unusable)
                return;

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                IntentSlot *slot = intents->slots + i;

                slot->is_written_now = slot->is_dirty && !slot->is_poisoned;
                is_any = is_any || slot->is_written_now;
        }
        if (!is_any)
                return;

        r = child_spawn(intents->children, &task, NULL);
        if (r < 0) {
                say_failure(intents, r);
                return;
        }

        intents->is_writing = true;
        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (intents->slots[i].is_written_now)
                        intents->slots[i].is_dirty = false;
}

bool intents_are_settled(const Intents *intents) {
        return !intents->is_writing;
}

/* Questions */

static bool is_same_filesystem(const Intent *intent, const WorkerFilesystem *superblock) {
        if (intent->uuid_state == FACT_KNOWN && superblock->uuid_state == FACT_KNOWN)
                return memcmp(intent->uuid, superblock->uuid, UUID_SIZE) == 0;

        return intent->device_number == superblock->device_number;
}

/* The generation is left out: the kernel gives 0 for an inode that it could not read. */
static bool is_same_target(const RepairTarget *a, const RepairTarget *b) {
        return a->structure == b->structure && a->group == b->group && a->inode == b->inode;
}

const Intent *intents_find_ban(const Intents *intents, const WorkerFilesystem *superblock,
                               const RepairTarget *target) {
        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                const Intent *intent = &intents->slots[i].intent;

                if (intent->state == INTENT_BANNED && text_equal(intent->kernel_release, intents->kernel_release) &&
                    is_same_filesystem(intent, superblock) && is_same_target(&intent->target, target))
                        return intent;
        }

        return NULL;
}

const Intent *intents_find_left_running(const Intents *intents, const WorkerFilesystem *superblock) {
        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (intents->slots[i].left_source && is_same_filesystem(&intents->slots[i].intent, superblock))
                        return &intents->slots[i].intent;

        return NULL;
}

void intents_each(const Intents *intents, void (*each)(const Intent *intent, void *userdata), void *userdata) {
        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (intents->slots[i].intent.state != INTENT_FREE)
                        each(&intents->slots[i].intent, userdata);
}

void intent_fill_message(const Intent *intent, const char *kernel_release, WorkerIntent *ret_record) {
        *ret_record = (WorkerIntent) {
                .job_id = intent->job_id,
                .event_id = intent->event_id,
                .started_realtime_usec = intent->started_realtime_usec,
                .target = intent->target,
                .is_ban = intent->state == INTENT_BANNED && text_equal(intent->kernel_release, kernel_release),
                .is_running = intent->state == INTENT_OPEN,
                .pid = intent->pid,
        };
        memcpy(ret_record->uuid, intent->uuid, UUID_SIZE);
        (void) text_copy(ret_record->kernel_release, sizeof(ret_record->kernel_release), intent->kernel_release);
}

/* The life of one intent */

IntentState intent_state_after(Outcome outcome) {
        if (outcome_is_success(outcome))
                return INTENT_DONE;
        if (outcome == OUTCOME_CANCELLED || outcome == OUTCOME_TIMED_OUT)
                return INTENT_INTERRUPTED;
        if (outcome == OUTCOME_CRASHED)
                return INTENT_BANNED;

        return INTENT_FAILED;
}

/* How little a record would be missed: bans of other kernels last, those of this one never. */
static int slot_worth(const Intents *intents, const IntentSlot *slot) {
        switch (slot->intent.state) {
        case INTENT_FREE:
                return 0;
        case INTENT_DONE:
        case INTENT_FAILED:
                return 1;
        case INTENT_INTERRUPTED:
                return 2;
        case INTENT_BANNED:
                return text_equal(slot->intent.kernel_release, intents->kernel_release) ? INT32_MAX : 3;
        case INTENT_OPEN:
                return INT32_MAX;
        }

        return INT32_MAX;
}

static size_t find_place(const Intents *intents) {
        size_t best = INTENT_SLOT_NONE;

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                const IntentSlot *slot = intents->slots + i;

                /* One that the writer holds now must not be overtaken by the job's child. */
                if (slot->is_poisoned || slot->is_written_now || slot_worth(intents, slot) == INT32_MAX)
                        continue;
                if (best == INTENT_SLOT_NONE ||
                    slot_worth(intents, slot) < slot_worth(intents, intents->slots + best))
                        best = i;
        }

        return best;
}

void intents_begin(Intents *intents, Intent *intent, size_t *ret_slot) {
        size_t place = intents->is_loading ? INTENT_SLOT_NONE : find_place(intents);

        intent->state = INTENT_OPEN;
        intent->started_realtime_usec = clock_realtime_usec();
        intent->oops_count = child_table_oops_count(intents->children);
        memcpy(intent->boot_id, intents->boot_id, BOOT_ID_SIZE);
        (void) text_copy(intent->kernel_release, sizeof(intent->kernel_release), intents->kernel_release);

        if (place != INTENT_SLOT_NONE) {
                intents->slots[place].intent = *intent;
                intents->slots[place].is_dirty = false;
        }
        *ret_slot = place;
}

int intents_may_write(const Intents *intents, size_t slot) {
        if (slot == INTENT_SLOT_NONE)
                return -ENOSPC;
        return intents->is_unusable ? -EBUSY : 0;
}

typedef struct BanCall {
        const char *state_dir;
        const Intent *ban;
} BanCall;

/* 1: it stands, 0: it is gone. */
static int look_for_ban(void *userdata) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        const BanCall *call = userdata;
        static IntentSlots found;
        int r;

        fd = intent_file_open(call->state_dir, false);
        if (fd < 0)
                return fd;
        r = intent_file_read(fd, &found);
        if (r < 0)
                return r;

        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (found.slots[i].state != INTENT_FREE && intent_is_same(found.slots + i, call->ban))
                        return 1;

        return 0;
}

bool intents_can_ban_be_lifted(const Intents *intents, const Intent *ban) {
        /* One that never reached the disk cannot have been lifted there. */
        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                const IntentSlot *slot = intents->slots + i;

                if (&slot->intent == ban && (slot->is_dirty || slot->is_written_now || slot->is_poisoned))
                        return false;
        }

        return !intents->is_unusable;
}

bool intent_ban_stands(const char *state_dir, const Intent *ban) {
        BanCall call = { state_dir, ban };

        return child_call_with_deadline(look_for_ban, &call, INTENT_WRITE_USEC) != 0;
}

void intents_forget_ban(Intents *intents, const Intent *ban) {
        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (&intents->slots[i].intent == ban) {
                        slot_clear(intents, intents->slots + i);
                        return;
                }
}

void intents_spoil(Intents *intents, size_t slot) {
        if (slot != INTENT_SLOT_NONE)
                intents->slots[slot].is_poisoned = true;
}

void intents_note_write(Intents *intents, size_t slot, int error) {
        if (error == 0)
                return;

        /* What was given up can still reach the disk after a later record. */
        if (error == ETIMEDOUT)
                intents_spoil(intents, slot);
        if (slot != INTENT_SLOT_NONE)
                intents->slots[slot].is_dirty = true;
        say_failure(intents, error);
}

void intents_note_pid(Intents *intents, size_t slot, pid_t pid) {
        if (slot != INTENT_SLOT_NONE)
                intents->slots[slot].intent.pid = pid;
}

void intents_end(Intents *intents, size_t slot, IntentState state, const WorkerJobResult *result) {
        IntentSlot *place;

        if (slot == INTENT_SLOT_NONE)
                return;

        place = intents->slots + slot;
        place->intent.outcome = result->outcome;
        place->intent.error = result->error;
        place->intent.flags = result->flags;
        place->intent.was_verified = result->was_verified;
        place->intent.duration_usec = result->duration_usec;
        (void) text_copy(place->intent.detail, sizeof(place->intent.detail), result->detail);

        if (place->is_poisoned) {
                size_t other = find_place(intents);

                if (other != INTENT_SLOT_NONE) {
                        /* Here it counts more than the open record that may still appear in the spoilt slot. */
                        intents->slots[other].intent = place->intent;
                        place->intent = (Intent) {};
                        place = intents->slots + other;
                }
        }
        intents_set_state(intents, place, state);
}

void intents_drop(Intents *intents, size_t slot) {
        if (slot != INTENT_SLOT_NONE)
                slot_clear(intents, intents->slots + slot);
}

void intents_taken(Intents *intents, uint64_t job_id) {
        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                IntentState state = intents->slots[i].intent.state;

                if (intents->slots[i].intent.job_id == job_id &&
                    (state == INTENT_DONE || state == INTENT_FAILED || state == INTENT_INTERRUPTED))
                        slot_clear(intents, intents->slots + i);
        }
}
