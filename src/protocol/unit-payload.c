/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A header with the sizes, then the files one after the other.
 */

#include "src/protocol/unit-payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"

#define PAYLOAD_MAGIC UINT32_C(0x5055484c)
#define ALL_SEALS (F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_SEAL)

/* Linux 6.3; older kernels say EINVAL. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

typedef struct PayloadHeader {
        uint32_t magic;
        uint32_t size_bytes[N_UNIT_FILES];
} PayloadHeader;

static const char *const unit_file_names[] = {
        [UNIT_FILE_MESSAGE] = "message.json",
        [UNIT_FILE_PATHS] = "paths",
};
_Static_assert(ELEMENTSOF(unit_file_names) == N_UNIT_FILES, "every file has a name");
DEFINE_NAMES(unit_file, UnitFile)

static int new_memory(void) {
        int fd;

        fd = memfd_create("healerd-unit", MFD_CLOEXEC|MFD_ALLOW_SEALING|MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("healerd-unit", MFD_CLOEXEC|MFD_ALLOW_SEALING);
        return fd < 0 ? negative_errno() : fd;
}

int unit_payload_make(const UnitPayload *payload, int *ret_fd) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        PayloadHeader header = { .magic = PAYLOAD_MAGIC };
        size_t size_bytes = 0;
        int r;

        for (unsigned i = 0; i < N_UNIT_FILES; i++) {
                if (payload->size_bytes[i] > UNIT_PAYLOAD_MAX - size_bytes)
                        return -EFBIG;
                size_bytes += payload->size_bytes[i];
                header.size_bytes[i] = (uint32_t) payload->size_bytes[i];
        }

        fd = new_memory();
        if (fd < 0)
                return fd;
        r = file_write_all(fd, &header, sizeof(header));
        for (unsigned i = 0; r >= 0 && i < N_UNIT_FILES; i++)
                r = file_write_all(fd, payload->data[i], payload->size_bytes[i]);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
                return -errno;

        *ret_fd = steal_fd(&fd);
        return 0;
}

/* The whole of it, from its beginning, wherever whoever made it left its position. */
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

int unit_payload_read(int fd, char **ret_buffer, UnitPayload *ret_payload) {
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload = {};
        PayloadHeader header;
        struct stat attributes;
        size_t position = sizeof(header);
        int seals, r;

        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
                return -EPERM;
        if (fstat(fd, &attributes) < 0)
                return negative_errno();
        if (attributes.st_size < (off_t) sizeof(header))
                return -EBADMSG;
        if (attributes.st_size > (off_t) (sizeof(header) + UNIT_PAYLOAD_MAX))
                return -EFBIG;

        buffer = malloc((size_t) attributes.st_size);
        if (!buffer)
                return -ENOMEM;
        r = read_whole(fd, buffer, (size_t) attributes.st_size);
        if (r < 0)
                return r;

        memcpy(&header, buffer, sizeof(header));
        if (header.magic != PAYLOAD_MAGIC)
                return -EBADMSG;
        for (unsigned i = 0; i < N_UNIT_FILES; i++) {
                if (header.size_bytes[i] > (size_t) attributes.st_size - position)
                        return -EBADMSG;
                payload.data[i] = buffer + position;
                payload.size_bytes[i] = header.size_bytes[i];
                position += header.size_bytes[i];
        }
        if (position != (size_t) attributes.st_size)
                return -EBADMSG;

        *ret_buffer = steal_ptr(buffer);
        *ret_payload = payload;
        return 0;
}
