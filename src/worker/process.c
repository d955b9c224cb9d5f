/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads /proc of processes; nothing here waits for one.
 */

#include "src/worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/number.h"
#include "src/basic/text.h"

#define STAT_LIMIT_BYTES 4096
#define CGROUP_LIMIT_BYTES 65536
/* Positions among the fields that follow the process's name. Source: proc(5). */
#define FLAGS_FIELD 6
#define START_TIME_FIELD 19
/* PF_KTHREAD of the kernel. */
#define FLAG_KERNEL_THREAD UINT64_C(0x00200000)

int process_stat_parse(const char *text, ProcessStat *ret_stat) {
        const char *field = strrchr(text, ')');
        unsigned long long flags = 0, ticks;
        char state;

        /* The name may hold blanks and parentheses: everything after the last one is ours. */
        if (!field || sscanf(field, ") %c", &state) != 1)
                return -EBADMSG;

        field += 2;
        for (unsigned i = 0; i < START_TIME_FIELD; i++) {
                if (i == FLAGS_FIELD && sscanf(field, "%llu", &flags) != 1)
                        return -EBADMSG;
                field = strchr(field, ' ');
                if (!field)
                        return -EBADMSG;
                field++;
        }
        if (sscanf(field, "%llu", &ticks) != 1)
                return -EBADMSG;

        *ret_stat = (ProcessStat) {
                .state = state,
                .is_kernel_thread = flags & FLAG_KERNEL_THREAD,
                .start_ticks = ticks,
        };
        return 0;
}

int process_stat(pid_t pid, ProcessStat *ret_stat) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        r = file_read(AT_FDCWD, path, STAT_LIMIT_BYTES, &text, &length);
        if (r < 0)
                return r;

        return process_stat_parse(text, ret_stat);
}

int process_start_ticks(pid_t pid, uint64_t *ret_ticks) {
        ProcessStat stat;
        int r;

        r = process_stat(pid, &stat);
        if (r >= 0)
                *ret_ticks = stat.start_ticks;
        return r;
}

bool process_is_alive(pid_t pid, uint64_t start_ticks) {
        ProcessStat stat;

        if (pid <= 0 || process_stat(pid, &stat) < 0 || stat.state == 'Z' || stat.state == 'X')
                return false;

        return start_ticks == 0 || stat.start_ticks == start_ticks;
}

int boot_id_read(uint8_t ret_id[static 16]) {
        _cleanup_(free_at) char *line = NULL;
        uint8_t id[16];
        size_t n = 0;
        int r;

        r = file_read_line("/proc/sys/kernel/random/boot_id", STAT_LIMIT_BYTES, &line);
        if (r < 0)
                return r;

        for (const char *c = line; *c && n < sizeof(id); c++) {
                unsigned value;

                if (*c == '-')
                        continue;
                if (sscanf(c, "%2x", &value) != 1 || !c[1])
                        return -EBADMSG;
                id[n++] = value;
                c++;
        }
        if (n != sizeof(id))
                return -EBADMSG;

        memcpy(ret_id, id, sizeof(id));
        return 0;
}

static void log_one_left_over(pid_t pid) {
        _cleanup_(free_at) char *name = NULL;
        ProcessStat stat = { .state = '?' };
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/comm", (int) pid);
        if (file_read_line(path, STAT_LIMIT_BYTES, &name) < 0)
                return;

        (void) process_stat(pid, &stat);
        log_notice("pid %d (%s, state %c) was left behind by an earlier worker", (int) pid, name, stat.state);
}

void process_log_left_over(void) {
        _cleanup_(free_at) char *groups = NULL, *members = NULL;
        char path[PATH_MAX], *own, *rest = NULL;
        size_t length;

        if (file_read(AT_FDCWD, "/proc/self/cgroup", CGROUP_LIMIT_BYTES, &groups, &length) < 0)
                return;

        /* Only for a unit's own group: in any other one the neighbours are none of our children. */
        own = strstr(groups, "0::");
        if (!own || (own != groups && own[-1] != '\n'))
                return;
        own += strlen("0::");
        own[strcspn(own, "\n")] = 0;
        if (!text_ends_with(own, ".service"))
                return;

        (void) snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.procs", own);
        if (file_read(AT_FDCWD, path, CGROUP_LIMIT_BYTES, &members, &length) < 0)
                return;

        for (char *line = strtok_r(members, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                uint64_t pid;

                if (number_parse_u64(line, 1, INT32_MAX, &pid) >= 0 && (pid_t) pid != getpid())
                        log_one_left_over((pid_t) pid);
        }
}

int process_drop_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
                return -errno;

        return 0;
}
