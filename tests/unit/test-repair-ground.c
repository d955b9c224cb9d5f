/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is looked at before a repair that takes blocks, and what of it keeps the repair from being begun.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/metadata-structures.h"
#include "kernel/repair-ground.h"
#include "kernel/repair-rank.h"
#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

#define N_GROUPS 4
#define SEEN_MAX 32

/* A kernel in which one structure of one group is as a test wants it. */
typedef struct Kernel {
        RepairTarget damaged;
        uint32_t look;                  /* what a check of it says, ABI_XFS_SCRUB_OFLAG_* */
        int group_error;                /* of the damaged group */
        uint32_t sick, checked;         /* of the damaged group; of the others all is checked if @others_are_checked */
        bool others_are_checked;
        uint64_t now_usec, check_takes_usec;
        RepairTarget seen[SEEN_MAX];
        size_t n_seen;
} Kernel;

static int fake_group(void *userdata, uint32_t group, GroupHealth *ret_health) {
        const Kernel *kernel = userdata;

        assert_true(group < N_GROUPS);
        *ret_health = (GroupHealth) { .checked = kernel->others_are_checked ? UINT32_MAX : 0 };
        if (group != kernel->damaged.group)
                return 0;
        *ret_health = (GroupHealth) { .sick = kernel->sick, .checked = kernel->checked };
        return -kernel->group_error;
}

static MetadataResult fake_check(void *userdata, const RepairTarget *target) {
        Kernel *kernel = userdata;

        assert_true(kernel->n_seen < SEEN_MAX);
        kernel->seen[kernel->n_seen++] = *target;
        kernel->now_usec += kernel->check_takes_usec;
        if (target->structure == kernel->damaged.structure && target->group == kernel->damaged.group)
                return metadata_result_classify(METADATA_CHECK, 0, kernel->look);
        return metadata_result_classify(METADATA_CHECK, 0, 0);
}

static uint64_t fake_now(void *userdata) {
        return ((Kernel *) userdata)->now_usec;
}

static int find(Kernel *kernel, Structure structure, RepairTarget *ret_sick) {
        const GroundCalls calls = {
                .userdata = kernel,
                .group = fake_group,
                .check = fake_check,
                .now_usec = fake_now,
        };
        const GroundPlan plan = { .n_groups = N_GROUPS, .own_group = 1, .budget_usec = 1000 };
        const RepairTarget target = { .structure = structure, .group = 1, .inode = 4711 };

        *ret_sick = (RepairTarget) {};
        return repair_ground_find(&calls, &plan, &target, ret_sick);
}

#define FLAG(name) ((uint32_t) ABI_XFS_SCRUB_OFLAG_##name)
#define BIT(name) ((uint32_t) ABI_XFS_AG_GEOM_SICK_##name)

static const struct {
        const char *name;
        Structure repaired, damaged;
        uint32_t group;
        uint32_t look, sick, checked;
        bool stands_in_the_way;
} cases[] = {
        { "free space by block", STRUCTURE_INODE_DIRECTORY, STRUCTURE_AG_BNOBT, 1, FLAG(CORRUPT), 0, 0, true },
        { "free space by size", STRUCTURE_INODE_DIRECTORY, STRUCTURE_AG_CNTBT, 1, FLAG(CORRUPT), 0, 0, true },
        { "of another group", STRUCTURE_INODE_XATTR, STRUCTURE_AG_CNTBT, 3, FLAG(CORRUPT), 0, 0, true },
        { "differs from others", STRUCTURE_INODE_SYMLINK, STRUCTURE_AG_BNOBT, 1, FLAG(XCORRUPT), 0, 0, true },
        { "could not be compared", STRUCTURE_INODE_SYMLINK, STRUCTURE_AG_BNOBT, 1, FLAG(XFAIL), 0, 0, false },
        { "was checked before", STRUCTURE_INODE_PARENT, STRUCTURE_AG_BNOBT, 1, FLAG(CORRUPT), 0,
          UINT32_MAX, false },
        { "was checked, and met since", STRUCTURE_INODE_PARENT, STRUCTURE_AG_BNOBT, 1, FLAG(CORRUPT),
          BIT(BNOBT), UINT32_MAX, true },
        { "is healthy again", STRUCTURE_INODE_PARENT, STRUCTURE_AG_BNOBT, 1, 0, BIT(BNOBT), UINT32_MAX,
          false },
        { "could not be checked", STRUCTURE_INODE_PARENT, STRUCTURE_AG_BNOBT, 1, FLAG(INCOMPLETE), 0, 0, false },
        { "reverse map known to be sick", STRUCTURE_INODE_DIRECTORY, STRUCTURE_AG_RMAPBT, 1, FLAG(CORRUPT),
          BIT(RMAPBT), 0, true },
        { "reverse map nobody has met", STRUCTURE_INODE_DIRECTORY, STRUCTURE_AG_RMAPBT, 1, FLAG(CORRUPT), 0, 0,
          false },
        { "reverse map waits for block maps", STRUCTURE_INODE_DATAFORK, STRUCTURE_AG_RMAPBT, 1, FLAG(CORRUPT),
          BIT(RMAPBT), 0, false },
        { "header", STRUCTURE_INODE_ATTRFORK, STRUCTURE_AG_AGF, 2, FLAG(CORRUPT), BIT(AGF), 0, true },
        { "b-tree of the same group", STRUCTURE_AG_INOBT, STRUCTURE_AG_BNOBT, 1, FLAG(CORRUPT), 0, 0, true },
        { "it may be the other one", STRUCTURE_AG_INOBT, STRUCTURE_AG_BNOBT, 1, FLAG(XCORRUPT), 0, 0, false },
        { "b-tree takes from its own group", STRUCTURE_AG_FINOBT, STRUCTURE_AG_BNOBT, 3, FLAG(CORRUPT),
          BIT(BNOBT), 0, false },
        { "takes nothing", STRUCTURE_FS_NLINKS, STRUCTURE_AG_BNOBT, 1, FLAG(CORRUPT), BIT(BNOBT), 0, false },
        { "is it itself", STRUCTURE_AG_BNOBT, STRUCTURE_AG_BNOBT, 1, FLAG(CORRUPT), BIT(BNOBT), 0, false },
};

