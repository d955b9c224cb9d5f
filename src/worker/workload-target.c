/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process that still uses the file system is enough, and it has to be the very one that was found: its descriptor
 * is had first, then everything is asked once more. What systemd says to be the unit of that process must be what its
 * control group's name says.
 */
#include "src/worker/workload-target.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/text.h"

typedef struct Pinning {
        WorkloadUsers *users;
        sd_bus *bus;
        const WorkloadScope *scope;
} Pinning;

void target_end(Target *target, WorkloadFate fate, int error, const char *detail) {
        target->stage = TARGET_OVER;
        target->fate = fate;
        target->error = error < 0 ? -error : error;
        if (detail)
                (void) text_copy(target->detail, sizeof(target->detail), detail);
}

static void spare(Target *target, const char *why) {
        target_end(target, FATE_SPARED, 0, why);
}

static bool has_ended(int pid_fd) {
        struct pollfd end = { .fd = pid_fd, .events = POLLIN };

        return poll(&end, 1, 0) != 0;
}

/* Returns 1 and a descriptor of the process if it is to be taken; 0 if this one says nothing; or -EPERM if it spares
 * all of @target. */
static int look_again(const Pinning *pinning, Target *target, const FoundProcess *process, int *ret_pid_fd) {
        _cleanup_(close_fd_at) int pid_fd = (int) syscall(SYS_pidfd_open, process->pid, 0);
        const PlannedWorkload *planned = target->planned;
        UsersFind *find = &pinning->users->find;
        Workload workload;
        ProcessLook look;
        UserFacts facts;
        const char *why;
        int r;

        if (pid_fd < 0)
                return 0;
        r = users_find_again(find, process->pid, &look);
        if ((r < 0 && r != -ETIMEDOUT) || look.start_ticks != process->start_ticks)
                return 0;
        facts = users_find_facts(find, &look, &workload);
        if (!facts.workload || !text_equal(workload.unit, planned->workload.unit) ||
            !text_equal(workload.container, planned->workload.container))
                return 0;

        why = user_spared_because(&facts);
        /* That it is a session did not keep the plan from taking it. */
        if (look.uses != 0 && (look.uses & ~(unsigned) USE_UNKNOWN) && why && !user_is_spared_as_session(&facts)) {
                spare(target, why);
                return -EPERM;
        }
        if (!(look.uses & ~(unsigned) USE_UNKNOWN) && !pinning->scope->even_if_unused)
                return 0;
        if (has_ended(pid_fd))
                return 0;

        *ret_pid_fd = steal_fd(&pid_fd);
        return 1;
}

/* What systemd has under this name is to be what the process is in. */
static bool is_same_unit(const Pinning *pinning, Target *target, pid_t pid, int pid_fd) {
        char unit[UNIT_NAME_SIZE];
        int r;

        if (!target->planned->workload.unit[0])
                return true;
        r = unit_bus_of_process(pinning->bus, pid, pid_fd, unit);
        if (r < 0 || has_ended(pid_fd)) {
                target_end(target, FATE_SPARED, r, "systemd does not say to which unit it belongs");
                return false;
        }
        if (!text_equal(unit, target->planned->workload.unit)) {
                spare(target, "belongs to another unit, as systemd sees it");
                return false;
        }
        return true;
}

static void check_unit(const Pinning *pinning, Target *target) {
        UnitState state;
        int r;

        if (!target->is_unit)
                return;
        r = unit_bus_state(pinning->bus, target->planned->workload.unit, &state, target->detail);
        if (r < 0) {
                target_end(target, FATE_SPARED, r, NULL);
                return;
        }
        memcpy(target->invocation, state.invocation, sizeof(target->invocation));
        if (text_equal(state.active, "inactive") || text_equal(state.active, "failed"))
                target_end(target, FATE_GONE, 0, "had ended by itself");
        else if (state.refuses_stop)
                spare(target, "may not be stopped by hand (RefuseManualStop=)");
        else if (state.survives_shutdown)
                spare(target, "outlives the shutdown of the machine (SurviveFinalKillSignal=)");
        else if (pinning->scope->how == HOW_FREEZE && !text_equal(state.freezer, "running"))
                spare(target, state.freezer[0] ? "was frozen by somebody else" : "cannot be frozen");
}

/* The last folder of its group is what names it. */
static bool is_whole_unit(const Target *target) {
        const char *unit = target->planned->workload.unit, *name = strrchr(target->group, '/');

        if (!unit[0] || !target->is_container)
                return unit[0];
        if (!name)
                return false;
        name++;
        return text_equal(name, unit) || (name[0] == '_' && text_equal(name + 1, unit));
}

static int pin(const Pinning *pinning, Target *target) {
        size_t planned = (size_t) (target->planned - pinning->users->plan.workloads);
        bool is_found = false, was_seen = false;

        for (size_t i = 0; i < pinning->users->n_processes && !is_found; i++) {
                const FoundProcess *process = pinning->users->processes + i;
                _cleanup_(close_fd_at) int pid_fd = -EBADF;
                int r;

                if (process->planned != planned)
                        continue;
                was_seen = true;
                if (!target->group) {
                        target->group = strdup(process->group);
                        if (!target->group)
                                return -ENOMEM;
                }
                r = look_again(pinning, target, process, &pid_fd);
                if (r < 0 || (r > 0 && !is_same_unit(pinning, target, process->pid, pid_fd)))
                        return 0;
                is_found = r > 0;
        }

        if (!target->group) {
                target->group = strdup("");
                if (!target->group)
                        return -ENOMEM;
        }
        target->is_unit = is_whole_unit(target);
        if (was_seen && !is_found && !pinning->scope->even_if_unused)
                target_end(target, FATE_GONE, 0, "no longer uses it");
        else
                check_unit(pinning, target);
        return 0;
}

int targets_new(WorkloadUsers *users, sd_bus *bus, const WorkloadScope *scope, TargetList *ret_list) {
        const Pinning pinning = { .users = users, .bus = bus, .scope = scope };
        int r = 0;

        *ret_list = (TargetList) {};
        ret_list->targets = calloc(users->plan.n_taken ?: 1, sizeof(*ret_list->targets));
        if (!ret_list->targets)
                return -ENOMEM;

        for (size_t i = 0; i < users->plan.n_workloads && r >= 0; i++) {
                const PlannedWorkload *planned = users->plan.workloads + i;
                Target *target = ret_list->targets + ret_list->n;

                if (!planned->is_taken)
                        continue;
                target->planned = planned;
                target->n_processes = planned->n_processes;
                target->is_container = planned->workload.container[0];
                r = pin(&pinning, target);
                ret_list->n++;
        }
        return r;
}

void targets_clear(TargetList *list) {
        for (size_t i = 0; i < list->n; i++)
                free(list->targets[i].group);
        free(list->targets);
        *list = (TargetList) {};
}

size_t targets_count(const TargetList *list, TargetStage stage) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                n += list->targets[i].stage == stage;
        return n;
}

size_t targets_count_fate(const TargetList *list, WorkloadFate fate) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                n += list->targets[i].stage == TARGET_OVER && list->targets[i].fate == fate;
        return n;
}
