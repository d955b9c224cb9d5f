/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File systems and their monitors come and go.
 */

#include <fcntl.h>
#include <string.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

Watch *engine_watch_find(Engine *engine, uint64_t filesystem_id) {
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->filesystem_id == filesystem_id)
                        return watch;
        return NULL;
}

/* The worker says a file system first and its mounts right after it. What is read in between would be told under the
 * name of a device that nobody knows it by. */
#define FIRST_MOUNT_USEC (100 * USEC_PER_MSEC)

void engine_on_source_event(void *userdata, const HealthEvent *event) {
        Engine *engine = userdata;

        event_merge_take(engine->merge, event);
}

static void on_source_read(void *userdata, uint64_t filesystem_id, uint64_t n_records) {
        Engine *engine = userdata;
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);

        if (filesystem)
                filesystem->totals.n_records = n_records;
}

/* Nobody keeps it for us any more, and its account is closed. */
static void source_close(Engine *engine, Watch *watch, dev_t device_number) {
        RingMonitor *account = watch->source ? monitor_source_account(watch->source) : NULL;

        watch->source = monitor_source_free(watch->source);
        if (!account)
                return;
        if (engine->options.keeper.forget)
                engine->options.keeper.forget(engine->options.keeper.userdata, device_number, account->number);
        record_ring_remove_monitor(engine->ring, account);
}

static void watch_free(Engine *engine, Watch *watch) {
        Case *waiting;

        while ((waiting = STAILQ_FIRST(&watch->cases))) {
                STAILQ_REMOVE_HEAD(&watch->cases, entries);
                engine->n_cases--;
                record_ring_release(engine->ring, waiting->event.kept_as);
                engine_case_free(waiting);
        }
        engine_case_users_clear(watch);
        engine_healed_free(watch);
        sd_event_source_disable_unref(watch->start_timer);
        monitor_source_free(watch->source);
        error_source_free(watch->error_source);
        TAILQ_REMOVE(&engine->watches, watch, entries);
        free(watch);
}

int engine_filesystem_new(Engine *engine, dev_t device_number, Filesystem **ret_filesystem) {
        _cleanup_(free_at) Watch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        r = filesystem_table_add(engine->filesystems, device_number, ret_filesystem);
        if (r < 0)
                return r;

        watch->filesystem_id = (*ret_filesystem)->id;
        STAILQ_INIT(&watch->cases);
        STAILQ_INIT(&watch->healed);
        TAILQ_INSERT_TAIL(&engine->watches, watch, entries);
        watch = NULL;
        return 0;
}

void engine_end_filesystem(Engine *engine, Watch *watch) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);
        dev_t device_number = filesystem->facts.device_number;
        bool was_held = filesystem->monitor_fd >= 0;

        watch->is_ending = true;
        engine_error_watch_stop(engine, watch, filesystem);
        engine_survey_end_watch(engine, watch);
        event_merge_flush(engine->merge, filesystem->id);
        engine_decide_all(engine, watch);
        engine_deferred_on_unmount(engine, filesystem);
        engine_decide_all(engine, watch);
        job_queue_on_filesystem_gone(engine->jobs, filesystem->id, OUTCOME_UNMOUNTED);
        job_queue_tell_ended(engine->jobs);
        engine_decide_all(engine, watch); /* the results of those jobs */

        engine_tell(engine, on_filesystem_gone, filesystem);
        engine_conditions_unmounted(engine, watch, filesystem);
        engine_schedules_on_gone(engine, watch);
        engine_verify_unmounted(engine, watch, filesystem);
        /* Not before all of it was decided: what is killed here is told again rather than lost. */
        source_close(engine, watch, device_number);
        watch_free(engine, watch);
        filesystem_table_remove(engine->filesystems, filesystem);
        if (was_held)
                engine_worker_release(engine, device_number);
}

void engine_tell_end(Engine *engine, Filesystem *filesystem, EventKind kind, int error) {
        HealthEvent event = {
                .source = EVENT_SOURCE_HEALERD,
                .filesystem_id = filesystem->id,
                .kind = kind,
                .domain = DOMAIN_MOUNT,
                .count = 1,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
                .error = error,
        };

        event_merge_take(engine->merge, &event);
}

void engine_on_source_end(void *userdata, uint64_t filesystem_id, int error) {
        Engine *engine = userdata;
        Watch *watch = engine_watch_find(engine, filesystem_id);
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);

        if (!watch || !filesystem)
                return;

        if (error == 0) {
                if (!watch->has_said_unmounted)
                        engine_tell_end(engine, filesystem, EVENT_UNMOUNTED, 0);
                engine_end_filesystem(engine, watch);
                return;
        }

        engine_tell_end(engine, filesystem, EVENT_MONITOR_LOST, -error);
        source_close(engine, watch, filesystem->facts.device_number);
        filesystem->monitor_fd = close_fd(filesystem->monitor_fd);
        filesystem->monitor_state = MONITOR_FAILED;
        filesystem->monitor_error = -error;
        engine_tell(engine, on_filesystem, filesystem);
        engine_conditions_from_monitor(engine, filesystem);
        engine_worker_release(engine, filesystem->facts.device_number);
}

