/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mount news. Listening starts before the first listing, so that nothing falls between; what is told
 * twice is filtered by the set of known mounts.
 */

#include "src/worker/mount-watch.h"

#include <assert.h>
#include <errno.h>
#include <libmount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/worker/superblock-table.h"

#define MOUNTINFO_PATH "/proc/self/mountinfo"

struct MountWatch {
        sd_event *event;
        const MountDiffCalls *calls;
        void *userdata;
        WorkerMountWatch kind;
        MountSet known;
        sd_event_source *source;
        int events_fd;                  /* fanotify */
        struct libmnt_monitor *monitor; /* elsewhere */
};

static void libmnt_table_release(struct libmnt_table **table) {
        mnt_unref_table(*table);
}

static void libmnt_iter_release(struct libmnt_iter **iterator) {
        mnt_free_iter(*iterator);
}

MountWatch *mount_watch_free(MountWatch *watch) {
        if (!watch)
                return NULL;

        sd_event_source_disable_unref(watch->source);
        close_fd(watch->events_fd);
        if (watch->monitor)
                mnt_unref_monitor(watch->monitor);
        mount_set_clear(&watch->known);
        sd_event_unref(watch->event);
        free(watch);
        return NULL;
}

WorkerMountWatch mount_watch_kind(const MountWatch *watch) {
        return watch->kind;
}

/* Everything else is never looked at again, let alone opened: it may be a dead network mount. */
static bool is_of_interest(const MountInfo *info) {
        return info->mount_point && info->type && watched_type_find(info->type);
}

static int on_mount_found(const MountInfo *info, void *userdata) {
        MountSet *set = userdata;

        return is_of_interest(info) ? mount_set_append(set, info) : 0;
}

static bool has_option(const char *options, const char *name) {
        return options && mnt_optstr_get_option(options, name, NULL, NULL) == 0;
}

static int list_by_mountinfo(MountSet *set) {
        _cleanup_(libmnt_table_release) struct libmnt_table *table = NULL;
        _cleanup_(libmnt_iter_release) struct libmnt_iter *iterator = NULL;
        struct libmnt_fs *fs;
        int r;

        table = mnt_new_table_from_file(MOUNTINFO_PATH);
        if (!table)
                return errno > 0 ? -errno : -ENOMEM;
        iterator = mnt_new_iter(MNT_ITER_FORWARD);
        if (!iterator)
                return -ENOMEM;

        while (mnt_table_next_fs(table, iterator, &fs) == 0) {
                const MountInfo info = {
                        .mount_id = mnt_fs_get_id(fs),
                        .device_number = mnt_fs_get_devno(fs),
                        .type = (char *) mnt_fs_get_fstype(fs),
                        .root = (char *) mnt_fs_get_root(fs),
                        .mount_point = (char *) mnt_fs_get_target(fs),
                        .source = (char *) mnt_fs_get_source(fs),
                        .is_read_only = has_option(mnt_fs_get_vfs_options(fs), "ro"),
                        .is_superblock_read_only = has_option(mnt_fs_get_fs_options(fs), "ro"),
                };

                r = on_mount_found(&info, set);
                if (r < 0)
                        return r;
        }

        return 0;
}

int mount_watch_list(MountWatch *watch) {
        MountSet now = {};
        int r = -ENOSYS;

        switch (watch->kind) {
        case MOUNT_WATCH_FANOTIFY:
                r = mount_table_list(on_mount_found, &now);
                break;
        case MOUNT_WATCH_LIBMOUNT:
                r = list_by_mountinfo(&now);
                break;
        }
        if (r < 0) {
                mount_set_clear(&now);
                return r;
        }

        mount_set_sort(&now);
        mount_diff(&watch->known, &now, watch->calls, watch->userdata);
        mount_set_clear(&watch->known);
        watch->known = now;
        if (watch->calls->on_listed)
                watch->calls->on_listed(watch->userdata);
        return 0;
}

static void mount_forget(MountWatch *watch, uint64_t mount_id) {
        const MountInfo *known = mount_set_find(&watch->known, mount_id);

        if (!known)
                return;

        watch->calls->on_gone(known, watch->userdata);
        mount_set_remove(&watch->known, mount_id);
}

