/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions as somebody may have written them into the store: a key, a NUL byte, and the value. What is read is the
 * same after it was written and read again. What a target names is as it is written.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/filesystem/condition-record.h"
#include "src/model/health-event.h"
#include "tests/fuzz/fuzz-kept.h"

static void require_same(const uint8_t uuid[static UUID_SIZE], const HealthCondition *condition) {
        char key[CONDITION_KEY_SIZE], value[CONDITION_VALUE_SIZE];
        HealthCondition again = {};
        uint8_t uuid_again[UUID_SIZE];
        size_t size_bytes;

        require(condition_code_to_name(condition->code) && severity_to_name(condition->severity));
        size_bytes = condition_value(condition, value);
        require(size_bytes <= sizeof(value));
        require(condition_read(condition_key(uuid, condition->code, condition->target, key), value, size_bytes,
                               uuid_again, &again) == 0);
        require(memcmp(uuid, uuid_again, UUID_SIZE) == 0 && again.code == condition->code &&
                again.severity == condition->severity && again.is_stale == condition->is_stale &&
                again.since_realtime_usec == condition->since_realtime_usec &&
                again.event_id == condition->event_id && text_equal(again.target, condition->target) &&
                text_starts_with(condition->message, again.message));
        free(again.message);
}

static void require_target(const char *target) {
        HealthEvent event = { .kind = EVENT_SICK };
        char again[EVENT_TEXT_SIZE];

        if (health_event_read_target(target, &event) == 0)
                require(text_equal(health_event_target_text(&event, again), target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        HealthCondition condition = {};
        uint8_t uuid[UUID_SIZE];
        size_t value_size;
        void *value;
        int r;

        value = fuzz_kept_value(data, size, &value_size);
        if (!value)
                return 0;

        r = condition_read((const char *) data, value, value_size, uuid, &condition);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ENOMEM);
        if (r == 0) {
                require_same(uuid, &condition);
                require_target(condition.target);
        }
        free(condition.message);
        free(value);
        return 0;
}
