/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which units a policy may have started, as template and as instance.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "src/basic/macro.h"
#include "src/model/startable-unit.h"

static void test_names(_unused_ void **state) {
        static const struct {
                const char *name;
                bool may_start;
        } cases[] = {
                { "restore@.service",               true  },
                { "healer-mail@.service",           true  },
                { "healer-webhook@12.service",      true  },
                { "healer-ticket@.service",         true  },
                { "healer-page@.service",           true  },
                { "my-systemd-helper@.service",     true  },
                { "users@.service",                 true  },
                { "getty@.service",                 false },
                { "getty@17.service",               false },
                { "serial-getty@.service",          false },
                { "autovt@.service",                false },
                { "user@.service",                  false },
                { "user@1000.service",              false },
                { "user-runtime-dir@.service",      false },
                { "systemd-fsck@.service",          false },
                { "systemd-anything@3.service",     false },
                { "emergency@.service",             false },
                { "sshd@.service",                  false },
                { "healerd@.service",               false },
                { "healer-worker@.service",         false },
                { "healer-scrub@.service",          false },
                { "healer-scrub-repair@.service",   false },
                { "xfs_scrub@.service",             false },
                { "xfs_healer@.service",            false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_int_equal(startable_unit_fault(cases[i].name) == NULL, cases[i].may_start);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
