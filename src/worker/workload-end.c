/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every one goes its own way, from the request to end over SIGKILL to what is left; one loop looks after all of them,
 * often at first. Whether a unit has ended says systemd, and its control group, which must be empty: systemd gives up
 * processes that hang in the kernel.
 */
#include "src/worker/workload-end.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/worker/workload-group.h"

#define LOOK_FIRST_USEC (5 * USEC_PER_MSEC)
#define LOOK_SELDOM_USEC (250 * USEC_PER_MSEC)

typedef struct Ending {
        TargetList *list;
        sd_bus *bus;
        const WorkloadScope *scope;
} Ending;

/* Of what was asked of systemd, or of the kernel. */
static void note_failure(Target *target, int error) {
        if (error == -ENOENT)
                target_end(target, target->was_asked || target->was_killed ? FATE_STOPPED : FATE_GONE, 0, NULL);
        else
                target_end(target, FATE_LEFT, error, target->detail[0] ? NULL : strerror(-error));
}

static void kill_it(const Ending *ending, Target *target) {
        int r;

        r = target->is_unit ? unit_bus_kill(ending->bus, target->planned->workload.unit, SIGKILL, target->detail)
                            : workload_group_kill(target->group);
        if (r < 0) {
                note_failure(target, r);
                return;
        }
        target->was_killed = true;
}

static void begin_killing(const Ending *ending, Target *target) {
        kill_it(ending, target);
        if (target->stage == TARGET_OVER)
                return;
        target->stage = TARGET_KILLED;
        target->deadline_usec = clock_monotonic_usec() + KILL_PATIENCE_USEC;
}

/* A container's scope is not stopped but told to end, as its runtime does it. */
static int ask(const Ending *ending, Target *target) {
        const char *unit = target->planned->workload.unit;

        if (!target->is_unit)
                return workload_group_signal(target->group, SIGTERM);
        if (!target->is_container && (ending->scope->how == HOW_STOP || target->n_returns > 0))
                return unit_bus_stop(ending->bus, unit, target->detail);
        return unit_bus_kill(ending->bus, unit, SIGTERM, target->detail);
}

static void begin(const Ending *ending, Target *target) {
        uint64_t term_usec = ending->scope->term_usec;
        int r;

        if (target->n_returns > 0)
                term_usec = max_of(term_usec, (uint64_t) RETURN_TERM_USEC);
        if (ending->scope->how == HOW_FAIL && term_usec == 0) {
                begin_killing(ending, target);
                return;
        }
        r = ask(ending, target);
        if (r < 0) {
                note_failure(target, r);
                return;
        }
        target->was_asked = true;
        target->stage = TARGET_ASKED;
        target->deadline_usec = clock_monotonic_usec() + term_usec;
}

static WorkloadFate fate_of(const Ending *ending, const Target *target, bool is_failed) {
        if (target->was_killed && target->was_asked)
                return FATE_KILLED;
        if (target->was_killed)
                return FATE_FAILED;
        return ending->scope->how == HOW_FAIL && is_failed ? FATE_FAILED : FATE_STOPPED;
}

/* Returns 1 if it has ended; 0; or a negative errno. */
static int has_ended(Target *target, sd_bus *bus, UnitState *state) {
        bool is_another, is_restarting;
        int r;

        *state = (UnitState) {};
        if (target->is_unit) {
                r = unit_bus_state(bus, target->planned->workload.unit, state, target->detail);
                if (r < 0)
                        return r;
                is_restarting = text_starts_with(state->sub, "auto-restart");
                is_another = memcmp(state->invocation, target->invocation, UNIT_INVOCATION_SIZE) != 0 &&
                             !text_equal(state->active, "deactivating");
                target->is_restarting = is_restarting;
                if (is_another)
                        return 1;
                if (!is_restarting && !text_equal(state->active, "inactive") && !text_equal(state->active, "failed"))
                        return 0;
        }
        target->n_left = target->group[0] ? workload_group_count(target->group) : 0;
        return target->n_left == 0;
}

static void leave(Target *target) {
        char why[JOB_DETAIL_SIZE];

        target->n_left = target->group[0] ? workload_group_count(target->group) : 0;
        workload_group_explain(target->group, why, sizeof(why));
        target_end(target, FATE_LEFT, ETIMEDOUT, "");
        if (target->n_left == 0)
                (void) text_copy(target->detail, sizeof(target->detail), "systemd does not say that it has ended");
        else
                (void) text_append_format(target->detail, sizeof(target->detail), "%u %s left after SIGKILL: %s",
                                          target->n_left, target->n_left == 1 ? "process is" : "processes are", why);
}

static void look_after(const Ending *ending, Target *target) {
        uint64_t now_usec = clock_monotonic_usec();
        UnitState state;
        int r;

        r = has_ended(target, ending->bus, &state);
        if (r < 0) {
                note_failure(target, r);
                return;
        }
        if (r > 0) {
                target_end(target, fate_of(ending, target, text_equal(state.active, "failed") || target->is_restarting),
                           0, NULL);
                return;
        }
        if (target->stage == TARGET_ASKED && now_usec >= target->deadline_usec)
                begin_killing(ending, target);
        else if (target->stage == TARGET_KILLED && now_usec >= target->deadline_usec)
                leave(target);
}

