/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching, and attaching again: after a new mount, after a foreign holder ended, after a failure.
 */

#include "src/worker/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/error-watch.h"
#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/message-ids.h"
#include "src/basic/text.h"
#include "src/worker/disks.h"
#include "src/worker/removable.h"
#include "src/worker/reopen.h"
#include "src/worker/repair.h"
#include "src/worker/survey.h"

#define RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (30 * USEC_PER_SEC)
/* A failure that lasts this long stays until something is mounted. A foreign holder is asked for ever. */
#define ATTEMPTS_MAX 12

typedef struct AttachTask {
        Worker *worker;
        Superblock *superblock;         /* stays: is counted as attaching */
        bool is_reported;
} AttachTask;

/* In the child */

/* The first that can be opened of the mounts that show the root, or of those that show a folder. Only a monitor needs
 * the root above such a folder; to an error watch any folder is as good, but for subvolumes of btrfs. */
static int open_mount_of_kind(const Superblock *superblock, bool shows_root) {
        const Mount *mount;
        int r = -ENOENT;

        TAILQ_FOREACH(mount, &superblock->mounts, entry) {
                int fd;

                if (mount->is_whole != shows_root)
                        continue;
                fd = mount_open_beside(mount->mount_point, superblock->device_number,
                                       shows_root || !superblock->has_monitor_type);
                if (fd >= 0)
                        return fd;
                r = fd;
        }

        return r;
}

static int open_root(const Superblock *superblock) {
        int fd, above_fd;

        fd = open_mount_of_kind(superblock, true);
        if (fd >= 0)
                return fd;

        above_fd = open_mount_of_kind(superblock, false);
        return above_fd >= 0 || fd == -ENOENT ? above_fd : fd;
}

static void take_monitor(const Superblock *superblock, int root_fd, WorkerFilesystem *facts, int *ret_monitor_fd) {
        int fd;

        *ret_monitor_fd = -EBADF;
        facts->monitor_state = MONITOR_NONE;
        if (!superblock->has_monitor_type)
                return;

        fd = health_monitor_open(root_fd);
        if (fd >= 0) {
                *ret_monitor_fd = fd;
                facts->monitor_state = MONITOR_OPENED;
        } else if (fd == -ENOTTY || fd == -EOPNOTSUPP) {
                facts->monitor_state = MONITOR_UNSUPPORTED;
        } else if (fd == -EEXIST) {
                facts->monitor_state = MONITOR_FOREIGN;
        } else {
                facts->monitor_state = MONITOR_FAILED;
                facts->error = -fd;
        }
}

/* Returns as error_watch_open(). */
static int open_error_watch(const AttachTask *attach, int root_fd) {
        if (kernel_version_compare(attach->worker->kernel, attach->superblock->type->tells_errors_since) < 0)
                return -EOPNOTSUPP;

        return error_watch_open(root_fd);
}

/* Only where there is no monitor of ours, and only once: what healerd holds goes on. */
static void take_error_watch(const AttachTask *attach, int root_fd, WorkerFilesystem *facts, int *ret_watch_fd) {
        const Superblock *superblock = attach->superblock;
        int r, fd;

        *ret_watch_fd = -EBADF;
        if (facts->monitor_state == MONITOR_OPENED || superblock->n_held > 0) {
                facts->has_error_watch = false;
                facts->error_watch_error = 0;
                return;
        }
        if (facts->has_error_watch)
                return;

        fd = open_error_watch(attach, root_fd);
        /* After the watch: what comes in between is told twice rather than not at all. */
        r = old_errors_find(facts->type, "/sys", superblock->device_number, root_fd, facts->old_errors);
        if (r < 0)
                log_debug_errno(r, "%s: errors counted before are not known: %m", facts->device);
        if (r == -ENOENT && superblock->type->must_be_ext4) {
                close_fd(fd);
                fd = -EOPNOTSUPP;
        }
        for (size_t i = 0; i < OLD_ERRORS_MAX; i++)
                facts->old_errors[i].count -= min_of(superblock->n_old_told[i], facts->old_errors[i].count);

        facts->has_error_watch = fd >= 0;
        facts->error_watch_error = fd < 0 ? -fd : 0;
        *ret_watch_fd = fd;
}

static void copy_disks(dev_t device_number, WorkerFilesystem *filesystem) {
        dev_t disks[FILESYSTEM_DISKS_MAX];

        memset(filesystem->disks, 0, sizeof(filesystem->disks));
        filesystem->n_disks = (uint32_t) device_find_disks("/sys", device_number, disks, ELEMENTSOF(disks));
        for (size_t i = 0; i < filesystem->n_disks; i++)
                filesystem->disks[i] = disks[i];
}

