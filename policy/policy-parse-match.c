/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `match` maps to conditions. Keys of a map are joined by and, a list is one-of; any-of, none-of,
 * all-of and not combine maps beside the keys, and values behind a key.
 */
#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define KEY_PATH_SIZE 128

/* Words that combine, at both levels. */
static const struct {
        const char *word;
        ConditionKind kind;
        bool takes_list;
} combinations[] = {
        { "any-of", CONDITION_ANY, true },
        { "none-of", CONDITION_NONE, true },
        { "all-of", CONDITION_ALL, true },
        { "not", CONDITION_NONE, false },
};

static int match_map(PolicyParser *parser, const YamlNode *node, const char *prefix, Condition *ret_condition);
static int value_test(PolicyParser *parser, const MatchKey *key, const YamlNode *node, Condition *ret_condition);

/* Takes the contents of @child, also on failure. An "and" within an "and" is one: flat conditions are what the
 * compiler reasons about and what is fast to match. */
static int add_child(Condition *parent, Condition *child) {
        bool is_flat = child->kind == CONDITION_ALL && (parent->kind == CONDITION_ALL || child->n_children == 1);
        const Condition *added = is_flat ? child->children : child;
        size_t n_added = is_flat ? child->n_children : 1;
        Condition *children;

        if (n_added > 0) {
                children = reallocarray(parent->children, parent->n_children + n_added, sizeof(*children));
                if (!children) {
                        condition_clear(child);
                        return -ENOMEM;
                }
                memcpy(children + parent->n_children, added, n_added * sizeof(*children));
                parent->children = children;
                parent->n_children += n_added;
        }

        if (is_flat)
                free(child->children);
        *child = (Condition) {};
        return 0;
}

/* What one element of a combination is: a map of keys, or a value of @key. */
static int element(PolicyParser *parser, const MatchKey *key, const char *prefix, const char *name,
                   const YamlNode *node, Condition *ret_condition) {
        if (key)
                return value_test(parser, key, node, ret_condition);
        if (!parse_kind(parser, node, YAML_KIND_MAP, name))
                return 0;
        if (node->n_children == 0)
                policy_error(parser->problems, node->position,
                             "empty map in \"%s\": write at least one key in it", name);

        return match_map(parser, node, prefix, ret_condition);
}

static int add_element(PolicyParser *parser, const MatchKey *key, const char *prefix, const char *name,
                       const YamlNode *node, Condition *parent) {
        Condition child = { .kind = CONDITION_ALL, .position = node->position };
        int r;

        r = element(parser, key, prefix, name, node, &child);
        if (r < 0) {
                condition_clear(&child);
                return r;
        }

        return add_child(parent, &child);
}

static int combination(PolicyParser *parser, size_t index, const MatchKey *key, const char *prefix,
                       const YamlNode *node, Condition *parent) {
        const char *name = combinations[index].word;
        Condition group = { .kind = combinations[index].kind, .position = node->position };
        int r = 0;

        if (!combinations[index].takes_list) {
                r = add_element(parser, key, prefix, name, node, &group);
        } else if (parse_kind(parser, node, YAML_KIND_LIST, name)) {
                if (node->n_children == 0)
                        policy_error(parser->problems, node->position,
                                     "empty list for \"%s\": write at least one element", name);
                YAML_FOREACH(item, node) {
                        r = add_element(parser, key, prefix, name, item, &group);
                        if (r < 0)
                                break;
                }
        }
        if (r < 0) {
                condition_clear(&group);
                return r;
        }

        return add_child(parent, &group);
}

/* Returns the index of a combining word; ELEMENTSOF(combinations) if it is none. */
static size_t combination_find(const char *word) {
        size_t i;

        for (i = 0; i < ELEMENTSOF(combinations); i++)
                if (strcmp(combinations[i].word, word) == 0)
                        break;

        return i;
}

static int test_pattern(PolicyParser *parser, const YamlNode *node, PatternKind kind, const char *text,
                        Condition *ret_condition) {
        char message[PATTERN_MESSAGE_SIZE] = "";
        int r;

        r = pattern_new(kind, text, &ret_condition->pattern, message);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                policy_error(parser->problems, node->position, "\"%s\" is not a valid pattern: %s", text, message);
        ret_condition->test = TEST_PATTERN;
        return 0;
}

