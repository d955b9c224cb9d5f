/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors are told apart by the number of their mount in fdinfo, mappings by the device in maps. For folders and
 * the program there is only a link, whose text is the name that they have now: where it could lie on the superblock, it
 * is opened as a place (O_PATH). That asks no file system anything but where the kernel wants to know whether a network
 * is still there. The number of its mount is read from our own fdinfo.
 */
#include "src/worker/process-look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/worker/proc-text.h"
#include "src/worker/process.h"

/* linux/kcmp.h, linux/magic.h (6.9) */
#define KCMP_FILES_TYPE 2
#define KCMP_FS_TYPE 3
#define PIDFS_MAGIC_NUMBER 0x50494446

#define TEXT_LIMIT_BYTES 65536
/* The lines that matter come first; lists of locks, watches and the like behind them are not for us. */
#define FDINFO_HEAD_BYTES 512
#define MAPS_READ_BYTES 65536

#define CGROUP_FOLDERS { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" }

static ssize_t read_head(const char *path, char *buffer, size_t size_bytes) {
        _cleanup_(close_fd_at) int fd = open(path, O_RDONLY|O_CLOEXEC);
        ssize_t length;

        if (fd < 0)
                return -errno;
        length = read(fd, buffer, size_bytes - 1);
        if (length < 0)
                return -errno;
        buffer[length] = 0;
        return length;
}

/* Whether this descriptor, by its fdinfo, is one. @id: "PID" or "PID/task/TID". */
static MountAnswer find_descriptor(const LookedFor *wanted, const char *id, const char *number) {
        char path[PATH_MAX], text[FDINFO_HEAD_BYTES], link[64];
        DescriptorInfo info;
        MountAnswer answer;

        (void) snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", id, number);
        if (read_head(path, text, sizeof(text)) < 0 || descriptor_info_parse(text, &info) < 0)
                return MOUNT_IS_OTHER;
        answer = user_mounts_find(wanted->mounts, info.mount_id);
        if (answer == MOUNT_IS_UNKNOWN) {
                (void) snprintf(path, sizeof(path), "/proc/%s/fd/%s", id, number);
                /* Long ones are cut: the beginning tells. */
                (void) proc_link_read(path, link, sizeof(link));
                if (!link_is_on_mount(link))
                        return MOUNT_IS_OTHER;
                answer = user_mounts_ask_again(wanted->mounts, id, info.mount_id);
        }
        if (answer == MOUNT_IS_IT && wanted->inode != 0 && info.inode != wanted->inode)
                return MOUNT_IS_OTHER;
        return answer;
}

static int look_at_descriptors(const LookedFor *wanted, const char *id, ProcessLook *look) {
        _cleanup_(closedir_at) DIR *folder = NULL;
        const struct dirent *entry;
        char path[96];

        (void) snprintf(path, sizeof(path), "/proc/%s/fdinfo", id);
        folder = opendir(path);
        if (!folder)
                return -errno;

        while ((entry = readdir(folder)) && look->n_files < PROCESS_FILES_MAX) {
                if (entry->d_name[0] == '.')
                        continue;
                switch (find_descriptor(wanted, id, entry->d_name)) {
                case MOUNT_IS_OTHER:
                        break;
                case MOUNT_IS_IT:
                        look->uses |= USE_OPEN;
                        look->n_files++;
                        break;
                case MOUNT_IS_UNKNOWN:
                        look->n_unknown++;
                        break;
                }
        }
        return 0;
}

/* Threads share descriptors and folders with the process unless they were made otherwise. What cannot be compared is
 * looked at. */
static bool shares(pid_t pid, pid_t thread, int type) {
        return syscall(SYS_kcmp, pid, thread, type, 0, 0) == 0;
}

typedef int (*LookAt)(const LookedFor *wanted, const char *id, ProcessLook *look);

