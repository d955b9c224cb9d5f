/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever text stands in a policy file: it loads or it is refused with a problem, and what loads decides about an
 * event without a fault, and never acts where it must not.
 */
#include <stdint.h>
#include <stdlib.h>

#include "policy/policy-explain.h"
#include "tests/fuzz/fuzz-target.h"
#include "tests/unit/policy-fixture.h"

static void check_decisions(const Policy *policy, const Fixture *fixture) {
        Decision decisions[POLICY_DECISIONS_MAX];
        size_t n;

        require(policy_choose(policy, NULL, &fixture->facts, decisions, POLICY_DECISIONS_MAX, &n) == 0);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(free_at) char *text = policy_decision_text(&decisions[i]);

                require(text && decisions[i].n_actions <= DECISION_ACTIONS_MAX);
                for (size_t k = 0; k < decisions[i].n_actions; k++) {
                        const ActionRequest *request = &decisions[i].actions[k];

                        require(!action_kind_is_destructive(request->kind) || request->denied_by[0] ||
                                (fixture->facts.filesystem && !event_kind_is_result(fixture->event.kind)));
                }
                decision_clear(&decisions[i]);
        }
}

static void check_policy(const Policy *policy) {
        static const FileOwner owner = {
                .user = { FACT_KNOWN, 117, FACT_KNOWN, "postgres" },
                .group = { FACT_KNOWN, 8, FACT_UNKNOWN, "" },
                .project_state = FACT_KNOWN,
        };
        Fixture fixture;

        for (unsigned kind = 0; kind < N_EVENT_KINDS; kind++) {
                _cleanup_(free_at) char *explanation = NULL;

                fixture_init(&fixture);
                fixture.event.kind = (EventKind) kind;
                check_decisions(policy, &fixture);
                fixture.facts.owner = &owner;
                fixture.facts.now_realtime_usec = UINT64_C(1795824000) * USEC_PER_SEC;
                fixture.filesystem.label_state = FACT_UNKNOWN;
                fixture.filesystem.is_removable = TRISTATE_UNKNOWN;
                fixture.filesystem.autofsck_state = FACT_UNKNOWN;
                check_decisions(policy, &fixture);
                require(policy_explain(policy, NULL, &fixture.facts, &explanation) == 0);
                fixture.facts.filesystem = NULL;
                check_decisions(policy, &fixture);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        _cleanup_(free_at) char *text = NULL;
        PolicyProblems problems = {};
        size_t length;
        FILE *stream;
        int r;

        r = policy_load_text("fuzz.yaml", (const char *) data, size, 1, &problems, &policy);
        require((r < 0) == (problems.n_errors > 0) && (r < 0) == !policy);
        if (policy)
                check_policy(policy);

        stream = open_memstream(&text, &length);
        require(stream);
        policy_problems_print(&problems, stream);
        require(fclose(stream) == 0);
        policy_problems_clear(&problems);
        return 0;
}
