/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of mounted superblocks. Counted in tens, so a list is enough.
 */

#include "src/worker/superblock-table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/error-watch.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* A kernel that accepts an error watch need not have a file system that speaks into it: those other than ext4 came
 * later than the call. ext2 and ext3 are watched where it is ext4 that mounts them. Source: Linux 5.16,
 * fs/ext4/super.c; 7.0, fs/fserror.c and its callers. */
static const WatchedType watched_types[] = {
        { .name = "xfs",   .has_monitor = true, .tells_errors_since = { 7, 0, 0 } },
        { .name = "ext4" },
        { .name = "ext3",  .must_be_ext4 = true },
        { .name = "ext2",  .must_be_ext4 = true },
        { .name = "btrfs", .tells_errors_since = { 7, 0, 0 } },
        { .name = "f2fs",  .tells_errors_since = { 7, 0, 0 } },
};

const WatchedType *watched_type_find(const char *type) {
        for (size_t i = 0; i < ELEMENTSOF(watched_types); i++)
                if (text_equal(watched_types[i].name, type))
                        return watched_types + i;

        return NULL;
}

static Mount *mount_free(Mount *mount) {
        if (!mount)
                return NULL;

        free(mount->mount_point);
        free(mount);
        return NULL;
}
DEFINE_CLEANUP(Mount, mount_free)

Superblock *superblock_free(SuperblockTable *table, Superblock *superblock) {
        if (!superblock)
                return NULL;

        while (!TAILQ_EMPTY(&superblock->mounts))
                superblock_remove_mount(superblock, TAILQ_FIRST(&superblock->mounts));
        sd_event_source_disable_unref(superblock->retry_source);
        sd_event_source_disable_unref(superblock->holder_source);
        close_fd(superblock->error_watch_fd);
        TAILQ_REMOVE(table, superblock, entry);
        free(superblock);
        return NULL;
}

void superblock_table_clear(SuperblockTable *table) {
        while (!TAILQ_EMPTY(table))
                superblock_free(table, TAILQ_FIRST(table));
}

Superblock *superblock_find(SuperblockTable *table, dev_t device_number) {
        Superblock *superblock;

        TAILQ_FOREACH(superblock, table, entry)
                if (superblock->device_number == device_number)
                        return superblock;

        return NULL;
}

int superblock_ensure(SuperblockTable *table, dev_t device_number, const char *type, Superblock **ret_superblock) {
        Superblock *superblock = superblock_find(table, device_number);

        if (!superblock) {
                superblock = calloc(1, sizeof(*superblock));
                if (!superblock)
                        return -ENOMEM;

                superblock->device_number = device_number;
                superblock->error_watch_fd = -EBADF;
                superblock->facts.device_number = device_number;
                superblock->facts.is_root = TRISTATE_UNKNOWN;
                superblock->facts.is_state = TRISTATE_UNKNOWN;
                superblock->facts.is_removable = TRISTATE_UNKNOWN;
                superblock->facts.is_read_only = TRISTATE_UNKNOWN;
                TAILQ_INIT(&superblock->mounts);
                TAILQ_INSERT_TAIL(table, superblock, entry);
        }

        (void) text_copy(superblock->facts.type, sizeof(superblock->facts.type), type);
        superblock->type = watched_type_find(type);
        superblock->has_monitor_type = superblock->type && superblock->type->has_monitor;
        *ret_superblock = superblock;
        return 0;
}

Mount *superblock_find_mount(SuperblockTable *table, uint64_t mount_id, Superblock **ret_superblock) {
        Superblock *superblock;

        TAILQ_FOREACH(superblock, table, entry) {
                Mount *mount;

                TAILQ_FOREACH(mount, &superblock->mounts, entry)
                        if (mount->mount_id == mount_id) {
                                *ret_superblock = superblock;
                                return mount;
                        }
        }

        return NULL;
}

void superblock_remove_mount(Superblock *superblock, Mount *mount) {
        TAILQ_REMOVE(&superblock->mounts, mount, entry);
        superblock->n_mounts--;
        mount_free(mount);
}

static bool is_better(const Mount *mount, const Mount *than) {
        if (mount->is_read_only != than->is_read_only)
                return !mount->is_read_only;
        return mount->is_whole && !than->is_whole;
}

const Mount *superblock_best_mount(const Superblock *superblock) {
        const Mount *mount, *best = NULL;

        TAILQ_FOREACH(mount, &superblock->mounts, entry)
                if (!best || is_better(mount, best))
                        best = mount;

        return best;
}

