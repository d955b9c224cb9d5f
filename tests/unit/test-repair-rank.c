/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What others are rebuilt from comes first, and nothing that can be repaired is left out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/metadata-structures.h"
#include "kernel/repair-rank.h"
#include "src/basic/macro.h"

static void test_everything_has_a_place(void **state) {
        unsigned seen[N_STRUCTURES] = {};
        const MetadataStructure *rows;
        size_t n;

        (void) state;
        rows = metadata_structures(&n);
        for (size_t i = 0; i < n; i++) {
                unsigned rank = repair_rank(rows[i].structure);

                print_message("%s\n", structure_to_name(rows[i].structure));
                if (rows[i].scrub_type == METADATA_NO_SCRUB_TYPE) {
                        assert_int_equal(rank, repair_rank(STRUCTURE_NONE));
                        continue;
                }
                assert_true(rank < repair_rank(STRUCTURE_NONE));
                assert_int_equal(seen[rank]++, 0);
        }
}

static void test_stages_follow_each_other(void **state) {
        static const Structure order[] = {
                STRUCTURE_AG_AGF, STRUCTURE_AG_AGFL, STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT, STRUCTURE_AG_INOBT,
                STRUCTURE_INODE_CORE, STRUCTURE_INODE_DATAFORK, STRUCTURE_INODE_XATTR, STRUCTURE_INODE_DIRECTORY,
                STRUCTURE_INODE_PARENT, STRUCTURE_FS_NLINKS, STRUCTURE_FS_COUNTERS, STRUCTURE_NONE,
        };
        const MetadataStructure *rows;
        size_t n;

        (void) state;
        for (size_t i = 1; i < ELEMENTSOF(order); i++) {
                assert_true(repair_rank(order[i - 1]) < repair_rank(order[i]));
                assert_true(repair_stage(order[i - 1]) <= repair_stage(order[i]));
        }

        rows = metadata_structures(&n);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                        if (repair_stage(rows[i].structure) < repair_stage(rows[j].structure))
                                assert_true(repair_rank(rows[i].structure) < repair_rank(rows[j].structure));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everything_has_a_place),
                cmocka_unit_test(test_stages_follow_each_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