static void begin_reading(Watch *watch) {
        int r;

        if (!watch->start_timer)
                return;
        watch->start_timer = sd_event_source_disable_unref(watch->start_timer);
        if (!watch->source)
                return;
        r = monitor_source_set_reading(watch->source, true);
        if (r < 0)
                log_error_errno(r, "a monitor cannot be read: %m");
}

static void mount_is_known(Engine *engine, Watch *watch) {
        const Filesystem *filesystem;

        if (!watch)
                return;
        begin_reading(watch);
        engine_facts_came(engine, watch);
        filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);
        if (filesystem)
                engine_deferred_on_mounted(engine, filesystem);
}

static int on_start_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        begin_reading(userdata);
        return 0;
}

static void wait_for_mount(Engine *engine, Watch *watch) {
        int r;

        r = sd_event_add_time_relative(engine->event, &watch->start_timer, CLOCK_MONOTONIC, FIRST_MOUNT_USEC, 1,
                                       on_start_timer, watch);
        if (r >= 0)
                r = monitor_source_set_reading(watch->source, false);
        if (r < 0)
                log_debug_errno(r, "a monitor is read before its mount point is known: %m");
}

int engine_monitor_start(Engine *engine, Watch *watch, Filesystem *filesystem, int fd, uint64_t number) {
        const EventSink sink = {
                .on_event = engine_on_source_event,
                .on_end = engine_on_source_end,
                .on_read = on_source_read,
                .userdata = engine,
        };
        _cleanup_(close_fd_at) int copy = -EBADF;
        RingMonitor *account;
        int r;

        if (!health_monitor_fd_is_monitor(fd))
                return -EBADMSG;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;

        r = record_ring_add_monitor(engine->ring, number, filesystem->facts.device_number, &account);
        if (r < 0)
                return r;
        r = monitor_source_new(engine->event, copy, filesystem->id, &sink, engine->ring, account, engine->recorder,
                               &watch->source);
        if (r < 0) {
                record_ring_remove_monitor(engine->ring, account);
                return r;
        }
        filesystem->monitor_fd = steal_fd(&copy);
        filesystem->totals.n_records = account->n_records;
        if (number == 0 && engine->options.keeper.keep)
                engine->options.keeper.keep(engine->options.keeper.userdata, filesystem->facts.device_number,
                                            account->number, filesystem->monitor_fd);
        if (number == 0 && filesystem->n_mounts == 0)
                wait_for_mount(engine, watch);
        return 0;
}

/* A new monitor or watch for a number that we still listen to: that superblock is gone, and its last words come
 * first. */
static void end_predecessor(Engine *engine, Filesystem *filesystem) {
        Watch *watch = engine_watch_find(engine, filesystem->id);
        uint64_t id = filesystem->id;

        if (watch && watch->source)
                monitor_source_drain(watch->source);
        watch = engine_watch_find(engine, id);
        if (watch)
                engine_end_filesystem(engine, watch);
}

static void update_monitor_state(Engine *engine, Watch *watch, Filesystem *filesystem, int monitor_fd) {
        int r;

        if (monitor_fd >= 0) {
                r = engine_monitor_start(engine, watch, filesystem, monitor_fd, 0);
                filesystem->monitor_state = r < 0 ? MONITOR_FAILED : MONITOR_OPENED;
                filesystem->monitor_error = r < 0 ? -r : 0;
                if (r < 0)
                        log_error_errno(r, "%s: the monitor that came cannot be used: %m",
                                        filesystem->facts.device ? filesystem->facts.device : "?");
        } else if (filesystem->monitor_fd >= 0)
                filesystem->monitor_state = MONITOR_OPENED; /* a new worker does not know it, we do */
        else if (filesystem->monitor_state == MONITOR_OPENED) {
                filesystem->monitor_state = MONITOR_FAILED;
                filesystem->monitor_error = EBADF;
        }
}

/* A watch beside a monitor would tell everything twice, and one whose mark vanished is that of an earlier
 * superblock. */
static void update_error_watch(Engine *engine, Watch *watch, Filesystem *filesystem, int watch_fd) {
        ErrorWatchMark mark;
        int r;

        if (watch_fd >= 0) {
                r = engine_error_watch_start(engine, watch, filesystem, watch_fd);
                if (r < 0)
                        log_error_errno(r, "%s: the error watch that came cannot be used: %m",
                                        filesystem->facts.device ? filesystem->facts.device : "?");
        }
        if (watch->error_source &&
            (filesystem->monitor_fd >= 0 || error_watch_check(error_source_fd(watch->error_source), &mark) < 0 ||
             !mark.is_alive))
                engine_error_watch_stop(engine, watch, filesystem);
}