static int look_at_threads(const LookedFor *wanted, int type, LookAt look_at, ProcessLook *look) {
        _cleanup_(closedir_at) DIR *folder = NULL;
        const struct dirent *entry;
        char path[96];

        (void) snprintf(path, sizeof(path), "/proc/%d/task", (int) look->pid);
        folder = opendir(path);
        if (!folder)
                return -ESRCH;

        while ((entry = readdir(folder))) {
                uint64_t thread;

                if (number_parse_u64(entry->d_name, 1, INT32_MAX, &thread) < 0 || (pid_t) thread == look->pid ||
                    shares(look->pid, (pid_t) thread, type))
                        continue;
                (void) snprintf(path, sizeof(path), "%d/task/%d", (int) look->pid, (int) thread);
                (void) look_at(wanted, path, look);
        }
        return 0;
}

static void read_identity(ProcessLook *look) {
        _cleanup_(close_fd_at) int fd = (int) syscall(SYS_pidfd_open, look->pid, 0);
        struct statfs kind;
        struct stat status;

        /* Before Linux 6.9 all of them have the same number. */
        if (fd >= 0 && fstatfs(fd, &kind) >= 0 && kind.f_type == PIDFS_MAGIC_NUMBER && fstat(fd, &status) >= 0)
                look->pidfd_inode = status.st_ino;
}

/* Whoever may write to the group says so for all that is in it: systemd's own mark for its killer counts as well. */
static bool is_group_marked(const char *cgroup) {
        static const char *const marks[] = { "trusted.xfs_healer.omit", "trusted.oomd_omit" };
        static const char *const folders[] = CGROUP_FOLDERS;
        char path[PROCESS_CGROUP_SIZE + 64], value;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                (void) snprintf(path, sizeof(path), "%s%s", folders[i], cgroup);
                while (strlen(path) > strlen(folders[i])) {
                        for (size_t j = 0; j < ELEMENTSOF(marks); j++)
                                if (lgetxattr(path, marks[j], &value, sizeof(value)) == 1 && value == '1')
                                        return true;
                        *strrchr(path, '/') = 0;
                }
        }
        return false;
}

static void read_cgroup(ProcessLook *look) {
        _cleanup_(free_at) char *text = NULL;
        char path[64];
        size_t length;

        (void) snprintf(path, sizeof(path), "/proc/%d/cgroup", (int) look->pid);
        if (file_read(AT_FDCWD, path, TEXT_LIMIT_BYTES, &text, &length) < 0 ||
            workload_pick_cgroup(text, look->cgroup, sizeof(look->cgroup)) < 0) {
                look->cgroup[0] = 0;
                return;
        }
        look->is_cgroup_known = true;
        look->is_marked = is_group_marked(look->cgroup);
}

static void read_names(ProcessLook *look) {
        _cleanup_(free_at) char *name = NULL, *status = NULL;
        char path[64];
        size_t length;

        (void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) look->pid);
        if (file_read_line(path, TEXT_LIMIT_BYTES, &name) >= 0)
                (void) text_copy(look->name, sizeof(look->name), name);
        (void) snprintf(path, sizeof(path), "/proc/%d/exe", (int) look->pid);
        if (proc_link_read(path, look->program, sizeof(look->program)) == -ENAMETOOLONG)
                (void) text_copy(look->program + sizeof(look->program) - 4, 4, "...");
        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) look->pid);
        if (file_read(AT_FDCWD, path, TEXT_LIMIT_BYTES, &status, &length) < 0 ||
            status_user_parse(status, &look->uid) < 0)
                look->uid = UINT32_MAX;
}

int process_look_first(const LookedFor *wanted, pid_t pid, ProcessLook *ret_look) {
        ProcessLook *look = ret_look;
        ProcessStat stat;
        char id[16];
        int r;

        *look = (ProcessLook) { .pid = pid };
        r = process_stat(pid, &stat);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        look->start_ticks = stat.start_ticks;
        look->is_kernel_thread = stat.is_kernel_thread;
        read_identity(look);
        read_names(look);
        read_cgroup(look);

        (void) snprintf(id, sizeof(id), "%d", (int) pid);
        r = look_at_descriptors(wanted, id, look);
        if (r < 0 && r != -ENOENT && r != -ESRCH)
                look->uses |= USE_UNKNOWN;
        return look_at_threads(wanted, KCMP_FILES_TYPE, look_at_descriptors, look);
}

