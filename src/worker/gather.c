/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One question, one child, one answer. What could not be found out says why and stays unknown.
 */

#include "src/worker/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "kernel/xfs-survey.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/attach.h"
#include "src/worker/reopen.h"

/* How long the last error is waited for, and how often looked for. */
#define LAST_ERROR_WAIT_USEC USEC_PER_SEC
#define LAST_ERROR_PAUSE_USEC (20 * USEC_PER_MSEC)

typedef struct Gather {
        Worker *worker;
        Superblock *superblock;
        WorkerGatherRequest request;
        int monitor_fd;
        bool is_answered;
} Gather;

static void fail_answer(WorkerGathered *answer, const WorkerGatherRequest *request, int error) {
        *answer = (WorkerGathered) {
                .request_id = request->request_id,
                .device_number = request->device_number,
                .autofsck_state = FACT_UNKNOWN,
                .autofsck_error = error,
                .path_state = FACT_UNKNOWN,
                .path_error = error,
                .owner.error = error,
                .owner.project_error = error,
                .is_read_only = TRISTATE_UNKNOWN,
                .is_sick = TRISTATE_UNKNOWN,
        };
}

/* In the child */

static int errno_of_outcome(Outcome outcome, int error) {
        if (outcome == OUTCOME_UNMOUNTED || outcome == OUTCOME_WRONG_FILESYSTEM)
                return ESTALE;

        return error ?: EIO;
}

