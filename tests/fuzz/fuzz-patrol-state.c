/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a patrol is, as somebody may have written it into the store: a key, a NUL byte, and the value. What is read
 * is the same after it was written and read again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/filesystem/patrol-state.h"
#include "tests/fuzz/fuzz-kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char key[KEPT_KEY_SIZE], value_again[KEPT_LINE_SIZE];
        uint8_t uuid[UUID_SIZE], uuid_again[UUID_SIZE];
        PatrolState state, again;
        size_t value_size;
        void *value;
        int r;

        value = fuzz_kept_value(data, size, &value_size);
        if (!value)
                return 0;

        r = patrol_read((const char *) data, value, value_size, uuid, &state);
        free(value);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r < 0)
                return 0;
        require(state.position.stage < N_PATROL_STAGES);
        require(patrol_read(patrol_key(uuid, key), value_again, patrol_value(&state, value_again), uuid_again,
                            &again) == 0);
        require(memcmp(uuid, uuid_again, UUID_SIZE) == 0 && memcmp(&state, &again, sizeof(state)) == 0);
        return 0;
}
