/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One unit or container that a plan takes: looked at again right before anything is done to it, and what became of it.
 * For child processes.
 */
#pragma once

#include "src/worker/unit-bus.h"
#include "src/worker/workload-users.h"

typedef enum TargetStage {
        TARGET_CHOSEN,
        TARGET_ASKED,                   /* to end; it has until @deadline_usec */
        TARGET_KILLED,                  /* the same, and this time for good */
        TARGET_OVER,                    /* @fate says how */
} TargetStage;

typedef struct Target {
        const PlannedWorkload *planned;
        char *group;                    /* of all of it; "": none is known */
        bool is_unit;                   /* it is a unit, whose end is systemd's business */
        bool is_container;
        TargetStage stage;
        uint64_t deadline_usec;         /* CLOCK_MONOTONIC */
        uint8_t invocation[UNIT_INVOCATION_SIZE];       /* of the unit, of what is to end */
        bool was_asked, was_killed;
        bool is_restarting;             /* systemd starts it again by itself */
        bool is_held;
        unsigned n_returns;             /* how often it was started again and ended once more */

        WorkloadFate fate;
        uint32_t n_processes, n_left;
        int error;                      /* positive errno */
        char detail[JOB_DETAIL_SIZE];
} Target;

typedef struct TargetList {
        Target *targets;
        size_t n;
} TargetList;

/**
 * targets_new() - those that a plan takes, each pinned and looked at once more
 * @users: its plan is decided; borrowed for the life of the list
 *
 * Who has gone, must be spared after all, or is not what systemd takes it for, is TARGET_OVER.
 *
 * Returns: 0 or -ENOMEM.
 */
int targets_new(WorkloadUsers *users, sd_bus *bus, const WorkloadScope *scope, TargetList *ret_list);
void targets_clear(TargetList *list);

/* Ends it with this fate. @detail: NULL: none. */
void target_end(Target *target, WorkloadFate fate, int error, const char *detail);

size_t targets_count(const TargetList *list, TargetStage stage);
size_t targets_count_fate(const TargetList *list, WorkloadFate fate);
