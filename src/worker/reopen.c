/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Candidates in a good order, each one checked against the monitor before it is used for anything.
 */

#include "src/worker/reopen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

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

static bool is_suitable(const MountInfo *mount, ReopenPurpose purpose) {
        return purpose != REOPEN_TO_SCAN || is_whole(mount);
}

static Outcome explain_failure(const Candidates *candidates, int monitor_fd, bool is_other_seen,
                               ReopenPurpose purpose, Reopened *reopened) {
        HealthMonitorTotals totals;
        size_t n_suitable = 0;

        if (monitor_fd >= 0 && health_monitor_totals(monitor_fd, &totals) >= 0 && !totals.is_alive)
                return OUTCOME_UNMOUNTED;
        if (is_other_seen)
                return OUTCOME_WRONG_FILESYSTEM;
        if (candidates->mounts.n == 0 && monitor_fd < 0)
                return OUTCOME_UNMOUNTED;

        for (size_t i = 0; i < candidates->mounts.n; i++)
                n_suitable += is_suitable(candidates->mounts.items + i, purpose);
        if (candidates->mounts.n == 0)
                reopened->problem = "it is mounted nowhere here any more, only in another mount namespace or as "
                                    "open files after a lazy unmount";
        else if (n_suitable == 0)
                reopened->problem = "only folders of it are mounted, and a scan needs the whole";
        return candidates->mounts.n > 0 && n_suitable == 0 ? OUTCOME_NOT_SUPPORTED : OUTCOME_CANNOT_REOPEN;
}

static int open_copy(const char *mount_point, dev_t device_number) {
        _cleanup_(close_fd_at) int tree_fd = -EBADF, fd = -EBADF;
        struct stat status;

        tree_fd = open_tree(AT_FDCWD, mount_point, OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_NO_AUTOMOUNT);
        if (tree_fd < 0)
                return -errno;
        fd = openat(tree_fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (status.st_dev != device_number)
                return -ESTALE;

        return steal_fd(&fd);
}

int mount_open_beside(const char *mount_point, dev_t device_number, bool is_whole) {
        _cleanup_(close_fd_at) int fd = -EBADF;

        fd = open_copy(mount_point, device_number);
        if (fd < 0)
                fd = filesystem_open_root(mount_point, device_number);
        if (fd < 0 || is_whole)
                return steal_fd(&fd);

        return filesystem_open_root_above(fd);
}

/* Returns a descriptor that is on the right superblock, or a negative errno (-ESTALE: on another one). */
static int open_candidate(const MountInfo *mount, int monitor_fd, ReopenPurpose purpose) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        int r;

        switch (purpose) {
        case REOPEN_TO_LOOK:
        case REOPEN_TO_SCAN:
                fd = mount_open_beside(mount->mount_point, mount->device_number, is_whole(mount));
                break;
        case REOPEN_TO_REPAIR:
                fd = filesystem_open_root(mount->mount_point, mount->device_number);
                break;
        }
        if (fd < 0 || monitor_fd < 0)
                return steal_fd(&fd);

        r = health_monitor_check_same(monitor_fd, fd);
        return r < 0 ? r : steal_fd(&fd);
}

/* Most often it is where it was, and to ask for one mount is less than to ask for all of them. What is not as it was,
 * or not what one would choose, is left to them. Returns false if there is no such mount. */
static bool collect_known(Candidates *candidates, const Superblock *superblock) {
        const Mount *best = superblock_best_mount(superblock);
        _cleanup_(mount_info_clear) MountInfo info = {};

        if (!best || best->is_read_only || !best->is_whole || mount_info_get(best->mount_id, &info) < 0)
                return false;
        if (info.is_read_only || !is_whole(&info))
                return false;

        return on_mount_found(&info, candidates) >= 0 && candidates->mounts.n > 0;
}

static int collect_candidates(Candidates *candidates, const Superblock *superblock) {
        int r;

        r = mount_table_list(on_mount_found, candidates);
        if (r < 0) {
                mount_set_clear(&candidates->mounts);
                r = candidates_from_table(candidates, superblock);
        }
        if (r >= 0 && candidates->mounts.n > 1)
                qsort(candidates->mounts.items, candidates->mounts.n, sizeof(MountInfo), compare_usefulness);

        return r;
}

/* Opens the first that can be opened. Returns false if there is none, with the last errno in @ret_error if one was
 * tried. */
static bool open_first(const Candidates *candidates, int monitor_fd, ReopenPurpose purpose, Reopened *ret_reopened,
                       int *ret_error, bool *ret_is_other_seen) {
        for (size_t i = 0; i < candidates->mounts.n; i++) {
                const MountInfo *mount = candidates->mounts.items + i;
                int r;

                if (!is_suitable(mount, purpose))
                        continue;

                r = open_candidate(mount, monitor_fd, purpose);
                if (r < 0) {
                        *ret_is_other_seen = *ret_is_other_seen || r == -ESTALE;
                        *ret_error = -r;
                        continue;
                }

                ret_reopened->fd = r;
                /* What is looked at is always the root. */
                ret_reopened->is_whole = purpose != REOPEN_TO_REPAIR || is_whole(mount);
                ret_reopened->is_read_only = mount->is_read_only || mount->is_superblock_read_only;
                (void) text_copy(ret_reopened->mount_point, sizeof(ret_reopened->mount_point), mount->mount_point);
                *ret_error = 0;
                return true;
        }

        return false;
}

Outcome reopen_superblock(const Superblock *superblock, int monitor_fd, ReopenPurpose purpose, Reopened *ret_reopened,
                          int *ret_error) {
        Candidates candidates = { .device_number = superblock->device_number };
        Outcome outcome = OUTCOME_DONE;
        bool is_other_seen = false;
        int r;

        ret_reopened->fd = -EBADF;
        ret_reopened->problem = NULL;
        if (!collect_known(&candidates, superblock) ||
            !open_first(&candidates, monitor_fd, purpose, ret_reopened, ret_error, &is_other_seen)) {
                mount_set_clear(&candidates.mounts);
                r = collect_candidates(&candidates, superblock);
                *ret_error = r < 0 ? -r : ENOENT;
                is_other_seen = false;
                if (!open_first(&candidates, monitor_fd, purpose, ret_reopened, ret_error, &is_other_seen))
                        outcome = explain_failure(&candidates, monitor_fd, is_other_seen, purpose, ret_reopened);
        }

        mount_set_clear(&candidates.mounts);
        return outcome;
}
