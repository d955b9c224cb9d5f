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
 *       fs: {mounts: [/srv], label: data, removable: '?'}    # '?' is unknown; or none
 *       expect: ['rule heal, enforce: repair']
 *
 * What is not written is as in policy-fixture.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>

#include "policy/policy-explain.h"
#include "src/basic/file.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "tests/unit/policy-fixture.h"

#ifndef POLICY_TESTS
#  define POLICY_TESTS "tests/policy"
#endif

static uint64_t number_of(const YamlNode *node) {
        uint64_t number;

        if (number_parse_u64(node->text, 0, UINT64_MAX, &number) < 0)
                fail_msg("line %u: no number", node->position.line);
        return number;
}

static void read_event_kind(Fixture *fixture, const YamlNode *node) {
        assert_int_equal(event_kind_from_name(node->text, &fixture->event.kind), 0);
        if (fixture->event.kind != EVENT_SICK && fixture->event.kind != EVENT_CORRUPT &&
            fixture->event.kind != EVENT_HEALTHY) {
                fixture->event.structure = STRUCTURE_NONE;
                fixture->event.domain = DOMAIN_MOUNT;
        }
}

static void read_event_key(Fixture *fixture, const char *key, const YamlNode *value) {
        HealthEvent *event = &fixture->event;

        if (strcmp(key, "kind") == 0)
                read_event_kind(fixture, value);
        else if (strcmp(key, "domain") == 0)
                assert_int_equal(event_domain_from_name(value->text, &event->domain), 0);
        else if (strcmp(key, "structure") == 0 && strcmp(value->text, "none") == 0)
                event->structure = STRUCTURE_NONE;
        else if (strcmp(key, "structure") == 0)
                assert_int_equal(structure_from_name(event->domain, value->text, &event->structure), 0);
        else if (strcmp(key, "group") == 0)
                event->group = (uint32_t) number_of(value);
        else if (strcmp(key, "count") == 0)
                event->count = number_of(value);
        else if (strcmp(key, "errno") == 0)
                assert_int_equal(errno_from_name(value->text, &event->error), 0);
        else
                fail_msg("line %u: what is \"%s\"?", value->position.line, key);
}

static bool is_unknown(const YamlNode *value) {
        return value->kind == YAML_KIND_SCALAR && strcmp(value->text, "?") == 0;
}

static Tristate tristate_of(const YamlNode *value) {
        return is_unknown(value) ? TRISTATE_UNKNOWN : strcmp(value->text, "true") == 0 ? TRISTATE_YES : TRISTATE_NO;
}

static void read_mounts(Fixture *fixture, const YamlNode *value) {
        fixture->filesystem.n_mounts = 0;
        YAML_FOREACH(item, value) {
                assert_true(fixture->filesystem.n_mounts + 1 < ELEMENTSOF(fixture->mounts));
                fixture->mounts[fixture->filesystem.n_mounts++] = (char *) item->text;
        }
}

static void read_autofsck(FilesystemFacts *filesystem, const YamlNode *value) {
        filesystem->autofsck_state = is_unknown(value) ? FACT_UNKNOWN : FACT_KNOWN;
        filesystem->autofsck_error = is_unknown(value) ? EIO : 0;
        if (!is_unknown(value))
                assert_int_equal(autofsck_from_name(value->text, &filesystem->autofsck), 0);
}

static void read_filesystem_key(Fixture *fixture, const char *key, const YamlNode *value) {
        FilesystemFacts *filesystem = &fixture->filesystem;

        if (strcmp(key, "mounts") == 0)
                read_mounts(fixture, value);
        else if (strcmp(key, "autofsck") == 0)
                read_autofsck(filesystem, value);
        else if (strcmp(key, "type") == 0)
                filesystem->type = (char *) value->text;
        else if (strcmp(key, "device") == 0)
                filesystem->device = is_unknown(value) ? NULL : (char *) value->text;
        else if (strcmp(key, "label") == 0) {
                filesystem->label_state = is_unknown(value) ? FACT_UNKNOWN : FACT_KNOWN;
                filesystem->label = (char *) value->text;
        } else if (strcmp(key, "removable") == 0)
                filesystem->is_removable = tristate_of(value);
        else if (strcmp(key, "root") == 0)
                filesystem->is_root = tristate_of(value);
        else if (strcmp(key, "state") == 0)
                filesystem->is_state = tristate_of(value);
        else if (strcmp(key, "rmapbt") == 0)
                filesystem->has_rmapbt = strcmp(value->text, "true") == 0;
        else if (strcmp(key, "parent") == 0)
                filesystem->has_parent_pointers = strcmp(value->text, "true") == 0;
        else
                fail_msg("line %u: what is \"%s\"?", value->position.line, key);
}

static void read_facts(Fixture *fixture, const YamlNode *test) {
        const YamlNode *event = yaml_map_find(test, "event"), *filesystem = yaml_map_find(test, "fs");

        fixture_init(fixture);
        if (event && event->kind == YAML_KIND_SCALAR)
                read_event_kind(fixture, event);
        else if (event)
                YAML_FOREACH(key, event)
                        read_event_key(fixture, key->text, key->value);

        if (filesystem && filesystem->kind == YAML_KIND_SCALAR)
                fixture->facts.filesystem = NULL;
        else if (filesystem)
                YAML_FOREACH(key, filesystem)
                        read_filesystem_key(fixture, key->text, key->value);
}

static void check_decisions(const Policy *policy, const Fixture *fixture, const YamlNode *expected) {
        Decision decisions[POLICY_DECISIONS_MAX];
        const YamlNode *next = expected->first;
        size_t n;

        assert_int_equal(policy_choose(policy, &fixture->facts, 0, decisions, POLICY_DECISIONS_MAX, &n), 0);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(free_at) char *text = policy_decision_text(&decisions[i]);

                assert_non_null(text);
                assert_int_equal(decisions[i].event_id, fixture->event.id);
                if (!next)
                        fail_msg("too much: %s", text);
                assert_string_equal(text, next->text);
                next = next->next;
                decision_clear(&decisions[i]);
        }
        if (next)
                fail_msg("missing: %s", next->text);
}

static void check_explanation(const Policy *policy, const Fixture *fixture, const YamlNode *expected) {
        _cleanup_(free_at) char *text = NULL;

        assert_int_equal(policy_explain(policy, &fixture->facts, 0, &text), 0);
        YAML_FOREACH(line, expected)
                if (!strstr(text, line->text))
                        fail_msg("\"%s\" is not in:\n%s", line->text, text);
}

static size_t check_file(const char *path) {
        _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
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

        YAML_FOREACH(test, yaml_map_find(yaml_tree_root(tree), "cases")) {
                Fixture fixture;

                print_message("    %s\n", yaml_map_find(test, "name")->text);
                read_facts(&fixture, test);
                check_decisions(policy, &fixture, yaml_map_find(test, "expect"));
                if (yaml_map_find(test, "explain"))
                        check_explanation(policy, &fixture, yaml_map_find(test, "explain"));
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
