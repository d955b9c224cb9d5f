/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may stand behind each key of a policy file, in one table.
 */
#include "src/ctl/ctl-policy-schema.h"

#include "policy/rule-source.h"
#include "src/basic/text.h"
#include "src/model/decision.h"

#define DAY_PATTERN "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
#define DAYS_PATTERN DAY_PATTERN "([.][.]" DAY_PATTERN ")?"
#define TIMES_PATTERN "[0-9]{1,2}:[0-9]{2}[.][.][0-9]{1,2}:[0-9]{2}"
#define WINDOW_PATTERN                                                                                  \
        "^ *(" DAYS_PATTERN "(," DAYS_PATTERN ")*( +" TIMES_PATTERN ")?|" TIMES_PATTERN ") *$"
/* A word, or days, a date and a time; what the numbers may be is looked at by the reader alone. */
#define CALENDAR_PATTERN "^ *[A-Za-z0-9*][A-Za-z0-9*:,./~ -]*$"
#define DURATION_PATTERN "^[0-9]+ *(us|ms|s|min|h|d|w)?( +[0-9]+ *(us|ms|s|min|h|d|w))*$"
#define LIMIT_PATTERN "^[0-9]+ per [0-9]+ *(s|min|h|d|w)( +[0-9]+ *(s|min|h|d|w))*$"

json_t *schema_closed_object(json_t *properties) {
        return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
}

json_t *schema_list_of(json_t *items) {
        return json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items", items);
}

json_t *schema_one_or_list(json_t *schema) {
        json_t *list = schema_list_of(json_incref(schema));

        return json_pack("{s:[o, o]}", "anyOf", schema, list);
}

json_t *schema_reference(const char *name) {
        return json_pack("{s:s+}", "$ref", "#/$defs/", name);
}

json_t *schema_names(const char *(*name_of)(unsigned i), unsigned n) {
        json_t *names = json_array();

        for (unsigned i = 0; names && i < n; i++)
                if (name_of(i))
                        (void) json_array_append_new(names, json_string(name_of(i)));
        return json_pack("{s:o}", "enum", names);
}

