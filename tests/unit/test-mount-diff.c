/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two looks at the mount table.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/mount-diff.h"

typedef struct Line {
        uint64_t mount_id;
        dev_t device_number;
        const char *root, *mount_point;
        bool is_read_only;
} Line;

#define LINES_MAX 6

static void fill(MountSet *set, const Line lines[LINES_MAX]) {
        for (size_t i = 0; i < LINES_MAX && lines[i].mount_id; i++) {
                const MountInfo info = {
                        .mount_id = lines[i].mount_id,
                        .device_number = lines[i].device_number,
                        .type = (char *) "xfs",
                        .root = (char *) lines[i].root,
                        .mount_point = (char *) lines[i].mount_point,
                        .is_read_only = lines[i].is_read_only,
                };

                assert_int_equal(mount_set_append(set, &info), 0);
        }
        mount_set_sort(set);
}

static void on_gone(const MountInfo *before, void *userdata) {
        assert_int_equal(text_append_format(userdata, 256, "-%s ", before->mount_point), 0);
}

static void on_mounted(const MountInfo *after, void *userdata) {
        assert_int_equal(text_append_format(userdata, 256, "+%s ", after->mount_point), 0);
}

static const MountDiffCalls calls = { .on_gone = on_gone, .on_mounted = on_mounted };

static void test_diff(void **state) {
        static const struct {
                const char *name;
                Line before[LINES_MAX], after[LINES_MAX];
                const char *result;
        } cases[] = {
                { "nothing at all", {}, {}, "" },
                { "the first look", {}, { { 5, 1, "/", "/a", false }, { 3, 2, "/", "/b", false } }, "+/b +/a " },
                { "no change", { { 3, 2, "/", "/b", false }, { 5, 1, "/", "/a", false } },
                  { { 5, 1, "/", "/a", false }, { 3, 2, "/", "/b", false } }, "" },
                { "one gone", { { 3, 2, "/", "/b", false }, { 5, 1, "/", "/a", false } },
                  { { 5, 1, "/", "/a", false } }, "-/b " },
                { "all gone", { { 3, 2, "/", "/b", false }, { 5, 1, "/", "/a", false } }, {}, "-/b -/a " },
                { "mounted anew: gone comes first",
                  { { 9, 1, "/", "/a", false } }, { { 4, 1, "/", "/a", false } }, "-/a +/a " },
                { "moved", { { 9, 1, "/", "/a", false } }, { { 9, 1, "/", "/z", false } }, "+/z " },
                { "read-only", { { 9, 1, "/", "/a", false } }, { { 9, 1, "/", "/a", true } }, "+/a " },
                { "number stands for another device",
                  { { 9, 1, "/", "/a", false } }, { { 9, 2, "/", "/a", false } }, "-/a +/a " },
                { "number stands for another part",
                  { { 9, 1, "/", "/a", false } }, { { 9, 1, "/x", "/a", false } }, "-/a +/a " },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                MountSet before = {}, after = {};
                char told[256] = "";

                print_message("%s\n", cases[i].name);
                fill(&before, cases[i].before);
                fill(&after, cases[i].after);
                mount_diff(&before, &after, &calls, told);
                assert_string_equal(told, cases[i].result);
                mount_set_clear(&before);
                mount_set_clear(&after);
        }
}

static void test_set(void **state) {
        MountSet set = {};

        (void) state;

        assert_null(mount_set_find(&set, 1));
        mount_set_remove(&set, 1);
        for (uint64_t i = 200; i > 0; i--) {
                const MountInfo info = { .mount_id = i, .type = (char *) "xfs", .mount_point = (char *) "/x" };

                assert_int_equal(mount_set_put(&set, &info), 0);
                assert_int_equal(mount_set_put(&set, &info), 0);
        }
        assert_int_equal(set.n, 200);
        for (uint64_t i = 1; i <= 200; i++)
                assert_true(mount_set_find(&set, i)->mount_id == i);
        for (uint64_t i = 1; i <= 200; i += 2)
                mount_set_remove(&set, i);
        assert_int_equal(set.n, 100);
        assert_null(mount_set_find(&set, 7));
        assert_non_null(mount_set_find(&set, 8));
        mount_set_clear(&set);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_diff),
                cmocka_unit_test(test_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
