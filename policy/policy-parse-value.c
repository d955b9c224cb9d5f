/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single values of a policy file: typed by who asks, never by their looks.
 */
#include "policy/policy-parse-value.h"

#include <inttypes.h>
#include <string.h>

#include "src/basic/duration.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define WORD_LIST_SIZE 400

static bool word_stands_before(const char *const *words, size_t index) {
        for (size_t i = 0; i < index; i++)
                if (text_equal(words[i], words[index]))
                        return true;

        return false;
}

void policy_unknown_word(PolicyProblems *problems, SourcePosition position, const char *what, const char *word,
                         const char *const *words, size_t n_words) {
        const char *nearest = word_nearest(word, words, n_words);
        char list[WORD_LIST_SIZE] = "";

        if (nearest) {
                policy_error(problems, position, "unknown %s \"%s\": did you mean \"%s\"?", what, word,
                             nearest);
                return;
        }

        for (size_t i = 0; i < n_words; i++)
                if (words[i] && !word_stands_before(words, i))
                        (void) text_append_format(list, sizeof(list), "%s%s", list[0] ? ", " : "", words[i]);
        policy_error(problems, position, "unknown %s \"%s\": write one of %s", what, word, list);
}

void parse_unknown_word(PolicyParser *parser, SourcePosition position, const char *what, const char *word,
                        const char *const *words, size_t n_words) {
        policy_unknown_word(parser->problems, position, what, word, words, n_words);
}

const PolicyKey *parse_find_key(PolicyParser *parser, KeyPlace place, const char *what, const YamlNode *entry) {
        const PolicyKey *key = policy_key_find(place, entry->text);
        const char *words[64];
        size_t n = 0;

        if (key)
                return key;

        for (size_t i = 0; i < policy_key_count() && n < ELEMENTSOF(words); i++)
                if (policy_key_at(i)->place == place)
                        words[n++] = policy_key_at(i)->name;
        parse_unknown_word(parser, entry->position, what, entry->text, words, n);
        return NULL;
}

bool parse_kind(PolicyParser *parser, const YamlNode *node, YamlKind kind, const char *name) {
        if (node->is_refused)
                return false;
        if (node->kind == kind)
                return true;

        if (yaml_node_is_null(node))
                policy_error(parser->problems, node->position, "\"%s\" has no value: write %s", name,
                             yaml_kind_to_text(kind));
        else
                policy_error(parser->problems, node->position, "\"%s\" cannot be %s: write %s", name,
                             yaml_kind_to_text(node->kind), yaml_kind_to_text(kind));
        return false;
}

bool parse_text(PolicyParser *parser, const YamlNode *node, const char *name, const char **ret_text) {
        if (!parse_kind(parser, node, YAML_KIND_SCALAR, name))
                return false;
        if (yaml_node_is_null(node)) {
                policy_error(parser->problems, node->position,
                             "\"%s\" has no value: write one; if \"%s\" is meant as text, quote it with single quotes",
                             name, node->text);
                return false;
        }
        if (node->length == 0) {
                policy_error(parser->problems, node->position, "\"%s\" is an empty text: write a value", name);
                return false;
        }

        *ret_text = node->text;
        return true;
}

bool parse_bool(PolicyParser *parser, const YamlNode *node, const char *name, bool *ret_value) {
        const char *text;

        if (!parse_text(parser, node, name, &text))
                return false;
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
                policy_error(parser->problems, node->position, "\"%s\" cannot be \"%s\": write true or false", name,
                             text);
                return false;
        }

        *ret_value = strcmp(text, "true") == 0;
        return true;
}

bool parse_i64(PolicyParser *parser, const YamlNode *node, const char *name, int64_t min, int64_t max,
               int64_t *ret_value) {
        const char *text;

        if (!parse_text(parser, node, name, &text))
                return false;
        if (number_parse_i64(text, min, max, ret_value) < 0) {
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write a whole number from %" PRId64 " to %" PRId64, name, text,
                             min, max);
                return false;
        }

        return true;
}

static bool duration_in_range(PolicyParser *parser, SourcePosition position, const char *name, const char *text,
                              uint64_t min_usec, uint64_t max_usec, uint64_t *ret_usec) {
        char min_text[DURATION_TEXT_SIZE], max_text[DURATION_TEXT_SIZE];

        if (duration_parse(text, ret_usec) < 0) {
                policy_error(parser->problems, position,
                             "\"%s\" cannot be \"%s\": write a duration with its unit, such as 90s, 10min or 2h", name,
                             text);
                return false;
        }
        if (*ret_usec < min_usec || *ret_usec > max_usec) {
                policy_error(parser->problems, position, "\"%s\" cannot be \"%s\": write a duration from %s to %s",
                             name, text, duration_format(min_usec, min_text), duration_format(max_usec, max_text));
                return false;
        }

        return true;
}

bool parse_duration(PolicyParser *parser, const YamlNode *node, const char *name, uint64_t min_usec,
                    uint64_t max_usec, uint64_t *ret_usec) {
        const char *text;
        uint64_t usec;

        if (!parse_text(parser, node, name, &text) ||
            !duration_in_range(parser, node->position, name, text, min_usec, max_usec, &usec))
                return false;

        *ret_usec = usec;
        return true;
}

bool parse_duration_range(PolicyParser *parser, const YamlNode *node, const char *name, uint64_t min_usec,
                          uint64_t max_usec, uint64_t *ret_min_usec, uint64_t *ret_max_usec) {
        char first_text[DURATION_TEXT_SIZE];
        const char *text, *dots, *last_text;
        uint64_t first, last;

        if (!parse_text(parser, node, name, &text))
                return false;

        dots = strstr(text, "..");
        last_text = dots ? dots + strlen("..") : text;
        if (dots && (size_t) (dots - text) < sizeof(first_text)) {
                memcpy(first_text, text, (size_t) (dots - text));
                first_text[dots - text] = '\0';
        } else
                (void) text_copy(first_text, sizeof(first_text), text);

        if (!duration_in_range(parser, node->position, name, first_text, min_usec, max_usec, &first) ||
            !duration_in_range(parser, node->position, name, last_text, min_usec, max_usec, &last))
                return false;
        if (first > last) {
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write the shorter duration first", name, text);
                return false;
        }

        *ret_min_usec = first;
        *ret_max_usec = last;
        return true;
}

bool parse_word(PolicyParser *parser, const YamlNode *node, const char *what, const char *(*to_name)(unsigned i),
                unsigned n_words, unsigned *ret_value) {
        const char *words[64];
        const char *text;

        if (!parse_text(parser, node, what, &text))
                return false;

        for (unsigned i = 0; i < min_of(n_words, (unsigned) ELEMENTSOF(words)); i++) {
                words[i] = to_name(i);
                if (text_equal(words[i], text)) {
                        *ret_value = i;
                        return true;
                }
        }

        parse_unknown_word(parser, node->position, what, text, words, n_words);
        return false;
}

bool parse_id(PolicyParser *parser, const YamlNode *node, const char *name, char ret_id[static RULE_ID_SIZE]) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        const char *text;

        if (!parse_text(parser, node, name, &text))
                return false;
        if (strlen(text) >= RULE_ID_SIZE || !strchr(letters, text[0]) ||
            strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            strlen(text + 1)) {
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write at most %d letters, digits, dots, dashes and underscores, "
                             "a letter or digit first", name, text, RULE_ID_SIZE - 1);
                return false;
        }

        (void) text_copy(ret_id, RULE_ID_SIZE, text);
        return true;
}
