/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever sector an intent is read from: refused, or an intent that is the same after it was written and read again.
 * Each input is tried as it is and with a checksum that fits, or nothing behind the checksum would ever be reached.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/worker/intent-file.h"
#include "tests/fuzz/fuzz-target.h"

/* CRC-32C, written apart from the one it checks: by the highest bit of the mirrored polynomial's table. */
static uint32_t crc32c(const uint8_t *bytes, size_t length) {
        static uint32_t table[256];
        uint32_t crc = UINT32_MAX;

        for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
                table[i] = i;
                for (unsigned bit = 0; bit < 8; bit++)
                        table[i] = (table[i] >> 1) ^ (UINT32_C(0x82f63b78) & -(table[i] & 1));
        }
        for (size_t i = 0; i < length; i++)
                crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
        return ~crc;
}

static void check_sector(const uint8_t *bytes) {
        uint8_t again[INTENT_RECORD_SIZE], third[INTENT_RECORD_SIZE];
        Intent intent, same;
        int r;

        r = intent_decode(bytes, &intent);
        require(r == 0 || r == -ENODATA || r == -EBADMSG);
        if (r < 0)
                return;

        require(intent_state_to_name(intent.state) && intent.state != INTENT_FREE);
        require(intent.target.structure < N_STRUCTURES && outcome_to_name(intent.outcome));
        require(memchr(intent.kernel_release, 0, sizeof(intent.kernel_release)) &&
                memchr(intent.detail, 0, sizeof(intent.detail)));

        intent_encode(&intent, again);
        require(intent_decode(again, &same) == 0 && intent_is_same(&intent, &same));
        intent_encode(&same, third);
        require(memcmp(again, third, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t bytes[INTENT_RECORD_SIZE] = {};
        uint32_t sum;

        memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
        check_sector(bytes);
        sum = crc32c(bytes, sizeof(bytes) - sizeof(sum));
        memcpy(bytes + sizeof(bytes) - sizeof(sum), &sum, sizeof(sum));
        check_sector(bytes);
        return 0;
}