static int test_text(PolicyParser *parser, const MatchKey *key, TestOperator operator, const YamlNode *node,
                     const char *text, Condition *ret_condition) {
        char uuid[UUID_TEXT_SIZE];
        uint8_t bytes[UUID_SIZE];

        if (operator == OPERATOR_REGEX)
                return test_pattern(parser, node, PATTERN_REGEX, text, ret_condition);
        if (operator == OPERATOR_UNDER)
                return test_pattern(parser, node, PATTERN_UNDER, text, ret_condition);
        if (key->type == VALUE_PATH && text[0] != '/' && text[0] != '*')
                policy_error(parser->problems, node->position,
                             "\"%s\" is not an absolute path: begin it with \"/\"", text);
        if (operator == OPERATOR_GLOB || pattern_text_is_glob(text))
                return test_pattern(parser, node, PATTERN_GLOB, text, ret_condition);
        if (key->type == VALUE_PATH && text_ends_with(text, "/") && strcmp(text, "/") != 0)
                policy_error(parser->problems, node->position, "\"%s\" would never be found: leave out the last \"/\"",
                             text);
        if (key->type == VALUE_UUID) {
                if (uuid_parse(text, bytes) < 0)
                        policy_error(parser->problems, node->position,
                                     "\"%s\" is not a UUID: write it as lsblk -o UUID shows it", text);
                else
                        text = uuid_format(bytes, uuid);
        }

        return test_pattern(parser, node, PATTERN_EXACT, text, ret_condition);
}

/* All values from @index on in the direction that the operator means. */
static uint64_t ordered_mask(const MatchKey *key, TestOperator operator, unsigned index) {
        bool upwards = (operator == OPERATOR_AT_LEAST) != key->is_descending;
        uint64_t mask = 0;

        for (unsigned i = 0; i < key->n_words; i++)
                if (upwards ? i >= index : i <= index)
                        mask |= UINT64_C(1) << i;

        return mask;
}

static void test_word(PolicyParser *parser, const MatchKey *key, TestOperator operator, const YamlNode *node,
                      const char *text, Condition *ret_condition) {
        uint64_t mask = match_key_word_mask(key, text);
        const char *words[64];

        ret_condition->test = TEST_MASK;
        if (mask == 0) {
                for (unsigned i = 0; i < key->n_words; i++)
                        words[i] = key->word(i);
                if (key->type == VALUE_BOOL)
                        policy_error(parser->problems, node->position, "\"%s\" cannot be \"%s\": write true or false",
                                     key->path, text);
                else
                        parse_unknown_word(parser, node->position, key->path, text, words, key->n_words);
                return;
        }

        if (operator == OPERATOR_EQUAL)
                ret_condition->mask = mask;
        else
                ret_condition->mask = ordered_mask(key, operator, (unsigned) __builtin_ctzll(mask));
}

static void test_number(PolicyParser *parser, const MatchKey *key, TestOperator operator, const YamlNode *node,
                        const char *text, Condition *ret_condition) {
        uint64_t number = 0;

        ret_condition->test = TEST_RANGE;
        if (number_parse_u64(text, 0, UINT64_MAX, &number) < 0)
                policy_error(parser->problems, node->position, "\"%s\" cannot be \"%s\": write a number", key->path,
                             text);
        ret_condition->min = operator == OPERATOR_AT_MOST ? 0 : number;
        ret_condition->max = operator == OPERATOR_AT_LEAST ? UINT64_MAX : number;
}

/* Nobody is called by a number. */
static int test_account(PolicyParser *parser, const MatchKey *key, TestOperator operator, const YamlNode *node,
                        const char *text, Condition *ret_condition) {
        bool is_order = operator == OPERATOR_AT_LEAST || operator == OPERATOR_AT_MOST;
        uint64_t number;

        if (is_order || (operator == OPERATOR_EQUAL && number_parse_u64(text, 0, UINT64_MAX, &number) >= 0)) {
                test_number(parser, key, operator, node, text, ret_condition);
                return 0;
        }
        return test_text(parser, key, operator, node, text, ret_condition);
}

static void test_errno(PolicyParser *parser, const MatchKey *key, const YamlNode *node, const char *text,
                       Condition *ret_condition) {
        /* Linux has errors up to 133; a few more cost nothing. */
        const char *words[160];
        int error = 0;

        ret_condition->test = TEST_RANGE;
        if (errno_from_name(text, &error) < 0) {
                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        words[i] = errno_to_name((int) i);
                if (word_nearest(text, words, ELEMENTSOF(words)))
                        parse_unknown_word(parser, node->position, key->path, text, words, ELEMENTSOF(words));
                else
                        policy_error(parser->problems, node->position, "unknown %s \"%s\": write %s", key->path, text,
                                     value_type_to_text(VALUE_ERRNO));
        }
        ret_condition->min = ret_condition->max = (uint64_t) error;
}

