/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where there is no health monitor: the error watch of a file system, and what was counted before it was opened.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "kernel/error-watch.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* Nobody keeps it for us any more. */
static void watch_close(Engine *engine, Watch *watch, Filesystem *filesystem) {
        watch->error_source = error_source_free(watch->error_source);
        filesystem->has_error_watch = false;
        if (engine->options.keeper.forget_watch)
                engine->options.keeper.forget_watch(engine->options.keeper.userdata, filesystem->facts.device_number);
}

/* It cannot be read: the worker opens another one. */
static void on_watch_end(void *userdata, uint64_t filesystem_id, int error) {
        Engine *engine = userdata;
        Watch *watch = engine_watch_find(engine, filesystem_id);
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, filesystem_id);

        if (!watch || !filesystem)
                return;

        engine_tell_end(engine, filesystem, EVENT_MONITOR_LOST, -error);
        watch_close(engine, watch, filesystem);
        engine_tell(engine, on_filesystem, filesystem);
        engine_worker_release(engine, filesystem->facts.device_number);
}

static int source_start(Engine *engine, Watch *watch, Filesystem *filesystem, int fd) {
        const EventSink sink = {
                .on_event = engine_on_source_event,
                .on_end = on_watch_end,
                .userdata = engine,
        };
        int copy, r;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        r = error_source_new(engine->event, copy, filesystem->id, &sink, &watch->error_source);
        if (r < 0)
                return r;

        filesystem->has_error_watch = true;
        return 0;
}

int engine_error_watch_start(Engine *engine, Watch *watch, Filesystem *filesystem, int fd) {
        ErrorWatchMark mark;
        int r;

        r = error_watch_check(fd, &mark);
        if (r < 0)
                return r;
        if (mark.is_alive && mark.device_number != filesystem->facts.device_number)
                return -EBADMSG;

        engine_error_watch_stop(engine, watch, filesystem);
        r = source_start(engine, watch, filesystem, fd);
        if (r < 0)
                return r;

        if (engine->options.keeper.keep_watch)
                engine->options.keeper.keep_watch(engine->options.keeper.userdata, filesystem->facts.device_number,
                                                  error_source_fd(watch->error_source));
        /* Its mount is told right after it; before that an event would be told under the name of a device. */
        if (filesystem->n_mounts == 0)
                watch->awaits_facts = true;
        return 0;
}

void engine_error_watch_stop(Engine *engine, Watch *watch, Filesystem *filesystem) {
        if (!watch->error_source)
                return;

        error_source_drain(watch->error_source);
        watch_close(engine, watch, filesystem);
}

void engine_tell_old_errors(Engine *engine, Watch *watch, const Filesystem *filesystem, const WorkerFilesystem *told) {
        for (size_t i = 0; i < OLD_ERRORS_MAX; i++) {
                const OldErrors *errors = told->old_errors + i;
                HealthEvent event = {
                        .source = EVENT_SOURCE_SURVEY,
                        .filesystem_id = filesystem->id,
                        .kind = EVENT_FILESYSTEM_ERROR,
                        .domain = errors->inode != 0 ? DOMAIN_INODE : DOMAIN_FS,
                        .inode = errors->inode,
                        .count = errors->count,
                        .time_realtime_nsec = errors->realtime_sec * (NSEC_PER_USEC * USEC_PER_SEC),
                        .received_boottime_usec = clock_boottime_usec(),
                        .error = errors->error,
                };

                if (errors->count == 0)
                        continue;
                if (filesystem->n_mounts == 0)
                        watch->awaits_facts = true;
                if (errors->realtime_sec == 0 || errors->realtime_sec > UINT64_MAX / (NSEC_PER_USEC * USEC_PER_SEC))
                        event.time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC;
                (void) text_copy(event.location, sizeof(event.location), errors->location);
                event_merge_take(engine->merge, &event);
        }
}

int engine_adopt_error_watch(Engine *engine, int fd, dev_t device_number, bool is_alive) {
        _cleanup_(close_fd_at) int owned = fd;
        Filesystem *filesystem;
        Watch *watch;
        int r;

        /* A dead one, and a monitor or a newer one of the same number. */
        if (filesystem_table_find_device(engine->filesystems, device_number))
                return -EEXIST;
        r = engine_filesystem_new(engine, device_number, &filesystem);
        if (r < 0)
                return r;
        watch = engine_watch_find(engine, filesystem->id);
        watch->awaits_facts = watch->was_adopted = true;

        r = source_start(engine, watch, filesystem, owned);
        if (r < 0 || !is_alive) {
                engine_end_filesystem(engine, watch);
                return r;
        }
        log_debug("%u:%u: adopted its error watch", major(device_number), minor(device_number));
        return 0;
}
