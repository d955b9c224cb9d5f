/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Candidates in a good order, each one checked against the monitor before it is used for anything.
 */

#include "src/worker/reopen.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/mount-diff.h"

typedef struct Candidates {
        dev_t device_number;
        MountSet mounts;
} Candidates;

static int on_mount_found(const MountInfo *info, void *userdata) {
        Candidates *candidates = userdata;

        if (info->device_number != candidates->device_number || !info->mount_point)
                return 0;

        return mount_set_append(&candidates->mounts, info);
}

/* What the loop knew when we were forked, for kernels that cannot be asked. */
static int candidates_from_table(Candidates *candidates, const Superblock *superblock) {
        const Mount *mount;

        TAILQ_FOREACH(mount, &superblock->mounts, entry) {
                const MountInfo info = {
                        .mount_id = mount->mount_id,
                        .device_number = superblock->device_number,
                        .root = (char *) (mount->is_whole ? "/" : "?"),
                        .mount_point = mount->mount_point,
                        .is_read_only = mount->is_read_only,
                };
                int r;

                r = mount_set_append(&candidates->mounts, &info);
                if (r < 0)
                        return r;
        }

        return 0;
}

static bool is_whole(const MountInfo *info) {
        return text_equal(info->root, "/");
}

/* A read-only bind mount of a writable file system cannot be repaired through. */
static int compare_usefulness(const void *a, const void *b) {
        const MountInfo *left = a, *right = b;

        if (left->is_read_only != right->is_read_only)
                return left->is_read_only - right->is_read_only;
        if (is_whole(left) != is_whole(right))
                return is_whole(right) - is_whole(left);

        return left->mount_id < right->mount_id ? -1 : left->mount_id > right->mount_id;
}

static Outcome explain_failure(int monitor_fd, bool is_other_seen, size_t n_mounts) {
        HealthMonitorTotals totals;

        if (monitor_fd >= 0 && health_monitor_totals(monitor_fd, &totals) >= 0 && !totals.is_alive)
                return OUTCOME_UNMOUNTED;
        if (is_other_seen)
                return OUTCOME_WRONG_FILESYSTEM;
        /* It can live on in another mount namespace, or behind a lazy unmount. */
        if (n_mounts == 0 && monitor_fd < 0)
                return OUTCOME_UNMOUNTED;

        return OUTCOME_CANNOT_REOPEN;
}

Outcome reopen_superblock(const Superblock *superblock, int monitor_fd, bool whole_only, Reopened *ret_reopened,
                          int *ret_error) {
        Candidates candidates = { .device_number = superblock->device_number };
        bool is_other_seen = false;
        int r;

        *ret_error = 0;
        ret_reopened->fd = -EBADF;

        r = mount_table_list(on_mount_found, &candidates);
        if (r < 0) {
                mount_set_clear(&candidates.mounts);
                r = candidates_from_table(&candidates, superblock);
                if (r < 0) {
                        *ret_error = -r;
                        return OUTCOME_CANNOT_REOPEN;
                }
        }
        if (candidates.mounts.n > 1)
                qsort(candidates.mounts.items, candidates.mounts.n, sizeof(MountInfo), compare_usefulness);

        *ret_error = ENOENT;
        for (size_t i = 0; i < candidates.mounts.n; i++) {
                const MountInfo *mount = candidates.mounts.items + i;
                _cleanup_(close_fd_at) int fd = -EBADF;

                if (whole_only && !is_whole(mount))
                        continue;

                fd = filesystem_open_root(mount->mount_point, superblock->device_number);
                if (fd >= 0 && monitor_fd >= 0) {
                        r = health_monitor_check_same(monitor_fd, fd);
                        if (r < 0)
                                fd = close_fd(fd);
                } else {
                        r = fd < 0 ? fd : 0;
                }
                if (r < 0) {
                        is_other_seen = is_other_seen || r == -ESTALE;
                        *ret_error = -r;
                        continue;
                }

                ret_reopened->fd = steal_fd(&fd);
                ret_reopened->is_read_only = mount->is_read_only || mount->is_superblock_read_only;
                ret_reopened->is_whole = is_whole(mount);
                (void) text_copy(ret_reopened->mount_point, sizeof(ret_reopened->mount_point), mount->mount_point);
                *ret_error = 0;
                mount_set_clear(&candidates.mounts);
                return OUTCOME_DONE;
        }

        r = candidates.mounts.n;
        mount_set_clear(&candidates.mounts);
        return explain_failure(monitor_fd, is_other_seen, r);
}
