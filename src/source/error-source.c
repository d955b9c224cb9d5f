/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One read gives all there is; what comes while that is handed on is read in the next turn of the loop.
 */

#include <string.h>

#include "kernel/error-watch.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/source/error-source.h"

struct ErrorSource {
        int fd;
        uint64_t filesystem_id;
        EventSink sink;
        sd_event_source *io_source;
};

/* Returns 0 or -EBADMSG. */
static int hand_on(const ErrorSource *source, const uint8_t *bytes, size_t size_bytes) {
        while (size_bytes > 0) {
                HealthEvent event;
                ssize_t length = error_watch_decode(bytes, size_bytes, &event);

                if (length < 0)
                        return (int) length;
                event.filesystem_id = source->filesystem_id;
                /* The record has no time: it is that of the reading, which is at once. */
                event.time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC;
                event.received_boottime_usec = clock_boottime_usec();
                source->sink.on_event(source->sink.userdata, &event);

                bytes += length;
                size_bytes -= (size_t) length;
        }

        return 0;
}

/* Returns 0, also if nothing was there; or a negative errno. */
static int read_once(const ErrorSource *source) {
        _Alignas(uint64_t) uint8_t buffer[ERROR_WATCH_READ_BYTES];
        ssize_t n = error_watch_read(source->fd, buffer, sizeof(buffer));

        if (n < 0)
                return n == -EAGAIN ? 0 : (int) n;

        return hand_on(source, buffer, (size_t) n);
}

static int on_io(_unused_ sd_event_source *io_source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        ErrorSource *source = userdata;
        int r;

        r = read_once(source);
        if (r >= 0)
                return 0;

        /* It stays readable for ever: the source has to go. */
        (void) sd_event_source_set_enabled(source->io_source, SD_EVENT_OFF);
        source->sink.on_end(source->sink.userdata, source->filesystem_id, r);
        return 0;
}

void error_source_drain(ErrorSource *source) {
        int r;

        r = read_once(source);
        if (r < 0)
                log_debug_errno(r, "the last words of an error watch cannot be read: %m");
}

int error_source_fd(const ErrorSource *source) {
        return source->fd;
}

int error_source_new(sd_event *event, int taken_watch_fd, uint64_t filesystem_id, const EventSink *sink,
                     ErrorSource **ret_source) {
        _cleanup_(close_fd_at) int fd = taken_watch_fd;
        _cleanup_(error_source_free_at) ErrorSource *source = NULL;
        int r;

        source = malloc(sizeof(*source));
        if (!source)
                return -ENOMEM;
        *source = (ErrorSource) { .fd = steal_fd(&fd), .filesystem_id = filesystem_id, .sink = *sink };

        r = sd_event_add_io(event, &source->io_source, source->fd, EPOLLIN, on_io, source);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(source->io_source, "error-watch");

        *ret_source = steal_ptr(source);
        return 0;
}

ErrorSource *error_source_free(ErrorSource *source) {
        if (!source)
                return NULL;
        sd_event_source_disable_unref(source->io_source);
        close_fd(source->fd);
        free(source);
        return NULL;
}
