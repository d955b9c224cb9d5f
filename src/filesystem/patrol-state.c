/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "2 STAGE GROUP NEXT BEGAN ENDED CLEAN CHECKED DAMAGED UNREADABLE BUSY READ"
 */

#include "src/filesystem/patrol-state.h"

#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"

#define VALUE_VERSION 2

static const size_t numbers[] = {
        offsetof(PatrolState, position.next),
        offsetof(PatrolState, began_realtime_usec),
        offsetof(PatrolState, ended_realtime_usec),
        offsetof(PatrolState, clean_realtime_usec),
        offsetof(PatrolState, n_checked),
        offsetof(PatrolState, n_damaged),
        offsetof(PatrolState, n_unreadable),
        offsetof(PatrolState, busy_usec),
        offsetof(PatrolState, read_bytes),
};

char *patrol_key(const uint8_t uuid[static UUID_SIZE], char buffer[static KEPT_KEY_SIZE]) {
        return kept_key(PATROL_KEY_PREFIX, uuid, buffer);
}

size_t patrol_value(const PatrolState *state, char buffer[static KEPT_LINE_SIZE]) {
        buffer[0] = 0;
        kept_append_number(buffer, VALUE_VERSION);
        kept_append_number(buffer, state->position.stage);
        kept_append_number(buffer, state->position.group);
        kept_append_numbers(buffer, state, numbers, ELEMENTSOF(numbers));
        return strlen(buffer);
}

int patrol_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                PatrolState *ret_state) {
        uint64_t stage, group;
        PatrolState state = {};
        KeptReader reader;
        int r;

        r = kept_read_begin(&reader, PATROL_KEY_PREFIX, VALUE_VERSION, key, value, size_bytes, ret_uuid);
        if (r < 0)
                return r;
        if (kept_read_number(&reader, PATROL_DONE, &stage) < 0 || kept_read_number(&reader, UINT32_MAX, &group) < 0 ||
            kept_read_numbers(&reader, &state, numbers, ELEMENTSOF(numbers)) < 0 || reader.rest)
                return -EBADMSG;

        state.position.stage = (uint32_t) stage;
        state.position.group = (uint32_t) group;
        *ret_state = state;
        return 0;
}
