/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memfd_create(2) with all seals.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/sealed-memory.h"

#define ALL_SEALS (F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_SEAL)

/* Linux 6.3; older kernels say EINVAL. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

int sealed_memory_new(const char *name) {
        int fd;

        fd = memfd_create(name, MFD_CLOEXEC|MFD_ALLOW_SEALING|MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create(name, MFD_CLOEXEC|MFD_ALLOW_SEALING);
        return fd < 0 ? negative_errno() : fd;
}

int sealed_memory_seal(int fd) {
        return fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0 ? negative_errno() : 0;
}

/* From its beginning, wherever whoever made it left its position. */
static int read_whole(int fd, char *buffer, size_t size_bytes) {
        for (size_t done = 0; done < size_bytes;) {
                ssize_t n = pread(fd, buffer + done, size_bytes - done, (off_t) done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? negative_errno() : -EBADMSG;
                done += (size_t) n;
        }
        return 0;
}

int sealed_memory_read(int fd, size_t max, char **ret_bytes, size_t *ret_size_bytes) {
        _cleanup_(free_at) char *bytes = NULL;
        struct stat attributes;
        int seals, r;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
                return -EPERM;
        if (fstat(fd, &attributes) < 0)
                return negative_errno();
        if (attributes.st_size < 0 || (uint64_t) attributes.st_size > max)
                return -EFBIG;

        bytes = malloc((size_t) attributes.st_size + 1);
        if (!bytes)
                return -ENOMEM;
        r = read_whole(fd, bytes, (size_t) attributes.st_size);
        if (r < 0)
                return r;
        bytes[attributes.st_size] = '\0';

        *ret_size_bytes = (size_t) attributes.st_size;
        *ret_bytes = steal_ptr(bytes);
        return 0;
}
