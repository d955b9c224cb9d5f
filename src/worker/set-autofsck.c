/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request, one child, one answer. What is told is what stands there afterwards.
 */
#include "src/worker/set-autofsck.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/worker/attach.h"
#include "src/worker/reopen.h"

/* As for any other short look; a frozen file system takes longer than anybody waits. */
#define SET_TIMEOUT_USEC (10 * USEC_PER_SEC)

typedef struct SetAutofsck {
        Worker *worker;
        Superblock *superblock;
        WorkerAutofsckRequest request;
        int monitor_fd;
        bool is_answered;
} SetAutofsck;

static WorkerMessage answer_new(const WorkerAutofsckRequest *request, int error) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_AUTOFSCK);
        message.autofsck_set = (WorkerAutofsckResult) {
                .request_id = request->request_id,
                .device_number = request->device_number,
                .error = error,
                .autofsck_state = FACT_UNKNOWN,
        };
        return message;
}

/* In the child */

static int carry_out(const SetAutofsck *set, WorkerAutofsckResult *result) {
        Autofsck autofsck = AUTOFSCK_UNSET;
        Reopened place;
        Outcome outcome;
        int error, r = 0;

        outcome = reopen_superblock(set->superblock, set->monitor_fd, REOPEN_TO_LOOK, &place, &error);
        if (outcome == OUTCOME_UNMOUNTED || outcome == OUTCOME_WRONG_FILESYSTEM)
                return -ESTALE;
        if (outcome != OUTCOME_DONE)
                return -(error ?: EIO);

        if (set->request.is_set)
                r = filesystem_write_autofsck(place.fd, (Autofsck) set->request.autofsck);
        if (r >= 0)
                r = filesystem_read_autofsck(place.fd, &autofsck);
        place.fd = close_fd(place.fd);
        if (r < 0)
                return r;
        result->autofsck_state = FACT_KNOWN;
        result->autofsck = (uint8_t) autofsck;
        return 0;
}

static int run_in_child(int report_fd, void *userdata) {
        const SetAutofsck *set = userdata;
        WorkerMessage message = answer_new(&set->request, 0);

        message.autofsck_set.error = -carry_out(set, &message.autofsck_set);
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF) < 0;
}

/* In the loop */

static void answer_error(Worker *worker, const WorkerAutofsckRequest *request, int error) {
        const WorkerMessage message = answer_new(request, error);

        worker_say(worker, &message, -EBADF);
}

static void on_report(_unused_ Child *child, const void *bytes, size_t size_bytes, int taken_fd, void *userdata) {
        _cleanup_(close_fd_at) _unused_ int fd = taken_fd;
        const WorkerMessage *message = bytes;
        SetAutofsck *set = userdata;

        if (set->is_answered || worker_message_check(message, size_bytes) < 0 ||
            message->header.type != WORKER_AUTOFSCK)
                return;
        set->is_answered = true;
        worker_say(set->worker, message, -EBADF);
}

static void on_stuck(Child *child, void *userdata) {
        SetAutofsck *set = userdata;
        char buffer[32];

        log_warning("%s: its property autofsck hangs in the kernel (pid %d), leaving this file system alone until that "
                    "ends",
                    superblock_subject(set->superblock, buffer), (int) child_pid(child));
        set->superblock->n_stuck++;
        if (!set->is_answered)
                answer_error(set->worker, &set->request, ETIMEDOUT);
        set->is_answered = true;
}

static void on_end(_unused_ Child *child, const ChildEnd *end, void *userdata) {
        _cleanup_(free_at) SetAutofsck *set = userdata;
        Worker *worker = set->worker;

        if (!set->is_answered)
                answer_error(worker, &set->request, end->ending == CHILD_TIMED_OUT ? ETIMEDOUT : EIO);
        set->superblock->n_children--;
        if (end->was_stuck)
                set->superblock->n_stuck--;
        worker_forget_unused(worker, set->superblock);
        attach_continue(worker);
}

static int start(Worker *worker, Superblock *superblock, const WorkerAutofsckRequest *request, int monitor_fd) {
        _cleanup_(free_at) SetAutofsck *set = NULL;
        ChildTask task = {
                .name = "autofsck",
                .run = run_in_child,
                .on_report = on_report,
                .on_stuck = on_stuck,
                .on_end = on_end,
                .timeout_usec = SET_TIMEOUT_USEC,
                .dies_with_us = true,
                .keep_fds = { monitor_fd },
        };
        int r;

        if (!superblock->has_monitor_type)
                return -EOPNOTSUPP;
        if (superblock->n_stuck > 0 || superblock->is_crashed)
                return -EBUSY;
        set = malloc(sizeof(*set));
        if (!set)
                return -ENOMEM;
        *set = (SetAutofsck) {
                .worker = worker,
                .superblock = superblock,
                .request = *request,
                .monitor_fd = monitor_fd,
        };
        task.userdata = set;
        r = child_spawn(worker->children, &task, NULL);
        if (r < 0)
                return r;

        superblock->n_children++;
        (void) steal_ptr(set);
        return 0;
}

void set_autofsck_request(Worker *worker, const WorkerAutofsckRequest *request, int taken_fd) {
        _cleanup_(close_fd_at) int monitor_fd = taken_fd;
        Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        int r;

        if (!superblock)
                r = -ESTALE;
        else if (monitor_fd >= 0 && !health_monitor_fd_is_monitor(monitor_fd))
                r = -EBADF;
        else
                r = start(worker, superblock, request, monitor_fd);
        if (r < 0)
                answer_error(worker, request, -r);
}
