/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which events and results raise and clear which conditions.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

void engine_raise(Engine *engine, Filesystem *filesystem, ConditionCode code, Severity severity, const char *target,
                  const char *message, uint64_t event_id) {
        const HealthCondition *condition;
        int r;

        r = condition_raise(&filesystem->conditions, code, severity, target, message, event_id, clock_realtime_usec());
        if (r < 0) {
                log_debug_errno(r, "condition %s is not kept: %m", condition_code_to_name(code));
                return;
        }
        if (r == 0)
                return;

        condition = condition_find(&filesystem->conditions, code, target);
        engine_condition_keep(engine, filesystem, condition);
        engine_tell(engine, on_condition, condition, true, filesystem);
        engine_tell(engine, on_filesystem, filesystem);
}

void engine_drop(Engine *engine, Filesystem *filesystem, ConditionCode code, const char *target) {
        bool is_changed = false;

        engine_condition_forget(engine, filesystem, code, target);
        for (size_t i = 0; i < filesystem->conditions.n_items;) {
                const HealthCondition *condition = filesystem->conditions.items + i;
                HealthCondition dropped = *condition;

                if (condition->code != code || (target && strcmp(condition->target, target) != 0)) {
                        i++;
                        continue;
                }
                dropped.message = NULL;
                (void) condition_drop(&filesystem->conditions, code, dropped.target);
                if (!target)
                        engine_condition_forget(engine, filesystem, code, dropped.target);
                engine_tell(engine, on_condition, &dropped, false, filesystem);
                is_changed = true;
        }

        if (is_changed)
                engine_tell(engine, on_filesystem, filesystem);
}

typedef struct EventCondition {
        EventKind kind;
        ConditionCode code;
        Severity severity;
        const char *message;
} EventCondition;

static const EventCondition event_conditions[] = {
        { EVENT_SICK, CONDITION_SICK, SEVERITY_ERROR, "this structure is damaged" },
        { EVENT_CORRUPT, CONDITION_SICK, SEVERITY_ERROR, "a check found this structure damaged" },
        { EVENT_SHUTDOWN, CONDITION_SHUT_DOWN, SEVERITY_CRITICAL,
          "the file system is shut down: unmount it and mount it again" },
        { EVENT_MEDIA_ERROR, CONDITION_MEDIA_ERROR, SEVERITY_ERROR, "the device cannot read a part of itself" },
        { EVENT_DATA_LOST, CONDITION_DATA_LOST, SEVERITY_CRITICAL,
          "contents of a file are lost: restore it from a backup" },
        { EVENT_READ_ERROR, CONDITION_IO_ERROR, SEVERITY_ERROR, "reading from a file fails" },
        { EVENT_WRITE_ERROR, CONDITION_IO_ERROR, SEVERITY_ERROR, "writing to a file fails" },
        { EVENT_EVENTS_LOST, CONDITION_EVENTS_LOST, SEVERITY_WARNING,
          "reports of the kernel were lost: only a full check can tell what they were" },
        { EVENT_FILESYSTEM_ERROR, CONDITION_FILESYSTEM_ERROR, SEVERITY_ERROR,
          "the file system met an error: only a full check can tell what is damaged" },
};

static const char *who_is_told(const Filesystem *filesystem) {
        return filesystem->has_error_watch ?
                "what is damaged is told to it alone, that there was an error to healerd as well" :
                "damage is told to it alone";
}

/* It could have been opened; that nobody would speak into it is no fault of anybody's, nor that the system is installed
 * in a subvolume of btrfs (EXDEV), which would be a condition for ever. */
static bool error_watch_is_missing(const Filesystem *filesystem) {
        return filesystem_watched_by(filesystem) == WATCHED_BY_NONE && filesystem->error_watch_error != 0 &&
               filesystem->error_watch_error != EOPNOTSUPP && filesystem->error_watch_error != EXDEV;
}

