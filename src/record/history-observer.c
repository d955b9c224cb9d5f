/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same words and numbers as in the signals of the bus, file names included: who reads the history was authorised.
 */

#include "src/record/history-observer.h"

#include <string.h>

#include "policy/event-example-write.h"
#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/model/vocabulary.h"

_Static_assert(EXAMPLE_TEXT_SIZE <= HISTORY_FACTS_SIZE, "a document is not cut");

/* Of those that a job was about; what does not fit is counted. */
#define WORKLOADS_TEXT_SIZE 2048

typedef struct Names {
        char uuid[UUID_TEXT_SIZE];
} Names;

static void set_filesystem(HistoryValues *values, const Filesystem *filesystem, Names *names) {
        if (!filesystem)
                return;
        if (filesystem->facts.uuid_state == FACT_KNOWN)
                values->texts[HISTORY_UUID] = uuid_format(filesystem->facts.uuid, names->uuid);
        values->texts[HISTORY_DEVICE] = filesystem->facts.device;
        if (filesystem->n_mounts > 0)
                values->texts[HISTORY_MOUNT] = filesystem->mounts[0].mount_point;
}

static void set_place(HistoryValues *values, EventDomain domain, uint32_t group, uint64_t inode, uint32_t generation) {
        values->texts[HISTORY_DOMAIN] = event_domain_to_name(domain);
        if (domain == DOMAIN_AG || domain == DOMAIN_RTGROUP)
                history_values_set(values, HISTORY_GROUP, group);
        if (domain == DOMAIN_INODE || domain == DOMAIN_FILERANGE) {
                history_values_set(values, HISTORY_INODE, inode);
                history_values_set(values, HISTORY_GENERATION, generation);
        }
}

static void set_target(HistoryValues *values, const HealthEvent *event) {
        set_place(values, event->domain, event->group, event->inode, event->generation);
        values->texts[HISTORY_STRUCTURE] = structure_to_name(event->structure);
}

static void set_known(HistoryValues *values, HistoryNumber number, uint64_t value) {
        if (value != 0)
                history_values_set(values, number, value);
}

static HistoryValues begin(HistoryRowType type, uint64_t event_id) {
        HistoryValues values = { .type = type };

        history_values_set(&values, HISTORY_TIME_USEC, clock_realtime_usec());
        set_known(&values, HISTORY_EVENT_ID, event_id);
        return values;
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem, const char *path,
                     const EventFacts *facts) {
        HistoryValues values = begin(HISTORY_ROW_EVENT, event->id);
        char text[EVENT_TEXT_SIZE], number[32], document[EXAMPLE_TEXT_SIZE];
        const char *subject;
        Names names;

        subject = filesystem ? filesystem_facts_subject(&filesystem->facts, number) : "unmounted file system";
        set_filesystem(&values, filesystem, &names);
        set_target(&values, event);
        set_known(&values, HISTORY_CAUSE_ID, event->cause_id);
        history_values_set(&values, HISTORY_COUNT, event->count);
        set_known(&values, HISTORY_KERNEL_TIME_NSEC, event->time_realtime_nsec);
        if (event->length_bytes > 0) {
                history_values_set(&values, HISTORY_POSITION_BYTES, event->position_bytes);
                history_values_set(&values, HISTORY_LENGTH_BYTES, event->length_bytes);
        }
        if (event->device_block_count > 0) {
                history_values_set(&values, HISTORY_DEVICE_BLOCK, event->device_block);
                history_values_set(&values, HISTORY_DEVICE_BLOCK_COUNT, event->device_block_count);
        }
        values.texts[HISTORY_ERRNO] = event->error != 0 ? errno_to_name(event->error) : NULL;
        if (event->error != 0 && !values.texts[HISTORY_ERRNO])
                history_values_set(&values, HISTORY_ERRNO_NUMBER, (uint32_t) event->error);
        set_known(&values, HISTORY_SHUTDOWN_REASONS, event->shutdown_reasons);
        set_known(&values, HISTORY_UNKNOWN_BITS, event->unknown_bits);
        set_known(&values, HISTORY_IS_TEST, event->is_test);
        set_known(&values, HISTORY_IS_REPEATED, event->is_repeated);
        values.texts[HISTORY_KIND] = event_kind_to_name(event->kind);
        values.texts[HISTORY_SEVERITY] = severity_to_name(health_event_severity(event));
        values.texts[HISTORY_PATH] = path;
        values.texts[HISTORY_TEXT] = health_event_text(event, subject, path, text);
        (void) event_example_write(facts, document);
        values.texts[HISTORY_FACTS] = document;
        history_link_add(userdata, &values);
}

