/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two of libc's trees (by key, groups by the part of the key before the last slash), and lists by use and by change.
 */
#include "policy/memory-table.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

static const char *const memory_kind_names[] = {
        [MEMORY_WHEN] = "when",
        [MEMORY_REST] = "rest",
        [MEMORY_LEVEL] = "level",
        [MEMORY_LIMIT] = "limit",
        [MEMORY_BRAKE] = "brake",
};
DEFINE_NAMES(memory_kind, MemoryKind)

struct MemoryGroup {
        char name[MEMORY_KEY_SIZE];     /* "when/heal/" */
        size_t n_entries;
        TAILQ_HEAD(EntryList, MemoryEntry) entries;
};

struct MemoryTable {
        void *entries, *groups;         /* trees of tsearch(3) */
        size_t n_entries;
        uint64_t n_evicted;
        struct EntryList changed;       /* and removed ones, which are in no group */
};

/* The key and the name stand somewhere else in the two: compared through these. */
static int compare_entries(const void *a, const void *b) {
        return strcmp(((const MemoryEntry *) a)->key, ((const MemoryEntry *) b)->key);
}

static int compare_groups(const void *a, const void *b) {
        return strcmp(((const MemoryGroup *) a)->name, ((const MemoryGroup *) b)->name);
}

int memory_table_new(MemoryTable **ret_table) {
        MemoryTable *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        TAILQ_INIT(&table->changed);
        *ret_table = table;
        return 0;
}

static void entry_free(MemoryEntry *entry) {
        free(entry->marks);
        free(entry);
}

MemoryTable *memory_table_free(MemoryTable *table) {
        if (!table)
                return NULL;
        while (table->entries) {
                MemoryEntry *entry = *(MemoryEntry **) table->entries;

                (void) tdelete(entry, &table->entries, compare_entries);
                if (entry->is_changed)
                        TAILQ_REMOVE(&table->changed, entry, by_change);
                entry_free(entry);
        }
        while (!TAILQ_EMPTY(&table->changed)) {
                MemoryEntry *removed = TAILQ_FIRST(&table->changed);

                TAILQ_REMOVE(&table->changed, removed, by_change);
                entry_free(removed);
        }
        while (table->groups) {
                MemoryGroup *group = *(MemoryGroup **) table->groups;

                (void) tdelete(group, &table->groups, compare_groups);
                free(group);
        }
        free(table);
        return NULL;
}

char *memory_key_of(const char *kind, const char *owner, const char *parts, char buffer[static MEMORY_KEY_SIZE]) {
        char whole[2 * MEMORY_KEY_SIZE] = "";

        (void) text_append_format(whole, sizeof(whole), "%s/%s/%s", kind, owner, parts);
        if (text_copy(buffer, MEMORY_KEY_SIZE, whole) < 0)
                (void) snprintf(buffer + MEMORY_KEY_SIZE - 10, 10, "~%08x", text_hash(whole));
        return buffer;
}

char *memory_key(MemoryKind kind, const char *owner, const char *parts, char buffer[static MEMORY_KEY_SIZE]) {
        return memory_key_of(memory_kind_to_name(kind), owner, parts, buffer);
}

static MemoryEntry *find(const MemoryTable *table, const char *key) {
        MemoryEntry wanted;
        void *found;

        if (text_copy(wanted.key, sizeof(wanted.key), key) < 0)
                return NULL;
        found = tfind(&wanted, &table->entries, compare_entries);
        return found ? *(MemoryEntry **) found : NULL;
}

const MemoryEntry *memory_table_find(const MemoryTable *table, const char *key) {
        return find(table, key);
}

static void entry_change(MemoryTable *table, MemoryEntry *entry) {
        if (entry->is_changed)
                return;
        entry->is_changed = true;
        TAILQ_INSERT_TAIL(&table->changed, entry, by_change);
}

void memory_table_remove(MemoryTable *table, MemoryEntry *entry) {
        MemoryGroup *group = entry->group;

        /* It is removed already, and waits to be told. */
        if (!group)
                return;
        (void) tdelete(entry, &table->entries, compare_entries);
        table->n_entries--;
        TAILQ_REMOVE(&group->entries, entry, by_use);
        if (--group->n_entries == 0) {
                (void) tdelete(group, &table->groups, compare_groups);
                free(group);
        }
        entry->group = NULL;
        entry_change(table, entry);
}

