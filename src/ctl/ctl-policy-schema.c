/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl policy schema`: what a policy file may hold, as JSON Schema (draft 2020-12), for editors that complete and
 * check YAML by one. Made of the vocabulary's tables and of nothing else; the loader says more than a schema can.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy-vocabulary.h"
#include "policy/rule-source.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"
#include "src/model/decision.h"

#define ID_PATTERN "^[A-Za-z0-9][A-Za-z0-9._-]*$"
#define DAY_PATTERN "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
#define DAYS_PATTERN DAY_PATTERN "([.][.]" DAY_PATTERN ")?"
#define TIMES_PATTERN "[0-9]{1,2}:[0-9]{2}[.][.][0-9]{1,2}:[0-9]{2}"
#define WINDOW_PATTERN                                                                                  \
        "^ *(" DAYS_PATTERN "(," DAYS_PATTERN ")*( +" TIMES_PATTERN ")?|" TIMES_PATTERN ") *$"
#define DURATION_PATTERN "^[0-9]+ *(us|ms|s|min|h|d|w)?( +[0-9]+ *(us|ms|s|min|h|d|w))*$"

static const char *const match_groups[] = { "any-of", "none-of", "all-of" };

/* An object that takes only what is in @properties (taken). */
static json_t *closed_object(json_t *properties) {
        return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
}

static json_t *list_of(json_t *items) {
        return json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items", items);
}

/* @schema (taken) or a list of such. */
static json_t *one_or_list(json_t *schema) {
        json_t *list = list_of(json_incref(schema));

        return json_pack("{s:[o, o]}", "anyOf", schema, list);
}

static json_t *reference(const char *name) {
        return json_pack("{s:s+}", "$ref", "#/$defs/", name);
}

static json_t *words_of(const MatchKey *key) {
        json_t *words = json_array();

        for (unsigned i = 0; words && i < key->n_words; i++) {
                bool is_there = false;
                size_t index;
                json_t *known;

                if (!key->word(i))
                        continue;
                /* One word may stand for several values. */
                json_array_foreach(words, index, known)
                        is_there = is_there || text_equal(json_string_value(known), key->word(i));
                if (!is_there)
                        (void) json_array_append_new(words, json_string(key->word(i)));
        }
        return words;
}

/* One value, without its operators. */
static json_t *plain_value(const MatchKey *key) {
        switch (key->type) {
        case VALUE_WORD:
                return json_pack("{s:o}", "enum", words_of(key));
        case VALUE_BOOL:
                return json_pack("{s:s}", "type", "boolean");
        case VALUE_NUMBER:
                return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
        case VALUE_ERRNO:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", "^E[A-Z0-9]+$");
        case VALUE_WINDOW:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", ID_PATTERN);
        case VALUE_TEXT:
        case VALUE_PATH:
        case VALUE_UUID:
                return json_pack("{s:s}", "type", "string");
        }
        return NULL;
}

/* What may stand behind a key: a value, a list of what may stand there (one of), or a map of operators and groups. */
static json_t *match_value(const MatchKey *key) {
        json_t *operators = json_object(), *plain = plain_value(key);

        for (unsigned i = OPERATOR_GLOB; i <= OPERATOR_AT_MOST; i++)
                if (key->operators & OPERATOR_BIT(i))
                        (void) json_object_set(operators, test_operator_to_name((TestOperator) i), plain);
        for (size_t i = 0; i < ELEMENTSOF(match_groups); i++)
                (void) json_object_set_new(operators, match_groups[i], list_of(reference(key->path)));
        (void) json_object_set_new(operators, "not", reference(key->path));

        return json_pack("{s:s, s:[o, o, o]}", "description", key->help, "anyOf", plain, list_of(reference(key->path)),
                         closed_object(operators));
}

/* One definition for each key that a match map may hold, by the key's path, because they refer to themselves. */
static void add_match_values(json_t *definitions) {
        for (size_t i = 0; i < match_key_count(); i++)
                if (match_key_at(i)->is_built)
                        (void) json_object_set_new(definitions, match_key_at(i)->path, match_value(match_key_at(i)));
}

/* A map of keys, and the groups that hold such maps. */
static json_t *match_map(const char *name) {
        json_t *properties = json_object();

        for (size_t i = 0; i < ELEMENTSOF(match_groups); i++)
                (void) json_object_set_new(properties, match_groups[i], list_of(reference(name)));
        (void) json_object_set_new(properties, "not", reference(name));
        return closed_object(properties);
}

/* "match", and one definition for each word that holds a map of keys ("fs"). */
static void add_match_maps(json_t *definitions) {
        (void) json_object_set_new(definitions, "match", match_map("match"));

        for (size_t i = 0; i < match_key_count(); i++) {
                const MatchKey *key = match_key_at(i);
                const char *dot = strchr(key->path, '.');
                json_t *whole = json_object_get(json_object_get(definitions, "match"), "properties");
                char group[32];

                if (!key->is_built)
                        continue;
                if (!dot) {
                        (void) json_object_set_new(whole, key->path, reference(key->path));
                        continue;
                }
                (void) snprintf(group, sizeof(group), "%.*s", (int) (dot - key->path), key->path);
                if (!json_object_get(definitions, group)) {
                        (void) json_object_set_new(definitions, group, match_map(group));
                        (void) json_object_set_new(whole, group, reference(group));
                }
                (void) json_object_set_new(json_object_get(json_object_get(definitions, group), "properties"), dot + 1,
                                           reference(key->path));
        }
}

static json_t *names_schema(const char *(*name_of)(unsigned i), unsigned n) {
        json_t *names = json_array();

        for (unsigned i = 0; names && i < n; i++)
                if (name_of(i))
                        (void) json_array_append_new(names, json_string(name_of(i)));
        return json_pack("{s:o}", "enum", names);
}

static const char *severity_name_at(unsigned i) {
        return severity_to_name((Severity) i);
}

static const char *scrub_repair_name_at(unsigned i) {
        return scrub_repair_to_name((ScrubRepair) i);
}

static const char *mode_name_at(unsigned i) {
        return policy_mode_to_name((PolicyMode) i);
}

static const char *baseline_name_at(unsigned i) {
        return policy_baseline_to_name((PolicyBaseline) i);
}

static const char *on_unknown_name_at(unsigned i) {
        return on_unknown_to_name((OnUnknown) i);
}

static json_t *duration_schema(void) {
        return json_pack("{s:[s, s], s:s}", "type", "string", "integer", "pattern", DURATION_PATTERN);
}

/* Names of windows, each a time or several of them. */
static json_t *windows_schema(void) {
        json_t *time = json_pack("{s:s, s:s}", "type", "string", "pattern", WINDOW_PATTERN);

        return json_pack("{s:s, s:{s:s, s:i}, s:o, s:i}", "type", "object", "propertyNames", "pattern", ID_PATTERN,
                         "maxLength", RULE_ID_SIZE - 1, "additionalProperties", one_or_list(time), "maxProperties",
                         POLICY_WINDOWS_MAX);
}

static json_t *parameter_schema(const ActionParameter *parameter) {
        json_t *schema = NULL;

        switch (parameter->type) {
        case PARAMETER_DURATION:
                schema = duration_schema();
                break;
        case PARAMETER_DURATION_RANGE:
                schema = json_pack("{s:s}", "type", "string");
                break;
        case PARAMETER_COUNT:
                schema = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t) parameter->min,
                                   "maximum", (json_int_t) parameter->max);
                break;
        case PARAMETER_SEVERITY:
                schema = names_schema(severity_name_at, SEVERITY_INFO + 1);
                break;
        case PARAMETER_SCRUB_REPAIR:
                schema = names_schema(scrub_repair_name_at, SCRUB_REPAIR_IF_ALLOWED + 1);
                break;
        case PARAMETER_OTHER:
                return NULL;
        }
        (void) json_object_set_new(schema, "description", json_string(parameter->help));
        return schema;
}

static json_t *parameters_schema(ActionKind kind) {
        json_t *properties = json_object();

        for (size_t i = 0; i < action_parameter_count(); i++) {
                const ActionParameter *parameter = action_parameter_at(i);

                if (parameter->action == kind && parameter->is_built)
                        (void) json_object_set_new(properties, parameter->name, parameter_schema(parameter));
        }
        return closed_object(properties);
}

/* A word alone, or a map of one word to its parameters. */
static json_t *action_schema(void) {
        json_t *names = json_array(), *properties = json_object(), *map;

        for (unsigned i = 0; i < N_ACTION_KINDS; i++) {
                const ActionWord *word = action_word_of((ActionKind) i);
                const char *name = action_kind_to_name(word->kind);
                json_t *parameters;

                if (!word->is_built)
                        continue;
                (void) json_array_append_new(names, json_string(name));
                parameters = parameters_schema(word->kind);
                if (json_object_size(json_object_get(parameters, "properties")) == 0) {
                        json_decref(parameters);
                        continue;
                }
                (void) json_object_set_new(parameters, "description", json_string(word->help));
                (void) json_object_set_new(properties, name, parameters);
        }
        map = closed_object(properties);
        (void) json_object_set_new(map, "minProperties", json_integer(1));
        (void) json_object_set_new(map, "maxProperties", json_integer(1));
        return json_pack("{s:[{s:o}, o]}", "anyOf", "enum", names, map);
}

/* What stands behind a key; NULL: described by its line of help alone. */
static json_t *key_schema(const PolicyKey *key) {
        static const char *const truths[] = { "continue", "ignore-autofsck", "stop-on-failure" };

        for (size_t i = 0; i < ELEMENTSOF(truths); i++)
                if (text_equal(key->name, truths[i]))
                        return json_pack("{s:s}", "type", "boolean");
        if (text_equal(key->name, "version"))
                return json_pack("{s:[i, s]}", "enum", 1, "1");
        if (text_equal(key->name, "mode"))
                return names_schema(mode_name_at, POLICY_MODE_OBSERVE + 1);
        if (text_equal(key->name, "baseline"))
                return names_schema(baseline_name_at, BASELINE_OFF + 1);
        if (text_equal(key->name, "on-unknown"))
                return names_schema(on_unknown_name_at, ON_UNKNOWN_MATCH + 1);
        if (text_equal(key->name, "priority"))
                return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", -1000, "maximum", 1000);
        if (text_equal(key->name, "id"))
                return json_pack("{s:s, s:s, s:i}", "type", "string", "pattern", ID_PATTERN, "maxLength",
                                 RULE_ID_SIZE - 1);
        if (text_equal(key->name, "match"))
                return reference("match");
        if (text_equal(key->name, "do"))
                return list_of(reference("action"));
        if (text_equal(key->name, "rules"))
                return json_pack("{s:s, s:o}", "type", "array", "items", reference("rule"));
        if (text_equal(key->name, "protect"))
                return json_pack("{s:s, s:o}", "type", "array", "items", reference("protection"));
        if (text_equal(key->name, "windows"))
                return windows_schema();
        if (text_equal(key->name, "disable"))
                return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
        if (text_equal(key->name, "deny"))
                return json_pack("{s:[{s:s}, o]}", "anyOf", "const", "all",
                                 one_or_list(json_pack("{s:s}", "type", "string")));
        return json_object();
}

static json_t *place_schema(KeyPlace place, const char *const *required) {
        json_t *properties = json_object(), *schema, *names = json_array();

        for (size_t i = 0; i < policy_key_count(); i++) {
                const PolicyKey *key = policy_key_at(i);
                json_t *value;

                if (key->place != place || !key->is_built)
                        continue;
                value = key_schema(key);
                (void) json_object_set_new(value, "description", json_string(key->help));
                (void) json_object_set_new(properties, key->name, value);
        }
        schema = closed_object(properties);
        for (size_t i = 0; required[i]; i++)
                (void) json_array_append_new(names, json_string(required[i]));
        (void) json_object_set_new(schema, "required", names);
        return schema;
}

CtlExit ctl_policy_schema(_unused_ const CtlRequest *request) {
        static const char *const of_file[] = { "version", NULL };
        static const char *const of_rule[] = { "id", "do", NULL };
        static const char *const of_protection[] = { "id", "match", "deny", NULL };
        _cleanup_(json_decref_at) json_t *schema = place_schema(KEY_OF_FILE, of_file);
        json_t *definitions;
        int r;

        (void) json_object_set_new(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
        (void) json_object_set_new(schema, "title", json_string("policy of healerd, see healer-policy(5)"));
        definitions = json_pack("{s:o, s:o, s:o}", "action", action_schema(), "rule",
                                place_schema(KEY_OF_RULE, of_rule), "protection",
                                place_schema(KEY_OF_PROTECT, of_protection));
        if (!definitions) {
                ctl_complain(NULL, "cannot make the schema: %s", strerror(ENOMEM));
                return CTL_EXIT_FAILED;
        }
        add_match_maps(definitions);
        add_match_values(definitions);
        (void) json_object_set_new(schema, "$defs", definitions);
        r = ctl_json_print(schema, false, stdout);
        return r < 0 && r != -EPIPE ? CTL_EXIT_FAILED : CTL_EXIT_OK;
}
