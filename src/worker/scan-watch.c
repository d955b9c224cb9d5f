/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side: keeps a child that watches, and finds the file system that a unit is about.
 */

#include "src/worker/scan-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/scan-watch-child.h"
#include "src/worker/scrub-outcome.h"

/* Without a bus, or where systemd does not run, there is nothing to watch. */
#define RETRY_MIN_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (10 * USEC_PER_MINUTE)
#define RUNNING_MAX 64

struct ScanWatch {
        ChildTable *children;
        SuperblockTable *superblocks;
        const ScanWatchCalls *calls;
        void *userdata;
        sd_event_source *timer;
        uint64_t retry_usec;
        char running[RUNNING_MAX][UNIT_NAME_SIZE];      /* "" where there is none */
};

/* The name of the unit tells the mount point. */
static const Superblock *find_superblock(ScanWatch *watch, const char *unit) {
        const Superblock *superblock;
        const Mount *mount;

        TAILQ_FOREACH(superblock, watch->superblocks, entry)
                TAILQ_FOREACH(mount, &superblock->mounts, entry) {
                        _cleanup_(free_at) char *name = NULL;

                        if (unit_name_from_path(SCAN_TEMPLATE, mount->mount_point, &name) >= 0 &&
                            text_equal(name, unit))
                                return superblock;
                }
        return NULL;
}

static void note(ScanWatch *watch, const char *unit, bool is_running) {
        char *place = NULL;

        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (text_equal(watch->running[i], unit) || (!place && !watch->running[i][0]))
                        place = watch->running[i];
        if (place)
                (void) text_copy(place, UNIT_NAME_SIZE, is_running ? unit : "");
}

static void tell(ScanWatch *watch, const ScanReport *report) {
        const Superblock *superblock = find_superblock(watch, report->unit);
        WorkerScan scan = { .is_running = report->is_running };

        if (!superblock)
                return;
        scan.device_number = superblock->device_number;
        (void) text_copy(scan.unit, sizeof(scan.unit), report->unit);
        if (!report->is_running)
                scan.outcome = report->result[0] ? (uint8_t) scrub_outcome(report->result, report->exit_status,
                                                                           scan.detail)
                                                 : OUTCOME_WORKER_LOST;
        watch->calls->on_scan(&scan, watch->userdata);
}

static void on_report(_unused_ Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        ScanWatch *watch = userdata;
        ScanReport report;

        close_fd(fd);
        if (size_bytes != sizeof(report))
                return;
        memcpy(&report, bytes, sizeof(report));
        report.unit[sizeof(report.unit) - 1] = report.result[sizeof(report.result) - 1] = 0;
        watch->retry_usec = RETRY_MIN_USEC;
        note(watch, report.unit, report.is_running);
        tell(watch, &report);
}

/* What it watched may have ended meanwhile, and nobody knows how. */
static void on_end(_unused_ Child *child, _unused_ const ChildEnd *end, void *userdata) {
        ScanWatch *watch = userdata;
        int r;

        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (watch->running[i][0]) {
                        ScanReport report = {};

                        (void) text_copy(report.unit, sizeof(report.unit), watch->running[i]);
                        watch->running[i][0] = 0;
                        tell(watch, &report);
                }
        r = sd_event_source_set_time_relative(watch->timer, watch->retry_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_warning_errno(r, "full checks of others are not watched any more: %m");
        watch->retry_usec = min_of(2 * watch->retry_usec, RETRY_MAX_USEC);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        ScanWatch *watch = userdata;
        const ChildTask task = {
                .name = "scans",
                .run = scan_watch_in_child,
                .on_report = on_report,
                .on_end = on_end,
                .userdata = watch,
                .timeout_usec = USEC_INFINITY,
                .dies_with_us = true,
                .only_watches = true,
        };

        if (child_spawn(watch->children, &task, NULL) < 0) {
                (void) sd_event_source_set_time_relative(watch->timer, watch->retry_usec);
                (void) sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
        }
        return 0;
}

int scan_watch_new(sd_event *event, ChildTable *children, SuperblockTable *superblocks, const ScanWatchCalls *calls,
                   void *userdata, ScanWatch **ret_watch) {
        _cleanup_(scan_watch_free_at) ScanWatch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        watch->children = children;
        watch->superblocks = superblocks;
        watch->calls = calls;
        watch->userdata = userdata;
        watch->retry_usec = RETRY_MIN_USEC;
        r = sd_event_add_time_relative(event, &watch->timer, CLOCK_MONOTONIC, 0, USEC_PER_SEC, on_timer, watch);
        if (r < 0)
                return r;
        *ret_watch = steal_ptr(watch);
        return 0;
}

ScanWatch *scan_watch_free(ScanWatch *watch) {
        if (!watch)
                return NULL;
        sd_event_source_disable_unref(watch->timer);
        free(watch);
        return NULL;
}

void scan_watch_tell(ScanWatch *watch) {
        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (watch->running[i][0]) {
                        ScanReport report = { .is_running = true };

                        (void) text_copy(report.unit, sizeof(report.unit), watch->running[i]);
                        tell(watch, &report);
                }
}
