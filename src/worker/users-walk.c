/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's side: all processes once, then the kernel's own users. Each is told as soon as it is found.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/worker/kernel-users.h"
#include "src/worker/user-reader.h"
#include "src/worker/users.h"

typedef struct Walk {
        const UsersTask *task;
        int report_fd;
        UserMounts mounts;
        LookedFor wanted;
        UserReader reader;
        uint64_t started_usec;
        WorkerUsersEnd end;
        int error;                      /* of the line to the loop */
        bool has_account;               /* of the last user that was told */
        uint32_t account_uid;
        char account[WORKLOAD_ACCOUNT_SIZE];
} Walk;

static void tell(Walk *walk, WorkerMessage *message) {
        walk->end.n_users++;
        if (walk->end.n_users > USERS_TOLD_MAX) {
                walk->end.n_untold++;
                return;
        }
        message->user.request_id = walk->task->request.request_id;
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

static bool is_ourselves(const Walk *walk, pid_t pid) {
        for (size_t i = 0; i < ELEMENTSOF(walk->task->own_pids); i++)
                if (pid == walk->task->own_pids[i])
                        return true;
        return pid == getpid() || pid == walk->reader.pid;
}

static void tell_process(Walk *walk, const ProcessLook *look) {
        Workload workload = { .user = WORKLOAD_USER_NONE };
        bool is_known = look->is_cgroup_known && workload_from_cgroup(look->cgroup, &workload) >= 0;
        const UserFacts facts = {
                .kind = USER_PROCESS,
                .name = look->name,
                .pid = look->pid,
                .uid = look->uid,
                .uses = look->uses,
                .is_root_filesystem = walk->task->is_root,
                .is_state_filesystem = walk->task->is_state,
                .is_ourselves = is_ourselves(walk, look->pid),
                .is_kernel_thread = look->is_kernel_thread,
                .is_storage = look->is_storage,
                .is_marked = look->is_marked,
                .workload = is_known ? &workload : NULL,
        };
        const char *why = user_spared_because(&facts);
        WorkerMessage message = {};
        WorkerUser *user = &message.user;

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
        set_workload(user, &workload);
        /* What is cut would be another one. */
        if (look->is_cgroup_known && text_copy(user->cgroup, sizeof(user->cgroup), look->cgroup) < 0)
                user->cgroup[0] = '\0';
        if (look->uid != UINT32_MAX)
                set_account(walk, look->uid, user);
        (void) text_copy(user->spared_because, sizeof(user->spared_because), why ? why : "");
        user->is_session = user_is_spared_as_session(&facts);
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

static void look_at_process(Walk *walk, pid_t pid) {
        ProcessLook look;
        int r;

        if (clock_monotonic_usec() >= walk->started_usec + USERS_WALK_USEC) {
                walk->end.n_unlooked++;
                return;
        }

        r = user_reader_process(&walk->reader, pid, &look);
        if (r == -ESRCH) {
                walk->end.n_changed++;
                return;
        }
        if (r < 0 && r != -ETIMEDOUT) {
                walk->end.n_unlooked++;
                return;
        }

        walk->end.n_processes++;
        walk->end.n_hung += r == -ETIMEDOUT;
        walk->end.n_files_unknown += look.n_unknown;
        /* Mounted nowhere any more, it is just such descriptors that keep it. */
        if (look.n_unknown > 0 && walk->mounts.n_mount_ids == 0)
                look.uses |= USE_UNKNOWN;
        if (look.uses != 0)
                tell_process(walk, &look);
}

static int walk_processes(Walk *walk) {
        _cleanup_(closedir_at) DIR *processes = opendir("/proc");
        const struct dirent *entry;

        if (!processes)
                return -errno;
        while ((entry = readdir(processes))) {
                uint64_t pid;

                if (number_parse_u64(entry->d_name, 1, INT32_MAX, &pid) >= 0)
                        look_at_process(walk, (pid_t) pid);
        }
        return 0;
}

static uint32_t count_namespaces(const UserMounts *mounts) {
        uint32_t n = 0;

        for (size_t i = 0; i < mounts->n_namespaces; i++) {
                bool is_told = mounts->namespaces[i].n_places == 0;

                for (size_t j = 0; j < i && !is_told; j++)
                        is_told = mounts->namespaces[j].number == mounts->namespaces[i].number &&
                                  mounts->namespaces[j].n_places > 0;
                n += !is_told;
        }
        return n;
}

static int walk_all(Walk *walk) {
        uint32_t n_loops_hung;
        int r;

        r = user_mounts_read(walk->task->request.device_number, &walk->mounts);
        if (r < 0)
                return r;
        walk->end.n_namespaces = count_namespaces(&walk->mounts);
        walk->end.n_namespaces_unread = (uint32_t) min_of(walk->mounts.n_left_out, (uint64_t) UINT32_MAX);

        walk->wanted = (LookedFor) { .mounts = &walk->mounts, .inode = walk->task->request.inode };
        user_reader_init(&walk->reader, &walk->wanted);
        r = walk_processes(walk);
        kernel_users_find(&walk->reader, tell_kernel_user, walk, &n_loops_hung);
        walk->end.n_hung += n_loops_hung;
        user_reader_clear(&walk->reader);
        return r;
}

int users_walk_in_child(int report_fd, const UsersTask *task) {
        Walk walk = {
                .task = task,
                .report_fd = report_fd,
                .started_usec = clock_monotonic_usec(),
                .end.request_id = task->request.request_id,
        };
        WorkerMessage message = {};
        int r;

        r = walk_all(&walk);
        user_mounts_clear(&walk.mounts);
        walk.end.error = r < 0 ? -r : 0;
        walk.end.duration_usec = clock_monotonic_usec() - walk.started_usec;
        worker_message_init(&message, WORKER_USERS_END);
        message.users_end = walk.end;
        if (walk.error >= 0)
                walk.error = child_report(report_fd, &message, message.header.size_bytes, -EBADF);
        return walk.error < 0;
}
