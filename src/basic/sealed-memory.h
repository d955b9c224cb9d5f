/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that one process makes and another one reads: sealed, so that it can neither change nor keep the reader
 * waiting.
 */
#pragma once

#include <stddef.h>

/* New and empty, to be written to. @name: for people who look at descriptors. Returns a descriptor or a negative
 * errno. */
int sealed_memory_new(const char *name);
/* Nothing more can be changed. Returns 0 or a negative errno. */
int sealed_memory_seal(int fd);

/**
 * sealed_memory_read() - all of what somebody handed over
 * @fd: borrowed
 * @ret_bytes: new, with a NUL byte behind it; free()
 *
 * Returns: 0; -EPERM if it is not sealed; -EFBIG if it is larger than @max; or another negative errno.
 */
int sealed_memory_read(int fd, size_t max, char **ret_bytes, size_t *ret_size_bytes);
