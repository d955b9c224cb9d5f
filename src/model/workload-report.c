/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units and containers are told apart as in a plan; the kernel's own users by their names.
 */
#include "src/model/workload-report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"

/* Of a container's number people read the first letters, as its runtime shows it. */
#define CONTAINER_SHOWN 12
/* Kept free for what counts those that do not fit. */
#define REST_SIZE 64

void workload_reports_clear(WorkloadReports *reports) {
        free(reports->items);
        *reports = (WorkloadReports) {};
}

static bool is_same(const WorkloadReport *a, const WorkloadReport *b) {
        bool is_named = a->workload.unit[0] || a->workload.container[0];

        return text_equal(a->workload.unit, b->workload.unit) &&
               text_equal(a->workload.container, b->workload.container) &&
               (is_named || (a->kind == b->kind && text_equal(a->name, b->name)));
}

/* NULL: no memory, or no room, which is counted. */
static WorkloadReport *append(WorkloadReports *reports) {
        if (reports->n_items == WORKLOAD_PLAN_MAX) {
                reports->n_omitted++;
                return NULL;
        }
        if (reports->n_items == reports->n_allocated) {
                size_t n = reports->n_allocated ? reports->n_allocated * 2 : 8;
                WorkloadReport *larger = reallocarray(reports->items, n, sizeof(*larger));

                if (!larger)
                        return NULL;
                reports->items = larger;
                reports->n_allocated = n;
        }
        return reports->items + reports->n_items++;
}

int workload_reports_take(WorkloadReports *reports, const WorkloadReport *told) {
        uint32_t n_omitted = reports->n_omitted;
        WorkloadReport *report = NULL;

        for (size_t i = 0; i < reports->n_items && !report; i++)
                if (is_same(reports->items + i, told))
                        report = reports->items + i;
        if (!report)
                report = append(reports);
        if (!report)
                return reports->n_omitted > n_omitted ? 0 : -ENOMEM;
        *report = *told;
        return 0;
}

int workload_reports_take_plan(WorkloadReports *reports, const WorkloadPlan *plan) {
        workload_reports_clear(reports);
        reports->n_omitted = plan->n_omitted;
        for (size_t i = 0; i < plan->n_workloads; i++) {
                const PlannedWorkload *planned = plan->workloads + i;
                WorkloadReport *report = append(reports);

                if (!report)
                        return -ENOMEM;
                *report = (WorkloadReport) {
                        .workload = planned->workload,
                        .kind = planned->kind,
                        .n_processes = planned->n_processes,
                        .is_taken = planned->is_taken,
                };
                (void) text_copy(report->name, sizeof(report->name), planned->name);
                (void) text_copy(report->why, sizeof(report->why), planned->why);
        }
        return 0;
}

size_t workload_reports_n_taken(const WorkloadReports *reports) {
        size_t n = 0;

        for (size_t i = 0; i < reports->n_items; i++)
                n += reports->items[i].is_taken;
        return n;
}

size_t workload_reports_n_left(const WorkloadReports *reports) {
        size_t n = 0;

        for (size_t i = 0; i < reports->n_items; i++) {
                const WorkloadReport *report = reports->items + i;

                n += report->has_fate && (report->fate == FATE_LEFT || report->fate == FATE_BACK);
        }
        return n;
}

bool workload_report_was_hit(const WorkloadReport *report) {
        return report->has_fate && report->fate != FATE_SPARED && report->fate != FATE_GONE;
}

char *workload_report_name(const WorkloadReport *report, char buffer[static WORKLOAD_REPORT_NAME_SIZE]) {
        const Workload *workload = &report->workload;

        if (workload->unit[0])
                (void) snprintf(buffer, WORKLOAD_REPORT_NAME_SIZE, "%s", workload->unit);
        else if (workload->container[0])
                (void) snprintf(buffer, WORKLOAD_REPORT_NAME_SIZE, "container %.*s", CONTAINER_SHOWN,
                                workload->container);
        else
                (void) snprintf(buffer, WORKLOAD_REPORT_NAME_SIZE, "%s", report->name);
        return buffer;
}

/* ", 3 spared" and what else has no name in the line. */
static void append_rest(const WorkloadReports *reports, size_t n_unnamed, char *buffer, size_t size_bytes) {
        size_t n_spared = reports->n_items - workload_reports_n_taken(reports);

        if (n_unnamed > 0)
                (void) text_append_format(buffer, size_bytes, " and %zu more", n_unnamed);
        if (n_spared > 0)
                (void) text_append_format(buffer, size_bytes, "%s%zu spared", buffer[0] ? "; " : "", n_spared);
}

char *workload_reports_text(const WorkloadReports *reports, const char *what, char *buffer, size_t size_bytes) {
        char name[WORKLOAD_REPORT_NAME_SIZE], one[WORKLOAD_REPORT_NAME_SIZE + 32];
        bool is_first = true;
        size_t n_unnamed = 0;

        buffer[0] = 0;
        for (size_t i = 0; i < reports->n_items; i++) {
                const WorkloadReport *report = reports->items + i;

                if (!report->is_taken)
                        continue;
                one[0] = 0;
                (void) text_append_format(one, sizeof(one), "%s%s%s%s", is_first ? what : ", ",
                                          workload_report_name(report, name), report->has_fate ? " " : "",
                                          report->has_fate ? workload_fate_to_name(report->fate) : "");
                if (n_unnamed > 0 || strlen(buffer) + strlen(one) + REST_SIZE > size_bytes)
                        n_unnamed++;
                else
                        (void) text_append_format(buffer, size_bytes, "%s", one);
                is_first = false;
        }
        append_rest(reports, n_unnamed, buffer, size_bytes);
        return buffer;
}

char *workload_reports_story(const WorkloadReports *reports, char *buffer, size_t size_bytes) {
        char name[WORKLOAD_REPORT_NAME_SIZE], one[WORKLOAD_REPORT_NAME_SIZE + WORKLOAD_REPORT_WHY_SIZE + 32];
        size_t n_unnamed = 0;

        buffer[0] = 0;
        for (size_t i = 0; i < reports->n_items; i++) {
                const WorkloadReport *report = reports->items + i;

                one[0] = 0;
                (void) text_append_format(one, sizeof(one), "%s%s %s%s%s%s", i > 0 ? "; " : "",
                                          workload_report_name(report, name),
                                          report->has_fate ? workload_fate_to_name(report->fate)
                                          : report->is_taken ? "taken" : "spared", report->is_held ? ", held" : "",
                                          report->why[0] ? ": " : "", report->why);
                if (n_unnamed > 0 || strlen(buffer) + strlen(one) + REST_SIZE > size_bytes)
                        n_unnamed++;
                else
                        (void) text_append_format(buffer, size_bytes, "%s", one);
        }
        if (n_unnamed + reports->n_omitted > 0)
                (void) text_append_format(buffer, size_bytes, "; and %zu more", n_unnamed + reports->n_omitted);
        return buffer;
}
