/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which repairs are refused on which kernel and file system.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "kernel/harmful-repairs.h"
#include "src/basic/macro.h"

#define CORE STRUCTURE_INODE_CORE
#define DATAFORK STRUCTURE_INODE_DATAFORK

static void test_inode_core(void **state) {
        static const struct {
                const char *name;
                KernelVersion running;
                const char *type;
                FactState uuid_state;
                bool has_rmapbt;
                uint32_t n_rtgroups;
                bool has_metadir;
                Structure structure;
                bool is_harmful, is_harmful_for_scan;
                bool is_possible;       /* on some file system */
        } cases[] = {
                { "measured", { 7, 2, 13 }, "xfs", FACT_KNOWN, true, 0, false, CORE, true, true, true },
                { "first with a monitor", { 7, 0, 0 }, "xfs", FACT_KNOWN, true, 0, false, CORE, true, true, true },
                { "last one looked at", { 7, 3, 4 }, "xfs", FACT_KNOWN, true, 0, false, CORE, true, true, true },
                { "later, no fix known", { 8, 0, 0 }, "xfs", FACT_KNOWN, true, 0, false, CORE, true, true, true },
                { "first with the walk", { 6, 14, 0 }, "xfs", FACT_KNOWN, true, 0, false, CORE, true, true, true },
                { "before the walk", { 6, 13, 99 }, "xfs", FACT_KNOWN, true, 0, false, CORE, false, false, false },
                { "with real-time groups", { 7, 2, 13 }, "xfs", FACT_KNOWN, true, 4, true, CORE, false, false, true },
                { "metadata directory without groups", { 7, 2, 13 }, "xfs", FACT_KNOWN, true, 0, true, CORE, false,
                  false, true },
                { "without reverse map", { 7, 2, 13 }, "xfs", FACT_KNOWN, false, 0, false, CORE, false, false, true },
                { "geometry not known", { 7, 2, 13 }, "xfs", FACT_UNKNOWN, false, 0, false, CORE, true, true, true },
                { "another structure", { 7, 2, 13 }, "xfs", FACT_KNOWN, true, 0, false, DATAFORK, false, true, false },
                { "same bit, other domain", { 7, 2, 13 }, "xfs", FACT_KNOWN, true, 0, false, STRUCTURE_AG_SUPER,
                  false, true, false },
                { "another file system", { 7, 2, 13 }, "ext4", FACT_UNKNOWN, false, 0, false, CORE, false, false,
                  true },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char type[8];
                FilesystemFacts facts = {
                        .type = strcpy(type, cases[i].type),
                        .uuid_state = cases[i].uuid_state,
                        .has_rmapbt = cases[i].has_rmapbt,
                        .n_rtgroups = cases[i].n_rtgroups,
                        .has_metadir = cases[i].has_metadir,
                };
                RepairTarget target = { .structure = cases[i].structure, .inode = 133 };
                const HarmfulRepair *row, *scan_row;

                print_message("%s\n", cases[i].name);
                row = harmful_repair_find(cases[i].running, &facts, &target);
                scan_row = harmful_repair_find_for_scan(cases[i].running, &facts);
                assert_int_equal(row != NULL, cases[i].is_harmful);
                assert_int_equal(scan_row != NULL, cases[i].is_harmful_for_scan);
                assert_int_equal(harmful_repair_is_possible(cases[i].running, &target), cases[i].is_possible);
                if (row) {
                        assert_string_equal(row->name, "inode-core-without-rtgroups");
                        assert_true(row->only_if_unloadable);
                }
        }
}

static void test_rows(void **state) {
        const HarmfulRepair *rows;
        size_t n_rows;

        (void) state;
        rows = harmful_repairs(&n_rows);
        assert_true(n_rows >= 1);
        for (size_t i = 0; i < n_rows; i++) {
                print_message("%s\n", rows[i].name);
                /* Must fit the field in which an overruled row travels to the worker. */
                assert_true(rows[i].name[0] && strlen(rows[i].name) < 64);
                assert_true(strlen(rows[i].why) > 0);
                assert_non_null(rows[i].applies);
                assert_true(metadata_structure_is_repairable(rows[i].structure));
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(rows[i].name, rows[j].name);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_inode_core),
                cmocka_unit_test(test_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
