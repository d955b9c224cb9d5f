/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever the other side of the recorder's line sends: what passes the check is safe to use without another look, and
 * a row is the same after it was taken apart and made again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/history/history-protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() may be compiled out. */
static void require(bool is_true) {
        if (!is_true)
                abort();
}

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        HistoryMessage *message;
        int r;

        if (size > sizeof(*message))
                return 0;
        /* No byte more than there is, so that a sanitizer sees reading beyond the end. */
        message = malloc(size > 0 ? size : 1);
        if (!message)
                return 0;
        memcpy(message, data, size);

        r = history_message_check(message, size);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r == 0 && (message->header.type == HISTORY_RECORD || message->header.type == HISTORY_ROW))
                require_same_row(message);
        if (r == 0 && message->header.type == HISTORY_STATE)
                require(history_place_to_name(message->state.place));
        free(message);
        return 0;
}
