/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healerd and healer-worker say first; the line itself is src/link/line's business.
 */

#include "src/link/worker-link.h"

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/link/line.h"

#define OUT_QUEUE_MAX 2048
#define RECEIVE_BATCH 64

struct WorkerLink {
        Line *line;
        WorkerLinkHandlers handlers;
};

static int check(const void *record, size_t size_bytes) {
        return worker_message_check(record, size_bytes);
}

static int receive(int socket_fd, void *ret_record, int *ret_fd) {
        return worker_message_receive(socket_fd, ret_record, ret_fd);
}

static bool is_greeting(const void *record) {
        return ((const WorkerMessage *) record)->header.type == WORKER_HELLO_REPLY;
}

static const LineKind worker_line = {
        .description = "worker-link",
        .subject = "worker:",
        .meanwhile = "trying again",
        .log_level = LOG_WARNING,
        .record_size_max = sizeof(WorkerMessage),
        .n_batch = RECEIVE_BATCH,
        .n_out_max = OUT_QUEUE_MAX,
        .check = check,
        .receive = receive,
        .is_greeting = is_greeting,
};

static int on_open(void *userdata) {
        WorkerLink *link = userdata;
        WorkerMessage hello;
        int r;

        worker_message_init(&hello, WORKER_HELLO);
        (void) text_copy(hello.hello.program_version, sizeof(hello.hello.program_version), HEALER_VERSION);
        r = line_send_now(link->line, &hello, hello.header.size_bytes);
        if (r < 0)
                return r;

        link->handlers.on_hello(link->handlers.userdata);
        return 0;
}

static void on_ready(void *userdata, const void *record) {
        const WorkerMessage *message = record;
        WorkerLink *link = userdata;

        log_info("worker: connected, version %s, kernel %s", message->hello_reply.program_version,
                 message->hello_reply.kernel_release);
        if (link->handlers.on_ready)
                link->handlers.on_ready(link->handlers.userdata, &message->hello_reply);
}

static int on_record(void *userdata, const void *record, int fd) {
        WorkerLink *link = userdata;

        link->handlers.on_message(link->handlers.userdata, record, fd);
        return 0;
}

static void on_lost(void *userdata, bool was_ready) {
        WorkerLink *link = userdata;

        if (was_ready && link->handlers.on_lost)
                link->handlers.on_lost(link->handlers.userdata);
}

int worker_link_new(sd_event *event, const char *socket_path, int connected_fd,
                    const WorkerLinkHandlers *handlers, WorkerLink **ret_link) {
        _cleanup_(close_fd_at) int fd = connected_fd;
        _cleanup_(worker_link_free_at) WorkerLink *link = NULL;
        int r;

        link = malloc(sizeof(*link));
        if (!link)
                return -ENOMEM;

        *link = (WorkerLink) { .handlers = *handlers };
        r = line_new(event, &worker_line, socket_path, steal_fd(&fd),
                     &(LineHandlers) { on_open, on_ready, on_record, on_lost, link }, &link->line);
        if (r < 0)
                return r;

        *ret_link = steal_ptr(link);
        return 0;
}

WorkerLink *worker_link_free(WorkerLink *link) {
        if (!link)
                return NULL;

        line_free(link->line);
        free(link);
        return NULL;
}

bool worker_link_is_ready(const WorkerLink *link) {
        return line_is_ready(link->line);
}

bool worker_link_doubt(WorkerLink *link, uint64_t asked_monotonic_usec) {
        return line_doubt(link->line, asked_monotonic_usec);
}

int worker_link_send(WorkerLink *link, const WorkerMessage *message, int fd) {
        return line_send(link->line, message, message->header.size_bytes, fd);
}
