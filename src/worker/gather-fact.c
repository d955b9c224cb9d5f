/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single facts, for whoever has the file system open already.
 */

#include <errno.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/cleanup.h"
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
