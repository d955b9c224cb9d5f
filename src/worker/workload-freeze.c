/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child that froze them thaws them. Only if it could not, a child of its own does it: when its job has ended, or at
 * the time that was noted.
 */
#include "src/worker/workload-freeze.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/worker/job.h"
#include "src/worker/runtime-folder.h"
#include "src/worker/unit-mark.h"

#define THAW_TIMEOUT_USEC USEC_PER_MINUTE
#define THAW_AGAIN_USEC (5 * USEC_PER_SEC)

/* In the child */

static void freeze_one(Target *target, sd_bus *bus, const FailTask *task, int marks_fd) {
        WorkerHold mark = {
                .job_id = task->request.job_id,
                .event_id = task->request.event_id,
                .since_realtime_usec = clock_realtime_usec(),
                .until_boottime_usec = clock_boottime_usec() + task->request.scope.thaw_usec,
        };
        int r;

        if (!target->is_unit) {
                target_end(target, FATE_SPARED, 0, "is no unit, so that systemd cannot freeze it");
                return;
        }
        (void) text_copy(mark.unit, sizeof(mark.unit), target->planned->workload.unit);
        r = marks_fd < 0 ? marks_fd : unit_mark_write(marks_fd, &mark);
        if (r < 0) {
                target_end(target, FATE_LEFT, r, "that it is to be thawed could not be noted, so it was not frozen");
                return;
        }
        r = unit_bus_freeze(bus, mark.unit, target->detail);
        if (r == -EOPNOTSUPP) {
                /* Where control groups are those of version 1, systemd says so no sooner. */
                (void) unit_mark_remove(marks_fd, mark.unit);
                target_end(target, FATE_SPARED, 0, "cannot be frozen");
                return;
        }
        if (r < 0) {
                /* It may be frozen by now all the same. */
                if (unit_bus_thaw(bus, mark.unit, NULL) >= 0 || r == -ENOENT)
                        (void) unit_mark_remove(marks_fd, mark.unit);
                target_end(target, r == -ENOENT ? FATE_GONE : FATE_LEFT, r, NULL);
                return;
        }
        target->stage = TARGET_ASKED;
}

static void thaw_one(Target *target, sd_bus *bus, int marks_fd) {
        const char *unit = target->planned->workload.unit;
        int r;

        r = unit_bus_thaw(bus, unit, target->detail);
        if (r < 0 && r != -ENOENT) {
                target_end(target, FATE_FROZEN, r, NULL);
                return;
        }
        (void) unit_mark_remove(marks_fd, unit);
        target_end(target, FATE_THAWED, 0, NULL);
}

/* Returns true if we were told to end. */
static bool wait_for_term(const sigset_t *term, uint64_t usec) {
        uint64_t until_usec = clock_monotonic_usec() + usec, now_usec;

        while ((now_usec = clock_monotonic_usec()) < until_usec) {
                const struct timespec left = {
                        .tv_sec = (time_t) ((until_usec - now_usec) / USEC_PER_SEC),
                        .tv_nsec = (long) ((until_usec - now_usec) % USEC_PER_SEC * NSEC_PER_USEC),
                };

                if (sigtimedwait(term, NULL, &left) == SIGTERM)
                        return true;
        }
        return false;
}

bool workloads_freeze(TargetList *list, sd_bus *bus, const FailTask *task, void (*begun)(size_t n, void *userdata),
                      void *userdata) {
        _cleanup_(close_fd_at) int marks_fd = runtime_folder_open(task->runtime_dir, UNIT_MARKS_FROZEN);
        bool is_told = false;
        sigset_t term;
        size_t n;

        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &term, NULL);
        for (size_t i = 0; i < list->n; i++)
                if (list->targets[i].stage == TARGET_CHOSEN)
                        freeze_one(list->targets + i, bus, task, marks_fd);

        n = targets_count(list, TARGET_ASKED);
        if (n > 0) {
                begun(n, userdata);
                is_told = wait_for_term(&term, task->request.scope.thaw_usec);
        }
        for (size_t i = 0; i < list->n; i++)
                if (list->targets[i].stage == TARGET_ASKED)
                        thaw_one(list->targets + i, bus, marks_fd);
        return is_told;
}

typedef struct ThawTask {
        Worker *worker;
        uint64_t job_id;                /* all of this one; 0: those whose time is over */
        sd_bus *bus;
        int marks_fd;
} ThawTask;

