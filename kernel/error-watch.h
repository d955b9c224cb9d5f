/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors that a file system tells to whoever listens to it through fanotify (FAN_FS_ERROR, Linux 5.16): open, read,
 * account. Any number may listen at a time, and every type of file system may tell; what it tells is an errno, a
 * count and at most one inode, so this stands in where there is no health monitor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/model/health-event.h"

/* Room for dozens of errors; the kernel has one at a time for each file system. */
#define ERROR_WATCH_READ_BYTES 4096

/**
 * error_watch_open() - start listening to one file system
 * @root_fd: open on any directory of it, not O_PATH; borrowed, may be closed afterwards. It must not be in a subvolume
 *           of btrfs other than the first one.
 *
 * The new descriptor is non-blocking and close-on-exec. It holds neither the mount nor the file system: when that is
 * unmounted the mark vanishes without a word.
 *
 * Returns: the descriptor; -EOPNOTSUPP if this kernel does not tell errors or the file system cannot be marked; -EXDEV
 * in a subvolume; -EPERM without CAP_SYS_ADMIN; or another negative errno.
 */
int error_watch_open(int root_fd);

/**
 * error_watch_read() - read whole records without waiting
 * @size_bytes: at least ERROR_WATCH_READ_BYTES
 *
 * Needs no privilege. Returns: bytes, more than 0; -EAGAIN if nothing is there; or another negative errno. EINTR is
 * handled here.
 */
ssize_t error_watch_read(int watch_fd, void *buffer, size_t size_bytes);

/**
 * error_watch_decode() - take one record from the front of what was read
 * @ret_event: EVENT_FILESYSTEM_ERROR with errno and count, DOMAIN_INODE with number and generation if the handle names
 *             one in a form that is known here, else DOMAIN_FS; EVENT_SHUTDOWN for ESHUTDOWN; EVENT_EVENTS_LOST after
 *             an overflow (count 1: the kernel does not say how many); EVENT_UNRECOGNISED for another mask, which is in
 *             raw_type. Without id, file system and times. raw is the beginning of the record.
 *
 * Pure; fuzzed. An inode of btrfs is a number within its subvolume. Returns the length of the record, or -EBADMSG:
 * nothing behind this can be found either.
 */
ssize_t error_watch_decode(const void *bytes, size_t size_bytes, HealthEvent *ret_event);

typedef struct ErrorWatchMark {
        bool is_alive;                  /* the file system is mounted */
        dev_t device_number;            /* of the superblock, if alive */
} ErrorWatchMark;

/**
 * error_watch_check() - is the descriptor an error watch, and of which file system?
 *
 * By the link text and the fdinfo of /proc/self. Returns 0; -ENOTTY if it is anything else, also a fanotify group with
 * other marks; or another negative errno.
 */
int error_watch_check(int fd, ErrorWatchMark *ret_mark);

/* Parses the text of an fdinfo file. Returns 0 or -ENOTTY. */
int error_watch_parse_mark(const char *fdinfo, ErrorWatchMark *ret_mark);
