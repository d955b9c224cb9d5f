/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor descriptor: its ioctls, its records, and what /proc says about it.
 */
#include "kernel/health-monitor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "kernel/xfs-abi.h"
#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/model/health-event.h"

/* What the link in /proc/PID/fd says of a monitor. */
#define MONITOR_LINK_TEXT "anon_inode:xfs_healthmon"

/* An fdinfo file of a monitor has some 150 bytes. Longer ones belong to something else. */
#define FDINFO_LIMIT_BYTES 4096

/* "/proc/self/fdinfo/2147483647", "2147483647/fdinfo" */
#define PROC_PATH_SIZE 48

static int open_monitor(int root_fd, uint64_t request_flags) {
        _cleanup_(close_fd_at) int monitor_fd = -EBADF;
        struct abi_xfs_health_monitor request = {
                .flags = request_flags,
                .format = ABI_XFS_HEALTH_MONITOR_FMT_V0,
        };
        int flags;

        monitor_fd = ioctl(root_fd, ABI_XFS_IOC_HEALTH_MONITOR, &request);
        if (monitor_fd < 0)
                /* Some file systems have other words for a call that they do not know. */
                return errno == EOPNOTSUPP || errno == ENOSYS ? -ENOTTY : -errno;

        flags = fcntl(monitor_fd, F_GETFL);
        if (flags < 0)
                return -errno;
        if (fcntl(monitor_fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;

        return steal_fd(&monitor_fd);
}

int health_monitor_open(int root_fd) {
        return open_monitor(root_fd, 0);
}

int health_monitor_open_verbose(int root_fd) {
        return open_monitor(root_fd, ABI_XFS_HEALTH_MONITOR_VERBOSE);
}

ssize_t health_monitor_read(int monitor_fd, void *buffer, size_t size_bytes) {
        ssize_t n;

        /* With room for a part of a record only, the kernel would give a part. */
        if (size_bytes < HEALTH_MONITOR_FIRST_READ_BYTES || size_bytes % HEALTH_RECORD_SIZE != 0)
                return -EINVAL;

        do
                n = read(monitor_fd, buffer, size_bytes);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n % HEALTH_RECORD_SIZE != 0)
                return -EBADMSG;

        return n;
}

/* @name: below @directory_fd or absolute. */
static bool link_is_monitor(int directory_fd, const char *name) {
        char link[sizeof(MONITOR_LINK_TEXT)];
        ssize_t length;

        length = readlinkat(directory_fd, name, link, sizeof(link));
        return length == (ssize_t) strlen(MONITOR_LINK_TEXT) &&
                memcmp(link, MONITOR_LINK_TEXT, (size_t) length) == 0;
}

bool health_monitor_fd_is_monitor(int fd) {
        char path[PROC_PATH_SIZE];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return link_is_monitor(AT_FDCWD, path);
}

int health_monitor_check_same(int monitor_fd, int fd) {
        struct abi_xfs_health_file_on_monitored_fs request = { .fd = fd };

        return ioctl(monitor_fd, ABI_XFS_IOC_HEALTH_FD_ON_MONITORED_FS, &request) < 0 ? -errno : 0;
}

/* The value of a "name:\tvalue" line, copied. Returns 0 or -ENOTTY. */
static int find_line(const char *text, const char *name, char *buffer, size_t size_bytes) {
        size_t name_length = strlen(name);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                size_t length;

                if (*line == '\n')
                        line++;
                if (strncmp(line, name, name_length) != 0 || line[name_length] != ':')
                        continue;

                line += name_length + 1;
                line += strspn(line, " \t");
                length = strcspn(line, "\n");
                if (length >= size_bytes)
                        return -ENOTTY;

                memcpy(buffer, line, length);
                buffer[length] = '\0';
                return 0;
        }

        return -ENOTTY;
}

static int find_number(const char *text, const char *name, uint64_t *ret_value) {
        char value[32];
        int r;

        r = find_line(text, name, value, sizeof(value));
        if (r < 0)
                return r;

        return number_parse_u64(value, 0, UINT64_MAX, ret_value) < 0 ? -ENOTTY : 0;
}

