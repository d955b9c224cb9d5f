/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One hash table for each key whose values are texts, one array for structures, and a list of the rest for each kind of
 * event.
 */
#include "policy/rule-index.h"

#include <stdlib.h>
#include <string.h>

#include "policy/policy-rules.h"
#include "src/basic/text.h"

/* A test of more structures than this tells rules apart so little that it is not worth its lists. */
#define INDEXED_WORDS_MAX 8

typedef struct RuleNumbers {
        uint16_t *items;
        size_t n_items, n_places;
} RuleNumbers;

typedef struct TextSlot {
        const char *text;               /* of the first rule's pattern; NULL: free */
        RuleNumbers rules;
} TextSlot;

typedef struct TextTable {
        const MatchKey *key;
        TextSlot *slots;                /* open addressing; a power of two */
        size_t n_slots, n_texts;
} TextTable;

struct RuleIndex {
        const PolicyRule *rules;
        size_t n_rules;
        RuleNumbers all[N_EVENT_KINDS];         /* that can be taken for a kind: for a walk of too many lists */
        RuleNumbers unindexed[N_EVENT_KINDS];
        TextTable tables[MATCH_KEYS_MAX];       /* by match_key_index() */
        size_t used_tables[MATCH_KEYS_MAX], n_used_tables;
        bool has_structures;
        RuleNumbers structures[N_STRUCTURES];
};

static int numbers_add(RuleNumbers *numbers, size_t number) {
        if (numbers->n_items > 0 && numbers->items[numbers->n_items - 1] == number)
                return 0;
        if (numbers->n_items == numbers->n_places) {
                size_t n_places = max_of(numbers->n_places * 2, (size_t) 2);
                uint16_t *items = reallocarray(numbers->items, n_places, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                numbers->items = items;
                numbers->n_places = n_places;
        }
        numbers->items[numbers->n_items++] = (uint16_t) number;
        return 0;
}

/* FNV-1a: the texts are the administrator's own, so nobody else can make them collide. */
static uint64_t hash_of(const char *text) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (; *text; text++)
                hash = (hash ^ (uint8_t) *text) * UINT64_C(0x100000001b3);
        return hash ^ hash >> 32;
}

/* The text's place, or the free one where it would stand. */
static TextSlot *find_slot(const TextTable *table, const char *text) {
        size_t mask = table->n_slots - 1;

        for (size_t i = hash_of(text) & mask;; i = (i + 1) & mask)
                if (!table->slots[i].text || strcmp(table->slots[i].text, text) == 0)
                        return table->slots + i;
}

static int grow(TextTable *table) {
        TextTable larger = { .key = table->key, .n_slots = max_of(table->n_slots * 2, (size_t) 16) };

        larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
        if (!larger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_slots; i++)
                if (table->slots[i].text)
                        *find_slot(&larger, table->slots[i].text) = table->slots[i];
        larger.n_texts = table->n_texts;
        free(table->slots);
        *table = larger;
        return 0;
}

static int add_text(RuleIndex *index, const Condition *test, size_t number) {
        size_t key = match_key_index(test->key);
        TextTable *table = &index->tables[key];
        TextSlot *slot;
        int r;

        if (!table->key) {
                table->key = test->key;
                index->used_tables[index->n_used_tables++] = key;
        }
        if (table->n_texts * 2 >= table->n_slots) {
                r = grow(table);
                if (r < 0)
                        return r;
        }
        slot = find_slot(table, pattern_text(test->pattern));
        if (!slot->text) {
                slot->text = pattern_text(test->pattern);
                table->n_texts++;
        }
        return numbers_add(&slot->rules, number);
}

static bool is_exact_text(const Condition *condition) {
        return condition->kind == CONDITION_TEST && condition->test == TEST_PATTERN &&
               pattern_kind(condition->pattern) == PATTERN_EXACT;
}

/* One text, or one of several of the same key. */
static bool is_of_texts(const Condition *condition) {
        if (condition->kind != CONDITION_ANY)
                return is_exact_text(condition);
        for (size_t i = 0; i < condition->n_children; i++)
                if (!is_exact_text(&condition->children[i]) ||
                    condition->children[i].key != condition->children[0].key)
                        return false;
        return condition->n_children > 0;
}

static bool is_of_structures(const Condition *condition) {
        return condition->kind == CONDITION_TEST && condition->test == TEST_MASK &&
               text_equal(condition->key->path, "structure") &&
               __builtin_popcountll(condition->mask) <= INDEXED_WORDS_MAX;
}