/* What the worker said of the monitor becomes a state of the file system; what cannot be watched at all is none. */
void engine_conditions_from_monitor(Engine *engine, Filesystem *filesystem) {
        const char *name = errno_to_name(filesystem->monitor_error);
        Severity severity = SEVERITY_ERROR;
        char message[256];

        switch (filesystem->monitor_state) {
        case MONITOR_NONE:
        case MONITOR_OPENED:
        case MONITOR_UNSUPPORTED:
                if (!error_watch_is_missing(filesystem)) {
                        engine_drop(engine, filesystem, CONDITION_NOT_WATCHED, NULL);
                        return;
                }
                name = errno_to_name(filesystem->error_watch_error);
                (void) snprintf(message, sizeof(message), "its errors cannot be listened to: %s (%s)",
                                name ? name : "unknown error", strerror(filesystem->error_watch_error));
                break;
        case MONITOR_FOREIGN:
                severity = SEVERITY_WARNING;
                if (filesystem->holder_pid > 0)
                        (void) snprintf(message, sizeof(message),
                                        "%s, process %d, has the health monitor: %s until it ends",
                                        filesystem->holder_name, (int) filesystem->holder_pid, who_is_told(filesystem));
                else
                        (void) snprintf(message, sizeof(message),
                                        "a process that cannot be found has the health monitor: %s",
                                        who_is_told(filesystem));
                break;
        case MONITOR_FAILED:
                (void) snprintf(message, sizeof(message), "the health monitor cannot be used: %s (%s)",
                                name ? name : "unknown error", strerror(filesystem->monitor_error));
                break;
        case MONITOR_ENDED:
                (void) snprintf(message, sizeof(message), "the health monitor ended while the file system lives");
                break;
        }

        /* A recording brings no monitor, and speaks of another time. */
        if (!engine->options.replay_path)
                engine_raise(engine, filesystem, CONDITION_NOT_WATCHED, severity, "", message, 0);
}

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

