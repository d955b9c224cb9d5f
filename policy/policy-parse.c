/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of the file, of rules and of protections. Match maps and actions have files of their own.
 */
#include "policy/policy-parse.h"

#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/text.h"

#define POLICY_VERSION 1
#define PRIORITY_MAX 1000

static const char *mode_name_at(unsigned i) {
        return policy_mode_to_name((PolicyMode) i);
}

static const char *baseline_name_at(unsigned i) {
        return policy_baseline_to_name((PolicyBaseline) i);
}

static const char *on_unknown_name_at(unsigned i) {
        return on_unknown_to_name((OnUnknown) i);
}

static bool parse_mode(PolicyParser *parser, const YamlNode *node, PolicyMode *ret_mode) {
        unsigned value;

        if (!parse_word(parser, node, "mode", mode_name_at, POLICY_MODE_OBSERVE + 1, &value))
                return false;

        *ret_mode = (PolicyMode) value;
        return true;
}

/*
 * One function for each key of a rule: reads the value into the rule, reports what is wrong, fails only for
 * want of memory.
 */
static int rule_id(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_id(parser, node, "id", rule->id);
        return 0;
}

static int rule_match(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        return parse_match(parser, node, &rule->match);
}

static int rule_on_unknown(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        unsigned value;

        rule->on_unknown_position = node->position;
        if (parse_word(parser, node, "on-unknown", on_unknown_name_at, ON_UNKNOWN_MATCH + 1, &value))
                rule->on_unknown = (OnUnknown) value;
        return 0;
}

static int rule_priority(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_i64(parser, node, "priority", -PRIORITY_MAX, PRIORITY_MAX, &rule->priority);
        return 0;
}

static int rule_continue(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_bool(parser, node, "continue", &rule->is_continuing);
        return 0;
}

static int rule_ignore_autofsck(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_bool(parser, node, "ignore-autofsck", &rule->ignores_autofsck);
        return 0;
}

static int rule_stop_on_failure(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        (void) parse_bool(parser, node, "stop-on-failure", &rule->stops_on_failure);
        return 0;
}

static int rule_mode(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        rule->has_mode = parse_mode(parser, node, &rule->mode);
        return 0;
}

static const struct {
        const char *name;
        int (*parse)(PolicyParser *parser, const YamlNode *node, RuleSource *rule);
} rule_readers[] = {
        { "id", rule_id },
        { "match", rule_match },
        { "on-unknown", rule_on_unknown },
        { "do", parse_steps },
        { "priority", rule_priority },
        { "continue", rule_continue },
        { "ignore-autofsck", rule_ignore_autofsck },
        { "stop-on-failure", rule_stop_on_failure },
        { "mode", rule_mode },
        { "when", parse_when },
        { "for", parse_for },
        { "cooldown", parse_cooldown },
        { "gather", parse_gather },
        { "escalate", parse_escalation },
        { "again", parse_again },
        { "limits", parse_rule_limits },
};

static int parse_rule_key(PolicyParser *parser, const YamlNode *entry, RuleSource *rule) {
        if (!parse_find_key(parser, KEY_OF_RULE, "key of a rule", entry))
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(rule_readers); i++)
                if (strcmp(rule_readers[i].name, entry->text) == 0)
                        return rule_readers[i].parse(parser, entry->value, rule);

        return 0;
}

static int parse_rule(PolicyParser *parser, const YamlNode *node, RuleSource *rule) {
        int r;

        *rule = (RuleSource) {
                .position = node->position,
                .match = { .kind = CONDITION_ALL, .position = node->position },
        };
        if (!parse_kind(parser, node, YAML_KIND_MAP, "rule"))
                return 0;

        YAML_FOREACH(entry, node) {
                r = parse_rule_key(parser, entry, rule);
                if (r < 0)
                        return r;
        }

        if (!yaml_map_find(node, "id"))
                policy_error(parser->problems, node->position,
                             "this rule has no \"id\": give it a name, such as \"id: heal\"");
        if (!yaml_map_find(node, "do") && !yaml_map_find(node, "escalate"))
                policy_error(parser->problems, node->position,
                             "this rule does nothing: write \"do\" with a list of actions, such as \"do: [log]\"");
        if (yaml_map_find(node, "do") && yaml_map_find(node, "escalate"))
                policy_error(parser->problems, node->position,
                             "a rule has either \"do\" or \"escalate\": write one of them");
        return 0;
}

static int compare_rules(const void *a, const void *b) {
        const RuleSource *const *left = a, *const *right = b;
        int r = strcmp((*left)->id, (*right)->id);

        return r != 0 ? r : (*left < *right ? -1 : *left > *right);
}

