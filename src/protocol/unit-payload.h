/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a unit that the worker starts is given to read: a few files of fixed names, handed over in one sealed memfd. The
 * worker copies their bytes and understands none of them: whoever decides wrote them, and the unit reads them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/basic/names.h"

typedef enum UnitFile {
        UNIT_FILE_MESSAGE,              /* JSON, see healer-route(7) */
        UNIT_FILE_PATHS,                /* paths, each ended by a NUL byte; made also if there is none */
} UnitFile;
DECLARE_NAMES(unit_file, UnitFile)
#define N_UNIT_FILES (UNIT_FILE_PATHS + 1)

/* All files together. systemd passes a unit no more than 1 MiB of credentials. */
#define UNIT_PAYLOAD_MAX ((size_t) 768 * 1024)

typedef struct UnitPayload {
        const void *data[N_UNIT_FILES]; /* borrowed */
        size_t size_bytes[N_UNIT_FILES];
} UnitPayload;

/* @ret_fd: new, sealed. Returns 0; -EFBIG beyond the limit; or another negative errno. */
int unit_payload_make(const UnitPayload *payload, int *ret_fd);

/**
 * unit_payload_read() - what somebody handed over
 * @fd:         borrowed
 * @ret_buffer: new, holds what @ret_payload points to; free()
 *
 * Only what can neither change nor keep the reader waiting is read: a memfd with all its seals.
 *
 * Returns: 0; -EPERM if it is none; -EFBIG; -EBADMSG if it is no payload; or another negative errno.
 */
int unit_payload_read(int fd, char **ret_buffer, UnitPayload *ret_payload);
