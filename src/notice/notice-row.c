/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A version, then the struct, then the text of an item.
 */

#include "src/notice/notice-row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

#define ROW_VERSION UINT32_C(1)

#define ITEM_PREFIX NOTICE_KEY_PREFIX "item/"
#define ROUTE_PREFIX NOTICE_KEY_PREFIX "route/"
#define TOLD_PREFIX NOTICE_KEY_PREFIX "told/"

typedef struct RowHeader {
        uint32_t version;
        uint32_t text_size;             /* with its NUL byte; 0: none */
} RowHeader;

_Static_assert(sizeof(RowHeader) + sizeof(NoticeRecord) + MESSAGE_OBJECT_MAX + 1 <= NOTICE_ROW_MAX, "an item fits");
_Static_assert(sizeof(RowHeader) + sizeof(NoticeOrigins) <= NOTICE_ROW_MAX, "all origins fit");

char *notice_key_item(const char *route, uint64_t number, char buffer[static NOTICE_KEY_SIZE]) {
        (void) snprintf(buffer, NOTICE_KEY_SIZE, ITEM_PREFIX "%s/%016" PRIx64, route, number);
        return buffer;
}

char *notice_key_route(const char *route, char buffer[static NOTICE_KEY_SIZE]) {
        (void) snprintf(buffer, NOTICE_KEY_SIZE, ROUTE_PREFIX "%s", route);
        return buffer;
}

char *notice_key_told(const char *route, const char *filesystem, char buffer[static NOTICE_KEY_SIZE]) {
        (void) snprintf(buffer, NOTICE_KEY_SIZE, TOLD_PREFIX "%s/%s", route, filesystem);
        return buffer;
}

static size_t write_row(const void *record, size_t record_size, const char *text, uint8_t *buffer) {
        RowHeader header = { .version = ROW_VERSION, .text_size = text ? (uint32_t) strlen(text) + 1 : 0 };

        memcpy(buffer, &header, sizeof(header));
        memcpy(buffer + sizeof(header), record, record_size);
        if (text)
                memcpy(buffer + sizeof(header) + record_size, text, header.text_size);
        return sizeof(header) + record_size + header.text_size;
}

size_t notice_row_of_item(const NoticeRecord *record, const char *text, uint8_t buffer[static NOTICE_ROW_MAX]) {
        return write_row(record, sizeof(*record), text, buffer);
}

size_t notice_row_of_route(const NoticeRouteRecord *record, uint8_t buffer[static NOTICE_ROW_MAX]) {
        return write_row(record, sizeof(*record), NULL, buffer);
}

size_t notice_row_of_told(const NoticeToldRecord *record, uint8_t buffer[static NOTICE_ROW_MAX]) {
        return write_row(record, sizeof(*record), NULL, buffer);
}

size_t notice_row_of_origins(const NoticeOrigins *origins, uint8_t buffer[static NOTICE_ROW_MAX]) {
        return write_row(origins, sizeof(*origins), NULL, buffer);
}

/* Reads the struct and, if @ret_text is there, the text behind it. */
static int read_row(const void *value, size_t size_bytes, void *ret_record, size_t record_size, const char **ret_text) {
        const uint8_t *bytes = value;
        RowHeader header;

        if (size_bytes < sizeof(header))
                return -EBADMSG;
        memcpy(&header, bytes, sizeof(header));
        if (header.version != ROW_VERSION)
                return -EPROTONOSUPPORT;
        if (size_bytes - sizeof(header) < record_size ||
            size_bytes - sizeof(header) - record_size != header.text_size || (header.text_size > 0 && !ret_text))
                return -EBADMSG;

        memcpy(ret_record, bytes + sizeof(header), record_size);
        if (!ret_text)
                return 0;
        *ret_text = header.text_size > 0 ? (const char *) bytes + sizeof(header) + record_size : NULL;
        if (*ret_text && strnlen(*ret_text, header.text_size) != header.text_size - 1)
                return -EBADMSG;
        return 0;
}

