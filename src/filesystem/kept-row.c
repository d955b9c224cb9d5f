/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See kept-row.h.
 */

#include "src/filesystem/kept-row.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"

char *kept_key(const char *prefix, const uint8_t uuid[static UUID_SIZE], char buffer[static KEPT_KEY_SIZE]) {
        char text[UUID_TEXT_SIZE];

        buffer[0] = 0;
        (void) text_append_format(buffer, KEPT_KEY_SIZE, "%s%s", prefix, uuid_format(uuid, text));
        return buffer;
}

const char *kept_read_word(KeptReader *reader) {
        return reader->rest ? strsep(&reader->rest, " ") : NULL;
}

int kept_read_number(KeptReader *reader, uint64_t max, uint64_t *ret_number) {
        const char *word = kept_read_word(reader);

        return word && number_parse_u64(word, 0, max, ret_number) >= 0 ? 0 : -EBADMSG;
}

int kept_read_numbers(KeptReader *reader, void *object, const size_t *offsets, size_t n) {
        for (size_t i = 0; i < n; i++) {
                uint64_t number;

                if (kept_read_number(reader, UINT64_MAX, &number) < 0)
                        return -EBADMSG;
                memcpy((char *) object + offsets[i], &number, sizeof(number));
        }
        return 0;
}

int kept_read_begin(KeptReader *reader, const char *prefix, uint64_t version, const char *key, const void *value,
                    size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE]) {
        uint64_t found;

        if (!text_starts_with(key, prefix) || uuid_parse(key + strlen(prefix), ret_uuid) < 0 ||
            size_bytes >= sizeof(reader->line) || memchr(value, 0, size_bytes))
                return -EBADMSG;
        memcpy(reader->line, value, size_bytes);
        reader->line[size_bytes] = 0;
        reader->rest = reader->line;

        if (kept_read_number(reader, UINT64_MAX, &found) < 0)
                return -EBADMSG;
        return found == version ? 0 : -EPROTONOSUPPORT;
}

void kept_append_number(char line[static KEPT_LINE_SIZE], uint64_t number) {
        (void) text_append_format(line, KEPT_LINE_SIZE, "%s%" PRIu64, line[0] ? " " : "", number);
}

void kept_append_numbers(char line[static KEPT_LINE_SIZE], const void *object, const size_t *offsets, size_t n) {
        for (size_t i = 0; i < n; i++) {
                uint64_t number;

                memcpy(&number, (const char *) object + offsets[i], sizeof(number));
                kept_append_number(line, number);
        }
}
