/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for parts of events, and what of an event they are.
 */
#include "policy/rule-timing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "src/basic/text.h"

static const char *const event_part_names[] = {
        [EVENT_PART_FS] = "fs",
        [EVENT_PART_STRUCTURE] = "structure",
        [EVENT_PART_GROUP] = "group",
        [EVENT_PART_INODE] = "inode",
        [EVENT_PART_UNIT] = "unit",
        [EVENT_PART_LOCATION] = "location",
};
DEFINE_NAMES(event_part, EventPart)

static const char *const count_weight_names[] = {
        [COUNT_REPORTS] = "reports",
        [COUNT_EVENTS] = "events",
};
DEFINE_NAMES(count_weight, CountWeight)

static const char *const cooldown_then_names[] = {
        [COOLDOWN_STOP] = "stop",
        [COOLDOWN_NEXT] = "next",
};
DEFINE_NAMES(cooldown_then, CooldownThen)

/* The part of a key, or "" if the event has none. */
static void part_text(const EventFacts *facts, EventPart part, const char *unit, char *buffer, size_t size) {
        const FilesystemFacts *filesystem = facts->filesystem;
        const HealthEvent *event = facts->event;
        const char *domain = event_domain_to_name(event->domain) ?: "?";
        char uuid[UUID_TEXT_SIZE];

        buffer[0] = '\0';
        switch (part) {
        case EVENT_PART_FS:
                if (filesystem && filesystem->uuid_state == FACT_KNOWN)
                        (void) snprintf(buffer, size, "fs=%s", uuid_format(filesystem->uuid, uuid));
                else if (filesystem && filesystem->device_number != 0)
                        (void) snprintf(buffer, size, "fs=%u:%u", major(filesystem->device_number),
                                        minor(filesystem->device_number));
                else if (filesystem)
                        /* One that somebody wrote down. */
                        (void) snprintf(buffer, size, "fs=%s", filesystem->n_mounts > 0 ? filesystem->mounts[0] : "");
                break;
        case EVENT_PART_STRUCTURE:
                if (event->structure != STRUCTURE_NONE)
                        (void) snprintf(buffer, size, "structure=%s/%s", domain, structure_to_name(event->structure));
                break;
        case EVENT_PART_GROUP:
                if (event->domain == DOMAIN_AG || event->domain == DOMAIN_RTGROUP)
                        (void) snprintf(buffer, size, "group=%s/%" PRIu32, domain, event->group);
                break;
        case EVENT_PART_INODE:
                if (event->inode != 0)
                        (void) snprintf(buffer, size, "inode=%" PRIu64 "/%" PRIu32, event->inode, event->generation);
                break;
        case EVENT_PART_UNIT:
                (void) snprintf(buffer, size, "%s", unit);
                break;
        case EVENT_PART_LOCATION:
                if (event->location[0])
                        (void) snprintf(buffer, size, "location=%s", event->location);
                break;
        }
}

void event_units(const EventFacts *facts, WorkloadUnits *ret_units) {
        ret_units->n_items = ret_units->n_left_out = 0;
        if (facts->filesystem && facts->workloads_state == FACT_KNOWN && facts->workloads)
                workload_facts_units(facts->workloads, ret_units);
}

int event_parts_text_of_unit(const EventFacts *facts, unsigned parts, unsigned must_have, const char *unit,
                             char ret_text[static EVENT_PARTS_TEXT_SIZE]) {
        ret_text[0] = '\0';
        for (unsigned i = 0; i < N_EVENT_PARTS; i++) {
                char text[EVENT_PARTS_TEXT_SIZE];

                if (!(parts & EVENT_PART_BIT(i)))
                        continue;
                part_text(facts, (EventPart) i, unit, text, sizeof(text));
                if (text[0])
                        (void) text_append_format(ret_text, EVENT_PARTS_TEXT_SIZE, "%s%s", ret_text[0] ? " " : "",
                                                  text);
                else if (must_have & EVENT_PART_BIT(i))
                        return -ENODATA;
        }

        return 0;
}

int event_parts_text(const EventFacts *facts, unsigned parts, unsigned must_have,
                     char ret_text[static EVENT_PARTS_TEXT_SIZE]) {
        WorkloadUnits units;

        units.n_items = 0;
        if (parts & EVENT_PART_BIT(EVENT_PART_UNIT))
                event_units(facts, &units);
        return event_parts_text_of_unit(facts, parts, must_have, units.n_items > 0 ? units.items[0] : "", ret_text);
}

char *event_parts_names(unsigned parts, char buffer[static EVENT_PARTS_TEXT_SIZE]) {
        buffer[0] = '\0';
        for (unsigned i = 0; i < N_EVENT_PARTS; i++)
                if (parts & EVENT_PART_BIT(i))
                        (void) text_append_format(buffer, EVENT_PARTS_TEXT_SIZE, "%s%s", buffer[0] ? " and " : "",
                                                  event_part_to_name((EventPart) i));
        if (!buffer[0])
                (void) text_copy(buffer, EVENT_PARTS_TEXT_SIZE, "the whole machine");
        return buffer;
}
