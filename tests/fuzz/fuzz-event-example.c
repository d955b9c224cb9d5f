/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event by hand, or one of a history that somebody else wrote: whatever was read is written again as a document
 * that can be read, and has the same facts but for those that are left out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/event-example-write.h"
#include "policy/event-example.h"
#include "policy/policy-vocabulary.h"
#include "src/basic/text.h"
#include "tests/fuzz/fuzz-target.h"

typedef struct Example {
        YamlTree *tree;
        EventExample example;
        EventFacts facts;
} Example;

/* Returns whether it is one. */
static bool example_open(const char *text, size_t length, Example *example) {
        PolicyProblems problems = {};
        const YamlNode *root;
        bool is_good = false;

        *example = (Example) {};
        if (yaml_tree_parse(text, length, 0, &problems, &example->tree) >= 0 && problems.n_errors == 0) {
                root = yaml_tree_root(example->tree);
                is_good = root && event_example_read(root, NULL, &problems, &example->example) >= 0;
        }
        policy_problems_clear(&problems);
        example->facts = event_example_facts(&example->example);
        return is_good;
}

static void example_close(Example *example) {
        event_example_clear(&example->example);
        yaml_tree_free(example->tree);
}

static bool is_left_out(const Example *example, const MatchKey *key) {
        if (example->example.left_out)
                YAML_FOREACH(name, example->example.left_out)
                        if (text_equal(name->text, key->path))
                                return true;
        return false;
}

static void require_same(const FactValue *a, const FactValue *b) {
        require(a->state == b->state && a->error == b->error && a->number == b->number);
        require(a->is_unnamed == b->is_unnamed && a->is_partial == b->is_partial && a->n_texts == b->n_texts);
        require(a->n_numbers == b->n_numbers);
        for (size_t i = 0; i < a->n_numbers; i++)
                require(a->numbers[i] == b->numbers[i]);
        for (size_t i = 0; i < a->n_texts; i++)
                require(text_equal(a->texts[i], b->texts[i]));
}

static void require_same_facts(const Example *before, const Example *after) {
        for (size_t i = 0; i < match_key_count(); i++) {
                const MatchKey *key = match_key_at(i);
                FactValue was = {}, is = {};

                if (is_left_out(after, key))
                        continue;
                key->get(&before->facts, &was);
                key->get(&after->facts, &is);
                require_same(&was, &is);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[EXAMPLE_TEXT_SIZE];
        Example before, after;
        size_t length;

        if (example_open((const char *) data, size, &before)) {
                length = event_example_write(&before.facts, text);
                require(length == strlen(text) && length < sizeof(text));
                for (size_t i = 0; i < length; i++)
                        require(text[i] >= 0x20 && text[i] < 0x7f);
                require(example_open(text, length, &after));
                require_same_facts(&before, &after);
                example_close(&after);
        }
        example_close(&before);
        return 0;
}
