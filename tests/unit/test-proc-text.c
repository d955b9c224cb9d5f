/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts of /proc as kernels write them, and as somebody could want them to look.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/kernel-users.h"
#include "src/worker/proc-text.h"
#include "src/worker/user-mounts.h"

static void test_mount_line(_unused_ void **state) {
        static const struct {
                const char *name, *line;
                int result, mount_id;
                unsigned minor_number;
                const char *mount_point, *type, *options;
        } cases[] = {
                { "plain", "36 35 7:0 / /srv rw,noatime shared:1 - xfs /dev/loop0 rw,attr2", 0, 36, 0, "/srv", "xfs",
                  "rw,attr2" },
                { "blanks", "36 35 7:1 /a /srv/my\\040data rw - xfs /dev/my\\040disk rw", 0, 36, 1, "/srv/my data",
                  "xfs", "rw" },
                { "several tags", "9 1 7:2 / /a rw shared:1 master:2 propagate_from:3 - ext4 none rw", 0, 9, 2, "/a",
                  "ext4", "rw" },
                { "no tags at all", "9 1 7:2 / /a rw - ext4 none rw", 0, 9, 2, "/a", "ext4", "rw" },
                { "no source", "9 1 7:2 / /a rw - ext4", -EBADMSG, 0, 0, NULL, NULL, NULL },
                { "no dash", "36 35 7:0 / /srv rw shared:1", -EBADMSG, 0, 0, NULL, NULL, NULL },
                { "no number", "x 35 7:0 / /srv rw - xfs a rw", -EBADMSG, 0, 0, NULL, NULL, NULL },
                { "empty", "", -EBADMSG, 0, 0, NULL, NULL, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char line[256];
                MountLine found = {};

                print_message("%s\n", cases[i].name);
                (void) text_copy(line, sizeof(line), cases[i].line);
                assert_int_equal(mount_line_parse(line, &found), cases[i].result);
                if (cases[i].result < 0)
                        continue;
                assert_int_equal(found.mount_id, cases[i].mount_id);
                assert_true(found.device_number == makedev(7, cases[i].minor_number));
                assert_string_equal(found.mount_point, cases[i].mount_point);
                assert_string_equal(found.type, cases[i].type);
                assert_string_equal(found.options, cases[i].options);
        }
}

static void test_descriptor_info(_unused_ void **state) {
        static const struct {
                const char *name, *text;
                int result, mount_id;
                uint64_t inode;
        } cases[] = {
                { "file", "pos:\t0\nflags:\t0100000\nmnt_id:\t27\nino:\t861\n", 0, 27, 861 },
                { "before Linux 5.14", "pos:\t0\nflags:\t0100000\nmnt_id:\t27\n", 0, 27, 0 },
                { "large inode", "mnt_id:\t27\nino:\t18446744073709551615\n", 0, 27, UINT64_MAX },
                { "cut in the middle of a line", "pos:\t0\nmnt_id:\t27\nin", 0, 27, 0 },
                { "key in another line", "lock: mnt_id: 5\n", -EBADMSG, 0, 0 },
                { "no number", "mnt_id:\tx\n", -EBADMSG, 0, 0 },
                { "number too large", "mnt_id:\t4294967296\n", -EBADMSG, 0, 0 },
                { "empty", "", -EBADMSG, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DescriptorInfo info = {};

                print_message("%s\n", cases[i].name);
                assert_int_equal(descriptor_info_parse(cases[i].text, &info), cases[i].result);
                assert_int_equal(info.mount_id, cases[i].mount_id);
                assert_true(info.inode == cases[i].inode);
        }
}

static void test_map_line(_unused_ void **state) {
        static const struct {
                const char *line;
                int result;
                unsigned major_number, minor_number;
                uint64_t inode;
                const char *path;
        } cases[] = {
                { "7f1c2e000000-7f1c2e021000 r--s 00000000 07:1f 131                    /srv/a b (deleted)", 0, 7, 31,
                  131, "/srv/a b (deleted)" },
                { "55d0c8a00000-55d0c8a01000 r-xp 00001000 103:100 18446744073709551615 /x", 0, 0x103, 0x100,
                  UINT64_MAX, "/x" },
                { "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]", 0, 0, 0, 0,
                  "[stack]" },
                { "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 ", 0, 0, 0, 0, "" },
                { "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0", 0, 0, 0, 0, "" },
                { "nonsense", -EBADMSG, 0, 0, 0, NULL },
                { "", -EBADMSG, 0, 0, 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                MapLine found = {};

                print_message("%s\n", cases[i].line);
                assert_int_equal(map_line_parse(cases[i].line, &found), cases[i].result);
                if (cases[i].result < 0)
                        continue;
                assert_true(found.device_number == makedev(cases[i].major_number, cases[i].minor_number));
                assert_true(found.inode == cases[i].inode);
                assert_string_equal(found.path, cases[i].path);
        }
}

static void test_links(_unused_ void **state) {
        static const struct {
                const char *link;
                bool is_on_mount;
        } cases[] = {
                { "/srv/file", true },           { "/srv/file (deleted)", true }, { "/", true },
                { "socket:[123]", false },       { "pipe:[1]", false },           { "anon_inode:[eventpoll]", false },
                { "/memfd:x (deleted)", false }, { "/SYSV00000000 (deleted)", false },
                { "/dev/zero (deleted)", false }, { "/dev/null", true },          { "", false },
        };
        uint64_t number;
        uint32_t uid;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].link);
                assert_int_equal(link_is_on_mount(cases[i].link), cases[i].is_on_mount);
        }
        assert_true(path_is_below("/srv", "/srv") && path_is_below("/srv/a", "/srv") && path_is_below("/srv", "/"));
        assert_false(path_is_below("/srv2", "/srv") || path_is_below("/", "/srv") || path_is_below("socket:[1]", "/"));

        assert_int_equal(namespace_link_parse("mnt:[4026531841]", &number), 0);
        assert_true(number == 4026531841);
        assert_int_equal(namespace_link_parse("net:[4026531841]", &number), -EBADMSG);
        assert_int_equal(namespace_link_parse("mnt:[]", &number), -EBADMSG);
        assert_int_equal(status_user_parse("Name:\tUid: 5\nUid:\t1000\t0\t0\t0\n", &uid), 0);
        assert_int_equal(uid, 1000);
        assert_int_equal(status_user_parse("Name:\ta\n", &uid), -EBADMSG);
}

