/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading small files whole, with a cap, and writing small files so that they are whole or absent.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/**
 * file_read() - read a regular, pseudo or sysfs file whole
 * @directory_fd: for a relative @path; AT_FDCWD otherwise
 * @limit_bytes:  more than this is -EFBIG, nothing is returned
 * @ret_text:     new, terminated with a NUL byte after *ret_length bytes; free()
 *
 * Returns: 0; -EFBIG; -EISDIR; or another negative errno.
 */
int file_read(int directory_fd, const char *path, size_t limit_bytes, char **ret_text, size_t *ret_length);

/* The same on an open descriptor, from its current position. */
int file_read_fd(int fd, size_t limit_bytes, char **ret_text, size_t *ret_length);

/* Like file_read(), for files of one line: the trailing newline is removed. */
int file_read_line(const char *path, size_t limit_bytes, char **ret_line);

/* Writes beside @path and renames over it. Returns 0 or a negative errno. */
int file_write_atomic(const char *path, const void *data, size_t length, mode_t mode);

/* Writes all of it, repeating short writes. Returns 0 or a negative errno. */
int file_write_all(int fd, const void *data, size_t length);