/* "PID/cwd" and the like: does it lie there? */
static bool link_leads_there(const LookedFor *wanted, const char *path) {
        _cleanup_(close_fd_at) int fd = open(path, O_PATH|O_CLOEXEC|O_NOCTTY);
        char own[64], text[FDINFO_HEAD_BYTES];
        DescriptorInfo info;

        if (fd < 0)
                return false;
        (void) snprintf(own, sizeof(own), "/proc/self/fdinfo/%d", fd);
        return read_head(own, text, sizeof(text)) >= 0 && descriptor_info_parse(text, &info) >= 0 &&
               user_mounts_find(wanted->mounts, info.mount_id) == MOUNT_IS_IT &&
               (wanted->inode == 0 || wanted->inode == info.inode);
}

static int look_at_links(const LookedFor *wanted, const char *id, ProcessLook *look) {
        static const struct {
                const char *name;
                UserUse use;
        } links[] = {
                { "cwd",  USE_WORKING },
                { "root", USE_ROOT },
                { "exe",  USE_PROGRAM },
        };
        char path[96], text[PATH_MAX];
        uint64_t namespace_number;

        (void) snprintf(path, sizeof(path), "/proc/%s/ns/mnt", id);
        if (proc_link_read(path, text, sizeof(text)) < 0 || namespace_link_parse(text, &namespace_number) < 0)
                return -ESRCH;

        for (size_t i = 0; i < ELEMENTSOF(links); i++) {
                (void) snprintf(path, sizeof(path), "/proc/%s/%s", id, links[i].name);
                if (look->uses & links[i].use || proc_link_read(path, text, sizeof(text)) == -ENOENT)
                        continue;
                if (user_mounts_may_hold(wanted->mounts, namespace_number, text) && link_leads_there(wanted, path))
                        look->uses |= links[i].use;
        }
        return 0;
}

static void take_map_line(const LookedFor *wanted, const char *text, ProcessLook *look) {
        MapLine line;

        if (map_line_parse(text, &line) < 0 || line.device_number != wanted->mounts->device_number ||
            line.inode == 0 || (wanted->inode != 0 && line.inode != wanted->inode))
                return;
        look->uses |= text_equal(line.path, look->program) ? USE_PROGRAM : USE_MAPPED;
}

/* Line by line: there may be a hundred thousand of them. Those of the kernel come in whole. */
static int look_at_maps(const LookedFor *wanted, ProcessLook *look) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        _cleanup_(free_at) char *buffer = malloc(MAPS_READ_BYTES);
        size_t n_kept = 0;
        char path[64];

        if (!buffer)
                return -ENOMEM;
        (void) snprintf(path, sizeof(path), "/proc/%d/maps", (int) look->pid);
        fd = open(path, O_RDONLY|O_CLOEXEC);
        if (fd < 0)
                return -errno;

        for (;;) {
                ssize_t length = read(fd, buffer + n_kept, MAPS_READ_BYTES - 1 - n_kept);
                char *line = buffer, *end;

                if (length <= 0)
                        return length < 0 ? -errno : 0;
                n_kept += (size_t) length;
                buffer[n_kept] = 0;
                while ((end = strchr(line, '\n'))) {
                        *end = 0;
                        take_map_line(wanted, line, look);
                        line = end + 1;
                }
                n_kept -= (size_t) (line - buffer);
                memmove(buffer, line, n_kept + 1);
                if (n_kept == MAPS_READ_BYTES - 1)
                        return -EBADMSG;
        }
}

int process_look_rest(const LookedFor *wanted, ProcessLook *look) {
        char id[16], path[64], first[2] = "";
        ProcessStat stat;
        int r;

        if (!look->is_kernel_thread) {
                (void) snprintf(id, sizeof(id), "%d", (int) look->pid);
                (void) look_at_links(wanted, id, look);
                (void) look_at_threads(wanted, KCMP_FS_TYPE, look_at_links, look);
                r = look_at_maps(wanted, look);
                if (r < 0 && r != -ESRCH && r != -ENOENT)
                        look->uses |= USE_UNKNOWN;
                (void) snprintf(path, sizeof(path), "/proc/%d/cmdline", (int) look->pid);
                look->is_storage = read_head(path, first, sizeof(first)) > 0 && first[0] == '@';
        }

        if (process_stat(look->pid, &stat) < 0 || stat.start_ticks != look->start_ticks)
                return -ESRCH;
        return 0;
}
