/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fake-worker.h.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "tests/unit/fake-worker.h"

static int on_io(sd_event_source *source, int socket_fd, uint32_t revents, void *userdata) {
        FakeWorker *worker = userdata;
        WorkerMessage message;
        int r;

        (void) revents;
        for (;;) {
                _cleanup_(close_fd_at) int fd = -EBADF;

                r = worker_message_receive(socket_fd, &message, &fd);
                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        return sd_event_source_set_enabled(source, SD_EVENT_OFF);

                if (message.header.type == WORKER_HELLO) {
                        WorkerMessage reply;

                        if (worker->is_silent)
                                continue;
                        worker_message_init(&reply, WORKER_HELLO_REPLY);
                        strcpy(reply.hello_reply.program_version, "fake");
                        strcpy(reply.hello_reply.kernel_release, "7.2.13");
                        fake_worker_say(worker, &reply, -EBADF);
                } else if (worker->on_message)
                        worker->on_message(worker->userdata, &message, fd);
        }
}

void fake_worker_init(FakeWorker *worker, sd_event *event, int *ret_fd) {
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, fds), 0);
        *worker = (FakeWorker) { .fd = fds[1] };
        assert_true(sd_event_add_io(event, &worker->io_source, worker->fd, EPOLLIN, on_io, worker) >= 0);
        *ret_fd = fds[0];
}

static int on_line(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata) {
        FakeWorker *worker = userdata;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);

        (void) revents;
        if (fd < 0)
                return 0;
        fake_worker_hang_up(worker);
        worker->fd = fd;
        worker->n_lines++;
        assert_true(sd_event_add_io(sd_event_source_get_event(source), &worker->io_source, fd, EPOLLIN, on_io,
                                    worker) >= 0);
        return 0;
}

void fake_worker_listen(FakeWorker *worker, sd_event *event, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

        assert_true(fd >= 0 && strlen(path) < sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(listen(fd, SOMAXCONN), 0);
        *worker = (FakeWorker) { .fd = -EBADF };
        assert_true(sd_event_add_io(event, &worker->listen_source, fd, EPOLLIN, on_line, worker) >= 0);
        assert_true(sd_event_source_set_io_fd_own(worker->listen_source, true) >= 0);
}

void fake_worker_hang_up(FakeWorker *worker) {
        worker->io_source = sd_event_source_disable_unref(worker->io_source);
        worker->fd = close_fd(worker->fd);
}

void fake_worker_done(FakeWorker *worker) {
        worker->listen_source = sd_event_source_disable_unref(worker->listen_source);
        worker->io_source = sd_event_source_disable_unref(worker->io_source);
        worker->fd = close_fd(worker->fd);
}

void fake_worker_say(FakeWorker *worker, const WorkerMessage *message, int fd) {
        assert_int_equal(worker_message_send(worker->fd, message, fd), 0);
}

void fake_worker_say_zone(FakeWorker *worker, const char *name, const char *file, unsigned seals) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        _cleanup_(free_at) char *bytes = NULL;
        WorkerMessage message;
        char path[128];
        size_t length;

        if (file) {
                (void) snprintf(path, sizeof(path), ZONE_FOLDER "/%s", file);
                assert_int_equal(file_read(AT_FDCWD, path, ZONE_FILE_MAX, &bytes, &length), 0);
                fd = memfd_create("zone", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                assert_int_equal(file_write_all(fd, bytes, length), 0);
                assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
        }
        worker_message_init(&message, WORKER_ZONE);
        strcpy(message.zone.name, name);
        fake_worker_say(worker, &message, fd);
}
