/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the masks of remembered sickness mean: every bit of every mask, written down a second time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/xfs-survey.h"
#include "src/basic/macro.h"

static const struct {
        EventDomain domain;
        uint32_t bit;
        const char *name;
} bits[] = {
        { DOMAIN_FS, 0x1, "fscounters" }, { DOMAIN_FS, 0x2, "usrquota" }, { DOMAIN_FS, 0x4, "grpquota" },
        { DOMAIN_FS, 0x8, "prjquota" }, { DOMAIN_FS, 0x10, "bitmap" }, { DOMAIN_FS, 0x20, "summary" },
        { DOMAIN_FS, 0x40, "quotacheck" }, { DOMAIN_FS, 0x80, "nlinks" }, { DOMAIN_FS, 0x100, "metadir" },
        { DOMAIN_FS, 0x200, "metapath" },
        { DOMAIN_AG, 0x1, "super" }, { DOMAIN_AG, 0x2, "agf" }, { DOMAIN_AG, 0x4, "agfl" }, { DOMAIN_AG, 0x8, "agi" },
        { DOMAIN_AG, 0x10, "bnobt" }, { DOMAIN_AG, 0x20, "cntbt" }, { DOMAIN_AG, 0x40, "inobt" },
        { DOMAIN_AG, 0x80, "finobt" }, { DOMAIN_AG, 0x100, "rmapbt" }, { DOMAIN_AG, 0x200, "refcountbt" },
        { DOMAIN_AG, 0x400, "inodes" },
        { DOMAIN_RTGROUP, 0x1, "super" }, { DOMAIN_RTGROUP, 0x2, "bitmap" }, { DOMAIN_RTGROUP, 0x4, "summary" },
        { DOMAIN_RTGROUP, 0x8, "rmapbt" }, { DOMAIN_RTGROUP, 0x10, "refcountbt" },
        { DOMAIN_INODE, 0x1, "core" }, { DOMAIN_INODE, 0x2, "datafork" }, { DOMAIN_INODE, 0x4, "attrfork" },
        { DOMAIN_INODE, 0x8, "cowfork" }, { DOMAIN_INODE, 0x10, "directory" }, { DOMAIN_INODE, 0x20, "xattr" },
        { DOMAIN_INODE, 0x40, "symlink" }, { DOMAIN_INODE, 0x80, "parent" }, { DOMAIN_INODE, 0x100, "dirtree" },
};

static const EventDomain domains[] = { DOMAIN_FS, DOMAIN_AG, DOMAIN_RTGROUP, DOMAIN_INODE };

static SickFinding where_in(EventDomain domain) {
        return (SickFinding) {
                .domain = domain,
                .group = domain == DOMAIN_AG || domain == DOMAIN_RTGROUP ? 7 : 0,
                .inode = domain == DOMAIN_INODE ? 131 : 0,
                .generation = domain == DOMAIN_INODE ? 5 : 0,
        };
}

static void assert_finding(const SickFinding *finding, const SickFinding *where, const char *name,
                           uint32_t unknown_bits) {
        assert_int_equal(finding->domain, where->domain);
        assert_string_equal(structure_to_name((Structure) finding->structure), name);
        assert_int_equal(finding->unknown_bits, unknown_bits);
        assert_int_equal(finding->group, where->group);
        assert_int_equal(finding->inode, where->inode);
        assert_int_equal(finding->generation, where->generation);
        assert_int_equal(finding->is_unreadable, 0);
}

static void test_every_bit(void **state) {
        (void) state;
        for (size_t d = 0; d < ELEMENTSOF(domains); d++)
                for (unsigned i = 0; i < 32; i++) {
                        const SickFinding where = where_in(domains[d]);
                        SickFinding findings[SICK_FINDINGS_PER_MASK];
                        uint32_t bit = UINT32_C(1) << i;
                        const char *name = NULL;

                        for (size_t k = 0; k < ELEMENTSOF(bits); k++)
                                if (bits[k].domain == domains[d] && bits[k].bit == bit)
                                        name = bits[k].name;
                        print_message("%s 0x%x: %s\n", event_domain_to_name(domains[d]), bit,
                                      name ? name : "unrecognised");
                        assert_int_equal(sick_mask_decode(&where, bit, findings), 1);
                        assert_finding(findings, &where, name ? name : "unrecognised", name ? 0 : bit);
                }
}

