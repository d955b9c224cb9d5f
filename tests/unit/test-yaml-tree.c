/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The strict subset of YAML: what becomes which tree, and which sentence what is refused gets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "policy/yaml-tree.h"
#include "src/basic/text.h"

static void show(const YamlNode *node, char *buffer, size_t size) {
        const char *separator = "";

        switch (node->kind) {
        case YAML_KIND_SCALAR:
                (void) text_append_format(buffer, size, "%s%s@%u:%u", node->is_quoted ? "'" : "", node->text,
                                          node->position.line, node->position.column);
                break;
        case YAML_KIND_LIST:
                (void) text_append_format(buffer, size, "[");
                YAML_FOREACH(item, node) {
                        (void) text_append_format(buffer, size, "%s", separator);
                        show(item, buffer, size);
                        separator = " ";
                }
                (void) text_append_format(buffer, size, "]");
                break;
        case YAML_KIND_MAP:
                (void) text_append_format(buffer, size, "{");
                YAML_FOREACH(key, node) {
                        (void) text_append_format(buffer, size, "%s%s=", separator, key->text);
                        show(key->value, buffer, size);
                        separator = " ";
                }
                (void) text_append_format(buffer, size, "}");
                break;
        }
}

static void test_trees(_unused_ void **state) {
        static const struct {
                const char *name, *yaml, *tree;
        } cases[] = {
                { "scalar", "word", "word@1:1" },
                { "map", "a: 1\nb: 'x y'\n", "{a=1@1:4 b='x y@2:4}" },
                { "flow", "{a: [1, on, 07], b: {}}", "{a=[1@1:6 on@1:9 07@1:13] b={}}" },
                { "list", "- a\n-   b\n", "[a@1:3 b@2:5]" },
                { "nothing behind a key", "a:\nb: ~", "{a=@1:3 b=~@2:4}" },
                { "columns count characters", "{\"\xc3\xa4\xc3\xa4\": x}", "{\xc3\xa4\xc3\xa4=x@1:8}" },
                { "block", "a: |\n  x\n  y\n", "{a='x\ny\n@1:4}" },
                { "a document mark in front", "--- \na: b\n", "{a=b@2:4}" },
                { "byte order mark", "\xef\xbb\xbf" "a: b\n", "{a=b@1:5}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
                PolicyProblems problems = {};
                char text[512] = "";

                print_message("%s\n", cases[i].name);
                assert_int_equal(yaml_tree_parse(cases[i].yaml, strlen(cases[i].yaml), 0, &problems, &tree), 0);
                assert_int_equal(problems.n_errors, 0);
                show(yaml_tree_root(tree), text, sizeof(text));
                assert_string_equal(text, cases[i].tree);
                policy_problems_clear(&problems);
        }
}

static void test_nothing(_unused_ void **state) {
        static const char *const texts[] = { "", "\n\n", "# only a comment\n" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
                PolicyProblems problems = {};

                assert_int_equal(yaml_tree_parse(texts[i], strlen(texts[i]), 0, &problems, &tree), 0);
                assert_null(yaml_tree_root(tree));
        }
}

typedef struct RefusedCase {
        const char *name, *yaml;
        unsigned line, column;
        const char *text;               /* part of the first problem */
        size_t n_errors;
} RefusedCase;

#define QUOTE "quote it with single quotes"

static const RefusedCase refused[] = {
        { "unquoted glob", "a: *.service\n", 1, 5, "begins an alias: " QUOTE, 1 },
        { "alias", "a: *b\n", 1, 4, "\"*b\" is an alias, and aliases are not part of the policy language", 1 },
        { "alias goes on", "a: *b\na: 1\n", 2, 1, "duplicate key", 2 },
        { "anchor", "a: &b 1\n", 1, 4, "\"&b\" is an anchor", 1 },
        { "anchor at a list", "a: &b [1]\n", 1, 4, "\"&b\" is an anchor", 1 },
        { "tag", "a: !x y\n", 1, 4, "\"!x\" is a tag", 1 },
        { "core tag", "a: !!str y\n", 1, 4, "is a tag", 1 },
        { "tag at a map", "a: !m {b: c}\n", 1, 4, "\"!m\" is a tag", 1 },
        { "escape", "a: \"\\d\"\n", 1, 5, QUOTE, 1 },
        { "open quote", "a: 'x\nb: y\n", 1, 4, "the quote that begins here has no end", 1 },
        { "merge key", "a: {<<: 1}\n", 1, 5, "merge keys", 1 },
        { "duplicate key", "a: 1\nb: 2\na: 3\n", 3, 1, "duplicate key \"a\": it stands in line 1 already", 1 },
        { "two duplicates", "a: 1\na: 2\na: 3\n", 2, 1, "duplicate key", 2 },
        { "two documents", "a: 1\n---\nb: 2\n", 2, 1, "a second document begins here", 1 },
        { "directive", "%YAML 1.1\n---\na: 1\n", 1, 1, "directives", 1 },
        { "map as key", "{a: 1}: b\n", 1, 1, "a map cannot be a key", 1 },
        { "list as key", "? [a, {b: c}]\n: d\ne: f\n", 1, 3, "a list cannot be a key", 1 },
        { "tab", "a:\n\tb: 1\n", 2, 1, "a tab in the indentation", 1 },
        { "at sign", "a: @x\n", 1, 4, "cannot begin a value", 1 },
        { "colon", "a: b: c\n", 1, 5, QUOTE, 1 },
        { "open list", "a: [b\nc: d\n", 2, 2, "close the list", 1 },
        { "open map", "a: {b: c\n", 2, 1, "close the map", 1 },
        { "indentation", "a:\n  - b\n c: d\n", 3, 2, "", 1 },
        { "invalid UTF-8", "a: b\nc: \xff\n", 2, 4, "write UTF-8", 1 },
        { "control character", "a: b\nc: \x01\n", 2, 4, "write UTF-8", 1 },
        { "UTF-16", "\xff\xfe" "a\0", 1, 1, "write UTF-8", 1 },
        { "empty key", "'': b\n", 1, 1, "empty key", 1 },
        { "NUL in quotes", "a: \"x\\0y\"\n", 1, 4, "NUL character", 1 },
        { "depth", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n", 1, 17, "nested deeper than 16 levels", 1 },
};

static void test_refused(_unused_ void **state) {
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
                PolicyProblems problems = {};

                print_message("%s\n", refused[i].name);
                (void) yaml_tree_parse(refused[i].yaml, strlen(refused[i].yaml), 0, &problems, &tree);
                policy_problems_sort(&problems);
                assert_true(problems.n_items > 0);
                for (size_t k = 0; k < problems.n_items; k++)
                        print_message("    %u:%u %s\n", problems.items[k].position.line,
                                      problems.items[k].position.column, problems.items[k].text);
                assert_int_equal(problems.n_errors, refused[i].n_errors);
                if (refused[i].n_errors == 1) {
                        assert_int_equal(problems.items[0].position.line, refused[i].line);
                        assert_int_equal(problems.items[0].position.column, refused[i].column);
                        assert_non_null(strstr(problems.items[0].text, refused[i].text));
                }
                policy_problems_clear(&problems);
        }
}

static void test_size(_unused_ void **state) {
        static char text[YAML_TEXT_MAX + 1];
        PolicyProblems problems = {};
        YamlTree *tree = NULL;

        memset(text, ' ', sizeof(text));
        assert_int_equal(yaml_tree_parse(text, YAML_TEXT_MAX, 0, &problems, &tree), 0);
        tree = yaml_tree_free(tree);
        assert_int_equal(yaml_tree_parse(text, YAML_TEXT_MAX + 1, 0, &problems, &tree), -EINVAL);
        assert_null(tree);
        assert_non_null(strstr(problems.items[0].text, "larger than 1 MiB"));
        policy_problems_clear(&problems);
}

/* Nesting and maps of hostile size end soon. */
static void test_hostile(_unused_ void **state) {
        static char text[YAML_TEXT_MAX];
        PolicyProblems problems = {};
        YamlTree *tree = NULL;
        size_t length = 0;

        memset(text, '[', sizeof(text));
        (void) yaml_tree_parse(text, sizeof(text), 0, &problems, &tree);
        assert_true(problems.n_errors > 0);
        policy_problems_clear(&problems);
        tree = yaml_tree_free(tree);

        for (unsigned i = 0; length + 20 < sizeof(text); i++)
                length += (size_t) snprintf(text + length, sizeof(text) - length, "k%u: 1\n", i);
        (void) yaml_tree_parse(text, length, 0, &problems, &tree);
        assert_true(problems.n_errors > 0);
        assert_true(problems.n_items <= POLICY_PROBLEMS_MAX);
        assert_int_equal(problems.n_items + problems.n_omitted, problems.n_errors);
        policy_problems_clear(&problems);
        tree = yaml_tree_free(tree);
}

static void test_find_and_null(_unused_ void **state) {
        static const char yaml[] = "a: ~\nb: '~'\nc: null\nd:\ne: x\nf: []\n";
        _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
        PolicyProblems problems = {};
        const YamlNode *root;

        assert_int_equal(yaml_tree_parse(yaml, strlen(yaml), 0, &problems, &tree), 0);
        root = yaml_tree_root(tree);
        assert_int_equal(root->n_children, 6);
        assert_true(yaml_node_is_null(yaml_map_find(root, "a")));
        assert_false(yaml_node_is_null(yaml_map_find(root, "b")));
        assert_true(yaml_node_is_null(yaml_map_find(root, "c")));
        assert_true(yaml_node_is_null(yaml_map_find(root, "d")));
        assert_false(yaml_node_is_null(yaml_map_find(root, "e")));
        assert_false(yaml_node_is_null(yaml_map_find(root, "f")));
        assert_null(yaml_map_find(root, "g"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_trees),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_size),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_find_and_null),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
