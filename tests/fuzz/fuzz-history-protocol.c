/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever the other side of the recorder's line sends: what passes the check is safe to use without another look, and
 * a row or an entry is the same after it was taken apart and made again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/history/history-protocol.h"
#include "tests/fuzz/fuzz-target.h"

static void require_same_row(const HistoryMessage *message) {
        HistoryValues values;
        HistoryMessage again;

        history_row_values(&message->row, &values);
        require(history_row_type_to_name(values.type));
        history_message_set_row(&again, message->header.type, message->row.serial, &values);
        again.row.query_id = message->row.query_id;
        require(again.header.size_bytes == message->header.size_bytes);
        require(memcmp(&again, message, message->header.size_bytes) == 0);
}

static void require_same_entry(const HistoryMessage *message) {
        const HistoryEntry *entry = &message->entry;
        HistoryMessage again;

        require(history_key_is_valid(history_entry_key(entry)));
        history_message_set_entry(&again, message->header.type, entry->serial, history_entry_key(entry),
                                  history_entry_value(entry), entry->value_size);
        require(again.header.size_bytes == message->header.size_bytes);
        require(memcmp(&again, message, message->header.size_bytes) == 0);
}

static void take(const HistoryMessage *message, size_t size) {
        int r;

        r = history_message_check(message, size);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r < 0)
                return;

        switch ((HistoryMessageType) message->header.type) {
        case HISTORY_RECORD:
        case HISTORY_ROW:
                require_same_row(message);
                break;
        case HISTORY_PUT:
        case HISTORY_REMOVE:
        case HISTORY_KEPT:
                require_same_entry(message);
                break;
        case HISTORY_STATE:
                require(history_place_to_name(message->state.place));
                break;
        case HISTORY_HELLO:
        case HISTORY_HELLO_REPLY:
        case HISTORY_QUERY:
        case HISTORY_TAKEN:
        case HISTORY_END:
        case HISTORY_KEPT_END:
        case HISTORY_CHANGED:
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        HistoryMessage *message;

        if (size > sizeof(*message))
                return 0;
        /* No byte more than there is, so that a sanitizer sees reading beyond the end. */
        message = malloc(size > 0 ? size : 1);
        if (!message)
                return 0;
        memcpy(message, data, size);

        take(message, size);
        /* An input of an earlier version is worth as much as one of this. */
        if (size >= sizeof(HistoryHeader)) {
                message->header.version = HISTORY_PROTOCOL_VERSION;
                take(message, size);
        }
        free(message);
        return 0;
}
