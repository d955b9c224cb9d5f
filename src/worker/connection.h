/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line to healerd: takes it in, checks who it is, exchanges versions, and carries records both ways
 * without ever waiting. One healerd at a time.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"

/* Records that wait for healerd to read. One that is further behind is dead: the line is closed, it
 * connects again and everything is said anew. */
#define CONNECTION_QUEUE_MAX 4096

typedef struct Connection Connection;

typedef struct ConnectionCalls {
        /* After the versions were found equal; the reply has been queued by the time it returns. Negative ends
         * the line. */
        int (*on_hello)(const WorkerHello *hello, void *userdata);
        /* A well-formed record that only healerd sends; @taken_fd may be negative. Negative ends the line. */
        int (*on_message)(const WorkerMessage *message, int taken_fd, void *userdata);
        /* The line is gone. */
        void (*on_end)(void *userdata);
        /* The other side speaks another version of the protocol. */
        void (*on_other_version)(void *userdata);
} ConnectionCalls;

/**
 * connection_new() - serve one line, or the one that comes through a listening socket
 * @event:    borrowed
 * @peer_uid: who may speak to us besides root; (uid_t) -1: nobody
 */
int connection_new(sd_event *event, uid_t peer_uid, const ConnectionCalls *calls, void *userdata,
                   Connection **ret_connection);
Connection *connection_free(Connection *connection);
DEFINE_CLEANUP(Connection, connection_free)

/* @fd is taken, also on failure. Lines that come are served one at a time. */
int connection_listen(Connection *connection, int fd);
/* @fd is taken, also on failure: this very line. */
int connection_serve(Connection *connection, int fd);

/* True from a good hello until the line ends. */
bool connection_is_ready(const Connection *connection);
pid_t connection_peer_pid(const Connection *connection);

/* Queues one record; @fd is borrowed or negative. Returns 0; -ENOTCONN; or a negative errno after which the
 * line is closed. */
int connection_send(Connection *connection, const WorkerMessage *message, int fd);

/* Ends the line that is there, if any; on_end() is called. */
void connection_close(Connection *connection);