/* Sorted, because a file may have thousands of rules. */
static int check_rule_ids(PolicyParser *parser, const PolicySource *source) {
        _cleanup_(free_at) const RuleSource **sorted = NULL;

        if (source->n_rules < 2)
                return 0;

        sorted = calloc(source->n_rules, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < source->n_rules; i++)
                sorted[i] = &source->rules[i];
        qsort(sorted, source->n_rules, sizeof(*sorted), compare_rules);

        for (size_t i = 1; i < source->n_rules; i++)
                if (sorted[i]->id[0] && strcmp(sorted[i]->id, sorted[i - 1]->id) == 0)
                        policy_error(parser->problems, sorted[i]->position,
                                     "duplicate rule \"%s\": the one in line %u has the same id, give it another",
                                     sorted[i]->id, sorted[i - 1]->position.line);
        return 0;
}

static int file_rules(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        int r;

        if (!parse_kind(parser, node, YAML_KIND_LIST, "rules"))
                return 0;
        if (node->n_children > POLICY_RULES_MAX) {
                policy_error(parser->problems, node->position, "%zu rules: write at most %d", node->n_children,
                             POLICY_RULES_MAX);
                return 0;
        }

        source->rules = calloc(max_of(node->n_children, (size_t) 1), sizeof(*source->rules));
        if (!source->rules)
                return -ENOMEM;

        YAML_FOREACH(item, node) {
                r = parse_rule(parser, item, &source->rules[source->n_rules++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Everything that touches the file system or the machine; telling is never denied. */
static uint32_t all_actions(void) {
        uint32_t mask = 0;

        for (unsigned i = 0; i < N_ACTION_KINDS; i++)
                if (!action_word_of((ActionKind) i)->is_telling)
                        mask |= UINT32_C(1) << i;

        return mask;
}

static void parse_denied_action(PolicyParser *parser, const YamlNode *node, uint32_t *denied) {
        ActionKind kind;

        if (!parse_action_name(parser, node, &kind))
                return;
        if (action_word_of(kind)->is_telling)
                policy_error(parser->problems, node->position,
                             "\"%s\" cannot be denied, it only tells: leave it out", action_kind_to_name(kind));
        *denied |= UINT32_C(1) << kind;
}

static void parse_deny(PolicyParser *parser, const YamlNode *node, uint32_t *ret_denied) {
        if (node->kind == YAML_KIND_SCALAR && strcmp(node->text, "all") == 0) {
                *ret_denied = all_actions();
                return;
        }
        if (node->kind != YAML_KIND_LIST || node->n_children == 0) {
                policy_error(parser->problems, node->position,
                             "\"deny\" is a list of actions or all: write \"deny: all\" or \"deny: [repair, scrub]\"");
                return;
        }

        YAML_FOREACH(item, node)
                parse_denied_action(parser, item, ret_denied);
}

static int parse_protect(PolicyParser *parser, const YamlNode *node, ProtectSource *protect) {
        int r;

        *protect = (ProtectSource) {
                .position = node->position,
                .match = { .kind = CONDITION_ALL, .position = node->position },
        };
        if (!parse_kind(parser, node, YAML_KIND_MAP, "protect"))
                return 0;

        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_PROTECT, "key of a protection", entry))
                        continue;
                if (strcmp(entry->text, "id") == 0) {
                        (void) parse_id(parser, entry->value, "id", protect->id);
                } else if (strcmp(entry->text, "deny") == 0) {
                        parse_deny(parser, entry->value, &protect->denied);
                } else {
                        r = parse_match(parser, entry->value, &protect->match);
                        if (r < 0)
                                return r;
                }
        }

        if (!yaml_map_find(node, "id"))
                policy_error(parser->problems, node->position,
                             "this protection has no \"id\": give it a name, such as \"id: usb\"");
        if (!yaml_map_find(node, "match"))
                policy_error(parser->problems, node->position,
                             "this protection has no \"match\": say what it protects, or \"match: {}\" for everything");
        if (!yaml_map_find(node, "deny"))
                policy_error(parser->problems, node->position,
                             "this protection has no \"deny\": write \"deny: all\" or \"deny: [repair, scrub]\"");
        return 0;
}

static void check_protect_ids(PolicyParser *parser, const PolicySource *source) {
        for (size_t i = 0; i < source->n_protects; i++)
                for (size_t k = 0; k < i; k++)
                        if (source->protects[i].id[0] &&
                            strcmp(source->protects[i].id, source->protects[k].id) == 0) {
                                policy_error(parser->problems, source->protects[i].position,
                                             "duplicate protection \"%s\": the one in line %u has the same id, "
                                             "give it another",
                                             source->protects[i].id, source->protects[k].position.line);
                                break;
                        }
}

static int file_protect(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        int r;

        if (!parse_kind(parser, node, YAML_KIND_LIST, "protect"))
                return 0;
        if (node->n_children > POLICY_PROTECTS_MAX) {
                policy_error(parser->problems, node->position, "%zu protections: write at most %d", node->n_children,
                             POLICY_PROTECTS_MAX);
                return 0;
        }

        source->protects = calloc(max_of(node->n_children, (size_t) 1), sizeof(*source->protects));
        if (!source->protects)
                return -ENOMEM;

        YAML_FOREACH(item, node) {
                r = parse_protect(parser, item, &source->protects[source->n_protects++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int file_disable(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        if (!parse_kind(parser, node, YAML_KIND_LIST, "disable"))
                return 0;

        source->disabled = calloc(max_of(node->n_children, (size_t) 1), sizeof(*source->disabled));
        if (!source->disabled)
                return -ENOMEM;

        YAML_FOREACH(item, node) {
                RuleName *name = &source->disabled[source->n_disabled];

                name->position = item->position;
                if (parse_id(parser, item, "disable", name->id))
                        source->n_disabled++;
        }
        return 0;
}

static int file_mode(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        source->has_mode = parse_mode(parser, node, &source->mode);
        source->mode_position = node->position;
        return 0;
}

static int file_baseline(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        unsigned value;

        source->has_baseline = parse_word(parser, node, "baseline", baseline_name_at, BASELINE_OFF + 1, &value);
        if (source->has_baseline)
                source->baseline = (PolicyBaseline) value;
        return 0;
}

/* The version was read before everything else. */
static int file_version(_unused_ PolicyParser *parser, _unused_ const YamlNode *node, _unused_ PolicySource *source) {
        return 0;
}

static const struct {
        const char *name;
        int (*parse)(PolicyParser *parser, const YamlNode *node, PolicySource *source);
} file_readers[] = {
        { "version", file_version },
        { "mode", file_mode },
        { "baseline", file_baseline },
        { "protect", file_protect },
        { "rules", file_rules },
        { "disable", file_disable },
        { "limits", parse_file_limits },
        { "brake", parse_brake },
        { "windows", parse_windows },
        { "routes", parse_routes },
        { "patrol", parse_patrol },
        { "schedules", parse_schedules },
        { "permit", parse_permit },
};

static int parse_file_key(PolicyParser *parser, const YamlNode *entry, PolicySource *source) {
        const PolicyKey *key = parse_find_key(parser, KEY_OF_FILE, "key", entry);

        if (!key)
                return 0;
        if (key->scope == KEY_MAIN_ONLY && parser->role == POLICY_FILE_DROP_IN) {
                policy_error(parser->problems, entry->position,
                             "\"%s\" cannot stand in a drop-in: write it in the main file, policy.yaml", entry->text);
                return 0;
        }
        if (key->scope == KEY_DROP_IN_ONLY && parser->role == POLICY_FILE_MAIN) {
                policy_error(parser->problems, entry->position,
                             "\"%s\" is for drop-ins: in the main file remove the rule itself", entry->text);
                return 0;
        }

        for (size_t i = 0; i < ELEMENTSOF(file_readers); i++)
                if (strcmp(file_readers[i].name, entry->text) == 0)
                        return file_readers[i].parse(parser, entry->value, source);

        return 0;
}

/* Returns false if the rest is written in a language that we cannot know. */
static bool check_version(PolicyParser *parser, const YamlNode *root) {
        const YamlNode *version = yaml_map_find(root, "version");
        int64_t number;

        if (!version) {
                policy_error(parser->problems, root->position,
                             "no \"version\": write \"version: %d\" as the first line",
                             POLICY_VERSION);
                return true;
        }
        if (strcmp(root->first->text, "version") != 0)
                policy_error(parser->problems, version->position,
                             "\"version\" is not the first key: write it in the first line");
        if (!parse_i64(parser, version, "version", 1, INT64_MAX, &number))
                return true;
        if (number > POLICY_VERSION) {
                policy_error(parser->problems, version->position,
                             "version %s of the language is newer than this program: write \"version: %d\", or "
                             "update it",
                             version->text, POLICY_VERSION);
                return false;
        }

        return true;
}

static int parse_root(PolicyParser *parser, const YamlNode *root, unsigned file, PolicySource *source) {
        int r;

        if (!root) {
                policy_error(parser->problems, ((SourcePosition) { .file = file, .line = 1, .column = 1 }),
                             "the file holds nothing: write \"version: %d\" as the first line", POLICY_VERSION);
                return 0;
        }
        if (root->kind != YAML_KIND_MAP) {
                policy_error(parser->problems, root->position,
                             "a policy cannot be %s: write \"version: %d\" as the first line, then keys such as "
                             "\"rules:\"",
                             yaml_kind_to_text(root->kind), POLICY_VERSION);
                return 0;
        }
        if (!check_version(parser, root))
                return 0;

        YAML_FOREACH(entry, root) {
                r = parse_file_key(parser, entry, source);
                if (r < 0)
                        return r;
        }

        check_protect_ids(parser, source);
        return check_rule_ids(parser, source);
}

int policy_parse(const YamlTree *tree, unsigned file, PolicyFileRole role, PolicyProblems *problems,
                 PolicySource *ret_source) {
        PolicyParser parser = { .problems = problems, .role = role };
        PolicySource source = {};
        int r;

        r = parse_root(&parser, yaml_tree_root(tree), file, &source);
        if (r == 0 && problems->out_of_memory)
                r = -ENOMEM;
        if (r == 0 && problems->n_errors > 0)
                r = -EINVAL;
        if (r < 0) {
                policy_source_clear(&source);
                return r;
        }

        *ret_source = source;
        return 0;
}
