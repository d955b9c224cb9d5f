/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications as somebody may have written them into the store: a key, a NUL byte, and the value. What is read is the
 * same after it was written and read again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/notice/notice-row.h"
#include "tests/fuzz/fuzz-kept.h"

static size_t write_again(const NoticeRow *row, char key[static NOTICE_KEY_SIZE],
                          uint8_t value[static NOTICE_ROW_MAX]) {
        switch (row->kind) {
        case NOTICE_ROW_ITEM:
                notice_key_item(row->route, row->item.number, key);
                return notice_row_of_item(&row->item, row->text, value);
        case NOTICE_ROW_ROUTE:
                notice_key_route(row->route, key);
                return notice_row_of_route(&row->state, value);
        case NOTICE_ROW_TOLD:
                notice_key_told(row->route, row->filesystem, key);
                return notice_row_of_told(&row->told, value);
        case NOTICE_ROW_ORIGINS:
                strcpy(key, NOTICE_KEY_ORIGINS);
                return notice_row_of_origins(&row->origins, value);
        }
        abort();
}

static void require_same(const char *key, const void *value, size_t size_bytes, const NoticeRow *row) {
        uint8_t value_again[NOTICE_ROW_MAX];
        char key_again[NOTICE_KEY_SIZE];
        size_t size_again;

        if (row->kind == NOTICE_ROW_ITEM) {
                require(row->item.kind < N_NOTICE_KINDS && severity_to_name((Severity) row->item.severity));
                require(strlen(row->item.filesystem) < sizeof(row->item.filesystem));
                require(strlen(row->item.line) < sizeof(row->item.line));
                require(!row->text || strlen(row->text) <= MESSAGE_OBJECT_MAX);
        }
        size_again = write_again(row, key_again, value_again);
        require(text_equal(key, key_again) && size_bytes == size_again && memcmp(value, value_again, size_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        size_t value_size;
        NoticeRow row;
        void *value;
        int r;

        value = fuzz_kept_value(data, size, &value_size);
        if (!value)
                return 0;

        r = notice_row_read((const char *) data, value, value_size, &row);
        require(r == 0 || r == -ENOENT || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r == 0)
                require_same((const char *) data, value, value_size, &row);
        free(value);
        return 0;
}
