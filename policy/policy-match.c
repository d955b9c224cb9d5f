/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three-valued matching.
 */
#include "policy/policy-match.h"

#include <inttypes.h>
#include <string.h>

#include "src/basic/text.h"

_Static_assert(MATCH_KEYS_MAX <= 64, "a bit for each key");

void match_context_init(MatchContext *context, const EventFacts *facts) {
        context->facts = facts;
        context->known = 0;
}

const FactValue *match_context_value(MatchContext *context, const MatchKey *key) {
        size_t index = match_key_index(key);
        FactValue *value = &context->values[index];

        if (!(context->known & (UINT64_C(1) << index))) {
                value->state = FACT_UNKNOWN;
                value->error = 0;
                value->n_texts = 0;
                value->n_numbers = 0;
                value->is_unnamed = value->is_partial = false;
                key->get(context->facts, value);
                context->known |= UINT64_C(1) << index;
        }

        return value;
}

static Verdict to_verdict(bool answer) {
        return answer ? VERDICT_YES : VERDICT_NO;
}

static Verdict texts_match(const Condition *condition, const FactValue *value) {
        Verdict verdict = value->is_unnamed || value->is_partial ? VERDICT_UNKNOWN : VERDICT_NO;

        for (size_t i = 0; i < value->n_texts; i++) {
                Verdict one = pattern_match(condition->pattern, value->texts[i]);

                if (one == VERDICT_YES)
                        return one;
                if (one == VERDICT_UNKNOWN)
                        verdict = one;
        }

        return verdict;
}

static Verdict numbers_match(const Condition *condition, const FactValue *value) {
        size_t n = max_of(value->n_numbers, (size_t) 1);

        for (size_t i = 0; i < n; i++) {
                uint64_t number = value->n_numbers > 0 ? value->numbers[i] : value->number;

                if (number >= condition->min && number <= condition->max)
                        return VERDICT_YES;
        }
        return value->is_partial ? VERDICT_UNKNOWN : VERDICT_NO;
}

static Verdict test_match(const Condition *condition, MatchContext *context) {
        const FactValue *value = match_context_value(context, condition->key);

        switch (value->state) {
        case FACT_UNKNOWN:
                return VERDICT_UNKNOWN;
        case FACT_ABSENT:
                return VERDICT_NO;
        case FACT_KNOWN:
                break;
        }

        switch (condition->test) {
        case TEST_MASK:
                if (condition->key->is_set)
                        return to_verdict(condition->mask & value->number);
                return to_verdict(value->number < 64 && (condition->mask & (UINT64_C(1) << value->number)));
        case TEST_RANGE:
                return numbers_match(condition, value);
        case TEST_PATTERN:
                return texts_match(condition, value);
        case TEST_WINDOW:
                return condition->window ? to_verdict(time_window_has(condition->window, (unsigned) value->number))
                                         : VERDICT_UNKNOWN;
        }

        return VERDICT_UNKNOWN;
}

/*
 * Looks for @settling among the children: one of it settles a group, else one unknown leaves the group
 * unknown. Returns @settling, VERDICT_UNKNOWN or the opposite of @settling.
 */
static Verdict group_match(const Condition *condition, MatchContext *context, Verdict settling,
                           const Condition **ret_decider) {
        Verdict verdict = settling == VERDICT_YES ? VERDICT_NO : VERDICT_YES;
        const Condition *decider = condition;

        for (size_t i = 0; i < condition->n_children; i++) {
                const Condition *child_decider;
                Verdict child = condition_match(&condition->children[i], context, &child_decider);

                if (child == settling) {
                        *ret_decider = child_decider;
                        return child;
                }
                if (child == VERDICT_UNKNOWN && verdict != VERDICT_UNKNOWN) {
                        verdict = child;
                        decider = child_decider;
                }
        }

        if (verdict != VERDICT_UNKNOWN && condition->n_children == 1)
                decider = &condition->children[0];
        *ret_decider = decider;
        return verdict;
}

