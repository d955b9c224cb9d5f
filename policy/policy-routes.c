/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading `routes`, merging, finding and showing them.
 */
#include "policy/policy-routes.h"

#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/duration.h"
#include "src/basic/text.h"

/* What is told later than this nobody needs to be told. */
#define GROUP_MAX_USEC USEC_PER_DAY
#define RESEND_MAX_USEC (30 * USEC_PER_DAY)

/* Reading */

static void parse_route(PolicyParser *parser, const YamlNode *entry, RouteSource *route) {
        const YamlNode *node = entry->value;

        *route = (RouteSource) {
                .position = entry->position,
                .group_usec = ROUTE_GROUP_DEFAULT_USEC,
                .resend_usec = ROUTE_RESEND_DEFAULT_USEC,
        };
        (void) parse_id(parser, entry, "name of a route", route->id);
        if (!parse_kind(parser, node, YAML_KIND_MAP, entry->text))
                return;

        YAML_FOREACH(key, node) {
                if (!parse_find_key(parser, KEY_OF_ROUTE, "key of a route", key))
                        continue;
                if (strcmp(key->text, "unit") == 0)
                        parse_unit(parser, key->value, "unit", &route->unit);
                else if (strcmp(key->text, "group") == 0)
                        (void) parse_duration(parser, key->value, "group", 0, GROUP_MAX_USEC, &route->group_usec);
                else
                        (void) parse_duration(parser, key->value, "resend", 0, RESEND_MAX_USEC, &route->resend_usec);
        }
        if (!yaml_map_find(node, "unit"))
                policy_error(parser->problems, entry->position,
                             "this route has no \"unit\": write the name of a template, such as "
                             "\"unit: 'healer-mail@.service'\"");
}

int parse_routes(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        if (!parse_kind(parser, node, YAML_KIND_MAP, "routes"))
                return 0;
        if (node->n_children > POLICY_ROUTES_MAX) {
                policy_error(parser->problems, node->position, "%zu routes: write at most %d", node->n_children,
                             POLICY_ROUTES_MAX);
                return 0;
        }

        source->routes = calloc(max_of(node->n_children, (size_t) 1), sizeof(*source->routes));
        if (!source->routes)
                return -ENOMEM;
        YAML_FOREACH(entry, node)
                parse_route(parser, entry, &source->routes[source->n_routes++]);
        return 0;
}

int policy_routes_merge(PolicySource *whole, PolicySource *part) {
        RouteSource *routes;

        if (part->n_routes == 0)
                return 0;

        routes = reallocarray(whole->routes, whole->n_routes + part->n_routes, sizeof(*routes));
        if (!routes)
                return -ENOMEM;
        whole->routes = routes;

        for (size_t i = 0; i < part->n_routes; i++) {
                size_t k = 0;

                while (k < whole->n_routes && strcmp(routes[k].id, part->routes[i].id) != 0)
                        k++;
                if (k < whole->n_routes)
                        free(routes[k].unit);
                routes[k] = part->routes[i];
                part->routes[i].unit = NULL;
                whole->n_routes = max_of(whole->n_routes, k + 1);
        }
        return 0;
}

/* Finding */

const RouteSource *policy_find_route(const Policy *policy, const char *name) {
        for (size_t i = 0; i < policy->n_routes; i++)
                if (strcmp(policy->routes[i].id, name) == 0)
                        return &policy->routes[i];

        return NULL;
}

size_t policy_n_routes(const Policy *policy) {
        return policy->n_routes;
}

const RouteSource *policy_route_at(const Policy *policy, size_t index) {
        return &policy->routes[index];
}

static bool unit_of_rule_at(const RuleSource *rule, size_t *index, PolicyUnit *ret_unit) {
        for (size_t i = 0; i < rule->n_steps; i++) {
                const StepSource *step = rule->steps + i;

                if (step->request.kind != ACTION_START_UNIT || (*index)-- > 0)
                        continue;
                *ret_unit = (PolicyUnit) { step->request.unit, step->position };
                return true;
        }
        return false;
}

bool policy_unit_at(const Policy *policy, size_t index, PolicyUnit *ret_unit) {
        if (index < policy->n_routes) {
                *ret_unit = (PolicyUnit) { policy->routes[index].unit, policy->routes[index].position };
                return true;
        }
        index -= policy->n_routes;
        if (policy->permit.unit && index-- == 0) {
                *ret_unit = (PolicyUnit) { policy->permit.unit, policy->permit.position };
                return true;
        }
        for (size_t i = 0; i < policy->n_rules; i++)
                if (unit_of_rule_at(&policy->rules[i].source, &index, ret_unit))
                        return true;
        return false;
}

static void unknown_route(const Policy *policy, const StepSource *step, PolicyProblems *problems) {
        const char *name = step->request.route, *words[POLICY_ROUTES_MAX];

        for (size_t i = 0; i < policy->n_routes; i++)
                words[i] = policy->routes[i].id;
        if (policy->n_routes > 0)
                policy_unknown_word(problems, step->route_position, "route", name, words, policy->n_routes);
        else
                policy_error(problems, step->route_position,
                             "unknown route \"%s\": there are none, write one, such as "
                             "\"routes: {%s: {unit: 'healer-mail@.service'}}\"", name, name);
}

void policy_routes_check(const Policy *policy, bool is_part, PolicyProblems *problems) {
        for (size_t i = 0; i < policy->n_rules; i++) {
                const RuleSource *rule = &policy->rules[i].source;

                for (size_t k = 0; k < rule->n_steps; k++)
                        if (rule->steps[k].request.route && !is_part &&
                            !policy_find_route(policy, rule->steps[k].request.route))
                                unknown_route(policy, &rule->steps[k], problems);
        }
}

/* Showing */

void route_print_value(const RouteSource *route, FILE *stream) {
        char group[DURATION_TEXT_SIZE], resend[DURATION_TEXT_SIZE];

        fprintf(stream, "{unit: '%s', group: %s, resend: %s}", route->unit,
                duration_format(route->group_usec, group), duration_format(route->resend_usec, resend));
}
