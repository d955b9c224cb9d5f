/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an earlier worker left: read by a child, judged here. A sick state folder costs three seconds and
 * nothing else.
 */

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/worker/intents-internal.h"
#include "src/worker/process.h"

#define LOAD_TIMEOUT_USEC (3 * USEC_PER_SEC)

/* What the reading child sends, once for each record in use. */
typedef struct LoadedIntent {
        size_t slot;                    /* INTENT_SLOT_NONE: the last one, n_torn counts */
        size_t n_torn;
        bool is_alive;
        Intent intent;
} LoadedIntent;

IntentState intent_judge(const Intent *intent, const uint8_t boot_id[static BOOT_ID_SIZE], uint64_t oops_count,
                         bool is_alive) {
        if (memcmp(intent->boot_id, boot_id, BOOT_ID_SIZE) != 0)
                return INTENT_BANNED;
        if (is_alive)
                return INTENT_OPEN;
        if (intent->oops_count == UINT64_MAX || oops_count == UINT64_MAX || oops_count > intent->oops_count)
                return INTENT_BANNED;

        return INTENT_INTERRUPTED;
}

static IntentState judge_now(const Intents *intents, const Intent *intent, bool is_alive) {
        return intent_judge(intent, intents->boot_id, child_table_oops_count(intents->children), is_alive);
}

static int load_in_child(int report_fd, void *userdata) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        const Intents *intents = userdata;
        LoadedIntent last = { .slot = INTENT_SLOT_NONE };
        static IntentSlots found;
        int r;

        fd = intent_file_open(intents->state_dir, true);
        if (fd < 0)
                return -fd;
        r = intent_file_read(fd, &found);
        if (r < 0)
                return -r;

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                LoadedIntent loaded = { .slot = i, .intent = found.slots[i] };

                if (loaded.intent.state == INTENT_FREE)
                        continue;
                loaded.is_alive = loaded.intent.state == INTENT_OPEN &&
                                  process_is_alive(loaded.intent.pid, loaded.intent.process_start_ticks);
                r = child_report(report_fd, &loaded, sizeof(loaded), -EBADF);
                if (r < 0)
                        return -r;
        }

        last.n_torn = found.n_torn;
        return -child_report(report_fd, &last, sizeof(last), -EBADF);
}

static int on_left_process_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Intents *intents = userdata;

        (void) fd;
        (void) revents;

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                IntentSlot *slot = intents->slots + i;

                if (slot->left_source != source)
                        continue;

                log_notice("pid %d, left behind by an earlier worker, ended", slot->intent.pid);
                slot->left_source = sd_event_source_disable_unref(slot->left_source);
                intents_set_state(intents, slot, judge_now(intents, &slot->intent, false));
                intents->calls->on_left_ended(&slot->intent, intents->userdata);
                return 0;
        }

        return 0;
}

static void watch_left_process(Intents *intents, IntentSlot *slot) {
        _cleanup_(close_fd_at) int pid_fd = -EBADF;

        pid_fd = (int) syscall(SYS_pidfd_open, slot->intent.pid, 0);
        if (pid_fd < 0 ||
            sd_event_add_io(intents->event, &slot->left_source, pid_fd, EPOLLIN, on_left_process_end, intents) < 0) {
                intents_set_state(intents, slot, judge_now(intents, &slot->intent, false));
                return;
        }

        (void) sd_event_source_set_io_fd_own(slot->left_source, true);
        (void) steal_fd(&pid_fd);
}

static void on_load_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        Intents *intents = userdata;
        LoadedIntent loaded;
        IntentState state;
        IntentSlot *slot;

        (void) child;
        close_fd(fd);

        /* One that hung and comes too late would overwrite what happened since. */
        if (size_bytes != sizeof(loaded) || !intents->is_loading)
                return;
        memcpy(&loaded, bytes, sizeof(loaded));
        if (loaded.slot >= INTENT_SLOTS) {
                intents->n_torn = loaded.n_torn;
                return;
        }

        slot = intents->slots + loaded.slot;
        slot->intent = loaded.intent;
        slot->is_dirty = false;
        if (slot->intent.state != INTENT_OPEN)
                return;

        state = judge_now(intents, &slot->intent, loaded.is_alive);
        if (state == INTENT_OPEN)
                watch_left_process(intents, slot);
        else
                intents_set_state(intents, slot, state);
}

static void on_load_end(Child *child, const ChildEnd *end, void *userdata) {
        Intents *intents = userdata;

        (void) child;

        if (!intents->is_loading)
                return;
        intents->is_loading = false;

        intents->is_load_failed = end->ending != CHILD_EXITED || end->status != 0;
        if (intents->is_load_failed) {
                if (!intents->is_load_said)
                        log_warning_errno(end->ending == CHILD_EXITED ? end->status : ETIMEDOUT,
                                          "%s: cannot use the record of begun repairs, keeping it in memory: %m",
                                          intents->state_dir);
                /* Said with its reason; that nothing can be written follows. */
                intents->is_failure_said = true;
                intents_leave_disk_alone(intents);
        } else if (intents->n_torn > 0) {
                log_notice("%s: %zu torn records of begun repairs ignored", intents->state_dir, intents->n_torn);
        }

        intents_flush(intents);
        if (!intents->is_load_said)
                intents->calls->on_loaded(intents->userdata);
        intents->is_load_said = true;
}

static void on_load_stuck(Child *child, void *userdata) {
        const ChildEnd end = { .ending = CHILD_TIMED_OUT };

        on_load_end(child, &end, userdata);
}

int intents_load(Intents *intents) {
        const ChildTask task = {
                .name = "intents",
                .run = load_in_child,
                .on_report = on_load_report,
                .on_stuck = on_load_stuck,
                .on_end = on_load_end,
                .userdata = intents,
                .timeout_usec = LOAD_TIMEOUT_USEC,
                .dies_with_us = true,
                .is_essential = true,
        };

        int r;

        r = child_spawn(intents->children, &task, NULL);
        if (r < 0)
                return r;

        intents->is_unusable = false;
        intents->is_loading = true;
        return 0;
}
