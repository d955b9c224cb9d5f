/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes are gathered by unit and container; each of these is looked at as a whole: one process that must be spared
 * spares all of it.
 */
#include "src/model/workload-plan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"

static const char not_known_why[] = "it is not known whether it uses it";

void workload_plan_clear(WorkloadPlan *plan) {
        free(plan->workloads);
        *plan = (WorkloadPlan) {};
}

static PlannedWorkload *find(const WorkloadPlan *plan, UserKind kind, const char *unit, const char *container) {
        if (kind != USER_PROCESS || (!unit[0] && !container[0]))
                return NULL;
        for (size_t i = 0; i < plan->n_workloads; i++) {
                PlannedWorkload *planned = plan->workloads + i;

                if (planned->kind == USER_PROCESS && text_equal(planned->workload.unit, unit) &&
                    text_equal(planned->workload.container, container))
                        return planned;
        }
        return NULL;
}

const PlannedWorkload *workload_plan_find(const WorkloadPlan *plan, const char *unit, const char *container) {
        return find(plan, USER_PROCESS, unit, container);
}

/* NULL if there is no room for it, which is counted, or no memory. */
static PlannedWorkload *append(WorkloadPlan *plan) {
        if (plan->n_workloads == WORKLOAD_PLAN_MAX) {
                plan->n_omitted++;
                return NULL;
        }
        if (plan->n_workloads == plan->n_allocated) {
                size_t n = plan->n_allocated ? plan->n_allocated * 2 : 16;
                PlannedWorkload *larger = realloc(plan->workloads, n * sizeof(*larger));

                if (!larger)
                        return NULL;
                plan->workloads = larger;
                plan->n_allocated = n;
        }
        plan->workloads[plan->n_workloads] = (PlannedWorkload) { .workload.user = WORKLOAD_USER_NONE };
        return plan->workloads + plan->n_workloads++;
}

int workload_plan_add(WorkloadPlan *plan, const PlanUser *user) {
        static const Workload unknown = { .user = WORKLOAD_USER_NONE };
        const Workload *workload = user->workload ? user->workload : &unknown;
        PlannedWorkload *planned = find(plan, user->kind, workload->unit, workload->container);
        const char *why = user->spared_because ? user->spared_because : "";
        uint32_t n_omitted = plan->n_omitted;

        if (!planned) {
                planned = append(plan);
                if (!planned)
                        return plan->n_omitted > n_omitted ? 0 : -ENOMEM;
                planned->kind = user->kind;
                planned->workload = *workload;
                (void) text_copy(planned->name, sizeof(planned->name), user->name);
        }

        planned->n_processes += user->kind == USER_PROCESS;
        if (user->uses & ~(unsigned) USE_UNKNOWN)
                planned->is_user = true;
        planned->is_session |= user->is_session;
        /* What is not known of one of them says nothing about the others. */
        if (why[0] && !user->is_session && !text_equal(why, not_known_why) && !planned->why[0])
                (void) text_copy(planned->why, sizeof(planned->why), why);
        return 0;
}

bool workload_pod_of_volume(const char *mount, char pod[static WORKLOAD_POD_SIZE]) {
        static const char pods[] = "/pods/";

        for (const char *at = strstr(mount, pods); at; at = strstr(at + 1, pods)) {
                const char *uid = at + strlen(pods);
                size_t length = strcspn(uid, "/");

                if (length == 0 || length >= WORKLOAD_POD_SIZE ||
                    (!text_starts_with(uid + length, "/volumes/") &&
                     !text_starts_with(uid + length, "/volume-subpaths/")))
                        continue;
                for (size_t i = 0; i < length; i++)
                        if (!isxdigit((unsigned char) uid[i]) && uid[i] != '-')
                                return false;
                memcpy(pod, uid, length);
                pod[length] = 0;
                return true;
        }
        return false;
}

static bool is_of_volume(const PlanGround *ground, const char *pod) {
        char of_volume[WORKLOAD_POD_SIZE];

        for (size_t i = 0; pod[0] && i < ground->n_mounts; i++)
                if (workload_pod_of_volume(ground->mounts[i], of_volume) && text_equal(of_volume, pod))
                        return true;
        return false;
}

static bool lies_in_volume(const PlanGround *ground) {
        char pod[WORKLOAD_POD_SIZE];

        for (size_t i = 0; i < ground->n_mounts; i++)
                if (workload_pod_of_volume(ground->mounts[i], pod))
                        return true;
        return false;
}

static const char *narrowed_because(const PlanGround *ground, const Workload *workload) {
        const char *const values[N_WORKLOAD_KEYS] = {
                [WORKLOAD_KEY_UNIT] = workload->unit,
                [WORKLOAD_KEY_SLICE] = workload->slice,
                [WORKLOAD_KEY_CONTAINER] = workload->container,
                [WORKLOAD_KEY_POD] = workload->pod,
        };

        if (ground->scope->who == WHO_VOLUME_USERS && !is_of_volume(ground, workload->pod))
                return "does not belong to the pod of the volume";
        for (size_t i = 0; i < N_WORKLOAD_KEYS; i++)
                if (!workload_scope_fits(ground->scope, (WorkloadKey) i, values[i]))
                        return "is none of those that were named";
        return NULL;
}