static bool is_due(const ThawTask *task, const WorkerHold *mark) {
        if (task->job_id != 0)
                return mark->job_id == task->job_id;
        return !job_is_running(task->worker, mark->job_id) && mark->until_boottime_usec <= clock_boottime_usec();
}

static void thaw_left(const WorkerHold *mark, void *userdata) {
        const ThawTask *task = userdata;
        int r;

        if (!is_due(task, mark))
                return;
        r = unit_bus_thaw(task->bus, mark->unit, NULL);
        if (r >= 0 || r == -ENOENT)
                (void) unit_mark_remove(task->marks_fd, mark->unit);
}

static int thaw_in_child(int report_fd, void *userdata) {
        ThawTask *task = userdata;
        int r;

        (void) report_fd;

        task->marks_fd = runtime_folder_open(task->worker->options.runtime_dir, UNIT_MARKS_FROZEN);
        r = task->marks_fd < 0 ? task->marks_fd : unit_bus_open(&task->bus, NULL);
        if (r >= 0)
                r = unit_marks_each(task->marks_fd, thaw_left, task);
        return r < 0;
}

/* In the loop */

static void look(Worker *worker);

static int on_thaw_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        look(userdata);
        return 0;
}

static void look_at(Worker *worker, uint64_t boottime_usec) {
        worker->thaw_source = sd_event_source_disable_unref(worker->thaw_source);
        if (sd_event_add_time(worker->event, &worker->thaw_source, CLOCK_BOOTTIME, boottime_usec, USEC_PER_MSEC,
                              on_thaw_time, worker) < 0)
                log_error("no timer to thaw what was frozen; systemctl thaw does it");
}

static void on_thaw_end(_unused_ Child *child, _unused_ const ChildEnd *end, void *userdata) {
        _cleanup_(free_at) ThawTask *task = userdata;

        task->worker->is_thawing = false;
        look_at(task->worker, clock_boottime_usec() + USEC_PER_MSEC);
}

static void thaw(Worker *worker, uint64_t job_id) {
        _cleanup_(free_at) ThawTask *task = calloc(1, sizeof(*task));
        ChildTask child = {
                .name = "thaw",
                .run = thaw_in_child,
                .on_end = on_thaw_end,
                .timeout_usec = THAW_TIMEOUT_USEC,
                .dies_with_us = true,
                .is_essential = true,
        };

        if (task) {
                *task = (ThawTask) { .worker = worker, .job_id = job_id, .marks_fd = -EBADF };
                child.userdata = task;
        }
        if (worker->is_thawing || !task || child_spawn(worker->children, &child, NULL) < 0) {
                look_at(worker, clock_boottime_usec() + THAW_AGAIN_USEC);
                return;
        }
        worker->is_thawing = true;
        worker->thawed_at_usec = clock_boottime_usec();
        (void) steal_ptr(task);
}

typedef struct Marks {
        const Worker *worker;
        uint64_t job_id, first_usec;
        bool has_job;
} Marks;

static void take_mark(const WorkerHold *mark, void *userdata) {
        Marks *marks = userdata;

        marks->has_job |= mark->job_id == marks->job_id;
        if (!job_is_running(marks->worker, mark->job_id))
                marks->first_usec = min_of(marks->first_usec, mark->until_boottime_usec);
}

static Marks read_marks(const Worker *worker, uint64_t job_id) {
        _cleanup_(close_fd_at) int marks_fd = runtime_folder_open(worker->options.runtime_dir, UNIT_MARKS_FROZEN);
        Marks marks = { .worker = worker, .job_id = job_id, .first_usec = USEC_INFINITY };

        if (marks_fd >= 0)
                (void) unit_marks_each(marks_fd, take_mark, &marks);
        return marks;
}

static void look(Worker *worker) {
        Marks marks = read_marks(worker, 0);
        uint64_t now_usec = clock_boottime_usec(), again_usec = worker->thawed_at_usec + THAW_AGAIN_USEC;

        if (marks.first_usec == USEC_INFINITY || worker->is_thawing)
                return;
        if (marks.first_usec > now_usec)
                look_at(worker, marks.first_usec);
        else if (worker->thawed_at_usec != 0 && now_usec < again_usec)
                look_at(worker, again_usec);
        else
                thaw(worker, 0);
}

void thaw_adopt(Worker *worker) {
        look(worker);
}

void thaw_job(Worker *worker, uint64_t job_id) {
        if (read_marks(worker, job_id).has_job)
                thaw(worker, job_id);
}

void thaw_clear(Worker *worker) {
        worker->thaw_source = sd_event_source_disable_unref(worker->thaw_source);
}
