/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list: what waits is little, and is looked through when something comes due, not for each event.
 */
#include "policy/deferred-table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"

#define ROW_VERSION 1

static const char *const deferred_kind_names[] = {
        [DEFERRED_FOR] = "for",
        [DEFERRED_GATHER] = "gather",
        [DEFERRED_IN] = "in",
};
DEFINE_NAMES(deferred_kind, DeferredKind)

struct DeferredTable {
        TAILQ_HEAD(, Deferred) items;
        size_t n_items;
        uint64_t n_refused;
};

int deferred_table_new(DeferredTable **ret_table) {
        DeferredTable *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        TAILQ_INIT(&table->items);
        *ret_table = table;
        return 0;
}

Deferred *deferred_free(Deferred *deferred) {
        if (!deferred)
                return NULL;
        for (size_t i = 0; i < deferred->n_events; i++)
                free(deferred->events[i].path);
        free(deferred->events);
        free(deferred);
        return NULL;
}

void deferred_table_take(DeferredTable *table, Deferred *deferred) {
        TAILQ_REMOVE(&table->items, deferred, entries);
        table->n_items--;
}

DeferredTable *deferred_table_free(DeferredTable *table) {
        Deferred *item;

        if (!table)
                return NULL;
        while ((item = TAILQ_FIRST(&table->items))) {
                deferred_table_take(table, item);
                deferred_free(item);
        }
        free(table);
        return NULL;
}

ResumedFrom deferred_resumed_from(DeferredKind kind) {
        return kind == DEFERRED_FOR ? RESUMED_LASTED : kind == DEFERRED_GATHER ? RESUMED_GATHERED : RESUMED_WINDOW;
}

Deferred *deferred_table_next(const DeferredTable *table, const Deferred *previous) {
        return previous ? TAILQ_NEXT(previous, entries) : TAILQ_FIRST(&table->items);
}

Deferred *deferred_table_find(const DeferredTable *table, const char *key) {
        for (Deferred *item = NULL; (item = deferred_table_next(table, item));)
                if (strcmp(item->key, key) == 0)
                        return item;
        return NULL;
}

Deferred *deferred_table_due(const DeferredTable *table, uint64_t now_boottime_usec) {
        for (Deferred *item = NULL; (item = deferred_table_next(table, item));)
                if (item->due_usec <= (int64_t) now_boottime_usec || deferred_has_expired(item, now_boottime_usec))
                        return item;
        return NULL;
}

uint64_t deferred_table_due_usec(const DeferredTable *table) {
        uint64_t first = USEC_INFINITY;

        for (const Deferred *item = NULL; (item = deferred_table_next(table, item));) {
                int64_t due = item->due_usec;

                if (item->kind == DEFERRED_IN)
                        due = min_of(due, item->last_usec);
                due = max_of(due, (int64_t) 0);
                first = min_of(first, (uint64_t) due);
        }
        return first;
}

bool deferred_has_expired(const Deferred *deferred, uint64_t now_boottime_usec) {
        return deferred->kind == DEFERRED_IN && deferred->last_usec <= (int64_t) now_boottime_usec;
}

size_t deferred_table_count(const DeferredTable *table) {
        return table->n_items;
}

uint64_t deferred_table_n_refused(const DeferredTable *table) {
        return table->n_refused;
}

static DeferredKind kind_of(const Decision *decision) {
        return decision->wait == WAIT_LASTING ? DEFERRED_FOR
               : decision->wait == WAIT_GATHER ? DEFERRED_GATHER : DEFERRED_IN;
}

/* What makes it one and the same. */
static char *make_key(DeferredKind kind, const char *rule_id, unsigned step, unsigned gather_parts,
                      const EventFacts *facts, char buffer[static MEMORY_KEY_SIZE]) {
        unsigned parts = kind == DEFERRED_FOR ? EVENT_PARTS_OF_TARGET
                         : kind == DEFERRED_GATHER ? gather_parts : EVENT_PART_BIT(EVENT_PART_FS);
        char text[EVENT_PARTS_TEXT_SIZE], what[EVENT_PARTS_TEXT_SIZE + 16] = "";

        (void) event_parts_text(facts, parts, 0, text);
        if (kind == DEFERRED_IN)
                (void) text_append_format(what, sizeof(what), "%u ", step);
        (void) text_append_format(what, sizeof(what), "%s", text);
        return memory_key_of(deferred_kind_to_name(kind), rule_id, what, buffer);
}

static Deferred *item_new(DeferredTable *table, DeferredKind kind, const char *key, int *error) {
        Deferred *item;

        if (table->n_items >= DEFERRED_MAX) {
                table->n_refused++;
                *error = -ENOBUFS;
                return NULL;
        }
        item = calloc(1, sizeof(*item));
        if (!item) {
                *error = -ENOMEM;
                return NULL;
        }
        item->kind = kind;
        (void) text_copy(item->key, sizeof(item->key), key);
        TAILQ_INSERT_TAIL(&table->items, item, entries);
        table->n_items++;
        return item;
}

