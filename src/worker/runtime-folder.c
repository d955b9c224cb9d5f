/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nothing is followed that somebody else may have put there.
 */
#include "src/worker/runtime-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"

int runtime_folder_open(const char *runtime_dir, const char *name) {
        _cleanup_(close_fd_at) int runtime_fd = -EBADF, fd = -EBADF;
        struct stat attributes;

        runtime_fd = open(runtime_dir, O_PATH|O_DIRECTORY|O_CLOEXEC);
        if (runtime_fd < 0)
                return -errno;
        if (mkdirat(runtime_fd, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(runtime_fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        if (fd < 0 || fstat(fd, &attributes) < 0)
                return negative_errno();
        if (attributes.st_uid != geteuid() || (attributes.st_mode & (S_IWGRP | S_IWOTH)))
                return -EPERM;
        return steal_fd(&fd);
}
