/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decisions that are not carried out yet: a rule whose damage has to last (`for`), one that gathers events (`gather`),
 * an action that waits for its window (`in`). Pure: whoever has a clock asks what is due, and decides about it once
 * more. Times are microseconds of the boot time clock, signed as in memory-table.h.
 */
#pragma once

#include "policy/memory-row.h"
#include "policy/rule-timing.h"
#include "src/model/decision.h"
#include "src/model/event-row.h"

typedef enum DeferredKind {
        DEFERRED_FOR,
        DEFERRED_GATHER,
        DEFERRED_IN,
} DeferredKind;
DECLARE_NAMES(deferred_kind, DeferredKind)

#define DEFERRED_MAX 4096               /* more are refused, and counted */
#define DEFERRED_EVENTS_MAX 1024        /* that one `gather` keeps; more are counted */

typedef struct DeferredEvent {
        HealthEvent event;
        char *path;                     /* absolute; owned; NULL: not known */
} DeferredEvent;

typedef struct Deferred {
        TAILQ_ENTRY(Deferred) entries;
        DeferredKind kind;
        char key[MEMORY_KEY_SIZE];      /* one for each kind, rule and thing */
        char rule_id[RULE_ID_SIZE];
        char filesystem[EVENT_PARTS_TEXT_SIZE]; /* "fs=UUID": what is unmounted takes it along */
        unsigned step;                  /* DEFERRED_IN: of the rule, from 0 */
        int64_t due_usec;               /* looked at again then */
        int64_t last_usec;              /* DEFERRED_GATHER: not later; DEFERRED_IN: given up then */
        uint64_t quiet_usec;            /* DEFERRED_GATHER */
        size_t n_events, n_allocated;
        DeferredEvent *events;          /* the first is what it began with; different ones only */
        uint64_t n_dropped;             /* events that were too many */
} Deferred;

typedef struct DeferredTable DeferredTable;

int deferred_table_new(DeferredTable **ret_table);
DeferredTable *deferred_table_free(DeferredTable *table);
DEFINE_CLEANUP(DeferredTable, deferred_table_free)

/* The kind of what resumes. */
ResumedFrom deferred_resumed_from(DeferredKind kind);

/**
 * deferred_table_add() - a decision waits, or one of its actions does
 * @action: index of the action that is deferred; ignored if the decision itself waits
 * @facts:  of the event
 * @ret:    borrowed; the one that it is, or joined
 *
 * What waits already is joined: `for` goes on since its beginning, `gather` takes the event in and waits for quiet
 * anew.
 *
 * Returns: 1 new; 0 joined; -ENOBUFS at the limit (counted); -ENOMEM.
 */
int deferred_table_add(DeferredTable *table, const Decision *decision, size_t action, const EventFacts *facts,
                       Deferred **ret);
/* Takes it out; deferred_free(). */
void deferred_table_take(DeferredTable *table, Deferred *deferred);
Deferred *deferred_free(Deferred *deferred);
DEFINE_CLEANUP(Deferred, deferred_free)

/* Start with NULL. */
Deferred *deferred_table_next(const DeferredTable *table, const Deferred *previous);
Deferred *deferred_table_find(const DeferredTable *table, const char *key);
/* The first one whose time has come, in no order; NULL. */
Deferred *deferred_table_due(const DeferredTable *table, uint64_t now_boottime_usec);
/* When that will be; USEC_INFINITY. */
uint64_t deferred_table_due_usec(const DeferredTable *table);
/* A `for` about what an event that says "healthy" is about; NULL. */
Deferred *deferred_table_healed(const DeferredTable *table, const EventFacts *facts);
/* Whether its last moment has passed, so that it is given up rather than done. */
bool deferred_has_expired(const Deferred *deferred, uint64_t now_boottime_usec);

size_t deferred_table_count(const DeferredTable *table);
uint64_t deferred_table_n_refused(const DeferredTable *table);

/*
 * To be kept: a line for itself and its first event, and one for each further event.
 */
#define DEFERRED_ROW_SIZE 4096

/* Event @index of it; "" if the path, which is left out then, makes it too long as well. Returns @buffer. */
char *deferred_row_format(const Deferred *deferred, size_t index, const MemoryMoment *now,
                          char buffer[static DEFERRED_ROW_SIZE]);

/**
 * deferred_table_adopt() - take up a line that was kept
 * @key: of the Deferred, as all its lines have it
 *
 * Lines may come in any order. Windows are looked at again at once. Returns: 0; -EINVAL; -ENOBUFS; -ENOMEM.
 */
int deferred_table_adopt(DeferredTable *table, const char *key, const char *text, const MemoryMoment *now);
