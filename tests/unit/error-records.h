/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of an error watch as the kernel writes them, for the tests that play it. Include <string.h> and <cmocka.h>
 * first.
 */
#pragma once

#include "kernel/fanotify-abi.h"
#include "src/basic/macro.h"

#define ERROR_RECORD_SIZE 128

typedef struct ErrorRecord {
        uint64_t mask;
        int32_t error;
        uint32_t count;
        int32_t handle_type;
        uint32_t handle_bytes;
        uint8_t handle[40];
} ErrorRecord;

/* An inode of ext4 or f2fs; handles of others are written out by the test. */
#define INO32_HANDLE(inode, generation) \
        ABI_FILEID_INO32_GEN, 8, { (inode) & 0xff, (inode) >> 8 & 0xff, (inode) >> 16 & 0xff, (inode) >> 24, \
                                   (generation) & 0xff, (generation) >> 8 & 0xff, \
                                   (generation) >> 16 & 0xff, (generation) >> 24 }

/* Handle first, as the kernel does it. Returns the length. */
static inline size_t error_record_write(const ErrorRecord *record, uint8_t bytes[static ERROR_RECORD_SIZE]) {
        struct abi_fanotify_event_metadata metadata = {
                .vers = ABI_FANOTIFY_METADATA_VERSION,
                .metadata_len = sizeof(metadata),
                .mask = record->mask,
                .fd = -1,
        };
        struct abi_fanotify_event_info_fid fid = { .hdr.info_type = ABI_FAN_EVENT_INFO_TYPE_FID };
        struct abi_fanotify_event_info_error error = {
                .hdr = { .info_type = ABI_FAN_EVENT_INFO_TYPE_ERROR, .len = sizeof(error) },
                .error = record->error,
                .error_count = record->count,
        };
        const struct abi_file_handle handle = { record->handle_bytes, record->handle_type };
        size_t length = sizeof(metadata), padded = (record->handle_bytes + 3) / 4 * 4;

        memset(bytes, 0, ERROR_RECORD_SIZE);
        if (record->mask & ABI_FAN_FS_ERROR) {
                fid.hdr.len = (uint16_t) (sizeof(fid) + sizeof(handle) + padded);
                memcpy(bytes + length, &fid, sizeof(fid));
                memcpy(bytes + length + sizeof(fid), &handle, sizeof(handle));
                memcpy(bytes + length + sizeof(fid) + sizeof(handle), record->handle,
                       min_of((size_t) record->handle_bytes, sizeof(record->handle)));
                length += fid.hdr.len;
                memcpy(bytes + length, &error, sizeof(error));
                length += sizeof(error);
        }
        metadata.event_len = (uint32_t) length;
        memcpy(bytes, &metadata, sizeof(metadata));
        return length;
}
