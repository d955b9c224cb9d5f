/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "1 STAGE GROUP NEXT BEGAN ENDED CLEAN CHECKED DAMAGED UNREADABLE BUSY"
 */

#include "src/filesystem/patrol-state.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define VALUE_VERSION "1"

static const size_t numbers[] = {
        offsetof(PatrolState, position.next),
        offsetof(PatrolState, began_realtime_usec),
        offsetof(PatrolState, ended_realtime_usec),
        offsetof(PatrolState, clean_realtime_usec),
        offsetof(PatrolState, n_checked),
        offsetof(PatrolState, n_damaged),
        offsetof(PatrolState, n_unreadable),
        offsetof(PatrolState, busy_usec),
};

static uint64_t *number_at(PatrolState *state, size_t i) {
        return (uint64_t *) ((char *) state + numbers[i]);
}

char *patrol_key(const uint8_t uuid[static UUID_SIZE], char buffer[static PATROL_KEY_SIZE]) {
        char text[UUID_TEXT_SIZE];

        buffer[0] = 0;
        (void) text_append_format(buffer, PATROL_KEY_SIZE, PATROL_KEY_PREFIX "%s", uuid_format(uuid, text));
        return buffer;
}

size_t patrol_value(const PatrolState *state, char buffer[static PATROL_VALUE_SIZE]) {
        PatrolState copy = *state;

        buffer[0] = 0;
        (void) text_append_format(buffer, PATROL_VALUE_SIZE, VALUE_VERSION " %" PRIu32 " %" PRIu32,
                                  state->position.stage, state->position.group);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                (void) text_append_format(buffer, PATROL_VALUE_SIZE, " %" PRIu64, *number_at(&copy, i));
        return strlen(buffer);
}

static int next_number(char **rest, uint64_t max, uint64_t *ret_number) {
        const char *word = *rest ? strsep(rest, " ") : NULL;

        return word && number_parse_u64(word, 0, max, ret_number) >= 0 ? 0 : -EBADMSG;
}

int patrol_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                PatrolState *ret_state) {
        char line[PATROL_VALUE_SIZE], *rest = line;
        uint64_t version, stage, group;
        PatrolState state = {};
        int r;

        if (!text_starts_with(key, PATROL_KEY_PREFIX) || uuid_parse(key + strlen(PATROL_KEY_PREFIX), ret_uuid) < 0 ||
            size_bytes >= sizeof(line) || memchr(value, 0, size_bytes))
                return -EBADMSG;
        memcpy(line, value, size_bytes);
        line[size_bytes] = 0;

        r = next_number(&rest, UINT64_MAX, &version);
        if (r >= 0 && version != 1)
                return -EPROTONOSUPPORT;
        if (r < 0 || next_number(&rest, PATROL_DONE, &stage) < 0 || next_number(&rest, UINT32_MAX, &group) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (next_number(&rest, UINT64_MAX, number_at(&state, i)) < 0)
                        return -EBADMSG;
        if (rest)
                return -EBADMSG;

        state.position.stage = (uint32_t) stage;
        state.position.group = (uint32_t) group;
        *ret_state = state;
        return 0;
}