json_t *schema_duration(void) {
        return json_pack("{s:[s, s], s:s}", "type", "string", "integer", "pattern", DURATION_PATTERN);
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

static const char *part_name_at(unsigned i) {
        return event_part_to_name((EventPart) i);
}

static const char *weight_name_at(unsigned i) {
        return count_weight_to_name((CountWeight) i);
}

static const char *then_name_at(unsigned i) {
        return cooldown_then_to_name((CooldownThen) i);
}

static json_t *version_schema(void) {
        return json_pack("{s:[i, s]}", "enum", 1, "1");
}

static json_t *truth_schema(void) {
        return json_pack("{s:s}", "type", "boolean");
}

static json_t *text_schema(void) {
        return json_pack("{s:s}", "type", "string");
}

static json_t *mode_schema(void) {
        return schema_names(mode_name_at, POLICY_MODE_OBSERVE + 1);
}

static json_t *baseline_schema(void) {
        return schema_names(baseline_name_at, BASELINE_OFF + 1);
}

static json_t *on_unknown_schema(void) {
        return schema_names(on_unknown_name_at, ON_UNKNOWN_MATCH + 1);
}

static json_t *priority_schema(void) {
        return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", -1000, "maximum", 1000);
}

static json_t *id_schema(void) {
        return json_pack("{s:s, s:s, s:i}", "type", "string", "pattern", SCHEMA_ID_PATTERN, "maxLength",
                         RULE_ID_SIZE - 1);
}

static json_t *match_schema(void) {
        return schema_reference("match");
}

static json_t *actions_schema(void) {
        return schema_list_of(schema_reference("action"));
}

static json_t *rules_schema(void) {
        return json_pack("{s:s, s:o}", "type", "array", "items", schema_reference("rule"));
}

static json_t *protections_schema(void) {
        return json_pack("{s:s, s:o}", "type", "array", "items", schema_reference("protection"));
}

static json_t *texts_schema(void) {
        return json_pack("{s:s, s:o}", "type", "array", "items", text_schema());
}

/* Names of windows, each a time or several of them. */
static json_t *windows_schema(void) {
        json_t *time = json_pack("{s:s, s:s}", "type", "string", "pattern", WINDOW_PATTERN);

        return json_pack("{s:s, s:{s:s, s:i}, s:o, s:i}", "type", "object", "propertyNames", "pattern",
                         SCHEMA_ID_PATTERN, "maxLength", RULE_ID_SIZE - 1, "additionalProperties",
                         schema_one_or_list(time), "maxProperties", POLICY_WINDOWS_MAX);
}

static json_t *routes_schema(void) {
        static const char *const required[] = { "unit", NULL };

        return json_pack("{s:s, s:{s:s, s:i}, s:o, s:i}", "type", "object", "propertyNames", "pattern",
                         SCHEMA_ID_PATTERN, "maxLength", RULE_ID_SIZE - 1, "additionalProperties",
                         schema_of_place(KEY_OF_ROUTE, required), "maxProperties", POLICY_ROUTES_MAX);
}

static json_t *unit_schema(void) {
        return json_pack("{s:s, s:s}", "type", "string", "pattern", SCHEMA_UNIT_PATTERN);
}

static json_t *deny_schema(void) {
        return json_pack("{s:[{s:s}, o]}", "anyOf", "const", "all", schema_one_or_list(text_schema()));
}

static json_t *when_schema(void) {
        static const char *const required[] = { "count", "within", NULL };

        return schema_of_place(KEY_OF_WHEN, required);
}

static json_t *cooldown_schema(void) {
        static const char *const required[] = { "for", NULL };

        return json_pack("{s:[o, o]}", "anyOf", schema_duration(), schema_of_place(KEY_OF_COOLDOWN, required));
}

static json_t *gather_schema(void) {
        static const char *const required[] = { "quiet", "max", NULL };

        return schema_of_place(KEY_OF_GATHER, required);
}

static json_t *file_limits_schema(void) {
        return schema_of_place(KEY_OF_LIMITS, (const char *const[]) { NULL });
}

static json_t *rule_limits_schema(void) {
        return schema_of_place(KEY_OF_RULE_LIMITS, (const char *const[]) { NULL });
}

static json_t *brake_schema(void) {
        static const char *const required[] = { "filesystems", "within", "calm", NULL };

        return schema_of_place(KEY_OF_BRAKE, required);
}

static const char *patrol_mode_name_at(unsigned i) {
        return patrol_mode_to_name((PatrolMode) i);
}

static json_t *patrol_mode_schema(void) {
        return schema_names(patrol_mode_name_at, N_PATROL_MODES);
}

static json_t *patrol_schema(void) {
        static const char *const required[] = { "mode", NULL };

        return json_pack("{s:[o, o]}", "anyOf", patrol_mode_schema(), schema_of_place(KEY_OF_PATROL, required));
}

static json_t *permit_schema(void) {
        static const char *const required[] = { "unit", NULL };

        return schema_of_place(KEY_OF_PERMIT, required);
}

static json_t *schedules_schema(void) {
        static const char *const required[] = { "id", "at", "do", NULL };

        return json_pack("{s:s, s:o, s:i}", "type", "array", "items", schema_of_place(KEY_OF_SCHEDULE, required),
                         "maxItems", POLICY_SCHEDULES_MAX);
}

static json_t *calendar_schema(void) {
        return schema_one_or_list(json_pack("{s:s, s:s, s:i}", "type", "string", "pattern", CALENDAR_PATTERN,
                                            "maxLength", CALENDAR_TEXT_SIZE - 1));
}

static const char *missed_name_at(unsigned i) {
        return schedule_missed_to_name((ScheduleMissed) i);
}

static json_t *missed_schema(void) {
        return schema_names(missed_name_at, SCHEDULE_MISSED_SKIP + 1);
}

static json_t *scheduled_schema(void) {
        return schema_reference("action");
}

static json_t *share_schema(void) {
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^([1-9]|[1-4][0-9]|50)%$");
}

static json_t *filesystems_schema(void) {
        return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 2, "maximum", BRAKE_FILESYSTEMS_MAX);
}

static json_t *limit_schema(void) {
        return json_pack("{s:s, s:s}", "type", "string", "pattern", LIMIT_PATTERN);
}

static json_t *count_schema(void) {
        return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 1, "maximum", WHEN_COUNT_MAX);
}

static json_t *parallel_schema(void) {
        return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 1, "maximum", PARALLEL_MAX);
}

/* An empty list is the whole machine. */
static json_t *per_schema(void) {
        json_t *part = schema_names(part_name_at, N_EVENT_PARTS);

        return json_pack("{s:[O, {s:s, s:o}]}", "anyOf", part, "type", "array", "items", part);
}

static json_t *distinct_schema(void) {
        return json_pack("{s:[s, s, s]}", "enum", event_part_to_name(EVENT_PART_STRUCTURE),
                         event_part_to_name(EVENT_PART_GROUP), event_part_to_name(EVENT_PART_INODE));
}

static json_t *weight_schema(void) {
        return schema_names(weight_name_at, COUNT_EVENTS + 1);
}

static json_t *then_schema(void) {
        return schema_names(then_name_at, COOLDOWN_NEXT + 1);
}

