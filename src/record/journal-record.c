/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One function for each thing that the engine tells; the fields of file system, event and job are written in
 * one place each.
 */

#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/log.h"
#include "src/basic/message-ids.h"
#include "src/basic/text.h"
#include "src/record/journal-record.h"
#include "src/record/journal-text.h"

/* What was said last about the monitor of a file system, so that it is said once. */
typedef struct Said {
        uint64_t filesystem_id;
        MonitorState state;
        pid_t holder_pid;
} Said;

struct JournalRecord {
        Said *said;
        size_t n_said;
        bool is_unsupported_said;       /* what is missing is the kernel's, so it is missing for every file system */
};

static void add_filesystem(LogRecord *record, const Filesystem *filesystem) {
        char uuid[UUID_TEXT_SIZE];

        if (!filesystem)
                return;
        log_record_field(record, "XFS_HEALER_FS_DEV", "%u:%u", major(filesystem->facts.device_number),
                         minor(filesystem->facts.device_number));
        if (filesystem->facts.type)
                log_record_field(record, "XFS_HEALER_FS_TYPE", "%s", filesystem->facts.type);
        if (filesystem->facts.uuid_state == FACT_KNOWN)
                log_record_field(record, "XFS_HEALER_FS_UUID", "%s", uuid_format(filesystem->facts.uuid, uuid));
        if (filesystem->facts.device)
                log_record_bytes(record, "XFS_HEALER_DEVICE", filesystem->facts.device,
                                 strlen(filesystem->facts.device));
        if (filesystem->n_mounts > 0)
                log_record_bytes(record, "XFS_HEALER_MOUNTPOINT", filesystem->mounts[0].mount_point,
                                 strlen(filesystem->mounts[0].mount_point));
}

static void add_event(LogRecord *record, const HealthEvent *event) {
        const char *structure = structure_to_name(event->structure);

        log_record_field(record, "XFS_HEALER_EVENT", "%" PRIu64, event->id);
        if (event->cause_id != 0)
                log_record_field(record, "XFS_HEALER_CAUSE", "%" PRIu64, event->cause_id);
        log_record_field(record, "XFS_HEALER_KIND", "%s", event_kind_to_name(event->kind));
        log_record_field(record, "XFS_HEALER_DOMAIN", "%s", event_domain_to_name(event->domain));
        if (structure)
                log_record_field(record, "XFS_HEALER_STRUCTURE", "%s", structure);
        if (event->domain == DOMAIN_AG || event->domain == DOMAIN_RTGROUP)
                log_record_field(record, "XFS_HEALER_GROUP", "%" PRIu32, event->group);
        if (event->inode != 0) {
                log_record_field(record, "XFS_HEALER_INODE", "%" PRIu64, event->inode);
                log_record_field(record, "XFS_HEALER_GENERATION", "%" PRIu32, event->generation);
        }
        if (event->domain == DOMAIN_FILERANGE) {
                log_record_field(record, "XFS_HEALER_POS", "%" PRIu64, event->position_bytes);
                log_record_field(record, "XFS_HEALER_LEN", "%" PRIu64, event->length_bytes);
        }
        if (event->error != 0)
                log_record_field(record, "XFS_HEALER_ERRNO", "%d", event->error);
        log_record_field(record, "XFS_HEALER_COUNT", "%" PRIu64, event->count);
        log_record_field(record, "XFS_HEALER_EVENT_SOURCE", "%s", event_source_to_name(event->source));
        if (event->location[0])
                log_record_field(record, "XFS_HEALER_LOCATION", "%s", event->location);
        if (event->is_test)
                log_record_field(record, "XFS_HEALER_TEST", "1");
        if (event->is_repeated)
                log_record_field(record, "XFS_HEALER_REPEATED", "1");
}

