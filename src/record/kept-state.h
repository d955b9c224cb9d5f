/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State that has to survive healerd: a value for each key, kept by healer-recorder beside the history and sent over the
 * same line. What this run of healerd has put or removed is what counts: it stays in memory, a recorder that comes (or
 * comes back without its memory, or finds its folder again) tells what it has, and is told every difference. Nothing
 * here waits, and without a recorder healerd goes on with what it has in memory.
 *
 * What a value means is the business of whoever put it.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/record/history-link.h"

/* Whoever waits for what was kept waits no longer than this for a recorder. */
#define KEPT_STATE_LOAD_USEC (10 * USEC_PER_SEC)
/* Changes that are on their way and not confirmed; the others wait, and of one key the newest alone. */
#define KEPT_STATE_SENT_MAX 64

typedef struct KeptStateHandlers {
        /* A key out of the store that this run has neither put nor removed. Borrowed for the call, which may put and
         * remove. */
        void (*on_row)(void *userdata, const char *key, const void *value, size_t size_bytes);
        /* All of them were told; or KEPT_STATE_LOAD_USEC have passed and none was. @is_durable: they are in the state
         * folder; else in memory, or nowhere. Once, and again after rows that came later, or if the folder did. */
        void (*on_loaded)(void *userdata, bool is_durable);
        void *userdata;
} KeptStateHandlers;

typedef struct KeptState KeptState;

/* @link: borrowed for its life, which is longer; it has no other listener. No handler is called from here. */
int kept_state_new(sd_event *event, HistoryLink *link, const KeptStateHandlers *handlers, KeptState **ret_state);
KeptState *kept_state_free(KeptState *state);
DEFINE_CLEANUP(KeptState, kept_state_free)

/**
 * kept_state_put() - a value from now on, until it is put anew or removed
 * @key: history_key_is_valid()
 *
 * Sent at once if nothing of this key is on its way; copied in any case. Returns: 0; -EINVAL for a key or a size that
 * is none; -ENOBUFS if there are HISTORY_KEPT_MAX keys (counted, and said in the log); -ENOMEM. After an error the key
 * has the value it had before.
 */
int kept_state_put(KeptState *state, const char *key, const void *value, size_t size_bytes);

/* No error if there is no such key: before the store was told it may have one, and will be told to remove it. Returns
 * as kept_state_put(). */
int kept_state_remove(KeptState *state, const char *key);

/* Keys that could not be kept since the start. */
uint64_t kept_state_n_dropped(const KeptState *state);
/* Changes that the recorder has not confirmed. */
size_t kept_state_n_waiting(const KeptState *state);
