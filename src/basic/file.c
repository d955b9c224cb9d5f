/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files. Sizes are never believed: files of /proc and /sys say 0 or a page and hold something else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"

/* Most files that we read fit into the first buffer. */
#define FIRST_BUFFER_BYTES ((size_t) 4096)

/* Makes room for at least one more byte than @used plus the terminator, and for no more than the limit needs. */
static int grow(char **buffer, size_t *size, size_t used, size_t limit_bytes) {
        size_t largest = limit_bytes < SIZE_MAX - 2 ? limit_bytes + 2 : SIZE_MAX;
        size_t new_size;
        char *larger;

        if (*size > used + 1)
                return 0;
        if (*size > SIZE_MAX / 2)
                return -EFBIG;

        new_size = max_of(*size * 2, FIRST_BUFFER_BYTES);
        new_size = min_of(new_size, largest);
        larger = realloc(*buffer, new_size);
        if (!larger)
                return -ENOMEM;

        *buffer = larger;
        *size = new_size;
        return 0;
}

int file_read_fd(int fd, size_t limit_bytes, char **ret_text, size_t *ret_length) {
        _cleanup_(free_at) char *buffer = NULL;
        size_t size = 0, used = 0;
        int r;

        for (;;) {
                ssize_t n;

                r = grow(&buffer, &size, used, limit_bytes);
                if (r < 0)
                        return r;

                n = read(fd, buffer + used, size - used - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return negative_errno();
                if (n == 0)
                        break;
                used += (size_t) n;
                if (used > limit_bytes)
                        return -EFBIG;
        }

        buffer[used] = '\0';
        *ret_text = steal_ptr(buffer);
        if (ret_length)
                *ret_length = used;
        return 0;
}

int file_read(int directory_fd, const char *path, size_t limit_bytes, char **ret_text, size_t *ret_length) {
        _cleanup_(close_fd_at) int fd = -EBADF;

        /* A FIFO in the place of a file must not stop us until somebody writes to it. */
        fd = openat(directory_fd, path, O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK);
        if (fd < 0)
                return negative_errno();

        return file_read_fd(fd, limit_bytes, ret_text, ret_length);
}

int file_read_line(const char *path, size_t limit_bytes, char **ret_line) {
        _cleanup_(free_at) char *text = NULL;
        size_t length = 0;
        int r;

        r = file_read(AT_FDCWD, path, limit_bytes, &text, &length);
        if (r < 0)
                return r;
        if (strlen(text) != length)
                return -EBADMSG; /* a line with a NUL byte would be taken for a shorter one */

        if (length > 0 && text[length - 1] == '\n')
                text[length - 1] = '\0';

        *ret_line = steal_ptr(text);
        return 0;
}

int file_write_all(int fd, const void *data, size_t length) {
        const char *position = data;

        while (length > 0) {
                ssize_t n = write(fd, position, length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO; /* POSIX leaves this open; repeating it could go on for ever */
                position += n;
                length -= (size_t) n;
        }

        return 0;
}

/* The name beside @path for its next content; mkostemp() fills in the end. */
static char *temporary_name(const char *path) {
        const char *slash = strrchr(path, '/');
        int folder_length = slash ? (int) (slash + 1 - path) : 0;
        char *name = NULL;

        if (asprintf(&name, "%.*s.%s.XXXXXX", folder_length, path, path + folder_length) < 0)
                return NULL;
        return name;
}

static void remove_and_free_at(char **path) {
        if (*path)
                (void) unlink(*path);
        free(*path);
}

int file_write_atomic(const char *path, const void *data, size_t length, mode_t mode) {
        _cleanup_(free_at) char *template = NULL;
        _cleanup_(remove_and_free_at) char *temporary = NULL;
        _cleanup_(close_fd_at) int fd = -EBADF;
        int r;

        template = temporary_name(path);
        if (!template)
                return -ENOMEM;
        fd = mkostemp(template, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        temporary = steal_ptr(template);

        r = file_write_all(fd, data, length);
        if (r < 0)
                return r;
        if (fchmod(fd, mode) < 0)
                return -errno;
        /* Otherwise a power cut after the rename may leave an empty file under the good name. */
        if (fdatasync(fd) < 0)
                return -errno;
        if (rename(temporary, path) < 0)
                return -errno;

        free(steal_ptr(temporary));
        return 0;
}
