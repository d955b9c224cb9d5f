/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Health conditions of one file system: named states that are raised once and clear again, unlike events.
 * Identified by (code, target).
 *
 * A condition is open as long as whoever raised it goes on watching that mount, however often healerd itself is
 * restarted. Unmounting (or a time in which nobody watched) makes it stale, never clear: what it says was so then, and
 * nobody has looked since. One that is raised again is open again, and keeps its beginning.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/health-event.h"

typedef enum ConditionCode {
        CONDITION_SICK,                 /* a structure is damaged and not healed yet */
        CONDITION_SHUT_DOWN,
        CONDITION_DATA_LOST,
        CONDITION_MEDIA_ERROR,
        CONDITION_IO_ERROR,             /* file reads or writes fail */
        CONDITION_REPAIR_FAILED,
        CONDITION_REPAIR_REFUSED,       /* it would crash the kernel, or never ended before */
        CONDITION_REPAIR_STUCK,         /* hangs in the kernel */
        CONDITION_OFFLINE_REPAIR_REQUIRED,
        CONDITION_NOT_WATCHED,          /* it could be watched and is not */
        CONDITION_EVENTS_LOST,          /* what happened meanwhile is not known */
        CONDITION_EXHAUSTED,            /* every step of an escalation was tried */
        CONDITION_ACTION_EXPIRED,       /* an action waited for its window for too long */
        CONDITION_FILESYSTEM_ERROR,     /* the file system met an error of which its errno is all that is known */
        CONDITION_ROUTE_FAILED,         /* somebody who should know of it cannot be told; the target is the route */
        CONDITION_WORKLOADS_FAILED,     /* units or containers that used it were ended, or could not be */
        CONDITION_PERMIT_REFUSED,       /* the unit that is asked before destructive steps did not permit one */
        CONDITION_RECYCLE_FAILED,       /* it was to be unmounted and mounted again, and that came to no good end: units
                                         * may stand still */
        CONDITION_RULE,                 /* a rule of the policy says so; the target is the name that it gave, and behind
                                         * a blank the damaged structure, if it is about one */
} ConditionCode;
#define N_CONDITION_CODES (CONDITION_RULE + 1)
DECLARE_NAMES(condition_code, ConditionCode)

/* How long it is true if nothing says that all is well. */
typedef enum ConditionLife {
        CONDITION_LIFE_DISK = 1,        /* it speaks of what lies on the disk: for ever */
        CONDITION_LIFE_MOUNT,           /* until the file system is unmounted */
        CONDITION_LIFE_MOMENT,          /* it is found out anew at any time, and is never kept */
} ConditionLife;

/* @can_be_checked: a full check of such a file system can be asked for while it is mounted */
ConditionLife condition_life(ConditionCode code, bool can_be_checked);

/* It says that something is wrong with the file system itself: not with who watches it, who is told, what was done. */
bool condition_is_about_health(ConditionCode code);

/* Why a person cannot acknowledge it, half a sentence: it is still so, which takes more than words to change. NULL: a
 * person can, because it stands for what has happened. */
const char *condition_still_so(ConditionCode code);

/* In a message: what follows to its end are names of files, for nobody but those who may read them. */
#define CONDITION_FILES_TEXT "; in the file system it is "

#define CONDITIONS_MAX 256              /* per file system; more are counted, not kept */
#define CONDITION_TARGET_SIZE 128

typedef struct HealthCondition {
        ConditionCode code;
        Severity severity;
        char target[CONDITION_TARGET_SIZE];     /* "agno 0x0 finobt"; "" for the file system itself; of CONDITION_RULE
                                                 * "NAME agno 0x0 finobt", and "NAME" */
        uint64_t since_realtime_usec;
        uint64_t event_id;              /* the event that raised it */
        bool is_stale;                  /* from an earlier mount */
        bool came_back;                 /* from an earlier run or mount, and not raised again since: it says nothing
                                         * about whether what is found now was dealt with */
        bool wants_look;                /* nobody has looked since: it may be so no more, or may be dealt with */
        bool is_look_due;               /* with it: now */
        char *message;                  /* one sentence for people; owned */
} HealthCondition;

typedef struct ConditionList {
        HealthCondition *items;
        size_t n_items;
        uint64_t n_not_kept;
} ConditionList;

void condition_list_clear(ConditionList *list);

/* Returns 1 if it is new, was stale, or its severity or message changed, 0 if it was already there just so, -ENOSPC at
 * the limit (counted), -ENOMEM. @message is copied. */
int condition_raise(ConditionList *list, ConditionCode code, Severity severity, const char *target, const char *message,
                    uint64_t event_id, uint64_t now_realtime_usec);

/* Somebody has to look at it again, when that is of use; or has begun to. */
void condition_set_wants_look(ConditionList *list, ConditionCode code, const char *target, bool wants_look);
/* It is of use now, for all that want it. */
void condition_make_looks_due(ConditionList *list);

/* Takes in what an earlier run or mount raised, as it is. One that was raised meanwhile only gets its beginning, if
 * that was earlier. Returns 0, -ENOSPC at the limit (counted), -ENOMEM. @kept is copied. */
int condition_restore(ConditionList *list, const HealthCondition *kept);

/* Returns the number of conditions removed. @target NULL: all with this code. */
size_t condition_drop(ConditionList *list, ConditionCode code, const char *target);
const HealthCondition *condition_find(const ConditionList *list, ConditionCode code, const char *target);

/* True if @structure ("agno 0x0 finobt") is all of its target, or of CONDITION_RULE what stands behind the name. */
bool condition_is_about(const HealthCondition *condition, const char *structure);
