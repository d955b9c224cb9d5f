/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and showing `patrol`.
 */
#include "policy/policy-patrol.h"

#include <string.h>

#include "policy/policy-parse-value.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

static const char *mode_name_at(unsigned i) {
        return patrol_mode_to_name((PatrolMode) i);
}

static void parse_patrol_mode(PolicyParser *parser, const YamlNode *node, PatrolPolicy *patrol) {
        unsigned value;

        if (parse_word(parser, node, "patrol", mode_name_at, N_PATROL_MODES, &value))
                patrol->mode = (PatrolMode) value;
}

static void parse_share(PolicyParser *parser, const YamlNode *node, PatrolPolicy *patrol) {
        const char *text;
        char digits[8];
        uint64_t value;
        size_t length;

        if (!parse_text(parser, node, "share", &text))
                return;
        length = strlen(text);
        if (length > 1 && length < sizeof(digits) && text[length - 1] == '%') {
                memcpy(digits, text, length - 1);
                digits[length - 1] = '\0';
                if (number_parse_u64(digits, 1, PATROL_SHARE_MAX, &value) >= 0) {
                        patrol->share_percent = (unsigned) value;
                        return;
                }
        }
        policy_error(parser->problems, node->position, "\"%s\" is no share of the time: write 1%% to %d%%", text,
                     PATROL_SHARE_MAX);
}

int parse_patrol(PolicyParser *parser, const YamlNode *node, PolicySource *source) {
        PatrolPolicy patrol = {};

        source->has_patrol = true;
        if (node->kind == YAML_KIND_SCALAR) {
                parse_patrol_mode(parser, node, &patrol);
                source->patrol = patrol;
                return 0;
        }
        if (!parse_kind(parser, node, YAML_KIND_MAP, "patrol"))
                return 0;

        YAML_FOREACH(entry, node) {
                if (!parse_find_key(parser, KEY_OF_PATROL, "key of \"patrol\"", entry))
                        continue;
                if (strcmp(entry->text, "mode") == 0)
                        parse_patrol_mode(parser, entry->value, &patrol);
                else if (strcmp(entry->text, "share") == 0)
                        parse_share(parser, entry->value, &patrol);
                else
                        (void) parse_bool(parser, entry->value, entry->text,
                                          strcmp(entry->text, "removable") == 0 ? &patrol.on_removable
                                                                                : &patrol.on_rotating);
        }
        if (!yaml_map_find(node, "mode"))
                policy_error(parser->problems, node->position,
                             "\"patrol\" has no \"mode\": write \"patrol: {mode: at-mount}\"");
        source->patrol = patrol;
        return 0;
}

void patrol_print(const PatrolPolicy *patrol, FILE *stream) {
        if (patrol->mode == PATROL_OFF)
                return;
        fprintf(stream, "patrol: {mode: %s, share: %u%%%s%s}\n", patrol_mode_to_name(patrol->mode),
                patrol->share_percent, patrol->on_removable ? ", removable: true" : "",
                patrol->on_rotating ? ", rotating: true" : "");
}
