/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerd asks for, type by type.
 */

#include <errno.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/basic/log.h"
#include "src/worker/attach.h"
#include "src/worker/fail.h"
#include "src/worker/gather.h"
#include "src/worker/recycle.h"
#include "src/worker/hold.h"
#include "src/worker/hooks.h"
#include "src/worker/repair.h"
#include "src/worker/scrub.h"
#include "src/worker/set-autofsck.h"
#include "src/worker/shut-down.h"
#include "src/worker/start-unit.h"
#include "src/worker/survey.h"
#include "src/worker/users.h"
#include "src/worker/worker.h"

static int handle_held_watch(Worker *worker, const WorkerHeld *held, int fd) {
        Superblock *superblock;
        ErrorWatchMark mark;

        if (error_watch_check(fd, &mark) < 0)
                return -EBADMSG;
        /* Of an earlier life of this device: healerd drops it when it is given the next one. */
        if (!mark.is_alive)
                return 0;
        if (mark.device_number != held->device_number)
                return -EBADMSG;

        /* All that is mounted is known before anybody is listened to; the watch of what is mounted nowhere ends with
         * it. */
        superblock = superblock_find(&worker->superblocks, held->device_number);
        if (superblock && superblock->n_mounts > 0)
                superblock_set_error_watch(superblock, fd);
        return 0;
}

/* Only what really is a monitor or a watch, and of that superblock, counts as held: healerd might be anybody. */
static int handle_held(Worker *worker, const WorkerHeld *held, int fd) {
        HealthMonitorTotals totals;
        Superblock *superblock;
        int r;

        if (fd < 0)
                return -EBADMSG;
        if (!health_monitor_fd_is_monitor(fd))
                return handle_held_watch(worker, held, fd);
        r = health_monitor_totals(fd, &totals);
        if (r < 0)
                return -EBADMSG;
        /* Its file system was unmounted meanwhile: healerd reads that by itself. */
        if (!totals.is_alive)
                return 0;
        if (totals.device_number != held->device_number)
                return -EBADMSG;

        r = superblock_ensure(&worker->superblocks, held->device_number, "xfs", &superblock);
        if (r < 0)
                return r;

        superblock->worker = worker;
        superblock->n_held++;
        superblock->facts.monitor_state = MONITOR_OPENED;
        repair_get_ready(worker);
        return 0;
}

static void handle_held_end(Worker *worker) {
        if (worker->may_attach)
                return;

        worker->may_attach = true;
        attach_continue(worker);
        worker_check_listed(worker);
}

static void handle_released(Worker *worker, const WorkerHeld *held) {
        Superblock *superblock = superblock_find(&worker->superblocks, held->device_number);

        if (!superblock)
                return;
        if (superblock->n_held == 0 && superblock->facts.has_error_watch) {
                superblock_drop_error_watch(superblock);
                if (superblock->n_mounts > 0)
                        attach_want(worker, superblock);
                return;
        }
        if (superblock->n_held == 0)
                return;

        superblock->n_held--;
        if (superblock->n_held == 0 && superblock->n_mounts > 0) {
                /* Most often it is being unmounted, and the news of that is on its way to us: what the attempt comes to
                 * is told, and all of it, because healerd knows nothing of it any more. */
                superblock->facts.monitor_state = MONITOR_ENDED;
                superblock->is_said = false;
                attach_want(worker, superblock);
        }
        worker_forget_unused(worker, superblock);
}

int worker_handle_message(Worker *worker, const WorkerMessage *message, int taken_fd) {
        _cleanup_(close_fd_at) int fd = taken_fd;

        switch ((WorkerMessageType) message->header.type) {
        case WORKER_HELD:
                return handle_held(worker, &message->held, fd);
        case WORKER_HELD_END:
                handle_held_end(worker);
                return 0;
        case WORKER_RELEASED:
                handle_released(worker, &message->held);
                return 0;
        case WORKER_REPAIR:
                repair_request(worker, &message->repair, steal_fd(&fd));
                return 0;
        case WORKER_SCRUB:
                scrub_request(worker, &message->scrub, steal_fd(&fd));
                return 0;
        case WORKER_GATHER:
                gather_request(worker, &message->gather, steal_fd(&fd));
                return 0;
        case WORKER_CANCEL:
                job_cancel(worker, message->cancel.job_id);
                return 0;
        case WORKER_JOB_TAKEN:
                job_taken(worker, message->cancel.job_id);
                return 0;
        case WORKER_SURVEY:
                survey_request(worker, &message->survey, steal_fd(&fd));
                return 0;
        case WORKER_SURVEY_CANCEL:
                survey_cancel(worker, message->survey_cancel.request_id);
                return 0;
        case WORKER_START_UNIT:
                start_unit_request(worker, &message->unit, steal_fd(&fd));
                return 0;
        case WORKER_LIST_USERS:
                users_request(worker, &message->users);
                return 0;
        case WORKER_HOOKS:
                hooks_request(worker, &message->hooks, steal_fd(&fd));
                return 0;
        case WORKER_RECYCLE:
                recycle_request(worker, &message->recycle, steal_fd(&fd));
                return 0;
        case WORKER_START_AGAIN:
                recycle_start_again_request(worker, &message->recycle, steal_fd(&fd));
                return 0;
        case WORKER_FAIL:
                fail_request(worker, &message->fail, steal_fd(&fd));
                return 0;
        case WORKER_SHUTDOWN:
                shut_down_request(worker, &message->shutdown, steal_fd(&fd));
                return 0;
        case WORKER_UNHOLD:
                hold_lift(worker, message->hold.unit);
                return 0;
        case WORKER_SET_AUTOFSCK:
                set_autofsck_request(worker, &message->set_autofsck, steal_fd(&fd));
                return 0;
        case WORKER_HELLO:
        case WORKER_HELLO_REPLY:
        case WORKER_FILESYSTEM:
        case WORKER_MOUNT_ADDED:
        case WORKER_MOUNT_GONE:
        case WORKER_MOUNTS_LISTED:
        case WORKER_JOB_STARTED:
        case WORKER_JOB_RESULT:
        case WORKER_GATHERED:
        case WORKER_INTENT_LEFT:
        case WORKER_SURVEY_RESULT:
        case WORKER_ZONE:
        case WORKER_POWER:
        case WORKER_SCAN:
        case WORKER_JOB_PROGRESS:
        case WORKER_USER:
        case WORKER_USERS_END:
        case WORKER_WORKLOAD:
        case WORKER_HOLD:
        case WORKER_HOOK:
        case WORKER_AUTOFSCK:
                return -EBADMSG;
        }

        return -EBADMSG;
}
