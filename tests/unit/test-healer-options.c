/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of xfs_healer: that of xfsprogs' program.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/xfs-healer/healer-options.h"

#define WORDS_MAX 6

static const struct {
        const char *words[WORDS_MAX];
        HealerOptions expected;
} cases[] = {
        { { "/srv" }, { .mount_point = "/srv" } },
        { { "--everything", "/srv" }, { .mount_point = "/srv", .everything = true } },
        { { "--foreground", "/srv" }, { .mount_point = "/srv" } },
        { { "--no-autofsck", "/srv" }, { .mount_point = "/srv", .ignores_autofsck = true } },
        { { "--quiet", "/srv" }, { .mount_point = "/srv", .is_quiet = true } },
        { { "--repair", "/srv" }, { .mount_point = "/srv", .repairs = true } },
        { { "--debug", "/srv" }, { .mount_point = "/srv", .says_more = true } },
        { { "/srv", "--repair", "--quiet" }, { .mount_point = "/srv", .repairs = true, .is_quiet = true } },
        { { "--rep", "/srv" }, { .mount_point = "/srv", .repairs = true } },
        { { "--", "--repair" }, { .mount_point = "--repair" } },
        { { "--supported", "/srv" }, { .task = HEALER_SAY_SUPPORTED, .mount_point = "/srv" } },
        { { "--supported", "--repair", "/srv" },
          { .task = HEALER_SAY_SUPPORTED, .mount_point = "/srv", .repairs = true } },
        { { "--svcname", "/srv" }, { .task = HEALER_SAY_SERVICE, .mount_point = "/srv" } },
        { { "--svcname", "--supported", "/srv" }, { .task = HEALER_SAY_SERVICE, .mount_point = "/srv" } },
        { { "--supported", "--svcname", "/srv" }, { .task = HEALER_SAY_SERVICE, .mount_point = "/srv" } },
        { { "-V" }, { .task = HEALER_SAY_VERSION } },
        { { "-V", "/a", "/b" }, { .task = HEALER_SAY_VERSION } },
        { { "--repair", "-V" }, { .task = HEALER_SAY_VERSION } },
        { { NULL }, { .task = HEALER_SAY_USAGE } },
        { { "/a", "/b" }, { .task = HEALER_SAY_USAGE } },
        { { "--svcname" }, { .task = HEALER_SAY_USAGE } },
        { { "--help" }, { .task = HEALER_SAY_USAGE } },
        { { "--help", "-V" }, { .task = HEALER_SAY_USAGE } },
        { { "-h" }, { .task = HEALER_SAY_USAGE } },
        { { "--version" }, { .task = HEALER_SAY_USAGE } },
        { { "--repair=yes", "/srv" }, { .task = HEALER_SAY_USAGE } },
        { { "--bogus", "/srv" }, { .task = HEALER_SAY_USAGE } },
};

static void test_cases(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const HealerOptions *expected = &cases[i].expected;
                char *argv[WORDS_MAX + 2] = { (char *) "xfs_healer" };
                HealerOptions options;
                int argc = 1;

                for (; cases[i].words[argc - 1]; argc++)
                        argv[argc] = (char *) cases[i].words[argc - 1];
                print_message("%s %s\n", argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
                options = healer_options_parse(argc, argv);
                assert_int_equal(options.task, expected->task);
                assert_true(text_equal(options.mount_point, expected->mount_point));
                assert_int_equal(options.everything, expected->everything);
                assert_int_equal(options.ignores_autofsck, expected->ignores_autofsck);
                assert_int_equal(options.is_quiet, expected->is_quiet);
                assert_int_equal(options.repairs, expected->repairs);
                assert_int_equal(options.says_more, expected->says_more);
        }
}

static void test_service_name(_unused_ void **state) {
        static const struct {
                const char *path, *name;        /* NULL: there is none */
        } names[] = {
                { "/",               "xfs_healer@-.service"                          },
                { "/home",           "xfs_healer@home.service"                       },
                { "/home/",          "xfs_healer@home.service"                       },
                { "//srv///x/./y//", "xfs_healer@srv-x-y.service"                    },
                { "relative",        "xfs_healer@relative.service"                   },
                { "/srv/a-b/c d",    "xfs_healer@srv-a\\x2db-c\\x20d.service"        },
                { "/.x",             "xfs_healer@\\x2ex.service"                     },
                { "/a/../b",         NULL                                            },
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(free_at) char *name = NULL;
                int r = healer_service_name(names[i].path, &name);

                print_message("%s\n", names[i].path);
                assert_int_equal(r, names[i].name ? 0 : -EINVAL);
                assert_true(text_equal(name, names[i].name));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_service_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