/* Which window it is is looked for when all files are there. */
static int test_window(PolicyParser *parser, const YamlNode *node, const char *text, Condition *ret_condition) {
        int r = test_pattern(parser, node, PATTERN_EXACT, text, ret_condition);

        ret_condition->test = TEST_WINDOW;
        return r;
}

static int scalar_test(PolicyParser *parser, const MatchKey *key, TestOperator operator, const YamlNode *node,
                       Condition *ret_condition) {
        const char *text;

        *ret_condition = (Condition) { .kind = CONDITION_TEST, .position = node->position, .key = key };
        if (!parse_text(parser, node, key->path, &text))
                return 0;

        switch (key->type) {
        case VALUE_TEXT:
        case VALUE_PATH:
        case VALUE_UUID:
                return test_text(parser, key, operator, node, text, ret_condition);
        case VALUE_WORD:
        case VALUE_BOOL:
                test_word(parser, key, operator, node, text, ret_condition);
                return 0;
        case VALUE_NUMBER:
                test_number(parser, key, operator, node, text, ret_condition);
                return 0;
        case VALUE_ERRNO:
                test_errno(parser, key, node, text, ret_condition);
                return 0;
        case VALUE_ACCOUNT:
                return test_account(parser, key, operator, node, text, ret_condition);
        case VALUE_WINDOW:
                return test_window(parser, node, text, ret_condition);
        }

        return 0;
}

static void unknown_operator(PolicyParser *parser, const MatchKey *key, const YamlNode *node) {
        const char *words[ELEMENTSOF(combinations) + OPERATOR_AT_MOST + 1];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(combinations); i++)
                words[n++] = combinations[i].word;
        for (unsigned i = 0; i <= OPERATOR_AT_MOST; i++)
                words[n++] = key->operators & OPERATOR_BIT(i) ? test_operator_to_name((TestOperator) i) : NULL;

        parse_unknown_word(parser, node->position, "operator", node->text, words, n);
}

/* {glob: …}, {none-of: […]}; several are joined by and. */
static int operator_map(PolicyParser *parser, const MatchKey *key, const YamlNode *node, Condition *ret_condition) {
        int r = 0;

        *ret_condition = (Condition) { .kind = CONDITION_ALL, .position = node->position };
        if (node->n_children == 0)
                policy_error(parser->problems, node->position, "empty map for \"%s\": write %s", key->path,
                             value_type_to_text(key->type));

        YAML_FOREACH(entry, node) {
                size_t index = combination_find(entry->text);
                TestOperator operator;
                Condition test;

                if (index < ELEMENTSOF(combinations)) {
                        r = combination(parser, index, key, NULL, entry->value, ret_condition);
                } else if (test_operator_from_name(entry->text, &operator) < 0 ||
                           !(key->operators & OPERATOR_BIT(operator))) {
                        unknown_operator(parser, key, entry);
                } else {
                        r = scalar_test(parser, key, operator, entry->value, &test);
                        if (r == 0)
                                r = add_child(ret_condition, &test);
                }
                if (r < 0)
                        return r;
        }

        return 0;
}

/* A list of words is one mask instead of many tests. Only masks of one key can meet here. */
static void fold_masks(Condition *any) {
        uint64_t mask = 0;

        for (size_t i = 0; i < any->n_children; i++) {
                if (any->children[i].kind != CONDITION_TEST || any->children[i].test != TEST_MASK)
                        return;
                mask |= any->children[i].mask;
        }
        if (any->n_children == 0)
                return;

        Condition folded = any->children[0];

        folded.mask = mask;
        folded.position = any->position;
        free(any->children);
        *any = folded;
}

static int value_test(PolicyParser *parser, const MatchKey *key, const YamlNode *node, Condition *ret_condition) {
        int r;

        switch (node->kind) {
        case YAML_KIND_SCALAR:
                return scalar_test(parser, key, OPERATOR_EQUAL, node, ret_condition);
        case YAML_KIND_MAP:
                return operator_map(parser, key, node, ret_condition);
        case YAML_KIND_LIST:
                *ret_condition = (Condition) { .kind = CONDITION_ANY, .position = node->position };
                if (node->n_children == 0)
                        policy_error(parser->problems, node->position,
                                     "empty list for \"%s\": write at least one value",
                                     key->path);
                YAML_FOREACH(item, node) {
                        r = add_element(parser, key, NULL, key->path, item, ret_condition);
                        if (r < 0)
                                return r;
                }
                fold_masks(ret_condition);
                return 0;
        }

        return 0;
}

