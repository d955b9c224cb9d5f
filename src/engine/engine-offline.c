/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The condition for what cannot be repaired while it is mounted: what is left, and the commands for a person.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

#define OFFLINE_SIZE 2048
#define LEFT_OVER_SIZE 1024
#define LEFT_OVER_MORE_SIZE 32
#define OFFLINE_TEXT "; to repair it offline: "

/* Never done by us (rule 4): the person gets the very commands. */
static void offline_message(const Filesystem *filesystem, const char *why, size_t why_length,
                            char buffer[static OFFLINE_SIZE]) {
        const char *mount = filesystem->n_mounts > 0 ? filesystem->mounts[0].mount_point : NULL;
        const char *device = filesystem->facts.device ? filesystem->facts.device : "DEVICE";

        buffer[0] = 0;
        (void) text_append_format(buffer, OFFLINE_SIZE, "%.*s" OFFLINE_TEXT, (int) why_length, why);
        if (mount)
                (void) text_append_format(buffer, OFFLINE_SIZE, "umount %s && ", mount);
        (void) text_append_format(buffer, OFFLINE_SIZE, "xfs_repair -n %s (looks only), then xfs_repair %s", device,
                                  device);
}

int engine_condition_rename(const Filesystem *filesystem, HealthCondition *condition) {
        const char *end = condition->code == CONDITION_OFFLINE_REPAIR_REQUIRED ?
                strstr(condition->message, OFFLINE_TEXT) : NULL;
        char message[OFFLINE_SIZE];
        char *copy;

        if (!end)
                return 0;
        offline_message(filesystem, condition->message, (size_t) (end - condition->message), message);
        copy = strdup(message);
        if (!copy)
                return -ENOMEM;
        free(condition->message);
        condition->message = copy;
        return 0;
}

void engine_raise_offline(Engine *engine, Filesystem *filesystem, const Job *job, const char *why) {
        char message[OFFLINE_SIZE];

        offline_message(filesystem, why, strlen(why), message);
        engine_raise(engine, filesystem, CONDITION_OFFLINE_REPAIR_REQUIRED, SEVERITY_CRITICAL, job->target_text,
                     message, job->report.event_id);
}

/* What nothing more is done for. */
static bool is_left_over(const HealthCondition *condition) {
        return condition->code == CONDITION_REPAIR_FAILED || condition->code == CONDITION_REPAIR_REFUSED ||
               condition->code == CONDITION_REPAIR_STUCK;
}

/* One of them is enough to name it. */
static bool was_named(const ConditionList *list, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (is_left_over(list->items + j) && text_equal(list->items[j].target, list->items[i].target))
                        return true;
        return false;
}

/* Returns how many there are. */
static size_t left_over_text(const ConditionList *list, char buffer[static LEFT_OVER_SIZE]) {
        size_t n = 0, n_named = 0;

        (void) text_copy(buffer, LEFT_OVER_SIZE, "still damaged, and nothing more can be done while it is mounted: ");
        for (size_t i = 0; i < list->n_items; i++) {
                if (!is_left_over(list->items + i) || was_named(list, i))
                        continue;
                n++;
                if (n_named + 1 < n || strlen(buffer) + CONDITION_TARGET_SIZE + LEFT_OVER_MORE_SIZE > LEFT_OVER_SIZE)
                        continue;
                (void) text_append_format(buffer, LEFT_OVER_SIZE, "%s%s", n > 1 ? ", " : "", list->items[i].target);
                n_named = n;
        }
        if (n > n_named)
                (void) text_append_format(buffer, LEFT_OVER_SIZE, " and %zu more", n - n_named);
        return n;
}

/* Whoever takes the file system offline wants to know what for, and when it is worth it no more. */
void engine_left_over_tell(Engine *engine, Filesystem *filesystem, uint64_t event_id) {
        char text[LEFT_OVER_SIZE], message[OFFLINE_SIZE];

        if (left_over_text(&filesystem->conditions, text) == 0) {
                engine_drop(engine, filesystem, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
                return;
        }
        offline_message(filesystem, text, strlen(text), message);
        engine_raise(engine, filesystem, CONDITION_OFFLINE_REPAIR_REQUIRED, SEVERITY_CRITICAL, "", message, event_id);
}

void engine_left_over_changed(Engine *engine, Filesystem *filesystem) {
        const HealthCondition *left_over;
        char text[LEFT_OVER_SIZE];

        left_over = condition_find(&filesystem->conditions, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        /* Of an earlier mount: nobody has looked at the others since, so what it says is left as it is. */
        if (left_over && (!left_over->is_stale || left_over_text(&filesystem->conditions, text) == 0))
                engine_left_over_tell(engine, filesystem, left_over->event_id);
}