/* All at once: the known ones in the order of their bits, then the others together; no more than there is room for. */
static void test_whole_masks(void **state) {
        (void) state;
        for (size_t d = 0; d < ELEMENTSOF(domains); d++) {
                const SickFinding where = where_in(domains[d]);
                SickFinding findings[SICK_FINDINGS_PER_MASK];
                uint32_t unknown = UINT32_MAX;
                size_t n, n_known = 0;

                print_message("%s\n", event_domain_to_name(domains[d]));
                n = sick_mask_decode(&where, UINT32_MAX, findings);
                for (size_t k = 0; k < ELEMENTSOF(bits); k++)
                        if (bits[k].domain == domains[d]) {
                                assert_finding(findings + n_known++, &where, bits[k].name, 0);
                                unknown &= ~bits[k].bit;
                        }
                assert_int_equal(n, n_known + 1);
                assert_finding(findings + n_known, &where, "unrecognised", unknown);
                assert_int_equal(sick_mask_decode(&where, 0, findings), 0);
        }
}

static void test_geometry(void **state) {
        static const struct {
                const char *name;
                XfsSurveyGeometry geometry;
                size_t n;
                EventDomain first_domain, last_domain;
                const char *first, *last;
        } cases[] = {
                { "nothing", { .n_groups = 4 }, 0, 0, 0, NULL, NULL },
                { "one", { .n_groups = 4, .sick = 0x80 }, 1, DOMAIN_FS, DOMAIN_FS, "nlinks", "nlinks" },
                { "real time as the monitor tells it", { .n_groups = 4, .sick = 0x31 }, 3, DOMAIN_FS, DOMAIN_RTGROUP,
                  "fscounters", "summary" },
                { "real time alone", { .n_groups = 4, .sick = 0x10 }, 1, DOMAIN_RTGROUP, DOMAIN_RTGROUP, "bitmap",
                  "bitmap" },
                { "its groups tell it themselves", { .n_groups = 4, .n_rtgroups = 2, .sick = 0x31 }, 1, DOMAIN_FS,
                  DOMAIN_FS,
                  "fscounters", "fscounters" },
                { "all without groups", { .n_groups = 4, .sick = UINT32_MAX }, 11, DOMAIN_FS, DOMAIN_RTGROUP,
                  "fscounters",
                  "summary" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                SickFinding findings[SICK_FINDINGS_PER_MASK];
                size_t n = geometry_findings(&cases[i].geometry, findings);

                print_message("%s\n", cases[i].name);
                assert_int_equal(n, cases[i].n);
                if (n == 0)
                        continue;
                assert_int_equal(findings[0].domain, cases[i].first_domain);
                assert_string_equal(structure_to_name((Structure) findings[0].structure), cases[i].first);
                assert_int_equal(findings[n - 1].domain, cases[i].last_domain);
                assert_string_equal(structure_to_name((Structure) findings[n - 1].structure), cases[i].last);
        }
}

/* What is no XFS says so, and a walk through it does not go on for ever. */
static void test_no_xfs(void **state) {
        XfsSeenInode seen[XFS_SURVEY_INODES];
        XfsInodeWalk walk = { .n_groups = 1 };
        XfsSurveyGeometry geometry;
        uint32_t mask;
        int fds[2];

        (void) state;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(xfs_survey_geometry(fds[0], &geometry), -ENOTTY);
        assert_int_equal(xfs_survey_group(fds[0], DOMAIN_AG, 0, &mask), -ENOTTY);
        assert_int_equal(xfs_survey_group(fds[0], DOMAIN_RTGROUP, 0, &mask), -ENOTTY);
        assert_int_equal(xfs_survey_inodes(fds[0], &walk, seen), -ENOTTY);
        assert_int_equal(xfs_survey_geometry(-1, &geometry), -EBADF);
        assert_int_equal(close(fds[0]), 0);
        assert_int_equal(close(fds[1]), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_bit),
                cmocka_unit_test(test_whole_masks),
                cmocka_unit_test(test_geometry),
                cmocka_unit_test(test_no_xfs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
