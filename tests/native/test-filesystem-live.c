/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probing, paths and mount news against the kernel that runs, with a real XFS on a loop device. Needs root; what
 * this kernel or xfsprogs does not have is skipped with the reason.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "kernel/filesystem-probe.h"
#include "kernel/mount-table.h"
#include "kernel/xfs-survey.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "tests/native/live-fixture.h"

typedef struct News {
        uint64_t mount_id;
        unsigned changes;
        unsigned n;
} News;

static void test_path(void **state) {
        Fixture *fixture = *state;
        _cleanup_(free_at) char *path = NULL;
        struct stat status;
        uint64_t inode;
        int r, fd;

        assert_int_equal(mkdirat(fixture->root_fd, "a b", 0700), 0);
        assert_int_equal(mkdirat(fixture->root_fd, "a b/c", 0700), 0);
        inode = live_make_file(fixture, "a b/c/d\ne");
        r = filesystem_inode_path(fixture->root_fd, inode, 0, &path);
        if (!fixture->facts.has_parent_pointers) {
                assert_int_equal(r, -ENODATA);
                live_skip("this mkfs.xfs makes no parent pointers");
        }
        assert_int_equal(r, 0);
        assert_string_equal(path, "/a b/c/d\ne");

        assert_int_equal(fstat(fixture->root_fd, &status), 0);
        free_at(&path);
        assert_int_equal(filesystem_inode_path(fixture->root_fd, status.st_ino, 0, &path), 0);
        assert_string_equal(path, "/");
        r = filesystem_inode_path(fixture->root_fd, inode, 1, &path);
        assert_true(r == -ESTALE || r == -ENOENT);
        assert_int_equal(filesystem_inode_path(fixture->root_fd, inode + 40, 0, &path), -ESTALE);

        /* Any of several names; and none for a file that has lost them all. */
        assert_int_equal(linkat(fixture->root_fd, "a b/c/d\ne", fixture->root_fd, "other", 0), 0);
        free_at(&path);
        assert_int_equal(filesystem_inode_path(fixture->root_fd, inode, 0, &path), 0);
        assert_true(strcmp(path, "/other") == 0 || strcmp(path, "/a b/c/d\ne") == 0);
        assert_int_equal(unlinkat(fixture->root_fd, "a b/c/d\ne", 0), 0);
        free_at(&path);
        assert_int_equal(filesystem_inode_path(fixture->root_fd, inode, 0, &path), 0);
        assert_string_equal(path, "/other");
        fd = openat(fixture->root_fd, "other", O_RDONLY|O_CLOEXEC);
        assert_int_equal(unlinkat(fixture->root_fd, "other", 0), 0);
        r = filesystem_inode_path(fixture->root_fd, inode, 0, &path);
        assert_int_equal(r, -ENODATA);
        (void) close_fd(fd);
}

static void set_project(const Fixture *fixture, const char *name, uint32_t project) {
        _cleanup_(close_fd_at) int fd = openat(fixture->root_fd, name, O_RDONLY|O_CLOEXEC);
        struct fsxattr attributes;

        assert_int_equal(ioctl(fd, FS_IOC_FSGETXATTR, &attributes), 0);
        attributes.fsx_projid = project;
        assert_int_equal(ioctl(fd, FS_IOC_FSSETXATTR, &attributes), 0);
}

static void test_owner(void **state) {
        Fixture *fixture = *state;
        uint32_t generation;
        InodeOwner owner;
        struct stat status;
        uint64_t inode;

        inode = live_make_file(fixture, "mine");
        assert_int_equal(fchownat(fixture->root_fd, "mine", 12345, 54321, 0), 0);
        set_project(fixture, "mine", 77);
        assert_int_equal(filesystem_inode_generation(fixture->root_fd, inode, &generation), 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(filesystem_inode_owner(fixture->root_fd, "xfs", inode, i * generation, true, &owner),
                                 0);
                assert_int_equal(owner.uid, 12345);
                assert_int_equal(owner.gid, 54321);
                assert_int_equal(owner.project_error, 0);
                assert_int_equal(owner.project, 77);
        }
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "xfs", inode, generation + 1, true, &owner), -ESTALE);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "xfs", inode + 40, 0, true, &owner), -ESTALE);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "btrfs", inode, 0, true, &owner), -EOPNOTSUPP);

        /* What nobody should open to learn it. */
        assert_int_equal(mknodat(fixture->root_fd, "pipe", S_IFIFO|0600, 0), 0);
        assert_int_equal(fchownat(fixture->root_fd, "pipe", 7, 8, 0), 0);
        assert_int_equal(fstatat(fixture->root_fd, "pipe", &status, 0), 0);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "xfs", status.st_ino, 0, true, &owner), 0);
        assert_int_equal(owner.uid, 7);
        assert_int_equal(owner.project_error, 0);
}

