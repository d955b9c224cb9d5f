/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folders that are still to be read are a list of paths; of the one that is being read the position is kept over
 * the end of a slice.
 */
#include "src/worker/name-search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/survey.h"

/* Some hundred entries. */
#define ENTRIES_BYTES 16384

typedef struct Folder {
        STAILQ_ENTRY(Folder) entries;
        char path[];                    /* below the root, which is ""; "folder/folder" */
} Folder;

typedef struct Walk {
        const NameSearch *search;
        STAILQ_HEAD(, Folder) folders;  /* the first one is being read */
        size_t n_folders;
        off_t position;                 /* in the first one */
        bool has_dropped;               /* there were more */
        char *ret_path;
} Walk;

static int add_folder(Walk *walk, const char *above, const char *name) {
        size_t length = strlen(above), size = length + 1 + strlen(name) + 1;
        Folder *folder;

        if (size + 1 > PATH_MAX)
                return 0;
        if (walk->n_folders >= NAME_SEARCH_FOLDERS_MAX) {
                walk->has_dropped = true;
                return 0;
        }
        folder = malloc(sizeof(*folder) + size);
        if (!folder)
                return -ENOMEM;
        folder->path[0] = 0;
        (void) text_append_format(folder->path, size, "%s%s%s", above, length > 0 ? "/" : "", name);
        STAILQ_INSERT_TAIL(&walk->folders, folder, entries);
        walk->n_folders++;
        return 0;
}

static void folder_done(Walk *walk) {
        Folder *folder = STAILQ_FIRST(&walk->folders);

        STAILQ_REMOVE_HEAD(&walk->folders, entries);
        walk->n_folders--;
        walk->position = 0;
        free(folder);
}

/* No link is followed, and nothing that is mounted on it. Only the owner of a folder and CAP_FOWNER may spare the
 * access time. */
static int open_folder(int root_fd, const char *path) {
        struct open_how how = {
                .flags = O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC|O_NOATIME,
                .resolve = RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_XDEV,
        };
        int fd;

        fd = (int) syscall(SYS_openat2, root_fd, path[0] ? path : ".", &how, sizeof(how));
        if (fd < 0 && errno == EPERM) {
                how.flags &= ~(uint64_t) O_NOATIME;
                fd = (int) syscall(SYS_openat2, root_fd, path[0] ? path : ".", &how, sizeof(how));
        }
        return fd < 0 ? negative_errno() : fd;
}

/* Returns 1 if this is it, 0, or -ENOMEM. */
static int look_at_entry(Walk *walk, const Folder *folder, const struct dirent64 *entry) {
        /* They lead to where the search came from. */
        if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
                return 0;
        if (entry->d_ino == walk->search->inode) {
                walk->ret_path[0] = 0;
                return text_append_format(walk->ret_path, PATH_MAX, "/%s%s%s", folder->path,
                                          folder->path[0] ? "/" : "", entry->d_name) >= 0;
        }
        return entry->d_type == DT_DIR ? add_folder(walk, folder->path, entry->d_name) : 0;
}

/* Reads on in the first folder. Returns 1 if it was found, 0, or -ENOMEM. */
static int read_on(Walk *walk, int root_fd) {
        const Folder *folder = STAILQ_FIRST(&walk->folders);
        _cleanup_(close_fd_at) int fd = open_folder(root_fd, folder->path);
        union {
                struct dirent64 first;
                char bytes[ENTRIES_BYTES];
        } buffer;
        ssize_t length = -1;

        if (fd >= 0 && lseek(fd, walk->position, SEEK_SET) >= 0)
                length = getdents64(fd, &buffer, sizeof(buffer));
        for (ssize_t offset = 0; offset < length;) {
                const struct dirent64 *entry = (const void *) (buffer.bytes + offset);
                int r = look_at_entry(walk, folder, entry);

                if (r != 0)
                        return r;
                walk->position = entry->d_off;
                offset += entry->d_reclen;
        }
        if (length <= 0)
                folder_done(walk);
        return 0;
}

static int slice(Walk *walk) {
        _cleanup_(close_fd_at) int root_fd = walk->search->open_root(walk->search->userdata);
        uint64_t end_usec = clock_monotonic_usec() + walk->search->slice_usec;
        int r = 0;

        if (root_fd < 0)
                return root_fd;
        do
                r = read_on(walk, root_fd);
        while (r == 0 && !STAILQ_EMPTY(&walk->folders) && clock_monotonic_usec() < end_usec);
        return r;
}

static int walk_all(Walk *walk) {
        static const struct timespec pause = { .tv_nsec = SURVEY_PAUSE_USEC * NSEC_PER_USEC };
        uint64_t end_usec = clock_monotonic_usec() + walk->search->budget_usec;
        int r;

        while (!STAILQ_EMPTY(&walk->folders)) {
                r = slice(walk);
                if (r != 0)
                        return r < 0 ? r : 0;
                if (clock_monotonic_usec() >= end_usec && !STAILQ_EMPTY(&walk->folders))
                        return -ETIME;
                (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
        return walk->has_dropped ? -ENOBUFS : -ENOENT;
}

int name_search(const NameSearch *search, char ret_path[static PATH_MAX]) {
        Walk walk = { .search = search, .ret_path = ret_path };
        int r;

        STAILQ_INIT(&walk.folders);
        r = add_folder(&walk, "", "");
        if (r >= 0)
                r = walk_all(&walk);
        while (!STAILQ_EMPTY(&walk.folders))
                folder_done(&walk);
        return r;
}
