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
#include "src/basic/packet.h"
#include "src/worker/child.h"
#include "src/worker/process.h"

/* Taking a process down takes longer than the write, and would come just before the repair that waits for this answer:
 * so it ends when the repair's own process does, or after so long. */
#define LINGER_MSEC 1000

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
        const Intent intent = { .state = INTENT_OPEN, .target.structure = STRUCTURE_AG_FINOBT };
        uint8_t bytes[INTENT_RECORD_SIZE];

        intent_encode(&intent, bytes);
        close_fd(intent_file_open(state_dir, false));
}

/* @owner: of the record but for what it says itself: the repair's process. */
static _Noreturn void writer_main(int order_fd, int answer_fd, const char *state_dir, const Intent *owner) {
        const int keep[] = { order_fd, answer_fd };
        WriteOrder order;
        int fd, result;

        child_close_all_but(keep, ELEMENTSOF(keep));
        child_set_name("intent");
        rehearse(state_dir);

        if (child_receive(order_fd, &order, sizeof(order), &fd) != sizeof(order))
                _exit(EXIT_SUCCESS);
        /* It died before it heard of it: there is no repair. */
        if (getppid() != owner->pid)
                _exit(EXIT_FAILURE);
        order.intent.pid = owner->pid;
        order.intent.process_start_ticks = owner->process_start_ticks;
        result = write_one(state_dir, &order);
        if (child_report(answer_fd, &result, sizeof(result), -EBADF) < 0)
                _exit(EXIT_FAILURE);
        (void) poll(&(struct pollfd) { .fd = answer_fd, .events = POLLIN }, 1, LINGER_MSEC);
        _exit(EXIT_SUCCESS);
}

void intent_writer_start(IntentWriter *writer, const char *state_dir, int order_fd) {
        Intent owner = { .pid = getpid() };
        int fds[2];

        *writer = (IntentWriter) { .socket_fd = -EBADF };
        (void) process_start_ticks(owner.pid, &owner.process_start_ticks);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0) {
                writer->error = -errno;
                close_fd(order_fd);
                return;
        }
        writer->socket_fd = fds[0];

        writer->pid = fork();
        if (writer->pid == 0)
                writer_main(order_fd < 0 ? fds[1] : order_fd, fds[1], state_dir, &owner);
        if (writer->pid < 0)
                writer->error = -errno;
        close_fd(fds[1]);
        close_fd(order_fd);
}

int intent_writer_order(int order_fd, size_t slot, const Intent *intent) {
        const WriteOrder order = { .slot = slot, .intent = *intent };

        return packet_send(order_fd, &order, sizeof(order), -EBADF);
}

void intent_writer_begin(IntentWriter *writer, size_t slot, const Intent *intent) {
        writer->until_monotonic_usec = clock_monotonic_usec() + INTENT_WRITE_USEC;
        if (writer->error == 0 && intent)
                writer->error = intent_writer_order(writer->socket_fd, slot, intent);
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
        return writer->error < 0 ? writer->error : wait_for_answer(writer);
}

void intent_writer_close(IntentWriter *writer) {
        /* It is not waited for: its parent ends soon. */
        writer->socket_fd = close_fd(writer->socket_fd);
}
