/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/worker/workload-users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int remember(WorkloadUsers *users, const ProcessLook *look, size_t planned) {
        FoundProcess *process;

        if (users->n_processes == users->n_allocated) {
                size_t n = users->n_allocated ? users->n_allocated * 2 : 64;
                FoundProcess *larger = realloc(users->processes, n * sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                users->processes = larger;
                users->n_allocated = n;
        }
        process = users->processes + users->n_processes;
        *process = (FoundProcess) {
                .pid = look->pid,
                .start_ticks = look->start_ticks,
                .planned = planned,
                .group = strndup(look->cgroup, workload_group_length(look->cgroup)),
        };
        if (!process->group)
                return -ENOMEM;
        users->n_processes++;
        return 0;
}

static void add_process(const ProcessLook *look, const UserFacts *facts, void *userdata) {
        WorkloadUsers *users = userdata;
        const PlannedWorkload *planned;
        int r;

        r = workload_plan_add(&users->plan, &(PlanUser) {
                .kind = USER_PROCESS,
                .name = look->name,
                .uses = look->uses,
                .workload = facts->workload,
                .spared_because = user_spared_because(facts),
                .is_session = user_is_spared_as_session(facts),
        });
        planned = r >= 0 && facts->workload
                          ? workload_plan_find(&users->plan, facts->workload->unit, facts->workload->container) : NULL;
        if (planned)
                r = remember(users, look, (size_t) (planned - users->plan.workloads));
        if (r < 0)
                users->error = r;
}

static void add_kernel_user(UserKind kind, const char *name, const char *detail, void *userdata) {
        const UserFacts facts = { .kind = kind };
        WorkloadUsers *users = userdata;
        int r;

        (void) detail;

        r = workload_plan_add(&users->plan, &(PlanUser) {
                .kind = kind,
                .name = name,
                .spared_because = user_spared_because(&facts),
        });
        if (r < 0)
                users->error = r;
}

int workload_users_find(WorkloadUsers *users, const UsersTask *task) {
        int r;

        *users = (WorkloadUsers) {
                .find = {
                        .task = task,
                        .found = add_process,
                        .found_kernel_user = add_kernel_user,
                        .userdata = users,
                },
        };
        r = users_find(&users->find);
        return r < 0 ? r : users->error;
}

void workload_users_clear(WorkloadUsers *users) {
        users_find_clear(&users->find);
        workload_plan_clear(&users->plan);
        for (size_t i = 0; i < users->n_processes; i++)
                free(users->processes[i].group);
        free(users->processes);
        *users = (WorkloadUsers) { .find.reader = { .pid_fd = -EBADF, .line_fd = -EBADF } };
}
