/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-signal.h.
 */
#include <errno.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-burst.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-signal.h"
#include "src/bus/bus-text.h"
#include "src/bus/bus-value.h"

DEFINE_CLEANUP(sd_bus_message, sd_bus_message_unref)

bool bus_signal_has_room_below(BusContext *context, uint64_t n_max) {
        uint64_t n_queued = 0;

        if (context->is_ready && context->bus &&
            sd_bus_get_n_queued_write(context->bus, &n_queued) >= 0 && n_queued < n_max)
                return true;

        if (context->was_ready)
                context->n_signals_dropped++;
        return false;
}

bool bus_signal_has_room(BusContext *context) {
        return bus_signal_has_room_below(context, BUS_SIGNALS_QUEUED_MAX);
}

void bus_signal_dropped(BusContext *context, const char *member, int r) {
        context->n_signals_dropped++;
        log_debug_errno(r, "Cannot send the signal %s: %m", member);
}

static int signal_new(BusContext *context, const char *member, sd_bus_message **ret_signal) {
        return sd_bus_message_new_signal(context->bus, ret_signal, BUS_PATH, BUS_INTERFACE_MANAGER, member);
}

/* Of those that a storm makes many of: now, or with others at the end of the second. @signal is taken. */
static int send_or_keep(BusContext *context, BusBurst *burst, sd_bus_message **signal) {
        if (!burst)
                return sd_bus_send(context->bus, *signal, NULL);
        bus_burst_keep(burst, steal_ptr(*signal));
        return 0;
}

static int send_event(BusContext *context, const HealthEvent *event, const Filesystem *filesystem) {
        const BusBurstKey key = {
                .member = event->is_test ? "Event/test" : "Event",
                .filesystem_id = event->filesystem_id,
                .word = event_kind_to_name(event->kind),
        };
        BusBurstSum sum = {};
        BusBurst *burst = bus_burst_add(context, &key, event->count, &sum);
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        int r;

        r = signal_new(context, "Event", &signal);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "tsso", event->id, event_kind_to_name(event->kind),
                                  severity_to_name(health_event_severity(event)),
                                  bus_filesystem_path(context, filesystem));
        if (r < 0)
                return r;
        r = bus_append_event(signal, event, filesystem, sum.n_signals, sum.n_reports);
        if (r < 0)
                return r;

        return send_or_keep(context, burst, &signal);
}

void bus_signal_event(BusContext *context, const HealthEvent *event, const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_event(context, event, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "Event", r);
}

static int send_decision(BusContext *context, const Decision *decision, const HealthEvent *event,
                         const Filesystem *filesystem) {
        char word[BUS_BURST_WORD_SIZE] = "";
        const BusBurstKey key = {
                .member = event && event->is_test ? "Decision/test" : "Decision",
                .filesystem_id = filesystem ? filesystem->id : 0,
                .word = word,
        };
        BusBurstSum sum = {};
        BusBurst *burst;
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        int r;

        /* The rule alone: what is decided by it in the same way is told once. */
        (void) text_append_format(word, sizeof(word), "%s/%s/%s/%s", decision_source_to_name(decision->source),
                                  decision->rule_id, policy_mode_to_name(decision->mode),
                                  decision->suppressed_by[0] ? "suppressed" : "");
        burst = bus_burst_add(context, &key, 1, &sum);
        r = signal_new(context, "Decision", &signal);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "ts", decision->event_id, decision_source_to_name(decision->source));
        if (r < 0)
                return r;
        r = bus_append_text(signal, decision->rule_id);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "s", policy_mode_to_name(decision->mode));
        if (r < 0)
                return r;
        r = bus_append_action_words(signal, decision);
        if (r < 0)
                return r;
        r = bus_append_decision(signal, decision, filesystem, sum.n_signals);
        if (r < 0)
                return r;

        return send_or_keep(context, burst, &signal);
}

void bus_signal_decision(BusContext *context, const Decision *decision, const HealthEvent *event,
                         const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_decision(context, decision, event, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "Decision", r);
}

static int send_action_taken(BusContext *context, const Job *job, const Filesystem *filesystem) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        char path[BUS_JOB_PATH_SIZE];
        int r;

        r = signal_new(context, "ActionTaken", &signal);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "toss", job->report.event_id, bus_job_path(job->id, path),
                                  action_kind_to_name(job->report.action), outcome_to_name(job->report.outcome));
        if (r < 0)
                return r;
        r = bus_append_job(signal, job, filesystem);
        if (r < 0)
                return r;

        return sd_bus_send(context->bus, signal, NULL);
}

void bus_signal_action_taken(BusContext *context, const Job *job, const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_action_taken(context, job, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "ActionTaken", r);
}

static int send_action_refused(BusContext *context, ActionKind action, const char *why, const Decision *decision,
                               const HealthEvent *event, const Filesystem *filesystem) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        char word[BUS_BURST_WORD_SIZE] = "";
        const BusBurstKey key = {
                .member = "ActionTaken",
                .filesystem_id = filesystem ? filesystem->id : 0,
                .word = word,
        };
        BusBurstSum sum = {};
        BusBurst *burst;
        int r;

        /* As much of the reason as fits: most differ in their first words. */
        (void) text_append_format(word, sizeof(word), "%s/%s", action_kind_to_name(action), why ?: "");
        burst = bus_burst_add(context, &key, 1, &sum);
        r = signal_new(context, "ActionTaken", &signal);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "toss", event ? event->id : UINT64_C(0), BUS_NO_OBJECT,
                                  action_kind_to_name(action), outcome_to_name(OUTCOME_REFUSED));
        if (r < 0)
                return r;
        r = bus_append_refusal(signal, why, decision, event, filesystem, sum.n_signals);
        if (r < 0)
                return r;

        return send_or_keep(context, burst, &signal);
}