int health_monitor_totals_parse(const char *fdinfo, HealthMonitorTotals *ret_totals) {
        HealthMonitorTotals totals = {};
        uint64_t major_number, minor_number;
        char value[32], *colon;
        int r;

        r = find_line(fdinfo, "state", value, sizeof(value));
        if (r < 0)
                return r;
        totals.is_alive = text_equal(value, "alive");
        if (!totals.is_alive && !text_equal(value, "dead"))
                return -ENOTTY;

        r = find_line(fdinfo, "dev", value, sizeof(value));
        if (r < 0)
                return r;
        colon = strchr(value, ':');
        if (!colon)
                return -ENOTTY;
        *colon = '\0';
        if (number_parse_u64(value, 0, UINT32_MAX, &major_number) < 0 ||
            number_parse_u64(colon + 1, 0, UINT32_MAX, &minor_number) < 0)
                return -ENOTTY;
        totals.device_number = makedev((unsigned) major_number, (unsigned) minor_number);

        r = find_number(fdinfo, "events", &totals.n_events);
        if (r < 0)
                return r;
        r = find_number(fdinfo, "lost", &totals.n_lost);
        if (r < 0)
                return r;

        *ret_totals = totals;
        return 0;
}

/* @path: below @directory_fd or absolute. */
static int read_totals(int directory_fd, const char *path, HealthMonitorTotals *ret_totals) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        int r;

        r = file_read(directory_fd, path, FDINFO_LIMIT_BYTES, &text, &length);
        if (r == -EFBIG)
                return -ENOTTY;
        if (r < 0)
                return r;

        return health_monitor_totals_parse(text, ret_totals);
}

int health_monitor_totals(int monitor_fd, HealthMonitorTotals *ret_totals) {
        char path[PROC_PATH_SIZE];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", monitor_fd);
        r = read_totals(AT_FDCWD, path, ret_totals);
        return r == -ENOENT ? -EBADF : r;
}

/* Does this process hold a live monitor of the superblock? */
static bool process_holds(int proc_fd, const char *pid_text, dev_t device_number) {
        _cleanup_(close_fd_at) int fdinfo_fd = -EBADF;
        _cleanup_(closedir_at) DIR *links = NULL;
        char path[PROC_PATH_SIZE];
        int links_fd;

        (void) snprintf(path, sizeof(path), "%.16s/fdinfo", pid_text);
        fdinfo_fd = openat(proc_fd, path, O_PATH|O_DIRECTORY|O_CLOEXEC);
        if (fdinfo_fd < 0)
                return false;

        (void) snprintf(path, sizeof(path), "%.16s/fd", pid_text);
        links_fd = openat(proc_fd, path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        if (links_fd < 0)
                return false;
        links = fdopendir(links_fd);
        if (!links) {
                (void) close(links_fd);
                return false;
        }

        for (struct dirent *entry = readdir(links); entry; entry = readdir(links)) {
                HealthMonitorTotals totals;

                /* The link is cheap to read, fdinfo of other kinds of descriptors is not. */
                if (entry->d_name[0] == '.' || !link_is_monitor(dirfd(links), entry->d_name))
                        continue;
                if (read_totals(fdinfo_fd, entry->d_name, &totals) == 0 && totals.is_alive &&
                    totals.device_number == device_number)
                        return true;
        }

        return false;
}

int health_monitor_find_holder(dev_t device_number, HealthMonitorHolder *ret_holder) {
        _cleanup_(closedir_at) DIR *proc = opendir("/proc");

        if (!proc)
                return -errno;

        for (struct dirent *entry = readdir(proc); entry; entry = readdir(proc)) {
                _cleanup_(free_at) char *name = NULL;
                HealthMonitorHolder holder = {};
                char path[PROC_PATH_SIZE];
                uint64_t pid;

                if (!isdigit((unsigned char) entry->d_name[0]) ||
                    number_parse_u64(entry->d_name, 1, INT32_MAX, &pid) < 0)
                        continue;
                if (!process_holds(dirfd(proc), entry->d_name, device_number))
                        continue;

                holder.pid = (pid_t) pid;
                /* It may end while we look: the number alone is worth saying. */
                (void) snprintf(path, sizeof(path), "/proc/%" PRIu64 "/comm", pid);
                if (file_read_line(path, sizeof(holder.name), &name) == 0)
                        (void) text_copy(holder.name, sizeof(holder.name), name);
                *ret_holder = holder;
                return 0;
        }

        return -ESRCH;
}