/* Is it another superblock than the one that we know by this number? */
static bool is_another(Engine *engine, const Filesystem *filesystem, int monitor_fd, int watch_fd) {
        const Watch *watch = engine_watch_find(engine, filesystem->id);
        ErrorWatchMark mark;

        if (monitor_fd >= 0 && filesystem->monitor_fd >= 0)
                return true;

        return watch_fd >= 0 && watch && watch->error_source &&
               error_watch_check(error_source_fd(watch->error_source), &mark) >= 0 && !mark.is_alive;
}

void engine_on_filesystem(Engine *engine, const WorkerFilesystem *told, int fd) {
        Filesystem *filesystem = filesystem_table_find_device(engine->filesystems, (dev_t) told->device_number);
        bool is_watch = told->has_error_watch && told->monitor_state != MONITOR_OPENED, is_new;
        int r, changed, monitor_fd = is_watch ? -EBADF : fd, watch_fd = is_watch ? fd : -EBADF;
        Watch *watch;

        if (filesystem && is_another(engine, filesystem, monitor_fd, watch_fd)) {
                end_predecessor(engine, filesystem);
                filesystem = NULL;
        }

        is_new = !filesystem;
        if (is_new && told->monitor_state == MONITOR_OPENED && monitor_fd < 0) {
                /* Said before the worker heard that we let go of it, or by mistake: if it lives, it is told anew. */
                log_debug("%s: told to be held, and is not", told->device);
                engine_worker_release(engine, (dev_t) told->device_number);
                return;
        }
        if (is_new) {
                r = engine_filesystem_new(engine, (dev_t) told->device_number, &filesystem);
                if (r < 0) {
                        log_error_errno(r, "%s: cannot be kept in mind: %m", told->device);
                        return;
                }
        }

        changed = filesystem_update(filesystem, told);
        if (changed < 0)
                log_error_errno(changed, "%s: cannot be kept in mind: %m", told->device);
        watch = engine_watch_find(engine, filesystem->id);
        update_monitor_state(engine, watch, filesystem, monitor_fd);
        update_error_watch(engine, watch, filesystem, watch_fd);
        engine_tell_old_errors(engine, watch, filesystem, told);

        if (engine->recorder) {
                WorkerMessage message;

                worker_message_init(&message, WORKER_FILESYSTEM);
                message.filesystem = *told;
                record_stream_write_message(engine->recorder, filesystem->id, &message);
        }

        if (is_new || changed != 0 || fd >= 0)
                engine_tell(engine, on_filesystem, filesystem);
        engine_conditions_identify(engine, watch, filesystem);
        engine_patrol_identify(engine, watch, filesystem);
        engine_checked_identify(engine, watch, filesystem);
        engine_schedules_look(engine);
        engine_verify_identify(engine, watch, filesystem);
        engine_conditions_from_monitor(engine, filesystem);
        if (monitor_fd >= 0 && filesystem->monitor_state == MONITOR_OPENED) {
                engine_survey_on_attached(engine, watch);
                engine_patrol_on_attached(engine, watch, filesystem);
        }
}

void engine_on_mount(Engine *engine, const WorkerMount *told, bool is_added) {
        Filesystem *filesystem = filesystem_table_find_device(engine->filesystems, (dev_t) told->device_number);
        int r;

        if (!filesystem)
                return; /* it ended before the news of its mount came: the worker says it again if it lives */

        if (engine->recorder && is_added) {
                WorkerMessage message;

                worker_message_init(&message, WORKER_MOUNT_ADDED);
                message.mount = *told;
                record_stream_write_message(engine->recorder, filesystem->id, &message);
        }

        r = is_added ? filesystem_add_mount(filesystem, told) : filesystem_remove_mount(filesystem, told->mount_id);
        if (r < 0)
                log_error_errno(r, "%s: its mount point cannot be kept in mind: %m", told->mount_point);
        if (is_added)
                mount_is_known(engine, engine_watch_find(engine, filesystem->id));
        if (r < 0 || (r == 0 && is_added))
                return;

        /* What we watch ends when the kernel says so: it may live on in another namespace or as an open file. What we
         * do not watch ends with its last mount, even one that we never heard of: the worker may have spoken of it once
         * more after its end. */
        if (filesystem->n_mounts == 0 && filesystem->monitor_fd < 0)
                engine_end_filesystem(engine, engine_watch_find(engine, filesystem->id));
        else if (r > 0)
                engine_tell(engine, on_filesystem, filesystem);
        if (is_added) {
                job_queue_on_mounted(engine->jobs, filesystem->id);
                engine_schedules_look(engine);
                engine_looks_on_reachable(engine, engine_watch_find(engine, filesystem->id));
        }
}

void engine_forget_all(Engine *engine) {
        Watch *watch;

        while ((watch = TAILQ_FIRST(&engine->watches)))
                watch_free(engine, watch);
}
