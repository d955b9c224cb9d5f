/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker's end of a line, played by a test on the same loop: it answers the hello and hands every other
 * record to the test.
 */
#pragma once

#include <fcntl.h>
#include <systemd/sd-event.h>

#include "src/protocol/worker-protocol.h"

typedef struct FakeWorker {
        int fd;
        sd_event_source *io_source;
        void (*on_message)(void *userdata, const WorkerMessage *message, int fd);
        void *userdata;
        bool is_silent;                 /* does not even answer the hello */
        sd_event_source *listen_source;
        unsigned n_lines;               /* taken in, with fake_worker_listen() */
} FakeWorker;

/* Makes a line; @ret_fd is the daemon's end, to be given away. */
void fake_worker_init(FakeWorker *worker, sd_event *event, int *ret_fd);
/* Listens under a name instead, so that the daemon can come back after fake_worker_hang_up(). */
void fake_worker_listen(FakeWorker *worker, sd_event *event, const char *path);
/* As a worker that was killed; the next line is taken in. */
void fake_worker_hang_up(FakeWorker *worker);
void fake_worker_done(FakeWorker *worker);
void fake_worker_say(FakeWorker *worker, const WorkerMessage *message, int fd);

/**
 * fake_worker_say_zone() - the machine's time zone
 * @file:  whose zone file is passed along; NULL: none, as where it is UTC
 * @seals: of the memory that it comes in
 */
#define FAKE_WORKER_ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
void fake_worker_say_zone(FakeWorker *worker, const char *name, const char *file, unsigned seals);