static bool is_text(const char *text, size_t size_bytes) {
        return memchr(text, 0, size_bytes);
}

static bool item_is_valid(const NoticeRecord *item, const char *text) {
        return item->kind < N_NOTICE_KINDS && item->severity <= SEVERITY_INFO &&
               item->number > 0 && item->number <= INT64_MAX &&
               is_text(item->filesystem, sizeof(item->filesystem)) && is_text(item->code, sizeof(item->code)) &&
               is_text(item->target, sizeof(item->target)) && is_text(item->line, sizeof(item->line)) &&
               (text != NULL) == (item->kind != NOTICE_REMINDER) &&
               (!text || strlen(text) <= MESSAGE_OBJECT_MAX);
}

/* "ROUTE" or "ROUTE/REST"; with a rest only if @ret_rest is there. */
static int read_name(const char *rest, char route[static RULE_ID_SIZE], const char **ret_rest) {
        size_t length = strcspn(rest, "/");

        if (length == 0 || length >= RULE_ID_SIZE || (rest[length] == '/') != (ret_rest != NULL))
                return -EBADMSG;
        memcpy(route, rest, length);
        route[length] = '\0';
        if (ret_rest)
                *ret_rest = rest + length + 1;
        return 0;
}

static int read_item(const char *name, const void *value, size_t size_bytes, NoticeRow *row) {
        char key[NOTICE_KEY_SIZE];
        const char *number;
        int r;

        row->kind = NOTICE_ROW_ITEM;
        r = read_name(name, row->route, &number);
        if (r >= 0)
                r = read_row(value, size_bytes, &row->item, sizeof(row->item), &row->text);
        if (r < 0)
                return r;
        /* Both say the number. */
        notice_key_item(row->route, row->item.number, key);
        return item_is_valid(&row->item, row->text) && text_equal(key + strlen(ITEM_PREFIX), name) ? 0 : -EBADMSG;
}

static int read_route(const char *name, const void *value, size_t size_bytes, NoticeRow *row) {
        int r;

        row->kind = NOTICE_ROW_ROUTE;
        r = read_name(name, row->route, NULL);
        if (r >= 0)
                r = read_row(value, size_bytes, &row->state, sizeof(row->state), NULL);
        if (r < 0)
                return r;
        return row->state.last_number <= INT64_MAX && is_text(row->state.unit, sizeof(row->state.unit)) ? 0 : -EBADMSG;
}

static int read_told(const char *name, const void *value, size_t size_bytes, NoticeRow *row) {
        const char *filesystem;
        int r;

        row->kind = NOTICE_ROW_TOLD;
        r = read_name(name, row->route, &filesystem);
        if (r < 0)
                return r;
        if (!*filesystem || text_copy(row->filesystem, sizeof(row->filesystem), filesystem) < 0)
                return -EBADMSG;
        r = read_row(value, size_bytes, &row->told, sizeof(row->told), NULL);
        return r >= 0 && row->told.had_open > 1 ? -EBADMSG : r;
}

int notice_row_read(const char *key, const void *value, size_t size_bytes, NoticeRow *ret_row) {
        NoticeRow row = {};
        int r = -ENOENT;

        if (text_starts_with(key, ITEM_PREFIX))
                r = read_item(key + strlen(ITEM_PREFIX), value, size_bytes, &row);
        else if (text_starts_with(key, ROUTE_PREFIX))
                r = read_route(key + strlen(ROUTE_PREFIX), value, size_bytes, &row);
        else if (text_starts_with(key, TOLD_PREFIX))
                r = read_told(key + strlen(TOLD_PREFIX), value, size_bytes, &row);
        else if (text_equal(key, NOTICE_KEY_ORIGINS)) {
                row.kind = NOTICE_ROW_ORIGINS;
                r = read_row(value, size_bytes, &row.origins, sizeof(row.origins), NULL);
        }
        if (r < 0)
                return r;

        *ret_row = row;
        return 0;
}
