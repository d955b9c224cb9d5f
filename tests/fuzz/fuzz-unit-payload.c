/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerd hands to the worker, which is root, for a unit to read: sealed memory of any bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/protocol/unit-payload.h"
#include "tests/fuzz/fuzz-target.h"

/* Every byte of every file, and all files lie behind one another in what was handed over. */
static void require_usable(const UnitPayload *payload, const uint8_t *data, size_t size) {
        size_t position = size;

        for (unsigned i = N_UNIT_FILES; i-- > 0;) {
                require(payload->size_bytes[i] <= position);
                position -= payload->size_bytes[i];
                require(payload->size_bytes[i] == 0 ||
                        memcmp(payload->data[i], data + position, payload->size_bytes[i]) == 0);
        }
        require(position > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(close_fd_at) int fd = memfd_create("fuzz", MFD_CLOEXEC|MFD_ALLOW_SEALING);
        _cleanup_(free_at) char *buffer = NULL;
        UnitPayload payload;
        int r;

        if (fd < 0 || file_write_all(fd, data, size) < 0)
                return 0;
        require(unit_payload_read(fd, &buffer, &payload) == -EPERM);
        require(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE|F_SEAL_SEAL) == 0);
        r = unit_payload_read(fd, &buffer, &payload);
        require(r == 0 || r == -EBADMSG || r == -EFBIG || r == -ENOMEM);
        if (r == 0)
                require_usable(&payload, data, size);
        return 0;
}
