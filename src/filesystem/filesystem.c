/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes over what the worker says about one file system.
 */

#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/filesystem/filesystem.h"

/* Sets *slot to a copy of @value unless it says that already. Returns 1 if it changed, 0, or -ENOMEM. */
static int set_text(char **slot, const char *value) {
        char *copy = NULL;

        if (text_equal(*slot, value))
                return 0;

        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }

        free(*slot);
        *slot = copy;
        return 1;
}

static int set_texts(FilesystemFacts *facts, const WorkerFilesystem *told) {
        int type, device, label;

        type = set_text(&facts->type, told->type);
        if (type < 0)
                return type;
        device = set_text(&facts->device, told->device[0] ? told->device : NULL);
        if (device < 0)
                return device;
        label = set_text(&facts->label, told->label_state == FACT_KNOWN ? told->label : NULL);
        if (label < 0)
                return label;

        return type | device | label;
}

int filesystem_update(Filesystem *filesystem, const WorkerFilesystem *told) {
        FilesystemFacts *facts = &filesystem->facts, before = *facts;
        MonitorState monitor_before = filesystem->monitor_state;
        int changed;

        changed = set_texts(facts, told);
        if (changed < 0)
                return changed;

        facts->uuid_state = (FactState) told->uuid_state;
        memcpy(facts->uuid, told->uuid, UUID_SIZE);
        facts->label_state = (FactState) told->label_state;
        facts->autofsck_state = (FactState) told->autofsck_state;
        facts->autofsck = (Autofsck) told->autofsck;
        facts->autofsck_error = told->autofsck_error;
        facts->is_root = (Tristate) told->is_root;
        facts->is_state = (Tristate) told->is_state;
        facts->is_removable = (Tristate) told->is_removable;
        facts->is_read_only = (Tristate) told->is_read_only;
        facts->has_rmapbt = told->has_rmapbt;
        facts->has_parent_pointers = told->has_parent_pointers;
        facts->has_metadir = told->has_metadir;
        facts->n_rtgroups = told->n_rtgroups;
        facts->n_disks = min_of((size_t) told->n_disks, (size_t) FILESYSTEM_DISKS_MAX);
        for (size_t i = 0; i < facts->n_disks; i++)
                facts->disks[i] = (dev_t) told->disks[i];

        filesystem->monitor_state = (MonitorState) told->monitor_state;
        filesystem->monitor_error = told->error;
        if (filesystem->holder_pid != told->holder_pid || filesystem->error_watch_error != told->error_watch_error)
                changed = 1;
        filesystem->error_watch_error = told->error_watch_error;
        filesystem->holder_pid = told->holder_pid;
        (void) text_copy(filesystem->holder_name, sizeof(filesystem->holder_name), told->holder_name);

        return changed || monitor_before != filesystem->monitor_state ||
               before.uuid_state != facts->uuid_state || memcmp(before.uuid, facts->uuid, UUID_SIZE) != 0 ||
               before.autofsck_state != facts->autofsck_state || before.autofsck != facts->autofsck ||
               before.is_root != facts->is_root || before.is_state != facts->is_state ||
               before.is_removable != facts->is_removable || before.is_read_only != facts->is_read_only ||
               before.has_rmapbt != facts->has_rmapbt ||
               before.has_parent_pointers != facts->has_parent_pointers ||
               before.has_metadir != facts->has_metadir ||
               before.n_rtgroups != facts->n_rtgroups;
}

int filesystem_add_mount(Filesystem *filesystem, const WorkerMount *told) {
        FilesystemMount *mounts;
        char *mount_point;
        int r;

        for (size_t i = 0; i < filesystem->n_mounts; i++) {
                FilesystemMount *mount = filesystem->mounts + i;

                if (mount->mount_id != told->mount_id)
                        continue;
                mount->is_stale = false;
                if (text_equal(mount->mount_point, told->mount_point) &&
                    mount->is_read_only == !!told->is_read_only)
                        return 0;

                /* Moved, or its flags changed: it keeps its number. */
                r = filesystem_remove_mount(filesystem, told->mount_id);
                if (r < 0)
                        return r;
                break;
        }

        mounts = reallocarray(filesystem->mounts, filesystem->n_mounts + 1, sizeof(*mounts));
        if (!mounts)
                return -ENOMEM;
        filesystem->mounts = mounts;

        mount_point = strdup(told->mount_point);
        if (!mount_point)
                return -ENOMEM;

        r = filesystem_facts_add_mount(&filesystem->facts, mount_point);
        if (r < 0) {
                free(mount_point);
                return r;
        }

        filesystem->mounts[filesystem->n_mounts++] = (FilesystemMount) {
                .mount_id = told->mount_id,
                .is_read_only = told->is_read_only,
                .is_whole = told->is_whole,
                .mount_point = mount_point,
        };
        return 1;
}

int filesystem_remove_mount(Filesystem *filesystem, uint64_t mount_id) {
        for (size_t i = 0; i < filesystem->n_mounts; i++) {
                FilesystemMount *mount = filesystem->mounts + i;
                bool is_elsewhere = false;

                if (mount->mount_id != mount_id)
                        continue;

                /* Two mounts can stand on the same point, one over the other. */
                for (size_t j = 0; j < filesystem->n_mounts; j++)
                        if (j != i && text_equal(filesystem->mounts[j].mount_point, mount->mount_point))
                                is_elsewhere = true;
                if (!is_elsewhere)
                        filesystem_facts_remove_mount(&filesystem->facts, mount->mount_point);

                free(mount->mount_point);
                memmove(mount, mount + 1, (filesystem->n_mounts - i - 1) * sizeof(*mount));
                filesystem->n_mounts--;
                return 1;
        }

        return 0;
}

void filesystem_mark_mounts_stale(Filesystem *filesystem) {
        for (size_t i = 0; i < filesystem->n_mounts; i++)
                filesystem->mounts[i].is_stale = true;
}

size_t filesystem_drop_stale_mounts(Filesystem *filesystem) {
        size_t n_dropped = 0;

        for (size_t i = 0; i < filesystem->n_mounts;)
                if (filesystem->mounts[i].is_stale) {
                        (void) filesystem_remove_mount(filesystem, filesystem->mounts[i].mount_id);
                        n_dropped++;
                } else
                        i++;
        return n_dropped;
}

static const char *const watched_by_names[] = {
        [WATCHED_BY_NONE] = "none",
        [WATCHED_BY_HEALTHMON] = "healthmon",
        [WATCHED_BY_FANOTIFY] = "fanotify",
};
DEFINE_NAMES(watched_by, WatchedBy)

WatchedBy filesystem_watched_by(const Filesystem *filesystem) {
        if (filesystem->monitor_state == MONITOR_OPENED)
                return WATCHED_BY_HEALTHMON;

        return filesystem->has_error_watch ? WATCHED_BY_FANOTIFY : WATCHED_BY_NONE;
}

bool filesystem_is_watched(const Filesystem *filesystem) {
        switch (filesystem_watched_by(filesystem)) {
        case WATCHED_BY_NONE:
                return false;
        case WATCHED_BY_HEALTHMON:
                return true;
        case WATCHED_BY_FANOTIFY:
                return !text_equal(filesystem->facts.type, "xfs");
        }

        return false;
}

void filesystem_note_good(Filesystem *filesystem, uint64_t realtime_usec) {
        filesystem->good_realtime_usec = max_of(filesystem->good_realtime_usec, realtime_usec);
}
