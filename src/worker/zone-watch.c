/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two places are watched, the folder of the link and the file that it leads to, in one inotify instance. The child
 * that looks also names them to the kernel: finding them is what can hang.
 */

#include "src/worker/zone-watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/zone-file.h"

/* Whoever changes it in a loop gets a look now and then. */
#define LOOKS_PER_SECOND 5
#define NEWS_SIZE 4096

/* The link is made anew, or what it leads to is replaced, as an update of the zones does. */
#define FOLDER_NEWS (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE)
#define FILE_NEWS (IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB)

typedef struct ZoneReport {
        int32_t error;                  /* positive errno: it could not be read */
        int32_t watch_error;            /* positive errno: nobody will tell when it changes */
        int file_watch;                 /* number in the inotify instance; negative: none */
        char name[ZONE_NAME_SIZE];
} ZoneReport;

struct ZoneWatch {
        sd_event_source *source;
        ChildTable *children;
        const char *path;
        const ZoneWatchCalls *calls;
        void *userdata;
        int inotify_fd;                 /* negative errno: none */
        int file_watch;
        bool is_looking, is_wanted_again, has_reported, is_unwatched_said;

        bool is_known;
        char name[ZONE_NAME_SIZE];
        int fd;                         /* negative: UTC */
};

/* In the child */

/* First the watches, then the look: what changes in between is seen by one of them. */
static void watch_places(const ZoneWatch *watch, ZoneReport *report) {
        const char *slash = strrchr(watch->path, '/');
        char folder[PATH_MAX] = "";

        report->file_watch = -1;
        if (watch->inotify_fd < 0) {
                report->watch_error = -watch->inotify_fd;
                return;
        }
        (void) text_append_format(folder, sizeof(folder), "%.*s", (int) (slash - watch->path), watch->path);
        if (inotify_add_watch(watch->inotify_fd, folder, FOLDER_NEWS | IN_ONLYDIR) < 0) {
                report->watch_error = errno;
                return;
        }

        /* Where the link leads now; there may be nothing. */
        report->file_watch = inotify_add_watch(watch->inotify_fd, watch->path, FILE_NEWS);
        if (watch->file_watch >= 0 && watch->file_watch != report->file_watch)
                (void) inotify_rm_watch(watch->inotify_fd, watch->file_watch);
}

static int look_in_child(int report_fd, void *userdata) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        const ZoneWatch *watch = userdata;
        ZoneReport report = {};
        int r;

        watch_places(watch, &report);
        r = zone_file_copy(watch->path, report.name, &fd);
        report.error = r < 0 ? -r : 0;
        return child_report(report_fd, &report, sizeof(report), fd) < 0;
}

/* In the loop */

static bool is_same_memory(int a, int b) {
        static char left[ZONE_FILE_MAX], right[ZONE_FILE_MAX];
        ssize_t n_left, n_right;

        if (a < 0 || b < 0)
                return a < 0 && b < 0;

        n_left = pread(a, left, sizeof(left), 0);
        n_right = pread(b, right, sizeof(right), 0);
        return n_left >= 0 && n_left == n_right && memcmp(left, right, (size_t) n_left) == 0;
}

static void take_report(ZoneWatch *watch, const ZoneReport *report, int taken_fd) {
        _cleanup_(close_fd_at) int fd = taken_fd;

        watch->file_watch = report->file_watch;
        if (report->watch_error != 0 && !watch->is_unwatched_said) {
                log_warning_errno(-report->watch_error,
                                  "a change of the time zone will not be noticed before this worker starts anew: %m");
                watch->is_unwatched_said = true;
        }
        if (report->error != 0) {
                log_warning_errno(-report->error, "cannot read the time zone, %s: %m",
                                  watch->is_known ? "the last one stays" : "it will be UTC");
                return;
        }
        if (watch->is_known && text_equal(watch->name, report->name) && is_same_memory(watch->fd, fd))
                return;

        close_fd(watch->fd);
        watch->fd = steal_fd(&fd);
        (void) text_copy(watch->name, sizeof(watch->name), report->name);
        watch->is_known = true;
        watch->calls->on_zone(watch->name, watch->fd, watch->userdata);
}

