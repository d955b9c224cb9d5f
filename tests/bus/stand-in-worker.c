/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that knows one mounted file system, which nobody uses, and does nothing, so that healerd has something on
 * the bus without root.
 * Usage: stand-in-worker SOCKET
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/basic/cleanup.h"
#include "src/protocol/worker-protocol.h"

#define DEVICE_NUMBER UINT64_C(0x801)

static int greet(int fd) {
        WorkerMessage message;
        int r;

        worker_message_init(&message, WORKER_HELLO_REPLY);
        strcpy(message.hello_reply.program_version, "stand-in");
        strcpy(message.hello_reply.kernel_release, "7.2.13");
        message.hello_reply.oops_count = UINT64_MAX;
        r = worker_message_send(fd, &message, -EBADF);
        if (r < 0)
                return r;

        worker_message_init(&message, WORKER_FILESYSTEM);
        message.filesystem.device_number = DEVICE_NUMBER;
        message.filesystem.monitor_state = MONITOR_UNSUPPORTED;
        message.filesystem.uuid_state = FACT_KNOWN;
        memset(message.filesystem.uuid, 0xab, sizeof(message.filesystem.uuid));
        strcpy(message.filesystem.type, "xfs");
        strcpy(message.filesystem.device, "/dev/stand-in");
        r = worker_message_send(fd, &message, -EBADF);
        if (r < 0)
                return r;

        worker_message_init(&message, WORKER_MOUNT_ADDED);
        message.mount.device_number = DEVICE_NUMBER;
        message.mount.mount_id = 42;
        message.mount.is_whole = true;
        strcpy(message.mount.mount_point, "/srv");
        r = worker_message_send(fd, &message, -EBADF);
        if (r < 0)
                return r;

        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        return worker_message_send(fd, &message, -EBADF);
}

static int nobody_uses_it(int fd, uint64_t request_id) {
        WorkerMessage message;

        worker_message_init(&message, WORKER_USERS_END);
        message.users_end.request_id = request_id;
        return worker_message_send(fd, &message, -EBADF);
}

/* Until healerd hangs up. */
static void serve(int fd) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        WorkerMessage message;

        while (poll(&poll_fd, 1, -1) > 0) {
                _cleanup_(close_fd_at) int passed_fd = -EBADF;
                int r = worker_message_receive(fd, &message, &passed_fd);

                if (r == -EAGAIN)
                        continue;
                if (r >= 0 && message.header.type == WORKER_HELLO)
                        r = greet(fd);
                else if (r >= 0 && message.header.type == WORKER_LIST_USERS)
                        r = nobody_uses_it(fd, message.users.request_id);
                if (r < 0)
                        return;
        }
}

int main(int argc, char *argv[]) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fd_at) int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
                fprintf(stderr, "Usage: stand-in-worker SOCKET\n");
                return 2;
        }
        strcpy(address.sun_path, argv[1]);
        if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            listen(listen_fd, 1) < 0) {
                perror(argv[1]);
                return 1;
        }
        for (;;) {
                _cleanup_(close_fd_at) int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd < 0)
                        return 1;
                serve(fd);
        }
}
