/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which full scans of xfsprogs are kept back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "kernel/harmful-repairs.h"
#include "src/basic/macro.h"
#include "src/scrub-guard/scrub-guard.h"

static void test_allows(void **state _unused_) {
        static const struct {
                const char *name;
                KernelVersion running;
                const char *type;
                FactState autofsck_state;
                Autofsck autofsck;
                uint32_t n_rtgroups;
                bool is_allowed;
        } cases[] = {
                { "repair", { 7, 2, 13 }, "xfs", FACT_KNOWN, AUTOFSCK_REPAIR, 0, false },
                { "check", { 7, 2, 13 }, "xfs", FACT_KNOWN, AUTOFSCK_CHECK, 0, true },
                { "optimize", { 7, 2, 13 }, "xfs", FACT_KNOWN, AUTOFSCK_OPTIMIZE, 0, true },
                { "none", { 7, 2, 13 }, "xfs", FACT_KNOWN, AUTOFSCK_NONE, 0, true },
                { "unset", { 7, 2, 13 }, "xfs", FACT_KNOWN, AUTOFSCK_UNSET, 0, true },
                { "property not readable", { 7, 2, 13 }, "xfs", FACT_UNKNOWN, AUTOFSCK_UNSET, 0, false },
                { "repair, harmless kernel", { 6, 12, 0 }, "xfs", FACT_KNOWN, AUTOFSCK_REPAIR, 0, true },
                { "not readable, harmless kernel", { 6, 12, 0 }, "xfs", FACT_UNKNOWN, AUTOFSCK_UNSET, 0, true },
                { "repair, harmless geometry", { 7, 2, 13 }, "xfs", FACT_KNOWN, AUTOFSCK_REPAIR, 4, true },
                { "another file system", { 7, 2, 13 }, "ext4", FACT_UNKNOWN, AUTOFSCK_UNSET, 0, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *reason = NULL;
                char type[8];
                FilesystemFacts facts = {
                        .type = strcpy(type, cases[i].type),
                        .uuid_state = FACT_KNOWN,
                        .autofsck_state = cases[i].autofsck_state,
                        .autofsck = cases[i].autofsck,
                        .has_rmapbt = true,
                        .n_rtgroups = cases[i].n_rtgroups,
                };

                print_message("%s\n", cases[i].name);
                assert_int_equal(scrub_guard_allows(cases[i].running, &facts, &reason), cases[i].is_allowed);
                assert_int_equal(reason == NULL, cases[i].is_allowed);
        }
}

/* Each row keeps a repairing scan back, wherever its repair could be met. */
static void test_every_row(void **state _unused_) {
        const HarmfulRepair *rows;
        size_t n;

        rows = harmful_repairs(&n);
        for (size_t i = 0; i < n; i++) {
                const RepairTarget target = { .structure = rows[i].structure };
                char type[] = "xfs";
                FilesystemFacts facts = {
                        .type = type,
                        .uuid_state = FACT_UNKNOWN,     /* nothing is known that speaks for it */
                        .autofsck_state = FACT_KNOWN,
                        .autofsck = AUTOFSCK_REPAIR,
                };
                const char *reason = NULL;

                print_message("%s\n", rows[i].name);
                assert_false(scrub_guard_allows(rows[i].first, &facts, &reason));
                assert_non_null(reason);
                assert_non_null(harmful_repair_find_for_scan(rows[i].first, &facts));
                assert_non_null(harmful_repair_find(rows[i].first, &facts, &target));
                assert_true(harmful_repair_is_possible(rows[i].first, &target));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_allows),
                cmocka_unit_test(test_every_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