static void on_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        ZoneWatch *watch = userdata;
        ZoneReport report;

        (void) child;

        if (size_bytes != sizeof(report)) {
                close_fd(fd);
                return;
        }
        memcpy(&report, bytes, sizeof(report));
        report.name[sizeof(report.name) - 1] = 0;
        watch->has_reported = true;
        take_report(watch, &report, fd);
}

static void on_stuck(Child *child, void *userdata) {
        ZoneWatch *watch = userdata;

        log_warning("looking for the time zone hangs in the kernel (pid %d), going on without",
                    (int) child_pid(child));
        watch->calls->on_looked(watch->userdata);
}

static void on_end(Child *child, const ChildEnd *end, void *userdata) {
        ZoneWatch *watch = userdata;

        (void) child;

        watch->is_looking = false;
        if (!watch->has_reported && !end->was_stuck && end->ending != CHILD_CANCELLED)
                log_warning("cannot read the time zone: the process that looked did not come to an end");
        watch->calls->on_looked(watch->userdata);
        if (watch->is_wanted_again) {
                watch->is_wanted_again = false;
                zone_watch_look(watch);
        }
}

void zone_watch_look(ZoneWatch *watch) {
        const ChildTask task = {
                .name = "zone",
                .run = look_in_child,
                .on_report = on_report,
                .on_stuck = on_stuck,
                .on_end = on_end,
                .userdata = watch,
                .timeout_usec = 2 * USEC_PER_SEC,
                .grace_usec = 100 * USEC_PER_MSEC,
                .dies_with_us = true,
                .is_essential = true,
                .keep_fds = { watch->inotify_fd },
        };
        int r;

        if (watch->is_looking) {
                watch->is_wanted_again = true;
                return;
        }

        watch->has_reported = false;
        r = child_spawn(watch->children, &task, NULL);
        if (r < 0) {
                log_warning_errno(r, "cannot read the time zone, no process for it: %m");
                watch->calls->on_looked(watch->userdata);
                return;
        }
        watch->is_looking = true;
}

bool zone_watch_get(const ZoneWatch *watch, const char **ret_name, int *ret_fd) {
        if (!watch->is_known)
                return false;

        *ret_name = watch->name;
        *ret_fd = watch->fd;
        return true;
}

/* Is one of these about the link, or the file that it led to? */
static bool is_news(const ZoneWatch *watch, const char *bytes, size_t length) {
        const char *link = strrchr(watch->path, '/') + 1;
        const struct inotify_event *event;

        for (size_t at = 0; at + sizeof(*event) <= length; at += sizeof(*event) + event->len) {
                event = (const void *) (bytes + at);
                /* A watch ended: by us, or with its file, which was told before. */
                if (event->mask & IN_IGNORED)
                        continue;
                if (event->len == 0 || text_equal(event->name, link))
                        return true;
        }

        return false;
}

static int on_inotify(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char bytes[NEWS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
        ZoneWatch *watch = userdata;
        bool has_news = false;
        ssize_t length;

        (void) source;
        (void) revents;

        while ((length = read(fd, bytes, sizeof(bytes))) > 0)
                has_news |= is_news(watch, bytes, (size_t) length);
        if (has_news)
                zone_watch_look(watch);
        return 0;
}

int zone_watch_new(sd_event *event, ChildTable *children, const char *path, const ZoneWatchCalls *calls, void *userdata,
                   ZoneWatch **ret_watch) {
        _cleanup_(zone_watch_free_at) ZoneWatch *watch = malloc(sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;

        *watch = (ZoneWatch) {
                .children = children,
                .path = path,
                .calls = calls,
                .userdata = userdata,
                .inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
                .file_watch = -1,
                .fd = -EBADF,
        };
        if (watch->inotify_fd < 0)
                watch->inotify_fd = negative_errno(); /* said by the first look */
        else {
                r = sd_event_add_io(event, &watch->source, watch->inotify_fd, EPOLLIN, on_inotify, watch);
                if (r < 0)
                        return r;
                r = sd_event_source_set_ratelimit(watch->source, USEC_PER_SEC, LOOKS_PER_SECOND);
                if (r < 0)
                        return r;
        }

        *ret_watch = steal_ptr(watch);
        return 0;
}

ZoneWatch *zone_watch_free(ZoneWatch *watch) {
        if (!watch)
                return NULL;

        sd_event_source_disable_unref(watch->source);
        close_fd(watch->inotify_fd);
        close_fd(watch->fd);
        free(watch);
        return NULL;
}
