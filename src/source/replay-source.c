/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives frames from an idle source of the loop, so that everything else has its turn between them.
 */

#include <string.h>

#include "kernel/health-record.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/source/replay-source.h"

#define FRAMES_PER_TURN 64
#define REPLAY_FILESYSTEMS_MAX 4096

typedef struct Renumbered {
        uint64_t recorded_id;
        dev_t device_number;
} Renumbered;

struct ReplaySource {
        RecordStream *stream;
        EventSink sink;
        ReplayHandlers handlers;
        sd_event_source *defer_source;
        Renumbered *filesystems;
        size_t n_filesystems;
};

static int remember(ReplaySource *source, uint64_t recorded_id, dev_t device_number) {
        Renumbered *filesystems;

        for (size_t i = 0; i < source->n_filesystems; i++)
                if (source->filesystems[i].recorded_id == recorded_id) {
                        source->filesystems[i].device_number = device_number;
                        return 0;
                }
        if (source->n_filesystems >= REPLAY_FILESYSTEMS_MAX)
                return -ENOSPC;

        filesystems = reallocarray(source->filesystems, source->n_filesystems + 1, sizeof(*filesystems));
        if (!filesystems)
                return -ENOMEM;
        source->filesystems = filesystems;
        filesystems[source->n_filesystems++] = (Renumbered) { recorded_id, device_number };
        return 0;
}

static uint64_t current_id(ReplaySource *source, uint64_t recorded_id) {
        for (size_t i = 0; i < source->n_filesystems; i++)
                if (source->filesystems[i].recorded_id == recorded_id)
                        return source->handlers.filesystem_id(source->handlers.userdata,
                                                              source->filesystems[i].device_number);
        return 0;
}

static int take_record(ReplaySource *source, const RecordFrame *frame) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
        uint64_t id = current_id(source, frame->header.filesystem_id);
        size_t n;

        if (id == 0)
                return -EBADMSG;

        n = health_record_decode(frame->record, events);
        for (size_t i = 0; i < n; i++) {
                events[i].filesystem_id = id;
                events[i].received_boottime_usec = clock_boottime_usec();
                source->sink.on_event(source->sink.userdata, events + i);
                if (events[i].kind == EVENT_UNMOUNTED) {
                        source->sink.on_end(source->sink.userdata, id, 0);
                        break;
                }
        }
        return 0;
}

static int take_frame(ReplaySource *source, const RecordFrame *frame) {
        WorkerMessage message;
        int r;

        if (frame->header.type == RECORD_FRAME_RECORD)
                return take_record(source, frame);

        message = frame->message;
        if (frame->header.type == RECORD_FRAME_FILESYSTEM) {
                r = remember(source, frame->header.filesystem_id, (dev_t) message.filesystem.device_number);
                if (r < 0)
                        return r;
                /* Nobody listens to a recording's file system. */
                message.filesystem.monitor_state = MONITOR_NONE;
        }
        source->handlers.on_message(source->handlers.userdata, &message, -EBADF);
        return 0;
}

static int on_defer(_unused_ sd_event_source *defer_source, void *userdata) {
        ReplaySource *source = userdata;
        RecordFrame frame;
        int r = 1;

        for (unsigned i = 0; i < FRAMES_PER_TURN && r > 0; i++) {
                r = record_stream_read(source->stream, &frame);
                if (r > 0) {
                        int k = take_frame(source, &frame);

                        if (k < 0)
                                r = k;
                }
        }
        if (r > 0)
                return 0;

        (void) sd_event_source_set_enabled(source->defer_source, SD_EVENT_OFF);
        source->handlers.on_finished(source->handlers.userdata, r);
        return 0;
}

int replay_source_new(sd_event *event, const char *path, const EventSink *sink, const ReplayHandlers *handlers,
                      ReplaySource **ret_source) {
        _cleanup_(replay_source_free_at) ReplaySource *source = calloc(1, sizeof(*source));
        int r;

        if (!source)
                return -ENOMEM;
        source->sink = *sink;
        source->handlers = *handlers;

        r = record_stream_open(path, &source->stream);
        if (r < 0)
                return r;

        r = sd_event_add_defer(event, &source->defer_source, on_defer, source);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(source->defer_source, SD_EVENT_ON);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(source->defer_source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;

        *ret_source = steal_ptr(source);
        return 0;
}

ReplaySource *replay_source_free(ReplaySource *source) {
        if (!source)
                return NULL;
        sd_event_source_disable_unref(source->defer_source);
        record_stream_free(source->stream);
        free(source->filesystems);
        free(source);
        return NULL;
}
