/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files are hooks, in folders of the test's own: the test plays root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/hook-list.h"

typedef struct Setup {
        char root[64];
        int root_fd;
        HookList list;
} Setup;

static const char *const folders[] = { "/etc/d", "/run/d", "/usr/d", NULL };

static int setup(void **state) {
        static Setup s;

        s = (Setup) {};
        strcpy(s.root, "/tmp/healer-hooks-XXXXXX");
        assert_non_null(mkdtemp(s.root));
        s.root_fd = open(s.root, O_PATH|O_DIRECTORY|O_CLOEXEC);
        assert_true(s.root_fd >= 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;
        char command[256];

        hook_list_clear(&s->list);
        s->root_fd = close_fd(s->root_fd);
        (void) snprintf(command, sizeof(command), "rm -rf %s", s->root);
        return system(command);
}

/* Everything below the root of the test: "etc/d/save" and what leads there. */
static void make(const Setup *s, const char *path, mode_t mode) {
        char parent[256];

        (void) text_copy(parent, sizeof(parent), path);
        for (char *slash = strchr(parent, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdirat(s->root_fd, parent, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        close_fd(openat(s->root_fd, path, O_WRONLY|O_CREAT|O_CLOEXEC, 0600));
        assert_int_equal(fchmodat(s->root_fd, path, mode, 0), 0);
}

static void read_list(Setup *s, uid_t owner) {
        hook_list_clear(&s->list);
        assert_int_equal(hook_list_read(s->root_fd, owner, folders, &s->list), 0);
}

static void assert_hook(const Setup *s, size_t i, const char *name, const char *path, const char *problem) {
        assert_true(i < s->list.n);
        assert_string_equal(s->list.hooks[i].name, name);
        assert_string_equal(s->list.hooks[i].path, path);
        assert_string_equal(s->list.hooks[i].problem, problem);
}

static void test_none(void **state) {
        Setup *s = *state;

        read_list(s, geteuid());
        assert_int_equal(s->list.n, 0);
        assert_int_equal(s->list.n_unlooked, 0);
}

static void test_which_and_in_what_order(void **state) {
        Setup *s = *state;

        make(s, "usr/d/30-from-package", 0755);
        make(s, "usr/d/20-masked", 0755);
        make(s, "usr/d/10-both", 0755);
        make(s, "etc/d/10-both", 0700);
        make(s, "run/d/05-run", 0755);
        make(s, "etc/d/.hidden", 0755);
        make(s, "etc/program", 0755);
        assert_int_equal(symlinkat("/dev/null", s->root_fd, "etc/d/20-masked"), 0);
        assert_int_equal(symlinkat("/etc/program", s->root_fd, "etc/d/40-link"), 0);
        read_list(s, geteuid());
        assert_int_equal(s->list.n, 4);
        assert_hook(s, 0, "05-run", "/run/d/05-run", "");
        assert_hook(s, 1, "10-both", "/etc/d/10-both", "");
        assert_hook(s, 2, "30-from-package", "/usr/d/30-from-package", "");
        assert_hook(s, 3, "40-link", "/etc/d/40-link", "");
}

static void test_names(void **state) {
        char long_name[HOOK_NAME_SIZE + 1];

        (void) state;
        memset(long_name, 'x', HOOK_NAME_SIZE);
        long_name[HOOK_NAME_SIZE] = '\0';
        assert_null(hook_name_fault("50-save_all"));
        assert_null(hook_name_fault(long_name + 1));
        assert_non_null(hook_name_fault(long_name));
        /* What editors and package managers leave, and what a unit cannot be called. */
        for (size_t i = 0; i < 9; i++) {
                static const char *const names[] = { "", "a~", "a.dpkg-old", "a.rpmsave", "#a#", "a b", "a@b", "a/b",
                                                     "\xc3\xa4" };

                assert_non_null(hook_name_fault(names[i]));
        }
}

static void test_not_run(void **state) {
        Setup *s = *state;

        make(s, "etc/d/group", 0775);
        make(s, "etc/d/plain", 0644);
        make(s, "etc/d/a.sh", 0755);
        make(s, "etc/d/folder/x", 0755);
        make(s, "open/program", 0755);
        assert_int_equal(fchmodat(s->root_fd, "open", 01777, 0), 0);
        assert_int_equal(symlinkat("/open/program", s->root_fd, "etc/d/through-open"), 0);
        assert_int_equal(symlinkat("nothing", s->root_fd, "etc/d/nowhere"), 0);
        read_list(s, geteuid());
        assert_int_equal(s->list.n, 6);
        assert_hook(s, 0, "a.sh", "/etc/d/a.sh", "its name has others than letters, digits, - and _");
        assert_hook(s, 1, "folder", "/etc/d/folder", "it is no file");
        assert_hook(s, 2, "group", "/etc/d/group", "group can be written by others than root");
        assert_hook(s, 3, "nowhere", "/etc/d/nowhere", "nothing cannot be looked at");
        assert_hook(s, 4, "plain", "/etc/d/plain", "it is not executable");
        assert_hook(s, 5, "through-open", "/etc/d/through-open", "open can be written by others than root");
}

/* Whoever can write a folder could take names out that another one has. */
static void test_folder_of_others(void **state) {
        Setup *s = *state;

        make(s, "run/d/10-save", 0755);
        make(s, "usr/d/10-save", 0755);
        assert_int_equal(fchmodat(s->root_fd, "run", 0777, 0), 0);
        read_list(s, geteuid());
        assert_int_equal(s->list.n, 2);
        assert_hook(s, 0, "/run/d", "", "it is not looked into: run can be written by others than root");
        assert_hook(s, 1, "10-save", "/usr/d/10-save", "");

        /* Nothing here is another owner's. */
        read_list(s, geteuid() + 1);
        for (size_t i = 0; i < s->list.n; i++)
                assert_string_equal(s->list.hooks[i].problem, "it is not looked into: / does not belong to root");
        assert_int_equal(s->list.n, 3);
}

static void test_too_many(void **state) {
        Setup *s = *state;
        char path[64];

        for (unsigned i = 0; i < HOOK_FILES_MAX + 3; i++) {
                (void) snprintf(path, sizeof(path), "etc/d/%03u", i);
                make(s, path, i == 4 ? 0644 : 0755);
        }
        read_list(s, geteuid());
        assert_int_equal(s->list.n, HOOK_FILES_MAX);
        assert_int_equal(s->list.n_unlooked, 3);
        /* One that is not run takes nobody's place. */
        assert_hook(s, 4, "004", "/etc/d/004", "it is not executable");
        assert_hook(s, HOOKS_MAX, "016", "/etc/d/016", "");
        assert_hook(s, HOOKS_MAX + 1, "017", "/etc/d/017", "no more than 16 are run");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_none, setup, teardown),
                cmocka_unit_test_setup_teardown(test_which_and_in_what_order, setup, teardown),
                cmocka_unit_test(test_names),
                cmocka_unit_test_setup_teardown(test_not_run, setup, teardown),
                cmocka_unit_test_setup_teardown(test_folder_of_others, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
