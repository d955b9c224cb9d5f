/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A header with the sizes, then the files one after the other.
 */

#include "src/protocol/unit-payload.h"

#include <errno.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/sealed-memory.h"

#define PAYLOAD_MAGIC UINT32_C(0x5055484c)

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

        fd = sealed_memory_new("healerd-unit");
        if (fd < 0)
                return fd;
        r = file_write_all(fd, &header, sizeof(header));
        for (unsigned i = 0; r >= 0 && i < N_UNIT_FILES; i++)
                r = file_write_all(fd, payload->data[i], payload->size_bytes[i]);
        if (r >= 0)
                r = sealed_memory_seal(fd);
        if (r < 0)
                return r;

        *ret_fd = steal_fd(&fd);
        return 0;
}

int unit_payload_read(int fd, char **ret_buffer, UnitPayload *ret_payload) {
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload = {};
        PayloadHeader header;
        size_t position = sizeof(header), size_bytes;
        int r;

        r = sealed_memory_read(fd, sizeof(header) + UNIT_PAYLOAD_MAX, &buffer, &size_bytes);
        if (r < 0)
                return r;
        if (size_bytes < sizeof(header))
                return -EBADMSG;

        memcpy(&header, buffer, sizeof(header));
        if (header.magic != PAYLOAD_MAGIC)
                return -EBADMSG;
        for (unsigned i = 0; i < N_UNIT_FILES; i++) {
                if (header.size_bytes[i] > size_bytes - position)
                        return -EBADMSG;
                payload.data[i] = buffer + position;
                payload.size_bytes[i] = header.size_bytes[i];
                position += header.size_bytes[i];
        }
        if (position != size_bytes)
                return -EBADMSG;

        *ret_buffer = steal_ptr(buffer);
        *ret_payload = payload;
        return 0;
}
