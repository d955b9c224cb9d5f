/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerd's end of the line to healer-worker: says hello, tells what it holds, hands over what comes back. Never
 * blocks; what the worker does not read in time is queued up to a limit, and beyond it the line is taken for dead and
 * made anew.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"

typedef struct WorkerLink WorkerLink;

typedef struct WorkerLinkHandlers {
        /* Connected: tell what is held by calling worker_link_send() for each, before returning. */
        void (*on_hello)(void *userdata);
        void (*on_ready)(void *userdata, const WorkerHelloReply *reply);
        void (*on_lost)(void *userdata);
        /* Any other record; @fd is borrowed, or negative: duplicate it to keep it. */
        void (*on_message)(void *userdata, const WorkerMessage *message, int fd);
        void *userdata;
} WorkerLinkHandlers;

/**
 * worker_link_new() - start connecting
 * @socket_path: where the worker listens; borrowed for the life of the link; NULL with @connected_fd
 * @connected_fd: an open line (taken), or a negative value; such a line is not opened again when it breaks
 */
int worker_link_new(sd_event *event, const char *socket_path, int connected_fd,
                    const WorkerLinkHandlers *handlers, WorkerLink **ret_link);
WorkerLink *worker_link_free(WorkerLink *link);
DEFINE_CLEANUP(WorkerLink, worker_link_free)

/* The worker has answered the hello. */
bool worker_link_is_ready(const WorkerLink *link);

/* As line_doubt(): nothing was heard from the worker since it was asked something at @asked_monotonic_usec. */
bool worker_link_doubt(WorkerLink *link, uint64_t asked_monotonic_usec);

/* Queues one record; @fd is duplicated. Returns 0; -ENOTCONN without a line; -ENOBUFS at the limit (the line is
 * dropped); -EBADMSG for a record that the worker would not take; or another negative errno. */
int worker_link_send(WorkerLink *link, const WorkerMessage *message, int fd);