/* A machine with the superblock 7:0 at /srv, and at /covered below something else. */
#define OWN_MOUNTS                                                              \
        "1 0 254:0 / / rw - ext4 /dev/vda rw\n"                                 \
        "2 1 7:0 / /srv rw - xfs /dev/loop0 rw\n"                               \
        "3 2 0:40 / /srv/tmp rw - tmpfs none rw\n"                              \
        "4 1 7:0 /a /covered rw - xfs /dev/loop0 rw\n"                          \
        "5 1 0:41 / /covered rw - tmpfs none rw\n"

static void fill(UserMounts *mounts) {
        char own[] = OWN_MOUNTS;
        char container[] = "11 10 0:50 / / rw - overlay o rw\n12 11 7:0 /data /data rw - xfs /dev/loop0 rw\n";
        char jail[] = "21 20 7:0 / / rw - xfs /dev/loop0 rw\n";

        mounts->device_number = makedev(7, 0);
        assert_int_equal(user_mounts_add(mounts, 100, "/", own), 0);
        assert_int_equal(user_mounts_add(mounts, 200, "/", container), 0);
        assert_int_equal(user_mounts_add(mounts, 300, "/jail", jail), 0);
        user_mounts_sort(mounts);
}

static void test_user_mounts(_unused_ void **state) {
        static const struct {
                int mount_id;
                MountAnswer answer;
        } ids[] = {
                { 1, MOUNT_IS_OTHER }, { 2, MOUNT_IS_IT },    { 4, MOUNT_IS_IT },     { 5, MOUNT_IS_OTHER },
                { 11, MOUNT_IS_OTHER }, { 12, MOUNT_IS_IT },  { 21, MOUNT_IS_IT },    { 99, MOUNT_IS_UNKNOWN },
        };
        static const struct {
                uint64_t namespace_number;
                const char *path;
                bool may_hold, covers;
        } paths[] = {
                { 100, "/srv", true, true },
                { 100, "/srv/a/b", true, true },
                { 100, "/srv/a (deleted)", true, true },
                { 100, "/srv/tmp/a", true, false },
                { 100, "/srv2", false, false },
                { 100, "/", false, false },
                { 100, "/covered/a", true, false },
                { 200, "/data/x", true, false },
                { 200, "/srv", false, true },
                { 300, "/jail/x", true, false },
                { 300, "/x", false, false },
                { 400, "/srv", false, true },
        };
        _cleanup_(user_mounts_clear) UserMounts mounts = {};

        fill(&mounts);
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                print_message("mount %d\n", ids[i].mount_id);
                assert_int_equal(user_mounts_find(&mounts, ids[i].mount_id), ids[i].answer);
        }
        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                print_message("%d %s\n", (int) paths[i].namespace_number, paths[i].path);
                assert_int_equal(user_mounts_may_hold(&mounts, paths[i].namespace_number, paths[i].path),
                                 paths[i].may_hold);
                assert_int_equal(user_mounts_covers(&mounts, paths[i].path), paths[i].covers);
        }
}

