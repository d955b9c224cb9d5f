/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xfs_healer does for a file system, what it says about it, and how it ends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/xfs-healer/healer-verdict.h"

#define DISABLING "Disabling daemon per autofsck directive."
#define LOGGING "Only logging errors per autofsck directive."
#define REPAIRING "Automatically repairing per autofsck directive."

static void test_property(_unused_ void **state) {
        static const struct {
                const char *name;
                HealerOptions options;
                FilesystemFacts facts;
                HealerMode mode;
                const char *sentence;
        } cases[] = {
                { "none", {}, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_NONE, .has_rmapbt = true },
                  HEALER_DISABLED, DISABLING },
                { "none, quiet", { .is_quiet = true }, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_NONE },
                  HEALER_DISABLED, DISABLING },
                { "check", {}, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_CHECK }, HEALER_REPORTS, LOGGING },
                { "check, quiet", { .is_quiet = true }, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_CHECK },
                  HEALER_REPORTS, NULL },
                { "optimize", {}, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_OPTIMIZE }, HEALER_REPORTS,
                  LOGGING },
                { "repair", {}, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_REPAIR }, HEALER_REPAIRS,
                  REPAIRING },
                { "repair, quiet", { .is_quiet = true },
                  { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_REPAIR }, HEALER_REPAIRS, REPAIRING },
                { "unset", {}, { .autofsck_state = FACT_KNOWN, .has_rmapbt = true }, HEALER_REPORTS, LOGGING },
                { "unset, with parents", {}, { .autofsck_state = FACT_KNOWN, .has_parent_pointers = true },
                  HEALER_REPORTS, LOGGING },
                { "unset, without references", {}, { .autofsck_state = FACT_KNOWN }, HEALER_DISABLED, DISABLING },
                { "not readable", {}, { .autofsck_state = FACT_UNKNOWN, .autofsck = AUTOFSCK_REPAIR,
                                        .has_rmapbt = true }, HEALER_REPORTS, LOGGING },
                { "--no-autofsck", { .ignores_autofsck = true },
                  { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_REPAIR }, HEALER_REPORTS, NULL },
                { "--repair", { .repairs = true }, { .autofsck_state = FACT_KNOWN, .autofsck = AUTOFSCK_NONE },
                  HEALER_REPAIRS, NULL },
                { "--repair --no-autofsck", { .repairs = true, .ignores_autofsck = true }, {}, HEALER_REPAIRS, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                HealerVerdict verdict = healer_judge(&cases[i].options, &cases[i].facts);

                print_message("%s\n", cases[i].name);
                assert_int_equal(verdict.mode, cases[i].mode);
                assert_true(text_equal(verdict.sentence, cases[i].sentence));
        }
}

static void test_exit_status(_unused_ void **state) {
        static const struct {
                HealerEnd end;
                int watch, supported, unit;
        } cases[] = {
                { HEALER_WELL,        0, 0,   0   },
                { HEALER_UNSUPPORTED, 1, 1,   1   },
                { HEALER_TAKEN,       1, 255, 1   },
                { HEALER_FOREIGN,     1, 255, 1   },
                { HEALER_FAILED,      1, 255, 255 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(healer_exit_status(HEALER_WATCH, cases[i].end, false), cases[i].watch);
                assert_int_equal(healer_exit_status(HEALER_WATCH, cases[i].end, true), cases[i].watch);
                assert_int_equal(healer_exit_status(HEALER_SAY_SUPPORTED, cases[i].end, false), cases[i].supported);
                assert_int_equal(healer_exit_status(HEALER_SAY_SUPPORTED, cases[i].end, true), cases[i].unit);
        }
}

static void test_scan(_unused_ void **state) {
        for (size_t i = 0; i < N_OUTCOMES; i++) {
                Outcome outcome = (Outcome) i;
                bool expected = outcome == OUTCOME_STILL_CORRUPT || outcome == OUTCOME_INCOMPLETE ||
                                outcome == OUTCOME_FAILED;

                print_message("%s\n", outcome_to_name(outcome));
                assert_int_equal(healer_outcome_wants_scan(outcome), expected);
        }
}

static void test_retry(_unused_ void **state) {
        assert_true(healer_retry_usec(OUTCOME_DONE, 1) == USEC_INFINITY);
        assert_true(healer_retry_usec(OUTCOME_STILL_CORRUPT, 1) == USEC_INFINITY);
        assert_true(healer_retry_usec(OUTCOME_REFUSED_HARMFUL, 1) == USEC_INFINITY);
        assert_true(healer_retry_usec(OUTCOME_GONE, 1) == USEC_INFINITY);

        assert_true(healer_retry_usec(OUTCOME_BUSY, 1) == USEC_PER_SEC);
        assert_true(healer_retry_usec(OUTCOME_BUSY, 2) == 2 * USEC_PER_SEC);
        assert_true(healer_retry_usec(OUTCOME_BUSY, 4) == 8 * USEC_PER_SEC);
        assert_true(healer_retry_usec(OUTCOME_BUSY, 5) == USEC_INFINITY);
        assert_true(healer_retry_usec(OUTCOME_INCOMPLETE, 5) == USEC_INFINITY);

        /* A mount can be gone for long. */
        assert_true(healer_retry_usec(OUTCOME_CANNOT_REOPEN, 5) == 16 * USEC_PER_SEC);
        assert_true(healer_retry_usec(OUTCOME_CANNOT_REOPEN, 1000) == USEC_PER_MINUTE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_property),
                cmocka_unit_test(test_exit_status),
                cmocka_unit_test(test_scan),
                cmocka_unit_test(test_retry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
