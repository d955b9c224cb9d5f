/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy has to say about a decision that fails somebody: observing, how many in how much time, and whom to
 * ask for a permit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/basic/text.h"
#include "tests/unit/fail-fixture.h"

#define RULES "rules: [{id: db, match: {event: shutdown}, do: [{fail-workload: {who: fs-users}}]}]\n"

/* As rule "db" decides about a shutdown; both of the file system's users would be taken. */
static void carry_out(Setup *s, PolicyMode mode) {
        WorkloadScope scope = workload_scope_default(HOW_STOP);
        const HealthEvent event = {
                .id = 77,
                .filesystem_id = the_filesystem(s)->id,
                .kind = EVENT_SHUTDOWN,
                .domain = DOMAIN_MOUNT,
                .count = 1,
        };
        const Decision decision = {
                .source = DECISION_RULE,
                .rule_id = "db",
                .mode = mode,
                .n_actions = 2,
                .actions = {
                        { .kind = ACTION_NOTIFY },
                        { .kind = ACTION_FAIL_WORKLOAD, .workloads = &scope },
                },
        };
        unsigned n = fixture.n_ended;

        engine_carry_out(s->engine, &decision, &event, event.filesystem_id, &(CarryOut) {});
        while (fixture.n_ended == n)
                assert_true(sd_event_run(s->event, 20 * USEC_PER_SEC) > 0);
}

static void load(Setup *s, const char *text) {
        write_policy(s, text);
        assert_int_equal(engine_reload_policy(s->engine), 0);
}

static void test_observed(void **state) {
        Setup *s = *state;

        load(s, "version: 1\nmode: observe\nlimits: {workloads: 3 per 1h}\n" RULES);
        carry_out(s, POLICY_MODE_OBSERVE);
        assert_int_equal(fixture.n_fails, 0);
        assert_int_equal(fixture.n_announced, 0);
        assert_int_equal(s->n_notices, 0);
        assert_false(fixture.job->is_ordered);
        assert_true(fixture.job->is_dry_run);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_int_equal(fixture.job->report.event_id, 77);
        assert_string_equal(fixture.job->report.rule_id, "db");
        assert_true(text_starts_with(fixture.job->report.detail, "would have taken: db.service, "));

        /* Its counts advance as if it had been done. */
        carry_out(s, POLICY_MODE_OBSERVE);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_REFUSED);
        assert_true(text_starts_with(fixture.job->report.detail, "limits: workloads: 3 per 1h"));
}

static void test_limit(void **state) {
        Setup *s = *state;

        load(s, "version: 1\nlimits: {workloads: 3 per 1h}\n" RULES);
        carry_out(s, POLICY_MODE_ENFORCE);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
        assert_int_equal(fixture.n_fails, 1);
        /* Two were failed: two more are one too many, and one of them alone is not taken. */
        carry_out(s, POLICY_MODE_ENFORCE);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_REFUSED);
        assert_true(text_starts_with(fixture.job->report.detail, "limits: workloads: 3 per 1h"));
        assert_int_equal(fixture.n_fails, 1);
        /* What a policy observes meanwhile is counted apart. */
        carry_out(s, POLICY_MODE_OBSERVE);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_DONE);
}

static void test_limit_of_the_rule(void **state) {
        Setup *s = *state;

        load(s, "version: 1\nrules: [{id: db, match: {event: shutdown}, limits: {workloads: 1 per 1h}, "
                "do: [{fail-workload: {who: fs-users}}]}]\n");
        carry_out(s, POLICY_MODE_ENFORCE);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_REFUSED);
        assert_int_equal(fixture.n_fails, 0);
}

static void test_permit(void **state) {
        Setup *s = *state;

        load(s, "version: 1\npermit: {unit: 'ask@.service', timeout: 3s}\n" RULES);
        assert_int_equal(s->engine->permit.timeout_usec, 3 * USEC_PER_SEC);
        fixture.is_refused_by_permit = true;
        carry_out(s, POLICY_MODE_ENFORCE);
        assert_int_equal(fixture.n_permits, 1);
        assert_int_equal(fixture.n_fails, 0);
        assert_int_equal(fixture.job->report.outcome, OUTCOME_REFUSED);

        load(s, "version: 1\n" RULES);
        carry_out(s, POLICY_MODE_ENFORCE);
        assert_int_equal(fixture.n_permits, 1);
        assert_int_equal(fixture.n_fails, 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fail_fixture_setup, fail_fixture_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                test(test_observed),
                test(test_limit),
                test(test_limit_of_the_rule),
                test(test_permit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