static void wait_for_age(const Superblock *superblock) {
        uint64_t ready_usec = superblock->mounted_usec + GATHER_PATH_AFTER_USEC;
        const struct timespec until = {
                .tv_sec = (time_t) (ready_usec / USEC_PER_SEC),
                .tv_nsec = (long) (ready_usec % USEC_PER_SEC * NSEC_PER_USEC),
        };

        if (superblock->mounted_usec != 0)
                (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Of one who has no such property nothing is known, and nothing ever will be. */
static void say_no_autofsck(WorkerGathered *answer) {
        answer->autofsck_state = FACT_ABSENT;
        answer->autofsck_error = 0;
}

/* ext4 tells of an error before it is counted: that is left to a work item of the kernel. */
static void find_last_error(const Gather *gather, WorkerGathered *answer) {
        const struct timespec pause = { .tv_nsec = LAST_ERROR_PAUSE_USEC * NSEC_PER_USEC };
        const Superblock *superblock = gather->superblock;

        for (uint64_t waited_usec = 0; waited_usec < LAST_ERROR_WAIT_USEC; waited_usec += LAST_ERROR_PAUSE_USEC) {
                OldErrors errors[OLD_ERRORS_MAX];
                int r;

                r = old_errors_find(superblock->facts.type, "/sys", superblock->device_number, -EBADF, errors);
                if (r < 0) {
                        log_debug_errno(r, "%s: its last error is not known: %m", superblock->facts.device);
                        return;
                }
                if (errors[0].count > 0 && errors[0].realtime_sec >= gather->request.error_since_sec) {
                        answer->last_error = errors[0];
                        return;
                }
                (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
}

/* What is gone is not sick; what cannot be told stays unknown. */
static void gather_sick(int root_fd, const SickFinding *checked, WorkerGathered *answer) {
        int r = xfs_survey_is_sick(root_fd, checked);

        if (r >= 0 || r == -ESTALE)
                answer->is_sick = r > 0 ? TRISTATE_YES : TRISTATE_NO;
        else
                log_debug_errno(r, "whether it is still sick cannot be told: %m");
}

static int gather_in_child(int report_fd, void *userdata) {
        Gather *gather = userdata;
        const Superblock *superblock = gather->superblock;
        WorkerMessage message = {};
        WorkerGathered *answer = &message.gathered;
        _cleanup_(close_fd_at) int names_fd = -EBADF;
        Reopened place;
        Outcome outcome;
        int error;

        worker_message_init(&message, WORKER_GATHERED);
        fail_answer(answer, &gather->request, EIO);
        if (gather->request.inode != 0)
                wait_for_age(superblock);

        outcome = reopen_superblock(superblock, gather->monitor_fd, REOPEN_TO_LOOK, &place, &error);
        if (outcome != OUTCOME_DONE) {
                fail_answer(answer, &gather->request, errno_of_outcome(outcome, error));
        } else {
                answer->is_read_only = place.is_read_only ? TRISTATE_YES : TRISTATE_NO;
                if (superblock->has_monitor_type)
                        gather_autofsck(place.fd, answer);
                else
                        say_no_autofsck(answer);
                answer->path_error = answer->owner.error = answer->owner.project_error = 0;
                if (gather->request.is_lost)
                        gather_lost(place.fd, &gather->request, answer, &names_fd);
                else if (gather->request.wants_path)
                        gather_path(place.fd, gather->request.inode, gather->request.generation, answer);
                if (gather->request.wants_owner || gather->request.wants_project)
                        gather_owner(place.fd, superblock->facts.type, &gather->request, &answer->owner);
                if (gather->request.checked.structure != STRUCTURE_NONE)
                        gather_sick(place.fd, &gather->request.checked, answer);
                /* Before what may take a second: in nobody's way. */
                close_fd(place.fd);
        }
        if (gather->request.wants_owner)
                gather_owner_names(&answer->owner);
        if (gather->request.error_since_sec > 0)
                find_last_error(gather, answer);

        return child_report(report_fd, &message, message.header.size_bytes, names_fd) < 0;
}

/* In the loop */

static void answer_error(Worker *worker, const WorkerGatherRequest *request, int error) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_GATHERED);
        fail_answer(&message.gathered, request, error);
        worker_say(worker, &message, -EBADF);
}

static void on_gather_report(Child *child, const void *bytes, size_t size_bytes, int taken_fd, void *userdata) {
        _cleanup_(close_fd_at) int fd = taken_fd;
        const WorkerMessage *message = bytes;
        Gather *gather = userdata;

        (void) child;

        if (gather->is_answered || worker_message_check(message, size_bytes) < 0 ||
            message->header.type != WORKER_GATHERED)
                return;

        gather->is_answered = true;
        worker_say(gather->worker, message, fd);
}

static void on_gather_stuck(Child *child, void *userdata) {
        Gather *gather = userdata;
        char buffer[32];

        log_warning("%s: a look-up hangs in the kernel (pid %d), leaving this file system alone until it ends",
                    superblock_subject(gather->superblock, buffer), (int) child_pid(child));
        gather->superblock->n_stuck++;
        if (!gather->is_answered)
                answer_error(gather->worker, &gather->request, ETIMEDOUT);
        gather->is_answered = true;
}

static void on_gather_end(Child *child, const ChildEnd *end, void *userdata) {
        _cleanup_(free_at) Gather *gather = userdata;
        Worker *worker = gather->worker;

        (void) child;

        if (!gather->is_answered)
                answer_error(worker, &gather->request, end->ending == CHILD_TIMED_OUT ? ETIMEDOUT : EIO);
        gather->superblock->n_children--;
        if (end->was_stuck)
                gather->superblock->n_stuck--;
        worker_forget_unused(worker, gather->superblock);
        attach_continue(worker);
}

static int gather_start(Worker *worker, Superblock *superblock, const WorkerGatherRequest *request, int monitor_fd) {
        _cleanup_(free_at) Gather *gather = NULL;
        ChildTask task = {
                .name = "gather",
                .run = gather_in_child,
                .on_report = on_gather_report,
                .on_stuck = on_gather_stuck,
                .on_end = on_gather_end,
                .timeout_usec = GATHER_TIMEOUT_USEC,
                .dies_with_us = true,
                .keep_fds = { monitor_fd },
        };
        int r;

        if (superblock->n_stuck > 0 || superblock->is_crashed)
                return -EBUSY;

        gather = malloc(sizeof(*gather));
        if (!gather)
                return -ENOMEM;
        *gather = (Gather) {
                .worker = worker,
                .superblock = superblock,
                .request = *request,
                .monitor_fd = monitor_fd,
        };
        task.userdata = gather;

        r = child_spawn(worker->children, &task, NULL);
        if (r < 0)
                return r;

        superblock->n_children++;
        (void) steal_ptr(gather);
        return 0;
}

void gather_request(Worker *worker, const WorkerGatherRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        int r;

        if (!superblock)
                r = -ESTALE;
        else if (job_answers(worker, request, monitor_fd)) {
                (void) steal_fd(&monitor_fd);
                return;
        } else if (monitor_fd >= 0 && !health_monitor_fd_is_monitor(monitor_fd))
                r = -EBADF;
        else
                r = gather_start(worker, superblock, request, monitor_fd);
        if (r < 0)
                answer_error(worker, request, -r);
}