/* "when/heal/" of "when/heal/fs=UUID". Returns 0 or -EINVAL. */
static int split_key(const char *key, MemoryKind *ret_kind, char ret_group[static MEMORY_KEY_SIZE]) {
        const char *first = strchr(key, '/'), *second = first ? strchr(first + 1, '/') : NULL;
        char kind[16];

        if (!second || second == first + 1 || strlen(key) >= MEMORY_KEY_SIZE || (size_t) (first - key) >= sizeof(kind))
                return -EINVAL;
        memcpy(kind, key, (size_t) (first - key));
        kind[first - key] = '\0';
        memcpy(ret_group, key, (size_t) (second + 1 - key));
        ret_group[second + 1 - key] = '\0';
        return memory_kind_from_name(kind, ret_kind);
}

static MemoryGroup *group_get(MemoryTable *table, const char *name) {
        MemoryGroup *group = calloc(1, sizeof(*group));
        void *found;

        if (!group)
                return NULL;
        TAILQ_INIT(&group->entries);
        (void) text_copy(group->name, sizeof(group->name), name);
        found = tsearch(group, &table->groups, compare_groups);
        if (!found || *(MemoryGroup **) found != group)
                free(group);
        return found ? *(MemoryGroup **) found : NULL;
}

static int entry_new(MemoryTable *table, const char *key, MemoryEntry **ret_entry) {
        char name[MEMORY_KEY_SIZE];
        MemoryEntry *entry;
        MemoryGroup *group;
        MemoryKind kind;

        if (split_key(key, &kind, name) < 0)
                return -EINVAL;
        entry = calloc(1, sizeof(*entry));
        group = entry ? group_get(table, name) : NULL;
        if (!group) {
                free(entry);
                return -ENOMEM;
        }
        entry->kind = kind;
        entry->group = group;
        (void) text_copy(entry->key, sizeof(entry->key), key);
        if (!tsearch(entry, &table->entries, compare_entries)) {
                if (group->n_entries == 0) {
                        (void) tdelete(group, &table->groups, compare_groups);
                        free(group);
                }
                free(entry);
                return -ENOMEM;
        }
        table->n_entries++;
        group->n_entries++;
        TAILQ_INSERT_TAIL(&group->entries, entry, by_use);
        *ret_entry = entry;
        return 0;
}

/* Of the same group even where all together are too many: one rule never makes another one forget. */
static void make_room(MemoryTable *table, MemoryGroup *group) {
        MemoryEntry *oldest;

        while ((group->n_entries > MEMORY_GROUP_ENTRIES_MAX ||
                (table->n_entries > MEMORY_ENTRIES_MAX && group->n_entries > 1)) &&
               (oldest = TAILQ_FIRST(&group->entries))) {
                memory_table_remove(table, oldest);
                table->n_evicted++;
        }
}

int memory_table_get(MemoryTable *table, const char *key, MemoryEntry **ret_entry) {
        MemoryEntry *entry = find(table, key);
        int r;

        if (entry) {
                TAILQ_REMOVE(&entry->group->entries, entry, by_use);
                TAILQ_INSERT_TAIL(&entry->group->entries, entry, by_use);
        } else {
                r = entry_new(table, key, &entry);
                if (r < 0)
                        return r;
                make_room(table, entry->group);
        }
        entry_change(table, entry);
        *ret_entry = entry;
        return 0;
}

static void mark_remove(MemoryEntry *entry, size_t index) {
        memmove(entry->marks + index, entry->marks + index + 1, (entry->n_marks - index - 1) * sizeof(*entry->marks));
        entry->n_marks--;
}

