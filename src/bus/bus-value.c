/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-value.h. Entries that say nothing about a value (no group, no errno) are left out instead of being
 * sent as zero: zero is a valid group.
 */
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-text.h"
#include "src/bus/bus-value.h"

/* Longer than any message of ours. */
#define CONDITION_TEXT_SIZE 4096

int bus_append_text(sd_bus_message *message, const char *text) {
        _cleanup_(free_at) char *clean = NULL;
        int r;

        r = bus_text_clean(text, BUS_TEXT_LINES, &clean);
        if (r < 0)
                return r;

        return sd_bus_message_append_basic(message, 's', clean);
}

int bus_append_path(sd_bus_message *message, const char *path) {
        return sd_bus_message_append_array(message, 'y', path, strlen(path) + 1);
}

#define STALE_TEXT "from before it was mounted or watched anew, not seen since"

/* The sentence for people; "" if there is none for everybody. */
static void describe_condition(const HealthCondition *condition, const Filesystem *filesystem,
                               char buffer[static CONDITION_TEXT_SIZE]) {
        char text[CONDITION_TEXT_SIZE], *files;

        (void) text_copy(text, sizeof(text), condition->message ?: "");
        /* Everybody may know what there is to be done, if not for which file. */
        files = strstr(text, CONDITION_FILES_TEXT);
        if (files)
                *files = 0;
        if (!bus_text_is_public(text, filesystem))
                text[0] = 0;
        buffer[0] = 0;
        if (condition->is_stale)
                (void) text_append_format(buffer, CONDITION_TEXT_SIZE, STALE_TEXT "%s", *text ? ": " : "");
        (void) text_append_format(buffer, CONDITION_TEXT_SIZE, "%s", text);
}

static int append_condition(sd_bus_message *message, const HealthCondition *condition, const Filesystem *filesystem) {
        char text[CONDITION_TEXT_SIZE];
        int r;

        describe_condition(condition, filesystem, text);
        r = sd_bus_message_open_container(message, 'r', "ssstts");
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "ss", condition_code_to_name(condition->code),
                                  severity_to_name(condition->severity));
        if (r < 0)
                return r;
        r = bus_append_text(message, condition->target);
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "tt", condition->since_realtime_usec, condition->event_id);
        if (r < 0)
                return r;
        r = bus_append_text(message, text);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(message);
}

