/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process after the other, by a reader that may hang; whoever asked hears of each as soon as it is found.
 */
#include "src/worker/users-find.h"

#include <errno.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"

static bool is_ourselves(const UsersFind *find, pid_t pid) {
        for (size_t i = 0; i < ELEMENTSOF(find->task->own_pids); i++)
                if (pid == find->task->own_pids[i])
                        return true;
        return pid == getpid() || pid == find->reader.pid;
}

UserFacts users_find_facts(const UsersFind *find, const ProcessLook *look, Workload *workload) {
        bool is_known;

        *workload = (Workload) { .user = WORKLOAD_USER_NONE };
        is_known = look->is_cgroup_known && workload_from_cgroup(look->cgroup, workload) >= 0;
        return (UserFacts) {
                .kind = USER_PROCESS,
                .name = look->name,
                .pid = look->pid,
                .uid = look->uid,
                .uses = look->uses,
                .is_root_filesystem = find->task->is_root,
                .is_state_filesystem = find->task->is_state,
                .is_ourselves = is_ourselves(find, look->pid),
                .is_kernel_thread = look->is_kernel_thread,
                .is_storage = look->is_storage,
                .is_marked = look->is_marked,
                .workload = is_known ? workload : NULL,
        };
}

static int look_at(UsersFind *find, pid_t pid, ProcessLook *look) {
        int r;

        r = user_reader_process(&find->reader, pid, look);
        /* Mounted nowhere any more, it is just such descriptors that keep it. */
        if (look->n_unknown > 0 && find->mounts.n_mount_ids == 0)
                look->uses |= USE_UNKNOWN;
        return r;
}

int users_find_again(UsersFind *find, pid_t pid, ProcessLook *ret_look) {
        return look_at(find, pid, ret_look);
}

static void look_at_process(UsersFind *find, pid_t pid) {
        ProcessLook look;
        int r;

        if (clock_monotonic_usec() >= find->started_usec + USERS_WALK_USEC) {
                find->end.n_unlooked++;
                return;
        }

        r = look_at(find, pid, &look);
        if (r == -ESRCH) {
                find->end.n_changed++;
                return;
        }
        if (r < 0 && r != -ETIMEDOUT) {
                find->end.n_unlooked++;
                return;
        }

        find->end.n_processes++;
        find->end.n_hung += r == -ETIMEDOUT;
        find->end.n_files_unknown += look.n_unknown;
        if (look.uses != 0) {
                Workload workload;
                const UserFacts facts = users_find_facts(find, &look, &workload);

                find->found(&look, &facts, find->userdata);
        }
}

static int find_processes(UsersFind *find) {
        _cleanup_(closedir_at) DIR *processes = opendir("/proc");
        const struct dirent *entry;

        if (!processes)
                return -errno;
        while ((entry = readdir(processes))) {
                uint64_t pid;

                if (number_parse_u64(entry->d_name, 1, INT32_MAX, &pid) >= 0)
                        look_at_process(find, (pid_t) pid);
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

int users_find(UsersFind *find) {
        uint32_t n_loops_hung;
        int r;

        find->started_usec = clock_monotonic_usec();
        find->end.request_id = find->task->request.request_id;
        find->wanted = (LookedFor) { .mounts = &find->mounts, .inode = find->task->request.inode };
        user_reader_init(&find->reader, &find->wanted);
        r = user_mounts_read(find->task->request.device_number, &find->mounts);
        if (r < 0)
                return r;
        find->end.n_namespaces = count_namespaces(&find->mounts);
        find->end.n_namespaces_unread = (uint32_t) min_of(find->mounts.n_left_out, (uint64_t) UINT32_MAX);

        r = find_processes(find);
        kernel_users_find(&find->reader, find->found_kernel_user, find->userdata, &n_loops_hung);
        find->end.n_hung += n_loops_hung;
        find->end.duration_usec = clock_monotonic_usec() - find->started_usec;
        return r;
}

void users_find_clear(UsersFind *find) {
        user_reader_clear(&find->reader);
        user_mounts_clear(&find->mounts);
}
