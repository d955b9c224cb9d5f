/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that have to load and files that have to be refused, with the problem that each names in its
 * first lines ("# expect: LINE:COLUMN: beginning of the text"); warnings likewise ("# warning: ...").
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "policy/policy-rules.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "tests/unit/policy-fixture.h"

#ifndef POLICY_TESTS
#  define POLICY_TESTS "tests/policy"
#endif

static bool problem_is(const PolicyProblem *problem, ProblemSeverity severity, unsigned line, unsigned column,
                       const char *text) {
        return problem->severity == severity && problem->position.line == line && problem->position.column == column &&
               text_starts_with(problem->text, text);
}

static bool has_problem(const PolicyProblems *problems, ProblemSeverity severity, const char *expected) {
        unsigned line, column;
        int offset = 0;

        if (sscanf(expected, "%u:%u: %n", &line, &column, &offset) < 2 || offset == 0)
                fail_msg("\"%s\" is no expectation", expected);
        for (size_t i = 0; i < problems->n_items; i++)
                if (problem_is(&problems->items[i], severity, line, column, expected + offset))
                        return true;

        return false;
}

/* Counts the lines with @prefix at the beginning of the file and looks for each. */
static size_t check_expectations(const char *text, const char *prefix, ProblemSeverity severity,
                                 const PolicyProblems *problems) {
        _cleanup_(free_at) char *copy = strdup(text);
        size_t n = 0;

        assert_non_null(copy);
        for (char *rest = copy, *line; (line = strsep(&rest, "\n")) && line[0] == '#';) {
                if (!text_starts_with(line, prefix))
                        continue;
                n++;
                if (!has_problem(problems, severity, line + strlen(prefix))) {
                        policy_problems_print(problems, stderr);
                        fail_msg("not reported: %s", line + strlen(prefix));
                }
        }

        return n;
}

static void check_file(const char *folder, const char *name, bool is_good) {
        _cleanup_(policy_unref_at) Policy *policy = NULL;
        _cleanup_(free_at) char *text = NULL;
        PolicyProblems problems = {};
        char path[1024];
        size_t length, n_errors, n_warnings;
        int r;

        print_message("%s\n", name);
        (void) snprintf(path, sizeof(path), "%s/%s", folder, name);
        assert_int_equal(file_read(AT_FDCWD, path, YAML_TEXT_MAX, &text, &length), 0);
        r = policy_load_file(path, &(PolicyLoadOptions) {}, &problems, &policy);
        n_errors = check_expectations(text, "# expect: ", PROBLEM_ERROR, &problems);
        n_warnings = check_expectations(text, "# warning: ", PROBLEM_WARNING, &problems);
        if (problems.n_errors != n_errors || problems.n_warnings != n_warnings) {
                policy_problems_print(&problems, stderr);
                fail_msg("%zu errors and %zu warnings", problems.n_errors, problems.n_warnings);
        }

        assert_int_equal(r, is_good ? 0 : -EINVAL);
        if (is_good) {
                assert_non_null(policy);
                assert_int_equal(n_errors, 0);
        } else {
                assert_null(policy);
                assert_true(n_errors > 0);
        }
        policy_problems_clear(&problems);
}

static void check_folder(const char *folder, bool is_good, size_t n_at_least) {
        _cleanup_(closedir_at) DIR *directory = opendir(folder);
        size_t n = 0;

        assert_non_null(directory);
        for (const struct dirent *entry; (entry = readdir(directory));)
                if (text_ends_with(entry->d_name, ".yaml")) {
                        check_file(folder, entry->d_name, is_good);
                        n++;
                }
        assert_true(n >= n_at_least);
}

static void test_good(_unused_ void **state) {
        check_folder(POLICY_TESTS "/good", true, 5);
}

static void test_bad(_unused_ void **state) {
        check_folder(POLICY_TESTS "/bad", false, 50);
}

/* The specification's example. */
static void test_ten_policies(_unused_ void **state) {
        PolicyProblems problems = {};
        Policy *policy = NULL;

        assert_int_equal(policy_load_file(POLICY_TESTS "/ten-policies.yaml", &(PolicyLoadOptions) {}, &problems,
                                          &policy), 0);
        policy_problems_print(&problems, stdout);
        assert_int_equal(problems.n_errors + problems.n_warnings, 0);
        assert_int_equal(policy_n_rules(policy), 9);
        policy_problems_clear(&problems);
        policy_unref(policy);
}

