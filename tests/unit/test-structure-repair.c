/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy/ may not ask kernel/ which structures can be repaired alone and has a list of its own. Both are equal.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/metadata-repair.h"
#include "policy/policy-choose.h"

static void test_equal(_unused_ void **state) {
        for (unsigned i = 0; i < N_STRUCTURES; i++) {
                Structure structure = (Structure) i;

                print_message("%s\n", structure_to_name(structure) ?: "none");
                assert_int_equal(policy_structure_has_repair(structure), metadata_structure_is_repairable(structure));
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