static void on_decision(void *userdata, const Decision *decision, const HealthEvent *event,
                        const Filesystem *filesystem) {
        HistoryValues values = begin(HISTORY_ROW_DECISION, event->id);
        char actions[512] = "";
        Names names;

        if (decision->source == DECISION_NONE)
                return;

        for (size_t i = 0; i < decision->n_actions; i++)
                (void) text_append_format(actions, sizeof(actions), "%s%s", i > 0 ? "," : "",
                                          action_kind_to_name(decision->actions[i].kind));
        set_filesystem(&values, filesystem, &names);
        set_target(&values, event);
        values.texts[HISTORY_SOURCE] = decision_source_to_name(decision->source);
        values.texts[HISTORY_RULE] = decision->rule_id;
        values.texts[HISTORY_MODE] = policy_mode_to_name(decision->mode);
        values.texts[HISTORY_ACTIONS] = actions;
        values.texts[HISTORY_DETAIL] = decision->suppressed_by[0] ? decision->suppressed_by
                                        : decision->reason[0] ? decision->reason : NULL;
        history_values_set(&values, HISTORY_POLICY_GENERATION, decision->policy_generation);
        history_link_add(userdata, &values);
}

static void on_refused(void *userdata, ActionKind action, const char *why, const Decision *decision,
                       const HealthEvent *event, const Filesystem *filesystem) {
        HistoryValues values = begin(HISTORY_ROW_ACTION, event ? event->id : 0);
        Names names;

        set_filesystem(&values, filesystem, &names);
        if (event)
                set_target(&values, event);
        values.texts[HISTORY_ACTION] = action_kind_to_name(action);
        values.texts[HISTORY_RESULT] = outcome_to_name(OUTCOME_REFUSED);
        values.texts[HISTORY_DETAIL] = why;
        if (decision) {
                values.texts[HISTORY_SOURCE] = decision_source_to_name(decision->source);
                values.texts[HISTORY_RULE] = decision->rule_id;
        }
        history_link_add(userdata, &values);
}

static void on_job(void *userdata, Job *job, const Filesystem *filesystem) {
        const JobReport *report = &job->report;
        HistoryValues values = begin(HISTORY_ROW_ACTION, job->event.id);
        char story[WORKLOADS_TEXT_SIZE];
        Names names;

        if (job->state != JOB_ENDED)
                return;

        set_filesystem(&values, filesystem, &names);
        if (job->request.kind == ACTION_REPAIR) {
                set_place(&values, structure_domain(job->target.structure), job->target.group, job->target.inode,
                          job->target.generation);
                values.texts[HISTORY_STRUCTURE] = structure_to_name(job->target.structure);
        }
        values.texts[HISTORY_ACTION] = action_kind_to_name(job->request.kind);
        values.texts[HISTORY_RESULT] = outcome_to_name(report->outcome);
        values.texts[HISTORY_DETAIL] = report->detail;
        if (job->workloads.n_items > 0)
                values.texts[HISTORY_TEXT] = workload_reports_story(&job->workloads, story, sizeof(story));
        values.texts[HISTORY_SOURCE] = decision_source_to_name(report->source);
        values.texts[HISTORY_RULE] = report->rule_id;
        values.texts[HISTORY_ERRNO] = report->error != 0 ? errno_to_name(report->error) : NULL;
        history_values_set(&values, HISTORY_JOB_ID, job->id);
        history_values_set(&values, HISTORY_ATTEMPTS, report->n_attempts);
        history_values_set(&values, HISTORY_DURATION_USEC, report->duration_usec);
        history_values_set(&values, HISTORY_IS_VERIFIED, report->was_verified);
        if (report->source == DECISION_CALLER)
                history_values_set(&values, HISTORY_CALLER_UID, report->caller_uid);
        history_link_add(userdata, &values);
}

int history_observer_add(Engine *engine, HistoryLink *link) {
        return engine_add_observer(engine, &(EngineObserver) {
                .on_event = on_event,
                .on_decision = on_decision,
                .on_refused = on_refused,
                .on_job = on_job,
                .userdata = link,
        });
}