/* Why it is spared as a whole; NULL: it is taken. */
static const char *spared_because(const PlanGround *ground, const PlannedWorkload *planned) {
        const char *why;

        if (planned->why[0])
                return planned->why;
        if (planned->kind != USER_PROCESS)
                return "belongs to the kernel";
        if (planned->is_session && !workload_scope_names_session(ground->scope, planned->workload.unit))
                return "is somebody's session";
        if (!planned->workload.unit[0] && !planned->workload.container[0])
                return "belongs to no unit and no container";
        why = narrowed_because(ground, &planned->workload);
        if (why)
                return why;
        if (!planned->is_user && !ground->scope->even_if_unused)
                return not_known_why;
        if (ground->announced) {
                const PlannedWorkload *announced = workload_plan_find(ground->announced, planned->workload.unit,
                                                                      planned->workload.container);

                if (!announced || !announced->is_taken)
                        return "was not announced";
        }
        return NULL;
}

typedef struct AddUnused {
        WorkloadPlan *plan;
        const PlanGround *ground;
} AddUnused;

/* A unit that is named exactly and was not found using it. */
static int add_unused(const char *pattern, void *userdata) {
        const AddUnused *add = userdata;
        PlannedWorkload *planned;
        Workload workload = { .user = WORKLOAD_USER_NONE };
        const UserFacts facts = {
                .kind = USER_PROCESS,
                .name = "",
                .uid = UINT32_MAX,
                .uses = USE_OPEN,
                .is_root_filesystem = add->ground->is_root,
                .is_state_filesystem = add->ground->is_state,
                .workload = &workload,
        };
        int r;

        if (!workload_pattern_is_exact(pattern) || text_copy(workload.unit, sizeof(workload.unit), pattern) < 0 ||
            find(add->plan, USER_PROCESS, pattern, ""))
                return 0;
        r = workload_plan_add(add->plan, &(PlanUser) {
                .kind = USER_PROCESS,
                .name = "",
                .workload = &workload,
                .spared_because = user_spared_because(&facts),
                .is_session = user_is_spared_as_session(&facts),
        });
        planned = find(add->plan, USER_PROCESS, pattern, "");
        if (planned)
                planned->n_processes = 0;
        return r;
}

/* All of them or nobody. */
static void refuse(WorkloadPlan *plan) {
        for (size_t i = 0; i < plan->n_workloads; i++)
                if (plan->workloads[i].is_taken) {
                        plan->workloads[i].is_taken = false;
                        (void) text_copy(plan->workloads[i].why, sizeof(plan->workloads[i].why),
                                         "nobody is taken, because not all could be");
                }
        plan->n_taken = 0;
}

static void check_whole(WorkloadPlan *plan, const PlanGround *ground) {
        const WorkloadScope *scope = ground->scope;
        char *why = plan->refused;
        size_t size = sizeof(plan->refused);

        if (ground->is_root)
                (void) snprintf(why, size, "it is the root file system, or that is not known");
        else if (ground->is_state)
                (void) snprintf(why, size, "it holds healerd's own state, or that is not known");
        else if (scope->who == WHO_VOLUME_USERS && !lies_in_volume(ground))
                (void) snprintf(why, size, "it is not mounted in the volumes folder of a pod");
        else if (plan->n_omitted > 0)
                (void) snprintf(why, size, "too many use it: %u more than could be looked at", plan->n_omitted);
        else if (plan->n_taken > WORKLOADS_MAX_LIMIT)
                (void) snprintf(why, size, "%zu would be taken, more than the %d that ever are", plan->n_taken,
                                WORKLOADS_MAX_LIMIT);
        else if (plan->n_taken > scope->max && !scope->is_large_confirmed)
                (void) snprintf(why, size, "%zu would be taken, more than %u without \"confirm: large\"", plan->n_taken,
                                scope->max);
        else if (plan->n_taken == 0)
                (void) snprintf(why, size, "there is nobody to take");
        if (plan->refused[0])
                refuse(plan);
}

int workload_plan_decide(WorkloadPlan *plan, const PlanGround *ground) {
        AddUnused add = { .plan = plan, .ground = ground };
        int r;

        if (ground->scope->even_if_unused) {
                r = workload_scope_each_only(ground->scope, WORKLOAD_KEY_UNIT, add_unused, &add);
                if (r < 0)
                        return r;
        }

        plan->n_taken = 0;
        plan->refused[0] = 0;
        for (size_t i = 0; i < plan->n_workloads; i++) {
                PlannedWorkload *planned = plan->workloads + i;
                const char *why = spared_because(ground, planned);

                planned->is_taken = !why;
                plan->n_taken += !why;
                if (why && why != planned->why)
                        (void) text_copy(planned->why, sizeof(planned->why), why);
        }
        check_whole(plan, ground);
        return 0;
}
