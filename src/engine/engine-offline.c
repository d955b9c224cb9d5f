/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The condition for what cannot be repaired while it is mounted: what is left, and the commands for a person.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

#define OFFLINE_SIZE 3584
#define LEFT_OVER_SIZE 1024
#define LEFT_OVER_MORE_SIZE 32
#define OFFLINE_TEXT "; to repair it offline: "

static bool is_root(const Filesystem *filesystem) {
        for (size_t i = 0; i < filesystem->n_mounts; i++)
                if (filesystem->mounts[i].is_whole && text_equal(filesystem->mounts[i].mount_point, "/"))
                        return true;
        return false;
}

#define BOOT_PARAMETERS "fsck.mode=force fsck.repair=yes"

/* The root cannot be unmounted. What its initramfs is made with decides. */
static const struct {
        bool has_commands;              /* of the other way: in a rescue system */
        const char *text;
} boot_ways[] = {
        [BOOT_CHECK_POSSIBLE] = { false, "boot once with the kernel parameters " BOOT_PARAMETERS
                                  " (the initramfs is made with fsck.xfs and xfs_repair)" },
        [BOOT_CHECK_UNKNOWN] = { true, "; or, if fsck.xfs and xfs_repair are in the initramfs (lsinitramfs, lsinitrd), "
                                 "boot once with " BOOT_PARAMETERS },
        [BOOT_CHECK_NO_PROGRAM] = { true, "; " BOOT_PARAMETERS " would do nothing, because what it needs (fsck, "
                                    "fsck.xfs, xfs_repair) is not there to be put into the initramfs" },
        [BOOT_CHECK_NOT_IN_FSTAB] = { true, "; " BOOT_PARAMETERS " would do nothing, because the root's line in fstab "
                                      "has another type than xfs or 0 as its last field, and then fsck.xfs and "
                                      "xfs_repair are not put into the initramfs" },
};
_Static_assert(sizeof(boot_ways) / sizeof(boot_ways[0]) == N_BOOT_CHECKS, "every answer has a row");

/* Never done by us (rule 4): the person gets the very commands. @files: for those who may read them; may be "". */
static void offline_message(const Filesystem *filesystem, const char *why, size_t why_length, const char *files,
                            char buffer[static OFFLINE_SIZE]) {
        const char *mount = filesystem->n_mounts > 0 ? filesystem->mounts[0].mount_point : NULL;
        const char *device = filesystem->facts.device ? filesystem->facts.device : "DEVICE";
        bool root = is_root(filesystem);

        buffer[0] = 0;
        (void) text_append_format(buffer, OFFLINE_SIZE, "%.*s" OFFLINE_TEXT, (int) why_length, why);
        if (root && boot_ways[filesystem->boot_check].has_commands)
                (void) text_append_format(buffer, OFFLINE_SIZE, "in a rescue system, ");
        else if (mount && !root)
                (void) text_append_format(buffer, OFFLINE_SIZE, "umount %s && ", mount);
        if (!root || boot_ways[filesystem->boot_check].has_commands)
                (void) text_append_format(buffer, OFFLINE_SIZE, "xfs_repair -n %s (looks only), then xfs_repair %s",
                                          device, device);
        if (root)
                (void) text_append_format(buffer, OFFLINE_SIZE, "%s", boot_ways[filesystem->boot_check].text);
        if (files[0])
                (void) text_append_format(buffer, OFFLINE_SIZE, CONDITION_FILES_TEXT "%s", files);
}

/* The names of files in a message of ours, or "". */
static const char *files_in(const char *message) {
        const char *files = strstr(message, CONDITION_FILES_TEXT);

        return files ? files + strlen(CONDITION_FILES_TEXT) : "";
}

const char *engine_left_message(const Job *job, const char *why, char buffer[static LEFT_MESSAGE_SIZE]) {
        buffer[0] = 0;
        (void) text_append_format(buffer, LEFT_MESSAGE_SIZE, "%s", why);
        if (job->file) {
                size_t length = strlen(buffer);

                (void) text_append_format(buffer, LEFT_MESSAGE_SIZE, CONDITION_FILES_TEXT);
                /* Half a path is another file. */
                if (text_append_escaped(buffer, LEFT_MESSAGE_SIZE, job->file, strlen(job->file)) < 0)
                        buffer[length] = 0;
        }
        return buffer;
}

int engine_condition_rename(const Filesystem *filesystem, HealthCondition *condition) {
        const char *end = condition->code == CONDITION_OFFLINE_REPAIR_REQUIRED ?
                strstr(condition->message, OFFLINE_TEXT) : NULL;
        char message[OFFLINE_SIZE];
        char *copy;

        if (!end)
                return 0;
        offline_message(filesystem, condition->message, (size_t) (end - condition->message),
                        files_in(condition->message), message);
        copy = strdup(message);
        if (!copy)
                return -ENOMEM;
        free(condition->message);
        condition->message = copy;
        return 0;
}

void engine_raise_offline(Engine *engine, Filesystem *filesystem, const Job *job, const char *why) {
        char message[OFFLINE_SIZE], left[LEFT_MESSAGE_SIZE];

        offline_message(filesystem, why, strlen(why), files_in(engine_left_message(job, why, left)), message);
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

/* As many of them as there is room for. */
static void left_over_files(const ConditionList *list, char buffer[static LEFT_MESSAGE_SIZE]) {
        buffer[0] = 0;
        for (size_t i = 0; i < list->n_items; i++) {
                const char *files = is_left_over(list->items + i) ? files_in(list->items[i].message) : "";

                if (!files[0] || strstr(buffer, files) || strlen(buffer) + strlen(files) + 2 >= LEFT_MESSAGE_SIZE)
                        continue;
                (void) text_append_format(buffer, LEFT_MESSAGE_SIZE, "%s%s", buffer[0] ? ", " : "", files);
        }
}

/* Whoever takes the file system offline wants to know what for, and when it is worth it no more. */
void engine_left_over_tell(Engine *engine, Filesystem *filesystem, uint64_t event_id) {
        char text[LEFT_OVER_SIZE], files[LEFT_MESSAGE_SIZE], message[OFFLINE_SIZE];

        if (left_over_text(&filesystem->conditions, text) == 0) {
                engine_drop(engine, filesystem, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
                return;
        }
        left_over_files(&filesystem->conditions, files);
        offline_message(filesystem, text, strlen(text), files, message);
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

static bool is_repair_left(Engine *engine, const Filesystem *filesystem) {
        for (const Job *job = NULL; (job = job_queue_next(engine->jobs, job));)
                if (job->filesystem_id == filesystem->id && job->request.kind == ACTION_REPAIR)
                        return true;
        return false;
}

/* What no repair is for, a scan is. What the scan found and is being repaired may have been the reason; if nothing is,
 * nothing will help. */
void engine_scan_left(Engine *engine, Filesystem *filesystem, const Job *job) {
        char target[EVENT_TEXT_SIZE];

        if (job->report.source != DECISION_BASELINE || job->event.structure == STRUCTURE_NONE ||
            metadata_structure_is_repairable(job->event.structure) || is_repair_left(engine, filesystem))
                return;
        health_event_target_text(&job->event, target);
        engine_raise(engine, filesystem, CONDITION_REPAIR_FAILED, SEVERITY_ERROR, target,
                     "no repair is for this alone, and a full scan could not mend it either", job->report.event_id);
        engine_left_over_tell(engine, filesystem, job->report.event_id);
}
