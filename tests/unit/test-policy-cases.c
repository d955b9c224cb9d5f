/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads tests/policy/cases/: a policy, and for each case an event, the facts and the decisions that have to
 * come out, as policy_decision_text() writes them; "explain" names lines that the explanation has to have.
 *
 *   policy: |
 *     version: 1
 *   cases:
 *     - name: what it shows
 *       event: {kind: sick, domain: ag, structure: finobt, group: 3, errno: EIO, count: 2}   # or a word
 *       fs: {mounts: [/srv], label: data, removable: '?'}    # '?' is unknown, ~ is none
 *       expect: ['rule heal, enforce: repair']
 *
 * What is not written is as in policy-fixture.h. The keys of a case are those of policy/event-example.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>

#include "policy/event-example.h"
#include "policy/policy-explain.h"
#include "policy/policy-stream.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "tests/unit/policy-fixture.h"

#ifndef POLICY_TESTS
#  define POLICY_TESTS "tests/policy"
#endif

/* The example's own errors are a mistake in the case. */
static void read_facts(const YamlNode *test, EventExample *ret_example) {
        PolicyProblems problems = {};
        Fixture fixture;

        fixture_init(&fixture);
        if (event_example_read(test, &fixture.facts, &problems, ret_example) < 0) {
                policy_problems_print(&problems, stderr);
                fail_msg("line %u: no example", test->position.line);
        }
        policy_problems_clear(&problems);
}

static void check_decisions(PolicyStream *stream, const EventExample *example) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        const YamlNode *next = example->expect->first;
        size_t n;

        assert_int_equal(policy_stream_decide(stream, example, decisions, &n), 0);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(free_at) char *text = policy_decision_text(&decisions[i]);

                assert_non_null(text);
                assert_int_equal(decisions[i].event_id, example->event.id);
                if (!next)
                        fail_msg("too much: %s", text);
                assert_string_equal(text, next->text);
                next = next->next;
                decision_clear(&decisions[i]);
        }
        if (next)
                fail_msg("missing: %s", next->text);
}

/* Where nothing is said about it, nothing may come due. */
static void check_due(PolicyStream *stream, const EventExample *example) {
        static Decision decisions[POLICY_DECISIONS_MAX];
        const YamlNode *next = example->due ? example->due->first : NULL;
        const Deferred *waited;
        uint64_t after_usec;
        size_t n;
        int r;

        while ((r = policy_stream_due(stream, example, decisions, &n, &waited, &after_usec)) > 0)
                for (size_t i = 0; i < n; i++) {
                        _cleanup_(free_at) char *text = policy_decision_text(decisions + i);

                        assert_non_null(text);
                        if (!next)
                                fail_msg("due, too much: %s", text);
                        assert_string_equal(text, next->text);
                        next = next->next;
                        decision_clear(decisions + i);
                }
        assert_int_equal(r, 0);
        if (next)
                fail_msg("not due: %s", next->text);
}

static void check_explanation(const Policy *policy, PolicyStream *stream, const EventExample *example) {
        const EventFacts facts = policy_stream_facts(stream, example);
        _cleanup_(free_at) char *text = NULL;

        assert_int_equal(policy_explain(policy, policy_stream_memory(stream), &facts, &text), 0);
        YAML_FOREACH(line, example->explain)
                if (!strstr(text, line->text))
                        fail_msg("\"%s\" is not in:\n%s", line->text, text);
}

static size_t check_file(const char *path) {
        _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
        _cleanup_(policy_stream_free_at) PolicyStream *stream = NULL;
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        _cleanup_(free_at) char *text = NULL;
        PolicyProblems problems = {};
        size_t length, n = 0;

        print_message("%s\n", path);
        assert_int_equal(file_read(AT_FDCWD, path, YAML_TEXT_MAX, &text, &length), 0);
        (void) yaml_tree_parse(text, length, 0, &problems, &tree);
        policy_problems_print(&problems, stderr);
        assert_int_equal(problems.n_errors, 0);
        policy_problems_clear(&problems);
        policy = fixture_load(yaml_map_find(yaml_tree_root(tree), "policy")->text);
        assert_non_null(policy);
        assert_int_equal(policy_stream_new(policy, &stream), 0);

        YAML_FOREACH(test, yaml_map_find(yaml_tree_root(tree), "cases")) {
                EventExample example;

                read_facts(test, &example);
                print_message("    %s\n", example.name);
                check_due(stream, &example);
                if (example.explain)
                        check_explanation(policy, stream, &example);
                check_decisions(stream, &example);
                event_example_clear(&example);
                n++;
        }

        return n;
}

static void test_cases(_unused_ void **state) {
        _cleanup_(closedir_at) DIR *directory = opendir(POLICY_TESTS "/cases");
        size_t n = 0;

        assert_non_null(directory);
        for (const struct dirent *entry; (entry = readdir(directory));) {
                char path[1024];

                if (!text_ends_with(entry->d_name, ".yaml"))
                        continue;
                (void) snprintf(path, sizeof(path), "%s/cases/%s", POLICY_TESTS, entry->d_name);
                n += check_file(path);
        }
        assert_true(n > 50);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