typedef struct Found {
        char text[256];
} Found;

static void note(UserKind kind, const char *name, const char *detail, void *userdata) {
        Found *found = userdata;

        (void) name;
        (void) text_append_format(found->text, sizeof(found->text), "%s=%s;", user_kind_to_name(kind), detail);
}

static int count_layer(const char *layer, void *userdata) {
        Found *found = userdata;

        (void) text_append_format(found->text, sizeof(found->text), "%s;", layer);
        return text_equal(layer, "/stop");
}

static void test_kernel_users(_unused_ void **state) {
        char swaps[] = "Filename\t\t\t\tType\t\tSize\n"
                       "/srv/swap\\040file                    file\t\t4092\t0\t-2\n"
                       "/dev/vda2                               partition\t4092\t0\t-3\n"
                       "/swapfile                               file\t\t4092\t0\t-4\n";
        char exports[] = "# Version 1.1\n# Path Client(Flags) # IPs\n"
                         "/srv/my\\040data\t*(rw,root_squash)\n/home\t*(ro)\n/srv/tmp\t*(ro)\n";
        char options[] = "rw,lowerdir=/a\\072b:/c\\040d,upperdir=/srv/u,workdir=/srv/w,lowerdir+=/stop,datadir+=/never";
        _cleanup_(user_mounts_clear) UserMounts mounts = {};
        Found found = {};

        fill(&mounts);
        kernel_users_in_swaps(&mounts, swaps, note, &found);
        assert_string_equal(found.text, "swap=/srv/swap file;");
        found = (Found) {};
        kernel_users_in_exports(&mounts, exports, note, &found);
        assert_string_equal(found.text, "nfs-export=/srv/my data;");
        found = (Found) {};
        assert_int_equal(overlay_each_layer(options, count_layer, &found), 1);
        assert_string_equal(found.text, "/a:b;/c d;/srv/u;/stop;");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_mount_line),
                cmocka_unit_test(test_descriptor_info),
                cmocka_unit_test(test_map_line),
                cmocka_unit_test(test_links),
                cmocka_unit_test(test_user_mounts),
                cmocka_unit_test(test_kernel_users),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