Verdict condition_match(const Condition *condition, MatchContext *context, const Condition **ret_decider) {
        const Condition *decider = condition;
        Verdict verdict = VERDICT_UNKNOWN;

        switch (condition->kind) {
        case CONDITION_TEST:
                verdict = test_match(condition, context);
                break;
        case CONDITION_ALL:
                verdict = group_match(condition, context, VERDICT_NO, &decider);
                break;
        case CONDITION_ANY:
                verdict = group_match(condition, context, VERDICT_YES, &decider);
                break;
        case CONDITION_NONE:
                verdict = group_match(condition, context, VERDICT_YES, &decider);
                if (verdict != VERDICT_UNKNOWN)
                        verdict = to_verdict(verdict == VERDICT_NO);
                break;
        }

        if (ret_decider)
                *ret_decider = decider;
        return verdict;
}

static void print_set(const MatchKey *key, uint64_t set, FILE *stream) {
        const char *separator = "";

        for (unsigned i = 0; i < key->n_words; i++)
                if (set & (UINT64_C(1) << i)) {
                        fprintf(stream, "%s%s", separator, key->word(i) ?: "?");
                        separator = ", ";
                }
}

static void print_texts(const FactValue *value, const char *before, const char *behind, FILE *stream) {
        fputs(before, stream);
        for (size_t i = 0; i < value->n_texts; i++) {
                _cleanup_(free_at) char *text = text_escape(value->texts[i], strlen(value->texts[i]));

                fprintf(stream, "%s\"%s\"", i > 0 ? ", " : "", text ?: "?");
        }
        fputs(behind, stream);
}

static void print_accounts(const FactValue *value, FILE *stream) {
        fprintf(stream, "%" PRIu64, value->number);
        for (size_t i = 1; i < value->n_numbers; i++)
                fprintf(stream, ", %" PRIu64, value->numbers[i]);
        if (value->n_texts > 0)
                print_texts(value, " (", ")", stream);
        else if (value->n_numbers > 1)
                fputs(value->is_unnamed ? " (their names are unknown)" : " (they have no names)", stream);
        else
                fputs(value->is_unnamed ? " (its name is unknown)" : " (it has no name)", stream);
}

static void print_known(const MatchKey *key, const FactValue *value, FILE *stream) {
        char text[WEEK_MINUTE_TEXT_SIZE];

        if (key->is_set) {
                print_set(key, value->number, stream);
                return;
        }

        switch (key->type) {
        case VALUE_TEXT:
        case VALUE_PATH:
        case VALUE_UUID:
                print_texts(value, "", "", stream);
                break;
        case VALUE_WORD:
        case VALUE_BOOL:
                fputs(value->number < key->n_words ? key->word((unsigned) value->number) ?: "?" : "?", stream);
                break;
        case VALUE_NUMBER:
                fprintf(stream, "%" PRIu64, value->number);
                break;
        case VALUE_ERRNO:
                fputs(errno_to_name((int) value->number) ?: "?", stream);
                break;
        case VALUE_ACCOUNT:
                print_accounts(value, stream);
                break;
        case VALUE_WINDOW:
                fputs(week_minute_text((unsigned) value->number, text), stream);
                break;
        }
}

char *match_fact_text(MatchContext *context, const MatchKey *key) {
        const FactValue *value = match_context_value(context, key);
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        FILE *stream;

        stream = open_memstream(&text, &length);
        if (!stream)
                return NULL;

        fprintf(stream, "%s is ", key->path);
        switch (value->state) {
        case FACT_UNKNOWN:
                fputs("unknown", stream);
                if (value->error > 0)
                        fprintf(stream, " (%s)", errno_to_name(value->error) ?: strerror(value->error));
                break;
        case FACT_ABSENT:
                fputs("absent", stream);
                break;
        case FACT_KNOWN:
                print_known(key, value, stream);
                fputs(value->is_partial ? ", and perhaps others" : "", stream);
                break;
        }
        if (fclose(stream) != 0)
                return NULL;

        return steal_ptr(text);
}
