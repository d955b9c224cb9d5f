/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever text stands in /proc: mountinfo (names of mount points are other people's), fdinfo, and stat (its name is
 * the process's own choice).
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/worker/places.h"
#include "src/worker/process.h"
#include "tests/fuzz/fuzz-target.h"

static int find_device(const char *path, dev_t *ret_device) {
        if (path[0] != '/')
                return -ENOENT;
        *ret_device = strlen(path);
        return 0;
}

static void read_fdinfo(const char *text) {
        HealthMonitorTotals totals = {};
        ErrorWatchMark mark = {};
        int r;

        r = health_monitor_totals_parse(text, &totals);
        require(r == 0 || r == -ENOTTY);
        r = error_watch_parse_mark(text, &mark);
        require(r == 0 || r == -ENOTTY);
}

static void read_mountinfo(const char *text) {
        Places places = {};
        int r;

        r = places_parse_roots(text, &places, find_device);
        require((r == 0 || r == -EBADMSG || r == -ENOMEM) && places.n_roots <= PLACES_ROOTS_MAX);
        r = places_parse_state(text, "/var/lib/xfs_healer", &places);
        require(r <= 0 && r != -ENOMEM);
        (void) places_is_root(&places, 1);
        (void) places_is_state(&places, 1);
}

static void read_stat(const char *text) {
        uint64_t start_ticks;
        char state;
        int r;

        r = process_stat_parse(text, &state, &start_ticks);
        require(r == 0 || r == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(free_at) char *text = strndup((const char *) data, size);

        require(text);
        read_fdinfo(text);
        read_mountinfo(text);
        read_stat(text);
        return 0;
}
