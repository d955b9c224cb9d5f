/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files in memory: nothing here waits for a disk.
 */
#include "src/worker/unit-mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/text.h"

#define MARK_MAGIC UINT64_C(0x314b52414d524c48)
#define NEW_PREFIX ".new-"

typedef struct MarkFile {
        uint64_t magic;
        uint64_t size_bytes;            /* another one is of another version */
        WorkerHold mark;
} MarkFile;

static bool is_name(const char *unit) {
        return unit[0] && unit[0] != '.' && !strchr(unit, '/') && strlen(unit) < UNIT_NAME_SIZE;
}

static void ignore(const WorkerHold *mark, void *userdata) {
        (void) mark;
        (void) userdata;
}

int unit_mark_write(int folder_fd, const WorkerHold *mark) {
        MarkFile file = { .magic = MARK_MAGIC, .size_bytes = sizeof(file), .mark = *mark };
        _cleanup_(close_fd_at) int fd = -EBADF;
        char new_name[32];
        int r;

        if (!is_name(mark->unit))
                return -EINVAL;
        if (unit_marks_each(folder_fd, ignore, NULL) >= UNIT_MARKS_MAX)
                return -ENOSPC;
        (void) snprintf(new_name, sizeof(new_name), NEW_PREFIX "%d", (int) getpid());
        (void) unlinkat(folder_fd, new_name, 0);
        fd = openat(folder_fd, new_name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : file_write_all(fd, &file, sizeof(file));
        if (r >= 0 && renameat(folder_fd, new_name, folder_fd, mark->unit) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(folder_fd, new_name, 0);
        return r;
}

int unit_mark_read(int folder_fd, const char *unit, WorkerHold *ret_mark) {
        _cleanup_(free_at) char *bytes = NULL;
        size_t size_bytes;
        MarkFile file;
        int r;

        if (!is_name(unit))
                return -EINVAL;
        r = file_read(folder_fd, unit, sizeof(file), &bytes, &size_bytes);
        if (r < 0)
                return r;
        if (size_bytes != sizeof(file))
                return -EBADMSG;
        memcpy(&file, bytes, sizeof(file));
        file.mark.unit[sizeof(file.mark.unit) - 1] = file.mark.rule_id[sizeof(file.mark.rule_id) - 1] = 0;
        if (file.magic != MARK_MAGIC || file.size_bytes != sizeof(file) || !text_equal(file.mark.unit, unit))
                return -EBADMSG;
        *ret_mark = file.mark;
        return 0;
}

int unit_mark_remove(int folder_fd, const char *unit) {
        if (!is_name(unit))
                return -EINVAL;
        return unlinkat(folder_fd, unit, 0) < 0 ? -errno : 0;
}

int unit_marks_each(int folder_fd, void (*call)(const WorkerHold *mark, void *userdata), void *userdata) {
        _cleanup_(closedir_at) DIR *folder = NULL;
        int fd = openat(folder_fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC), n = 0;

        if (fd < 0)
                return -errno;
        folder = fdopendir(fd);
        if (!folder) {
                close_fd(fd);
                return negative_errno();
        }

        for (const struct dirent *entry; (entry = readdir(folder));) {
                WorkerHold mark;

                if (entry->d_name[0] == '.')
                        continue;
                if (unit_mark_read(folder_fd, entry->d_name, &mark) < 0) {
                        (void) unlinkat(folder_fd, entry->d_name, 0);
                        continue;
                }
                call(&mark, userdata);
                n++;
        }
        return n;
}