/* What an action does to those who use the file system, as it is handed on. */
static void test_workloads(_unused_ void **state) {
        static const char yaml[] = "version: 1\n"
                                   "permit: {unit: 'may@.service'}\n"
                                   "limits: {workloads: 3 per 1h}\n"
                                   "rules:\n"
                                   "  - id: a\n"
                                   "    match: {event: data-lost}\n"
                                   "    limits: {workloads: 1 per 1min}\n"
                                   "    do:\n"
                                   "      - {fail-workload: {term: 1s, who: file-users, how: fail,\n"
                                   "                         hold: until-clear}}\n"
                                   "      - {fail-workload: {who: fs-users, how: fail}}\n"
                                   "      - {fail-workload: {who: volume-users,\n"
                                   "                         only: {pod: any, unit: [a*, 'b.scope']}}}\n"
                                   "      - {freeze: {who: fs-users, thaw: 1min}}\n";
        static const WorkloadScope usual = {
                .who = WHO_FS_USERS, .how = HOW_FAIL, .max = WORKLOADS_MAX_DEFAULT,
        };
        WorkloadScope scopes[4] = { usual, usual, usual, usual };
        PolicyProblems problems = {};
        Policy *policy = NULL;
        PolicyUnit unit;

        scopes[0].who = WHO_FILE_USERS;
        scopes[0].term_usec = USEC_PER_SEC;
        scopes[0].hold_usec = WORKLOAD_HOLD_UNTIL_CLEAR;
        scopes[2] = workload_scope_default(HOW_STOP);
        scopes[2].who = WHO_VOLUME_USERS;
        assert_int_equal(workload_scope_add_only(&scopes[2], WORKLOAD_KEY_POD, "any"), 0);
        assert_int_equal(workload_scope_add_only(&scopes[2], WORKLOAD_KEY_UNIT, "a*"), 0);
        assert_int_equal(workload_scope_add_only(&scopes[2], WORKLOAD_KEY_UNIT, "b.scope"), 0);
        scopes[3] = workload_scope_default(HOW_FREEZE);
        scopes[3].thaw_usec = USEC_PER_MINUTE;

        assert_int_equal(policy_load_text("a.yaml", yaml, strlen(yaml), 1, &problems, &policy), 0);
        for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
                const ActionRequest *request = &policy->rules[0].source.steps[i].request;

                assert_non_null(request->workloads);
                assert_memory_equal(request->workloads, &scopes[i], sizeof(scopes[i]));
                assert_true(workload_scope_is_valid(request->workloads));
        }
        assert_string_equal(policy_permit(policy)->unit, "may@.service");
        assert_int_equal(policy_permit(policy)->timeout_usec, PERMIT_TIMEOUT_DEFAULT_USEC);
        assert_true(policy_unit_at(policy, 0, &unit));
        assert_string_equal(unit.name, "may@.service");
        assert_int_equal(policy_limits(policy)->workloads.count, 3);
        policy_unref(policy);
        policy_problems_clear(&problems);
}

/* Every unit that it may start, and where that stands. */
static void test_units(_unused_ void **state) {
        static const char yaml[] = "version: 1\n"
                                   "routes:\n"
                                   "  page: {unit: 'page@.service'}\n"
                                   "  mail: {unit: 'mail@.service'}\n"
                                   "rules:\n"
                                   "  - id: a\n"
                                   "    match: {event: sick}\n"
                                   "    do: [log, {start-unit: {unit: 'a@.service'}}, {notify: {route: page}}]\n"
                                   "  - id: b\n"
                                   "    match: {event: corrupt}\n"
                                   "    do:\n"
                                   "      - {start-unit: {unit: 'a@.service'}}\n"
                                   "      - {start-unit: {unit: 'b@.service'}}\n";
        static const struct {
                const char *name;
                unsigned line;
        } expected[] = {
                { "page@.service", 3 }, { "mail@.service", 4 }, { "a@.service", 8 }, { "a@.service", 12 },
                { "b@.service", 13 },
        };
        PolicyProblems problems = {};
        Policy *policy = NULL;
        PolicyUnit unit;

        assert_int_equal(policy_load_text("a.yaml", yaml, strlen(yaml), 1, &problems, &policy), 0);
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_true(policy_unit_at(policy, i, &unit));
                assert_string_equal(unit.name, expected[i].name);
                assert_int_equal(unit.position.line, expected[i].line);
        }
        assert_false(policy_unit_at(policy, ELEMENTSOF(expected), &unit));
        policy_unref(policy);
        policy_problems_clear(&problems);
}

static void test_text_and_caret(_unused_ void **state) {
        static const char yaml[] = "version: 1\nrules:\n  - {id: \xc3\xa4, do:\t[lgo]}\n";
        _cleanup_(free_at) char *text = NULL, *first = NULL;
        PolicyProblems problems = {};
        Policy *policy = NULL;
        size_t length;
        FILE *stream;

        assert_int_equal(policy_load_text("a.yaml", yaml, strlen(yaml), 1, &problems, &policy), -EINVAL);
        stream = open_memstream(&text, &length);
        policy_problems_print(&problems, stream);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text,
                            "a.yaml:3:10: error: \"id\" cannot be \"\xc3\xa4\": write at most 63 letters, "
                            "digits, dots, dashes and underscores, a letter or digit first\n"
                            "    - {id: \xc3\xa4, do: [lgo]}\n"
                            "           ^\n"
                            "a.yaml:3:18: error: unknown action \"lgo\": did you mean \"log\"?\n"
                            "    - {id: \xc3\xa4, do: [lgo]}\n"
                            "                   ^\n"
                            "2 errors, 0 warnings\n");
        first = policy_problem_text(&problems, &problems.items[0]);
        assert_true(text_starts_with(first, "a.yaml:3:10: error: \"id\" cannot be"));
        policy_problems_clear(&problems);
}

