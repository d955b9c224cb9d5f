/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of numbers and words that are never renamed, and the message behind it.
 */

#include "src/filesystem/condition-record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/number.h"
#include "src/basic/text.h"

/* What stands behind a higher number need not be lines and words. */
#define RECORD_VERSION "1 "
/* Longer than any first line. */
#define LINE_SIZE 128

static const char *const state_words[] = {
        [false] = "open",
        [true] = "stale",
};

char *condition_key(const uint8_t uuid[static UUID_SIZE], ConditionCode code, const char *target,
                    char buffer[static CONDITION_KEY_SIZE]) {
        char text[UUID_TEXT_SIZE];

        buffer[0] = 0;
        (void) text_append_format(buffer, CONDITION_KEY_SIZE, CONDITION_KEY_PREFIX "%s/%s/%s", uuid_format(uuid, text),
                                  condition_code_to_name(code), target);
        return buffer;
}

size_t condition_value(const HealthCondition *condition, char buffer[static CONDITION_VALUE_SIZE]) {
        size_t length, n_left;

        buffer[0] = 0;
        (void) text_append_format(buffer, CONDITION_VALUE_SIZE, RECORD_VERSION "%s %" PRIu64 " %" PRIu64 " %s\n",
                                  severity_to_name(condition->severity), condition->since_realtime_usec,
                                  condition->event_id, state_words[condition->is_stale]);
        length = strlen(buffer);
        n_left = strnlen(condition->message, CONDITION_VALUE_SIZE - length);
        memcpy(buffer + length, condition->message, n_left);
        return length + n_left;
}

/* Cuts the next word off. NULL: there is none. */
static char *next_word(char **rest) {
        char *word = *rest ? strsep(rest, " ") : NULL;

        return word && *word ? word : NULL;
}

static int read_key(const char *key, uint8_t ret_uuid[static UUID_SIZE], HealthCondition *condition) {
        char copy[CONDITION_KEY_SIZE], *rest = copy, *uuid, *code;

        if (!text_starts_with(key, CONDITION_KEY_PREFIX) ||
            text_copy(copy, sizeof(copy), key + strlen(CONDITION_KEY_PREFIX)) < 0)
                return -EBADMSG;
        uuid = strsep(&rest, "/");
        code = strsep(&rest, "/");
        if (!rest || uuid_parse(uuid, ret_uuid) < 0 || condition_code_from_name(code, &condition->code) < 0 ||
            text_copy(condition->target, sizeof(condition->target), rest) < 0)
                return -EBADMSG;
        return 0;
}

static int read_line(char *line, HealthCondition *condition) {
        char *rest = line, *severity = next_word(&rest), *since, *event_id, *state;

        since = next_word(&rest);
        event_id = next_word(&rest);
        state = next_word(&rest);
        if (!severity || !since || !event_id || !state || rest ||
            severity_from_name(severity, &condition->severity) < 0 ||
            number_parse_u64(since, 0, UINT64_MAX, &condition->since_realtime_usec) < 0 ||
            number_parse_u64(event_id, 0, UINT64_MAX, &condition->event_id) < 0)
                return -EBADMSG;

        condition->is_stale = text_equal(state, state_words[true]);
        return condition->is_stale || text_equal(state, state_words[false]) ? 0 : -EBADMSG;
}

int condition_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                   HealthCondition *ret_condition) {
        const size_t n_version = strlen(RECORD_VERSION);
        const char *text = value, *message;
        HealthCondition condition = {};
        char line[LINE_SIZE];
        size_t length;
        int r;

        if (size_bytes < n_version || text[0] < '0' || text[0] > '9')
                return -EBADMSG;
        if (memcmp(text, RECORD_VERSION, n_version) != 0)
                return -EPROTONOSUPPORT;
        text += n_version;
        size_bytes -= n_version;
        message = memchr(text, '\n', min_of(size_bytes, (size_t) LINE_SIZE));
        if (!message || memchr(text, 0, size_bytes))
                return -EBADMSG;
        length = (size_t) (message - text);
        memcpy(line, text, length);
        line[length] = 0;
        r = read_line(line, &condition);
        if (r >= 0)
                r = read_key(key, ret_uuid, &condition);
        if (r < 0)
                return r;

        condition.message = strndup(message + 1, size_bytes - length - 1);
        if (!condition.message)
                return -ENOMEM;
        *ret_condition = condition;
        return 0;
}
