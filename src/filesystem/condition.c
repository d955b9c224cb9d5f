/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of conditions of one file system: counted in tens, so a plain array is enough.
 */

#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/filesystem/condition.h"

static const char *const condition_code_names[] = {
        [CONDITION_SICK] = "sick",
        [CONDITION_SHUT_DOWN] = "shut-down",
        [CONDITION_DATA_LOST] = "data-lost",
        [CONDITION_MEDIA_ERROR] = "media-error",
        [CONDITION_IO_ERROR] = "io-error",
        [CONDITION_REPAIR_FAILED] = "repair-failed",
        [CONDITION_REPAIR_REFUSED] = "repair-refused",
        [CONDITION_REPAIR_STUCK] = "repair-stuck",
        [CONDITION_OFFLINE_REPAIR_REQUIRED] = "offline-repair-required",
        [CONDITION_NOT_WATCHED] = "not-watched",
        [CONDITION_EVENTS_LOST] = "events-lost",
        [CONDITION_ACTION_EXPIRED] = "action-expired",
        [CONDITION_EXHAUSTED] = "exhausted",
        [CONDITION_ROUTE_FAILED] = "route-failed",
        [CONDITION_FILESYSTEM_ERROR] = "filesystem-error",
        [CONDITION_WORKLOADS_FAILED] = "workloads-failed",
        [CONDITION_PERMIT_REFUSED] = "permit-refused",
        [CONDITION_RECYCLE_FAILED] = "recycle-failed",
        [CONDITION_RULE] = "rule",
};
_Static_assert(ELEMENTSOF(condition_code_names) == N_CONDITION_CODES, "every condition has a word");
DEFINE_NAMES(condition_code, ConditionCode)

typedef struct Life {
        ConditionLife life, unchecked;
} Life;

