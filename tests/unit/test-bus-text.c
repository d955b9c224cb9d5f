/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What everybody on the machine may read of a text that we or others wrote.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/basic/macro.h"
#include "src/bus/bus-text.h"

static const struct {
        const char *text;
        bool has_filesystem;
        bool is_public;
} rows[] = {
        { "", true, true },
        { "this structure is damaged", false, true },
        { "Input/output error", false, true },
        { "/srv agno 0x0 finobt: sick", true, true },
        { "/srv agno 0x0 finobt: sick", false, false },
        { "umount /srv && xfs_repair -n /dev/sda1.", true, true },
        { "/srv/letter cannot be read", true, false },
        { "cannot be read: /home/me/letter", true, false },
        { "'/home/me/letter'", true, false },
        { "to allow it: " HEALER_LIBEXECDIR "/healer-worker --forget-intent=17", true, true },
        { "to allow it: " HEALER_LIBEXECDIR "/healer-worker --forget-intent=17", false, true },
        { HEALER_LIBEXECDIR "/healer-worker of /home/me/letter", true, false },
        { HEALER_LIBEXECDIR "/healer-worker/letter", true, false },
        { HEALER_LIBEXECDIR "/other", true, false },
};

static void test_is_public(_unused_ void **state) {
        char *mounts[] = { (char *) "/srv", NULL };
        const Filesystem filesystem = {
                .facts = { .device = (char *) "/dev/sda1", .mounts = mounts, .n_mounts = 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("%s\n", rows[i].text);
                assert_int_equal(bus_text_is_public(rows[i].text, rows[i].has_filesystem ? &filesystem : NULL),
                                 rows[i].is_public);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_is_public),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
