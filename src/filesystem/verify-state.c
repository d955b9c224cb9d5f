/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "1 WANTED ALL SOURCE CALLER STAGE RATE TIMEOUT EVENT NEXT ... BAD-OF... RULE": numbers, and last the name of the rule
 * or "-".
 */

#include "src/filesystem/verify-state.h"

#include <errno.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

#define VALUE_VERSION 1
#define NO_RULE "-"

static const size_t numbers[] = {
        offsetof(VerifyState, rate_bytes),
        offsetof(VerifyState, timeout_usec),
        offsetof(VerifyState, event_id),
        offsetof(VerifyState, counts.position.next),
        offsetof(VerifyState, counts.n_bytes),
        offsetof(VerifyState, counts.n_bytes_left),
        offsetof(VerifyState, counts.n_bad),
        offsetof(VerifyState, counts.n_bad_bytes),
        offsetof(VerifyState, began_realtime_usec),
        offsetof(VerifyState, ended_realtime_usec),
        offsetof(VerifyState, clean_realtime_usec),
};

/* Twenty digits and a blank at most. */
_Static_assert((6 + ELEMENTSOF(numbers) + N_SPACE_OWNERS) * 21 + RULE_ID_SIZE < KEPT_LINE_SIZE, "a line fits");

char *verify_key(const uint8_t uuid[static UUID_SIZE], char buffer[static KEPT_KEY_SIZE]) {
        return kept_key(VERIFY_KEY_PREFIX, uuid, buffer);
}

size_t verify_value(const VerifyState *state, char buffer[static KEPT_LINE_SIZE]) {
        buffer[0] = 0;
        kept_append_number(buffer, VALUE_VERSION);
        kept_append_number(buffer, state->is_wanted);
        kept_append_number(buffer, state->is_all);
        kept_append_number(buffer, state->source);
        kept_append_number(buffer, state->caller_uid);
        kept_append_number(buffer, state->counts.position.stage);
        kept_append_numbers(buffer, state, numbers, ELEMENTSOF(numbers));
        for (size_t i = 0; i < N_SPACE_OWNERS; i++)
                kept_append_number(buffer, state->counts.n_bad_of[i]);
        (void) text_append_format(buffer, KEPT_LINE_SIZE, " %s", state->rule_id[0] ? state->rule_id : NO_RULE);
        return strlen(buffer);
}

static int read_words(KeptReader *reader, VerifyState *state) {
        uint64_t is_wanted, is_all, source, caller, stage;
        const char *rule;

        if (kept_read_number(reader, 1, &is_wanted) < 0 || kept_read_number(reader, 1, &is_all) < 0 ||
            kept_read_number(reader, DECISION_CALLER, &source) < 0 ||
            kept_read_number(reader, UINT32_MAX, &caller) < 0 ||
            kept_read_number(reader, MEDIA_STAGE_DONE, &stage) < 0 ||
            kept_read_numbers(reader, state, numbers, ELEMENTSOF(numbers)) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < N_SPACE_OWNERS; i++)
                if (kept_read_number(reader, UINT64_MAX, state->counts.n_bad_of + i) < 0)
                        return -EBADMSG;
        rule = kept_read_word(reader);
        if (!rule || !*rule || reader->rest ||
            (!text_equal(rule, NO_RULE) && text_copy(state->rule_id, sizeof(state->rule_id), rule) < 0))
                return -EBADMSG;

        state->is_wanted = is_wanted;
        state->is_all = is_all;
        state->source = (DecisionSource) source;
        state->caller_uid = (uint32_t) caller;
        state->counts.position.stage = (uint32_t) stage;
        return 0;
}

int verify_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                VerifyState *ret_state) {
        VerifyState state = {};
        KeptReader reader;
        int r;

        r = kept_read_begin(&reader, VERIFY_KEY_PREFIX, VALUE_VERSION, key, value, size_bytes, ret_uuid);
        if (r >= 0)
                r = read_words(&reader, &state);
        if (r >= 0)
                *ret_state = state;
        return r;
}