static void copy_probed(const FilesystemFacts *probed, WorkerFilesystem *facts) {
        facts->uuid_state = probed->uuid_state;
        memcpy(facts->uuid, probed->uuid, UUID_SIZE);
        facts->label_state = probed->label_state;
        if (probed->label)
                (void) text_copy(facts->label, sizeof(facts->label), probed->label);
        facts->autofsck_state = probed->autofsck_state;
        facts->autofsck = probed->autofsck;
        facts->autofsck_error = probed->autofsck_error;
        /* Not is_read_only: the mount table knows it, and the unattached copy that was opened does not always. */
        facts->has_rmapbt = probed->has_rmapbt;
        facts->has_parent_pointers = probed->has_parent_pointers;
        facts->has_metadir = probed->has_metadir;
        facts->n_rtgroups = probed->n_rtgroups;
}

static int attach_in_child(int report_fd, void *userdata) {
        const AttachTask *attach = userdata;
        const Superblock *superblock = attach->superblock;
        _cleanup_(close_fd_at) int root_fd = -EBADF, monitor_fd = -EBADF, watch_fd = -EBADF;
        FilesystemFacts probed = { .type = (char *) superblock->facts.type,
                                   .device_number = superblock->device_number };
        HealthMonitorHolder holder = {};
        WorkerMessage message = {}, sick = {};
        bool is_sick = false;
        const Mount *mount;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem = superblock->facts;
        message.filesystem.error = 0;
        message.filesystem.holder_pid = 0;
        message.filesystem.holder_name[0] = 0;

        root_fd = open_root(superblock);
        if (root_fd < 0) {
                message.filesystem.monitor_state = superblock->has_monitor_type ? MONITOR_FAILED : MONITOR_NONE;
                message.filesystem.error = -root_fd;
                message.filesystem.error_watch_error = message.filesystem.has_error_watch ? 0 : -root_fd;
        } else {
                take_monitor(superblock, root_fd, &message.filesystem, &monitor_fd);
                take_error_watch(attach, root_fd, &message.filesystem, &watch_fd);
                if (filesystem_probe(root_fd, &probed) >= 0)
                        copy_probed(&probed, &message.filesystem);
                if (monitor_fd >= 0)
                        is_sick = survey_attached(superblock, root_fd, &sick);
                /* From here on nothing of ours keeps the file system from being unmounted. */
                root_fd = close_fd(root_fd);
        }

        message.filesystem.is_removable = device_is_removable("/sys", superblock->device_number);
        copy_disks(superblock->device_number, &message.filesystem);
        TAILQ_FOREACH(mount, &superblock->mounts, entry)
                if (mount_point_is_for_media(mount->mount_point))
                        message.filesystem.is_removable = TRISTATE_YES;

        if (message.filesystem.monitor_state == MONITOR_FOREIGN && superblock->n_held == 0 &&
            health_monitor_find_holder(superblock->device_number, &holder) >= 0) {
                message.filesystem.holder_pid = holder.pid;
                (void) text_copy(message.filesystem.holder_name, sizeof(message.filesystem.holder_name), holder.name);
        }

        if (child_report(report_fd, &message, message.header.size_bytes, monitor_fd >= 0 ? monitor_fd : watch_fd) < 0)
                return 1;
        return is_sick && child_report(report_fd, &sick, sick.header.size_bytes, -EBADF) < 0;
}

/* In the loop */

static void stop_waiting(Superblock *superblock) {
        superblock->retry_source = sd_event_source_disable_unref(superblock->retry_source);
        superblock->holder_source = sd_event_source_disable_unref(superblock->holder_source);
}

static int on_retry_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Superblock *superblock = userdata;

        (void) source;
        (void) usec;

        attach_want(superblock->worker, superblock);
        return 0;
}

static int on_holder_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Superblock *superblock = userdata;
        char buffer[32];

        (void) source;
        (void) fd;
        (void) revents;

        log_info("%s: %s (pid %d), which held its monitor, ended", superblock_subject(superblock, buffer),
                 superblock->facts.holder_name, superblock->facts.holder_pid);
        superblock->retry_delay_usec = 0;
        attach_want(superblock->worker, superblock);
        return 0;
}