static bool is_same_event(const DeferredEvent *known, const HealthEvent *event, const char *path) {
        return known->event.kind == event->kind && known->event.structure == event->structure &&
               known->event.domain == event->domain && known->event.group == event->group &&
               known->event.inode == event->inode && known->event.generation == event->generation &&
               text_equal(known->path, path);
}

/* The same thing again is counted, not kept. */
static int add_event(Deferred *item, const HealthEvent *event, const char *path) {
        DeferredEvent *added;

        for (size_t i = 0; i < item->n_events; i++)
                if (is_same_event(item->events + i, event, path)) {
                        item->events[i].event.count += event->count;
                        return 0;
                }
        if (item->n_events >= DEFERRED_EVENTS_MAX) {
                item->n_dropped++;
                return 0;
        }
        if (item->n_events == item->n_allocated) {
                size_t n = max_of(2 * item->n_allocated, (size_t) 1);
                DeferredEvent *events = reallocarray(item->events, n, sizeof(*events));

                if (!events)
                        return -ENOMEM;
                item->events = events;
                item->n_allocated = n;
        }
        added = item->events + item->n_events;
        *added = (DeferredEvent) { .event = *event, .path = path ? strdup(path) : NULL };
        if (path && !added->path)
                return -ENOMEM;
        item->n_events++;
        return 0;
}

static void set_times(Deferred *item, const Decision *decision, size_t action, int64_t now, bool is_new) {
        const ActionRequest *request = decision->actions + action;

        switch (item->kind) {
        case DEFERRED_FOR:
                if (is_new)
                        item->due_usec = now + (int64_t) decision->wait_usec;
                break;
        case DEFERRED_GATHER:
                if (is_new)
                        item->last_usec = now + (int64_t) decision->wait_max_usec;
                item->quiet_usec = decision->wait_usec;
                item->due_usec = min_of(now + (int64_t) item->quiet_usec, item->last_usec);
                break;
        case DEFERRED_IN:
                if (is_new)
                        item->last_usec = now + (int64_t) request->expires_usec;
                /* Not longer than it may: an opening that nobody can tell is looked for again. */
                item->due_usec = now + (int64_t) min_of(request->deferred_usec, request->expires_usec);
                break;
        }
}

int deferred_table_add(DeferredTable *table, const Decision *decision, size_t action, const EventFacts *facts,
                       Deferred **ret) {
        DeferredKind kind = kind_of(decision);
        unsigned step = kind == DEFERRED_IN ? decision->first_step + (unsigned) action : 0;
        const char *path = facts->path_state == FACT_KNOWN && facts->paths ? facts->paths[0] : NULL;
        char key[MEMORY_KEY_SIZE];
        Deferred *item;
        bool is_new;
        int r = 0;

        make_key(kind, decision->rule_id, step, decision->gather_parts, facts, key);
        item = deferred_table_find(table, key);
        is_new = !item;
        if (is_new) {
                item = item_new(table, kind, key, &r);
                if (!item)
                        return r;
                (void) text_copy(item->rule_id, sizeof(item->rule_id), decision->rule_id);
                (void) event_parts_text(facts, EVENT_PART_BIT(EVENT_PART_FS), 0, item->filesystem);
                item->step = step;
        }
        set_times(item, decision, action, (int64_t) facts->now_boottime_usec, is_new);
        if (is_new || kind == DEFERRED_GATHER)
                r = add_event(item, facts->event, path);
        if (r < 0 && is_new) {
                deferred_table_take(table, item);
                deferred_free(item);
                return r;
        }
        *ret = item;
        return is_new;
}

Deferred *deferred_table_healed(const DeferredTable *table, const EventFacts *facts) {
        char wanted[MEMORY_KEY_SIZE];

        for (Deferred *item = NULL; (item = deferred_table_next(table, item));)
                if (item->kind == DEFERRED_FOR &&
                    strcmp(item->key, make_key(DEFERRED_FOR, item->rule_id, 0, 0, facts, wanted)) == 0)
                        return item;
        return NULL;
}

/*
 * "1 BOOT-ID BOOTTIME REALTIME DUE LAST QUIET STEP INDEX N-DROPPED RULE FILESYSTEM", the event, the path; a line each.
 * DUE and LAST from the moment of writing. Milliseconds.
 */

static int64_t to_msec(int64_t usec) {
        return usec / (int64_t) USEC_PER_MSEC;
}

