/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accepts healerd, tells an old one from a dead one, and keeps a bounded queue of what it has not read.
 */

#include "src/worker/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/packet.h"
#include "src/basic/text.h"

/* Lines taken in within one second; whoever knocks more often waits. */
#define LINES_PER_SECOND 50
/* Records handled before the loop looks at anything else. */
#define RECORDS_PER_TURN 64

struct Connection {
        sd_event *event;
        uid_t peer_uid;
        const ConnectionCalls *calls;
        void *userdata;

        int listen_fd;
        sd_event_source *listen_source;

        int fd;
        sd_event_source *source;
        struct ucred peer;
        int peer_pid_fd;
        bool is_ready;

        PacketQueue queue;
};

static void line_drop(Connection *connection) {
        connection->source = sd_event_source_disable_unref(connection->source);
        connection->fd = close_fd(connection->fd);
        connection->peer_pid_fd = close_fd(connection->peer_pid_fd);
        connection->is_ready = false;
        packet_queue_clear(&connection->queue);
}

void connection_close(Connection *connection) {
        if (connection->fd < 0)
                return;

        line_drop(connection);
        connection->calls->on_end(connection->userdata);
}

int connection_new(sd_event *event, uid_t peer_uid, const ConnectionCalls *calls, void *userdata,
                   Connection **ret_connection) {
        Connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return -ENOMEM;

        *connection = (Connection) {
                .event = sd_event_ref(event),
                .peer_uid = peer_uid,
                .calls = calls,
                .userdata = userdata,
                .listen_fd = -EBADF,
                .fd = -EBADF,
                .peer_pid_fd = -EBADF,
        };
        packet_queue_init(&connection->queue, CONNECTION_QUEUE_MAX, /* keeps_sent= */ false);
        *ret_connection = connection;
        return 0;
}

Connection *connection_free(Connection *connection) {
        if (!connection)
                return NULL;

        line_drop(connection);
        sd_event_source_disable_unref(connection->listen_source);
        close_fd(connection->listen_fd);
        sd_event_unref(connection->event);
        free(connection);
        return NULL;
}

bool connection_is_ready(const Connection *connection) {
        return connection->is_ready;
}

pid_t connection_peer_pid(const Connection *connection) {
        return connection->fd >= 0 ? connection->peer.pid : 0;
}

/* After the queue said @r: takes -EAGAIN for a reason to wait for room. Returns 0 or a negative errno. */
static int watch_for_room(Connection *connection, int r) {
        if (r < 0 && r != -EAGAIN)
                return r;

        (void) sd_event_source_set_io_events(connection->source, EPOLLIN | (r == -EAGAIN ? EPOLLOUT : 0));
        return 0;
}

int connection_send(Connection *connection, const WorkerMessage *message, int fd) {
        int r;

        if (connection->fd < 0)
                return -ENOTCONN;

        /* What healerd would not take is our own mistake: it must not look like its own. */
        r = worker_message_check(message, message->header.size_bytes);
        if (r >= 0)
                r = packet_queue_send(&connection->queue, connection->fd, message, message->header.size_bytes, fd);
        r = watch_for_room(connection, r);
        if (r >= 0)
                return 0;

        if (r == -ENOBUFS)
                log_warning("healerd (pid %d) has not read %u records, ending its line", (int) connection->peer.pid,
                            CONNECTION_QUEUE_MAX);
        else
                log_warning_errno(r, "cannot tell healerd (pid %d): %m", (int) connection->peer.pid);

        /* Not closed here: the caller may be in the middle of a walk. The next turn of the loop finds the end. */
        connection->is_ready = false;
        (void) shutdown(connection->fd, SHUT_RDWR);
        return r;
}

static int say_hello(Connection *connection, const WorkerMessage *message) {
        int r;

        if (message->header.type != WORKER_HELLO)
                return -EBADMSG;

        connection->is_ready = true;
        r = connection->calls->on_hello(&message->hello, connection->userdata);
        if (r < 0)
                connection->is_ready = false;
        return r;
}

static int handle_record(Connection *connection) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        WorkerMessage message;
        int r;

        r = worker_message_receive(connection->fd, &message, &fd);
        if (r < 0)
                return r;

        if (!connection->is_ready)
                return say_hello(connection, &message);
        /* The types from here on are ours to send; a second hello is as wrong. */
        if (message.header.type == WORKER_HELLO || message.header.type >= WORKER_HELLO_REPLY)
                return -EBADMSG;

        return connection->calls->on_message(&message, steal_fd(&fd), connection->userdata);
}

