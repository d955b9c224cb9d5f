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
#include "src/ctl/ctl-policy-schema.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"
#include "src/model/decision.h"

static const char *const match_groups[] = { "any-of", "none-of", "all-of" };

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
        case VALUE_ACCOUNT:
                return json_pack("{s:[s, s]}", "type", "string", "integer");
        case VALUE_WINDOW:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", SCHEMA_ID_PATTERN);
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
                (void) json_object_set_new(operators, match_groups[i], schema_list_of(schema_reference(key->path)));
        (void) json_object_set_new(operators, "not", schema_reference(key->path));

        return json_pack("{s:s, s:[o, o, o]}", "description", key->help, "anyOf", plain,
                         schema_list_of(schema_reference(key->path)),
                         schema_closed_object(operators));
}

/* One definition for each key that a match map may hold, by the key's path, because they refer to themselves. */
static void add_match_values(json_t *definitions) {
        for (size_t i = 0; i < match_key_count(); i++)
                (void) json_object_set_new(definitions, match_key_at(i)->path, match_value(match_key_at(i)));
}

/* A map of keys, and the groups that hold such maps. */
static json_t *match_map(const char *name) {
        json_t *properties = json_object();

        for (size_t i = 0; i < ELEMENTSOF(match_groups); i++)
                (void) json_object_set_new(properties, match_groups[i], schema_list_of(schema_reference(name)));
        (void) json_object_set_new(properties, "not", schema_reference(name));
        return schema_closed_object(properties);
}

/* "match", and one definition for each word that holds a map of keys ("fs"). */
static void add_match_maps(json_t *definitions) {
        (void) json_object_set_new(definitions, "match", match_map("match"));

        for (size_t i = 0; i < match_key_count(); i++) {
                const MatchKey *key = match_key_at(i);
                const char *dot = strchr(key->path, '.');
                json_t *whole = json_object_get(json_object_get(definitions, "match"), "properties");
                char group[32];

                if (!dot) {
                        (void) json_object_set_new(whole, key->path, schema_reference(key->path));
                        continue;
                }
                (void) snprintf(group, sizeof(group), "%.*s", (int) (dot - key->path), key->path);
                if (!json_object_get(definitions, group)) {
                        (void) json_object_set_new(definitions, group, match_map(group));
                        (void) json_object_set_new(whole, group, schema_reference(group));
                }
                (void) json_object_set_new(json_object_get(json_object_get(definitions, group), "properties"), dot + 1,
                                           schema_reference(key->path));
        }
}

static const char *severity_name_at(unsigned i) {
        return severity_to_name((Severity) i);
}

static const char *scrub_repair_name_at(unsigned i) {
        return scrub_repair_to_name((ScrubRepair) i);
}

static const char *verify_space_name_at(unsigned i) {
        return verify_space_to_name((VerifySpace) i);
}

static const char *workload_who_name_at(unsigned i) {
        return workload_who_to_name((WorkloadWho) i);
}

static const char *workload_how_name_at(unsigned i) {
        return workload_how_to_name((WorkloadHow) i);
}

/* Of units and containers: a name, a glob or any, or a list of such. */
static json_t *only_schema(void) {
        json_t *pattern = json_pack("{s:[s, s], s:s, s:i, s:i}", "type", "string", "integer", "pattern",
                                    "^[^/\n]*$", "minLength", 1, "maxLength", WORKLOAD_ONLY_SIZE - 1);
        json_t *properties = json_object(), *schema;

        for (unsigned i = 0; i < N_WORKLOAD_KEYS; i++)
                (void) json_object_set_new(properties, workload_key_to_name((WorkloadKey) i),
                                           schema_one_or_list(json_incref(pattern)));
        json_decref(pattern);
        schema = schema_closed_object(properties);
        (void) json_object_set_new(schema, "minProperties", json_integer(1));
        return schema;
}

static json_t *scope_schema(const ActionParameter *parameter) {
        if (parameter->type == PARAMETER_WHO)
                return schema_names(workload_who_name_at, N_WORKLOAD_WHOS);
        if (parameter->type == PARAMETER_HOW)
                return schema_names(workload_how_name_at, HOW_FAIL + 1);
        if (parameter->type == PARAMETER_ONLY)
                return only_schema();
        if (parameter->type == PARAMETER_HOLD)
                return json_pack("{s:[{s:s}, o]}", "anyOf", "const", "until-clear", schema_duration());
        if (parameter->type == PARAMETER_CONFIRM)
                return json_pack("{s:s}", "const", "large");
        if (parameter->type == PARAMETER_TRUTH)
                return json_pack("{s:s}", "type", "boolean");
        return schema_duration();
}

