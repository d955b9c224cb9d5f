/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sorted array of keys, as the recorder tells them. A key is at rest (the recorder has it as we do), waits to be
 * sent, or is on its way; one that changes on its way waits once more when that was confirmed, so that of many values
 * between two sendings only the newest is sent.
 */

#include "src/record/kept-state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"

typedef struct Entry {
        TAILQ_ENTRY(Entry) entries;     /* of the queue it is in */
        uint64_t serial;                /* of the change that is on its way; 0: none */
        bool is_waiting;                /* in the queue of those that wait */
        bool has_changed;               /* while it was on its way */
        bool is_told;                   /* the recorder has it so; while it tells */
        bool is_removed;                /* the recorder may have it, and has to remove it */
        size_t size_bytes;
        void *value;                    /* NULL if it has no bytes */
        char key[];
} Entry;

typedef TAILQ_HEAD(EntryQueue, Entry) EntryQueue;

struct KeptState {
        HistoryLink *link;
        KeptStateHandlers handlers;
        sd_event_source *load_timer;    /* until everything was told for the first time */
        Entry **items;                  /* in the order of strcmp() */
        size_t n_items, n_room;
        EntryQueue waiting, sent;
        size_t n_waiting, n_sent;
        uint64_t last_serial;
        bool is_open;                   /* the recorder has told everything on this line, and is told changes */
        bool is_loaded;                 /* on_loaded() was called */
        bool has_news;                  /* on_row() was, since then */
        bool is_durable;                /* a folder was told: what it does not have, nobody has */
        uint64_t n_dropped, n_dropped_told, n_refused;
};