/* Neighbours that are closer together than a part of the whole become one, at the later time. */
static void draw_together(MemoryEntry *entry) {
        int64_t first = entry->marks[0].time_usec, last = entry->marks[entry->n_marks - 1].time_usec;
        int64_t part = (last - first) / (MEMORY_MARKS_MAX / 2) + 1;
        size_t n = 0;

        for (size_t i = 1; i < entry->n_marks; i++) {
                MemoryMark *kept = entry->marks + n, *next = entry->marks + i;

                if ((next->time_usec - first) / part == (kept->time_usec - first) / part) {
                        next->weight = kept->weight > UINT32_MAX - next->weight ? UINT32_MAX
                                                                                : kept->weight + next->weight;
                        *kept = *next;
                } else
                        entry->marks[++n] = *next;
        }
        entry->n_marks = n + 1;
}

static void make_place(MemoryEntry *entry) {
        if (entry->n_marks < MEMORY_MARKS_MAX)
                return;
        /* One that is told apart cannot be drawn together; so many are as good as any number. */
        if (entry->marks[0].distinct != 0)
                mark_remove(entry, 0);
        else
                draw_together(entry);
}

int memory_entry_mark(MemoryEntry *entry, MemoryMark mark, int64_t oldest_usec) {
        while (entry->n_marks > 0 && entry->marks[0].time_usec < oldest_usec)
                mark_remove(entry, 0);
        for (size_t i = 0; mark.distinct != 0 && i < entry->n_marks; i++)
                if (entry->marks[i].distinct == mark.distinct) {
                        mark_remove(entry, i);
                        break;
                }
        make_place(entry);

        if (entry->n_marks == entry->n_allocated) {
                size_t n = max_of(2 * entry->n_allocated, (size_t) 4);
                MemoryMark *marks = reallocarray(entry->marks, n, sizeof(*marks));

                if (!marks)
                        return -ENOMEM;
                entry->marks = marks;
                entry->n_allocated = n;
        }
        entry->marks[entry->n_marks++] = mark;
        return 0;
}

uint64_t memory_entry_sum(const MemoryEntry *entry, int64_t oldest_usec) {
        uint64_t sum = 0;

        for (size_t i = 0; i < entry->n_marks; i++)
                if (entry->marks[i].time_usec >= oldest_usec)
                        sum += entry->marks[i].distinct != 0 ? 1 : entry->marks[i].weight;
        return sum;
}

bool memory_entry_has_distinct(const MemoryEntry *entry, uint32_t distinct, int64_t oldest_usec) {
        for (size_t i = 0; i < entry->n_marks; i++)
                if (entry->marks[i].distinct == distinct && entry->marks[i].time_usec >= oldest_usec)
                        return true;
        return false;
}

int64_t memory_entry_oldest(const MemoryEntry *entry, int64_t oldest_usec) {
        for (size_t i = 0; i < entry->n_marks; i++)
                if (entry->marks[i].time_usec >= oldest_usec && entry->marks[i].weight > 0)
                        return entry->marks[i].time_usec;
        return INT64_MAX;
}

bool memory_table_take_changed(MemoryTable *table, MemoryChange *ret_change) {
        MemoryEntry *entry = TAILQ_FIRST(&table->changed);

        if (!entry)
                return false;
        TAILQ_REMOVE(&table->changed, entry, by_change);
        entry->is_changed = false;
        (void) text_copy(ret_change->key, sizeof(ret_change->key), entry->key);
        ret_change->entry = entry->group ? entry : NULL;
        if (!entry->group) {
                /* Removed, and made again meanwhile: the newer one is a change of its own. */
                entry_free(entry);
        }
        return true;
}

bool memory_table_is_changed(const MemoryTable *table) {
        return !TAILQ_EMPTY(&table->changed);
}

uint64_t memory_table_n_evicted(const MemoryTable *table) {
        return table->n_evicted;
}

size_t memory_table_n_entries(const MemoryTable *table) {
        return table->n_entries;
}

typedef struct Visit {
        MemoryVisit visit;
        void *userdata;
} Visit;

static void visit_node(const void *node, VISIT which, void *closure) {
        Visit *visit = closure;

        if (which == postorder || which == leaf)
                visit->visit(visit->userdata, *(MemoryEntry *const *) node);
}

void memory_table_visit(const MemoryTable *table, MemoryVisit visit, void *userdata) {
        twalk_r(table->entries, visit_node, &(Visit) { visit, userdata });
}