void bus_signal_action_refused(BusContext *context, ActionKind action, const char *why, const Decision *decision,
                               const HealthEvent *event, const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_action_refused(context, action, why, decision, event, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "ActionTaken", r);
}

static int send_notice(BusContext *context, Severity severity, const char *message, const HealthEvent *event,
                       const Filesystem *filesystem) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        char text[EVENT_TEXT_SIZE];
        int r;

        /* What people wrote into the policy goes out as it is; an event's own text is made again without the path. */
        if (!message || !bus_text_is_public(message, filesystem))
                message = event ? bus_event_text(event, filesystem, text) : "";

        r = signal_new(context, "Notice", &signal);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "ts", event ? event->id : UINT64_C(0), severity_to_name(severity));
        if (r < 0)
                return r;
        r = bus_append_text(signal, message);
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "o", bus_filesystem_path(context, filesystem));
        if (r < 0)
                return r;

        return sd_bus_send(context->bus, signal, NULL);
}

void bus_signal_notice(BusContext *context, Severity severity, const char *message, const HealthEvent *event,
                       const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_notice(context, severity, message, event, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "Notice", r);
}

static int append_units(sd_bus_message *signal, const Job *job) {
        int r;

        r = sd_bus_message_open_container(signal, 'a', "s");
        for (size_t i = 0; r >= 0 && i < job->workloads.n_items; i++) {
                const WorkloadReport *report = job->workloads.items + i;

                if (report->is_taken && report->workload.unit[0])
                        r = bus_append_text(signal, report->workload.unit);
        }
        return r < 0 ? r : sd_bus_message_close_container(signal);
}

static int send_workload_will_fail(BusContext *context, const Job *job, const Filesystem *filesystem) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        int r;

        r = signal_new(context, "WorkloadWillFail", &signal);
        if (r >= 0)
                r = sd_bus_message_append(signal, "tto", job->report.event_id, job->id,
                                          bus_filesystem_path(context, filesystem));
        if (r >= 0)
                r = append_units(signal, job);
        if (r >= 0)
                r = sd_bus_message_append(signal, "t", job->act_realtime_usec);
        if (r >= 0)
                r = bus_append_workloads(signal, job, filesystem);
        return r < 0 ? r : sd_bus_send(context->bus, signal, NULL);
}

void bus_signal_workload_will_fail(BusContext *context, const Job *job, const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_workload_will_fail(context, job, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "WorkloadWillFail", r);
}

static int send_workload_failed(BusContext *context, const Job *job, const Filesystem *filesystem) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        int r;

        r = signal_new(context, "WorkloadFailed", &signal);
        if (r >= 0)
                r = sd_bus_message_append(signal, "ttos", job->report.event_id, job->id,
                                          bus_filesystem_path(context, filesystem),
                                          outcome_to_name(job->report.outcome));
        if (r >= 0)
                r = bus_append_workloads(signal, job, filesystem);
        return r < 0 ? r : sd_bus_send(context->bus, signal, NULL);
}

void bus_signal_workload_failed(BusContext *context, const Job *job, const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_workload_failed(context, job, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "WorkloadFailed", r);
}

void bus_signal_policy_reloaded(BusContext *context, bool is_loaded) {
        const Policy *policy = engine_policy(context->engine);
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = sd_bus_emit_signal(context->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "PolicyReloaded", "tb",
                               policy ? policy_generation(policy) : UINT64_C(0), (int) is_loaded);
        if (r < 0)
                bus_signal_dropped(context, "PolicyReloaded", r);
}

void bus_signal_silence_changed(BusContext *context, const char *id, bool is_set) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = sd_bus_emit_signal(context->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "SilenceChanged", "sb", id, (int) is_set);
        if (r < 0)
                bus_signal_dropped(context, "SilenceChanged", r);
}

static int send_job_completed(BusContext *context, const BusJob *object, const Filesystem *filesystem) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *signal = NULL;
        const Job *job = object->job;
        int r;

        r = sd_bus_message_new_signal(context->bus, &signal, object->base.path, BUS_INTERFACE_JOB, "Completed");
        if (r < 0)
                return r;
        r = sd_bus_message_append(signal, "bs", (int) outcome_is_success(job->report.outcome),
                                  outcome_to_name(job->report.outcome));
        if (r < 0)
                return r;
        r = bus_append_text(signal, bus_job_detail(job, filesystem));
        if (r < 0)
                return r;

        return sd_bus_send(context->bus, signal, NULL);
}

void bus_signal_job_completed(BusContext *context, const BusJob *object, const Filesystem *filesystem) {
        int r;

        if (!bus_signal_has_room(context))
                return;
        r = send_job_completed(context, object, filesystem);
        if (r < 0)
                bus_signal_dropped(context, "Completed", r);
}

void bus_signal_object_added(BusContext *context, const char *path, const char *interface) {
        int r;

        /* Everything is announced when the name is ours (again): nothing is lost before that. */
        if (!context->is_ready || !bus_signal_has_room(context))
                return;
        r = sd_bus_emit_interfaces_added(context->bus, path, interface, NULL);
        if (r < 0)
                bus_signal_dropped(context, "InterfacesAdded", r);
}

void bus_signal_object_removed(BusContext *context, const char *path, const char *interface) {
        int r;

        if (!context->is_ready || !bus_signal_has_room(context))
                return;
        r = sd_bus_emit_interfaces_removed(context->bus, path, interface, NULL);
        if (r < 0)
                bus_signal_dropped(context, "InterfacesRemoved", r);
}
