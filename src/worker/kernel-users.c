/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * They are told and never ended. Where there is nothing but a path, the last mount over it counts.
 */
#include "src/worker/kernel-users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "src/worker/proc-text.h"

#define TEXT_LIMIT_BYTES ((size_t) 4 * 1024 * 1024)
/* Device-mapper on a loop device on … ends somewhere. */
#define STACK_DEPTH_MAX 8

typedef struct Search {
        const UserMounts *mounts;
        KernelUserFound found;
        void *userdata;
} Search;

/* In place: of each line what @file makes of it. */
static void each_file(const Search *search, char *text, UserKind kind, char *(*file)(char *line)) {
        char *rest = NULL;

        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                const char *path = file(line);

                if (path && user_mounts_covers(search->mounts, path))
                        search->found(kind, user_kind_to_name(kind), path, search->userdata);
        }
}

void kernel_users_in_swaps(const UserMounts *mounts, char *text, KernelUserFound found, void *userdata) {
        each_file(&(Search) { mounts, found, userdata }, text, USER_SWAP, swap_line_file);
}

void kernel_users_in_exports(const UserMounts *mounts, char *text, KernelUserFound found, void *userdata) {
        each_file(&(Search) { mounts, found, userdata }, text, USER_EXPORT, export_line_folder);
}

static void find_in_file(const Search *search, const char *path,
                         void (*find)(const UserMounts *mounts, char *text, KernelUserFound found, void *userdata)) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;

        if (file_read(AT_FDCWD, path, TEXT_LIMIT_BYTES, &text, &length) >= 0)
                find(search->mounts, text, search->found, search->userdata);
}

static int is_layer_here(const char *layer, void *userdata) {
        return user_mounts_covers(userdata, layer);
}

/* Layers are named as whoever mounted it named them, mostly in our namespace. */
static void find_overlays(const Search *search) {
        _cleanup_(free_at) char *text = NULL;
        char *rest = NULL;
        size_t length;

        if (file_read(AT_FDCWD, "/proc/self/mountinfo", USER_MOUNTINFO_LIMIT_BYTES, &text, &length) < 0)
                return;
        for (char *at = strtok_r(text, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest)) {
                MountLine line;

                if (mount_line_parse(at, &line) >= 0 && text_equal(line.type, "overlay") &&
                    overlay_each_layer(line.options, is_layer_here, (void *) search->mounts) > 0)
                        search->found(USER_OVERLAY, "overlay", line.mount_point, search->userdata);
        }
}

/* "dm-0", or what device-mapper calls it besides: "dm-0 (home)". */
static void tell_device(const Search *search, const char *device, const char *below) {
        _cleanup_(free_at) char *name = NULL;
        char path[PATH_MAX], text[USER_NAME_SIZE];

        (void) snprintf(path, sizeof(path), "/sys/class/block/%s/dm/name", device);
        if (file_read_line(path, PATH_MAX, &name) >= 0)
                (void) snprintf(text, sizeof(text), "%.16s (%.40s)", device, name);
        else
                (void) text_copy(text, sizeof(text), device);
        search->found(USER_STACKED, text, below, search->userdata);
}

/* What is built on a device, and on its partitions. */
static void find_holders(const Search *search, const char *device, unsigned depth) {
        _cleanup_(closedir_at) DIR *holders = NULL, *parts = NULL;
        const struct dirent *entry;
        char path[PATH_MAX];

        if (depth == STACK_DEPTH_MAX)
                return;
        (void) snprintf(path, sizeof(path), "/sys/class/block/%s/holders", device);
        holders = opendir(path);
        while (holders && (entry = readdir(holders))) {
                if (entry->d_name[0] == '.')
                        continue;
                tell_device(search, entry->d_name, device);
                find_holders(search, entry->d_name, depth + 1);
        }

        (void) snprintf(path, sizeof(path), "/sys/class/block/%s", device);
        parts = opendir(path);
        while (parts && (entry = readdir(parts)))
                if (text_starts_with(entry->d_name, device))
                        find_holders(search, entry->d_name, depth + 1);
}

/* True if it is on the file system, or on the inode that is looked for. */
static bool is_loop_here(UserReader *reader, const char *name, LoopLook *look, uint32_t *n_hung) {
        int r;

        r = user_reader_loop(reader, name, look);
        if (r >= 0)
                return look->device_number == reader->wanted->mounts->device_number &&
                       (reader->wanted->inode == 0 || look->inode == reader->wanted->inode);
        if (r == -ENXIO)
                return false;
        *n_hung += r == -ETIMEDOUT || r == -EBUSY;
        /* No node of it to open: its path is all that is known. */
        return reader->wanted->inode == 0 && look->path[0] == '/' &&
               user_mounts_covers(reader->wanted->mounts, look->path);
}

static void find_loops(UserReader *reader, const Search *search, uint32_t *n_hung) {
        _cleanup_(closedir_at) DIR *devices = opendir("/sys/block");
        const struct dirent *entry;

        while (devices && (entry = readdir(devices))) {
                LoopLook look = {};

                if (!text_starts_with(entry->d_name, "loop") ||
                    !is_loop_here(reader, entry->d_name, &look, n_hung))
                        continue;
                search->found(USER_LOOP, entry->d_name, look.path, search->userdata);
                find_holders(search, entry->d_name, 0);
        }
}

void kernel_users_find(UserReader *reader, KernelUserFound found, void *userdata, uint32_t *ret_n_hung) {
        const Search search = { reader->wanted->mounts, found, userdata };

        *ret_n_hung = 0;
        find_loops(reader, &search, ret_n_hung);
        /* The list of swap files has no inodes. */
        if (reader->wanted->inode == 0) {
                find_in_file(&search, "/proc/swaps", kernel_users_in_swaps);
                find_in_file(&search, "/proc/fs/nfsd/exports", kernel_users_in_exports);
                find_overlays(&search);
        }
}
