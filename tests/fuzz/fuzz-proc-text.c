/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever text stands in /proc: mountinfo (names of mount points are other people's), fdinfo, maps, cgroup, swaps,
 * lists of exports, links, and stat (its name is the process's own choice).
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/error-watch.h"
#include "kernel/health-monitor.h"
#include "src/model/workload.h"
#include "src/worker/kernel-users.h"
#include "src/worker/places.h"
#include "src/worker/proc-text.h"
#include "src/worker/process.h"
#include "src/worker/user-mounts.h"
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
        ProcessStat stat;
        int r;

        r = process_stat_parse(text, &stat);
        require(r == 0 || r == -EBADMSG);
}

/* What follows a path to decide whose it is, or what lies below it. */
static void read_cgroup(const char *text) {
        char path[256];
        Workload workload;
        int r;

        r = workload_pick_cgroup(text, path, sizeof(path));
        require(r == 0 || r == -EBADMSG || r == -ENAMETOOLONG);
        if (r == 0)
                require(path[0] == '/' && strlen(path) < sizeof(path));
        r = workload_from_cgroup(text, &workload);
        require(r == 0 || r == -EINVAL || r == -ENAMETOOLONG);
        require(container_runtime_to_name(workload.runtime));
        require((workload.runtime == RUNTIME_NONE) == (workload.container[0] == 0));
        require(r == 0 || (!workload.unit[0] && !workload.slice[0] && !workload.pod[0]));
}

static void on_kernel_user(UserKind kind, const char *name, const char *detail, void *userdata _unused_) {
        require(user_kind_to_name(kind) && name[0] && detail[0] == '/');
}

static int on_layer(const char *layer, void *userdata _unused_) {
        require(layer);
        return 0;
}

static void read_mounts(const char *text) {
        static const struct {
                void (*find)(const UserMounts *mounts, char *text, KernelUserFound found, void *userdata);
        } lists[] = { { kernel_users_in_swaps }, { kernel_users_in_exports } };
        _cleanup_(free_at) char *mountinfo = strdup(text), *layers = strdup(text);
        UserMounts mounts = { .device_number = 1 };

        require(mountinfo && layers);
        require(user_mounts_add(&mounts, 1, "/", mountinfo) == 0);
        user_mounts_sort(&mounts);
        (void) user_mounts_find(&mounts, 1);
        (void) user_mounts_may_hold(&mounts, 1, text);
        (void) user_mounts_covers(&mounts, text);
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                _cleanup_(free_at) char *copy = strdup(text);

                require(copy);
                lists[i].find(&mounts, copy, on_kernel_user, NULL);
        }
        require(overlay_each_layer(layers, on_layer, NULL) == 0);
        user_mounts_clear(&mounts);
}

static void read_lines(const char *text) {
        DescriptorInfo info;
        MapLine line;
        uint64_t number;
        uint32_t uid;
        int r;

        r = descriptor_info_parse(text, &info);
        require(r == 0 ? info.mount_id >= 0 : r == -EBADMSG);
        r = map_line_parse(text, &line);
        require(r == 0 ? line.path >= text && line.path <= text + strlen(text) : r == -EBADMSG);
        r = status_user_parse(text, &uid);
        require(r == 0 || r == -EBADMSG);
        r = namespace_link_parse(text, &number);
        require(r == 0 || r == -EBADMSG);
        (void) link_is_on_mount(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(free_at) char *text = strndup((const char *) data, size);

        require(text);
        read_fdinfo(text);
        read_mountinfo(text);
        read_stat(text);
        read_cgroup(text);
        read_mounts(text);
        read_lines(text);
        return 0;
}
