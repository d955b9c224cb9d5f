/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever 64 bytes a kernel gives: decoded without a fault, nothing lost, and said in one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/health-record.h"
#include "tests/fuzz/fuzz-target.h"

static void check_event(const HealthEvent *event, const uint8_t *record) {
        char text[EVENT_TEXT_SIZE];

        require(event_kind_to_name(event->kind) && !event_kind_is_result(event->kind));
        require(event_domain_to_name(event->domain));
        require(event->structure < N_STRUCTURES);
        require((event->unknown_bits != 0) == (event->structure == STRUCTURE_UNRECOGNISED));
        require(event->structure <= STRUCTURE_UNRECOGNISED || structure_domain(event->structure) == event->domain);
        require(event->count >= 1);
        require(event->error >= 0);
        require(memcmp(event->raw, record, HEALTH_RECORD_SIZE) == 0);
        require(event->id == 0 && event->filesystem_id == 0 && event->received_boottime_usec == 0);

        require(health_event_text(event, "/mnt", NULL, text) == text);
        require(memchr(text, '\0', sizeof(text)) && text[0] == '/' && !strchr(text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        for (; size >= HEALTH_RECORD_SIZE; data += HEALTH_RECORD_SIZE, size -= HEALTH_RECORD_SIZE) {
                HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
                size_t n_events = health_record_decode(data, events);

                require(n_events >= 1 && n_events <= HEALTH_RECORD_EVENTS_MAX);
                for (size_t i = 0; i < n_events; i++)
                        check_event(events + i, data);
        }

        return 0;
}