/* The keys that can stand in a map of this prefix: combining words first. */
static size_t match_words(const char *prefix, const char **words) {
        size_t prefix_length = prefix ? strlen(prefix) : 0, n = 0;

        for (size_t i = 0; i < ELEMENTSOF(combinations); i++)
                words[n++] = combinations[i].word;
        if (!prefix)
                words[n++] = "fs";
        for (size_t i = 0; i < match_key_count(); i++) {
                const char *path = match_key_at(i)->path;

                if (!prefix && !strchr(path, '.'))
                        words[n++] = path;
                else if (prefix && text_starts_with(path, prefix) && path[prefix_length] == '.')
                        words[n++] = path + prefix_length + 1;
        }

        return n;
}

/* Keys that stand one level too high or too low get a sentence of their own. */
static void unknown_match_key(PolicyParser *parser, const YamlNode *entry, const char *prefix) {
        const char *words[MATCH_KEYS_MAX + ELEMENTSOF(combinations) + 1];
        size_t n;

        if (prefix && (match_key_find(entry->text) || match_key_is_group(entry->text))) {
                policy_error(parser->problems, entry->position, "\"%s\" is no part of \"%s\": write it beside \"%s\"",
                             entry->text, prefix, prefix);
                return;
        }
        for (size_t i = 0; i < match_key_count() && !prefix; i++) {
                const char *path = match_key_at(i)->path, *dot = strchr(path, '.');

                if (dot && (strcmp(dot + 1, entry->text) == 0 || strcmp(path, entry->text) == 0)) {
                        policy_error(parser->problems, entry->position, "unknown key \"%s\": write \"%.*s: {%s: ...}\"",
                                     entry->text, (int) (dot - path), path, dot + 1);
                        return;
                }
        }

        n = match_words(prefix, words);
        parse_unknown_word(parser, entry->position, "key", entry->text, words, n);
}

/* "fs" and "mount" to "fs.mount"; what is too long to be any key is cut. */
static void join_path(const char *prefix, const char *word, char ret_path[static KEY_PATH_SIZE]) {
        size_t n_prefix = prefix ? min_of(strlen(prefix), (size_t) KEY_PATH_SIZE - 2) : 0, n_word = strlen(word);

        if (prefix) {
                memcpy(ret_path, prefix, n_prefix);
                ret_path[n_prefix++] = '.';
        }
        n_word = min_of(n_word, KEY_PATH_SIZE - 1 - n_prefix);
        memcpy(ret_path + n_prefix, word, n_word);
        ret_path[n_prefix + n_word] = 0;
}

static int match_entry(PolicyParser *parser, const YamlNode *entry, const char *prefix, Condition *parent) {
        size_t index = combination_find(entry->text);
        char path[KEY_PATH_SIZE] = "";
        const MatchKey *key;

        if (index < ELEMENTSOF(combinations))
                return combination(parser, index, NULL, prefix, entry->value, parent);

        join_path(prefix, entry->text, path);
        key = match_key_find(path);
        if (!key && !prefix && match_key_is_group(entry->text))
                return add_element(parser, NULL, entry->text, entry->text, entry->value, parent);
        if (!key || (!prefix && strchr(entry->text, '.'))) {
                unknown_match_key(parser, entry, prefix);
                return 0;
        }

        return add_element(parser, key, NULL, entry->text, entry->value, parent);
}

static int match_map(PolicyParser *parser, const YamlNode *node, const char *prefix, Condition *ret_condition) {
        int r;

        *ret_condition = (Condition) { .kind = CONDITION_ALL, .position = node->position };
        YAML_FOREACH(entry, node) {
                r = match_entry(parser, entry, prefix, ret_condition);
                if (r < 0)
                        return r;
        }

        return 0;
}

int parse_match(PolicyParser *parser, const YamlNode *node, Condition *ret_match) {
        Condition match = { .kind = CONDITION_ALL, .position = node->position };
        int r;

        if (parse_kind(parser, node, YAML_KIND_MAP, "match")) {
                r = match_map(parser, node, NULL, &match);
                if (r < 0) {
                        condition_clear(&match);
                        return r;
                }
        }

        *ret_match = match;
        return 0;
}
