/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-value.h: units and containers of a file system, for broadcasts. Programs, users and sessions are not named
 * there, nor whoever is spared.
 */
#include "src/basic/text.h"
#include "src/bus/bus-text.h"
#include "src/bus/bus-value.h"

int bus_append_workload_names(sd_bus_message *message, const WorkloadReport *report) {
        const Workload *workload = &report->workload;
        const struct {
                const char *key, *text;
        } texts[] = {
                { "unit",      workload->unit },
                { "slice",     workload->slice },
                { "container", workload->container },
                { "pod",       workload->pod },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                if (texts[i].text[0])
                        r = bus_entry_text(message, texts[i].key, texts[i].text);
        if (r >= 0 && workload->runtime != RUNTIME_NONE)
                r = bus_entry_text(message, "runtime", container_runtime_to_name(workload->runtime));
        if (r >= 0 && report->has_fate)
                r = bus_entry_text(message, "fate", workload_fate_to_name(report->fate));
        if (r >= 0 && report->has_fate)
                r = bus_entry_u32(message, "left", report->n_left);
        if (r >= 0 && report->is_held)
                r = bus_entry_bool(message, "held", true);
        if (r >= 0 && report->error != 0 && errno_to_name(report->error))
                r = bus_entry_text(message, "errno", errno_to_name(report->error));
        return r;
}

/* Where the file system is a volume of this pod. */
static int append_volume(sd_bus_message *message, const WorkloadReport *report, const Filesystem *filesystem) {
        char pod[WORKLOAD_POD_SIZE];

        for (size_t i = 0; filesystem && report->workload.pod[0] && i < filesystem->facts.n_mounts; i++)
                if (workload_pod_of_volume(filesystem->facts.mounts[i], pod) && text_equal(pod, report->workload.pod))
                        return bus_entry_path(message, "volume", filesystem->facts.mounts[i]);
        return 0;
}

static int append_taken(sd_bus_message *message, const Job *job, const Filesystem *filesystem) {
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', "workloads");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < job->workloads.n_items; i++) {
                const WorkloadReport *report = job->workloads.items + i;

                if (!report->is_taken)
                        continue;
                r = sd_bus_message_open_container(message, 'a', "{sv}");
                if (r >= 0)
                        r = bus_append_workload_names(message, report);
                if (r >= 0)
                        r = append_volume(message, report, filesystem);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(message);
        return r;
}

/* From which somebody picks a checkpoint. */
static int append_filesystem(sd_bus_message *message, const Filesystem *filesystem) {
        char uuid[UUID_TEXT_SIZE];
        int r = 0;

        if (!filesystem)
                return 0;
        if (filesystem->facts.uuid_state == FACT_KNOWN)
                r = bus_entry_text(message, "uuid", uuid_format(filesystem->facts.uuid, uuid));
        if (r >= 0)
                r = bus_entry_u64(message, "last-known-good-usec", filesystem->good_realtime_usec);
        if (r >= 0)
                r = bus_entry_u64(message, "first-bad-usec", filesystem->first_bad_realtime_usec);
        return r < 0 ? r : bus_append_filesystem_names(message, filesystem);
}

int bus_append_workloads(sd_bus_message *message, const Job *job, const Filesystem *filesystem) {
        const WorkloadScope *scope = job->request.workloads;
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r >= 0)
                r = bus_entry_text(message, "action", action_kind_to_name(job->request.kind));
        if (r >= 0 && scope)
                r = bus_entry_text(message, "how", workload_how_to_name((WorkloadHow) scope->how));
        if (r >= 0)
                r = bus_entry_text(message, "source", decision_source_to_name(job->report.source));
        if (r >= 0)
                r = bus_entry_text(message, "rule", job->report.rule_id);
        if (r >= 0 && job->event.id != 0)
                r = bus_entry_text(message, "event", event_kind_to_name(job->event.kind));
        if (r >= 0)
                r = append_filesystem(message, filesystem);
        if (r >= 0 && job->state == JOB_ENDED)
                r = bus_entry_text(message, "detail", bus_job_detail(job, filesystem));
        if (r >= 0)
                r = append_taken(message, job, filesystem);
        return r < 0 ? r : sd_bus_message_close_container(message);
}
