/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buffered stdio: recording must not cost a system call for each record of a storm.
 */

#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/source/record-stream.h"

struct RecordStream {
        FILE *file;
        bool is_broken;
};

RecordStream *record_stream_free(RecordStream *stream) {
        if (!stream)
                return NULL;
        if (stream->file)
                (void) fclose(stream->file);
        free(stream);
        return NULL;
}

static int stream_new(const char *path, const char *mode, RecordStream **ret_stream) {
        _cleanup_(record_stream_free_at) RecordStream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        stream->file = fopen(path, mode);
        if (!stream->file)
                return negative_errno();

        *ret_stream = steal_ptr(stream);
        return 0;
}

static void write_bytes(RecordStream *stream, const void *bytes, size_t length) {
        if (stream->is_broken || fwrite(bytes, 1, length, stream->file) == length)
                return;

        stream->is_broken = true;
        log_error_errno(errno, "recording ends here, the stream cannot be written: %m");
}

int record_stream_create(const char *path, RecordStream **ret_stream) {
        int r;

        r = stream_new(path, "we", ret_stream);
        if (r < 0)
                return r;
        write_bytes(*ret_stream, RECORD_STREAM_MAGIC, strlen(RECORD_STREAM_MAGIC));
        return 0;
}

int record_stream_open(const char *path, RecordStream **ret_stream) {
        _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
        char magic[sizeof(RECORD_STREAM_MAGIC) - 1];
        int r;

        r = stream_new(path, "re", &stream);
        if (r < 0)
                return r;
        if (fread(magic, 1, sizeof(magic), stream->file) != sizeof(magic) ||
            memcmp(magic, RECORD_STREAM_MAGIC, sizeof(magic)) != 0)
                return -EBADMSG;

        *ret_stream = steal_ptr(stream);
        return 0;
}

static void write_frame(RecordStream *stream, RecordFrameType type, uint64_t filesystem_id,
                        const void *bytes, uint32_t size_bytes) {
        const RecordFrameHeader header = {
                .type = type,
                .size_bytes = size_bytes,
                .filesystem_id = filesystem_id,
                .boottime_usec = clock_boottime_usec(),
        };

        write_bytes(stream, &header, sizeof(header));
        write_bytes(stream, bytes, size_bytes);
}

void record_stream_write_message(RecordStream *stream, uint64_t filesystem_id, const WorkerMessage *message) {
        write_frame(stream,
                    message->header.type == WORKER_FILESYSTEM ? RECORD_FRAME_FILESYSTEM : RECORD_FRAME_MOUNT,
                    filesystem_id, message, message->header.size_bytes);
}

void record_stream_write_record(RecordStream *stream, uint64_t filesystem_id,
                                const uint8_t record[static HEALTH_RECORD_SIZE]) {
        write_frame(stream, RECORD_FRAME_RECORD, filesystem_id, record, HEALTH_RECORD_SIZE);
}

void record_stream_flush(RecordStream *stream) {
        if (stream->is_broken || fflush(stream->file) == 0)
                return;

        stream->is_broken = true;
        log_error_errno(errno, "recording ends here, the stream cannot be written: %m");
}

static int check_frame(const RecordFrame *frame) {
        static const struct {
                RecordFrameType frame;
                WorkerMessageType message;
        } types[] = {
                { RECORD_FRAME_FILESYSTEM, WORKER_FILESYSTEM },
                { RECORD_FRAME_MOUNT, WORKER_MOUNT_ADDED },
        };

        if (frame->header.type == RECORD_FRAME_RECORD)
                return frame->header.size_bytes == HEALTH_RECORD_SIZE ? 0 : -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (frame->header.type == types[i].frame) {
                        if (worker_message_check(&frame->message, frame->header.size_bytes) < 0 ||
                            frame->message.header.type != types[i].message)
                                return -EBADMSG;
                        return 0;
                }

        return -EBADMSG;
}

int record_stream_read(RecordStream *stream, RecordFrame *ret_frame) {
        RecordFrame frame = {};
        int r;

        if (fread(&frame.header, sizeof(frame.header), 1, stream->file) != 1)
                return ferror(stream->file) ? -EIO : 0;
        if (frame.header.size_bytes < HEALTH_RECORD_SIZE || frame.header.size_bytes > sizeof(frame.message))
                return -EBADMSG;
        if (fread(frame.record, frame.header.size_bytes, 1, stream->file) != 1)
                return ferror(stream->file) ? -EIO : 0;

        r = check_frame(&frame);
        if (r < 0)
                return r;
        *ret_frame = frame;
        return 1;
}