static const Life lives[] = {
        [CONDITION_SICK] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_SHUT_DOWN] = { CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
        [CONDITION_DATA_LOST] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_MEDIA_ERROR] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_IO_ERROR] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_REPAIR_FAILED] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_REPAIR_REFUSED] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_REPAIR_STUCK] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_OFFLINE_REPAIR_REQUIRED] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_NOT_WATCHED] = { CONDITION_LIFE_MOMENT, CONDITION_LIFE_MOMENT },
        [CONDITION_EVENTS_LOST] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        [CONDITION_EXHAUSTED] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
        /* What was to be done is over; what it was about has a condition of its own. */
        [CONDITION_ACTION_EXPIRED] = { CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
        /* Checked offline it is well again, and nobody tells us; if it is not, ext4 and btrfs remember it themselves
         * and say so at the next mount. */
        [CONDITION_FILESYSTEM_ERROR] = { CONDITION_LIFE_DISK, CONDITION_LIFE_MOUNT },
        /* The route is tried again, and says so again. */
        [CONDITION_ROUTE_FAILED] = { CONDITION_LIFE_MOMENT, CONDITION_LIFE_MOMENT },
        /* What became of them then is over; why they were failed has a condition of its own. */
        [CONDITION_WORKLOADS_FAILED] = { CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
        [CONDITION_PERMIT_REFUSED] = { CONDITION_LIFE_MOUNT, CONDITION_LIFE_MOUNT },
        /* It says what somebody has to do after the next mount; a full check without a finding ends it. */
        [CONDITION_RECYCLE_FAILED] = { CONDITION_LIFE_DISK, CONDITION_LIFE_MOUNT },
        /* What it means only its author knows. */
        [CONDITION_RULE] = { CONDITION_LIFE_DISK, CONDITION_LIFE_DISK },
};
_Static_assert(ELEMENTSOF(lives) == N_CONDITION_CODES, "every condition has a life");

ConditionLife condition_life(ConditionCode code, bool can_be_checked) {
        return can_be_checked ? lives[code].life : lives[code].unchecked;
}

bool condition_is_about_health(ConditionCode code) {
        static const ConditionCode others[] = {
                CONDITION_NOT_WATCHED, CONDITION_ACTION_EXPIRED, CONDITION_ROUTE_FAILED, CONDITION_WORKLOADS_FAILED,
                CONDITION_PERMIT_REFUSED, CONDITION_RECYCLE_FAILED,
        };

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (others[i] == code)
                        return false;
        return true;
}

/* "": it may be acknowledged. */
#define MAY_BE ""
#define UNTIL_WELL "it is still so, until a repair or a check finds it well"

static const char *const still_so[] = {
        [CONDITION_SICK] = UNTIL_WELL,
        [CONDITION_SHUT_DOWN] = "it is still so, until it is unmounted and mounted again",
        [CONDITION_DATA_LOST] = MAY_BE,
        [CONDITION_MEDIA_ERROR] = MAY_BE,
        [CONDITION_IO_ERROR] = MAY_BE,
        [CONDITION_REPAIR_FAILED] = UNTIL_WELL,
        [CONDITION_REPAIR_REFUSED] = UNTIL_WELL,
        [CONDITION_REPAIR_STUCK] = UNTIL_WELL,
        [CONDITION_OFFLINE_REPAIR_REQUIRED] = UNTIL_WELL,
        [CONDITION_NOT_WATCHED] = "it is still so, until it is watched",
        [CONDITION_EVENTS_LOST] = MAY_BE,
        [CONDITION_EXHAUSTED] = UNTIL_WELL,
        [CONDITION_ACTION_EXPIRED] = MAY_BE,
        [CONDITION_FILESYSTEM_ERROR] = MAY_BE,
        [CONDITION_ROUTE_FAILED] = "it is still so, until a message comes through",
        [CONDITION_WORKLOADS_FAILED] = MAY_BE,
        [CONDITION_PERMIT_REFUSED] = MAY_BE,
        [CONDITION_RECYCLE_FAILED] = MAY_BE,
        /* What it means only its author knows. What is damaged has a condition of its own beside it. */
        [CONDITION_RULE] = MAY_BE,
};
_Static_assert(ELEMENTSOF(still_so) == N_CONDITION_CODES, "of every condition it is known");

const char *condition_still_so(ConditionCode code) {
        return still_so[code][0] ? still_so[code] : NULL;
}

void condition_list_clear(ConditionList *list) {
        for (size_t i = 0; i < list->n_items; i++)
                free(list->items[i].message);
        free(list->items);
        *list = (ConditionList) {};
}

static HealthCondition *find(const ConditionList *list, ConditionCode code, const char *target) {
        for (size_t i = 0; i < list->n_items; i++)
                if (list->items[i].code == code && text_equal(list->items[i].target, target))
                        return list->items + i;
        return NULL;
}

const HealthCondition *condition_find(const ConditionList *list, ConditionCode code, const char *target) {
        return find(list, code, target ? target : "");
}

bool condition_is_about(const HealthCondition *condition, const char *structure) {
        const char *blank;

        if (condition->code != CONDITION_RULE)
                return text_equal(condition->target, structure);
        /* Names have none. */
        blank = strchr(condition->target, ' ');
        return blank && text_equal(blank + 1, structure);
}

static int condition_change(HealthCondition *condition, Severity severity, const char *message) {
        char *copy;

        if (condition->severity == severity && text_equal(condition->message, message))
                return 0;

        copy = strdup(message);
        if (!copy)
                return -ENOMEM;

        free(condition->message);
        condition->message = copy;
        condition->severity = severity;
        return 1;
}

/* Adds a copy. Returns 0, -ENOSPC at the limit (counted), -ENOMEM. */
static int append(ConditionList *list, const HealthCondition *condition) {
        HealthCondition *items;
        char *copy;

        if (list->n_items >= CONDITIONS_MAX) {
                list->n_not_kept++;
                return -ENOSPC;
        }

        items = reallocarray(list->items, list->n_items + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        list->items = items;

        copy = strdup(condition->message);
        if (!copy)
                return -ENOMEM;

        items[list->n_items] = *condition;
        items[list->n_items++].message = copy;
        return 0;
}

int condition_raise(ConditionList *list, ConditionCode code, Severity severity, const char *target,
                    const char *message, uint64_t event_id, uint64_t now_realtime_usec) {
        HealthCondition *condition = find(list, code, target), raised = {
                .code = code,
                .severity = severity,
                .since_realtime_usec = now_realtime_usec,
                .event_id = event_id,
                .message = (char *) message,
        };
        int r;

        if (condition) {
                bool was_stale = condition->is_stale;

                condition->is_stale = condition->came_back = condition->wants_look = false;
                r = condition_change(condition, severity, message);
                return r < 0 ? r : r > 0 || was_stale;
        }

        /* A name, an inode and its structure at its longest; what were longer is still told apart by its beginning. */
        (void) text_copy(raised.target, sizeof(raised.target), target);
        r = append(list, &raised);
        return r < 0 ? r : 1;
}

void condition_set_wants_look(ConditionList *list, ConditionCode code, const char *target, bool wants_look) {
        HealthCondition *condition = find(list, code, target);

        if (!condition)
                return;
        condition->wants_look = wants_look;
        condition->is_look_due = false;
}

void condition_make_looks_due(ConditionList *list) {
        for (size_t i = 0; i < list->n_items; i++)
                list->items[i].is_look_due = list->items[i].wants_look;
}

int condition_restore(ConditionList *list, const HealthCondition *kept) {
        HealthCondition *condition = find(list, kept->code, kept->target);

        if (!condition)
                return append(list, kept);

        if (kept->since_realtime_usec < condition->since_realtime_usec) {
                condition->since_realtime_usec = kept->since_realtime_usec;
                condition->event_id = kept->event_id;
        }
        return 0;
}

size_t condition_drop(ConditionList *list, ConditionCode code, const char *target) {
        size_t n_kept = 0, n_before = list->n_items;

        for (size_t i = 0; i < n_before; i++) {
                HealthCondition *condition = list->items + i;

                if (condition->code == code && (!target || text_equal(condition->target, target))) {
                        free(condition->message);
                        continue;
                }
                list->items[n_kept++] = *condition;
        }

        list->n_items = n_kept;
        return n_before - n_kept;
}