static const struct {
        KeyPlace place;
        const char *name;
        json_t *(*make)(void);
} key_schemas[] = {
        { KEY_OF_FILE, "version", version_schema },
        { KEY_OF_FILE, "mode", mode_schema },
        { KEY_OF_FILE, "baseline", baseline_schema },
        { KEY_OF_FILE, "protect", protections_schema },
        { KEY_OF_FILE, "rules", rules_schema },
        { KEY_OF_FILE, "disable", texts_schema },
        { KEY_OF_FILE, "limits", file_limits_schema },
        { KEY_OF_FILE, "windows", windows_schema },
        { KEY_OF_FILE, "brake", brake_schema },
        { KEY_OF_FILE, "routes", routes_schema },
        { KEY_OF_FILE, "patrol", patrol_schema },
        { KEY_OF_FILE, "schedules", schedules_schema },
        { KEY_OF_FILE, "permit", permit_schema },

        { KEY_OF_RULE, "id", id_schema },
        { KEY_OF_RULE, "match", match_schema },
        { KEY_OF_RULE, "on-unknown", on_unknown_schema },
        { KEY_OF_RULE, "do", actions_schema },
        { KEY_OF_RULE, "priority", priority_schema },
        { KEY_OF_RULE, "continue", truth_schema },
        { KEY_OF_RULE, "ignore-autofsck", truth_schema },
        { KEY_OF_RULE, "stop-on-failure", truth_schema },
        { KEY_OF_RULE, "mode", mode_schema },
        { KEY_OF_RULE, "when", when_schema },
        { KEY_OF_RULE, "for", schema_duration },
        { KEY_OF_RULE, "cooldown", cooldown_schema },
        { KEY_OF_RULE, "gather", gather_schema },
        { KEY_OF_RULE, "escalate", actions_schema },
        { KEY_OF_RULE, "again", schema_duration },
        { KEY_OF_RULE, "limits", rule_limits_schema },

        { KEY_OF_PROTECT, "id", id_schema },
        { KEY_OF_PROTECT, "match", match_schema },
        { KEY_OF_PROTECT, "deny", deny_schema },

        { KEY_OF_ROUTE, "unit", unit_schema },
        { KEY_OF_ROUTE, "group", schema_duration },
        { KEY_OF_ROUTE, "resend", schema_duration },

        { KEY_OF_WHEN, "count", count_schema },
        { KEY_OF_WHEN, "within", schema_duration },
        { KEY_OF_WHEN, "per", per_schema },
        { KEY_OF_WHEN, "distinct", distinct_schema },
        { KEY_OF_WHEN, "weight", weight_schema },

        { KEY_OF_COOLDOWN, "for", schema_duration },
        { KEY_OF_COOLDOWN, "per", per_schema },
        { KEY_OF_COOLDOWN, "then", then_schema },

        { KEY_OF_GATHER, "quiet", schema_duration },
        { KEY_OF_GATHER, "max", schema_duration },
        { KEY_OF_GATHER, "per", per_schema },

        { KEY_OF_LIMITS, "actions", limit_schema },
        { KEY_OF_LIMITS, "workloads", limit_schema },
        { KEY_OF_LIMITS, "parallel-repairs", parallel_schema },
        { KEY_OF_LIMITS, "parallel-scrubs", parallel_schema },

        { KEY_OF_PATROL, "mode", patrol_mode_schema },
        { KEY_OF_PATROL, "share", share_schema },
        { KEY_OF_PATROL, "removable", truth_schema },
        { KEY_OF_PATROL, "rotating", truth_schema },

        { KEY_OF_BRAKE, "filesystems", filesystems_schema },
        { KEY_OF_BRAKE, "within", schema_duration },
        { KEY_OF_BRAKE, "calm", schema_duration },

        { KEY_OF_SCHEDULE, "id", id_schema },
        { KEY_OF_SCHEDULE, "match", match_schema },
        { KEY_OF_SCHEDULE, "at", calendar_schema },
        { KEY_OF_SCHEDULE, "spread", schema_duration },
        { KEY_OF_SCHEDULE, "missed", missed_schema },
        { KEY_OF_SCHEDULE, "do", scheduled_schema },

        { KEY_OF_RULE_LIMITS, "actions", limit_schema },
        { KEY_OF_RULE_LIMITS, "workloads", limit_schema },

        { KEY_OF_PERMIT, "unit", unit_schema },
        { KEY_OF_PERMIT, "timeout", schema_duration },
};

/* What stands behind a key. One without a row takes anything, which check-policy-schema finds. */
static json_t *key_schema(const PolicyKey *key) {
        for (size_t i = 0; i < ELEMENTSOF(key_schemas); i++)
                if (key_schemas[i].place == key->place && text_equal(key_schemas[i].name, key->name))
                        return key_schemas[i].make();
        return json_object();
}

json_t *schema_of_place(KeyPlace place, const char *const *required) {
        json_t *properties = json_object(), *schema, *names = json_array();

        for (size_t i = 0; i < policy_key_count(); i++) {
                const PolicyKey *key = policy_key_at(i);
                json_t *value;

                if (key->place != place)
                        continue;
                value = key_schema(key);
                (void) json_object_set_new(value, "description", json_string(key->help));
                (void) json_object_set_new(properties, key->name, value);
        }
        schema = schema_closed_object(properties);
        for (size_t i = 0; required[i]; i++)
                (void) json_array_append_new(names, json_string(required[i]));
        (void) json_object_set_new(schema, "required", names);
        return schema;
}