char *deferred_row_format(const Deferred *deferred, size_t index, const MemoryMoment *now,
                          char buffer[static DEFERRED_ROW_SIZE]) {
        const DeferredEvent *one = deferred->events + index;
        char event[EVENT_ROW_SIZE];
        int n;

        n = snprintf(buffer, DEFERRED_ROW_SIZE,
                     "%d %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %u %zu %" PRIu64 " %s %s\n%s\n",
                     ROW_VERSION, now->boot_id, to_msec(now->boottime_usec), to_msec(now->realtime_usec),
                     to_msec(deferred->due_usec - now->boottime_usec),
                     to_msec(deferred->last_usec - now->boottime_usec), deferred->quiet_usec / USEC_PER_MSEC,
                     deferred->step, index, deferred->n_dropped, deferred->rule_id,
                     deferred->filesystem[0] ? deferred->filesystem : "-", event_row_format(&one->event, event));
        /* One so long is not known after a restart. */
        if (one->path && (size_t) n + strlen(one->path) < DEFERRED_ROW_SIZE && !strchr(one->path, '\n'))
                (void) text_append_format(buffer, DEFERRED_ROW_SIZE, "%s", one->path);
        return buffer;
}

typedef struct ParsedRow {
        MemoryMoment written;
        int64_t due_msec, last_msec;
        uint64_t quiet_msec, n_dropped;
        unsigned step;
        size_t index;
        char rule_id[RULE_ID_SIZE];
        char filesystem[EVENT_PARTS_TEXT_SIZE];
        HealthEvent event;
        const char *path;
} ParsedRow;

static int row_parse(char *text, ParsedRow *ret_row) {
        char *event = strchr(text, '\n'), *path = event ? strchr(event + 1, '\n') : NULL;
        ParsedRow row = {};
        int version;

        if (!path)
                return -EINVAL;
        *event = *path = '\0';
        if (sscanf(text,
                   "%d %36s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64 " %u %zu %" SCNu64 " %63s %259s",
                   &version, row.written.boot_id, &row.written.boottime_usec, &row.written.realtime_usec, &row.due_msec,
                   &row.last_msec, &row.quiet_msec, &row.step, &row.index, &row.n_dropped, row.rule_id,
                   row.filesystem) != 12 || version != ROW_VERSION)
                return -EINVAL;
        if (row.written.boottime_usec < 0 || row.written.realtime_usec < 0 ||
            row.written.boottime_usec > INT64_MAX / 4000 || row.written.realtime_usec > INT64_MAX / 4000 ||
            row.due_msec > INT64_MAX / 4000 || row.due_msec < INT64_MIN / 4000 || row.last_msec > INT64_MAX / 4000 ||
            row.last_msec < INT64_MIN / 4000 || row.quiet_msec > INT64_MAX / 4000)
                return -EINVAL;
        row.written.boottime_usec *= (int64_t) USEC_PER_MSEC;
        row.written.realtime_usec *= (int64_t) USEC_PER_MSEC;
        row.path = path[1] ? path + 1 : NULL;
        if (strcmp(row.filesystem, "-") == 0)
                row.filesystem[0] = '\0';
        *ret_row = row;
        return event_row_parse(event + 1, &ret_row->event);
}

static int parse_key(const char *key, DeferredKind *ret_kind) {
        const char *slash = strchr(key, '/');
        char kind[16];

        if (!slash || (size_t) (slash - key) >= sizeof(kind) || strlen(key) >= MEMORY_KEY_SIZE)
                return -EINVAL;
        memcpy(kind, key, (size_t) (slash - key));
        kind[slash - key] = '\0';
        return deferred_kind_from_name(kind, ret_kind);
}

static void adopt_times(Deferred *item, const ParsedRow *row, const MemoryMoment *now) {
        int64_t written_usec = now->boottime_usec - memory_moment_age(&row->written, now);

        item->due_usec = written_usec + row->due_msec * (int64_t) USEC_PER_MSEC;
        item->last_usec = written_usec + row->last_msec * (int64_t) USEC_PER_MSEC;
        item->quiet_usec = row->quiet_msec * USEC_PER_MSEC;
        /* The clock on the wall may have been set. */
        if (item->kind == DEFERRED_IN)
                item->due_usec = min_of(item->due_usec, now->boottime_usec);
}

int deferred_table_adopt(DeferredTable *table, const char *key, const char *text, const MemoryMoment *now) {
        _cleanup_(free_at) char *copy = strdup(text);
        DeferredKind kind;
        Deferred *item;
        ParsedRow row;
        bool is_new;
        int r;

        if (!copy)
                return -ENOMEM;
        r = parse_key(key, &kind);
        if (r >= 0)
                r = row_parse(copy, &row);
        if (r < 0)
                return r;

        item = deferred_table_find(table, key);
        is_new = !item;
        if (is_new) {
                item = item_new(table, kind, key, &r);
                if (!item)
                        return r;
                (void) text_copy(item->rule_id, sizeof(item->rule_id), row.rule_id);
                (void) text_copy(item->filesystem, sizeof(item->filesystem), row.filesystem);
                item->step = row.step;
        }
        if (is_new || row.index == 0) {
                adopt_times(item, &row, now);
                item->n_dropped = max_of(item->n_dropped, row.n_dropped);
        }
        r = add_event(item, &row.event, row.path);
        if (r < 0 && is_new) {
                deferred_table_take(table, item);
                deferred_free(item);
        }
        return r;
}