static void on_mount_changed(uint64_t mount_id, unsigned changes, void *userdata) {
        MountWatch *watch = userdata;
        MountInfo info = {};
        int r;

        if (!(changes & MOUNT_ATTACHED)) {
                mount_forget(watch, mount_id);
                return;
        }

        r = mount_info_get(mount_id, &info);
        if (r < 0 || !is_of_interest(&info)) {
                /* Gone again already, moved out of reach, or none of our business. */
                mount_forget(watch, mount_id);
                if (r >= 0)
                        mount_info_clear(&info);
                return;
        }

        if (mount_set_put(&watch->known, &info) < 0)
                log_warning("%s: no memory to remember this mount, its end may be missed", info.mount_point);
        watch->calls->on_mounted(&info, watch->userdata);
        mount_info_clear(&info);
}

static int watch_by_libmount(MountWatch *watch);

static int on_fanotify_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        MountWatch *watch = userdata;
        int r;

        (void) source;
        (void) revents;

        r = mount_events_read(fd, on_mount_changed, watch);
        if (r == -EOVERFLOW) {
                log_notice("the kernel dropped news about mounts, listing all of them again");
        } else if (r < 0 && r != -EAGAIN) {
                log_warning_errno(r, "cannot read news about mounts, watching /proc/self/mountinfo instead: %m");
                watch->source = sd_event_source_disable_unref(watch->source);
                watch->events_fd = close_fd(watch->events_fd);
                r = watch_by_libmount(watch);
                if (r < 0)
                        return log_error_errno(r, "cannot watch mounts at all: %m");
        } else {
                return 0;
        }

        r = mount_watch_list(watch);
        if (r < 0)
                log_error_errno(r, "cannot list mounts: %m");
        return 0;
}

static int on_libmount_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        MountWatch *watch = userdata;
        int r;

        (void) source;
        (void) fd;
        (void) revents;

        (void) mnt_monitor_event_cleanup(watch->monitor);
        r = mount_watch_list(watch);
        if (r < 0)
                log_error_errno(r, "cannot list mounts: %m");
        return 0;
}

/* An unmount is known here before healerd says that the monitor ended because of it. */
static int prefer_news(MountWatch *watch) {
        return sd_event_source_set_priority(watch->source, SD_EVENT_PRIORITY_IMPORTANT);
}

static int on_mount_ignored(const MountInfo *info, void *userdata) {
        (void) info;
        (void) userdata;
        return 0;
}

static int watch_by_fanotify(MountWatch *watch) {
        int r;

        /* A system call filter that does not know them can forbid the calls that the kernel has. */
        r = mount_table_list(on_mount_ignored, NULL);
        if (r < 0)
                return r;

        watch->events_fd = mount_events_open();
        if (watch->events_fd < 0)
                return watch->events_fd;

        r = sd_event_add_io(watch->event, &watch->source, watch->events_fd, EPOLLIN, on_fanotify_ready, watch);
        if (r < 0)
                return r;

        watch->kind = MOUNT_WATCH_FANOTIFY;
        return prefer_news(watch);
}

static int watch_by_libmount(MountWatch *watch) {
        int fd, r;

        watch->monitor = mnt_new_monitor();
        if (!watch->monitor)
                return -ENOMEM;

        r = mnt_monitor_enable_kernel(watch->monitor, 1);
        if (r < 0)
                return r;
        fd = mnt_monitor_get_fd(watch->monitor);
        if (fd < 0)
                return fd;

        r = sd_event_add_io(watch->event, &watch->source, fd, EPOLLIN, on_libmount_ready, watch);
        if (r < 0)
                return r;

        /* Numbers out of mountinfo are other ones than the kernel's unique numbers. */
        for (size_t i = 0; i < watch->known.n; i++)
                watch->calls->on_gone(watch->known.items + i, watch->userdata);
        mount_set_clear(&watch->known);
        watch->kind = MOUNT_WATCH_LIBMOUNT;
        return prefer_news(watch);
}

int mount_watch_new(sd_event *event, bool no_fanotify, const MountDiffCalls *calls, void *userdata,
                    MountWatch **ret_watch) {
        _cleanup_(mount_watch_free_at) MountWatch *watch = NULL;
        int r;

        watch = calloc(1, sizeof(*watch));
        if (!watch)
                return -ENOMEM;
        watch->event = sd_event_ref(event);
        watch->calls = calls;
        watch->userdata = userdata;
        watch->events_fd = -EBADF;

        r = no_fanotify ? -EOPNOTSUPP : watch_by_fanotify(watch);
        if (r < 0) {
                (void) log_errno(LOG_INFO, r, "no news about mounts by fanotify, watching " MOUNTINFO_PATH ": %m");
                r = watch_by_libmount(watch);
        }
        if (r < 0)
                return r;

        *ret_watch = steal_ptr(watch);
        return 0;
}
