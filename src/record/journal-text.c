/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for people. What comes from elsewhere (mount points, labels) is escaped.
 */

#include <stdio.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/record/journal-text.h"

char *journal_text_object(const Filesystem *filesystem, const char *target, char buffer[static JOURNAL_TEXT_SIZE]) {
        char number[32];
        const char *subject = filesystem ? filesystem_facts_subject(&filesystem->facts, number) : "(gone)";
        _cleanup_(free_at) char *escaped = text_escape(subject, strlen(subject));

        (void) snprintf(buffer, JOURNAL_TEXT_SIZE, "%s%s%s", escaped ? escaped : "?", target && *target ? " " : "",
                        target ? target : "");
        return buffer;
}

char *journal_text_actions(const Decision *decision, char buffer[static JOURNAL_TEXT_SIZE]) {
        buffer[0] = '\0';
        for (size_t i = 0; i < decision->n_actions; i++) {
                const ActionRequest *request = decision->actions + i;

                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, "%s%s",
                                          i == 0 ? "" : decision->is_escalating ? ", else " : ", ",
                                          action_kind_to_name(request->kind));
                if (request->denied_by[0])
                        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, " (denied: %s)", request->denied_by);
        }
        if (decision->n_actions == 0)
                (void) text_copy(buffer, JOURNAL_TEXT_SIZE, "nothing");
        return buffer;
}

char *journal_text_decision(const Filesystem *filesystem, const Decision *decision, const HealthEvent *event,
                            char buffer[static JOURNAL_TEXT_SIZE]) {
        char author[RULE_ID_SIZE + 16], actions[JOURNAL_TEXT_SIZE], target[EVENT_TEXT_SIZE];

        journal_text_object(filesystem, health_event_target_text(event, target), buffer);
        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": %s decides %s%s%s%s%s%s%s",
                                  decision_author_text(decision, author), journal_text_actions(decision, actions),
                                  decision->mode == POLICY_MODE_OBSERVE ? " (observed only)" : "",
                                  decision->suppressed_by[0] ? " (not done: " : "", decision->suppressed_by,
                                  decision->suppressed_by[0] ? ")" : "",
                                  decision->reason[0] ? ": " : "", decision->reason);
        return buffer;
}

char *journal_text_job(const Filesystem *filesystem, const Job *job, char buffer[static JOURNAL_TEXT_SIZE]) {
        const JobReport *report = &job->report;

        journal_text_object(filesystem, job->target_text, buffer);
        if (job->state != JOB_ENDED) {
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": %s %s", action_kind_to_name(job->request.kind),
                                          job_state_to_name(job->state));
                if (job->state == JOB_WAITING)
                        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, " for %s: %s",
                                                  job->is_put_back ? "others that may be the reason" : "another try",
                                                  outcome_to_sentence(report->outcome));
                return buffer;
        }

        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": %s",
                                  job->is_dry_run && report->outcome == OUTCOME_DONE
                                          ? "Nothing was done."
                                          : outcome_to_sentence_of(report->outcome, job->request.kind));
        if (report->detail[0])
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, " (%s)", report->detail);
        return buffer;
}

static const char *errors_only(const Filesystem *filesystem, const char *without) {
        return filesystem->has_error_watch ? "only errors that it tells by their number are heard of" : without;
}

char *journal_text_monitor(const Filesystem *filesystem, char buffer[static JOURNAL_TEXT_SIZE]) {
        journal_text_object(filesystem, NULL, buffer);

        switch (filesystem->monitor_state) {
        case MONITOR_NONE:
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": %s has no health monitor",
                                          filesystem->facts.type);
                break;
        case MONITOR_OPENED:
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": is being watched");
                break;
        case MONITOR_FOREIGN:
                if (filesystem->holder_pid > 0)
                        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE,
                                                  ": health monitoring is done by %s, process %d; taking over when "
                                                  "it ends",
                                                  filesystem->holder_name, filesystem->holder_pid);
                else
                        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE,
                                                  ": health monitoring is done by a process that cannot be found; "
                                                  "taking over when it ends");
                if (filesystem->has_error_watch)
                        (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, "; until then %s",
                                                  errors_only(filesystem, ""));
                break;
        case MONITOR_UNSUPPORTED:
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE,
                                          ": this kernel has no health monitor for %s, Linux 7.0 and later have one: "
                                          "no %s is watched; this is said once",
                                          filesystem->facts.type, filesystem->facts.type);
                break;
        case MONITOR_FAILED:
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": cannot be watched: %s",
                                          strerror(filesystem->monitor_error));
                break;
        case MONITOR_ENDED:
                (void) text_append_format(buffer, JOURNAL_TEXT_SIZE, ": its monitor ended, it is not watched");
                break;
        }
        return buffer;
}
