/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is failed or frozen, out of those who were found using a file system: whole units and containers, never loose
 * processes. Made twice by the same code: by healerd, for what is announced, and by the worker right before it acts,
 * which takes nobody that was not announced. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/user-verdict.h"
#include "src/model/workload-scope.h"

/* Further units and containers are counted; an action that would take any of them is refused. */
#define WORKLOAD_PLAN_MAX 1024
#define WORKLOAD_WHY_SIZE 96

/* One unit or container, or one of the kernel's own users. */
typedef struct PlannedWorkload {
        Workload workload;              /* of its first process; unit and container name it */
        UserKind kind;
        char name[USER_NAME_SIZE];      /* of its first process, or of the device */
        uint32_t n_processes;
        bool is_user;                   /* one of its processes is known to use it */
        bool is_session;                /* it is somebody's session */
        bool is_taken;
        char why[WORKLOAD_WHY_SIZE];    /* it is spared: half a sentence; "" if it is taken */
} PlannedWorkload;

typedef struct WorkloadPlan {
        PlannedWorkload *workloads;
        size_t n_workloads, n_allocated, n_taken;
        uint32_t n_omitted;             /* beyond WORKLOAD_PLAN_MAX */
        char refused[WORKLOAD_WHY_SIZE * 2];    /* nobody is taken: one sentence; "": those that are marked */
} WorkloadPlan;

void workload_plan_clear(WorkloadPlan *plan);

typedef struct PlanUser {
        UserKind kind;
        const char *name;
        unsigned uses;                  /* UserUse */
        const Workload *workload;       /* NULL: not known */
        const char *spared_because;     /* user_spared_because(); "" or NULL: not at all */
        bool is_session;                /* user_is_spared_as_session(): that is why, and the only reason */
} PlanUser;

/* Returns 0 or -ENOMEM. */
int workload_plan_add(WorkloadPlan *plan, const PlanUser *user);

typedef struct PlanGround {
        const WorkloadScope *scope;
        /* Mount points of the file system, for WHO_VOLUME_USERS. */
        const char *const *mounts;
        size_t n_mounts;
        /* What the file system is to the machine; also true if that is not known. */
        bool is_root, is_state;
        /* Only these may be taken: what was announced. NULL: anybody. */
        const struct WorkloadPlan *announced;
} PlanGround;

/**
 * workload_plan_decide() - after everybody was added: who is taken?
 *
 * All or none: what cannot be done whole is refused with @plan->refused.
 *
 * Returns: 0 or -ENOMEM.
 */
int workload_plan_decide(WorkloadPlan *plan, const PlanGround *ground);

/* NULL if there is none. */
const PlannedWorkload *workload_plan_find(const WorkloadPlan *plan, const char *unit, const char *container);

/* The pod in whose volumes folder a mount point lies. Returns false if it lies in none. Source: layout of the kubelet's
 * folder, ".../pods/UID/volumes/PLUGIN/NAME" and ".../pods/UID/volume-subpaths/...". */
bool workload_pod_of_volume(const char *mount, char pod[static WORKLOAD_POD_SIZE]);