/* Words of a file end up on terminals. */
static void test_control_characters(_unused_ void **state) {
        static const char yaml[] = "version: 1\nmode: \"\\e[31m\"\n";
        PolicyProblems problems = {};
        Policy *policy = NULL;

        assert_int_equal(policy_load_text("a.yaml", yaml, strlen(yaml), 1, &problems, &policy), -EINVAL);
        assert_string_equal(problems.items[0].text,
                            "unknown mode \"\\x1b[31m\": write one of enforce, observe");
        policy_problems_clear(&problems);
}

static void test_limits(_unused_ void **state) {
        static char text[YAML_TEXT_MAX];

        for (unsigned n_rules = POLICY_RULES_MAX; n_rules <= POLICY_RULES_MAX + 1; n_rules++) {
                _cleanup_(policy_unref_at) Policy *policy = NULL;
                PolicyProblems problems = {};
                size_t length = (size_t) snprintf(text, sizeof(text), "version: 1\nrules:\n");
                int r;

                for (unsigned i = 0; i < n_rules; i++)
                        length += (size_t) snprintf(text + length, sizeof(text) - length,
                                                    "- {id: r%u, match: {event: sick, group: %u}, do: [log]}\n", i, i);
                r = policy_load_text("many.yaml", text, length, 1, &problems, &policy);
                print_message("%u rules\n", n_rules);
                assert_int_equal(r, n_rules > POLICY_RULES_MAX ? -EINVAL : 0);
                if (r == 0)
                        assert_int_equal(policy_n_rules(policy), n_rules);
                policy_problems_clear(&problems);
        }
}

/* What is counted beyond the list is said. */
static void test_many_problems(_unused_ void **state) {
        PolicyProblems problems = {};

        for (unsigned i = 0; i < POLICY_PROBLEMS_MAX + 5; i++)
                policy_warning(&problems, ((SourcePosition) { .line = i + 1 }), "number %u", i);
        assert_int_equal(problems.n_items, POLICY_PROBLEMS_MAX);
        assert_int_equal(problems.n_omitted, 5);
        assert_int_equal(problems.n_warnings, POLICY_PROBLEMS_MAX + 5);
        assert_int_equal(problems.n_errors, 0);
        policy_problems_clear(&problems);
}

/* The tables themselves: every row has what its readers need. */
static void test_vocabulary(_unused_ void **state) {
        for (size_t i = 0; i < match_key_count(); i++) {
                const MatchKey *key = match_key_at(i);

                print_message("%s\n", key->path);
                assert_ptr_equal(match_key_find(key->path), key);
                assert_int_equal(match_key_index(key), i);
                assert_non_null(key->help);
                assert_non_null(value_type_to_text(key->type));
                assert_non_null(key->get);
                if (key->type != VALUE_WORD && key->type != VALUE_BOOL)
                        continue;
                assert_true(key->n_words >= 1 && key->n_words <= 64);
                for (unsigned k = 0; k < key->n_words; k++)
                        if (key->word(k))
                                assert_true(match_key_word_mask(key, key->word(k)) & (UINT64_C(1) << k));
        }
        for (unsigned i = 0; i < N_ACTION_KINDS; i++) {
                assert_int_equal(action_word_of((ActionKind) i)->kind, i);
                assert_non_null(action_word_of((ActionKind) i)->help);
                /* What only tells can hardly destroy anything. */
                assert_false(action_word_of((ActionKind) i)->is_telling && action_kind_is_destructive((ActionKind) i));
        }
        for (size_t i = 0; i < policy_key_count(); i++)
                assert_ptr_equal(policy_key_find(policy_key_at(i)->place, policy_key_at(i)->name), policy_key_at(i));
        for (size_t i = 0; i < action_parameter_count(); i++) {
                const ActionParameter *parameter = action_parameter_at(i);

                assert_ptr_equal(action_parameter_find(parameter->action, parameter->name), parameter);
        }
        assert_true(match_key_is_group("fs"));
        assert_false(match_key_is_group("f"));
        assert_false(match_key_is_group("event"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_ten_policies),
                cmocka_unit_test(test_workloads),
                cmocka_unit_test(test_units),
                cmocka_unit_test(test_text_and_caret),
                cmocka_unit_test(test_control_characters),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_many_problems),
                cmocka_unit_test(test_vocabulary),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