/* What systemd starts next to a process that was killed (ExecStopPost=) has half of the time. */
static void kill_again(const Ending *ending, uint64_t *again_usec) {
        uint64_t now_usec = clock_monotonic_usec();

        if (now_usec < *again_usec)
                return;
        *again_usec = now_usec + KILL_PATIENCE_USEC / 2;
        for (size_t i = 0; i < ending->list->n; i++) {
                Target *target = ending->list->targets + i;

                if (target->stage == TARGET_KILLED &&
                    target->deadline_usec < now_usec + KILL_PATIENCE_USEC * 3 / 4)
                        kill_it(ending, target);
        }
}

/* News of systemd's may come earlier; they say nothing that is not asked for. */
static void pause_for(sd_bus *bus, uint64_t pause_usec) {
        uint64_t until_usec = clock_monotonic_usec() + pause_usec, now_usec;

        while ((now_usec = clock_monotonic_usec()) < until_usec) {
                int r = sd_bus_process(bus, NULL);

                if (r == 0)
                        r = sd_bus_wait(bus, until_usec - now_usec);
                if (r < 0) {
                        (void) usleep((useconds_t) (until_usec - now_usec));
                        return;
                }
        }
}

static uint64_t pause_after(uint64_t started_usec) {
        uint64_t gone_usec = clock_monotonic_usec() - started_usec;

        gone_usec = max_of(gone_usec / 8, (uint64_t) LOOK_FIRST_USEC);
        return min_of(gone_usec, (uint64_t) LOOK_SELDOM_USEC);
}

/* Whoever systemd starts again has to have been started before it is known whether it uses the file system again. */
static void wait_for_restarts(const Ending *ending) {
        uint64_t started_usec = clock_monotonic_usec();

        for (;;) {
                size_t n = 0;

                for (size_t i = 0; i < ending->list->n; i++) {
                        Target *target = ending->list->targets + i;
                        UnitState state;

                        if (target->stage != TARGET_OVER || !target->is_restarting ||
                            unit_bus_state(ending->bus, target->planned->workload.unit, &state, NULL) < 0)
                                continue;
                        target->is_restarting = text_starts_with(state.sub, "auto-restart") ||
                                                text_equal(state.active, "activating");
                        n += target->is_restarting;
                }
                if (n == 0 || clock_monotonic_usec() >= started_usec + RESTART_PATIENCE_USEC)
                        return;
                pause_for(ending->bus, pause_after(started_usec));
        }
}

void workloads_end(TargetList *list, sd_bus *bus, const WorkloadScope *scope) {
        const Ending ending = { .list = list, .bus = bus, .scope = scope };
        uint64_t started_usec = clock_monotonic_usec(), again_usec = started_usec + KILL_PATIENCE_USEC / 2;

        for (size_t i = 0; i < list->n; i++)
                if (list->targets[i].stage == TARGET_CHOSEN)
                        begin(&ending, list->targets + i);
        for (;;) {
                for (size_t i = 0; i < list->n; i++)
                        if (list->targets[i].stage != TARGET_OVER)
                                look_after(&ending, list->targets + i);
                if (targets_count(list, TARGET_OVER) == list->n)
                        break;
                kill_again(&ending, &again_usec);
                pause_for(bus, pause_after(started_usec));
        }
        wait_for_restarts(&ending);
}

static bool was_ended(const Target *target) {
        return target->stage == TARGET_OVER && (target->fate == FATE_STOPPED || target->fate == FATE_FAILED ||
                                                target->fate == FATE_KILLED);
}

static void choose_again(Target *target, sd_bus *bus) {
        UnitState state;

        target->is_restarting = false;
        if (target->n_returns >= RETURNS_MAX) {
                target_end(target, FATE_BACK, 0, "was started again each time");
                target->n_left = target->group[0] ? workload_group_count(target->group) : 0;
                return;
        }
        if (target->is_unit && unit_bus_state(bus, target->planned->workload.unit, &state, NULL) >= 0)
                memcpy(target->invocation, state.invocation, sizeof(target->invocation));
        target->was_asked = target->was_killed = false;
        target->n_returns++;
        target->stage = TARGET_CHOSEN;
        (void) snprintf(target->detail, sizeof(target->detail), "was started again and used it again, %u %s",
                        target->n_returns, target->n_returns == 1 ? "time" : "times");
}

/* It does not use it now. What it does later nobody knows; a hold would have kept it from it. */
static void note_running(Target *target, sd_bus *bus) {
        UnitState state;

        if (!target->is_unit || target->detail[0] ||
            unit_bus_state(bus, target->planned->workload.unit, &state, NULL) < 0)
                return;
        if (text_starts_with(state.sub, "auto-restart"))
                (void) text_copy(target->detail, sizeof(target->detail),
                                 "systemd is going to start it again (Restart=)");
        else if (text_equal(state.active, "active") || text_equal(state.active, "activating"))
                (void) text_copy(target->detail, sizeof(target->detail), "was started again, and does not use it");
}

size_t workloads_choose_returned(TargetList *list, sd_bus *bus, const WorkloadUsers *users) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++) {
                Target *target = list->targets + i;
                const Workload *workload = &target->planned->workload;
                const PlannedWorkload *found = workload_plan_find(&users->plan, workload->unit, workload->container);

                if (!was_ended(target))
                        continue;
                if (!found || !found->is_user) {
                        note_running(target, bus);
                        continue;
                }
                choose_again(target, bus);
                n += target->stage == TARGET_CHOSEN;
        }
        return n;
}
