/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a mount point to a monitor, in the order of xfsprogs' program, so that of several problems the same one is said.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "kernel/filesystem-probe.h"
#include "kernel/health-monitor.h"
#include "kernel/metadata-repair.h"
#include "kernel/mount-table.h"
#include "kernel/xfs-survey.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/xfs-healer/healer.h"

/* Whoever only asks whether it could watch has the monitor for a moment; that must not keep us from starting. */
#define TAKEN_WAIT_USEC USEC_PER_SEC
#define TAKEN_PAUSE_USEC (50 * USEC_PER_MSEC)

static HealerEnd fail_errno(const Healer *healer, int error, HealerEnd end) {
        healer_complain(healer, strerror(abs(error)));
        return end;
}

static int open_mount_point(const Healer *healer) {
        int fd = open(healer->options.mount_point, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

        return fd < 0 ? negative_errno() : fd;
}

typedef struct PlaceSearch {
        Healer *healer;
        const char *path;
        dev_t device_number;
        bool is_found;
        int error;
} PlaceSearch;

static int on_mount_found(const MountInfo *info, void *userdata) {
        PlaceSearch *search = userdata;
        MountNews news;
        Mount *mount;
        int r;

        if (info->device_number != search->device_number || !text_equal(info->type, "xfs") ||
            !text_equal(info->mount_point, search->path))
                return 0;

        r = superblock_add_mount(&search->healer->superblocks, info, &search->healer->superblock, &mount, &news);
        if (r < 0)
                return r;
        if (!search->healer->facts.device && info->source)
                search->healer->facts.device = strdup(info->source);
        search->is_found = true;
        return 0;
}

static bool is_mount_root(int fd) {
        struct statx status;

        return statx(fd, "", AT_EMPTY_PATH, 0, &status) >= 0 && (status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static HealerEnd find_mount(Healer *healer, int root_fd) {
        _cleanup_(free_at) char *path = realpath(healer->options.mount_point, NULL);
        PlaceSearch search = { .healer = healer, .path = path };
        struct stat status;
        int r;

        if (!path || fstat(root_fd, &status) < 0)
                return fail_errno(healer, errno, HEALER_FAILED);

        search.device_number = status.st_dev;
        r = mount_table_list(on_mount_found, &search);
        /* Before Linux 6.8; there is no monitor there either, and that will be said. */
        if (r == -ENOSYS) {
                r = superblock_ensure(&healer->superblocks, status.st_dev, "xfs", &healer->superblock);
                search.is_found = is_mount_root(root_fd);
        }
        if (r < 0)
                return fail_errno(healer, r, HEALER_FAILED);
        if (!search.is_found) {
                healer_complain(healer, "Not a XFS mount point.");
                return HEALER_FOREIGN;
        }

        return HEALER_WELL;
}

static int probe_facts(Healer *healer, int root_fd) {
        WorkerFilesystem *told = &healer->superblock->facts;
        FilesystemFacts *facts = &healer->facts;
        int r;

        facts->device_number = healer->superblock->device_number;
        r = filesystem_probe(root_fd, facts);
        if (r < 0)
                return r;

        told->device_number = facts->device_number;
        told->uuid_state = facts->uuid_state;
        memcpy(told->uuid, facts->uuid, UUID_SIZE);
        return text_copy(told->type, sizeof(told->type), facts->type);
}

/* HEALER_WELL: go on. */
static HealerEnd decide(Healer *healer, int root_fd) {
        HealerVerdict verdict = healer_judge(&healer->options, &healer->facts);
        int r;

        if (verdict.sentence)
                healer_say(healer, verdict.sentence);
        healer->mode = verdict.mode;
        if (verdict.mode != HEALER_REPAIRS)
                return verdict.mode == HEALER_DISABLED ? HEALER_UNSUPPORTED : HEALER_WELL;

        r = metadata_repair_probe(root_fd);
        if (r < 0 && healer->options.repairs) {
                healer_complain(healer, "XFS online repair is not supported, exiting");
                return HEALER_FAILED;
        }
        if (r == -EROFS) {
                /* It may be mounted read-write later, and nobody would start us again. */
                healer_complain(healer, "mounted read-only; repairs begin when it is writable");
        } else if (r < 0) {
                healer_complain(healer, "XFS online repair is not supported, will report only");
                healer->mode = HEALER_REPORTS;
                return HEALER_WELL;
        }

        if (!healer->facts.has_rmapbt)
                healer_complain(healer, "XFS online repair is less effective without rmap btrees.");
        if (!healer->facts.has_parent_pointers)
                healer_complain(healer, "XFS online repair is less effective without parent pointers.");
        return HEALER_WELL;
}

static int open_monitor(const Healer *healer, int root_fd) {
        return healer->options.everything ? health_monitor_open_verbose(root_fd) : health_monitor_open(root_fd);
}

/* The mount is not kept while we wait. */
static int open_monitor_again(const Healer *healer) {
        const struct timespec pause = { .tv_nsec = TAKEN_PAUSE_USEC * NSEC_PER_USEC };
        uint64_t until_usec = clock_monotonic_usec() + TAKEN_WAIT_USEC;
        int r = -EEXIST;

        while (r == -EEXIST && clock_monotonic_usec() < until_usec) {
                _cleanup_(close_fd_at) int fd = -EBADF;
                struct stat status;

                (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
                fd = open_mount_point(healer);
                if (fd < 0 || fstat(fd, &status) < 0)
                        return fd < 0 ? fd : negative_errno();
                r = status.st_dev == healer->superblock->device_number ? open_monitor(healer, fd) : -ESTALE;
        }

        return r;
}

static HealerEnd take_monitor(Healer *healer, int taken_fd) {
        int root_fd = taken_fd, r;

        r = open_monitor(healer, root_fd);
        (void) close_fd(root_fd);
        if (r == -EEXIST)
                r = open_monitor_again(healer);
        if (r == -ENOTTY) {
                healer_complain(healer, "XFS health monitoring not supported.");
                return HEALER_UNSUPPORTED;
        }
        if (r == -EEXIST) {
                healer_complain(healer, "XFS health monitoring already running.");
                return HEALER_TAKEN;
        }
        if (r < 0)
                return fail_errno(healer, r, HEALER_FAILED);

        healer->monitor_fd = r;
        return HEALER_WELL;
}

HealerEnd healer_start(Healer *healer) {
        _cleanup_(close_fd_at) int root_fd = open_mount_point(healer);
        XfsSurveyGeometry geometry;
        HealerEnd end;
        int r;

        if (root_fd < 0)
                return fail_errno(healer, root_fd, HEALER_FAILED);
        r = xfs_survey_geometry(root_fd, &geometry);
        if (r < 0)
                return fail_errno(healer, r, r == -ENOTTY ? HEALER_FOREIGN : HEALER_FAILED);

        end = find_mount(healer, root_fd);
        if (end != HEALER_WELL)
                return end;
        r = probe_facts(healer, root_fd);
        if (r < 0)
                return fail_errno(healer, r, HEALER_FAILED);
        end = decide(healer, root_fd);
        if (end != HEALER_WELL)
                return end;

        return take_monitor(healer, steal_fd(&root_fd));
}