static void retry_later(Worker *worker, Superblock *superblock, uint64_t at_least_usec) {
        uint64_t delay_usec = superblock->retry_delay_usec ?: RETRY_MIN_USEC;
        char buffer[32];

        superblock->retry_delay_usec = min_of(delay_usec * 2, RETRY_MAX_USEC);
        if (sd_event_add_time_relative(worker->event, &superblock->retry_source, CLOCK_MONOTONIC,
                                       max_of(delay_usec, at_least_usec), 0, on_retry_time, superblock) < 0)
                log_warning("%s: no memory for another attempt to listen", superblock_subject(superblock, buffer));
}

static void wait_for_holder(Worker *worker, Superblock *superblock) {
        _cleanup_(close_fd_at) int pid_fd = -EBADF;
        uint64_t at_least_usec = 0;

        if (superblock->facts.holder_pid > 0)
                pid_fd = (int) syscall(SYS_pidfd_open, superblock->facts.holder_pid, 0);
        if (pid_fd >= 0 && sd_event_add_io(worker->event, &superblock->holder_source, pid_fd, EPOLLIN, on_holder_end,
                                           superblock) >= 0) {
                (void) sd_event_source_set_io_fd_own(superblock->holder_source, true);
                (void) steal_fd(&pid_fd);
                /* Its end is news; that it lets go without ending is worth a look now and then. */
                at_least_usec = RETRY_MAX_USEC;
        }

        retry_later(worker, superblock, at_least_usec);
}

static void log_foreign(const Superblock *superblock) {
        char buffer[32];
        LogRecord record;

        log_record_begin(&record, LOG_NOTICE, MESSAGE_MONITOR_REFUSED);
        log_record_field(&record, "XFS_HEALER_DEVICE", "%s", superblock->facts.device);
        log_record_field(&record, "XFS_HEALER_HOLDER_PID", "%d", superblock->facts.holder_pid);
        if (superblock->facts.holder_pid > 0)
                log_record_send(&record, "%s: %s (pid %d) listens here already, waiting for it to end",
                                superblock_subject(superblock, buffer), superblock->facts.holder_name,
                                superblock->facts.holder_pid);
        else
                log_record_send(&record, "%s: another program listens here already, trying again from time to time",
                                superblock_subject(superblock, buffer));
}

static void judge_foreign(Worker *worker, Superblock *superblock, const WorkerFilesystem *before) {
        WorkerFilesystem *facts = &superblock->facts;

        if (superblock->n_held == 0 && facts->holder_pid > 0 &&
            facts->holder_pid == connection_peer_pid(worker->connection))
                superblock->n_held = 1;
        if (superblock->n_held > 0) {
                facts->monitor_state = MONITOR_OPENED;
                facts->holder_pid = 0;
                facts->holder_name[0] = 0;
                return;
        }

        if (before->monitor_state != MONITOR_FOREIGN || before->holder_pid != facts->holder_pid)
                log_foreign(superblock);
        wait_for_holder(worker, superblock);
}

static void judge_failure(Worker *worker, Superblock *superblock, const WorkerFilesystem *before) {
        int error = superblock->facts.error;
        char buffer[32];

        /* It went away while we looked: the mount table tells, or has told already. */
        if (superblock->n_mounts == 0)
                return;

        if (before->monitor_state != MONITOR_FAILED || before->error != error)
                log_warning_errno(error, "%s: cannot listen for health events: %m",
                                  superblock_subject(superblock, buffer));
        if (++superblock->n_attempts < ATTEMPTS_MAX)
                retry_later(worker, superblock, 0);
}

/* Why nobody watches it where there is no monitor to be had. */
static void judge_no_error_watch(Worker *worker, Superblock *superblock, const WorkerFilesystem *before) {
        int error = superblock->facts.error_watch_error;
        char buffer[32];

        if (error == 0 || superblock->n_mounts == 0)
                return;
        if (error == EOPNOTSUPP) {
                if (!worker->is_silent_type_said)
                        log_notice("%s: this kernel tells nobody of errors of %s (Linux 5.16 does for ext4, 7.0 for "
                                   "others), not watching it; this is said once",
                                   superblock_subject(superblock, buffer), superblock->facts.type);
                worker->is_silent_type_said = true;
                return;
        }

        if (before->error_watch_error != error)
                log_warning_errno(error, "%s: cannot listen for errors%s: %m", superblock_subject(superblock, buffer),
                                  error == EXDEV ? " through a subvolume" : "");
        if (error != EXDEV && ++superblock->n_attempts < ATTEMPTS_MAX)
                retry_later(worker, superblock, 0);
}

/* Returns what is to be passed on of @fd, an error watch: a monitor of ours makes it superfluous, and one that was
 * opened before the last mount may be that of another superblock. */
