/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket is made once and addressed anew each time, so that a manager that was re-executed is found.
 */

#include "src/basic/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "src/basic/text.h"

/* Fills in the manager's address. Returns its length, 0 without a manager, or -EINVAL. */
static int find_manager(struct sockaddr_un *ret_address) {
        const char *path = getenv("NOTIFY_SOCKET");

        if (!path || !*path)
                return 0;
        *ret_address = (struct sockaddr_un) { .sun_family = AF_UNIX };
        if (path[0] != '/' && path[0] != '@')
                return -EINVAL;
        if (text_copy(ret_address->sun_path, sizeof(ret_address->sun_path), path) < 0)
                return -EINVAL;
        if (path[0] == '@')
                ret_address->sun_path[0] = '\0';
        return (int) (offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '/'));
}

int notify_send(const char *text, int fd) {
        static int socket_fd = -EBADF;
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct sockaddr_un address;
        struct iovec data = { .iov_base = (char *) text, .iov_len = strlen(text) };
        struct msghdr message = { .msg_name = &address, .msg_iov = &data, .msg_iovlen = 1 };
        int length;

        length = find_manager(&address);
        if (length <= 0)
                return length;
        message.msg_namelen = (socklen_t) length;

        if (socket_fd < 0)
                socket_fd = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (socket_fd < 0)
                return -errno;

        if (fd >= 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = sizeof(control.bytes);
                *CMSG_FIRSTHDR(&message) = (struct cmsghdr) {
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                };
                memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fd, sizeof(int));
        }

        while (sendmsg(socket_fd, &message, MSG_DONTWAIT|MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}
