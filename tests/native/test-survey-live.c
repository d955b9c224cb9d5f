/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel that runs remembers to be sick, on a real XFS on a loop device: groups, inodes, and a walk past what
 * cannot be loaded. Needs root and no health monitor.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/filesystem-probe.h"
#include "kernel/xfs-survey.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "tests/native/live-fixture.h"

#define FILES_IN_FOLDER 500

static XfsSurveyGeometry ask_geometry(const Fixture *fixture) {
        XfsSurveyGeometry geometry;

        assert_int_equal(xfs_survey_geometry(fixture->root_fd, &geometry), 0);
        assert_true(geometry.n_groups >= 2);
        return geometry;
}

static uint32_t ask_group(const Fixture *fixture, uint32_t group) {
        uint32_t mask = UINT32_MAX;

        assert_int_equal(xfs_survey_group(fixture->root_fd, DOMAIN_AG, group, &mask), 0);
        return mask;
}

/* Walks all inodes. Returns how many are sick, the last of them in @ret_sick. */
static size_t walk_all(const Fixture *fixture, XfsInodeWalk *ret_walk, XfsSeenInode *ret_sick) {
        XfsSurveyGeometry geometry = ask_geometry(fixture);
        XfsInodeWalk walk = { .n_groups = geometry.n_groups };
        XfsSeenInode seen[XFS_SURVEY_INODES];
        unsigned n_questions = 0;
        size_t n_sick = 0;

        while (!walk.is_done) {
                uint32_t group = walk.group;
                int n = xfs_survey_inodes(fixture->root_fd, &walk, seen);

                assert_true(n >= 0 && n <= XFS_SURVEY_INODES);
                for (int i = 0; i < n; i++)
                        assert_int_equal(seen[i].inode >> geometry.inode_bits_in_group, group);
                for (int i = 0; i < n; i++)
                        if (seen[i].mask != 0) {
                                *ret_sick = seen[i];
                                n_sick++;
                        }
                assert_true(++n_questions < 10000);
        }

        print_message("%u questions: %" PRIu64 " inodes seen, %" PRIu64 " not, %zu sick\n", n_questions, walk.n_seen,
                      walk.n_unreadable, n_sick);
        *ret_walk = walk;
        return n_sick;
}

/* Folders go round the groups, so that each has inodes. */
static void make_folders(const Fixture *fixture) {
        for (unsigned i = 0; i < 16; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "dir%u", i);
                assert_int_equal(mkdirat(fixture->root_fd, name, 0700), 0);
        }
}

static void damage(Fixture *fixture, const char *commands) {
        live_detach(fixture);
        assert_int_equal(live_run("xfs_db -x %s '%s' >/dev/null", commands, fixture->image), 0);
        live_attach(fixture);
}

static void test_nothing_is_sick(void **state) {
        Fixture *fixture = *state;
        XfsSurveyGeometry geometry = ask_geometry(fixture);
        XfsInodeWalk before, after;
        XfsSeenInode sick;
        uint32_t mask;

        assert_int_equal(geometry.sick, 0);
        assert_int_equal(geometry.n_rtgroups, 0);
        for (uint32_t i = 0; i < geometry.n_groups; i++)
                assert_int_equal(ask_group(fixture, i), 0);
        assert_int_equal(xfs_survey_group(fixture->root_fd, DOMAIN_AG, geometry.n_groups, &mask), -EINVAL);
        assert_true(xfs_survey_group(fixture->root_fd, DOMAIN_RTGROUP, 0, &mask) < 0);

        assert_int_equal(walk_all(fixture, &before, &sick), 0);
        make_folders(fixture);
        for (unsigned i = 0; i < 300; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "file%u", i);
                (void) live_make_file(fixture, name);
        }
        assert_int_equal(walk_all(fixture, &after, &sick), 0);
        assert_int_equal(after.n_seen, before.n_seen + 316);
        assert_int_equal(after.n_unreadable, 0);
}

/* Asked of one structure. */
static int is_sick(const Fixture *fixture, EventDomain domain, Structure structure, uint32_t group, uint64_t inode,
                   uint32_t generation) {
        return xfs_survey_is_sick(fixture->root_fd, &(SickFinding) {
                .domain = domain,
                .structure = structure,
                .group = group,
                .inode = inode,
                .generation = generation,
        });
}