/* Without the number alone being enough: by a handle, and the project of what may be opened. */
static void test_owner_on_ext4(void **state) {
        Fixture *fixture = *state;
        const char *image = fixture->image;
        InodeOwner owner;
        struct stat status;
        bool has_projects;
        uint64_t inode;

        live_detach(fixture);
        if (live_run("mkfs.ext4 -q -F -I 256 -O project '%s' >/dev/null 2>&1", image) != 0)
                live_skip("no mkfs.ext4");
        /* A kernel without quotas has no projects. */
        has_projects = live_run("mount -t ext4 -o loop '%s' '%s' 2>/dev/null", image, fixture->mount_point) == 0;
        if (!has_projects)
                assert_int_equal(live_run("mkfs.ext4 -q -F '%s' && mount -t ext4 -o loop '%s' '%s'", image, image,
                                          fixture->mount_point), 0);
        fixture->is_mounted = true;
        fixture->root_fd = filesystem_open_root(fixture->mount_point, 0);

        inode = live_make_file(fixture, "mine");
        assert_int_equal(fchownat(fixture->root_fd, "mine", 12345, 54321, 0), 0);
        if (has_projects)
                set_project(fixture, "mine", 77);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "ext4", inode, 0, true, &owner), 0);
        assert_int_equal(owner.uid, 12345);
        assert_int_equal(owner.gid, 54321);
        assert_int_equal(owner.project_error, 0);
        assert_int_equal(owner.project, has_projects ? 77 : 0);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "ext4", inode, 0, false, &owner), 0);
        assert_int_equal(owner.project_error, EOPNOTSUPP);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "ext4", inode, 1, true, &owner), -ESTALE);

        assert_int_equal(mknodat(fixture->root_fd, "pipe", S_IFIFO|0600, 0), 0);
        assert_int_equal(fstatat(fixture->root_fd, "pipe", &status, 0), 0);
        assert_int_equal(filesystem_inode_owner(fixture->root_fd, "ext4", status.st_ino, 0, true, &owner), 0);
        assert_int_equal(owner.uid, 0);
        assert_int_equal(owner.project_error, EOPNOTSUPP);
}

