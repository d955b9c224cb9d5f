/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request, one answer, over a socket pair whose end is the end of the process.
 */

#include "src/worker/intent-writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/worker/child.h"
#include "src/worker/process.h"

typedef struct WriteOrder {
        size_t slot;
        Intent intent;
} WriteOrder;

static int write_one(const char *state_dir, const WriteOrder *order) {
        _cleanup_(close_fd_at) int fd = -EBADF;

        fd = intent_file_open(state_dir, true);
        return fd < 0 ? fd : intent_file_write(fd, order->slot, &order->intent);
}

/* Memory that a process has touched once is its own: the first touch after a fork copies it. The file is not kept open:
 * that would keep its file system. */
static void rehearse(const char *state_dir) {
        close_fd(intent_file_open(state_dir, false));
}

static _Noreturn void writer_main(int socket_fd, const char *state_dir) {
        WriteOrder order;
        int fd, result;

        child_close_all_but(&socket_fd, 1);
        child_set_name("intent");
        rehearse(state_dir);

        if (child_receive(socket_fd, &order, sizeof(order), &fd) != sizeof(order))
                _exit(EXIT_SUCCESS);
        result = write_one(state_dir, &order);
        _exit(child_report(socket_fd, &result, sizeof(result), -EBADF) < 0);
}

void intent_writer_start(IntentWriter *writer, const char *state_dir) {
        int fds[2];

        *writer = (IntentWriter) { .socket_fd = -EBADF };
        (void) process_start_ticks(getpid(), &writer->owner_start_ticks);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0) {
                writer->error = -errno;
                return;
        }
        writer->socket_fd = fds[0];

        writer->pid = fork();
        if (writer->pid == 0)
                writer_main(fds[1], state_dir);
        if (writer->pid < 0)
                writer->error = -errno;
        close_fd(fds[1]);
}

void intent_writer_begin(IntentWriter *writer, size_t slot, const Intent *intent) {
        WriteOrder order = { .slot = slot, .intent = *intent };

        order.intent.pid = getpid();
        order.intent.process_start_ticks = writer->owner_start_ticks;
        writer->until_monotonic_usec = clock_monotonic_usec() + INTENT_WRITE_USEC;
        if (writer->error == 0)
                writer->error = child_report(writer->socket_fd, &order, sizeof(order), -EBADF);
}

static int wait_for_answer(const IntentWriter *writer) {
        struct pollfd end = { .fd = writer->socket_fd, .events = POLLIN };
        int n, fd, result;

        do {
                uint64_t now_usec = clock_monotonic_usec();
                uint64_t left_usec = now_usec < writer->until_monotonic_usec ? writer->until_monotonic_usec - now_usec
                                                                            : 0;

                n = poll(&end, 1, (int) min_of((left_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (uint64_t) INT_MAX));
        } while (n < 0 && errno == EINTR);

        if (n <= 0) {
                (void) kill(writer->pid, SIGKILL);
                return -ETIMEDOUT;
        }
        /* Its end without an answer says that it died. */
        return child_receive(writer->socket_fd, &result, sizeof(result), &fd) == sizeof(result) ? result : -EIO;
}

int intent_writer_end(IntentWriter *writer) {
        int r = writer->error < 0 ? writer->error : wait_for_answer(writer);

        /* It is not waited for: its parent ends soon. */
        writer->socket_fd = close_fd(writer->socket_fd);
        return r;
}
