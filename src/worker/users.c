/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop's side: one question, one child, any number of answers and an end.
 */
#include "src/worker/users.h"

#include <errno.h>
#include <stdlib.h>

#include "src/basic/log.h"
#include "src/basic/macro.h"

typedef struct Users {
        Worker *worker;
        UsersTask task;
        bool is_ended;                  /* the end was said */
} Users;

static void say_end(Worker *worker, uint64_t request_id, int error) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_USERS_END);
        message.users_end.request_id = request_id;
        message.users_end.error = error;
        worker_say(worker, &message, -EBADF);
}

static int run_in_child(int report_fd, void *userdata) {
        const Users *users = userdata;

        return users_walk_in_child(report_fd, &users->task);
}

static void on_users_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        const WorkerMessage *message = bytes;
        Users *users = userdata;

        (void) child;
        close_fd(fd);

        if (users->is_ended || worker_message_check(message, size_bytes) < 0 ||
            (message->header.type != WORKER_USER && message->header.type != WORKER_USERS_END))
                return;

        users->is_ended = message->header.type == WORKER_USERS_END;
        worker_say(users->worker, message, -EBADF);
}

static void end(Users *users, int error) {
        if (!users->is_ended)
                say_end(users->worker, users->task.request.request_id, error);
        users->is_ended = true;
}

static void on_users_stuck(Child *child, void *userdata) {
        Users *users = userdata;

        log_warning("a look at who uses a file system hangs in the kernel (pid %d)", (int) child_pid(child));
        end(users, ETIMEDOUT);
}

static void on_users_end(Child *child, const ChildEnd *ending, void *userdata) {
        _cleanup_(free_at) Users *users = userdata;

        (void) child;

        end(users, ending->ending == CHILD_TIMED_OUT ? ETIMEDOUT : EIO);
        users->worker->n_users_walks--;
}

static int start(Worker *worker, const Superblock *superblock, const WorkerUsersRequest *request) {
        _cleanup_(free_at) Users *users = NULL;
        ChildTask task = {
                .name = "users",
                .run = run_in_child,
                .on_report = on_users_report,
                .on_stuck = on_users_stuck,
                .on_end = on_users_end,
                .timeout_usec = USERS_TIMEOUT_USEC,
                .dies_with_us = true,
        };
        int r;

        if (worker->n_users_walks >= USERS_WALKS_MAX)
                return -EBUSY;
        users = malloc(sizeof(*users));
        if (!users)
                return -ENOMEM;
        *users = (Users) {
                .worker = worker,
                .task = {
                        .request = *request,
                        .is_root = superblock->facts.is_root != TRISTATE_NO,
                        .is_state = superblock->facts.is_state != TRISTATE_NO,
                        .own_pids = { getpid(), connection_peer_pid(worker->connection) },
                },
        };
        task.userdata = users;

        r = child_spawn(worker->children, &task, NULL);
        if (r < 0)
                return r == -EAGAIN ? -EBUSY : r;
        worker->n_users_walks++;
        (void) steal_ptr(users);
        return 0;
}

void users_request(Worker *worker, const WorkerUsersRequest *request) {
        const Superblock *superblock = superblock_find(&worker->superblocks, request->device_number);
        int r;

        r = superblock ? start(worker, superblock, request) : -ESTALE;
        if (r < 0)
                say_end(worker, request->request_id, -r);
}
