/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Outcomes: words, what follows from them, and the sentences that scripts look for.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/model/job-report.h"

static void test_outcomes(_unused_ void **state) {
        static const struct {
                const char *name;
                bool is_success, may_retry, needs_offline, may_depend, may_be_unreached, has_changed;
        } cases[] = {
                { "done",                true,  false, false, false, false, true  },
                { "not-needed",          true,  false, false, false, false, false },
                { "unverified",          true,  true,  false, false, false, true  },
                { "content-lost",        true,  false, false, false, false, true  },
                { "cross-reference",     false, false, false, true,  false, false },
                { "still-corrupt",       false, false, true,  true,  false, false },
                { "incomplete",          false, true,  false, true,  false, false },
                { "found-corruption",    false, false, false, false, false, false },
                { "gone",                false, false, false, false, true,  false },
                { "read-only",           false, false, false, false, false, false },
                { "shut-down",           false, false, false, false, false, false },
                { "busy",                false, true,  false, false, false, false },
                { "no-memory",           false, true,  false, false, false, false },
                { "not-supported",       false, false, false, false, false, false },
                { "no-permission",       false, false, false, false, false, false },
                { "cannot-reopen",       false, true,  false, false, false, false },
                { "wrong-filesystem",    false, false, false, false, false, false },
                { "refused-harmful",     false, false, true,  false, true,  false },
                { "refused-unfinished",  false, false, false, false, false, false },
                { "refused",             false, false, false, false, false, false },
                { "unmounted",           false, false, false, false, false, false },
                { "timed-out",           false, false, false, false, false, false },
                { "stuck",               false, false, false, false, false, false },
                { "crashed",             false, false, true,  false, false, false },
                { "cancelled",           false, false, false, false, false, false },
                { "worker-lost",         false, true,  false, false, false, false },
                { "failed",              false, false, false, true,  false, false },
        };

        assert_int_equal(ELEMENTSOF(cases), N_OUTCOMES);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Outcome outcome = (Outcome) 99;

                print_message("%s\n", cases[i].name);
                assert_int_equal(outcome_from_name(cases[i].name, &outcome), 0);
                assert_int_equal(outcome, i);
                assert_string_equal(outcome_to_name(outcome), cases[i].name);
                assert_int_equal(outcome_is_success(outcome), cases[i].is_success);
                assert_int_equal(outcome_may_retry(outcome), cases[i].may_retry);
                assert_int_equal(outcome_needs_offline_repair(outcome), cases[i].needs_offline);
                assert_int_equal(outcome_has_changed(outcome), cases[i].has_changed);
                assert_int_equal(outcome_may_depend(outcome), cases[i].may_depend);
                assert_int_equal(outcome_may_be_unreached(outcome), cases[i].may_be_unreached);
                assert_non_null(outcome_to_sentence(outcome));
                assert_int_equal(outcome_to_sentence(outcome)[strlen(outcome_to_sentence(outcome)) - 1], '.');
        }
}

/* Upstream's four, byte for byte: people's scripts look for them. */
static void test_sentences(_unused_ void **state) {
        static const struct {
                Outcome outcome;
                const char *sentence;
        } cases[] = {
                { OUTCOME_DONE, "Repairs successful." },
                { OUTCOME_NOT_NEEDED, "No modification needed." },
                { OUTCOME_CROSS_REFERENCE,
                  "Seems correct but cross-referencing failed; offline repair recommended." },
                { OUTCOME_STILL_CORRUPT, "Repair unsuccessful; offline repair required." },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].sentence);
                assert_string_equal(outcome_to_sentence(cases[i].outcome), cases[i].sentence);
        }
}

/* Values come over the line from another process. */
static void test_out_of_range(_unused_ void **state) {
        const Outcome beyond = (Outcome) N_OUTCOMES;

        assert_null(outcome_to_name(beyond));
        assert_false(outcome_is_success(beyond));
        assert_false(outcome_may_retry(beyond));
        assert_false(outcome_needs_offline_repair(beyond));
        assert_false(outcome_has_changed(beyond));
        assert_false(outcome_may_depend(beyond));
        assert_false(outcome_may_be_unreached(beyond));
        assert_non_null(outcome_to_sentence(beyond));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_outcomes),
                cmocka_unit_test(test_sentences),
                cmocka_unit_test(test_out_of_range),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