static void on_event(_unused_ void *userdata, const HealthEvent *event, const Filesystem *filesystem,
                     const char *path, _unused_ const EventFacts *facts) {
        char text[EVENT_TEXT_SIZE], number[32];
        LogRecord record;

        /* Our own results are told with the job, in upstream's words. */
        if (event_kind_is_result(event->kind) && event->kind != EVENT_MONITOR_LOST)
                return;

        log_record_begin(&record, severity_to_syslog(event_kind_severity(event->kind)),
                         event->kind == EVENT_EVENTS_LOST ? MESSAGE_EVENTS_LOST
                         : event->kind == EVENT_WATCHING ? MESSAGE_MONITOR_OPENED : MESSAGE_FILESYSTEM_EVENT);
        add_filesystem(&record, filesystem);
        add_event(&record, event);
        if (path)
                log_record_bytes(&record, "XFS_HEALER_PATH", path, strlen(path));
        log_record_send(&record, "%s%s", event->is_test ? "test event: " : "",
                        health_event_text(event, filesystem_facts_subject(&filesystem->facts, number), path, text));
}

static void on_decision(_unused_ void *userdata, const Decision *decision, const HealthEvent *event,
                        const Filesystem *filesystem) {
        char text[JOURNAL_TEXT_SIZE], actions[JOURNAL_TEXT_SIZE];
        LogRecord record;

        if (decision->source == DECISION_NONE)
                return;

        log_record_begin(&record, LOG_INFO, MESSAGE_DECISION);
        add_filesystem(&record, filesystem);
        add_event(&record, event);
        log_record_field(&record, "XFS_HEALER_SOURCE", "%s", decision_source_to_name(decision->source));
        if (decision->rule_id[0])
                log_record_field(&record, "XFS_HEALER_RULE", "%s", decision->rule_id);
        log_record_field(&record, "XFS_HEALER_MODE", "%s", policy_mode_to_name(decision->mode));
        log_record_field(&record, "XFS_HEALER_ACTION", "%s", journal_text_actions(decision, actions));
        log_record_field(&record, "XFS_HEALER_POLICY_GENERATION", "%" PRIu64, decision->policy_generation);
        log_record_send(&record, "%s", journal_text_decision(filesystem, decision, event, text));
}

static void on_notice(_unused_ void *userdata, Severity severity, const char *message, const Decision *decision,
                      const HealthEvent *event, const Filesystem *filesystem) {
        char text[EVENT_TEXT_SIZE], number[32];
        LogRecord record;

        log_record_begin(&record, severity_to_syslog(severity), MESSAGE_FILESYSTEM_EVENT);
        add_filesystem(&record, filesystem);
        add_event(&record, event);
        if (decision->rule_id[0])
                log_record_field(&record, "XFS_HEALER_RULE", "%s", decision->rule_id);
        log_record_field(&record, "XFS_HEALER_NOTICE", "1");
        health_event_text(event, filesystem ? filesystem_facts_subject(&filesystem->facts, number) : "(gone)", NULL,
                          text);
        log_record_send(&record, "%s%s (notification: %s)", event->is_test ? "test event: " : "", text,
                        message ? message : decision->source == DECISION_RULE ? "as the rule says" : "no rule took it");
}

static void on_refused(_unused_ void *userdata, ActionKind action, const char *why, const Decision *decision,
                       const HealthEvent *event, const Filesystem *filesystem) {
        char text[JOURNAL_TEXT_SIZE], target[EVENT_TEXT_SIZE];
        LogRecord record;

        log_record_begin(&record, LOG_NOTICE, MESSAGE_ACTION_REFUSED);
        add_filesystem(&record, filesystem);
        add_event(&record, event);
        if (decision->rule_id[0])
                log_record_field(&record, "XFS_HEALER_RULE", "%s", decision->rule_id);
        log_record_field(&record, "XFS_HEALER_ACTION", "%s", action_kind_to_name(action));
        log_record_send(&record, "%s: %s is not done: %s",
                        journal_text_object(filesystem, health_event_target_text(event, target), text),
                        action_kind_to_name(action), why);
}

