/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Health conditions of one file system: named states that are raised once and clear again, unlike events.
 * Identified by (code, target).
 */
#pragma once

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
} ConditionCode;
DECLARE_NAMES(condition_code, ConditionCode)

#define CONDITIONS_MAX 256              /* per file system; more are counted, not kept */
#define CONDITION_TARGET_SIZE 128

typedef struct HealthCondition {
        ConditionCode code;
        Severity severity;
        char target[CONDITION_TARGET_SIZE];     /* "agno 0x0 finobt"; "" for the file system itself */
        uint64_t since_realtime_usec;
        uint64_t event_id;              /* the event that raised it */
        char *message;                  /* one sentence for people; owned */
} HealthCondition;

typedef struct ConditionList {
        HealthCondition *items;
        size_t n_items;
        uint64_t n_not_kept;
} ConditionList;

void condition_list_clear(ConditionList *list);

/* Returns 1 if it is new or its severity or message changed, 0 if it was already there just so, -ENOSPC at the limit
 * (counted), -ENOMEM. @message is copied. */
int condition_raise(ConditionList *list, ConditionCode code, Severity severity, const char *target, const char *message,
                    uint64_t event_id, uint64_t now_realtime_usec);

/* Returns the number of conditions removed. @target NULL: all with this code. */
size_t condition_drop(ConditionList *list, ConditionCode code, const char *target);
const HealthCondition *condition_find(const ConditionList *list, ConditionCode code, const char *target);
