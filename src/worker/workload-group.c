/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders of /sys/fs/cgroup: the kernel answers these from memory.
 */
#include "src/worker/workload-group.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/worker/process.h"

#define LIST_LIMIT_BYTES ((size_t) 16 * 1024 * 1024)
/* Groups within groups; the kernel has no such limit, runtimes have few. */
#define DEPTH_MAX 32
/* Whoever forks as fast as it is killed has to be met between two forks. */
#define KILL_ROUNDS 50

/* Version 2; both; version 1 with systemd's own hierarchy. */
static const char *const hierarchies[] = {
        "/sys/fs/cgroup",
        "/sys/fs/cgroup/unified",
        "/sys/fs/cgroup/systemd",
};

/* Returns a new descriptor, -ENOENT if it is gone, or another negative errno. */
static int open_group(const char *group) {
        char path[PATH_MAX];

        if (group[0] != '/' || group[1] == 0 || strstr(group, "/../"))
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(hierarchies); i++) {
                _cleanup_(close_fd_at) int fd = -EBADF;

                if (snprintf(path, sizeof(path), "%s%s", hierarchies[i], group) >= (int) sizeof(path))
                        return -ENAMETOOLONG;
                fd = open(path, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
                if (fd >= 0 && faccessat(fd, "cgroup.procs", F_OK, 0) >= 0)
                        return steal_fd(&fd);
        }
        return -ENOENT;
}

static int each_here(int folder_fd, GroupProcess call, void *userdata) {
        _cleanup_(free_at) char *text = NULL;
        char *rest = NULL;
        size_t length;
        int r;

        r = file_read(folder_fd, "cgroup.procs", LIST_LIMIT_BYTES, &text, &length);
        /* Threads alone: their processes stand in the group above. */
        if (r < 0)
                return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP ? 0 : r;
        for (char *line = strtok_r(text, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest)) {
                uint64_t pid;

                /* 0: of another namespace of processes. */
                if (number_parse_u64(line, 1, INT32_MAX, &pid) >= 0)
                        r = call((pid_t) pid, userdata);
        }
        return r;
}

/* Takes @taken_fd. */
static int each_below(int taken_fd, unsigned depth, GroupProcess call, void *userdata) { // NOLINT(misc-no-recursion)
        _cleanup_(closedir_at) DIR *folder = fdopendir(taken_fd);
        const struct dirent *entry;
        int r;

        if (!folder) {
                r = negative_errno();
                close_fd(taken_fd);
                return r;
        }
        r = each_here(dirfd(folder), call, userdata);
        while (r == 0 && depth < DEPTH_MAX && (entry = readdir(folder))) {
                int fd;

                if (entry->d_type != DT_DIR || text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
                        continue;
                fd = openat(dirfd(folder), entry->d_name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
                if (fd >= 0)
                        r = each_below(fd, depth + 1, call, userdata);
        }
        return r;
}

int workload_group_each(const char *group, GroupProcess call, void *userdata) {
        int fd = open_group(group);

        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        return each_below(fd, 0, call, userdata);
}

static int count_one(pid_t pid, void *userdata) {
        uint32_t *n = userdata;

        *n += process_is_alive(pid, 0);
        return *n >= GROUP_PROCESSES_MAX;
}

uint32_t workload_group_count(const char *group) {
        uint32_t n = 0;

        (void) workload_group_each(group, count_one, &n);
        return n;
}

typedef struct Signalling {
        const char *group;
        int number, error;
} Signalling;

/* A number may be another's by now: only what is still in the group once it is pinned is meant. */
static bool is_member(pid_t pid, const char *group) {
        _cleanup_(free_at) char *text = NULL;
        char path[64], *line = NULL, *rest = NULL;
        size_t length, n_group = strlen(group);

        (void) snprintf(path, sizeof(path), "/proc/%d/cgroup", (int) pid);
        if (file_read(AT_FDCWD, path, LIST_LIMIT_BYTES, &text, &length) < 0)
                return false;
        for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                const char *controllers = strchr(line, ':'), *at = controllers ? strchr(controllers + 1, ':') : NULL;

                if (at && text_starts_with(at + 1, group) && (at[1 + n_group] == 0 || at[1 + n_group] == '/'))
                        return true;
        }
        return false;
}

static int signal_one(pid_t pid, void *userdata) {
        Signalling *signalling = userdata;
        _cleanup_(close_fd_at) int fd = (int) syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0 || !is_member(pid, signalling->group))
                return 0;
        if (syscall(SYS_pidfd_send_signal, fd, signalling->number, NULL, 0) < 0 && errno != ESRCH &&
            signalling->error == 0)
                signalling->error = -errno;
        return 0;
}

int workload_group_signal(const char *group, int number) {
        Signalling signalling = { .group = group, .number = number };
        int r;

        r = workload_group_each(group, signal_one, &signalling);
        return r < 0 ? r : signalling.error;
}

int workload_group_kill(const char *group) {
        _cleanup_(close_fd_at) int folder_fd = open_group(group), fd = -EBADF;
        int r = 0;

        if (folder_fd < 0)
                return folder_fd == -ENOENT ? 0 : folder_fd;
        fd = openat(folder_fd, "cgroup.kill", O_WRONLY|O_CLOEXEC);
        if (fd >= 0 && write(fd, "1", 1) == 1)
                return 0;

        for (unsigned i = 0; i < KILL_ROUNDS && r >= 0 && workload_group_count(group) > 0; i++)
                r = workload_group_signal(group, SIGKILL);
        return r;
}

typedef struct Explaining {
        char *detail;
        size_t size_bytes;
} Explaining;

/* The first that waits in the kernel, else the first of all. */
static int explain_one(pid_t pid, void *userdata) {
        _cleanup_(free_at) char *place = NULL;
        Explaining *explaining = userdata;
        ProcessStat stat;
        char path[64];

        if (process_stat(pid, &stat) < 0 || (explaining->detail[0] && stat.state != 'D'))
                return 0;
        explaining->detail[0] = 0;
        (void) text_append_format(explaining->detail, explaining->size_bytes, "pid %d is in state %c", (int) pid,
                                  stat.state);
        (void) snprintf(path, sizeof(path), "/proc/%d/wchan", (int) pid);
        if (stat.state == 'D' && file_read_line(path, PATH_MAX, &place) >= 0 && !text_equal(place, "0"))
                (void) text_append_format(explaining->detail, explaining->size_bytes, " (%s)", place);
        return stat.state == 'D';
}

void workload_group_explain(const char *group, char *detail, size_t size_bytes) {
        Explaining explaining = { .detail = detail, .size_bytes = size_bytes };

        detail[0] = 0;
        (void) workload_group_each(group, explain_one, &explaining);
}
