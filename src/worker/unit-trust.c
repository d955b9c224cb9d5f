/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk from the root, component by component. Access lists need no look of their own: what they grant at most shows
 * in the bits of the group.
 */

#include "src/worker/unit-trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* As the kernel's own limit. */
#define LINKS_MAX 40

typedef struct TrustWalk {
        int root_fd;
        uid_t owner;
        int fd;                         /* where it stands; owned */
        unsigned depth;                 /* below the root: ".." leads no further up */
        unsigned n_links;
        char rest[PATH_MAX];            /* of the path */
        struct stat attributes;         /* of where it stands */
        char *problem;
        size_t problem_size;
} TrustWalk;

static int complain(TrustWalk *walk, int error, const char *component, const char *what) {
        walk->problem[0] = '\0';
        (void) text_append_escaped(walk->problem, walk->problem_size, component, strlen(component));
        (void) text_append_format(walk->problem, walk->problem_size, " %s", what);
        return error;
}

static int check_owner(TrustWalk *walk, const struct stat *attributes, const char *component) {
        if (attributes->st_uid != walk->owner)
                return complain(walk, -EPERM, component, "does not belong to root");
        /* The bits of a link mean nothing. */
        if (!S_ISLNK(attributes->st_mode) && (attributes->st_mode & (S_IWGRP | S_IWOTH)))
                return complain(walk, -EPERM, component, "can be written by others than root");

        return 0;
}

static int to_root(TrustWalk *walk) {
        struct stat attributes;
        int fd = fcntl(walk->root_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (fd < 0)
                return -errno;
        close_fd(walk->fd);
        walk->fd = fd;
        walk->depth = 0;
        if (fstat(fd, &attributes) < 0)
                return -errno;
        walk->attributes = attributes;
        return check_owner(walk, &attributes, "/");
}

/* Takes the first component out of the rest. Returns false if there is none. */
static bool next_component(TrustWalk *walk, char component[static NAME_MAX + 1], int *ret_error) {
        size_t skipped = strspn(walk->rest, "/"), length = strcspn(walk->rest + skipped, "/");

        *ret_error = 0;
        if (length == 0)
                return false;
        if (length > NAME_MAX) {
                *ret_error = -ENAMETOOLONG;
                return false;
        }
        memcpy(component, walk->rest + skipped, length);
        component[length] = '\0';
        memmove(walk->rest, walk->rest + skipped + length, strlen(walk->rest + skipped + length) + 1);
        return true;
}

static int follow(TrustWalk *walk, int link_fd, const char *component) {
        char target[PATH_MAX], rest[PATH_MAX];
        ssize_t length;

        if (++walk->n_links > LINKS_MAX)
                return complain(walk, -ELOOP, component, "leads through too many links");
        length = readlinkat(link_fd, "", target, sizeof(target) - 1);
        if (length < 0)
                return complain(walk, negative_errno(), component, "is a link that cannot be read");
        target[length] = '\0';

        memcpy(rest, walk->rest, sizeof(rest));
        walk->rest[0] = '\0';
        if (text_append_format(walk->rest, sizeof(walk->rest), "%s/%s", target, rest) < 0)
                return complain(walk, -ENAMETOOLONG, component, "leads to a path that is too long");
        return target[0] == '/' ? to_root(walk) : 0;
}

/* Returns 1 if this was the file, 0 to go on. */
static int step(TrustWalk *walk, const char *component) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct stat attributes;
        int r;

        if (text_equal(component, ".") || (text_equal(component, "..") && walk->depth == 0))
                return 0;
        fd = openat(walk->fd, component, O_PATH|O_NOFOLLOW|O_CLOEXEC);
        if (fd < 0 || fstat(fd, &attributes) < 0)
                return complain(walk, negative_errno(), component, "cannot be looked at");
        r = check_owner(walk, &attributes, component);
        if (r < 0)
                return r;
        if (S_ISLNK(attributes.st_mode))
                return follow(walk, fd, component);
        walk->attributes = attributes;
        if (S_ISREG(attributes.st_mode))
                return walk->rest[strspn(walk->rest, "/")] == '\0' ? 1 : complain(walk, -ENOTDIR, component,
                                                                                  "is no folder");
        if (!S_ISDIR(attributes.st_mode))
                return complain(walk, -EPERM, component, "is neither a file nor a folder");

        walk->depth += text_equal(component, "..") ? -1U : 1U;
        close_fd(walk->fd);
        walk->fd = steal_fd(&fd);
        return 0;
}

int trusted_path_check(int root_fd, uid_t owner, const char *path, struct stat *ret_attributes, char *ret_problem,
                       size_t problem_size) {
        TrustWalk walk = {
                .root_fd = root_fd,
                .owner = owner,
                .fd = -EBADF,
                .problem = ret_problem,
                .problem_size = problem_size,
        };
        char component[NAME_MAX + 1];
        int error = 0, r;

        if (path[0] != '/' || text_copy(walk.rest, sizeof(walk.rest), path) < 0)
                return complain(&walk, -EINVAL, path, "is no path that can be looked at");

        r = to_root(&walk);
        while (r == 0 && next_component(&walk, component, &error))
                r = step(&walk, component);
        if (r == 0 && error < 0)
                r = complain(&walk, error, path, "cannot be looked at");
        close_fd(walk.fd);
        if (r < 0)
                return r;
        *ret_attributes = walk.attributes;
        return 0;
}

int trusted_file_check(int root_fd, uid_t owner, const char *path, char *ret_problem, size_t problem_size) {
        TrustWalk walk = { .problem = ret_problem, .problem_size = problem_size };
        struct stat attributes;
        int r;

        r = trusted_path_check(root_fd, owner, path, &attributes, ret_problem, problem_size);
        if (r < 0 || S_ISREG(attributes.st_mode))
                return r;
        return complain(&walk, -EISDIR, path, "is no file");
}
