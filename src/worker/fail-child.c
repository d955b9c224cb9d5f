/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order of things: who was announced, who uses it now, what the same plan says of them, each looked at once more,
 * kept from being started again, ended; then everybody is looked up again. Nothing is done before the last of these
 * questions has its answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/protocol/workload-list.h"
#include "src/worker/fail.h"
#include "src/worker/hold-place.h"
#include "src/worker/job.h"
#include "src/worker/workload-end.h"
#include "src/worker/workload-freeze.h"

typedef struct Fail {
        const FailTask *task;
        const Superblock *superblock;
        int report_fd;
        sd_bus *bus;
        WorkloadPlan announced;
        WorkloadUsers users;
        TargetList list;
        WorkerJobResult *result;
} Fail;

static void fail_clear(Fail *fail) {
        targets_clear(&fail->list);
        workload_users_clear(&fail->users);
        workload_plan_clear(&fail->announced);
        fail->bus = unit_bus_close(fail->bus);
}

static Outcome explain(const Fail *fail, Outcome outcome, int error, const char *detail) {
        fail->result->error = error < 0 ? -error : error;
        (void) text_copy(fail->result->detail, sizeof(fail->result->detail), detail);
        return outcome;
}

static void tell(const Fail *fail, const PlannedWorkload *planned, const Target *target) {
        const Workload *workload = &planned->workload;
        WorkerMessage message = {};
        WorkerWorkload *told = &message.workload;

        worker_message_init(&message, WORKER_WORKLOAD);
        told->fate = FATE_SPARED;
        told->runtime = (uint8_t) workload->runtime;
        told->n_processes = planned->n_processes;
        told->owner = workload->user;
        (void) text_copy(told->unit, sizeof(told->unit), workload->unit);
        (void) text_copy(told->slice, sizeof(told->slice), workload->slice);
        (void) text_copy(told->container, sizeof(told->container), workload->container);
        (void) text_copy(told->pod, sizeof(told->pod), workload->pod);
        (void) text_copy(told->name, sizeof(told->name), planned->name);
        (void) text_copy(told->detail, sizeof(told->detail), planned->why);
        if (target) {
                told->fate = (uint8_t) target->fate;
                told->is_held = target->is_held;
                told->n_left = target->n_left;
                told->error = target->error;
                (void) text_copy(told->detail, sizeof(told->detail), target->detail);
        }
        (void) child_report(fail->report_fd, &message, message.header.size_bytes, -EBADF);
}

static void tell_all(const Fail *fail) {
        const WorkloadPlan *plan = &fail->users.plan;
        size_t n = min_of(plan->n_workloads, (size_t) USERS_TOLD_MAX);

        for (size_t i = 0; i < n; i++) {
                const Target *target = NULL;

                for (size_t j = 0; j < fail->list.n && !target; j++)
                        if (fail->list.targets[j].planned == plan->workloads + i)
                                target = fail->list.targets + j;
                tell(fail, plan->workloads + i, target);
        }
}

/* Mount points of the file system, of which a pod's volume is one. Returns 0 or -ENOMEM. */
static int list_mounts(const Superblock *superblock, const char ***ret_mounts) {
        const Mount *mount;
        size_t n = 0;

        *ret_mounts = calloc(superblock->n_mounts + 1, sizeof(**ret_mounts));
        if (!*ret_mounts)
                return -ENOMEM;
        TAILQ_FOREACH(mount, &superblock->mounts, entry)
                (*ret_mounts)[n++] = mount->mount_point;
        return 0;
}

static int decide(Fail *fail) {
        _cleanup_(free_at) const char **mounts = NULL;
        const UsersTask *users = &fail->task->users;
        int r;

        r = list_mounts(fail->superblock, &mounts);
        if (r < 0)
                return r;
        return workload_plan_decide(&fail->users.plan, &(PlanGround) {
                .scope = &fail->task->request.scope,
                .mounts = mounts,
                .n_mounts = fail->superblock->n_mounts,
                .is_root = users->is_root,
                .is_state = users->is_state,
                .announced = &fail->announced,
        });
}

/* Nobody of those who were announced was found any more: there is nothing left to do. */
static bool are_all_gone(const Fail *fail) {
        for (size_t i = 0; i < fail->announced.n_workloads; i++) {
                const Workload *workload = &fail->announced.workloads[i].workload;

                if (workload_plan_find(&fail->users.plan, workload->unit, workload->container))
                        return false;
        }
        return true;
}

/* Returns OUTCOME_DONE if somebody is to be ended. */
static Outcome choose(Fail *fail) {
        const WorkloadScope *scope = &fail->task->request.scope;
        bool is_whole_known;
        int r;

        r = workload_users_find(&fail->users, &fail->task->users);
        if (r >= 0)
                r = decide(fail);
        if (r < 0)
                return explain(fail, OUTCOME_FAILED, r, "who uses it cannot be found out");

        is_whole_known = fail->users.find.end.n_unlooked == 0;
        if (fail->users.plan.n_taken == 0 && is_whole_known && !fail->task->users.is_root &&
            !fail->task->users.is_state && are_all_gone(fail))
                return explain(fail, OUTCOME_NOT_NEEDED, 0, "none of those who were announced uses it any more");
        if (fail->users.plan.n_taken == 0)
                return explain(fail, OUTCOME_REFUSED, EPERM, fail->users.plan.refused);

        r = unit_bus_open(&fail->bus, fail->result->detail);
        if (r < 0) {
                fail->result->error = -r;
                return OUTCOME_FAILED;
        }
        r = targets_new(&fail->users, fail->bus, scope, &fail->list);
        /* Nobody of these is looked at any more, and this may take long. */
        user_reader_clear(&fail->users.find.reader);
        if (r < 0)
                return explain(fail, OUTCOME_NO_MEMORY, r, "");
        if (targets_count(&fail->list, TARGET_OVER) < fail->list.n)
                return OUTCOME_DONE;
        if (targets_count_fate(&fail->list, FATE_GONE) == fail->list.n)
                return explain(fail, OUTCOME_NOT_NEEDED, 0, "none of those who were announced uses it any more");
        return explain(fail, OUTCOME_REFUSED, EPERM, "looked at again, all of them had to be spared");
}