static json_t *parameter_schema(const ActionParameter *parameter) {
        json_t *schema = NULL;

        switch (parameter->type) {
        case PARAMETER_DURATION:
                schema = schema_duration();
                break;
        case PARAMETER_DURATION_RANGE:
                schema = json_pack("{s:s}", "type", "string");
                break;
        case PARAMETER_COUNT:
        case PARAMETER_SCOPE_COUNT:
                schema = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t) parameter->min,
                                   "maximum", (json_int_t) parameter->max);
                break;
        case PARAMETER_SEVERITY:
                schema = schema_names(severity_name_at, SEVERITY_INFO + 1);
                break;
        case PARAMETER_SCRUB_REPAIR:
                schema = schema_names(scrub_repair_name_at, SCRUB_REPAIR_IF_ALLOWED + 1);
                break;
        case PARAMETER_VERIFY_SPACE:
                schema = schema_names(verify_space_name_at, VERIFY_SPACE_ALL + 1);
                break;
        case PARAMETER_BYTES:
                schema = json_pack("{s:[s, s], s:s}", "type", "string", "integer", "pattern", "^[0-9]+[KMGT]?$");
                break;
        case PARAMETER_WINDOW:
        case PARAMETER_ROUTE:
                schema = json_pack("{s:s, s:s}", "type", "string", "pattern", SCHEMA_ID_PATTERN);
                break;
        case PARAMETER_UNIT:
                schema = json_pack("{s:s, s:s}", "type", "string", "pattern", SCHEMA_UNIT_PATTERN);
                break;
        case PARAMETER_NAME:
                schema = json_pack("{s:s, s:s, s:i}", "type", "string", "pattern", "^[a-z0-9][a-z0-9-]*$", "maxLength",
                                   RULE_ID_SIZE - 1);
                break;
        case PARAMETER_SENTENCE:
                schema = json_pack("{s:s, s:s, s:i, s:I}", "type", "string", "pattern",
                                   "^[^\\x00-\\x1f\\x7f-\\x9f]*$", "minLength", 1, "maxLength",
                                   (json_int_t) parameter->max);
                break;
        case PARAMETER_WHO:
        case PARAMETER_HOW:
        case PARAMETER_ONLY:
        case PARAMETER_SCOPE_DURATION:
        case PARAMETER_HOLD:
        case PARAMETER_CONFIRM:
        case PARAMETER_TRUTH:
                schema = scope_schema(parameter);
                break;
        }
        (void) json_object_set_new(schema, "description", json_string(parameter->help));
        return schema;
}

static json_t *parameters_schema(ActionKind kind) {
        json_t *properties = json_object(), *required = json_array(), *schema;

        for (size_t i = 0; i < action_parameter_count(); i++) {
                const ActionParameter *parameter = action_parameter_at(i);

                if (parameter->action == kind)
                        (void) json_object_set_new(properties, parameter->name, parameter_schema(parameter));
                if (parameter->action == kind && parameter->is_required)
                        (void) json_array_append_new(required, json_string(parameter->name));
        }
        schema = schema_closed_object(properties);
        (void) json_object_set_new(schema, "required", required);
        return schema;
}

/* A word alone, or a map of one word to its parameters. */
static json_t *action_schema(void) {
        json_t *names = json_array(), *properties = json_object(), *map;

        for (unsigned i = 0; i < N_ACTION_KINDS; i++) {
                const ActionWord *word = action_word_of((ActionKind) i);
                const char *name = action_kind_to_name(word->kind);
                json_t *parameters;

                parameters = parameters_schema(word->kind);
                if (json_array_size(json_object_get(parameters, "required")) == 0)
                        (void) json_array_append_new(names, json_string(name));
                if (json_object_size(json_object_get(parameters, "properties")) == 0) {
                        json_decref(parameters);
                        continue;
                }
                (void) json_object_set_new(parameters, "description", json_string(word->help));
                (void) json_object_set_new(properties, name, parameters);
        }
        map = schema_closed_object(properties);
        (void) json_object_set_new(map, "minProperties", json_integer(1));
        (void) json_object_set_new(map, "maxProperties", json_integer(1));
        return json_pack("{s:[{s:o}, o]}", "anyOf", "enum", names, map);
}

CtlExit ctl_policy_schema(_unused_ const CtlRequest *request) {
        static const char *const of_file[] = { "version", NULL };
        static const char *const of_rule[] = { "id", NULL };
        static const char *const of_protection[] = { "id", "match", "deny", NULL };
        _cleanup_(json_decref_at) json_t *schema = schema_of_place(KEY_OF_FILE, of_file);
        json_t *definitions, *rule;
        int r;

        (void) json_object_set_new(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
        (void) json_object_set_new(schema, "title", json_string("policy of healerd, see healer-policy(5)"));
        rule = schema_of_place(KEY_OF_RULE, of_rule);
        (void) json_object_set_new(rule, "oneOf",
                                   json_pack("[{s:[s]}, {s:[s]}]", "required", "do", "required", "escalate"));
        definitions = json_pack("{s:o, s:o, s:o}", "action", action_schema(), "rule", rule, "protection",
                                schema_of_place(KEY_OF_PROTECT, of_protection));
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
