/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names are found in real folders, without touching what they lead to, and only for a while.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/worker/name-search.h"

#define FILES 2000                      /* more than one question brings */

typedef struct Setup {
        char path[64];
        int fd;
        unsigned n_opened;
} Setup;

static void make_file(int fd, const char *name) {
        int made = openat(fd, name, O_CREAT|O_WRONLY|O_CLOEXEC, 0600);

        assert_true(made >= 0);
        assert_int_equal(close(made), 0);
}

static uint64_t inode_of(const Setup *s, const char *name) {
        struct stat status;

        assert_int_equal(fstatat(s->fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
        return status.st_ino;
}

static int setup(void **state) {
        Setup *s = calloc(1, sizeof(*s));
        char name[32];

        assert_non_null(s);
        (void) snprintf(s->path, sizeof(s->path), "/tmp/test-name-search.XXXXXX");
        assert_non_null(mkdtemp(s->path));
        s->fd = open(s->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        assert_true(s->fd >= 0);
        assert_int_equal(mkdirat(s->fd, "many", 0700), 0);
        for (unsigned i = 0; i < FILES; i++) {
                (void) snprintf(name, sizeof(name), "many/file%u", i);
                make_file(s->fd, name);
        }
        assert_int_equal(mkdirat(s->fd, "a", 0700), 0);
        assert_int_equal(mkdirat(s->fd, "a/b", 0700), 0);
        assert_int_equal(mkdirat(s->fd, "a/b/c", 0700), 0);
        make_file(s->fd, "a/b/c/a file\nwith a strange name");
        make_file(s->fd, "top");
        assert_int_equal(symlinkat("a/b", s->fd, "link"), 0);
        *state = s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;
        char command[128];

        (void) snprintf(command, sizeof(command), "rm -rf '%s'", s->path);
        assert_int_equal(system(command), 0);
        close_fd(s->fd);
        free(s);
        return 0;
}

static int open_root(void *userdata) {
        Setup *s = userdata;

        s->n_opened++;
        return open(s->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
}

static int search(Setup *s, uint64_t inode, char path[static PATH_MAX]) {
        const NameSearch wanted = {
                .inode = inode,
                .budget_usec = USEC_PER_MINUTE,
                .slice_usec = USEC_PER_SEC,
                .open_root = open_root,
                .userdata = s,
        };

        return name_search(&wanted, path);
}

static void test_found(void **state) {
        static const char *const names[] = {
                "top", "a", "a/b/c", "a/b/c/a file\nwith a strange name", "link", "many/file0", "many/file1999",
        };
        Setup *s = *state;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                char path[PATH_MAX];

                print_message("%s\n", names[i]);
                assert_int_equal(search(s, inode_of(s, names[i]), path), 0);
                assert_int_equal(path[0], '/');
                assert_string_equal(path + 1, names[i]);
        }
}

static void test_not_found(void **state) {
        Setup *s = *state;
        char path[PATH_MAX];

        assert_int_equal(search(s, UINT64_MAX, path), -ENOENT);
        /* The root has no name in any folder. */
        assert_int_equal(search(s, inode_of(s, "."), path), -ENOENT);
}

/* Whoever unmounts has his turn: what is read is read through a root that is opened anew, and the place is kept. */
static void test_in_slices(void **state) {
        Setup *s = *state;
        NameSearch wanted = {
                .inode = inode_of(s, "a/b/c/a file\nwith a strange name"),
                .budget_usec = USEC_PER_MINUTE,
                .open_root = open_root,
                .userdata = s,
        };
        char path[PATH_MAX];

        s->n_opened = 0;
        assert_int_equal(name_search(&wanted, path), 0);
        assert_string_equal(path, "/a/b/c/a file\nwith a strange name");
        /* The root and three folders, of which each is asked once more at its end, and many for its many files. */
        assert_true(s->n_opened > 8);
}

static int no_root(void *userdata) {
        (void) userdata;
        return -ESTALE;
}

static void test_ends(void **state) {
        Setup *s = *state;
        NameSearch wanted = { .inode = UINT64_MAX, .open_root = no_root, .userdata = s };
        char path[PATH_MAX];

        assert_int_equal(name_search(&wanted, path), -ESTALE);

        wanted.open_root = open_root;
        s->n_opened = 0;
        assert_int_equal(name_search(&wanted, path), -ETIME);
        assert_int_equal(s->n_opened, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_found),
                cmocka_unit_test(test_not_found),
                cmocka_unit_test(test_in_slices),
                cmocka_unit_test(test_ends),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