static size_t position(const KeptState *state, const char *key, bool *ret_is_there) {
        size_t low = 0, high = state->n_items;

        *ret_is_there = false;
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = strcmp(state->items[middle]->key, key);

                if (order == 0) {
                        *ret_is_there = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static Entry *find(const KeptState *state, const char *key) {
        bool is_there;
        size_t at = position(state, key, &is_there);

        return is_there ? state->items[at] : NULL;
}

static void unqueue(KeptState *state, Entry *entry) {
        if (entry->is_waiting) {
                TAILQ_REMOVE(&state->waiting, entry, entries);
                state->n_waiting--;
        } else if (entry->serial > 0) {
                TAILQ_REMOVE(&state->sent, entry, entries);
                state->n_sent--;
        }
        entry->is_waiting = entry->has_changed = false;
        entry->serial = 0;
}

/* It has to be told as it is now. */
static void mark(KeptState *state, Entry *entry) {
        entry->is_told = false;
        if (entry->serial > 0)
                entry->has_changed = true;
        else if (!entry->is_waiting) {
                entry->is_waiting = true;
                TAILQ_INSERT_TAIL(&state->waiting, entry, entries);
                state->n_waiting++;
        }
}

static void entry_free(Entry *entry) {
        free(entry->value);
        free(entry);
}

static void forget(KeptState *state, Entry *entry) {
        bool is_there;
        size_t at = position(state, entry->key, &is_there);

        unqueue(state, entry);
        state->n_items--;
        memmove(state->items + at, state->items + at + 1, (state->n_items - at) * sizeof(*state->items));
        entry_free(entry);
}

static void count_dropped(KeptState *state) {
        if (state->n_dropped++ == state->n_dropped_told)
                log_warning("state: %zu values are kept, what comes now does not survive healerd and is only counted",
                            state->n_items);
}

static void tell_dropped(KeptState *state) {
        if (state->n_dropped == state->n_dropped_told)
                return;
        log_notice("state: there is room again, %" PRIu64 " changes do not survive healerd",
                   state->n_dropped - state->n_dropped_told);
        state->n_dropped_told = state->n_dropped;
}

/* An entry of this key, new ones without a value. Returns 1 if it is new, 0, -ENOBUFS or -ENOMEM. */
static int add(KeptState *state, const char *key, Entry **ret_entry) {
        size_t at, size_bytes = strlen(key) + 1;
        bool is_there;
        Entry *entry;

        at = position(state, key, &is_there);
        if (is_there) {
                *ret_entry = state->items[at];
                return 0;
        }
        if (state->n_items >= HISTORY_KEPT_MAX) {
                count_dropped(state);
                return -ENOBUFS;
        }
        if (state->n_items >= state->n_room) {
                size_t n_room = max_of(state->n_room * 2, (size_t) 64);
                Entry **items = reallocarray(state->items, n_room, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                state->items = items;
                state->n_room = n_room;
        }

        entry = calloc(1, offsetof(Entry, key) + size_bytes);
        if (!entry)
                return -ENOMEM;
        memcpy(entry->key, key, size_bytes);
        memmove(state->items + at + 1, state->items + at, (state->n_items - at) * sizeof(*state->items));
        state->items[at] = entry;
        state->n_items++;
        tell_dropped(state);
        *ret_entry = entry;
        return 1;
}

/* As much as the recorder reads; what it says next brings the rest on its way. */
static void send_waiting(KeptState *state) {
        Entry *entry;

        while (state->is_open && state->n_sent < KEPT_STATE_SENT_MAX && (entry = TAILQ_FIRST(&state->waiting))) {
                HistoryMessage message;

                history_message_set_entry(&message, entry->is_removed ? HISTORY_REMOVE : HISTORY_PUT,
                                          state->last_serial + 1, entry->key, entry->value, entry->size_bytes);
                if (history_link_send_now(state->link, &message) < 0)
                        return;

                unqueue(state, entry);
                entry->serial = ++state->last_serial;
                TAILQ_INSERT_TAIL(&state->sent, entry, entries);
                state->n_sent++;
        }
}

static bool has_value(const Entry *entry, const void *value, size_t size_bytes) {
        return !entry->is_removed && entry->size_bytes == size_bytes &&
               (size_bytes == 0 || memcmp(entry->value, value, size_bytes) == 0);
}

/* Returns 0 or -ENOMEM, and the entry is as before. */
static int set_value(Entry *entry, const void *value, size_t size_bytes) {
        void *copy = NULL;

        if (size_bytes > 0) {
                copy = malloc(size_bytes);
                if (!copy)
                        return -ENOMEM;
                memcpy(copy, value, size_bytes);
        }
        free(entry->value);
        entry->value = copy;
        entry->size_bytes = size_bytes;
        entry->is_removed = false;
        return 0;
}

int kept_state_put(KeptState *state, const char *key, const void *value, size_t size_bytes) {
        Entry *entry;
        int r, is_new;

        if (!history_key_is_valid(key) || size_bytes > HISTORY_VALUE_MAX)
                return -EINVAL;

        is_new = add(state, key, &entry);
        if (is_new < 0)
                return is_new;
        if (!is_new && has_value(entry, value, size_bytes))
                return 0;
        r = set_value(entry, value, size_bytes);
        if (r < 0) {
                if (is_new)
                        forget(state, entry);
                return r;
        }

        mark(state, entry);
        send_waiting(state);
        return 0;
}

int kept_state_remove(KeptState *state, const char *key) {
        Entry *entry;
        int r;

        if (!history_key_is_valid(key))
                return -EINVAL;

        entry = find(state, key);
        if (!entry) {
                if (state->is_durable)
                        return 0;
                r = add(state, key, &entry);
                if (r < 0)
                        return r;
        } else if (entry->is_removed)
                return 0;

        (void) set_value(entry, NULL, 0);
        entry->is_removed = true;
        mark(state, entry);
        send_waiting(state);
        return 0;
}

/* A removal that was carried out is remembered until a folder has been told of it: it may have what memory had not. */
static void forget_if_done(KeptState *state, Entry *entry) {
        if (entry->is_removed && state->is_durable && !entry->is_waiting && entry->serial == 0)
                forget(state, entry);
}

static void take_changed(KeptState *state, const HistoryChanged *changed) {
        Entry *entry;

        if (changed->n_refused > state->n_refused)
                log_warning("state: the recorder has no room for %" PRIu64 " values, they do not survive healerd",
                            changed->n_refused - state->n_refused);
        state->n_refused = changed->n_refused;

        while ((entry = TAILQ_FIRST(&state->sent)) && entry->serial <= changed->serial) {
                bool has_changed = entry->has_changed;

                unqueue(state, entry);
                if (has_changed)
                        mark(state, entry);
                else
                        forget_if_done(state, entry);
        }
}

/* What this run has put or removed counts, and so does what an earlier recorder told it; the rest is news. */
static void take_row(KeptState *state, const HistoryEntry *told) {
        const void *value = history_entry_value(told);
        Entry *entry;
        int r;

        /* Until it has told everything it is told nothing. */
        state->is_open = false;
        entry = find(state, history_entry_key(told));
        if (entry) {
                entry->is_told = has_value(entry, value, told->value_size);
                return;
        }

        r = add(state, history_entry_key(told), &entry);
        if (r >= 0 && !state->is_durable) {
                r = set_value(entry, value, told->value_size);
                if (r < 0)
                        forget(state, entry);
        }
        if (r < 0) {
                log_debug_errno(r, "state: %s is not taken up: %m", history_entry_key(told));
                return;
        }
        /* It was removed while the folder was away. */
        entry->is_removed = state->is_durable;
        if (entry->is_removed)
                return;

        entry->is_told = state->has_news = true;
        state->handlers.on_row(state->handlers.userdata, history_entry_key(told), value, told->value_size);
}

static void tell_loaded(KeptState *state, bool is_durable) {
        state->load_timer = sd_event_source_disable_unref(state->load_timer);
        state->is_loaded = true;
        state->has_news = false;
        state->handlers.on_loaded(state->handlers.userdata, is_durable);
}

/* Everything that is not as we have it is told. Removals come first, so that what is put finds room. */
static void tell_differences(KeptState *state, bool is_told_valid) {
        for (int is_removal = 1; is_removal >= 0; is_removal--)
                for (size_t i = 0; i < state->n_items; i++) {
                        Entry *entry = state->items[i];

                        if (entry->is_removed != is_removal)
                                continue;
                        if (entry->serial == 0)
                                unqueue(state, entry);
                        if (!is_told_valid || !entry->is_told)
                                mark(state, entry);
                        entry->is_told = false;
                }
        state->is_open = true;
        send_waiting(state);
}

static void take_end(KeptState *state, const HistoryKeptEnd *end) {
        bool is_news = !state->is_loaded || state->has_news || (end->is_durable && !state->is_durable);

        if (end->error != 0)
                log_warning_errno(end->error, "state: what was kept cannot be read: %m");
        else if (!end->is_durable)
                log_warning("state: kept in memory only; it survives healerd, and ends with the recorder");
        else if (!state->is_durable)
                log_info("state: %" PRIu32 " values are kept", end->n_rows);

        state->is_durable = state->is_durable || end->is_durable;
        tell_differences(state, end->error == 0);
        if (is_news)
                tell_loaded(state, end->is_durable);
}

static void on_record(void *userdata, const HistoryMessage *message) {
        KeptState *state = userdata;

        if (message->header.type == HISTORY_KEPT)
                take_row(state, &message->entry);
        else if (message->header.type == HISTORY_KEPT_END)
                take_end(state, &message->kept_end);
        else if (message->header.type == HISTORY_CHANGED)
                take_changed(state, &message->changed);
        /* It read something: there may be room again. */
        send_waiting(state);
}

/* What was on its way may have arrived or not: the next recorder tells what it has. */
static void on_lost(void *userdata) {
        KeptState *state = userdata;
        Entry *entry;

        state->is_open = false;
        state->n_refused = 0;
        while ((entry = TAILQ_FIRST(&state->sent))) {
                unqueue(state, entry);
                mark(state, entry);
        }
        for (size_t i = 0; i < state->n_items; i++)
                state->items[i]->is_told = false;
}

static int on_load_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        log_warning("state: the recorder has not told what was kept; healerd goes on without, and takes it up when it "
                    "comes");
        tell_loaded(userdata, false);
        return 0;
}

int kept_state_new(sd_event *event, HistoryLink *link, const KeptStateHandlers *handlers, KeptState **ret_state) {
        _cleanup_(kept_state_free_at) KeptState *state = calloc(1, sizeof(*state));
        int r;

        if (!state)
                return -ENOMEM;
        state->handlers = *handlers;
        TAILQ_INIT(&state->waiting);
        TAILQ_INIT(&state->sent);
        r = sd_event_add_time_relative(event, &state->load_timer, CLOCK_MONOTONIC, KEPT_STATE_LOAD_USEC,
                                       100 * USEC_PER_MSEC, on_load_deadline, state);
        if (r < 0)
                return r;

        state->link = link;
        history_link_set_listener(link, &(HistoryLinkListener) { on_record, on_lost, state });
        *ret_state = steal_ptr(state);
        return 0;
}

KeptState *kept_state_free(KeptState *state) {
        if (!state)
                return NULL;

        if (state->link)
                history_link_set_listener(state->link, &(HistoryLinkListener) {});
        if (kept_state_n_waiting(state) > 0)
                log_notice("state: %zu changes were not confirmed by the recorder", kept_state_n_waiting(state));
        sd_event_source_disable_unref(state->load_timer);
        for (size_t i = 0; i < state->n_items; i++)
                entry_free(state->items[i]);
        free(state->items);
        free(state);
        return NULL;
}

uint64_t kept_state_n_dropped(const KeptState *state) {
        return state->n_dropped;
}

size_t kept_state_n_waiting(const KeptState *state) {
        return state->n_waiting + state->n_sent;
}
