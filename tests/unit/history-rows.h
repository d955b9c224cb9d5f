/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows for tests of the history.
 */
#pragma once

#include "src/history/history-protocol.h"

/* An event like one that a kernel reports. */
static inline HistoryValues history_test_values(uint64_t event_id, uint64_t time_usec) {
        HistoryValues values = {
                .type = HISTORY_ROW_EVENT,
                .texts = {
                        [HISTORY_KIND] = "sick",
                        [HISTORY_SEVERITY] = "err",
                        [HISTORY_DOMAIN] = "ag",
                        [HISTORY_STRUCTURE] = "finobt",
                        [HISTORY_UUID] = "01234567-89ab-cdef-0123-456789abcdef",
                        [HISTORY_DEVICE] = "/dev/loop7",
                        [HISTORY_MOUNT] = "/srv/\xff",
                        [HISTORY_TEXT] = "/srv agno 0x3 finobt: sick",
                        [HISTORY_FACTS] = "{event: {kind: sick, domain: ag, structure: finobt, group: 3}}",
                },
        };

        history_values_set(&values, HISTORY_TIME_USEC, time_usec);
        history_values_set(&values, HISTORY_EVENT_ID, event_id);
        history_values_set(&values, HISTORY_GROUP, 3);
        history_values_set(&values, HISTORY_INODE, UINT64_MAX - 1);
        history_values_set(&values, HISTORY_IS_TEST, 0);
        return values;
}
