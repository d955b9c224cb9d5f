/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a rule is taken and how much it may do: `when`, `for`, `gather`, `cooldown`, `again`, `limits`, `brake`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define LIMIT_COUNT_MAX 1000000

static const char *part_name_at(unsigned i) {
        return event_part_to_name((EventPart) i);
}

static const char *weight_name_at(unsigned i) {
        return count_weight_to_name((CountWeight) i);
}

static const char *then_name_at(unsigned i) {
        return cooldown_then_to_name((CooldownThen) i);
}

static bool parse_part(PolicyParser *parser, const YamlNode *node, const char *name, unsigned *ret_part) {
        return parse_word(parser, node, name, part_name_at, N_EVENT_PARTS, ret_part);
}

/* One of them, or a list; an empty list is the whole machine. */
static void parse_per(PolicyParser *parser, const YamlNode *node, unsigned *ret_parts) {
        unsigned part, parts = 0;

        if (node->kind != YAML_KIND_LIST) {
                if (parse_part(parser, node, "per", &part))
                        *ret_parts = EVENT_PART_BIT(part);
                return;
        }
        YAML_FOREACH(item, node)
                if (parse_part(parser, item, "per", &part))
                        parts |= EVENT_PART_BIT(part);
        *ret_parts = parts;
}

static void parse_distinct(PolicyParser *parser, const YamlNode *node, RuleWhen *when) {
        unsigned part;

        if (!parse_part(parser, node, "distinct", &part))
                return;
        if (part != EVENT_PART_STRUCTURE && part != EVENT_PART_GROUP && part != EVENT_PART_INODE) {
                policy_error(parser->problems, node->position,
                             "\"distinct\" cannot be \"%s\": write structure, group or inode", node->text);
                return;
        }
        when->is_distinct = true;
        when->distinct = (EventPart) part;
}

static void parse_when_key(PolicyParser *parser, const YamlNode *entry, RuleWhen *when) {
        unsigned value;
        int64_t count;

        if (strcmp(entry->text, "count") == 0) {
                if (parse_i64(parser, entry->value, "count", 1, WHEN_COUNT_MAX, &count))
                        when->count = (uint64_t) count;
        } else if (strcmp(entry->text, "within") == 0)
                (void) parse_duration(parser, entry->value, "within", USEC_PER_SEC, TIMING_MAX_USEC,
                                      &when->within_usec);
        else if (strcmp(entry->text, "per") == 0)
                parse_per(parser, entry->value, &when->per);
        else if (strcmp(entry->text, "distinct") == 0)
                parse_distinct(parser, entry->value, when);
        else if (parse_word(parser, entry->value, "weight", weight_name_at, COUNT_EVENTS + 1, &value))
                when->weight = (CountWeight) value;
}

int parse_when(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        RuleWhen when = { .per = EVENT_PART_BIT(EVENT_PART_FS) };

        if (!parse_kind(parser, node, YAML_KIND_MAP, "when"))
                return 0;
        YAML_FOREACH(entry, node)
                if (parse_find_key(parser, KEY_OF_WHEN, "key of \"when\"", entry))
                        parse_when_key(parser, entry, &when);

        if (!yaml_map_find(node, "count") || !yaml_map_find(node, "within"))
                policy_error(parser->problems, node->position,
                             "\"when\" needs a count and a time: write \"when: {count: 3, within: 1min}\"");
        else if (when.is_distinct && when.count > WHEN_DISTINCT_MAX)
                policy_error(parser->problems, node->position,
                             "\"count\" cannot be %" PRIu64 " with \"distinct\": each is remembered, write at most %d",
                             when.count, WHEN_DISTINCT_MAX);
        rule->timing.when = when;
        return 0;
}

int parse_for(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_duration(parser, node, "for", USEC_PER_SEC, TIMING_MAX_USEC, &rule->timing.lasting_usec);
        rule->lasting_position = node->position;
        return 0;
}

/* "1h" or {for: 1h, per: fs, then: next}. */
int parse_cooldown(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        RuleCooldown *cooldown = &rule->timing.cooldown;
        unsigned value;

        cooldown->per = EVENT_PART_BIT(EVENT_PART_FS);
        if (node->kind != YAML_KIND_MAP) {
                (void) parse_duration(parser, node, "cooldown", USEC_PER_SEC, TIMING_MAX_USEC, &cooldown->for_usec);
                return 0;
        }
        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_COOLDOWN, "key of \"cooldown\"", entry))
                        continue;
                if (strcmp(entry->text, "for") == 0)
                        (void) parse_duration(parser, entry->value, "for", USEC_PER_SEC, TIMING_MAX_USEC,
                                              &cooldown->for_usec);
                else if (strcmp(entry->text, "per") == 0)
                        parse_per(parser, entry->value, &cooldown->per);
                else if (parse_word(parser, entry->value, "then", then_name_at, COOLDOWN_NEXT + 1, &value))
                        cooldown->then = (CooldownThen) value;
        }
        if (!yaml_map_find(node, "for"))
                policy_error(parser->problems, node->position,
                             "\"cooldown\" does not say how long: write \"cooldown: 1h\" or \"cooldown: {for: 1h}\"");
        return 0;
}