static int judge_error_watch(Superblock *superblock, int fd) {
        WorkerFilesystem *facts = &superblock->facts;
        char buffer[32];

        if (fd >= 0 && facts->monitor_state != MONITOR_OPENED && superblock->n_mounts > 0 &&
            !superblock->must_attach_again) {
                log_debug("%s: error watch opened", superblock_subject(superblock, buffer));
                superblock_set_error_watch(superblock, fd);
                return fd;
        }
        if (fd >= 0 || facts->monitor_state == MONITOR_OPENED) {
                superblock_drop_error_watch(superblock);
                memset(facts->old_errors, 0, sizeof(facts->old_errors));
        }
        return -EBADF;
}

static void say_result(Worker *worker, Superblock *superblock, int fd) {
        bool is_told = connection_is_ready(worker->connection);

        worker_say_superblock(worker, superblock, fd);
        if (superblock->facts.monitor_state == MONITOR_OPENED)
                repair_get_ready(worker);
        /* Told once: they are part of this one record, and not of what may be said again. */
        for (size_t i = 0; is_told && i < OLD_ERRORS_MAX; i++)
                superblock->n_old_told[i] += superblock->facts.old_errors[i].count;
        memset(superblock->facts.old_errors, 0, sizeof(superblock->facts.old_errors));
}

/* @watch_fd: an error watch; at most one of both is open, and both are borrowed. */
static void judge(Worker *worker, Superblock *superblock, const WorkerFilesystem *before, int monitor_fd,
                  int watch_fd) {
        WorkerFilesystem *facts = &superblock->facts;
        char buffer[32];

        switch ((MonitorState) facts->monitor_state) {
        case MONITOR_OPENED:
                superblock->n_held++;
                superblock->n_attempts = 0;
                superblock->retry_delay_usec = 0;
                superblock->is_crashed = false;
                log_debug("%s: monitor opened", superblock_subject(superblock, buffer));
                break;
        case MONITOR_FOREIGN:
                judge_foreign(worker, superblock, before);
                break;
        case MONITOR_FAILED:
                judge_failure(worker, superblock, before);
                break;
        case MONITOR_UNSUPPORTED:
                /* healerd says it, once for all of them. */
                log_debug("%s: this kernel has no health monitor", superblock_subject(superblock, buffer));
                break;
        case MONITOR_NONE:
                judge_no_error_watch(worker, superblock, before);
                break;
        case MONITOR_ENDED:
                break;
        }

        watch_fd = judge_error_watch(superblock, watch_fd);
        facts->is_root = places_is_root(&worker->places, superblock->device_number);
        facts->is_state = places_is_state(&worker->places, superblock->device_number);
        if (superblock->n_mounts > 0 || monitor_fd >= 0)
                say_result(worker, superblock, monitor_fd >= 0 ? monitor_fd : watch_fd);
}

static void on_attach_report(Child *child, const void *bytes, size_t size_bytes, int taken_fd, void *userdata) {
        _cleanup_(close_fd_at) int fd = taken_fd;
        AttachTask *attach = userdata;
        Superblock *superblock = attach->superblock;
        WorkerFilesystem before = superblock->facts;
        const WorkerMessage *message = bytes;
        bool is_watch;

        (void) child;

        if (worker_message_check(message, size_bytes) < 0)
                return;
        /* After the file system itself was told. */
        if (message->header.type == WORKER_SURVEY_RESULT && attach->is_reported && superblock->is_said)
                worker_say(attach->worker, message, -EBADF);
        if (message->header.type != WORKER_FILESYSTEM || attach->is_reported)
                return;

        attach->is_reported = true;
        superblock->attach_stage = ATTACH_TRIED;
        superblock->facts = message->filesystem;
        is_watch = superblock->facts.monitor_state != MONITOR_OPENED;
        /* Held when the attempt began, and given back meanwhile: the attempt that is wanted since then opens another
         * one. */
        if (fd < 0 && !before.has_error_watch)
                superblock->facts.has_error_watch = false;
        if (fd >= 0 && !connection_is_ready(attach->worker->connection)) {
                /* Nobody to give it to: closing frees it for the next attempt. */
                superblock->facts.monitor_state = MONITOR_NONE;
                superblock_drop_error_watch(superblock);
                memset(superblock->facts.old_errors, 0, sizeof(superblock->facts.old_errors));
                return;
        }

        stop_waiting(superblock);
        judge(attach->worker, superblock, &before, is_watch ? -EBADF : fd, is_watch ? fd : -EBADF);
        worker_check_listed(attach->worker);
}

