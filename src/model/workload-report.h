/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to become, or became, of each unit and container that uses a file system, as a plain value: made of the plan,
 * filled by what the worker tells, shown by record and bus.
 */
#pragma once

#include "src/model/workload-plan.h"

#define WORKLOAD_REPORT_WHY_SIZE 256

typedef struct WorkloadReport {
        Workload workload;
        UserKind kind;
        char name[USER_NAME_SIZE];      /* of its first program, or of the device; for those who may read it */
        uint32_t n_processes, n_left;
        bool is_taken;
        bool has_fate;                  /* the worker told what became of it; before that it is a plan */
        WorkloadFate fate;
        bool is_held;
        int error;                      /* positive errno or 0 */
        char why[WORKLOAD_REPORT_WHY_SIZE];     /* it is spared, or what went wrong; may be "" */
} WorkloadReport;

typedef struct WorkloadReports {
        WorkloadReport *items;
        size_t n_items, n_allocated;
        uint32_t n_omitted;             /* beyond WORKLOAD_PLAN_MAX */
} WorkloadReports;

void workload_reports_clear(WorkloadReports *reports);

/* Everybody of a plan that was decided on, in its order. What was in @reports is forgotten. Returns 0 or -ENOMEM. */
int workload_reports_take_plan(WorkloadReports *reports, const WorkloadPlan *plan);

/* The worker told of one: takes the place of the same one, or is added (beyond the limit counted). Returns 0 or
 * -ENOMEM. */
int workload_reports_take(WorkloadReports *reports, const WorkloadReport *told);

size_t workload_reports_n_taken(const WorkloadReports *reports);
/* Taken, and not known to have ended: those that could not be ended or are there again. */
size_t workload_reports_n_left(const WorkloadReports *reports);
/* Taken, and something was done to it. */
bool workload_report_was_hit(const WorkloadReport *report);

/* "db.service", "container 0123456789ab", the device's name. Returns @buffer. */
#define WORKLOAD_REPORT_NAME_SIZE (UNIT_NAME_SIZE + WORKLOAD_CONTAINER_SIZE + 16)
char *workload_report_name(const WorkloadReport *report, char buffer[static WORKLOAD_REPORT_NAME_SIZE]);

/* One line for everybody: names of units and containers and what became of them, not who runs what in them. What does
 * not fit is counted at its end. @what: before the names of a plan, "would be taken". Returns @buffer. */
char *workload_reports_text(const WorkloadReports *reports, const char *what, char *buffer, size_t size_bytes);

/* The same of everybody, with the reasons, for those who may read them: "ssh.service spared: is how people log in". */
char *workload_reports_story(const WorkloadReports *reports, char *buffer, size_t size_bytes);