int parse_gather(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        RuleGather gather = { .per = EVENT_PART_BIT(EVENT_PART_FS) };

        if (!parse_kind(parser, node, YAML_KIND_MAP, "gather"))
                return 0;
        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_GATHER, "key of \"gather\"", entry))
                        continue;
                if (strcmp(entry->text, "per") == 0)
                        parse_per(parser, entry->value, &gather.per);
                else
                        (void) parse_duration(parser, entry->value, entry->text, USEC_PER_SEC, TIMING_MAX_USEC,
                                              strcmp(entry->text, "quiet") == 0 ? &gather.quiet_usec
                                                                               : &gather.max_usec);
        }
        if (!yaml_map_find(node, "quiet") || !yaml_map_find(node, "max"))
                policy_error(parser->problems, node->position,
                             "\"gather\" needs two times: write \"gather: {quiet: 30s, max: 10min}\"");
        else if (gather.max_usec < gather.quiet_usec)
                policy_error(parser->problems, node->position,
                             "\"max\" of \"gather\" is shorter than \"quiet\": write it longer");
        rule->timing.gather = gather;
        return 0;
}

int parse_again(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_duration(parser, node, "again", USEC_PER_SEC, TIMING_MAX_USEC, &rule->timing.again_usec);
        rule->again_position = node->position;
        return 0;
}

/* "30 per 1h" */
static void parse_limit(PolicyParser *parser, const YamlNode *node, const char *name, ActionLimit *ret_limit) {
        static const char between[] = " per ";
        const char *text, *at;
        YamlNode duration = *node;
        char count[24];
        int64_t number;

        if (!parse_text(parser, node, name, &text))
                return;
        at = strstr(text, between);
        if (!at || (size_t) (at - text) >= sizeof(count) ||
            (memcpy(count, text, (size_t) (at - text)), count[at - text] = '\0',
             number_parse_i64(count, 0, LIMIT_COUNT_MAX, &number) < 0)) {
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be \"%s\": write how many in how much time, such as \"30 per 1h\"", name,
                             text);
                return;
        }
        duration.text = at + strlen(between);
        duration.length = strlen(duration.text);
        ret_limit->count = (uint64_t) number;
        (void) parse_duration(parser, &duration, name, USEC_PER_SEC, TIMING_MAX_USEC, &ret_limit->within_usec);
}

int parse_rule_limits(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        if (!parse_kind(parser, node, YAML_KIND_MAP, "limits"))
                return 0;
        YAML_FOREACH(entry, node)
                if (parse_find_key(parser, KEY_OF_RULE_LIMITS, "key of \"limits\"", entry))
                        parse_limit(parser, entry->value, entry->text,
                                    strcmp(entry->text, "workloads") == 0 ? &rule->timing.workloads
                                                                          : &rule->timing.actions);
        return 0;
}

int parse_file_limits(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        int64_t count;

        if (!parse_kind(parser, node, YAML_KIND_MAP, "limits"))
                return 0;
        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_LIMITS, "key of \"limits\"", entry))
                        continue;
                if (strcmp(entry->text, "actions") == 0)
                        parse_limit(parser, entry->value, entry->text, &source->limits.actions);
                else if (strcmp(entry->text, "workloads") == 0)
                        parse_limit(parser, entry->value, entry->text, &source->limits.workloads);
                else if (parse_i64(parser, entry->value, entry->text, 1, PARALLEL_MAX, &count))
                        *(strcmp(entry->text, "parallel-repairs") == 0 ? &source->limits.n_parallel_repairs
                                                                       : &source->limits.n_parallel_scrubs) =
                                (unsigned) count;
        }
        return 0;
}

int parse_brake(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        Brake brake = {};
        int64_t count;

        if (!parse_kind(parser, node, YAML_KIND_MAP, "brake"))
                return 0;
        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_BRAKE, "key of \"brake\"", entry))
                        continue;
                if (strcmp(entry->text, "filesystems") != 0)
                        (void) parse_duration(parser, entry->value, entry->text, USEC_PER_SEC, TIMING_MAX_USEC,
                                              strcmp(entry->text, "within") == 0 ? &brake.within_usec
                                                                                 : &brake.calm_usec);
                else if (parse_i64(parser, entry->value, entry->text, 2, BRAKE_FILESYSTEMS_MAX, &count))
                        brake.n_filesystems = (unsigned) count;
        }
        if (!yaml_map_find(node, "filesystems") || !yaml_map_find(node, "within") || !yaml_map_find(node, "calm"))
                policy_error(parser->problems, node->position,
                             "\"brake\" needs three values: write "
                             "\"brake: {filesystems: 3, within: 2min, calm: 10min}\"");
        source->brake = brake;
        return 0;
}
