/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and showing `permit`.
 */
#include "policy/policy-permit.h"

#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/duration.h"

#define TIMEOUT_MIN_USEC USEC_PER_SEC
#define TIMEOUT_MAX_USEC (5 * USEC_PER_MINUTE)

int parse_permit(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        PermitSource *permit = &source->permit;

        permit->position = node->position;
        permit->timeout_usec = PERMIT_TIMEOUT_DEFAULT_USEC;
        if (!parse_kind(parser, node, YAML_KIND_MAP, "permit"))
                return 0;

        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_PERMIT, "key of \"permit\"", entry))
                        continue;
                if (strcmp(entry->text, "unit") == 0)
                        parse_unit(parser, entry->value, "unit", &permit->unit);
                else
                        (void) parse_duration(parser, entry->value, "timeout", TIMEOUT_MIN_USEC, TIMEOUT_MAX_USEC,
                                              &permit->timeout_usec);
        }
        if (!yaml_map_find(node, "unit"))
                policy_error(parser->problems, node->position,
                             "\"permit\" has no \"unit\": write the name of a template, such as "
                             "\"permit: {unit: 'may-healer@.service'}\"");
        return 0;
}

void permit_print_value(const PermitSource *permit, FILE *stream) {
        char timeout[DURATION_TEXT_SIZE];

        fprintf(stream, "{unit: '%s', timeout: %s}", permit->unit, duration_format(permit->timeout_usec, timeout));
}