int bus_append_conditions(sd_bus_message *message, const Filesystem *filesystem) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "(ssstts)");
        if (r < 0)
                return r;

        for (size_t i = 0; i < filesystem->conditions.n_items; i++) {
                r = append_condition(message, filesystem->conditions.items + i, filesystem);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

int bus_entry_text(sd_bus_message *message, const char *key, const char *text) {
        _cleanup_(free_at) char *clean = NULL;
        int r;

        r = bus_text_clean(text, BUS_TEXT_LINES, &clean);
        if (r < 0)
                return r;

        return sd_bus_message_append(message, "{sv}", key, "s", clean);
}

int bus_entry_path(sd_bus_message *message, const char *key, const char *path) {
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(message, 's', key);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(message, 'v', "ay");
        if (r < 0)
                return r;
        r = bus_append_path(message, path);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(message);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(message);
}

int bus_entry_u64(sd_bus_message *message, const char *key, uint64_t value) {
        return sd_bus_message_append(message, "{sv}", key, "t", value);
}

int bus_entry_u32(sd_bus_message *message, const char *key, uint32_t value) {
        return sd_bus_message_append(message, "{sv}", key, "u", value);
}

int bus_entry_bool(sd_bus_message *message, const char *key, bool value) {
        return sd_bus_message_append(message, "{sv}", key, "b", (int) value);
}

/* Where it happened, by domain. */
static int append_location(sd_bus_message *message, EventDomain domain, uint32_t group, uint64_t inode,
                           uint32_t generation) {
        int r;

        switch (domain) {
        case DOMAIN_AG:
        case DOMAIN_RTGROUP:
                return bus_entry_u32(message, "group", group);

        case DOMAIN_INODE:
        case DOMAIN_FILERANGE:
                r = bus_entry_u64(message, "inode", inode);
                if (r < 0)
                        return r;
                return bus_entry_u32(message, "generation", generation);

        case DOMAIN_UNRECOGNISED:
        case DOMAIN_MOUNT:
        case DOMAIN_FS:
        case DOMAIN_DATADEV:
        case DOMAIN_LOGDEV:
        case DOMAIN_RTDEV:
                return 0;
        }

        return 0;
}

int bus_append_filesystem_names(sd_bus_message *message, const Filesystem *filesystem) {
        int r;

        if (!filesystem)
                return 0;

        if (filesystem->facts.n_mounts > 0) {
                r = bus_entry_path(message, "mount", filesystem->facts.mounts[0]);
                if (r < 0)
                        return r;
        }
        if (!filesystem->facts.device)
                return 0;

        return bus_entry_text(message, "device", filesystem->facts.device);
}

static int append_event_extent(sd_bus_message *message, const HealthEvent *event) {
        int r;

        if (event->device_block_count > 0) {
                r = bus_entry_u64(message, "device-block", event->device_block);
                if (r < 0)
                        return r;
                return bus_entry_u64(message, "device-block-count", event->device_block_count);
        }
        if (event->length_bytes > 0) {
                r = bus_entry_u64(message, "position-bytes", event->position_bytes);
                if (r < 0)
                        return r;
                return bus_entry_u64(message, "length-bytes", event->length_bytes);
        }

        return 0;
}

static int append_event_rest(sd_bus_message *message, const HealthEvent *event) {
        const char *structure = structure_to_name(event->structure), *error = errno_to_name(event->error);
        int r;

        r = bus_entry_text(message, "source", event_source_to_name(event->source));
        if (r >= 0 && event->location[0])
                r = bus_entry_text(message, "location", event->location);
        if (r >= 0 && structure)
                r = bus_entry_text(message, "structure", structure);
        if (r >= 0 && event->error != 0)
                r = error ? bus_entry_text(message, "errno", error)
                          : bus_entry_u32(message, "errno-number", (uint32_t) event->error);
        if (r >= 0 && event->shutdown_reasons != 0)
                r = bus_entry_u32(message, "shutdown-reasons", event->shutdown_reasons);
        if (r >= 0 && event->unknown_bits != 0)
                r = bus_entry_u32(message, "unknown-bits", event->unknown_bits);
        if (r >= 0 && event->kind == EVENT_UNRECOGNISED)
                r = bus_entry_u32(message, "raw-type", event->raw_type);
        if (r >= 0 && event->domain == DOMAIN_UNRECOGNISED)
                r = bus_entry_u32(message, "raw-domain", event->raw_domain);
        if (r >= 0 && event->cause_id != 0)
                r = bus_entry_u64(message, "cause", event->cause_id);
        if (r >= 0 && event->is_test)
                r = bus_entry_bool(message, "test", true);

        return r < 0 ? r : 0;
}

char *bus_event_text(const HealthEvent *event, const Filesystem *filesystem, char buffer[static EVENT_TEXT_SIZE]) {
        char text[EVENT_TEXT_SIZE], number[32];
        const char *subject;

        subject = filesystem ? filesystem_facts_subject(&filesystem->facts, number) : "unmounted file system";
        buffer[0] = '\0';
        (void) text_append_format(buffer, EVENT_TEXT_SIZE, "%s%s", event->is_test ? "test event: " : "",
                                  health_event_text(event, subject, /* path= */ NULL, text));
        return buffer;
}

/* Only where it stands for several. */
static int append_n_signals(sd_bus_message *message, uint64_t n_signals) {
        return n_signals > 1 ? bus_entry_u64(message, "signals", n_signals) : 0;
}

int bus_append_event(sd_bus_message *message, const HealthEvent *event, const Filesystem *filesystem,
                     uint64_t n_signals, uint64_t n_reports) {
        char text[EVENT_TEXT_SIZE];
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        r = bus_entry_text(message, "domain", event_domain_to_name(event->domain));
        if (r < 0)
                return r;
        r = append_location(message, event->domain, event->group, event->inode, event->generation);
        if (r < 0)
                return r;
        r = append_event_extent(message, event);
        if (r < 0)
                return r;
        r = append_event_rest(message, event);
        if (r < 0)
                return r;
        r = bus_entry_u64(message, "count", n_signals > 1 ? n_reports : event->count);
        if (r < 0)
                return r;
        r = append_n_signals(message, n_signals);
        if (r < 0)
                return r;
        r = bus_entry_u64(message, "time-nsec", event->time_realtime_nsec);
        if (r < 0)
                return r;
        r = bus_append_filesystem_names(message, filesystem);
        if (r < 0)
                return r;
        r = bus_entry_text(message, "text", bus_event_text(event, filesystem, text));
        if (r < 0)
                return r;

        return sd_bus_message_close_container(message);
}

int bus_append_action_words(sd_bus_message *message, const Decision *decision) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        if (r < 0)
                return r;

        for (size_t i = 0; i < decision->n_actions; i++) {
                r = sd_bus_message_append_basic(message, 's', action_kind_to_name(decision->actions[i].kind));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

/* "repair: protect: usb" for each action that something forbids. */
static int append_denied(sd_bus_message *message, const Decision *decision, const Filesystem *filesystem) {
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(message, 's', "denied");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(message, 'v', "a(ss)");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(message, 'a', "(ss)");
        if (r < 0)
                return r;

        for (size_t i = 0; i < decision->n_actions; i++) {
                const ActionRequest *action = decision->actions + i;
                _cleanup_(free_at) char *clean = NULL;

                if (!action->denied_by[0])
                        continue;
                r = bus_text_clean(bus_text_is_public(action->denied_by, filesystem) ? action->denied_by : "",
                                   BUS_TEXT_LINE, &clean);
                if (r < 0)
                        return r;
                r = sd_bus_message_append(message, "(ss)", action_kind_to_name(action->kind), clean);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < 3; i++) {
                r = sd_bus_message_close_container(message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool decision_has_denied(const Decision *decision) {
        for (size_t i = 0; i < decision->n_actions; i++)
                if (decision->actions[i].denied_by[0])
                        return true;

        return false;
}

int bus_append_decision(sd_bus_message *message, const Decision *decision, const Filesystem *filesystem,
                        uint64_t n_signals) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        r = bus_entry_u64(message, "policy-generation", decision->policy_generation);
        if (r < 0)
                return r;
        r = append_n_signals(message, n_signals);
        if (r < 0)
                return r;
        if (decision->reason[0] && bus_text_is_public(decision->reason, filesystem)) {
                r = bus_entry_text(message, "reason", decision->reason);
                if (r < 0)
                        return r;
        }
        if (decision->suppressed_by[0]) {
                r = bus_entry_text(message, "suppressed-by", decision->suppressed_by);
                if (r < 0)
                        return r;
        }
        if (decision->is_escalating) {
                r = bus_entry_u32(message, "first-step", decision->first_step + 1);
                if (r < 0)
                        return r;
        }
        if (decision_has_denied(decision)) {
                r = append_denied(message, decision, filesystem);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(message);
}

const char *bus_job_target(const Job *job, char buffer[static BUS_TARGET_SIZE]) {
        if (job->target_text[0] != '\0' || job->request.kind != ACTION_REPAIR)
                return job->target_text;

        return health_event_target_text(&(HealthEvent) {
                .kind = EVENT_SICK,
                .domain = structure_domain(job->target.structure),
                .structure = job->target.structure,
                .group = job->target.group,
                .inode = job->target.inode,
                .generation = job->target.generation,
        }, buffer);
}

const char *bus_job_detail(const Job *job, const Filesystem *filesystem) {
        const char *detail = job->report.detail;

        if (!bus_text_is_public(detail, filesystem))
                detail = "";
        if (detail[0] == '\0' && job->state == JOB_ENDED)
                return outcome_to_sentence_of(job->report.outcome, job->request.kind);

        return detail;
}

static int append_job_target(sd_bus_message *message, const Job *job) {
        const char *structure;
        int r;

        if (job->request.kind != ACTION_REPAIR)
                return 0;

        structure = structure_to_name(job->target.structure);
        if (structure) {
                r = bus_entry_text(message, "structure", structure);
                if (r < 0)
                        return r;
        }
        r = bus_entry_text(message, "domain", event_domain_to_name(structure_domain(job->target.structure)));
        if (r < 0)
                return r;

        return append_location(message, structure_domain(job->target.structure), job->target.group,
                               job->target.inode, job->target.generation);
}

int bus_append_job(sd_bus_message *message, const Job *job, const Filesystem *filesystem) {
        const JobReport *report = &job->report;
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        r = bus_entry_text(message, "source", decision_source_to_name(report->source));
        if (r < 0)
                return r;
        r = bus_entry_text(message, "rule", report->rule_id);
        if (r < 0)
                return r;
        r = append_job_target(message, job);
        if (r < 0)
                return r;
        r = bus_entry_u64(message, "duration-usec", report->duration_usec);
        if (r < 0)
                return r;
        r = bus_entry_bool(message, "verified", report->was_verified);
        if (r < 0)
                return r;
        r = bus_entry_text(message, "detail", bus_job_detail(job, filesystem));
        if (r < 0)
                return r;
        if (job->is_dry_run) {
                r = bus_entry_bool(message, "dry-run", true);
                if (r < 0)
                        return r;
        }
        r = bus_append_filesystem_names(message, filesystem);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(message);
}

static int append_refused_target(sd_bus_message *message, const HealthEvent *event) {
        const char *structure = event ? structure_to_name(event->structure) : NULL;
        int r;

        if (!event)
                return 0;

        if (structure) {
                r = bus_entry_text(message, "structure", structure);
                if (r < 0)
                        return r;
        }
        r = bus_entry_text(message, "domain", event_domain_to_name(event->domain));
        if (r < 0)
                return r;

        return append_location(message, event->domain, event->group, event->inode, event->generation);
}

int bus_append_refusal(sd_bus_message *message, const char *why, const Decision *decision, const HealthEvent *event,
                       const Filesystem *filesystem, uint64_t n_signals) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        r = append_n_signals(message, n_signals);
        if (r < 0)
                return r;
        if (decision) {
                r = bus_entry_text(message, "source", decision_source_to_name(decision->source));
                if (r < 0)
                        return r;
                r = bus_entry_text(message, "rule", decision->rule_id);
                if (r < 0)
                        return r;
        }
        r = append_refused_target(message, event);
        if (r < 0)
                return r;
        r = bus_entry_text(message, "detail", why && bus_text_is_public(why, filesystem)
                                              ? why : outcome_to_sentence(OUTCOME_REFUSED));
        if (r < 0)
                return r;
        r = bus_append_filesystem_names(message, filesystem);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(message);
}
