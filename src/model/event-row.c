/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "NAME=VALUE" for each field that says something, by one table: numbers as such, kinds by their words, so that a line
 * outlives a change of the numbers behind them.
 */
#include "src/model/event-row.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"

typedef enum FieldType {
        FIELD_U64,
        FIELD_U32,
        FIELD_KIND,
        FIELD_DOMAIN,
        FIELD_SOURCE,
        FIELD_STRUCTURE,                /* behind the domain */
        FIELD_LOCATION,
} FieldType;

static const struct {
        const char *name;
        FieldType type;
        size_t offset;
} fields[] = {
        { "kind", FIELD_KIND, offsetof(HealthEvent, kind) },
        { "source", FIELD_SOURCE, offsetof(HealthEvent, source) },
        { "domain", FIELD_DOMAIN, offsetof(HealthEvent, domain) },
        { "structure", FIELD_STRUCTURE, offsetof(HealthEvent, structure) },
        { "id", FIELD_U64, offsetof(HealthEvent, id) },
        { "cause", FIELD_U64, offsetof(HealthEvent, cause_id) },
        { "time", FIELD_U64, offsetof(HealthEvent, time_realtime_nsec) },
        { "count", FIELD_U64, offsetof(HealthEvent, count) },
        { "group", FIELD_U32, offsetof(HealthEvent, group) },
        { "inode", FIELD_U64, offsetof(HealthEvent, inode) },
        { "generation", FIELD_U32, offsetof(HealthEvent, generation) },
        { "unknown", FIELD_U32, offsetof(HealthEvent, unknown_bits) },
        { "reasons", FIELD_U32, offsetof(HealthEvent, shutdown_reasons) },
        { "block", FIELD_U64, offsetof(HealthEvent, device_block) },
        { "blocks", FIELD_U64, offsetof(HealthEvent, device_block_count) },
        { "position", FIELD_U64, offsetof(HealthEvent, position_bytes) },
        { "length", FIELD_U64, offsetof(HealthEvent, length_bytes) },
        { "error", FIELD_U32, offsetof(HealthEvent, error) },
        { "path", FIELD_U32, offsetof(HealthEvent, io_path) },
        { "location", FIELD_LOCATION, offsetof(HealthEvent, location) },
};
_Static_assert(sizeof(int) == sizeof(uint32_t) && sizeof(IoPath) == sizeof(uint32_t), "read and written as numbers");

/* NULL: nothing to say. */
static const char *field_text(const HealthEvent *event, size_t index, char buffer[static 32]) {
        const void *slot = (const char *) event + fields[index].offset;
        uint64_t number;

        switch (fields[index].type) {
        case FIELD_KIND:
                return event_kind_to_name(event->kind);
        case FIELD_SOURCE:
                return event_source_to_name(event->source);
        case FIELD_DOMAIN:
                return event_domain_to_name(event->domain);
        case FIELD_STRUCTURE:
                return structure_to_name(event->structure);
        case FIELD_LOCATION:
                return event->location[0] && !strpbrk(event->location, " =") ? event->location : NULL;
        case FIELD_U64:
        case FIELD_U32:
                number = fields[index].type == FIELD_U64 ? *(const uint64_t *) slot : *(const uint32_t *) slot;
                if (number == 0)
                        return NULL;
                (void) snprintf(buffer, 32, "%" PRIu64, number);
                return buffer;
        }
        return NULL;
}

char *event_row_format(const HealthEvent *event, char buffer[static EVENT_ROW_SIZE]) {
        char number[32];

        buffer[0] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                const char *text = field_text(event, i, number);

                if (text)
                        (void) text_append_format(buffer, EVENT_ROW_SIZE, "%s%s=%s", buffer[0] ? " " : "",
                                                  fields[i].name, text);
        }
        return buffer;
}

static int field_parse(HealthEvent *event, size_t index, const char *text) {
        void *slot = (char *) event + fields[index].offset;
        uint64_t number;
        int r;

        switch (fields[index].type) {
        case FIELD_KIND:
                return event_kind_from_name(text, &event->kind);
        case FIELD_SOURCE:
                return event_source_from_name(text, &event->source);
        case FIELD_DOMAIN:
                return event_domain_from_name(text, &event->domain);
        case FIELD_STRUCTURE:
                return structure_from_name(event->domain, text, &event->structure);
        case FIELD_LOCATION:
                return text_copy(event->location, sizeof(event->location), text) < 0 ? -EINVAL : 0;
        case FIELD_U64:
                return number_parse_u64(text, 0, UINT64_MAX, slot);
        case FIELD_U32:
                r = number_parse_u64(text, 0, UINT32_MAX, &number);
                if (r >= 0)
                        *(uint32_t *) slot = (uint32_t) number;
                return r;
        }
        return -EINVAL;
}

static int word_parse(HealthEvent *event, char *word) {
        char *equals = strchr(word, '=');

        if (!equals)
                return -EINVAL;
        *equals = '\0';
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (strcmp(fields[i].name, word) == 0)
                        return field_parse(event, i, equals + 1);
        /* Of a later version: the rest still tells the story. */
        return 0;
}

/* Of two domains in one line the structure belongs to the first. */
static bool has_its_domain(const HealthEvent *event) {
        return event->structure == STRUCTURE_NONE || event->structure == STRUCTURE_UNRECOGNISED ||
               structure_domain(event->structure) == event->domain;
}

int event_row_parse(const char *text, HealthEvent *ret_event) {
        HealthEvent event = {};
        char copy[EVENT_ROW_SIZE], *rest = copy, *word;
        bool has_kind = false;
        int r;

        if (text_copy(copy, sizeof(copy), text) < 0)
                return -EINVAL;
        while ((word = strsep(&rest, " "))) {
                if (!*word)
                        continue;
                has_kind |= text_starts_with(word, "kind=");
                r = word_parse(&event, word);
                if (r < 0)
                        return -EINVAL;
        }
        if (!has_kind || event.io_path > IO_PATH_MEDIA || !has_its_domain(&event))
                return -EINVAL;
        if (event.count == 0)
                event.count = 1;
        *ret_event = event;
        return 0;
}