static void raise_offline(Engine *engine, Filesystem *filesystem, const Job *job, const char *why) {
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

/* One condition names all that is left: whoever takes the file system offline wants to know what for, and when it is
 * worth it no more. */
static void tell_left_over(Engine *engine, Filesystem *filesystem, uint64_t event_id, bool is_stale) {
        char text[LEFT_OVER_SIZE], message[OFFLINE_SIZE];

        if (left_over_text(&filesystem->conditions, text) == 0) {
                engine_drop(engine, filesystem, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
                return;
        }
        /* Of an earlier mount: nobody has looked at the others since. */
        if (is_stale)
                return;
        offline_message(filesystem, text, strlen(text), message);
        engine_raise(engine, filesystem, CONDITION_OFFLINE_REPAIR_REQUIRED, SEVERITY_CRITICAL, "", message, event_id);
}

/* Conditions that speak of one structure being sick, all answered by its being healthy. */
static const ConditionCode structure_conditions[] = {
        CONDITION_SICK,
        CONDITION_REPAIR_FAILED,
        CONDITION_REPAIR_REFUSED,
        CONDITION_REPAIR_STUCK,
        CONDITION_OFFLINE_REPAIR_REQUIRED,
        CONDITION_EXHAUSTED,
};

static void drop_structure(Engine *engine, Filesystem *filesystem, const char *target) {
        const HealthCondition *left_over;

        for (size_t i = 0; i < ELEMENTSOF(structure_conditions); i++)
                engine_drop(engine, filesystem, structure_conditions[i], target);
        left_over = condition_find(&filesystem->conditions, CONDITION_OFFLINE_REPAIR_REQUIRED, "");
        if (left_over)
                tell_left_over(engine, filesystem, left_over->event_id, left_over->is_stale);
}

void engine_conditions_from_event(Engine *engine, Filesystem *filesystem, const HealthEvent *event) {
        char target[EVENT_TEXT_SIZE];

        health_event_target_text(event, target);
        for (size_t i = 0; i < ELEMENTSOF(event_conditions); i++) {
                const EventCondition *row = event_conditions + i;

                if (row->kind != event->kind)
                        continue;
                if (filesystem->first_bad_realtime_usec == 0)
                        filesystem->first_bad_realtime_usec = event->time_realtime_nsec / NSEC_PER_USEC;
                engine_raise(engine, filesystem, row->code, row->severity,
                             event->domain == DOMAIN_FILERANGE ? "" : target, row->message, event->id);
        }

        if (event->kind == EVENT_SHUTDOWN) {
                filesystem->is_shut_down = true;
                job_queue_on_filesystem_gone(engine->jobs, filesystem->id, OUTCOME_SHUT_DOWN);
        }
        if (event->kind == EVENT_HEALTHY) {
                const RepairTarget healthy = { event->structure, event->group, event->inode, event->generation };

                drop_structure(engine, filesystem, target);
                job_queue_on_healthy(engine->jobs, filesystem->id, &healthy);
        }
}

/* What another sick structure may be to blame for ends only when all that could help was tried. Where the baseline came
 * to no good end, nobody else will. */
static bool is_given_up(const Job *job) {
        Outcome outcome = job->report.outcome;

        if (!outcome_may_depend(outcome))
                return false;
        return outcome_needs_offline_repair(outcome) || job->had_scan ||
               (job->report.source == DECISION_BASELINE && outcome != OUTCOME_FAILED);
}

static void from_repair(Engine *engine, Filesystem *filesystem, const Job *job) {
        const JobReport *report = &job->report;
        const char *why = report->detail[0] ? report->detail : outcome_to_sentence(report->outcome);

        if (report->outcome == OUTCOME_DONE || report->outcome == OUTCOME_NOT_NEEDED) {
                drop_structure(engine, filesystem, job->target_text);
                return;
        }
        if (report->outcome == OUTCOME_CONTENT_LOST) {
                drop_structure(engine, filesystem, job->target_text);
                engine_raise(engine, filesystem, CONDITION_DATA_LOST, SEVERITY_CRITICAL, job->target_text, why,
                             report->event_id);
                return;
        }
        /* The scan that looked for the reason of its failure has said so. */
        if (report->outcome == OUTCOME_GONE)
                engine_drop(engine, filesystem, CONDITION_REPAIR_FAILED, job->target_text);
        if (outcome_is_success(report->outcome) || report->outcome == OUTCOME_GONE ||
            report->outcome == OUTCOME_CANCELLED || report->outcome == OUTCOME_UNMOUNTED)
                return;

        if (report->outcome == OUTCOME_REFUSED_HARMFUL || report->outcome == OUTCOME_REFUSED_UNFINISHED)
                engine_raise(engine, filesystem, CONDITION_REPAIR_REFUSED, SEVERITY_ERROR, job->target_text, why,
                             report->event_id);
        else if (report->outcome == OUTCOME_STUCK || report->outcome == OUTCOME_CRASHED)
                engine_raise(engine, filesystem, CONDITION_REPAIR_STUCK, SEVERITY_CRITICAL, job->target_text, why,
                             report->event_id);
        else
                engine_raise(engine, filesystem, CONDITION_REPAIR_FAILED, SEVERITY_ERROR, job->target_text, why,
                             report->event_id);
        engine_looks_on_job_ended(engine, filesystem, job);

        if (is_given_up(job))
                tell_left_over(engine, filesystem, report->event_id, false);
        else if (outcome_needs_offline_repair(report->outcome))
                raise_offline(engine, filesystem, job, why);
}

void engine_conditions_from_job(Engine *engine, Filesystem *filesystem, const Job *job) {
        if (job->request.kind == ACTION_REPAIR) {
                from_repair(engine, filesystem, job);
                return;
        }

        /* A full scan without a finding answers for every structure and for whatever was lost. */
        if (job->request.kind == ACTION_SCRUB && job->report.outcome == OUTCOME_DONE) {
                engine_drop(engine, filesystem, CONDITION_EVENTS_LOST, NULL);
                engine_drop(engine, filesystem, CONDITION_FILESYSTEM_ERROR, NULL);
                drop_structure(engine, filesystem, NULL);
        }
}
