/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths in unit names: fixed rows, and the same rows against systemd's own tool where it is installed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/unit-name.h"

#define TEMPLATE "healer-scrub@.service"

extern char **environ;

static const struct {
        const char *path, *instance;
} paths[] = {
        { "/",                   "-"                           },
        { "/home",               "home"                        },
        { "/srv/scratch-ht/a b", "srv-scratch\\x2dht-a\\x20b"  },
        { "/.hidden/.x",         "\\x2ehidden-.x"              },
        { "/a/..b/c..",          "a-..b-c.."                   },
        { "/...",                "\\x2e.."                     },
        { "/x:y_z.0",            "x:y_z.0"                     },
        { "/tab\there",          "tab\\x09here"                },
        { "/back\\slash",        "back\\x5cslash"              },
        { "/caf\xc3\xa9",        "caf\\xc3\\xa9"               },
        { "/not\xff" "utf8",     "not\\xffutf8"                },
        { "/a@b%c",              "a\\x40b\\x25c"               },
        { "/-",                  "\\x2d"                       },
};

static void test_paths(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(free_at) char *name = NULL, *expected = NULL;

                print_message("%s\n", paths[i].path);
                assert_true(asprintf(&expected, "healer-scrub@%s.service", paths[i].instance) > 0);
                assert_int_equal(unit_name_from_path(TEMPLATE, paths[i].path, &name), 0);
                assert_string_equal(name, expected);
        }
}

static void test_refused(_unused_ void **state) {
        static const struct {
                const char *template, *path;
        } cases[] = {
                { TEMPLATE,            ""               },
                { TEMPLATE,            "srv"            },
                { TEMPLATE,            "/srv/"          },
                { TEMPLATE,            "//srv"          },
                { TEMPLATE,            "//"             },
                { TEMPLATE,            "/srv//a"        },
                { TEMPLATE,            "/srv/."         },
                { TEMPLATE,            "/./srv"         },
                { TEMPLATE,            "/srv/../etc"    },
                { TEMPLATE,            "/.."            },
                { "scrub.service",     "/srv"           },
                { "scrub@x.service",   "/srv"           },
                { "a@b@.service",      "/srv"           },
                { "@.service",         "/srv"           },
                { "scrub@.",           "/srv"           },
                { "scrub@",            "/srv"           },
                { "",                  "/srv"           },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *name = NULL;

                print_message("\"%s\" \"%s\"\n", cases[i].template, cases[i].path);
                assert_int_equal(unit_name_from_path(cases[i].template, cases[i].path, &name), -EINVAL);
                assert_null(name);
        }
}

static void test_length(_unused_ void **state) {
        const size_t longest = 255 - strlen(TEMPLATE);
        char path[400];
        char *name = NULL;

        memset(path, 'a', sizeof(path));
        path[0] = '/';

        path[longest + 1] = '\0';
        assert_int_equal(unit_name_from_path(TEMPLATE, path, &name), 0);
        assert_int_equal(strlen(name), 255);
        assert_string_equal(name + 255 - strlen("a.service"), "a.service");
        free_at(&name);

        path[longest + 1] = 'a';
        path[longest + 2] = '\0';
        assert_int_equal(unit_name_from_path(TEMPLATE, path, &name), -ENAMETOOLONG);

        /* An escape that does not fit whole. */
        path[longest + 1] = '\0';
        path[longest] = ' ';
        assert_int_equal(unit_name_from_path(TEMPLATE, path, &name), -ENAMETOOLONG);

        memset(path, 'a', sizeof(path));
        memcpy(path + 380, "@.service", sizeof("@.service"));
        assert_int_equal(unit_name_from_path(path, "/srv", &name), -ENAMETOOLONG);
        assert_null(name);
}

/* What systemd's own tool says; NULL if there is no such tool here. */
static char *ask_systemd_escape(const char *path) {
        char *arguments[] = { (char *) "systemd-escape", (char *) "--path", (char *) "--template=" TEMPLATE,
                              (char *) "--", (char *) path, NULL };
        posix_spawn_file_actions_t actions;
        _cleanup_(free_at) char *output = NULL;
        int ends[2], r, status = 0;
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
        assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[0]), 0);
        r = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) close_fd(ends[1]);
        if (r != 0) {
                (void) close_fd(ends[0]);
                return NULL;
        }

        r = file_read_fd(ends[0], 4096, &output, NULL);
        (void) close_fd(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (r < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return NULL;

        output[strcspn(output, "\n")] = '\0';
        return steal_ptr(output);
}

static void test_against_systemd(_unused_ void **state) {
        _cleanup_(free_at) char *probe = ask_systemd_escape("/");

        if (!probe) {
                print_message("skipped: systemd-escape is not installed\n");
                skip();
        }

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(free_at) char *name = NULL, *systemd_name = NULL;

                print_message("%s\n", paths[i].path);
                systemd_name = ask_systemd_escape(paths[i].path);
                assert_non_null(systemd_name);
                assert_int_equal(unit_name_from_path(TEMPLATE, paths[i].path, &name), 0);
                assert_string_equal(name, systemd_name);
        }
}

static void test_templates(_unused_ void **state) {
        static const struct {
                const char *name;
                bool is_template;
        } cases[] = {
                { "restore@.service",        true  },
                { "a:b_c.d-e@.service",      true  },
                { "restore.service",         false },
                { "restore@7.service",       false },
                { "restore@@.service",       false },
                { "restore@.socket",         false },
                { "restore@.service ",       false },
                { "@.service",               false },
                { ".service",                false },
                { "",                        false },
                { "-x@.service",             false },
                { ".x@.service",             false },
                { "a/b@.service",            false },
                { "../restore@.service",     false },
                { "a b@.service",            false },
                { "a%i@.service",            false },
                { "a\\x2db@.service",        false },
                { "caf\xc3\xa9@.service",    false },
                { "restore@.service\n",      false },
        };
        char name[UNIT_NAME_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_int_equal(unit_name_is_template(cases[i].name), cases[i].is_template);
        }

        assert_string_equal(unit_name_from_number("restore@.service", 0, name), "restore@0.service");
        assert_string_equal(unit_name_from_number("restore@.service", UINT64_MAX, name),
                            "restore@18446744073709551615.service");
}

/* The longest template that is one has room for the longest number. */
static void test_template_length(_unused_ void **state) {
        char template[UNIT_NAME_SIZE + 16], name[UNIT_NAME_SIZE];
        size_t length = UNIT_NAME_MAX_LENGTH - strlen("18446744073709551615") - strlen("@.service");

        memset(template, 'a', sizeof(template));
        strcpy(template + length, "@.service");
        assert_true(unit_name_is_template(template));
        unit_name_from_number(template, UINT64_MAX, name);
        assert_int_equal(strlen(name), UNIT_NAME_MAX_LENGTH);
        assert_string_equal(name + length, "@18446744073709551615.service");

        memset(template, 'a', sizeof(template));
        strcpy(template + length + 1, "@.service");
        assert_false(unit_name_is_template(template));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_length),
                cmocka_unit_test(test_against_systemd),
                cmocka_unit_test(test_templates),
                cmocka_unit_test(test_template_length),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
