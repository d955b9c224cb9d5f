/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a file system is mounted, for whoever is going to unmount it: what stands in the way, and which mounts of other
 * namespaces go with ours.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/worker/recycle-places.h"
#include "src/worker/recycle-units.h"

#define DEVICE makedev(7, 1)

static TableOfMounts parse(const char *text) {
        _cleanup_(free_at) char *copy = strdup(text);
        TableOfMounts table;

        assert_int_equal(table_of_mounts_parse(copy, &table), 0);
        return table;
}

#define ROOT "20 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
#define SRV "30 20 7:1 / /srv rw,relatime shared:7 - xfs /dev/loop1 rw,attr2\n"

static void test_find(_unused_ void **state) {
        static const struct {
                const char *text;
                int expected;
                const char *problem;
        } cases[] = {
                { ROOT SRV, 0, NULL },
                { ROOT SRV "31 20 7:1 /sub /mnt rw shared:1 - xfs /dev/loop1 rw\n", 0, NULL },
                /* Nested in itself. */
                { ROOT SRV "31 30 7:1 /sub /srv/b rw shared:1 - xfs /dev/loop1 rw\n", 0, NULL },
                { ROOT, -ENOENT, "mounted nowhere" },
                { ROOT SRV "32 30 0:40 / /srv/b\\040c rw - tmpfs none rw\n", -EBUSY,
                  "something else is mounted on it: /srv/b c" },
                /* Over it. */
                { ROOT SRV "32 30 0:40 / /srv rw - tmpfs none rw\n", -EBUSY, "something else is mounted on it: /srv" },
                /* Before it: that is covered, and shown again by the unmount. */
                { ROOT "29 20 0:40 / /srv rw - autofs systemd-1 rw\n"
                  "30 29 7:1 / /srv rw shared:7 - xfs /dev/loop1 rw\n", 0, NULL },
                { ROOT SRV "33 30 7:1 / /srv rw - xfs /dev/loop1 rw\n", -EBUSY, "mounted twice on /srv" },
                { ROOT "30 20 7:1 / /srv ro - xfs /dev/loop1 ro,norecovery\n", -EOPNOTSUPP, "norecovery" },
                { ROOT "30 20 7:1 / /srv ro - xfs /dev/loop1 ro,norecoveryx\n", 0, NULL },
                { ROOT SRV "nonsense\n\n30 20 7:1 / /x rw\n", 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(table_of_mounts_clear) TableOfMounts table = parse(cases[i].text);
                _cleanup_(recycle_places_clear) RecyclePlaces places = {};
                char problem[RECYCLE_PROBLEM_SIZE] = "";

                print_message("%s", cases[i].text);
                assert_int_equal(recycle_places_find(&table, DEVICE, &places, problem), cases[i].expected);
                if (cases[i].problem)
                        assert_non_null(strstr(problem, cases[i].problem));
                else
                        assert_string_equal(places.points[0], "/srv");
        }
}

static void test_other_namespaces(_unused_ void **state) {
        static const struct {
                const char *other, *left;
        } cases[] = {
                { "120 1 8:1 / / rw master:1 - ext4 /dev/sda1 rw\n", NULL },
                /* As systemd makes one: what is unmounted in the machine's is unmounted there. */
                { "120 1 8:1 / / rw shared:50 master:1 - ext4 /dev/sda1 rw\n"
                  "130 120 7:1 / /srv rw shared:57 master:7 - xfs /dev/loop1 rw\n", NULL },
                { "120 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
                  "130 120 7:1 / /srv rw shared:7 - xfs /dev/loop1 rw\n", NULL },
                /* Below another root, in the same place of it. */
                { "119 1 0:50 / / rw - tmpfs none rw\n"
                  "120 119 8:1 / /host rw master:1 - ext4 /dev/sda1 rw\n"
                  "130 120 7:1 / /host/srv rw master:7 - xfs /dev/loop1 rw\n", NULL },
                /* Nobody tells it. */
                { "120 1 8:1 / / rw - ext4 /dev/sda1 rw\n130 120 7:1 / /srv rw - xfs /dev/loop1 rw\n", "/srv" },
                /* The mount is a slave of ours, but what it hangs in is not. */
                { "120 1 0:50 / / rw - tmpfs none rw\n130 120 7:1 / /data rw master:7 - xfs /dev/loop1 rw\n",
                  "/data" },
                /* In another place of the same. */
                { "120 1 8:1 / / rw master:1 - ext4 /dev/sda1 rw\n"
                  "130 120 7:1 / /srv rw master:7 - xfs /dev/loop1 rw\n"
                  "131 120 7:1 / /copy rw - xfs /dev/loop1 rw\n", "/copy" },
        };
        _cleanup_(table_of_mounts_clear) TableOfMounts own = parse(ROOT SRV);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(table_of_mounts_clear) TableOfMounts other = parse(cases[i].other);
                const char *left = recycle_place_left(&own, &other, DEVICE);

                print_message("%s", cases[i].other);
                if (cases[i].left)
                        assert_string_equal(left, cases[i].left);
                else
                        assert_null(left);
        }
}

static void test_unit_faults(_unused_ void **state) {
        static const char *const may[] = { "db.service", "db@main.service", "db.socket", "backup.timer", "a.path" };
        static const char *const may_not[] = {
                "dbus.service", "systemd-journald.service", "ssh.service", "healerd.service", "user@1000.service",
                "session-3.scope", "multi-user.target", "local-fs.target", "srv.mount", "system.slice", "x", "",
        };

        for (size_t i = 0; i < ELEMENTSOF(may); i++)
                assert_null(recycle_unit_fault(may[i]));
        for (size_t i = 0; i < ELEMENTSOF(may_not); i++)
                if (!recycle_unit_fault(may_not[i]))
                        fail_msg("%s would be stopped", may_not[i]);
}

static void test_names(_unused_ void **state) {
        _cleanup_(unit_names_clear) UnitNames names = {};
        char text[48];

        assert_string_equal(unit_names_text(&names, text, sizeof(text)), "");
        assert_int_equal(unit_names_add(&names, "first.service"), 1);
        assert_int_equal(unit_names_add(&names, "first.service"), 0);
        assert_int_equal(unit_names_add(&names, "second.service"), 1);
        assert_string_equal(unit_names_text(&names, text, 64), "first.service, second.service");
        assert_int_equal(unit_names_add(&names, "third.service"), 1);
        assert_string_equal(unit_names_text(&names, text, sizeof(text)), "first.service, second.service and 1 more");
        assert_true(unit_names_have(&names, "third.service"));
        assert_false(unit_names_have(&names, "third"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_other_namespaces),
                cmocka_unit_test(test_unit_faults),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