/* So that the other side, too, learns why it is refused. */
static void say_our_version(Connection *connection) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_HELLO_REPLY);
        (void) text_copy(message.hello_reply.program_version, sizeof(message.hello_reply.program_version),
                         PACKAGE_VERSION);
        (void) worker_message_send(connection->fd, &message, -EBADF);
}

static int on_line_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Connection *connection = userdata;
        int r = 0;

        (void) source;
        (void) fd;

        if (revents & EPOLLOUT)
                r = watch_for_room(connection, packet_queue_flush(&connection->queue, connection->fd));

        for (unsigned i = 0; r >= 0 && i < RECORDS_PER_TURN; i++)
                r = handle_record(connection);
        if (r >= 0 || r == -EAGAIN)
                return 0;

        if (r == -ECONNRESET || r == -EPIPE)
                log_info("healerd (pid %d) left", (int) connection->peer.pid);
        else if (r == -EPROTONOSUPPORT) {
                log_notice("healerd (pid %d) speaks another version of the protocol than %d, ending its line",
                           (int) connection->peer.pid, WORKER_PROTOCOL_VERSION);
                say_our_version(connection);
        } else if (r != -ESHUTDOWN)
                log_warning_errno(r, "ending the line to healerd (pid %d): %m", (int) connection->peer.pid);

        connection_close(connection);
        if (r == -EPROTONOSUPPORT)
                connection->calls->on_other_version(connection->userdata);
        return 0;
}

static int check_peer(Connection *connection, int fd, struct ucred *ret_peer) {
        socklen_t length = sizeof(*ret_peer);
        int type = 0;
        socklen_t type_length = sizeof(type);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) < 0)
                return negative_errno();
        if (type != SOCK_SEQPACKET)
                return -EPROTOTYPE;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &length) < 0)
                return negative_errno();
        if (ret_peer->uid != 0 && (connection->peer_uid == (uid_t) -1 || ret_peer->uid != connection->peer_uid))
                return -EPERM;

        return 0;
}

int connection_serve(Connection *connection, int taken_fd) {
        _cleanup_(close_fd_at) int fd = taken_fd;
        struct ucred peer;
        int r;

        r = check_peer(connection, fd, &peer);
        if (r < 0)
                return log_warning_errno(r, "refusing a line: %m");

        r = sd_event_add_io(connection->event, &connection->source, fd, EPOLLIN, on_line_ready, connection);
        if (r < 0)
                return log_error_errno(r, "cannot listen to healerd: %m");

        connection->fd = steal_fd(&fd);
        connection->peer = peer;
        connection->peer_pid_fd = peer.pid > 0 ? (int) syscall(SYS_pidfd_open, peer.pid, 0) : -EBADF;
        return 0;
}

/* True if who held the line has ended, or has closed its end, and we did not come to read that yet. */
static bool peer_is_gone(const Connection *connection) {
        struct pollfd polls[] = {
                { .fd = connection->fd, .events = POLLRDHUP },
                { .fd = connection->peer_pid_fd, .events = POLLIN },
        };

        if (poll(polls, ELEMENTSOF(polls), 0) <= 0)
                return false;

        return polls[0].revents & (POLLHUP|POLLRDHUP|POLLERR) || polls[1].revents & POLLIN;
}

static int on_listen_ready(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        Connection *connection = userdata;
        struct ucred peer;
        int r;

        (void) source;
        (void) revents;

        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);
        if (fd < 0) {
                if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
                        log_warning_errno(errno, "cannot take in a line: %m");
                return 0;
        }

        r = check_peer(connection, fd, &peer);
        if (r < 0) {
                log_warning_errno(r, "refusing a line: %m");
                return 0;
        }

        if (connection->fd >= 0 && !peer_is_gone(connection)) {
                log_notice("refusing pid %d: healerd (pid %d) is being served", (int) peer.pid,
                           (int) connection->peer.pid);
                return 0;
        }

        connection_close(connection);
        (void) connection_serve(connection, steal_fd(&fd));
        return 0;
}

int connection_listen(Connection *connection, int taken_fd) {
        _cleanup_(close_fd_at) int fd = taken_fd;
        int r;

        r = fcntl(fd, F_SETFL, O_NONBLOCK|fcntl(fd, F_GETFL));
        if (r < 0)
                return -errno;

        r = sd_event_add_io(connection->event, &connection->listen_source, fd, EPOLLIN, on_listen_ready, connection);
        if (r < 0)
                return r;

        connection->listen_fd = steal_fd(&fd);
        return sd_event_source_set_ratelimit(connection->listen_source, USEC_PER_SEC, LINES_PER_SECOND);
}
