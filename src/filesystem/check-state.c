/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "1 ENDED OTHERS OUTCOME"
 */

#include "src/filesystem/check-state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

char *check_key(const uint8_t uuid[static UUID_SIZE], char buffer[static CHECK_KEY_SIZE]) {
        char text[UUID_TEXT_SIZE];

        buffer[0] = 0;
        (void) text_append_format(buffer, CHECK_KEY_SIZE, CHECK_KEY_PREFIX "%s", uuid_format(uuid, text));
        return buffer;
}

size_t check_value(const CheckState *state, char buffer[static CHECK_VALUE_SIZE]) {
        buffer[0] = 0;
        (void) text_append_format(buffer, CHECK_VALUE_SIZE, "1 %" PRIu64 " %" PRIu64 " %s", state->ended_usec,
                                  state->others_usec, outcome_to_name(state->outcome));
        return strlen(buffer);
}

static int next_number(char **rest, uint64_t *ret_number) {
        const char *word = *rest ? strsep(rest, " ") : NULL;

        return word && number_parse_u64(word, 0, UINT64_MAX, ret_number) >= 0 ? 0 : -EBADMSG;
}

int check_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
               CheckState *ret_state) {
        char line[CHECK_VALUE_SIZE], *rest = line;
        CheckState state = {};
        uint64_t version;

        if (!text_starts_with(key, CHECK_KEY_PREFIX) || uuid_parse(key + strlen(CHECK_KEY_PREFIX), ret_uuid) < 0 ||
            size_bytes >= sizeof(line) || memchr(value, 0, size_bytes))
                return -EBADMSG;
        memcpy(line, value, size_bytes);
        line[size_bytes] = 0;

        if (next_number(&rest, &version) < 0)
                return -EBADMSG;
        if (version != 1)
                return -EPROTONOSUPPORT;
        if (next_number(&rest, &state.ended_usec) < 0 || next_number(&rest, &state.others_usec) < 0 || !rest ||
            outcome_from_name(rest, &state.outcome) < 0)
                return -EBADMSG;

        *ret_state = state;
        return 0;
}