/* So that journalctl finds whoever it is about. */
static void add_workload(LogRecord *record, const WorkloadReport *report) {
        const struct {
                const char *field, *text;
        } texts[] = {
                { "XFS_HEALER_UNIT",      report->workload.unit },
                { "XFS_HEALER_CONTAINER", report->workload.container },
                { "XFS_HEALER_POD",       report->workload.pod },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (texts[i].text[0])
                        log_record_field(record, texts[i].field, "%s", texts[i].text);
}

static void add_checkpoint(LogRecord *record, const Filesystem *filesystem) {
        if (!filesystem)
                return;
        log_record_field(record, "XFS_HEALER_LAST_KNOWN_GOOD_USEC", "%" PRIu64, filesystem->good_realtime_usec);
        log_record_field(record, "XFS_HEALER_FIRST_BAD_USEC", "%" PRIu64, filesystem->first_bad_realtime_usec);
}

static void workload_begin(LogRecord *record, int level, const char *message_id, const Job *job,
                           const Filesystem *filesystem, const WorkloadReport *report) {
        log_record_begin(record, level, message_id);
        add_filesystem(record, filesystem);
        add_event(record, &job->event);
        log_record_field(record, "XFS_HEALER_JOB", "%" PRIu64, job->id);
        log_record_field(record, "XFS_HEALER_ACTION", "%s", action_kind_to_name(job->request.kind));
        if (job->report.rule_id[0])
                log_record_field(record, "XFS_HEALER_RULE", "%s", job->report.rule_id);
        add_checkpoint(record, filesystem);
        add_workload(record, report);
}

static void on_announced(_unused_ void *userdata, const Job *job, const Filesystem *filesystem) {
        char name[WORKLOAD_REPORT_NAME_SIZE], text[JOURNAL_TEXT_SIZE];

        for (size_t i = 0; i < job->workloads.n_items; i++) {
                const WorkloadReport *report = job->workloads.items + i;
                LogRecord record;

                if (!report->is_taken)
                        continue;
                workload_begin(&record, LOG_WARNING, MESSAGE_WORKLOAD_WILL_FAIL, job, filesystem, report);
                log_record_field(&record, "XFS_HEALER_DEADLINE_USEC", "%" PRIu64, job->act_realtime_usec);
                log_record_send(&record, "%s: %s will be %s", journal_text_object(filesystem, NULL, text),
                                workload_report_name(report, name),
                                job->request.kind == ACTION_FREEZE ? "frozen" : "ended");
        }
}

/* One line for each that was taken, and in the job's own line how many were spared: their list can be long, and the bus
 * has it. */
static void tell_workloads(const Job *job, const Filesystem *filesystem) {
        char name[WORKLOAD_REPORT_NAME_SIZE], text[JOURNAL_TEXT_SIZE];

        for (size_t i = 0; job->is_ordered && i < job->workloads.n_items; i++) {
                const WorkloadReport *report = job->workloads.items + i;
                bool is_left = report->fate == FATE_LEFT || report->fate == FATE_BACK;
                LogRecord record;

                if (!report->is_taken || !report->has_fate)
                        continue;
                workload_begin(&record, is_left ? LOG_ERR : LOG_WARNING, MESSAGE_WORKLOAD_FAILED, job, filesystem,
                               report);
                log_record_field(&record, "XFS_HEALER_FATE", "%s", workload_fate_to_name(report->fate));
                log_record_field(&record, "XFS_HEALER_HELD", "%d", report->is_held);
                log_record_send(&record, "%s: %s: %s%s%s%s", journal_text_object(filesystem, NULL, text),
                                workload_report_name(report, name), workload_fate_to_name(report->fate),
                                report->is_held ? ", held" : "", report->why[0] ? ": " : "", report->why);
        }
}

typedef struct JobLine {
        int level;
        const char *message_id;
} JobLine;

static JobLine job_line(const Job *job) {
        if (job->state != JOB_ENDED)
                return (JobLine) { LOG_INFO, job->state == JOB_RUNNING ? MESSAGE_ACTION_STARTED : NULL };
        if (outcome_is_success(job->report.outcome))
                return (JobLine) { LOG_NOTICE, MESSAGE_ACTION_SUCCEEDED };
        if (job->report.outcome == OUTCOME_TIMED_OUT || job->report.outcome == OUTCOME_STUCK)
                return (JobLine) { LOG_ERR, MESSAGE_ACTION_TIMED_OUT };
        if (job->report.outcome == OUTCOME_REFUSED_HARMFUL || job->report.outcome == OUTCOME_REFUSED_UNFINISHED)
                return (JobLine) { LOG_ERR, MESSAGE_OFFLINE_REPAIR_NEEDED };
        if (job->report.outcome == OUTCOME_REFUSED)
                return (JobLine) { LOG_NOTICE, MESSAGE_ACTION_REFUSED };
        return (JobLine) { LOG_ERR, MESSAGE_ACTION_FAILED };
}

static void on_job(_unused_ void *userdata, Job *job, const Filesystem *filesystem) {
        const JobReport *report = &job->report;
        JobLine line = job_line(job);
        char text[JOURNAL_TEXT_SIZE];
        LogRecord record;

        if (job->state == JOB_QUEUED)
                return;

        log_record_begin(&record, line.level, line.message_id);
        add_filesystem(&record, filesystem);
        add_event(&record, &job->event);
        log_record_field(&record, "XFS_HEALER_JOB", "%" PRIu64, job->id);
        log_record_field(&record, "XFS_HEALER_ACTION", "%s", action_kind_to_name(job->request.kind));
        log_record_field(&record, "XFS_HEALER_SOURCE", "%s", decision_source_to_name(report->source));
        if (report->rule_id[0])
                log_record_field(&record, "XFS_HEALER_RULE", "%s", report->rule_id);
        if (report->source == DECISION_CALLER)
                log_record_field(&record, "XFS_HEALER_CALLER_UID", "%" PRIu32, report->caller_uid);
        log_record_field(&record, "XFS_HEALER_ATTEMPTS", "%u", report->n_attempts);
        if (job->state == JOB_ENDED) {
                log_record_field(&record, "XFS_HEALER_RESULT", "%s", outcome_to_name(report->outcome));
                log_record_field(&record, "XFS_HEALER_VERIFIED", "%d", report->was_verified);
                log_record_field(&record, "XFS_HEALER_DURATION_USEC", "%" PRIu64, report->duration_usec);
                if (report->error != 0)
                        log_record_field(&record, "XFS_HEALER_ERRNO", "%d", report->error);
        }
        log_record_send(&record, "%s", journal_text_job(filesystem, job, text));
        if (job->state == JOB_ENDED)
                tell_workloads(job, filesystem);
}

static void on_condition(_unused_ void *userdata, const HealthCondition *condition, bool is_raised,
                         const Filesystem *filesystem) {
        char text[JOURNAL_TEXT_SIZE];
        LogRecord record;

        log_record_begin(&record, is_raised ? severity_to_syslog(condition->severity) : LOG_NOTICE,
                         is_raised && condition->code == CONDITION_OFFLINE_REPAIR_REQUIRED ?
                                 MESSAGE_OFFLINE_REPAIR_NEEDED :
                                 MESSAGE_CONDITION_CHANGED);
        add_filesystem(&record, filesystem);
        log_record_field(&record, "XFS_HEALER_CONDITION", "%s", condition_code_to_name(condition->code));
        log_record_field(&record, "XFS_HEALER_RAISED", "%d", is_raised);
        if (condition->event_id != 0)
                log_record_field(&record, "XFS_HEALER_EVENT", "%" PRIu64, condition->event_id);
        log_record_send(&record, "%s: condition %s %s%s%s", journal_text_object(filesystem, condition->target, text),
                        condition_code_to_name(condition->code), is_raised ? "raised" : "cleared",
                        is_raised ? ": " : "", is_raised ? condition->message : "");
}

static void on_acknowledged(_unused_ void *userdata, const HealthCondition *condition,
                            const Acknowledgement *acknowledgement, const Filesystem *filesystem) {
        char text[JOURNAL_TEXT_SIZE];
        LogRecord record;

        log_record_begin(&record, LOG_NOTICE, MESSAGE_CONDITION_ACKNOWLEDGED);
        add_filesystem(&record, filesystem);
        log_record_field(&record, "XFS_HEALER_CONDITION", "%s", condition_code_to_name(condition->code));
        if (condition->event_id != 0)
                log_record_field(&record, "XFS_HEALER_EVENT", "%" PRIu64, condition->event_id);
        log_record_field(&record, "XFS_HEALER_CALLER_UID", "%" PRIu32, acknowledgement->caller_uid);
        log_record_field(&record, "XFS_HEALER_REASON", "%s", acknowledgement->reason);
        log_record_send(&record, "%s: condition %s is acknowledged by user %" PRIu32 ": %s",
                        journal_text_object(filesystem, condition->target, text),
                        condition_code_to_name(condition->code), acknowledgement->caller_uid, acknowledgement->reason);
}

static void on_suspension(_unused_ void *userdata, const Suspension *suspension, SuspensionChange change,
                          uint32_t uid) {
        static const char *const ends[] = {
                [SUSPENSION_SET] = "begins",
                [SUSPENSION_ENDED] = "is ended",
                [SUSPENSION_EXPIRED] = "is over",
                [SUSPENSION_BACK] = "goes on",
        };
        char matched[SILENCE_TEXT_SIZE];
        bool is_pause = suspension->kind == SUSPENSION_PAUSE;
        LogRecord record;

        log_record_begin(&record, LOG_NOTICE, is_pause ? MESSAGE_PAUSE_CHANGED : MESSAGE_SILENCE_CHANGED);
        log_record_field(&record, "XFS_HEALER_CALLER_UID", "%" PRIu32,
                         change == SUSPENSION_ENDED ? uid : suspension->uid);
        log_record_field(&record, "XFS_HEALER_REASON", "%s", suspension->reason);
        log_record_field(&record, is_pause ? "XFS_HEALER_PAUSE" : "XFS_HEALER_SILENCE", "%s", suspension->id);
        log_record_send(&record, "%s %s of user %" PRIu32 " (%s) %s%s, %" PRIu64 " held back: %s",
                        suspension_kind_to_name(suspension->kind), suspension->id, suspension->uid,
                        is_pause ? "actions" : silence_text(&suspension->match, matched), ends[change],
                        change == SUSPENSION_ENDED && uid != suspension->uid ? " by another" : "",
                        suspension->n_matched, suspension->reason);
}

static void on_conditions_back(_unused_ void *userdata, const Filesystem *filesystem, size_t n, size_t n_stale) {
        char text[JOURNAL_TEXT_SIZE];
        LogRecord record;

        log_record_begin(&record, LOG_NOTICE, NULL);
        add_filesystem(&record, filesystem);
        log_record_send(&record,
                        "%s: %zu conditions of an earlier time are there again, %zu of them from before it was mounted "
                        "or watched anew", journal_text_object(filesystem, "", text), n, n_stale);
}

static void on_policy(_unused_ void *userdata, const Policy *policy, bool is_loaded, const char *problems) {
        LogRecord record;

        log_record_begin(&record, is_loaded ? LOG_INFO : LOG_ERR,
                         is_loaded ? MESSAGE_POLICY_LOADED : MESSAGE_POLICY_REJECTED);
        if (problems[0])
                log_record_bytes(&record, "XFS_HEALER_POLICY_PROBLEMS", problems, strlen(problems));
        if (is_loaded) {
                log_record_field(&record, "XFS_HEALER_POLICY_GENERATION", "%" PRIu64, policy_generation(policy));
                log_record_field(&record, "XFS_HEALER_POLICY_HASH", "%s", policy_hash(policy));
                log_record_send(&record, "policy loaded: %zu rules, mode %s, hash %s%s%s", policy_n_rules(policy),
                                policy_mode_to_name(policy_mode(policy)), policy_hash(policy), problems[0] ? "; " : "",
                                problems);
        } else
                log_record_send(&record, "policy refused, the one before it stays: %s", problems);
}

static Said *said_find(JournalRecord *journal, uint64_t filesystem_id) {
        Said *said;

        for (size_t i = 0; i < journal->n_said; i++)
                if (journal->said[i].filesystem_id == filesystem_id)
                        return journal->said + i;

        said = reallocarray(journal->said, journal->n_said + 1, sizeof(*said));
        if (!said)
                return NULL;
        journal->said = said;
        said += journal->n_said++;
        *said = (Said) { .filesystem_id = filesystem_id, .state = MONITOR_NONE };
        return said;
}

static void on_filesystem(void *userdata, Filesystem *filesystem) {
        JournalRecord *journal = userdata;
        Said *said = said_find(journal, filesystem->id);
        char text[JOURNAL_TEXT_SIZE];
        LogRecord record;

        /* A mount point makes the better subject, and it comes right after. What is watched says so itself. */
        if (!said || filesystem->n_mounts == 0)
                return;
        if (said->state == filesystem->monitor_state && said->holder_pid == filesystem->holder_pid)
                return;
        said->state = filesystem->monitor_state;
        said->holder_pid = filesystem->holder_pid;
        if (filesystem->monitor_state == MONITOR_OPENED || filesystem->monitor_state == MONITOR_NONE)
                return;
        if (filesystem->monitor_state == MONITOR_UNSUPPORTED) {
                if (journal->is_unsupported_said)
                        return;
                journal->is_unsupported_said = true;
        }

        log_record_begin(&record, LOG_NOTICE, MESSAGE_MONITOR_REFUSED);
        add_filesystem(&record, filesystem);
        log_record_field(&record, "XFS_HEALER_MONITOR", "%s", monitor_state_to_name(filesystem->monitor_state));
        log_record_send(&record, "%s", journal_text_monitor(filesystem, text));
}

static void on_filesystem_gone(void *userdata, Filesystem *filesystem) {
        JournalRecord *journal = userdata;

        for (size_t i = 0; i < journal->n_said; i++)
                if (journal->said[i].filesystem_id == filesystem->id) {
                        journal->said[i] = journal->said[--journal->n_said];
                        return;
                }
}

static void on_worker(_unused_ void *userdata, bool is_connected) {
        LogRecord record;

        if (is_connected)
                return; /* the line to the worker has said so, with its version */
        log_record_begin(&record, LOG_WARNING, MESSAGE_WORKER_LOST);
        log_record_send(&record, "the worker is gone: nothing new is watched and nothing is repaired until it is back");
}

int journal_record_new(Engine *engine, JournalRecord **ret_record) {
        _cleanup_(journal_record_free_at) JournalRecord *journal = calloc(1, sizeof(*journal));
        int r;

        if (!journal)
                return -ENOMEM;
        r = engine_add_observer(engine, &(EngineObserver) {
                .on_filesystem = on_filesystem,
                .on_filesystem_gone = on_filesystem_gone,
                .on_event = on_event,
                .on_decision = on_decision,
                .on_notice = on_notice,
                .on_refused = on_refused,
                .on_job = on_job,
                .on_announced = on_announced,
                .on_condition = on_condition,
                .on_acknowledged = on_acknowledged,
                .on_suspension = on_suspension,
                .on_conditions_back = on_conditions_back,
                .on_policy = on_policy,
                .on_worker = on_worker,
                .userdata = journal,
        });
        if (r < 0)
                return r;

        *ret_record = steal_ptr(journal);
        return 0;
}

JournalRecord *journal_record_free(JournalRecord *journal) {
        if (!journal)
                return NULL;
        free(journal->said);
        free(journal);
        return NULL;
}
