/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever bytes an error watch gives: decoded without a fault, in steps that end, and each said in one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/error-watch.h"
#include "tests/fuzz/fuzz-target.h"

static void check_event(const HealthEvent *event) {
        char text[EVENT_TEXT_SIZE];

        require(event_kind_to_name(event->kind) && !event_kind_is_result(event->kind));
        require(event_domain_to_name(event->domain));
        require(event->source == EVENT_SOURCE_FANOTIFY);
        require(event->count >= 1 && event->error >= 0);
        require(event->domain == DOMAIN_INODE || (event->inode == 0 && event->generation == 0));
        require(event->id == 0 && event->filesystem_id == 0 && event->received_boottime_usec == 0);

        require(health_event_text(event, "/mnt", NULL, text) == text);
        require(memchr(text, '\0', sizeof(text)) && text[0] == '/' && !strchr(text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        while (size > 0) {
                HealthEvent event;
                ssize_t length = error_watch_decode(data, size, &event);

                if (length < 0)
                        break;
                require(length > 0 && (size_t) length <= size);
                check_event(&event);
                data += length;
                size -= (size_t) length;
        }

        return 0;
}
