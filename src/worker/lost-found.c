/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sorted names, compared.
 */

#include "src/worker/lost-found.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

/* Whoever has more there than this looks for himself. */
#define NAMES_MAX 65536
#define NAMED_MAX 8
/* Of a detail, for how many more there are. */
#define REST_SIZE 32

struct LostFound {
        char **names;
        size_t n, n_allocated;
};

LostFound *lost_found_free(LostFound *found) {
        if (!found)
                return NULL;
        for (size_t i = 0; i < found->n; i++)
                free(found->names[i]);
        free(found->names);
        free(found);
        return NULL;
}

static int add(LostFound *found, const char *name) {
        if (found->n == NAMES_MAX)
                return -E2BIG;
        if (found->n == found->n_allocated) {
                size_t n = max_of(2 * found->n_allocated, (size_t) 16);
                char **names = reallocarray(found->names, n, sizeof(*names));

                if (!names)
                        return -ENOMEM;
                found->names = names;
                found->n_allocated = n;
        }
        found->names[found->n] = strdup(name);
        if (!found->names[found->n])
                return -ENOMEM;
        found->n++;
        return 0;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int read_names(LostFound *found, int folder_fd, dev_t device_number) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        _cleanup_(closedir_at) DIR *directory = NULL;
        struct stat status;

        if (fstat(folder_fd, &status) < 0)
                return -errno;
        if (status.st_dev != device_number)
                return -EXDEV;
        fd = openat(folder_fd, LOST_FOUND_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : negative_errno();
        if (fstat(fd, &status) < 0)
                return -errno;
        if (status.st_dev != device_number)
                return -EXDEV;
        directory = fdopendir(fd);
        if (!directory)
                return -errno;
        (void) steal_fd(&fd);
        errno = 0;
        for (const struct dirent *item; (item = readdir(directory));) {
                int r = text_equal(item->d_name, ".") || text_equal(item->d_name, "..") ? 0 : add(found, item->d_name);

                if (r < 0)
                        return r;
                errno = 0;
        }
        return -errno;
}

LostFound *lost_found_read(const char *mount_point, dev_t device_number) {
        _cleanup_(lost_found_free_at) LostFound *found = calloc(1, sizeof(*found));
        _cleanup_(close_fd_at) int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (!found || fd < 0 || read_names(found, fd, device_number) < 0)
                return NULL;
        if (found->n > 0)
                qsort(found->names, found->n, sizeof(*found->names), compare);
        return steal_ptr(found);
}

size_t lost_found_describe(const LostFound *before, const LostFound *after, char detail[static JOB_DETAIL_SIZE]) {
        size_t n = 0, n_named = 0;

        for (size_t i = 0, k = 0; i < after->n; i++) {
                while (k < before->n && strcmp(before->names[k], after->names[i]) < 0)
                        k++;
                if (k < before->n && strcmp(before->names[k], after->names[i]) == 0)
                        continue;
                if (n++ == n_named && n_named < NAMED_MAX &&
                    strlen(detail) + strlen(after->names[i]) + sizeof("; moved to " LOST_FOUND_NAME ": ") + REST_SIZE <
                            JOB_DETAIL_SIZE) {
                        (void) text_append_format(detail, JOB_DETAIL_SIZE, "%s%s",
                                                  n_named > 0 ? ", " : detail[0] ? "; moved to " LOST_FOUND_NAME ": "
                                                                                 : "moved to " LOST_FOUND_NAME ": ",
                                                  after->names[i]);
                        n_named++;
                }
        }
        if (n > n_named && n_named > 0)
                (void) text_append_format(detail, JOB_DETAIL_SIZE, " and %zu more", n - n_named);
        else if (n > 0 && n_named == 0)
                (void) text_append_format(detail, JOB_DETAIL_SIZE, "%s%zu files moved to " LOST_FOUND_NAME,
                                          detail[0] ? "; " : "", n);
        return n;
}
