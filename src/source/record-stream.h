/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recorded stream: what the kernel reported, in a file, for tests, simulation and bug reports.
 *
 * A file header, then frames. A frame is either what is known about a file system (the worker's own record
 * of it), a mount point of it, or one 64-byte record of its monitor, each with the time it came. A torn last
 * frame (the daemon died) is no error: the stream just ends there.
 */
#pragma once

#include "src/basic/cleanup.h"
#include "src/filesystem/filesystem.h"
#include "src/protocol/worker-protocol.h"

#define RECORD_STREAM_MAGIC "XFSHEAL1"

typedef enum RecordFrameType {
        RECORD_FRAME_FILESYSTEM = 1,    /* WorkerMessage, WORKER_FILESYSTEM */
        RECORD_FRAME_MOUNT = 2,         /* WorkerMessage, WORKER_MOUNT_ADDED */
        RECORD_FRAME_RECORD = 3,        /* 64 bytes */
} RecordFrameType;

typedef struct RecordFrameHeader {
        uint32_t type;
        uint32_t size_bytes;            /* of what follows */
        uint64_t filesystem_id;         /* as numbered by the recording daemon */
        uint64_t boottime_usec;
} RecordFrameHeader;

typedef struct RecordFrame {
        RecordFrameHeader header;
        union {
                WorkerMessage message;
                uint8_t record[HEALTH_RECORD_SIZE];
        };
} RecordFrame;

typedef struct RecordStream RecordStream;

/* @path is made or emptied. Returns 0 or a negative errno. */
int record_stream_create(const char *path, RecordStream **ret_stream);
/* Returns 0; -EBADMSG if it is no recorded stream; or another negative errno. */
int record_stream_open(const char *path, RecordStream **ret_stream);
RecordStream *record_stream_free(RecordStream *stream);
DEFINE_CLEANUP(RecordStream, record_stream_free)

/* Writing never fails for the caller: the first error is logged, and recording ends there. */
void record_stream_write_message(RecordStream *stream, uint64_t filesystem_id, const WorkerMessage *message);
void record_stream_write_record(RecordStream *stream, uint64_t filesystem_id,
                                const uint8_t record[static HEALTH_RECORD_SIZE]);
/* Hands what is buffered to the file. */
void record_stream_flush(RecordStream *stream);

/* Returns 1 with a frame; 0 at the end; -EBADMSG for a frame that cannot be; or another negative errno. */
int record_stream_read(RecordStream *stream, RecordFrame *ret_frame);
