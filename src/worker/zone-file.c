/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "src/worker/zone-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#ifndef MFD_NOEXEC_SEAL
#  define MFD_NOEXEC_SEAL 0x0008U       /* Linux 6.3 */
#endif

static void find_name(const char *path, char ret_name[static ZONE_NAME_SIZE]) {
        char target[PATH_MAX];
        const char *name = NULL;
        ssize_t length;

        length = readlink(path, target, sizeof(target) - 1);
        if (length > 0) {
                target[length] = 0;
                name = zone_name_of_link(target);
        }
        (void) text_copy(ret_name, ZONE_NAME_SIZE, name ?: path);
}

static int memory_new(const char *bytes, size_t length, int *ret_fd) {
        _cleanup_(close_fd_at) int fd = memfd_create("healer-zone", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        int r;

        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("healer-zone", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return negative_errno();
        r = file_write_all(fd, bytes, length);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return negative_errno();

        *ret_fd = steal_fd(&fd);
        return 0;
}

int zone_file_copy(const char *path, char ret_name[static ZONE_NAME_SIZE], int *ret_fd) {
        _cleanup_(close_fd_at) int fd = -EBADF, memory = -EBADF;
        _cleanup_(zone_free_at) Zone *zone = NULL;
        _cleanup_(free_at) char *bytes = NULL;
        struct stat status;
        size_t length;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT) {
                (void) text_copy(ret_name, ZONE_NAME_SIZE, "UTC");
                *ret_fd = -EBADF;
                return 0;
        }
        if (fd < 0 || fstat(fd, &status) < 0)
                return negative_errno();
        if (!S_ISREG(status.st_mode))
                return -EBADMSG;

        r = file_read_fd(fd, ZONE_FILE_MAX, &bytes, &length);
        if (r >= 0)
                r = memory_new(bytes, length, &memory);
        /* As the one who gets it is going to. */
        if (r >= 0)
                r = zone_new_file(memory, path, &zone);
        if (r < 0)
                return r;

        find_name(path, ret_name);
        *ret_fd = steal_fd(&memory);
        return 0;
}