/* A folder that is mounted by itself leads to the root, and to what stands on it. */
static void test_root_above(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int part_fd = -EBADF, above_fd = -EBADF, other_fd = -EBADF;
        struct stat root, found;
        Autofsck autofsck;
        char part[128];

        (void) snprintf(part, sizeof(part), "%s/part", fixture->folder);
        assert_int_equal(mkdir(part, 0700), 0);
        assert_int_equal(mkdirat(fixture->root_fd, "in", 0700), 0);
        assert_int_equal(fstat(fixture->root_fd, &root), 0);
        assert_int_equal(fsetxattr(fixture->root_fd, "trusted.xfs:autofsck", "check", 5, 0), 0);
        assert_int_equal(live_run("mount --bind '%s/in' '%s'", fixture->mount_point, part), 0);

        part_fd = filesystem_open_root(part, fixture->device_number);
        above_fd = filesystem_open_root_above(part_fd);
        assert_int_equal(umount2(part, MNT_DETACH), 0);
        assert_true(part_fd >= 0);
        assert_true(above_fd >= 0);
        assert_int_equal(fstat(part_fd, &found), 0);
        assert_true(found.st_ino != root.st_ino);
        assert_int_equal(fstat(above_fd, &found), 0);
        assert_true(found.st_dev == root.st_dev && found.st_ino == root.st_ino);
        assert_int_equal(filesystem_read_autofsck(above_fd, &autofsck), 0);
        assert_int_equal(autofsck, AUTOFSCK_CHECK);

        other_fd = open("/proc", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        assert_int_equal(filesystem_open_root_above(other_fd), -EOPNOTSUPP);
}

static void test_long_path(void **state) {
        Fixture *fixture = *state;
        _cleanup_(free_at) char *path = NULL;
        char name[NAME_MAX + 1], expected[PATH_MAX] = "";
        struct stat status;
        int r, folder_fd;

        if (!fixture->facts.has_parent_pointers)
                live_skip("this mkfs.xfs makes no parent pointers");

        /* The longest names, deeper and deeper, until a path has no room for them. */
        memset(name, 'n', NAME_MAX);
        name[NAME_MAX] = '\0';
        folder_fd = dup(fixture->root_fd);
        for (unsigned depth = 1; depth <= 17; depth++) {
                int next_fd;

                assert_int_equal(mkdirat(folder_fd, name, 0700), 0);
                next_fd = openat(folder_fd, name, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
                assert_int_equal(fstat(next_fd, &status), 0);
                (void) close_fd(folder_fd);
                folder_fd = next_fd;
                free_at(&path);
                r = filesystem_inode_path(fixture->root_fd, status.st_ino, 0, &path);
                if (depth * (NAME_MAX + 1) >= PATH_MAX) {
                        assert_int_equal(r, -ENAMETOOLONG);
                        continue;
                }
                assert_int_equal(r, 0);
                (void) strcat(strcat(expected, "/"), name);
                assert_string_equal(path, expected);
        }
        (void) close_fd(folder_fd);

        /* More components than anybody follows. */
        folder_fd = dup(fixture->root_fd);
        for (unsigned depth = 1; depth <= 300; depth++) {
                int next_fd;

                assert_int_equal(mkdirat(folder_fd, "x", 0700), 0);
                next_fd = openat(folder_fd, "x", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
                (void) close_fd(folder_fd);
                folder_fd = next_fd;
        }
        assert_int_equal(fstat(folder_fd, &status), 0);
        free_at(&path);
        assert_int_equal(filesystem_inode_path(fixture->root_fd, status.st_ino, 0, &path), -ENODATA);
        (void) close_fd(folder_fd);
}

/* In a child without any effective capability. */
static int autofsck_without_capability(const Fixture *fixture) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
                struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
                Autofsck autofsck;

                if (syscall(SYS_capset, &header, data) < 0)
                        _exit(255);
                _exit(-filesystem_read_autofsck(fixture->root_fd, &autofsck));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return -WEXITSTATUS(status);
}

static void test_probe(void **state) {
        static const struct {
                const char *value;
                int result;
                Autofsck autofsck;
        } cases[] = {
                { "none", 0, AUTOFSCK_NONE },           { "check", 0, AUTOFSCK_CHECK },
                { "optimize", 0, AUTOFSCK_OPTIMIZE },   { "repair", 0, AUTOFSCK_REPAIR },
                { "unset", -EINVAL, AUTOFSCK_UNSET },   { "REPAIR", -EINVAL, AUTOFSCK_UNSET },
                { "", -EINVAL, AUTOFSCK_UNSET },
                { "a word that is longer than any word of the property", -EINVAL, AUTOFSCK_UNSET },
        };
        Fixture *fixture = *state;
        FilesystemFacts *facts = &fixture->facts;
        char text[UUID_TEXT_SIZE], file[PATH_MAX];
        Autofsck autofsck;

        assert_int_equal(facts->uuid_state, FACT_KNOWN);
        assert_string_equal(uuid_format(facts->uuid, text), LIVE_UUID);
        assert_int_equal(facts->label_state, FACT_KNOWN);
        assert_string_equal(facts->label, LIVE_LABEL);
        assert_true(facts->has_rmapbt);
        assert_int_equal(facts->n_rtgroups, 0);
        assert_int_equal(facts->is_read_only, TRISTATE_NO);

        /* xfsprogs 7 sets it when it makes a file system. */
        assert_int_equal(facts->autofsck_state, FACT_KNOWN);
        (void) fremovexattr(fixture->root_fd, "trusted.xfs:autofsck");
        assert_int_equal(filesystem_probe(fixture->root_fd, facts), 0);
        assert_int_equal(facts->autofsck_state, FACT_KNOWN);
        assert_int_equal(facts->autofsck, AUTOFSCK_UNSET);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                autofsck = AUTOFSCK_UNSET;
                print_message("\"%s\"\n", cases[i].value);
                assert_int_equal(fsetxattr(fixture->root_fd, "trusted.xfs:autofsck", cases[i].value,
                                           strlen(cases[i].value), 0), 0);
                assert_int_equal(filesystem_read_autofsck(fixture->root_fd, &autofsck), cases[i].result);
                assert_int_equal(autofsck, cases[i].autofsck);
                assert_int_equal(filesystem_probe(fixture->root_fd, facts), 0);
                assert_int_equal(facts->autofsck_state, cases[i].result < 0 ? FACT_UNKNOWN : FACT_KNOWN);
                assert_int_equal(facts->autofsck_error, -cases[i].result);
        }
        assert_int_equal(autofsck_without_capability(fixture), -EPERM);

        assert_int_equal(mount(NULL, fixture->mount_point, NULL, MS_REMOUNT|MS_RDONLY, NULL), 0);
        assert_int_equal(filesystem_probe(fixture->root_fd, facts), 0);
        assert_int_equal(facts->is_read_only, TRISTATE_YES);
        assert_int_equal(mount(NULL, fixture->mount_point, NULL, MS_REMOUNT, NULL), 0);
        /* A read-only mount of a superblock that is not. */
        assert_int_equal(mount(NULL, fixture->mount_point, NULL, MS_REMOUNT|MS_BIND|MS_RDONLY, NULL), 0);
        assert_int_equal(filesystem_probe(fixture->root_fd, facts), 0);
        assert_int_equal(facts->is_read_only, TRISTATE_NO);
        assert_int_equal(mount(NULL, fixture->mount_point, NULL, MS_REMOUNT|MS_BIND, NULL), 0);

        assert_int_equal(filesystem_open_root(fixture->mount_point, fixture->device_number + 77), -ESTALE);
        assert_int_equal(filesystem_open_root("/", fixture->device_number), -ESTALE);
        assert_int_equal(filesystem_open_root("/healer/has/no/such/folder", 0), -ENOENT);
        (void) live_make_file(fixture, "file");
        (void) snprintf(file, sizeof(file), "%s/file", fixture->mount_point);
        assert_int_equal(filesystem_open_root(file, 0), -ENOTDIR);
        assert_int_equal(filesystem_probe(-EBADF, facts), -EBADF);
}

/* The table of harmful repairs asks for their number. */
static void test_rtgroups(void **state) {
        Fixture *fixture = *state;
        const char *image = fixture->image;
        XfsSurveyGeometry geometry;
        uint32_t mask;

        assert_false(fixture->facts.has_metadir);
        live_detach(fixture);
        /* Without a real-time device there are none, with the feature neither. */
        if (live_run("mkfs.xfs -q -f -m metadir=1,rmapbt=1 '%s' 2>/dev/null", image) != 0)
                live_skip("this mkfs.xfs makes no real-time groups");
        live_attach(fixture);
        assert_int_equal(filesystem_probe(fixture->root_fd, &fixture->facts), 0);
        assert_true(fixture->facts.has_rmapbt);
        assert_true(fixture->facts.has_metadir);
        assert_int_equal(fixture->facts.n_rtgroups, 0);
        live_detach(fixture);

        assert_int_equal(live_run("truncate -s 512m '%s.rt' && losetup -f --show '%s.rt' >'%s.loop'",
                                  image, image, image), 0);
        assert_int_equal(live_run("mkfs.xfs -q -f -m metadir=1,rmapbt=1 -r rtdev=$(cat '%s.loop'),rgcount=2 '%s'",
                                  image, image), 0);
        if (live_run("mount -o loop,rtdev=$(cat '%s.loop') '%s' '%s' 2>/dev/null", image, image,
                     fixture->mount_point) != 0) {
                (void) live_run("losetup -d $(cat '%s.loop')", image);
                live_skip("this kernel mounts no real-time device");
        }
        fixture->is_mounted = true;
        fixture->root_fd = filesystem_open_root(fixture->mount_point, 0);
        assert_int_equal(filesystem_probe(fixture->root_fd, &fixture->facts), 0);
        assert_true(fixture->facts.has_rmapbt);
        assert_true(fixture->facts.has_metadir);
        assert_int_equal(fixture->facts.n_rtgroups, 2);

        /* They are asked what they suffer from like the other groups. */
        assert_int_equal(xfs_survey_geometry(fixture->root_fd, &geometry), 0);
        assert_int_equal(geometry.n_rtgroups, 2);
        for (uint32_t i = 0; i < geometry.n_rtgroups; i++) {
                assert_int_equal(xfs_survey_group(fixture->root_fd, DOMAIN_RTGROUP, i, &mask), 0);
                assert_int_equal(mask, 0);
        }
        assert_int_equal(xfs_survey_group(fixture->root_fd, DOMAIN_RTGROUP, geometry.n_rtgroups, &mask), -EINVAL);
        live_detach(fixture);
        assert_int_equal(live_run("losetup -d $(cat '%s.loop')", image), 0);
}

static int count_ours(const MountInfo *info, void *userdata) {
        Fixture *fixture = userdata;

        assert_non_null(info->type);
        assert_non_null(info->root);
        if (!info->mount_point || strcmp(info->mount_point, fixture->mount_point) != 0)
                return 0;

        assert_true(info->device_number == fixture->device_number);
        assert_string_equal(info->type, "xfs");
        assert_string_equal(info->root, "/");
        if (info->source)
                assert_int_equal(strncmp(info->source, "/dev/loop", 9), 0);
        assert_false(info->is_read_only || info->is_superblock_read_only);
        /* Found: its number ends the list. */
        return -EALREADY;
}

static void on_changed(uint64_t mount_id, unsigned changes, void *userdata) {
        News *news = userdata;

        *news = (News) { .mount_id = mount_id, .changes = changes, .n = news->n + 1 };
}

static void test_mount_table(void **state) {
        Fixture *fixture = *state;
        int r = mount_table_list(count_ours, fixture);

        if (r == -ENOSYS)
                live_skip("this kernel has no listmount()");
        assert_int_equal(r, -EALREADY);
        assert_int_equal(mount_info_get(UINT64_MAX - 1, &(MountInfo) {}), -ENOENT);
}

/* Whoever mounts something beside us must not be counted. */
static int enter_namespace_of_our_own(void) {
        int home = open("/proc/self/ns/mnt", O_RDONLY|O_CLOEXEC);

        assert_true(home >= 0);
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL), 0);
        return home;
}