static void test_what_stands_in_the_way(void **state) {
        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Kernel kernel = {
                        .damaged = { .structure = cases[i].damaged, .group = cases[i].group },
                        .look = cases[i].look,
                        .sick = cases[i].sick,
                        .checked = cases[i].checked,
                };
                RepairTarget sick;

                print_message("%s\n", cases[i].name);
                assert_int_equal(find(&kernel, cases[i].repaired, &sick), cases[i].stands_in_the_way);
                if (!cases[i].stands_in_the_way)
                        continue;
                assert_int_equal(sick.structure, cases[i].damaged);
                assert_int_equal(sick.group, cases[i].group);
        }
}

static void test_header_that_cannot_be_read(void **state) {
        Kernel kernel = { .damaged = { .group = 3 }, .group_error = EUCLEAN };
        RepairTarget sick;

        (void) state;
        assert_int_equal(find(&kernel, STRUCTURE_INODE_DIRECTORY, &sick), 1);
        assert_int_equal(sick.structure, STRUCTURE_AG_AGF);
        assert_int_equal(sick.group, 3);

        /* An old kernel, or a file system that is shut down: the repair itself will say so. */
        kernel.group_error = EIO;
        assert_int_equal(find(&kernel, STRUCTURE_INODE_DIRECTORY, &sick), 0);
}

static void test_what_it_costs(void **state) {
        Kernel kernel = { .damaged = { .group = N_GROUPS }, .check_takes_usec = 100 };
        RepairTarget sick;

        (void) state;
        assert_int_equal(find(&kernel, STRUCTURE_INODE_DIRECTORY, &sick), 0);
        assert_int_equal(kernel.n_seen, 2 * N_GROUPS);
        assert_int_equal(kernel.seen[0].group, 1);
        assert_int_equal(kernel.seen[1].group, 1);

        /* Large groups: the own one is looked at in any case, and one more. */
        kernel = (Kernel) { .damaged = { .group = N_GROUPS }, .check_takes_usec = 5000 };
        assert_int_equal(find(&kernel, STRUCTURE_INODE_DIRECTORY, &sick), 0);
        assert_int_equal(kernel.n_seen, 4);

        kernel = (Kernel) { .damaged = { .group = N_GROUPS }, .others_are_checked = true };
        assert_int_equal(find(&kernel, STRUCTURE_INODE_DIRECTORY, &sick), 0);
        assert_int_equal(kernel.n_seen, 0);
}

/* Contents and block maps of inodes are rebuilt in new blocks; who adds one of these has to say what it takes. */
static void test_nothing_is_left_out(void **state) {
        const MetadataStructure *rows;
        size_t n;

        (void) state;
        rows = metadata_structures(&n);
        for (size_t i = 0; i < n; i++) {
                RepairStage stage = repair_stage(rows[i].structure);

                if (rows[i].scrub_type == METADATA_NO_SCRUB_TYPE)
                        continue;
                if (stage == REPAIR_STAGE_BLOCK_MAPS || stage == REPAIR_STAGE_CONTENTS)
                        assert_true(repair_needs_ground(rows[i].structure));
                if (stage == REPAIR_STAGE_HEADERS || stage == REPAIR_STAGE_REVERSE_MAP)
                        assert_false(repair_needs_ground(rows[i].structure));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_stands_in_the_way),
                cmocka_unit_test(test_header_that_cannot_be_read),
                cmocka_unit_test(test_what_it_costs),
                cmocka_unit_test(test_nothing_is_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
