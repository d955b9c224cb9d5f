/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept while a file system is unmounted and mounted again, as somebody may have written it into the store: a
 * key, a NUL byte, and the value. Nothing that is read of it can end a command that people are told to type, and it is
 * the same after it was written and read again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/filesystem/recycle-row.h"
#include "tests/fuzz/fuzz-kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char key[KEPT_KEY_SIZE], value_again[RECYCLE_ROW_SIZE];
        uint8_t uuid[UUID_SIZE], uuid_again[UUID_SIZE];
        RecycleRow row, again;
        size_t value_size;
        void *value;
        int r;

        value = fuzz_kept_value(data, size, &value_size);
        if (!value)
                return 0;

        r = recycle_row_read((const char *) data, value, value_size, uuid, &row);
        free(value);
        require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT);
        if (r < 0)
                return 0;
        require(!strpbrk(row.units, ";&|<>$`'\"(){}*?!#~\n\t\r"));
        require(recycle_row_read(kept_key(RECYCLE_KEY_PREFIX, uuid, key), value_again,
                                 recycle_row_write(&row, value_again), uuid_again, &again) == 0);
        require(memcmp(uuid, uuid_again, UUID_SIZE) == 0 && strcmp(row.boot_id, again.boot_id) == 0);
        require(row.event_id == again.event_id && row.stage == again.stage && strcmp(row.units, again.units) == 0);
        return 0;
}
