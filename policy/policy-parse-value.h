/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single values of a policy file, shared by the parts of the parser. Each function reports what is
 * wrong with its node and returns false then; the caller just goes on with the next one.
 */
#pragma once

#include "policy/policy-parse.h"

typedef struct PolicyParser {
        PolicyProblems *problems;
        PolicyFileRole role;
} PolicyParser;

/* "unknown WHAT "WORD": did you mean ...", with one of @words; if none is near, all of them. NULL entries are left
 * out. */
void parse_unknown_word(PolicyParser *parser, SourcePosition position, const char *what, const char *word,
                        const char *const *words, size_t n_words);

/* The key's row; NULL after reporting that it is unknown. @what: "key of a rule". */
const PolicyKey *parse_find_key(PolicyParser *parser, KeyPlace place, const char *what, const YamlNode *entry);

/* The same without a parser: for what is found when all files are there. */
void policy_unknown_word(PolicyProblems *problems, SourcePosition position, const char *what, const char *word,
                         const char *const *words, size_t n_words);

bool parse_kind(PolicyParser *parser, const YamlNode *node, YamlKind kind, const char *name);
/* A scalar that says something. Borrowed from the tree. */
bool parse_text(PolicyParser *parser, const YamlNode *node, const char *name, const char **ret_text);
bool parse_bool(PolicyParser *parser, const YamlNode *node, const char *name, bool *ret_value);
bool parse_i64(PolicyParser *parser, const YamlNode *node, const char *name, int64_t min, int64_t max,
               int64_t *ret_value);
bool parse_duration(PolicyParser *parser, const YamlNode *node, const char *name, uint64_t min_usec,
                    uint64_t max_usec, uint64_t *ret_usec);
/* "5s..1min", or one duration for both ends. */
bool parse_duration_range(PolicyParser *parser, const YamlNode *node, const char *name, uint64_t min_usec,
                          uint64_t max_usec, uint64_t *ret_min_usec, uint64_t *ret_max_usec);
/* The word of an enum; @to_name gives the words of values below @n_words. */
bool parse_word(PolicyParser *parser, const YamlNode *node, const char *what, const char *(*to_name)(unsigned i),
                unsigned n_words, unsigned *ret_value);
bool parse_id(PolicyParser *parser, const YamlNode *node, const char *name, char ret_id[static RULE_ID_SIZE]);

/* The other parts of the parser. They return 0 also after reporting problems; -ENOMEM. */
int parse_match(PolicyParser *parser, const YamlNode *node, Condition *ret_match);
int parse_steps(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_escalation(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_when(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_for(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_cooldown(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_gather(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_again(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_rule_limits(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
int parse_brake(PolicyParser *parser, const YamlNode *node, PolicySource *source);
int parse_file_limits(PolicyParser *parser, const YamlNode *node, PolicySource *source);
int parse_windows(PolicyParser *parser, const YamlNode *node, PolicySource *source);
int parse_routes(PolicyParser *parser, const YamlNode *node, PolicySource *source);
int parse_permit(PolicyParser *parser, const YamlNode *node, PolicySource *source);
int parse_patrol(PolicyParser *parser, const YamlNode *node, PolicySource *source);
int parse_schedules(PolicyParser *parser, const YamlNode *node, PolicySource *source);
/* One action that stands alone; of a @rule without any. */
int parse_single_step(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
/* The name of a template that a policy may have started; new text. @name: of the key. */
void parse_unit(PolicyParser *parser, const YamlNode *node, const char *name, char **ret_unit);
/* Reports and returns false if @node is no action's name. */
bool parse_action_name(PolicyParser *parser, const YamlNode *node, ActionKind *ret_kind);
