/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging happens before compiling, on rules as they were written.
 */
#include "policy/policy-merge.h"

#include <string.h>

#include "policy/policy-routes.h"
#include "policy/policy-schedules.h"

static RuleSource *find_rule(PolicySource *whole, const char *id) {
        for (size_t i = 0; i < whole->n_rules; i++)
                if (strcmp(whole->rules[i].id, id) == 0)
                        return &whole->rules[i];

        return NULL;
}

static void remove_rule(PolicySource *whole, RuleSource *rule) {
        size_t n_behind = whole->n_rules - (size_t) (rule - whole->rules) - 1;

        rule_source_clear(rule);
        memmove(rule, rule + 1, n_behind * sizeof(*rule));
        whole->n_rules--;
}

static void disable_rules(PolicySource *whole, const PolicySource *part, bool is_alone, PolicyProblems *problems) {
        for (size_t i = 0; i < part->n_disabled; i++) {
                RuleSource *rule = find_rule(whole, part->disabled[i].id);

                if (rule)
                        remove_rule(whole, rule);
                else if (!is_alone)
                        policy_warning(problems, part->disabled[i].position,
                                       "no rule \"%s\" was read before this file: nothing is disabled, check the name",
                                       part->disabled[i].id);
        }
}

static int merge_rules(PolicySource *whole, PolicySource *part) {
        size_t n_before = whole->n_rules;
        RuleSource *rules;

        if (part->n_rules == 0)
                return 0;

        rules = reallocarray(whole->rules, whole->n_rules + part->n_rules, sizeof(*rules));
        if (!rules)
                return -ENOMEM;
        whole->rules = rules;

        for (size_t i = 0; i < part->n_rules; i++) {
                RuleSource *replaced = NULL;

                /* Within one file names are unique, so that only what was there before is looked through. */
                for (size_t k = 0; k < n_before && !replaced; k++)
                        if (strcmp(rules[k].id, part->rules[i].id) == 0)
                                replaced = &rules[k];
                if (replaced)
                        rule_source_clear(replaced);
                else
                        replaced = &rules[whole->n_rules++];
                *replaced = part->rules[i];
                part->rules[i] = (RuleSource) {};
        }

        return 0;
}

static void warn_same_protection(const PolicySource *whole, const ProtectSource *protect, PolicyProblems *problems) {
        for (size_t i = 0; i < whole->n_protects; i++)
                if (strcmp(whole->protects[i].id, protect->id) == 0) {
                        policy_warning(problems, protect->position,
                                       "protection \"%s\" exists in another file already: both hold, a drop-in "
                                       "only adds",
                                       protect->id);
                        return;
                }
}

static int merge_protects(PolicySource *whole, PolicySource *part, PolicyProblems *problems) {
        ProtectSource *protects;

        if (part->n_protects == 0)
                return 0;

        for (size_t i = 0; i < part->n_protects; i++)
                warn_same_protection(whole, &part->protects[i], problems);

        protects = reallocarray(whole->protects, whole->n_protects + part->n_protects, sizeof(*protects));
        if (!protects)
                return -ENOMEM;
        memcpy(protects + whole->n_protects, part->protects, part->n_protects * sizeof(*protects));
        whole->protects = protects;
        whole->n_protects += part->n_protects;
        part->n_protects = 0;
        return 0;
}

/* Each for itself: a drop-in that says how many actions does not lift what the main file says of repairs. */
static void merge_limits(PolicyLimits *whole, const PolicyLimits *part) {
        if (part->actions.within_usec > 0)
                whole->actions = part->actions;
        if (part->workloads.within_usec > 0)
                whole->workloads = part->workloads;
        if (part->n_parallel_repairs > 0)
                whole->n_parallel_repairs = part->n_parallel_repairs;
        if (part->n_parallel_scrubs > 0)
                whole->n_parallel_scrubs = part->n_parallel_scrubs;
}

/* The last name wins, at the first one's place. */
static int merge_windows(PolicySource *whole, const PolicySource *part) {
        WindowSource *windows;

        if (part->n_windows == 0)
                return 0;

        windows = reallocarray(whole->windows, whole->n_windows + part->n_windows, sizeof(*windows));
        if (!windows)
                return -ENOMEM;
        whole->windows = windows;

        for (size_t i = 0; i < part->n_windows; i++) {
                size_t k = 0;

                while (k < whole->n_windows && strcmp(windows[k].id, part->windows[i].id) != 0)
                        k++;
                windows[k] = part->windows[i];
                whole->n_windows = max_of(whole->n_windows, k + 1);
        }

        return 0;
}

static int merge(PolicySource *whole, PolicySource *part, bool is_alone, PolicyProblems *problems) {
        int r;

        if (part->has_mode) {
                whole->has_mode = true;
                whole->mode = part->mode;
                whole->mode_position = part->mode_position;
        }
        if (part->has_baseline) {
                whole->has_baseline = true;
                whole->baseline = part->baseline;
        }
        merge_limits(&whole->limits, &part->limits);
        if (part->has_patrol) {
                whole->has_patrol = true;
                whole->patrol = part->patrol;
        }
        if (part->brake.n_filesystems > 0)
                whole->brake = part->brake;
        if (part->permit.unit) {
                free(whole->permit.unit);
                whole->permit = part->permit;
                part->permit = (PermitSource) {};
        }

        r = merge_windows(whole, part);
        if (r < 0)
                return r;
        r = policy_routes_merge(whole, part);
        if (r >= 0)
                r = policy_schedules_merge(whole, part);
        if (r < 0)
                return r;
        disable_rules(whole, part, is_alone, problems);
        r = merge_rules(whole, part);
        if (r < 0)
                return r;

        return merge_protects(whole, part, problems);
}

int policy_merge(PolicySource *whole, PolicySource *part, bool is_alone, PolicyProblems *problems) {
        int r;

        r = merge(whole, part, is_alone, problems);
        policy_source_clear(part);
        return r;
}
