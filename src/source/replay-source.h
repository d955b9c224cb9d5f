/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recorded stream in the place of a kernel.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/source/record-stream.h"
#include "src/source/source.h"

typedef struct ReplaySource ReplaySource;

typedef struct ReplayHandlers {
        /* WORKER_FILESYSTEM or WORKER_MOUNT_ADDED, as the worker would say it. */
        void (*on_message)(void *userdata, const WorkerMessage *message, int fd);
        /* The daemon's number for the file system with this device number, 0 if there is none. */
        uint64_t (*filesystem_id)(void *userdata, dev_t device_number);
        void (*on_finished)(void *userdata, int error); /* 0 at the end of the stream */
        void *userdata;
} ReplayHandlers;

/* Frames are given one after the other, without waiting as long as they were apart. */
int replay_source_new(sd_event *event, const char *path, const EventSink *sink, const ReplayHandlers *handlers,
                      ReplaySource **ret_source);
ReplaySource *replay_source_free(ReplaySource *source);
DEFINE_CLEANUP(ReplaySource, replay_source_free)