static int mount_update(Mount *mount, const MountInfo *info, MountNews *ret_news) {
        bool is_moved = !text_equal(mount->mount_point, info->mount_point);

        if (!is_moved && mount->is_read_only == info->is_read_only) {
                *ret_news = MOUNT_NEWS_NONE;
                return 0;
        }

        if (is_moved) {
                char *copy = strdup(info->mount_point);

                if (!copy)
                        return -ENOMEM;
                free(mount->mount_point);
                mount->mount_point = copy;
        }
        mount->is_read_only = info->is_read_only;
        *ret_news = MOUNT_NEWS_CHANGED;
        return 0;
}

int superblock_add_mount(SuperblockTable *table, const MountInfo *info, Superblock **ret_superblock,
                         Mount **ret_mount, MountNews *ret_news) {
        _cleanup_(mount_free_at) Mount *mount = NULL;
        Superblock *superblock;
        Mount *known;
        int r;

        known = superblock_find_mount(table, info->mount_id, &superblock);
        if (known && superblock->device_number == info->device_number) {
                r = mount_update(known, info, ret_news);
                if (r < 0)
                        return r;

                *ret_superblock = superblock;
                *ret_mount = known;
                return 0;
        }

        mount = calloc(1, sizeof(*mount));
        if (!mount)
                return -ENOMEM;
        mount->mount_id = info->mount_id;
        mount->is_read_only = info->is_read_only;
        mount->is_whole = text_equal(info->root, "/");
        mount->mount_point = strdup(info->mount_point);
        if (!mount->mount_point)
                return -ENOMEM;

        r = superblock_ensure(table, info->device_number, info->type, &superblock);
        if (r < 0)
                return r;

        *ret_news = superblock->n_mounts == 0 ? MOUNT_NEWS_FIRST : MOUNT_NEWS_FURTHER;
        if (info->source)
                (void) text_copy(superblock->facts.device, sizeof(superblock->facts.device), info->source);
        superblock->facts.is_read_only = info->is_superblock_read_only ? TRISTATE_YES : TRISTATE_NO;

        TAILQ_INSERT_TAIL(&superblock->mounts, mount, entry);
        superblock->n_mounts++;
        *ret_superblock = superblock;
        *ret_mount = steal_ptr(mount);
        return 0;
}

void superblock_set_error_watch(Superblock *superblock, int fd) {
        superblock->error_watch_fd = close_fd(superblock->error_watch_fd);
        /* Without a copy of our own an end that the mount table does not show is missed, nothing else. */
        superblock->error_watch_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        superblock->facts.has_error_watch = true;
}

void superblock_drop_error_watch(Superblock *superblock) {
        superblock->error_watch_fd = close_fd(superblock->error_watch_fd);
        superblock->facts.has_error_watch = false;
        superblock->facts.error_watch_error = 0;
}

bool superblock_is_another(const Superblock *superblock) {
        ErrorWatchMark mark;

        return superblock->n_mounts > 0 && superblock->error_watch_fd >= 0 &&
               error_watch_check(superblock->error_watch_fd, &mark) >= 0 && !mark.is_alive;
}

bool superblock_is_unused(const Superblock *superblock) {
        return superblock->n_mounts == 0 && superblock->n_held == 0 && superblock->n_children == 0;
}

void mount_fill_message(const Superblock *superblock, const Mount *mount, WorkerMount *ret_record) {
        *ret_record = (WorkerMount) {
                .device_number = superblock->device_number,
                .mount_id = mount->mount_id,
                .is_read_only = mount->is_read_only,
                .is_whole = mount->is_whole,
        };
        (void) text_copy(ret_record->mount_point, sizeof(ret_record->mount_point), mount->mount_point);
}

/* FNV-1a. A change that is not noticed would cost one notice, and comes once in 2^64. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size_bytes) {
        for (const uint8_t *byte = bytes; size_bytes > 0; byte++, size_bytes--)
                hash = (hash ^ *byte) * UINT64_C(0x100000001b3);
        return hash;
}

uint64_t superblock_facts_hash(const Superblock *superblock) {
        const WorkerFilesystem *facts = &superblock->facts;
        const uint8_t *bytes = (const uint8_t *) facts;
        size_t after = offsetof(WorkerFilesystem, old_errors) + sizeof(facts->old_errors);

        return hash_bytes(hash_bytes(UINT64_C(0xcbf29ce484222325), bytes, offsetof(WorkerFilesystem, old_errors)),
                          bytes + after, sizeof(*facts) - after);
}

const char *superblock_subject(const Superblock *superblock, char buffer[static 32]) {
        const Mount *first = TAILQ_FIRST(&superblock->mounts);

        if (first)
                return first->mount_point;
        if (superblock->facts.device[0])
                return superblock->facts.device;

        (void) snprintf(buffer, 32, "%u:%u", major(superblock->device_number), minor(superblock->device_number));
        return buffer;
}