static void end_all(Fail *fail) {
        const WorkloadScope *scope = &fail->task->request.scope;

        do {
                WorkloadUsers users;
                size_t n = 0;

                workloads_end(&fail->list, fail->bus, scope);
                fail->result->was_verified = false;
                if (workload_users_find(&users, &fail->task->users) >= 0) {
                        n = workloads_choose_returned(&fail->list, fail->bus, &users);
                        fail->result->was_verified = users.find.end.n_unlooked == 0;
                }
                workload_users_clear(&users);
                if (n == 0)
                        break;
        } while (true);
}

static const Target *find_fate(const TargetList *list, WorkloadFate fate) {
        for (size_t i = 0; i < list->n; i++)
                if (list->targets[i].fate == fate)
                        return list->targets + i;
        return NULL;
}

static Outcome judge(Fail *fail) {
        const Target *left = find_fate(&fail->list, FATE_LEFT) ?: find_fate(&fail->list, FATE_BACK)
                                                               ?: find_fate(&fail->list, FATE_FROZEN);
        char *detail = fail->result->detail;
        size_t size = sizeof(fail->result->detail);
        const char *separator = "";

        detail[0] = 0;
        if (left) {
                const Workload *workload = &left->planned->workload;

                fail->result->error = left->error;
                (void) text_append_format(detail, size, "%s: %s", workload->unit[0] ? workload->unit
                                                                                    : workload->container,
                                          left->detail);
                return OUTCOME_FAILED;
        }
        for (unsigned fate = 0; fate < N_WORKLOAD_FATES; fate++) {
                size_t n = targets_count_fate(&fail->list, (WorkloadFate) fate);

                if (fate == FATE_SPARED)
                        n += fail->users.plan.n_workloads - fail->users.plan.n_taken;
                if (n == 0)
                        continue;
                (void) text_append_format(detail, size, "%s%zu %s", separator, n,
                                          workload_fate_to_name((WorkloadFate) fate));
                separator = ", ";
        }
        return OUTCOME_DONE;
}

static void say_begun(size_t n, void *userdata) {
        const Fail *fail = userdata;
        char text[64];

        (void) snprintf(text, sizeof(text), "%s %zu", workload_how_to_name((WorkloadHow) fail->task->request.scope.how),
                        n);
        (void) job_report_started(fail->report_fd, text);
}

static Outcome freeze_all(Fail *fail) {
        bool is_told_to_end = workloads_freeze(&fail->list, fail->bus, fail->task, say_begun, fail);
        Outcome outcome;

        if (targets_count_fate(&fail->list, FATE_SPARED) == fail->list.n)
                return explain(fail, OUTCOME_REFUSED, EPERM, "looked at again, all of them had to be spared");
        outcome = judge(fail);
        return is_told_to_end && outcome == OUTCOME_DONE ? OUTCOME_CANCELLED : outcome;
}

static Outcome fail_steps(Fail *fail, int announced_fd) {
        const WorkloadScope *scope = &fail->task->request.scope;
        Outcome outcome;
        int r;

        r = workload_list_read(announced_fd, &fail->announced);
        if (r < 0)
                return explain(fail, OUTCOME_REFUSED, r, "the list of who was announced cannot be read");
        outcome = choose(fail);
        if (outcome != OUTCOME_DONE)
                return outcome;

        if (scope->how == HOW_FREEZE)
                return freeze_all(fail);

        if (scope->hold_usec > 0) {
                r = hold_place(&fail->list, fail->bus, fail->task, fail->result->detail);
                if (r < 0) {
                        fail->result->error = -r;
                        for (size_t i = 0; i < fail->list.n; i++)
                                if (fail->list.targets[i].stage == TARGET_CHOSEN)
                                        target_end(fail->list.targets + i, FATE_SPARED, 0, "cannot be held");
                        return OUTCOME_FAILED;
                }
        }
        say_begun(fail->list.n - targets_count(&fail->list, TARGET_OVER), fail);
        end_all(fail);
        return judge(fail);
}

int fail_in_child(int report_fd, const FailTask *task, const Superblock *superblock, int announced_fd) {
        WorkerJobResult result = {};
        Fail fail = {
                .task = task,
                .superblock = superblock,
                .report_fd = report_fd,
                .result = &result,
                .users.find.reader = { .pid_fd = -EBADF, .line_fd = -EBADF },
        };

        result.outcome = fail_steps(&fail, announced_fd);
        tell_all(&fail);
        fail_clear(&fail);
        return job_report_result(report_fd, &result) < 0;
}