static void test_mount_events(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int home_fd = enter_namespace_of_our_own();
        _cleanup_(close_fd_at) int events_fd = mount_events_open();
        char stage[128], from[160], to[PATH_MAX];
        _cleanup_(mount_info_clear) MountInfo info = {};
        News news = {};
        uint64_t mount_id;

        if (events_fd == -EINVAL || events_fd == -ENOSYS) {
                assert_int_equal(setns(home_fd, CLONE_NEWNS), 0);
                live_skip("this kernel has no mount events");
        }
        assert_true(events_fd >= 0);

        /* A mount can be moved only where its parent is private. */
        (void) snprintf(stage, sizeof(stage), "%s/stage", fixture->folder);
        assert_int_equal(mkdir(stage, 0700), 0);
        assert_int_equal(mount("stage", stage, "tmpfs", 0, NULL), 0);
        assert_int_equal(mount(NULL, stage, NULL, MS_PRIVATE, NULL), 0);
        (void) snprintf(from, sizeof(from), "%s/from", stage);
        /* So long that the first buffer for an answer is too small. */
        (void) snprintf(to, sizeof(to), "%s", stage);
        assert_int_equal(mkdir(from, 0700), 0);
        while (strlen(to) < PATH_MAX - 300) {
                (void) memset(to + strlen(to) + 1, 'n', 200);
                to[strlen(to) + 201] = '\0';
                to[strlen(to)] = '/';
                assert_int_equal(mkdir(to, 0700), 0);
        }
        assert_int_equal(mount_events_read(events_fd, on_changed, &news), 0);

        news = (News) {};
        assert_int_equal(mount(fixture->mount_point, from, NULL, MS_BIND, NULL), 0);
        assert_int_equal(mount_events_read(events_fd, on_changed, &news), 0);
        assert_int_equal(news.n, 1);
        assert_int_equal(news.changes, MOUNT_ATTACHED);
        mount_id = news.mount_id;
        assert_int_equal(mount_info_get(mount_id, &info), 0);
        assert_true(info.mount_id == mount_id && info.device_number == fixture->device_number);
        assert_string_equal(info.mount_point, from);

        assert_int_equal(mount(from, to, NULL, MS_MOVE, NULL), 0);
        assert_int_equal(mount_events_read(events_fd, on_changed, &news), 0);
        assert_int_equal(news.n, 2);
        assert_int_equal(news.changes, MOUNT_ATTACHED | MOUNT_DETACHED);
        assert_true(news.mount_id == mount_id);
        mount_info_clear(&info);
        assert_int_equal(mount_info_get(mount_id, &info), 0);
        assert_string_equal(info.mount_point, to);

        assert_int_equal(umount(to), 0);
        assert_int_equal(mount_events_read(events_fd, on_changed, &news), 0);
        assert_int_equal(news.n, 3);
        assert_int_equal(news.changes, MOUNT_DETACHED);
        assert_true(news.mount_id == mount_id);
        mount_info_clear(&info);
        assert_int_equal(mount_info_get(mount_id, &info), -ENOENT);
        assert_int_equal(umount2(stage, MNT_DETACH), 0);
        assert_int_equal(setns(home_fd, CLONE_NEWNS), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_path, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_owner, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_owner_on_ext4, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_root_above, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_long_path, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_probe, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_rtgroups, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_mount_table, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_mount_events, live_setup, live_teardown),
        };

        if (!live_is_possible())
                return LIVE_SKIPPED;

        return live_exit_status(cmocka_run_group_tests(tests, NULL, NULL), ELEMENTSOF(tests));
}
