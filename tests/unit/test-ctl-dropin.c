/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links of `healerctl takeover`: there, gone, there again, and what is not ours is left.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-dropin.h"

static const CtlDropin dropin = { "one@.service", "one.conf" };

typedef struct Place {
        char root[64], units[128], source[128], folder[192], link[256], file[192];
} Place;

static void make(Place *place) {
        strcpy(place->root, "/tmp/test-ctl-dropin.XXXXXX");
        assert_non_null(mkdtemp(place->root));
        (void) snprintf(place->units, sizeof(place->units), "%s/units", place->root);
        (void) snprintf(place->folder, sizeof(place->folder), "%s/one@.service.d", place->units);
        (void) snprintf(place->link, sizeof(place->link), "%s/" CTL_DROPIN_NAME, place->folder);
        assert_int_equal(mkdir(place->units, 0755), 0);

        (void) snprintf(place->source, sizeof(place->source), "%s/xfs_healer", place->root);
        assert_int_equal(mkdir(place->source, 0755), 0);
        (void) snprintf(place->source, sizeof(place->source), "%s/xfs_healer/takeover", place->root);
        assert_int_equal(mkdir(place->source, 0755), 0);
        (void) snprintf(place->file, sizeof(place->file), "%s/one.conf", place->source);
        assert_int_equal(file_write_atomic(place->file, "[Unit]\n", 7, 0644), 0);
}

static void destroy(const Place *place) {
        char command[128];

        (void) snprintf(command, sizeof(command), "rm -r '%s'", place->root);
        assert_int_equal(system(command), 0);
}

static CtlDropinResult link_it(const Place *place, bool dry_run) {
        char path[PATH_MAX];
        CtlDropinResult result;

        assert_int_equal(ctl_dropin_link(&dropin, place->units, place->source, dry_run, &result, path), 0);
        assert_string_equal(path, place->link);
        return result;
}

static CtlDropinResult unlink_it(const Place *place, bool dry_run) {
        char path[PATH_MAX];
        CtlDropinResult result;

        assert_int_equal(ctl_dropin_unlink(&dropin, place->units, dry_run, &result, path), 0);
        assert_string_equal(path, place->link);
        return result;
}

/* Where the link leads; "" if there is none. */
static const char *target(const Place *place) {
        static char text[PATH_MAX];
        ssize_t length = readlink(place->link, text, sizeof(text) - 1);

        text[length > 0 ? length : 0] = '\0';
        return text;
}

static void test_round(void **state _unused_) {
        Place place;

        make(&place);
        assert_int_equal(link_it(&place, true), CTL_DROPIN_CHANGED);
        assert_int_equal(access(place.folder, F_OK), -1);
        assert_int_equal(link_it(&place, false), CTL_DROPIN_CHANGED);
        assert_string_equal(target(&place), place.file);
        assert_int_equal(link_it(&place, false), CTL_DROPIN_UNCHANGED);

        assert_int_equal(unlink_it(&place, true), CTL_DROPIN_CHANGED);
        assert_string_equal(target(&place), place.file);
        assert_int_equal(unlink_it(&place, false), CTL_DROPIN_CHANGED);
        assert_int_equal(access(place.folder, F_OK), -1);
        assert_int_equal(unlink_it(&place, false), CTL_DROPIN_UNCHANGED);
        destroy(&place);
}

static void test_what_else_is_there(void **state _unused_) {
        static const struct {
                const char *name;
                const char *target;     /* NULL: a file */
                CtlDropinResult link, unlink;
        } cases[] = {
                { "a file of the administrator's", NULL, CTL_DROPIN_FOREIGN, CTL_DROPIN_FOREIGN },
                { "switched off", "/dev/null", CTL_DROPIN_FOREIGN, CTL_DROPIN_FOREIGN },
                { "somebody else's link", "/srv/one.conf", CTL_DROPIN_FOREIGN, CTL_DROPIN_FOREIGN },
                { "another file of ours", "/usr/lib/xfs_healer/takeover/two.conf", CTL_DROPIN_FOREIGN,
                  CTL_DROPIN_FOREIGN },
                { "installed elsewhere before", "/usr/local/lib/xfs_healer/takeover/one.conf", CTL_DROPIN_CHANGED,
                  CTL_DROPIN_CHANGED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Place place;

                print_message("%s\n", cases[i].name);
                make(&place);
                assert_int_equal(mkdir(place.folder, 0755), 0);
                if (cases[i].target)
                        assert_int_equal(symlink(cases[i].target, place.link), 0);
                else
                        assert_int_equal(file_write_atomic(place.link, "[Unit]\n", 7, 0644), 0);

                assert_int_equal(link_it(&place, false), cases[i].link);
                if (cases[i].link == CTL_DROPIN_FOREIGN)
                        assert_string_equal(target(&place), cases[i].target ? cases[i].target : "");
                else
                        assert_string_equal(target(&place), place.file);
                assert_int_equal(unlink_it(&place, false), cases[i].unlink);
                assert_int_equal(access(place.folder, F_OK), cases[i].unlink == CTL_DROPIN_FOREIGN ? 0 : -1);
                destroy(&place);
        }
}

static void test_folder_in_use(void **state _unused_) {
        char other[256];
        Place place;

        make(&place);
        assert_int_equal(mkdir(place.folder, 0755), 0);
        (void) snprintf(other, sizeof(other), "%s/10-local.conf", place.folder);
        assert_int_equal(file_write_atomic(other, "[Unit]\n", 7, 0644), 0);
        assert_int_equal(link_it(&place, false), CTL_DROPIN_CHANGED);
        assert_int_equal(unlink_it(&place, false), CTL_DROPIN_CHANGED);
        assert_int_equal(access(other, F_OK), 0);
        destroy(&place);
}

static void test_not_installed(void **state _unused_) {
        char path[PATH_MAX];
        CtlDropinResult result;
        Place place;

        make(&place);
        assert_int_equal(unlink(place.file), 0);
        assert_int_equal(ctl_dropin_link(&dropin, place.units, place.source, false, &result, path), -ENOENT);
        assert_string_equal(target(&place), "");
        destroy(&place);
}

static void test_table(void **state _unused_) {
        const CtlDropin *dropins;
        size_t n;

        dropins = ctl_dropins(&n);
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
                assert_true(text_ends_with(dropins[i].unit, ".service") ||
                            text_ends_with(dropins[i].unit, ".timer"));
                assert_true(text_starts_with(dropins[i].unit, "xfs_"));
                assert_true(text_ends_with(dropins[i].source, ".conf"));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round),
                cmocka_unit_test(test_what_else_is_there),
                cmocka_unit_test(test_folder_in_use),
                cmocka_unit_test(test_not_installed),
                cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
