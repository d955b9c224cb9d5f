/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody asks who uses a file system: the worker looks, and what it finds is handed on. Nothing is kept of it, and
 * nothing is done.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-workloads.h"

/* The worker gives a look up after 45 s, and has 4 s to see whether its process dies. */
#define USERS_DEADLINE_USEC (60 * USEC_PER_SEC)

struct UsersQuestion {
        TAILQ_ENTRY(UsersQuestion) entries;
        Engine *engine;
        uint64_t request_id;
        sd_event_source *timer;
        EngineUserFound found;
        void *userdata;
};

static UsersQuestion *question_free(UsersQuestion *question) {
        if (question)
                sd_event_source_disable_unref(question->timer);
        free(question);
        return NULL;
}
DEFINE_CLEANUP(UsersQuestion, question_free)

static UsersQuestion *find(Engine *engine, uint64_t request_id) {
        UsersQuestion *question;

        TAILQ_FOREACH(question, &engine->users_questions, entries)
                if (question->request_id == request_id)
                        return question;
        return NULL;
}

/* The last word to whoever asked. */
static void end(UsersQuestion *question, const WorkerUsersEnd *end_of_all) {
        TAILQ_REMOVE(&question->engine->users_questions, question, entries);
        question->engine->n_users_questions--;
        question->found(question->userdata, NULL, end_of_all);
        question_free(question);
}

static int on_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        end(userdata, &(WorkerUsersEnd) { .error = ETIMEDOUT });
        return 0;
}

int engine_list_users(Engine *engine, const Filesystem *filesystem, uint64_t inode, EngineUserFound found,
                      void *userdata) {
        _cleanup_(question_free_at) UsersQuestion *question = NULL;
        WorkerMessage message;
        int r;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        if (engine->n_users_questions >= ENGINE_USERS_QUESTIONS_MAX)
                return -ENOBUFS;

        question = malloc(sizeof(*question));
        if (!question)
                return -ENOMEM;
        *question = (UsersQuestion) {
                .engine = engine,
                .request_id = ++engine->last_users_id,
                .found = found,
                .userdata = userdata,
        };
        r = sd_event_add_time_relative(engine->event, &question->timer, CLOCK_MONOTONIC, USERS_DEADLINE_USEC, 0,
                                       on_deadline, question);
        if (r < 0)
                return r;

        worker_message_init(&message, WORKER_LIST_USERS);
        message.users.request_id = question->request_id;
        message.users.device_number = filesystem->facts.device_number;
        message.users.inode = inode;
        r = worker_link_send(engine->link, &message, -EBADF);
        if (r < 0)
                return r;

        TAILQ_INSERT_TAIL(&engine->users_questions, question, entries);
        engine->n_users_questions++;
        (void) steal_ptr(question);
        return 0;
}

void engine_workload_of_user(const WorkerUser *user, Workload *ret_workload) {
        Workload *workload = ret_workload;

        *workload = (Workload) { .user = user->owner, .runtime = (ContainerRuntime) user->runtime };
        (void) text_copy(workload->unit, sizeof(workload->unit), user->unit);
        (void) text_copy(workload->user_unit, sizeof(workload->user_unit), user->user_unit);
        (void) text_copy(workload->slice, sizeof(workload->slice), user->slice);
        (void) text_copy(workload->container, sizeof(workload->container), user->container);
        (void) text_copy(workload->pod, sizeof(workload->pod), user->pod);
        (void) text_copy(workload->session, sizeof(workload->session), user->session);
}

/* What comes after a deadline is nobody's. */
void engine_on_user(Engine *engine, const WorkerUser *user) {
        const UsersQuestion *question = find(engine, user->request_id);

        if (question)
                question->found(question->userdata, user, NULL);
}

void engine_on_users_end(Engine *engine, const WorkerUsersEnd *told) {
        UsersQuestion *question = find(engine, told->request_id);

        if (question)
                end(question, told);
}

void engine_users_end_all(Engine *engine, int error) {
        UsersQuestion *question;

        while ((question = TAILQ_FIRST(&engine->users_questions)))
                end(question, &(WorkerUsersEnd) { .error = error });
}
