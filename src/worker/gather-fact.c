/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single facts, for whoever has the file system open already.
 */

#include <errno.h>
#include <string.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/sealed-memory.h"
#include "src/basic/text.h"
#include "src/worker/gather.h"

void gather_autofsck(int root_fd, WorkerGathered *answer) {
        Autofsck autofsck;
        int r;

        r = filesystem_read_autofsck(root_fd, &autofsck);
        if (r < 0) {
                answer->autofsck_error = -r;
                return;
        }

        answer->autofsck_state = FACT_KNOWN;
        answer->autofsck_error = 0;
        answer->autofsck = autofsck;
}

void gather_path(int fd, uint64_t inode, uint32_t generation, WorkerGathered *answer) {
        _cleanup_(free_at) char *path = NULL;
        int r;

        r = filesystem_inode_path(fd, inode, generation, &path);
        if (r >= 0)
                r = text_copy(answer->path, sizeof(answer->path), path);
        if (r < 0) {
                answer->path[0] = 0;
                answer->path_state = r == -ENODATA ? FACT_ABSENT : FACT_UNKNOWN;
                answer->path_error = -r;
                return;
        }

        answer->path_state = FACT_KNOWN;
        answer->path_error = 0;
}

typedef struct Names {
        WorkerGathered *answer;
        int fd;
        size_t size_bytes;              /* of what is in there */
} Names;

static int add_name(void *userdata, const char *path) {
        size_t size_bytes = strlen(path) + 1;
        Names *names = userdata;

        if (names->answer->path_state != FACT_KNOWN) {
                names->answer->path_state = FACT_KNOWN;
                return text_copy(names->answer->path, sizeof(names->answer->path), path);
        }
        if (names->fd < 0)
                names->fd = sealed_memory_new("healer-names");
        if (names->fd < 0 || size_bytes > WORKER_NAMES_MAX - names->size_bytes ||
            file_write_all(names->fd, path, size_bytes) < 0) {
                names->answer->n_names_untold++;
                return 0;
        }
        names->size_bytes += size_bytes;
        return 0;
}

void gather_lost(int fd, const WorkerGatherRequest *request, WorkerGathered *answer, int *ret_names_fd) {
        Names names = { .answer = answer, .fd = -EBADF };
        size_t n_lost = 0;
        int r;

        if (filesystem_inode_mode(fd, request->inode, request->generation, &answer->mode) < 0)
                answer->mode = 0;
        if (!request->wants_path)
                return;

        r = filesystem_inode_names(fd, request->inode, request->generation, add_name, &names, &n_lost);
        if (answer->path_state != FACT_KNOWN) {
                answer->path_state = r == -ENODATA ? FACT_ABSENT : FACT_UNKNOWN;
                answer->path_error = r < 0 ? -r : ENODATA;
        }
        answer->n_names_untold += (uint32_t) n_lost;
        if (names.fd >= 0 && (names.size_bytes == 0 || sealed_memory_seal(names.fd) < 0))
                names.fd = close_fd(names.fd);
        *ret_names_fd = names.fd;
}
