/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a policy remembers, as entries found by their key ("when/heal/fs=UUID"): the container, without the meaning.
 * Entries of one kind and rule form a group, which has a limit: the one that was unused for longest makes room, and is
 * counted. Times are microseconds of the boot time clock; signed, because what was kept over a reboot lies before its
 * beginning.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "src/basic/cleanup.h"
#include "src/basic/names.h"

/* Of one rule. The specification's number. */
#define MEMORY_GROUP_ENTRIES_MAX 4096
/* Of all rules together. */
#define MEMORY_ENTRIES_MAX 65536
/* Marks of one entry; more are drawn together (memory_entry_mark()). */
#define MEMORY_MARKS_MAX 128
/* Where it is kept, "policy/" or "deferred/" stands before it and a number may stand behind it: 255 bytes in all. */
#define MEMORY_KEY_SIZE 236

typedef enum MemoryKind {
        MEMORY_WHEN,                    /* marks: what was counted */
        MEMORY_REST,                    /* until when the rule rests */
        MEMORY_LEVEL,                   /* which step of an escalation */
        MEMORY_LIMIT,                   /* marks: actions that were begun */
        MEMORY_BRAKE,                   /* marks: file systems that failed; until when nothing is done */
} MemoryKind;
DECLARE_NAMES(memory_kind, MemoryKind)

typedef struct MemoryMark {
        int64_t time_usec;
        uint32_t weight;
        uint32_t distinct;              /* hash of what is different, 0 where nothing is asked for */
} MemoryMark;

typedef struct MemoryGroup MemoryGroup;

typedef struct MemoryEntry {
        TAILQ_ENTRY(MemoryEntry) by_use;        /* of its group; the one unused for longest first */
        TAILQ_ENTRY(MemoryEntry) by_change;     /* with is_changed */
        MemoryGroup *group;
        MemoryKind kind;
        bool is_changed;                /* since memory_table_take_changed() had it */
        char key[MEMORY_KEY_SIZE];
        size_t n_marks, n_allocated;
        MemoryMark *marks;              /* oldest first */
        int64_t until_usec;             /* MEMORY_REST, MEMORY_LEVEL (`again`) */
        uint32_t n_active;              /* decisions under way: the rule rests, the level stays */
        uint32_t level;                 /* MEMORY_LEVEL: the step to begin with, from 0 */
} MemoryEntry;

typedef struct MemoryTable MemoryTable;

int memory_table_new(MemoryTable **ret_table);
MemoryTable *memory_table_free(MemoryTable *table);
DEFINE_CLEANUP(MemoryTable, memory_table_free)

/* Writes the key; one that is too long keeps its beginning and a hash of the whole. Returns @buffer. */
char *memory_key_of(const char *kind, const char *owner, const char *parts, char buffer[static MEMORY_KEY_SIZE]);
char *memory_key(MemoryKind kind, const char *owner, const char *parts, char buffer[static MEMORY_KEY_SIZE]);

/* Borrowed; NULL if there is none. Does not count as use. */
const MemoryEntry *memory_table_find(const MemoryTable *table, const char *key);

/**
 * memory_table_get() - an entry to be changed, made if there is none
 *
 * It counts as used and as changed. Returns: 0; -EINVAL if @key is none of memory_key(); -ENOMEM.
 */
int memory_table_get(MemoryTable *table, const char *key, MemoryEntry **ret_entry);
/* Its removal is a change that memory_table_take_changed() tells. */
void memory_table_remove(MemoryTable *table, MemoryEntry *entry);

/**
 * memory_entry_mark() - remember that something happened
 *
 * Forgets marks before @oldest_usec. With a @distinct that is marked already the mark only moves. Beyond
 * MEMORY_MARKS_MAX those that are closer together than a 64th of the time between the oldest and the youngest become
 * one, at the later time: the sum stays right, and leaves the window late by at most that.
 */
int memory_entry_mark(MemoryEntry *entry, MemoryMark mark, int64_t oldest_usec);
/* The sum of weights, or how many different ones, not before @oldest_usec; with @distinct also beside it. */
uint64_t memory_entry_sum(const MemoryEntry *entry, int64_t oldest_usec);
bool memory_entry_has_distinct(const MemoryEntry *entry, uint32_t distinct, int64_t oldest_usec);
/* The time of the oldest mark not before @oldest_usec; INT64_MAX: there is none. */
int64_t memory_entry_oldest(const MemoryEntry *entry, int64_t oldest_usec);

typedef struct MemoryChange {
        char key[MEMORY_KEY_SIZE];
        const MemoryEntry *entry;       /* NULL: removed */
} MemoryChange;

/* The next change that was not taken yet, each key once. False: none is left. */
bool memory_table_take_changed(MemoryTable *table, MemoryChange *ret_change);
bool memory_table_is_changed(const MemoryTable *table);

/* Entries that made room for others. */
uint64_t memory_table_n_evicted(const MemoryTable *table);
size_t memory_table_n_entries(const MemoryTable *table);

/* Entry after entry, in no order; start with NULL. For tests and for telling everything anew. */
typedef void (*MemoryVisit)(void *userdata, const MemoryEntry *entry);
void memory_table_visit(const MemoryTable *table, MemoryVisit visit, void *userdata);
