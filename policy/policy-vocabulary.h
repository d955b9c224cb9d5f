/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every word a policy file may hold, in tables: match keys, actions with their parameters, keys of the
 * file, of rules and of protections. Parser, matcher, explanation, manual page and schema read these
 * tables and nothing else; a new match key is one row and its getter in policy-facts.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/model/event-facts.h"
#include "src/model/decision.h"

/* How the values of a key are written. */
typedef enum ValueType {
        VALUE_TEXT,             /* text; "*" makes it a glob */
        VALUE_PATH,             /* the same, absolute */
        VALUE_UUID,             /* text again, in any case of letters */
        VALUE_WORD,             /* one of a closed set; compiled to a mask of enum values */
        VALUE_NUMBER,
        VALUE_ERRNO,            /* "ENOSPC" */
        VALUE_BOOL,             /* true, false; compiled to a mask like a word */
        VALUE_WINDOW,           /* the name of one of the policy's own windows */
        VALUE_ACCOUNT,          /* a user or a group: a number, or a text for its name */
} ValueType;
/* What stands in messages: "a word", "true or false". */
const char *value_type_to_text(ValueType type);

/* What a getter found. Only the fields for the key's type are set. */
typedef struct FactValue {
        FactState state;
        int error;                      /* FACT_UNKNOWN: positive errno or 0 */
        uint64_t number;                /* words, truth values, numbers, errnos; windows: the minute of the week */
        size_t n_numbers;               /* accounts of which there are several; @number is the first */
        const uint64_t *numbers;
        bool is_unnamed;                /* accounts: one has a name, perhaps, and it could not be found out */
        bool is_partial;                /* there may be more of them: what holds for none of these is unknown */
        size_t n_texts;                 /* texts: one or more; a test holds if it holds for any of them */
        const char *const *texts;       /* may point to @text below: a FactValue is never copied */
        const char *text;
        char buffer[64];
} FactValue;

/* Operators of one value, beside plain text and lists. */
typedef enum TestOperator {
        OPERATOR_EQUAL,                 /* a plain value; not written */
        OPERATOR_GLOB,
        OPERATOR_UNDER,
        OPERATOR_REGEX,
        OPERATOR_AT_LEAST,
        OPERATOR_AT_MOST,
} TestOperator;
DECLARE_NAMES(test_operator, TestOperator)
#define OPERATOR_BIT(operator) (1u << (operator))

/* Facts that cost something and are gathered only if the policy needs them. */
typedef enum PolicyFact {
        POLICY_FACT_FREE,               /* always there */
        POLICY_FACT_AUTOFSCK,
        POLICY_FACT_PATH,
        POLICY_FACT_OWNER,              /* and group */
        POLICY_FACT_PROJECT,
        POLICY_FACT_WORKLOAD,           /* who uses the file system, or the file */
} PolicyFact;

typedef struct MatchKey {
        const char *path;               /* "fs.mount", "event" */
        ValueType type;
        unsigned operators;             /* mask of OPERATOR_BIT() beside OPERATOR_EQUAL, which all have */
        bool is_set;                    /* VALUE_WORD: several can hold at once, each a bit of FactValue.number */
        bool is_settable_by_user;       /* label, uuid, mount: whoever brings a disk chooses them */
        PolicyFact fact;
        void (*get)(const EventFacts *facts, FactValue *ret_value);
        /* VALUE_WORD: the word of value @i, NULL for a gap; at most 64 values. A word may stand for several values. */
        const char *(*word)(unsigned i);
        unsigned n_words;
        /* at-least and at-most of words: true if larger numbers are the lesser ones (severities). */
        bool is_descending;
        const char *help;               /* one line for manual page and schema */
} MatchKey;

#define MATCH_KEYS_MAX 64
size_t match_key_count(void);
const MatchKey *match_key_at(size_t index);
size_t match_key_index(const MatchKey *key);
/* NULL if there is none. */
const MatchKey *match_key_find(const char *path);
/* True for "fs", "file", "workload": words that hold a map of keys. */
bool match_key_is_group(const char *path);
/* The set of values that a word stands for; 0 if it is none of this key. */
uint64_t match_key_word_mask(const MatchKey *key, const char *word);

/* How far the autofsck property must go before a rule's action is carried out. */
typedef enum AutofsckLevel {
        AUTOFSCK_LEVEL_REPORT,
        AUTOFSCK_LEVEL_CHECK,
        AUTOFSCK_LEVEL_REPAIR,
} AutofsckLevel;

typedef struct ActionWord {
        ActionKind kind;
        bool is_telling;                /* tells and touches nothing: protect cannot deny it */
        AutofsckLevel level;
        const char *help;
} ActionWord;

/* Never NULL: every ActionKind has a row. */
const ActionWord *action_word_of(ActionKind kind);

typedef enum ParameterType {
        PARAMETER_DURATION,
        PARAMETER_DURATION_RANGE,       /* "5s..1min" */
        PARAMETER_COUNT,
        PARAMETER_SEVERITY,
        PARAMETER_SCRUB_REPAIR,
        PARAMETER_VERIFY_SPACE,
        PARAMETER_BYTES,                /* "50M" */
        PARAMETER_WINDOW,               /* name of a window */
        PARAMETER_UNIT,                 /* name of a template */
        PARAMETER_ROUTE,
        PARAMETER_NAME,                 /* of a condition */
        PARAMETER_SENTENCE,             /* for people: one line */
        PARAMETER_WHO,                  /* of ActionRequest.workloads from here on */
        PARAMETER_HOW,
        PARAMETER_ONLY,                 /* map of WorkloadKey to patterns */
        PARAMETER_SCOPE_COUNT,
        PARAMETER_SCOPE_DURATION,
        PARAMETER_HOLD,                 /* a duration, or until-clear */
        PARAMETER_CONFIRM,              /* one word: large */
        PARAMETER_TRUTH,
} ParameterType;

typedef struct ActionParameter {
        ActionKind action;
        const char *name;
        ParameterType type;
        bool is_required;
        size_t offset;                  /* of the value in ActionRequest; from PARAMETER_WHO on in its WorkloadScope */
        uint64_t min, max;              /* durations in microseconds, counts; of sentences max, in bytes */
        const char *help;
} ActionParameter;

size_t action_parameter_count(void);
const ActionParameter *action_parameter_at(size_t index);
const ActionParameter *action_parameter_find(ActionKind action, const char *name);

/* The maps that have fixed keys beside match maps and parameters. */
typedef enum KeyPlace {
        KEY_OF_FILE,
        KEY_OF_RULE,
        KEY_OF_PROTECT,
        KEY_OF_ROUTE,
        KEY_OF_WHEN,
        KEY_OF_COOLDOWN,
        KEY_OF_GATHER,
        KEY_OF_LIMITS,
        KEY_OF_BRAKE,
        KEY_OF_RULE_LIMITS,
        KEY_OF_PATROL,
        KEY_OF_SCHEDULE,
        KEY_OF_PERMIT,
} KeyPlace;

/* Where a key of the file may stand. */
typedef enum KeyScope {
        KEY_ANYWHERE,
        KEY_MAIN_ONLY,
        KEY_DROP_IN_ONLY,
} KeyScope;

typedef struct PolicyKey {
        KeyPlace place;
        const char *name;
        KeyScope scope;                 /* KEY_OF_FILE */
        const char *help;
} PolicyKey;

size_t policy_key_count(void);
const PolicyKey *policy_key_at(size_t index);
const PolicyKey *policy_key_find(KeyPlace place, const char *name);
