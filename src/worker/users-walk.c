/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's side of a list: each is told as soon as it is found.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/worker/users-find.h"

typedef struct Walk {
        UsersFind find;
        int report_fd;
        uint32_t n_users, n_untold;
        int error;                      /* of the line to the loop */
        bool has_account;               /* of the last user that was told */
        uint32_t account_uid;
        char account[WORKLOAD_ACCOUNT_SIZE];
} Walk;

static void tell(Walk *walk, WorkerMessage *message) {
        walk->n_users++;
        if (walk->n_users > USERS_TOLD_MAX) {
                walk->n_untold++;
                return;
        }
        message->user.request_id = walk->find.task->request.request_id;
        if (walk->error >= 0)
                walk->error = child_report(walk->report_fd, message, message->header.size_bytes, -EBADF);
}

static void set_workload(WorkerUser *user, const Workload *workload) {
        user->runtime = (uint8_t) workload->runtime;
        user->owner = workload->user;
        (void) text_copy(user->unit, sizeof(user->unit), workload->unit);
        (void) text_copy(user->user_unit, sizeof(user->user_unit), workload->user_unit);
        (void) text_copy(user->slice, sizeof(user->slice), workload->slice);
        (void) text_copy(user->container, sizeof(user->container), workload->container);
        (void) text_copy(user->pod, sizeof(user->pod), workload->pod);
        (void) text_copy(user->session, sizeof(user->session), workload->session);
}

/* Out of the file alone: a name service may ask a server that does not answer, for each of a thousand processes. */
static void find_account(uint32_t uid, char name[static WORKLOAD_ACCOUNT_SIZE]) {
        FILE *file = fopen("/etc/passwd", "re");
        const struct passwd *entry;

        name[0] = '\0';
        while (file && (entry = fgetpwent(file)))
                if (entry->pw_uid == uid) {
                        if (text_copy(name, WORKLOAD_ACCOUNT_SIZE, entry->pw_name) < 0)
                                name[0] = '\0';
                        break;
                }
        if (file)
                (void) fclose(file);
}

static void set_account(Walk *walk, uint32_t uid, WorkerUser *user) {
        if (!walk->has_account || walk->account_uid != uid) {
                find_account(uid, walk->account);
                walk->account_uid = uid;
                walk->has_account = true;
        }
        (void) text_copy(user->account, sizeof(user->account), walk->account);
}

static void tell_process(const ProcessLook *look, const UserFacts *facts, void *userdata) {
        static const Workload unknown = { .user = WORKLOAD_USER_NONE };
        const char *why = user_spared_because(facts);
        WorkerMessage message = {};
        WorkerUser *user = &message.user;
        Walk *walk = userdata;

        worker_message_init(&message, WORKER_USER);
        user->kind = USER_PROCESS;
        user->uses = look->uses;
        user->pid = look->pid;
        user->uid = look->uid;
        user->n_files = look->n_files;
        user->start_ticks = look->start_ticks;
        user->pidfd_inode = look->pidfd_inode;
        (void) text_copy(user->name, sizeof(user->name), look->name);
        (void) text_copy(user->detail, sizeof(user->detail), look->program);
        set_workload(user, facts->workload ?: &unknown);
        /* What is cut would be another one. */
        if (look->is_cgroup_known && text_copy(user->cgroup, sizeof(user->cgroup), look->cgroup) < 0)
                user->cgroup[0] = '\0';
        if (look->uid != UINT32_MAX)
                set_account(walk, look->uid, user);
        (void) text_copy(user->spared_because, sizeof(user->spared_because), why ? why : "");
        user->is_session = user_is_spared_as_session(facts);
        tell(walk, &message);
}

static void tell_kernel_user(UserKind kind, const char *name, const char *detail, void *userdata) {
        const UserFacts facts = { .kind = kind };
        WorkerMessage message = {};
        WorkerUser *user = &message.user;
        Walk *walk = userdata;

        worker_message_init(&message, WORKER_USER);
        user->kind = (uint8_t) kind;
        user->uid = user->owner = UINT32_MAX;
        (void) text_copy(user->name, sizeof(user->name), name);
        if (text_copy(user->detail, sizeof(user->detail), detail) < 0)
                (void) text_copy(user->detail + sizeof(user->detail) - 4, 4, "...");
        (void) text_copy(user->spared_because, sizeof(user->spared_because), user_spared_because(&facts));
        tell(walk, &message);
}

int users_walk_in_child(int report_fd, const UsersTask *task) {
        Walk walk = {
                .find = {
                        .task = task,
                        .found = tell_process,
                        .found_kernel_user = tell_kernel_user,
                },
                .report_fd = report_fd,
        };
        WorkerMessage message = {};
        int r;

        walk.find.userdata = &walk;
        r = users_find(&walk.find);
        users_find_clear(&walk.find);
        worker_message_init(&message, WORKER_USERS_END);
        message.users_end = walk.find.end;
        message.users_end.n_users = walk.n_users;
        message.users_end.n_untold = walk.n_untold;
        message.users_end.error = r < 0 ? -r : 0;
        message.users_end.duration_usec = clock_monotonic_usec() - walk.find.started_usec;
        if (walk.error >= 0)
                walk.error = child_report(report_fd, &message, message.header.size_bytes, -EBADF);
        return walk.error < 0;
}
