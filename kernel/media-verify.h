/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Has the kernel read the devices of a mounted XFS and tell what cannot be read (XFS_IOC_VERIFY_MEDIA). The file system
 * is not asked: the page cache and its own buffers are no answer. For child processes: a disk may try for long.
 *
 * Places are in units of 512 bytes ("daddr"), as the monitor tells them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MEDIA_UNIT_BYTES 512
/* What the kernel reads at once at most. Source: Linux 7.2, xfs_verify_iosize(). */
#define MEDIA_IO_MAX_BYTES (1024 * 1024)

typedef enum MediaDevice {
        MEDIA_DEVICE_DATA,
        MEDIA_DEVICE_LOG,               /* only one of its own: else it is a part of the data device */
        MEDIA_DEVICE_REALTIME,
} MediaDevice;
#define N_MEDIA_DEVICES (MEDIA_DEVICE_REALTIME + 1)

/**
 * media_limits() - where the part of a device begins and ends that belongs to the file system
 *
 * Reads nothing. Returns: 0; -ENODEV: it has no such device; -ENOTTY: the kernel cannot do it; or another negative
 * errno. Needs CAP_SYS_ADMIN, as all of these.
 */
int media_limits(int fd, MediaDevice device, uint64_t *ret_start, uint64_t *ret_end);

/**
 * media_read() - read from @start until something fails
 * @start, @end: of the range; multiples of a logical sector
 * @io_bytes:    read that much at once, 0: as much as the kernel likes. A hint: it takes a power of two of pages,
 *               never more than the range, and less when it is short of memory
 * @ret_good_until: what is before this could be read
 *
 * Returns: 0 if all of it could be read (*ret_good_until == @end); the errno of the first read that failed, positive;
 * or a negative errno. Of the range that failed nothing is known but its start.
 */
int media_read(int fd, MediaDevice device, uint64_t start, uint64_t end, uint32_t io_bytes, uint64_t *ret_good_until);

/**
 * media_report() - read a range that cannot be read once more, and have the kernel tell everybody
 * @start, @end: no longer than what one read can be (MEDIA_REPORT_MAX_BYTES), so that the report names exactly this
 *
 * The monitor gets a media error, and lost data or a sick structure for each file that owns a part of it.
 * Returns: as media_read(); 0: it can be read by now, and nothing was told.
 */
int media_report(int fd, MediaDevice device, uint64_t start, uint64_t end);

/* The kernel reads into memory that is one piece, and tells of what it read: larger pieces are not always to be had,
 * and then it would tell of a part. */
#define MEDIA_REPORT_MAX_BYTES (64 * 1024)

/* True for errors that say that what is there is lost, and of which the kernel tells; others may pass. */
bool media_error_is_loss(int error);
