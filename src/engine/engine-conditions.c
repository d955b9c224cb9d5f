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
#include "src/engine/engine-workloads.h"

void engine_raise(Engine *engine, Filesystem *filesystem, ConditionCode code, Severity severity, const char *target,
                  const char *message, uint64_t event_id) {
        const HealthCondition *condition = condition_find(&filesystem->conditions, code, target);
        bool is_new = !condition;
        int r;

        r = condition_raise(&filesystem->conditions, code, severity, target, message, event_id, clock_realtime_usec());
        if (r < 0) {
                log_debug_errno(r, "condition %s is not kept: %m", condition_code_to_name(code));
                return;
        }
        if (r == 0)
                return;

        if (is_new && code == CONDITION_OFFLINE_REPAIR_REQUIRED) {
                engine->totals.n_handed_over++;
                filesystem->totals.n_handed_over++;
        }
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

        if (!is_changed)
                return;
        engine_tell(engine, on_filesystem, filesystem);
        engine_holds_look(engine, filesystem);
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

/* Conditions that speak of one structure being sick, all answered by its being healthy. */
static const ConditionCode structure_conditions[] = {
        CONDITION_SICK,
        CONDITION_REPAIR_FAILED,
        CONDITION_REPAIR_REFUSED,
        CONDITION_REPAIR_STUCK,
        CONDITION_OFFLINE_REPAIR_REQUIRED,
        CONDITION_EXHAUSTED,
};

/* Whatever rules called it. */
static void drop_rules_about(Engine *engine, Filesystem *filesystem, const char *structure) {
        engine_condition_forget_structure(engine, filesystem, structure);
        for (size_t i = 0; i < filesystem->conditions.n_items;) {
                const HealthCondition condition = filesystem->conditions.items[i];

                if (condition.code == CONDITION_RULE && condition_is_about(&condition, structure))
                        engine_drop(engine, filesystem, CONDITION_RULE, condition.target);
                else
                        i++;
        }
}

/* @target NULL: of everything, also what rules said of the file system itself. */
static void drop_structure(Engine *engine, Filesystem *filesystem, const char *target) {
        for (size_t i = 0; i < ELEMENTSOF(structure_conditions); i++)
                engine_drop(engine, filesystem, structure_conditions[i], target);
        if (target)
                drop_rules_about(engine, filesystem, target);
        else
                engine_drop(engine, filesystem, CONDITION_RULE, NULL);
        engine_left_over_changed(engine, filesystem);
}

/* Is it, as far as we know, damaged now? Beyond the limit of conditions nobody can say that it is not. */
static bool is_known_damaged(const Filesystem *filesystem, const char *target) {
        const ConditionList *list = &filesystem->conditions;
        bool is_damaged = list->n_items >= CONDITIONS_MAX;

        for (size_t i = 0; i < ELEMENTSOF(structure_conditions) && !is_damaged; i++)
                is_damaged = condition_find(list, structure_conditions[i], target);
        return is_damaged;
}

/* Events that say of a structure that it is damaged: what is raised for them is answered by its being healthy. Of
 * others it would be answered already (repair-done), or by what has nothing to do with it (unit-failed). */
static bool says_damaged(const HealthEvent *event) {
        return event->structure != STRUCTURE_NONE &&
               (event->kind == EVENT_SICK || event->kind == EVENT_CORRUPT || event->kind == EVENT_REPAIR_FAILED ||
                event->kind == EVENT_ACTION_REFUSED);
}

void engine_raise_for_rule(Engine *engine, Filesystem *filesystem, const Decision *decision,
                           const ActionRequest *request, const HealthEvent *event) {
        char structure[EVENT_TEXT_SIZE], target[CONDITION_TARGET_SIZE] = "", message[RULE_ID_SIZE + 64];
        Severity severity = request->has_own_severity ? health_event_severity(event) : request->severity;

        (void) text_append_format(target, sizeof(target), "%s", request->name);
        if (says_damaged(event)) {
                health_event_target_text(event, structure);
                /* A step before this one, or somebody else, was faster. */
                if (!is_known_damaged(filesystem, structure))
                        return;
                (void) text_append_format(target, sizeof(target), " %s", structure);
        }
        /* Nothing that differs from one event to the next: it would be told anew each time. */
        (void) snprintf(message, sizeof(message), "rule %s raised it, the event was %s", decision->rule_id,
                        event_kind_to_name(event->kind));
        engine_raise(engine, filesystem, CONDITION_RULE, severity, target, request->message ?: message, event->id);
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
        const char *why = report->detail[0] ? report->detail : outcome_to_sentence(report->outcome), *left;
        char buffer[LEFT_MESSAGE_SIZE];

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

        /* Not every repair gets that far. */
        if (job->boot_check != BOOT_CHECK_UNKNOWN)
                filesystem->boot_check = job->boot_check;
        left = engine_left_message(job, why, buffer);
        if (report->outcome == OUTCOME_REFUSED_HARMFUL || report->outcome == OUTCOME_REFUSED_UNFINISHED)
                engine_raise(engine, filesystem, CONDITION_REPAIR_REFUSED, SEVERITY_ERROR, job->target_text, left,
                             report->event_id);
        else if (report->outcome == OUTCOME_STUCK || report->outcome == OUTCOME_CRASHED)
                engine_raise(engine, filesystem, CONDITION_REPAIR_STUCK, SEVERITY_CRITICAL, job->target_text, left,
                             report->event_id);
        else
                engine_raise(engine, filesystem, CONDITION_REPAIR_FAILED, SEVERITY_ERROR, job->target_text, left,
                             report->event_id);
        engine_looks_on_job_ended(engine, filesystem, job);

        if (is_given_up(job))
                engine_left_over_tell(engine, filesystem, report->event_id);
        else if (outcome_needs_offline_repair(report->outcome))
                engine_raise_offline(engine, filesystem, job, why);
}

void engine_conditions_from_scan(Engine *engine, Filesystem *filesystem, Outcome outcome) {
        /* One without a finding answers for every structure and for whatever was lost. */
        if (outcome != OUTCOME_DONE)
                return;
        engine_drop(engine, filesystem, CONDITION_EVENTS_LOST, NULL);
        engine_drop(engine, filesystem, CONDITION_FILESYSTEM_ERROR, NULL);
        engine_drop(engine, filesystem, CONDITION_RECYCLE_FAILED, NULL);
        drop_structure(engine, filesystem, NULL);
}

void engine_conditions_from_job(Engine *engine, Filesystem *filesystem, const Job *job) {
        if (job->request.kind == ACTION_REPAIR) {
                from_repair(engine, filesystem, job);
                return;
        }

        engine_fail_tell_conditions(engine, filesystem, job);
        if (job->request.kind == ACTION_SCRUB && job->report.outcome == OUTCOME_FOUND_CORRUPTION)
                engine_scan_left(engine, filesystem, job);
        if (job->request.kind == ACTION_SCRUB)
                engine_conditions_from_scan(engine, filesystem, job->report.outcome);
}