static void report_failure(AttachTask *attach, int error) {
        Superblock *superblock = attach->superblock;
        WorkerFilesystem before = superblock->facts;

        if (attach->is_reported)
                return;

        attach->is_reported = true;
        superblock->attach_stage = ATTACH_TRIED;
        superblock->facts.monitor_state = superblock->has_monitor_type ? MONITOR_FAILED : MONITOR_NONE;
        superblock->facts.error = error;
        stop_waiting(superblock);
        judge(attach->worker, superblock, &before, -EBADF, -EBADF);
        worker_check_listed(attach->worker);
}

static void on_attach_stuck(Child *child, void *userdata) {
        AttachTask *attach = userdata;
        char buffer[32];

        log_warning("%s: attaching hangs in the kernel (pid %d), leaving this file system alone until it ends",
                    superblock_subject(attach->superblock, buffer), (int) child_pid(child));
        attach->superblock->n_stuck++;
        attach->worker->n_attaching--;
        report_failure(attach, ETIMEDOUT);
        attach_continue(attach->worker);
}

static void on_attach_end(Child *child, const ChildEnd *end, void *userdata) {
        _cleanup_(free_at) AttachTask *attach = userdata;
        Superblock *superblock = attach->superblock;
        Worker *worker = attach->worker;

        (void) child;

        report_failure(attach, end->ending == CHILD_TIMED_OUT ? ETIMEDOUT : EIO);
        superblock->n_children--;
        if (end->was_stuck)
                superblock->n_stuck--;
        else
                worker->n_attaching--;

        if (superblock->must_attach_again && superblock->n_mounts > 0)
                attach_want(worker, superblock);
        else
                worker_forget_unused(worker, superblock);
        attach_continue(worker);
}

static int attach_start(Worker *worker, Superblock *superblock) {
        _cleanup_(free_at) AttachTask *attach = NULL;
        ChildTask task = {
                .name = "attach",
                .run = attach_in_child,
                .on_report = on_attach_report,
                .on_stuck = on_attach_stuck,
                .on_end = on_attach_end,
                .timeout_usec = ATTACH_TIMEOUT_USEC,
                .dies_with_us = true,
                .is_essential = true,
        };
        int r;

        attach = malloc(sizeof(*attach));
        if (!attach)
                return -ENOMEM;
        *attach = (AttachTask) { .worker = worker, .superblock = superblock };
        task.userdata = attach;

        r = child_spawn(worker->children, &task, NULL);
        if (r < 0)
                return r;

        superblock->attach_stage = ATTACH_RUNNING;
        superblock->must_attach_again = false;
        superblock->n_children++;
        worker->n_attaching++;
        (void) steal_ptr(attach);
        return 0;
}

void attach_continue(Worker *worker) {
        Superblock *superblock;

        if (!worker->may_attach || worker->is_leaving)
                return;

        TAILQ_FOREACH(superblock, &worker->superblocks, entry) {
                int r;

                if (worker->n_attaching >= ATTACH_PARALLEL_MAX)
                        return;
                if (superblock->attach_stage != ATTACH_NEEDED || superblock->n_mounts == 0 || superblock->n_stuck > 0)
                        continue;

                r = attach_start(worker, superblock);
                if (r < 0) {
                        superblock->attach_stage = ATTACH_TRIED;
                        stop_waiting(superblock);
                        retry_later(worker, superblock, 0);
                }
        }
}

void attach_want(Worker *worker, Superblock *superblock) {
        stop_waiting(superblock);
        if (superblock->attach_stage == ATTACH_RUNNING) {
                superblock->must_attach_again = true;
                return;
        }

        superblock->attach_stage = ATTACH_NEEDED;
        attach_continue(worker);
}

void attach_reset(Worker *worker) {
        Superblock *superblock;

        TAILQ_FOREACH(superblock, &worker->superblocks, entry) {
                Mount *mount;

                stop_waiting(superblock);
                superblock->n_held = 0;
                superblock->n_attempts = 0;
                superblock->retry_delay_usec = 0;
                superblock->is_said = false;
                superblock->facts.monitor_state = MONITOR_NONE;
                superblock_drop_error_watch(superblock);
                if (superblock->attach_stage == ATTACH_RUNNING)
                        superblock->must_attach_again = true;
                else
                        superblock->attach_stage = ATTACH_NEEDED;
                TAILQ_FOREACH(mount, &superblock->mounts, entry)
                        mount->is_said = false;
        }
}
