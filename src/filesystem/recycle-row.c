/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See recycle-row.h.
 */
#include "src/filesystem/recycle-row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/basic/unit-name.h"

#define ROW_VERSION "1"
#define BOOT_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyz-"
#define UNIT_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"

size_t recycle_row_write(const RecycleRow *row, char buffer[static RECYCLE_ROW_SIZE]) {
        buffer[0] = 0;
        (void) text_append_format(buffer, RECYCLE_ROW_SIZE, ROW_VERSION " %s %" PRIu64 " %" PRIu64 " %s", row->boot_id,
                                  row->event_id, row->stage, row->units);
        return strlen(buffer);
}

static bool has_only(const char *word, const char *characters) {
        return word[0] && !word[strspn(word, characters)];
}

static bool is_unit(const char *word) {
        return has_only(word, UNIT_CHARACTERS) && word[0] != '-' && strlen(word) <= UNIT_NAME_MAX_LENGTH &&
               strchr(word, '.');
}

/* Units, and at the end how many more there are. */
static int take_units(char *rest, RecycleRow *row) {
        uint64_t n;

        while (rest && *rest) {
                const char *word = strsep(&rest, " ");
                bool is_count = word[0] == '+' && !rest && number_parse_u64(word + 1, 1, UINT64_MAX, &n) >= 0;

                if (!is_count && !is_unit(word))
                        return -EBADMSG;
                if (text_append_format(row->units, sizeof(row->units), "%s%s", row->units[0] ? " " : "", word) < 0)
                        return -EBADMSG;
        }
        return 0;
}

int recycle_row_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                     RecycleRow *ret_row) {
        char line[RECYCLE_ROW_SIZE], *rest = line;
        const char *version, *boot, *event, *stage;
        RecycleRow row = {};

        if (!text_starts_with(key, RECYCLE_KEY_PREFIX) || uuid_parse(key + strlen(RECYCLE_KEY_PREFIX), ret_uuid) < 0 ||
            size_bytes >= sizeof(line) || memchr(value, 0, size_bytes))
                return -EBADMSG;
        memcpy(line, value, size_bytes);
        line[size_bytes] = 0;

        version = strsep(&rest, " ");
        if (!text_equal(version, ROW_VERSION))
                return -EPROTONOSUPPORT;
        boot = rest ? strsep(&rest, " ") : NULL;
        event = rest ? strsep(&rest, " ") : NULL;
        stage = rest ? strsep(&rest, " ") : NULL;
        if (!boot || !event || !stage || !has_only(boot, BOOT_CHARACTERS) ||
            text_copy(row.boot_id, sizeof(row.boot_id), boot) < 0 ||
            number_parse_u64(event, 0, UINT64_MAX, &row.event_id) < 0 ||
            number_parse_u64(stage, 0, UINT64_MAX, &row.stage) < 0 || take_units(rest, &row) < 0)
                return -EBADMSG;
        *ret_row = row;
        return 0;
}
