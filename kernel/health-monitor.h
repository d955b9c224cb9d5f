/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The XFS health monitor of Linux 7.0 and later: open, read, account.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The first read decides how much the kernel allocates for the life of the monitor; later ones may be larger. */
#define HEALTH_MONITOR_FIRST_READ_BYTES 4096
#define HEALTH_MONITOR_READ_BYTES 65536

/**
 * health_monitor_open() - start listening to one file system
 * @root_fd: open on the root directory of the file system, not O_PATH; borrowed, may be closed afterwards
 *
 * The new descriptor is non-blocking and close-on-exec. It does not hold the mount.
 *
 * Returns: the descriptor; -EEXIST if somebody listens already (one listener per superblock); -ENOTTY if this
 * kernel or file system has no monitor; -EPERM without CAP_SYS_ADMIN or on another directory than the root; or
 * another negative errno. Source: Linux 7.2, fs/xfs/xfs_healthmon.c.
 */
int health_monitor_open(int root_fd);

/* The same, and told everything that a scrub says: also of what was known to be sick, or healthy, before. */
int health_monitor_open_verbose(int root_fd);

/**
 * health_monitor_read() - read whole records without waiting
 * @buffer, @size_bytes: at least 4096 bytes, a multiple of 64
 *
 * Returns: bytes, a multiple of 64; 0 at the end of the file (the file system was unmounted); -EAGAIN if nothing
 * is there now (also right after poll said otherwise); -EBADMSG if the kernel gave a part of a record; or another
 * negative errno. EINTR is handled here.
 */
ssize_t health_monitor_read(int monitor_fd, void *buffer, size_t size_bytes);

/* True if the descriptor is a health monitor at all (link text of /proc/self/fd). */
bool health_monitor_fd_is_monitor(int fd);

/**
 * health_monitor_check_same() - is @fd open on the very superblock that @monitor_fd listens to?
 *
 * Returns: 0 yes; -ESTALE no, or the monitored file system is unmounted; or another negative errno.
 * A clone with the same UUID is told apart. Source: XFS_IOC_HEALTH_FD_ON_MONITORED_FS.
 */
int health_monitor_check_same(int monitor_fd, int fd);

typedef struct HealthMonitorTotals {
        bool is_alive;
        dev_t device_number;
        uint64_t n_events;      /* ever queued, RUNNING, LOST and UNMOUNT included, merges not counted */
        uint64_t n_lost;        /* ever dropped */
} HealthMonitorTotals;

/* Reads /proc/self/fdinfo. Returns 0; -ENOTTY if the descriptor is no monitor; or another negative errno. */
int health_monitor_totals(int monitor_fd, HealthMonitorTotals *ret_totals);

/* Parses the text of an fdinfo file. Returns 0 or -ENOTTY. */
int health_monitor_totals_parse(const char *fdinfo, HealthMonitorTotals *ret_totals);

typedef struct HealthMonitorHolder {
        pid_t pid;
        char name[64];          /* /proc/PID/comm */
} HealthMonitorHolder;

/**
 * health_monitor_find_holder() - who listens to this superblock?
 *
 * Walks /proc/PID/fdinfo of all processes: slow on big machines, for a child process only.
 * Returns: 0; -ESRCH if nobody visible does (it may sit in systemd's store or in a process we may not read);
 * or another negative errno.
 */
int health_monitor_find_holder(dev_t device_number, HealthMonitorHolder *ret_holder);