static void test_group(void **state) {
        Fixture *fixture = *state;
        const SickFinding where = { .domain = DOMAIN_AG };
        SickFinding findings[SICK_FINDINGS_PER_MASK];

        damage(fixture, "-c 'agi 0' -c 'addr free_root' -c 'write -d magic 0x41414141'");
        /* Nobody has met it yet. */
        assert_int_equal(ask_group(fixture, 0), 0);
        (void) close_fd(openat(fixture->root_fd, "victim", O_RDWR|O_CREAT|O_CLOEXEC, 0600));
        if (ask_group(fixture, 0) == 0)
                live_skip("this kernel does not remember what ordinary use met");

        assert_int_equal(sick_mask_decode(&where, ask_group(fixture, 0), findings), 1);
        assert_int_equal(findings[0].structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(ask_group(fixture, 1), 0);
        assert_int_equal(is_sick(fixture, DOMAIN_AG, STRUCTURE_AG_FINOBT, 0, 0, 0), 1);
        assert_int_equal(is_sick(fixture, DOMAIN_AG, STRUCTURE_AG_INOBT, 0, 0, 0), 0);
        assert_int_equal(is_sick(fixture, DOMAIN_AG, STRUCTURE_AG_FINOBT, 1, 0, 0), 0);
        assert_int_equal(is_sick(fixture, DOMAIN_FS, STRUCTURE_FS_COUNTERS, 0, 0, 0), 0);
        assert_int_equal(is_sick(fixture, DOMAIN_MOUNT, STRUCTURE_NONE, 0, 0, 0), -EOPNOTSUPP);
        /* Only the kernel remembers it. */
        live_detach(fixture);
        live_attach(fixture);
        assert_int_equal(ask_group(fixture, 0), 0);
}

static void read_folder(const Fixture *fixture, const char *name) {
        int fd = openat(fixture->root_fd, name, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        DIR *folder;

        assert_true(fd >= 0);
        folder = fdopendir(fd);
        assert_non_null(folder);
        while (readdir(folder))
                ;
        assert_int_equal(closedir(folder), 0);
}

static void test_inode(void **state) {
        Fixture *fixture = *state;
        const SickFinding where = { .domain = DOMAIN_INODE, .inode = 1 };
        SickFinding findings[SICK_FINDINGS_PER_MASK];
        char commands[128], name[64];
        XfsSeenInode sick = {};
        struct stat status;
        uint32_t generation;
        XfsInodeWalk walk;

        assert_int_equal(mkdirat(fixture->root_fd, "folder", 0700), 0);
        for (unsigned i = 0; i < FILES_IN_FOLDER; i++) {
                (void) snprintf(name, sizeof(name), "folder/a file with a long name, number %u", i);
                (void) live_make_file(fixture, name);
        }
        assert_int_equal(fstatat(fixture->root_fd, "folder", &status, 0), 0);
        (void) snprintf(commands, sizeof(commands),
                        "-c 'inode %" PRIu64 "' -c 'dblock 1' -c 'write -d dhdr.hdr.magic 0x41414141'",
                        (uint64_t) status.st_ino);
        damage(fixture, commands);

        assert_int_equal(walk_all(fixture, &walk, &sick), 0);
        read_folder(fixture, "folder");
        if (walk_all(fixture, &walk, &sick) == 0)
                live_skip("this kernel does not remember what ordinary use met");
        assert_true(sick.inode == status.st_ino);
        assert_int_equal(filesystem_inode_generation(fixture->root_fd, sick.inode, &generation), 0);
        assert_int_equal(sick.generation, generation);
        assert_int_equal(sick_mask_decode(&where, sick.mask, findings), 1);
        assert_int_equal(findings[0].structure, STRUCTURE_INODE_DIRECTORY);
        assert_int_equal(is_sick(fixture, DOMAIN_INODE, STRUCTURE_INODE_DIRECTORY, 0, sick.inode, generation), 1);
        assert_int_equal(is_sick(fixture, DOMAIN_INODE, STRUCTURE_INODE_XATTR, 0, sick.inode, generation), 0);
        assert_int_equal(is_sick(fixture, DOMAIN_INODE, STRUCTURE_INODE_DIRECTORY, 0, sick.inode, generation + 1),
                         -ESTALE);
        /* The root folder is well. */
        assert_int_equal(fstat(fixture->root_fd, &status), 0);
        assert_int_equal(is_sick(fixture, DOMAIN_INODE, STRUCTURE_INODE_DIRECTORY, 0, status.st_ino, 0), 0);
}

/* One that cannot be loaded neither ends the walk nor hides its neighbours. */
static void test_inode_that_cannot_be_loaded(void **state) {
        Fixture *fixture = *state;
        XfsInodeWalk before, after;
        uint64_t first, last;
        char commands[128];
        XfsSeenInode sick;

        make_folders(fixture);
        first = live_make_file(fixture, "first");
        (void) live_make_file(fixture, "between");
        last = live_make_file(fixture, "last");
        assert_int_equal(walk_all(fixture, &before, &sick), 0);

        (void) snprintf(commands, sizeof(commands),
                        "-c 'inode %" PRIu64 "' -c 'write -d core.format 9' -c 'inode %" PRIu64
                        "' -c 'write -d core.format 9'",
                        first, last);
        damage(fixture, commands);
        (void) walk_all(fixture, &after, &sick);
        assert_int_equal(after.n_unreadable, 2);
        assert_int_equal(after.n_seen, before.n_seen - 2);
}

/* Where inodes cannot even be found, the groups behind it are walked. */
static void test_group_without_its_tree(void **state) {
        Fixture *fixture = *state;
        XfsInodeWalk before, after;
        XfsSeenInode sick;

        make_folders(fixture);
        assert_int_equal(walk_all(fixture, &before, &sick), 0);
        damage(fixture, "-c 'agi 1' -c 'addr root' -c 'write -d magic 0x41414141'");
        (void) walk_all(fixture, &after, &sick);
        assert_int_equal(after.n_unreadable, 1);
        assert_true(after.n_seen >= before.n_seen * 2 / 3 && after.n_seen < before.n_seen);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_nothing_is_sick, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_group, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_inode, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_inode_that_cannot_be_loaded, live_setup, live_teardown),
                cmocka_unit_test_setup_teardown(test_group_without_its_tree, live_setup, live_teardown),
        };

        if (!live_is_possible())
                return LIVE_SKIPPED;

        return live_exit_status(cmocka_run_group_tests(tests, NULL, NULL), ELEMENTSOF(tests));
}
