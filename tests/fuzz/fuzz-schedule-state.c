/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was kept of schedules and of full checks: a key, a NUL byte, and a value.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/schedule-plan.h"
#include "src/filesystem/check-state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() may be compiled out. */
static void require(bool is_true) {
        if (!is_true)
                abort();
}

static void try_schedule(const char *key, const void *value, size_t size) {
        char key_again[SCHEDULE_KEY_SIZE], value_again[SCHEDULE_VALUE_SIZE], id[RULE_ID_SIZE], id_again[RULE_ID_SIZE];
        uint8_t uuid[UUID_SIZE], uuid_again[UUID_SIZE];
        ScheduleMemory memory, again;
        int r;

        r = schedule_read(key, value, size, uuid, id, &memory);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r < 0)
                return;
        require(schedule_read(schedule_key(uuid, id, key_again), value_again, schedule_value(&memory, value_again),
                              uuid_again, id_again, &again) == 0);
        require(memcmp(uuid, uuid_again, UUID_SIZE) == 0 && strcmp(id, id_again) == 0 &&
                memcmp(&memory, &again, sizeof(memory)) == 0);
}

static void try_check(const char *key, const void *value, size_t size) {
        char key_again[CHECK_KEY_SIZE], value_again[CHECK_VALUE_SIZE];
        uint8_t uuid[UUID_SIZE], uuid_again[UUID_SIZE];
        CheckState state, again;
        int r;

        r = check_read(key, value, size, uuid, &state);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r < 0)
                return;
        require(outcome_to_name(state.outcome));
        require(check_read(check_key(uuid, key_again), value_again, check_value(&state, value_again), uuid_again,
                           &again) == 0);
        require(state.ended_usec == again.ended_usec && state.others_usec == again.others_usec &&
                state.outcome == again.outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        size_t value_size;
        void *value;

        if (!end)
                return 0;
        /* No byte more than there is, so that a sanitizer sees reading beyond the end. */
        value_size = size - (size_t) (end + 1 - data);
        value = malloc(value_size > 0 ? value_size : 1);
        if (!value)
                return 0;
        memcpy(value, end + 1, value_size);
        try_schedule((const char *) data, value, value_size);
        try_check((const char *) data, value, value_size);
        free(value);
        return 0;
}
