/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever file somebody sends with a bug report: healerd replays it, or says that it is none.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/basic/file.h"
#include "src/source/record-stream.h"
#include "tests/fuzz/fuzz-target.h"

static void read_all(RecordStream *stream, size_t size) {
        static RecordFrame frame;
        size_t n = 0;
        int r;

        while ((r = record_stream_read(stream, &frame)) > 0) {
                n += sizeof(frame.header) + frame.header.size_bytes;
                require(n <= size);
                if (frame.header.type != RECORD_FRAME_RECORD)
                        require(worker_message_check(&frame.message, frame.header.size_bytes) == 0);
        }
        require(r == 0 || r == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(record_stream_free_at) RecordStream *stream = NULL;
        _cleanup_(close_fd_at) int fd = -EBADF;
        char path[32];
        int r;

        fd = memfd_create("fuzz-record-stream", MFD_CLOEXEC);
        require(fd >= 0);
        require(file_write_all(fd, data, size) == 0);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = record_stream_open(path, &stream);
        require(r == 0 || r == -EBADMSG);
        if (r == 0)
                read_all(stream, size);
        return 0;
}
