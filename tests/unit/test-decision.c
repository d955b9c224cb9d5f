/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words, copies and authors of decisions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/model/decision.h"

static void test_words(_unused_ void **state) {
        PolicyMode mode = POLICY_MODE_ENFORCE;
        ScrubRepair repair = SCRUB_REPAIR_NEVER;
        DecisionSource source = DECISION_NONE;
        Verdict verdict = VERDICT_NO;

        assert_string_equal(policy_mode_to_name(POLICY_MODE_ENFORCE), "enforce");
        assert_int_equal(policy_mode_from_name("observe", &mode), 0);
        assert_int_equal(mode, POLICY_MODE_OBSERVE);
        assert_int_equal(policy_mode_from_name("dry-run", &mode), -EINVAL);

        assert_string_equal(scrub_repair_to_name(SCRUB_REPAIR_NEVER), "never");
        assert_int_equal(scrub_repair_from_name("if-allowed", &repair), 0);
        assert_int_equal(repair, SCRUB_REPAIR_IF_ALLOWED);

        assert_string_equal(decision_source_to_name(DECISION_NONE), "none");
        assert_string_equal(decision_source_to_name(DECISION_RULE), "rule");
        assert_string_equal(decision_source_to_name(DECISION_BASELINE), "baseline");
        assert_string_equal(decision_source_to_name(DECISION_BUILTIN), "builtin");
        assert_int_equal(decision_source_from_name("caller", &source), 0);
        assert_int_equal(source, DECISION_CALLER);

        assert_string_equal(verdict_to_name(VERDICT_NO), "no");
        assert_string_equal(verdict_to_name(VERDICT_UNKNOWN), "unknown");
        assert_int_equal(verdict_from_name("yes", &verdict), 0);
        assert_int_equal(verdict, VERDICT_YES);
}

static void test_request_copy(_unused_ void **state) {
        ActionRequest request = {
                .kind = ACTION_NOTIFY,
                .severity = SEVERITY_CRITICAL,
                .name = strdup("needs-restore"),
                .route = strdup("page"),
                .message = strdup("text"),
                .timeout_usec = 5,
                .n_retries = 2,
                .backoff_min_usec = 3,
                .backoff_max_usec = 4,
                .scrub_repair = SCRUB_REPAIR_IF_ALLOWED,
                .ignore_autofsck = true,
                .denied_by = "protect: usb",
        }, copy = {}, empty = {};

        assert_int_equal(action_request_copy(&request, &copy), 0);
        action_request_clear(&request);
        assert_memory_equal(&request, &empty, sizeof(request));

        assert_int_equal(copy.kind, ACTION_NOTIFY);
        assert_int_equal(copy.severity, SEVERITY_CRITICAL);
        assert_string_equal(copy.route, "page");
        assert_string_equal(copy.name, "needs-restore");
        assert_string_equal(copy.message, "text");
        assert_string_equal(copy.denied_by, "protect: usb");
        assert_int_equal(copy.timeout_usec, 5);
        assert_int_equal(copy.n_retries, 2);
        assert_int_equal(copy.backoff_min_usec, 3);
        assert_int_equal(copy.backoff_max_usec, 4);
        assert_int_equal(copy.scrub_repair, SCRUB_REPAIR_IF_ALLOWED);
        assert_true(copy.ignore_autofsck);
        action_request_clear(&copy);

        request.kind = ACTION_REPAIR;
        assert_int_equal(action_request_copy(&request, &copy), 0);
        assert_int_equal(copy.kind, ACTION_REPAIR);
        assert_null(copy.route);
        assert_null(copy.message);
        assert_string_equal(copy.denied_by, "");
        action_request_clear(&copy);
        action_request_clear(&copy);
        action_request_clear(NULL);
}

/* What leaks here is found by the address sanitizer. */
static void test_clear(_unused_ void **state) {
        Decision decision = {
                .source = DECISION_RULE,
                .n_actions = DECISION_ACTIONS_MAX,
                .reason = "because",
        };

        for (size_t i = 0; i < DECISION_ACTIONS_MAX; i++)
                decision.actions[i].message = strdup("text");
        decision_clear(&decision);
        assert_int_equal(decision.n_actions, 0);
        assert_string_equal(decision.reason, "");
        assert_null(decision.actions[DECISION_ACTIONS_MAX - 1].message);
        decision_clear(&decision);
        decision_clear(NULL);
}

static void test_author(_unused_ void **state) {
        static const struct {
                DecisionSource source;
                const char *rule_id, *text;
        } cases[] = {
                { DECISION_NONE,     "",   "nobody"        },
                { DECISION_RULE,     "db", "rule db"       },
                { DECISION_BASELINE, "",   "baseline"      },
                { DECISION_BUILTIN,  "",   "built-in rule" },
                { DECISION_CALLER,   "",   "caller"        },
                /* The longest identifier fits whole. */
                { DECISION_RULE,     "a23456789012345678901234567890123456789012345678901234567890123",
                  "rule a23456789012345678901234567890123456789012345678901234567890123" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Decision decision = { .source = cases[i].source };
                char buffer[RULE_ID_SIZE + 16];

                print_message("%s\n", cases[i].text);
                assert_int_equal(text_copy(decision.rule_id, sizeof(decision.rule_id), cases[i].rule_id), 0);
                assert_ptr_equal(decision_author_text(&decision, buffer), buffer);
                assert_string_equal(buffer, cases[i].text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_request_copy),
                cmocka_unit_test(test_clear),
                cmocka_unit_test(test_author),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