/* The test by which a rule is found: texts tell more apart than structures. NULL: none. */
static const Condition *telling_test(const PolicyRule *rule) {
        const Condition *match = &rule->source.match, *found = NULL;

        if (rule->source.on_unknown != ON_UNKNOWN_SKIP || match->kind != CONDITION_ALL)
                return NULL;
        for (size_t i = 0; i < match->n_children; i++) {
                if (is_of_texts(&match->children[i]))
                        return &match->children[i];
                if (!found && is_of_structures(&match->children[i]))
                        found = &match->children[i];
        }
        return found;
}

static int add_rule(RuleIndex *index, size_t number) {
        const PolicyRule *rule = &index->rules[number];
        const Condition *test = telling_test(rule);
        int r = 0;

        for (unsigned kind = 0; r >= 0 && kind < N_EVENT_KINDS; kind++)
                if (rule->events & (UINT64_C(1) << kind)) {
                        r = numbers_add(&index->all[kind], number);
                        if (r >= 0 && !test)
                                r = numbers_add(&index->unindexed[kind], number);
                }
        if (r < 0 || !test)
                return r;

        if (test->kind == CONDITION_ANY) {
                for (size_t i = 0; r >= 0 && i < test->n_children; i++)
                        r = add_text(index, &test->children[i], number);
                return r;
        }
        if (test->test == TEST_PATTERN)
                return add_text(index, test, number);

        index->has_structures = true;
        for (unsigned i = 0; r >= 0 && i < N_STRUCTURES; i++)
                if (test->mask & (UINT64_C(1) << i))
                        r = numbers_add(&index->structures[i], number);
        return r;
}

int rule_index_new(const PolicyRule *rules, size_t n_rules, RuleIndex **ret_index) {
        _cleanup_(rule_index_free_at) RuleIndex *index = calloc(1, sizeof(*index));

        if (!index)
                return -ENOMEM;
        index->rules = rules;
        index->n_rules = n_rules;
        for (size_t i = 0; i < n_rules; i++)
                if (add_rule(index, i) < 0)
                        return -ENOMEM;

        *ret_index = steal_ptr(index);
        return 0;
}

RuleIndex *rule_index_free(RuleIndex *index) {
        if (!index)
                return NULL;

        for (unsigned kind = 0; kind < N_EVENT_KINDS; kind++) {
                free(index->all[kind].items);
                free(index->unindexed[kind].items);
        }
        for (size_t i = 0; i < index->n_used_tables; i++) {
                TextTable *table = &index->tables[index->used_tables[i]];

                for (size_t k = 0; k < table->n_slots; k++)
                        free(table->slots[k].rules.items);
                free(table->slots);
        }
        for (unsigned i = 0; i < N_STRUCTURES; i++)
                free(index->structures[i].items);
        free(index);
        return NULL;
}

/* False if there is no room for one more. */
static bool add_list(RuleWalk *walk, const RuleNumbers *numbers) {
        if (numbers->n_items == 0)
                return true;
        if (walk->n_lists == RULE_LISTS_MAX)
                return false;
        walk->lists[walk->n_lists++] = (RuleList) { numbers->items, numbers->n_items };
        return true;
}

static bool add_lists_of(RuleWalk *walk, const TextTable *table, MatchContext *context) {
        const FactValue *value = match_context_value(context, table->key);

        if (value->state != FACT_KNOWN)
                return true;
        for (size_t i = 0; i < value->n_texts; i++) {
                const TextSlot *slot = find_slot(table, value->texts[i]);

                if (slot->text && !add_list(walk, &slot->rules))
                        return false;
        }
        return true;
}

void rule_walk_begin(RuleWalk *walk, const RuleIndex *index, EventKind kind, MatchContext *context) {
        const HealthEvent *event = context->facts->event;
        bool has_room;

        walk->n_lists = 0;
        has_room = add_list(walk, &index->unindexed[kind]);
        for (size_t i = 0; has_room && i < index->n_used_tables; i++)
                has_room = add_lists_of(walk, &index->tables[index->used_tables[i]], context);
        if (has_room && index->has_structures && event->structure != STRUCTURE_NONE)
                has_room = add_list(walk, &index->structures[event->structure]);
        if (has_room)
                return;

        walk->n_lists = 0;
        (void) add_list(walk, &index->all[kind]);
}

size_t rule_walk_next(RuleWalk *walk) {
        size_t next = SIZE_MAX;

        for (size_t i = 0; i < walk->n_lists; i++)
                if (walk->lists[i].n_rules > 0)
                        next = min_of(next, (size_t) walk->lists[i].rules[0]);
        /* A rule of several values stands in several lists. */
        for (size_t i = 0; i < walk->n_lists; i++)
                if (walk->lists[i].n_rules > 0 && walk->lists[i].rules[0] == next) {
                        walk->lists[i].rules++;
                        walk->lists[i].n_rules--;
                }
        return next;
}
