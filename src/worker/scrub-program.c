/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What healer-scrub@.service says about the program, said to the kernel: weight, capabilities, no new privileges, no
 * network. What needs systemd (a control group, a filter of system calls) is missing.
 */

#include "src/worker/scrub-program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define NICE 10
/* IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7). Source: linux/ioprio.h. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_BEST_EFFORT_LAST ((2 << 13) | 7)
#define EXIT_NOT_STARTED 203
#define LINE_SIZE 512

/* The scrub call, a look at every file, and verifying media. */
static const unsigned capabilities[] = {
        CAP_SYS_ADMIN, CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_RAWIO,
};

bool scrub_program_is_wanted(void) {
        return sd_booted() == 0;
}

static bool is_needed(unsigned capability) {
        for (size_t i = 0; i < ELEMENTSOF(capabilities); i++)
                if (capabilities[i] == capability)
                        return true;
        return false;
}

/* Of what we have, what it needs. */
static int limit_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};

        for (unsigned i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
                if (!is_needed(i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EPERM)
                        return -errno;
        if (syscall(SYS_capget, &header, sets) < 0)
                return -errno;
        for (unsigned i = 0; i < 32 * ELEMENTSOF(sets); i++)
                if (!is_needed(i)) {
                        sets[i / 32].effective &= ~(UINT32_C(1) << i % 32);
                        sets[i / 32].permitted &= ~(UINT32_C(1) << i % 32);
                        sets[i / 32].inheritable &= ~(UINT32_C(1) << i % 32);
                }
        return syscall(SYS_capset, &header, sets) < 0 ? negative_errno() : 0;
}

static int confine(void) {
        const struct sched_param none = {};
        const struct rlimit no_core = {};

        /* A mount namespace of its own would keep other file systems from being unmounted. */
        if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 && errno != EPERM && errno != EINVAL)
                return -errno;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 || chdir("/") < 0)
                return -errno;
        (void) umask(0077);
        (void) setpriority(PRIO_PROCESS, 0, NICE);
        (void) sched_setscheduler(0, SCHED_BATCH, &none);
        (void) syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_BEST_EFFORT_LAST);
        return limit_capabilities();
}

static void run_in_child(const ScrubProgram *program, int progress_fd, pid_t parent) {
        char number[16];
        sigset_t none;
        int copy, r;

        /* It ends with whoever reads of it. */
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        r = getppid() != parent ? -ESRCH : program->is_confined ? confine() : 0;
        /* One that survives exec. */
        copy = dup(progress_fd);
        if (r < 0 || copy < 0)
                _exit(EXIT_NOT_STARTED);
        (void) snprintf(number, sizeof(number), "%d", copy);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) signal(SIGTERM, SIG_DFL);
        if (program->may_repair)
                (void) execl(program->path, program->path, "-C", number, "-b", program->mount_point, NULL);
        else
                (void) execl(program->path, program->path, "-C", number, "-n", "-b", program->mount_point, NULL);
        _exit(EXIT_NOT_STARTED);
}

typedef struct Reader {
        const ScrubProgram *program;
        char line[LINE_SIZE];
        size_t length;
        ScanProgress told;
} Reader;

static void take_line(Reader *reader) {
        ScanProgress progress;

        reader->line[reader->length] = 0;
        reader->length = 0;
        if (!reader->program->progress || !scan_progress_read_line(reader->line, &progress) ||
            (progress.phase == reader->told.phase && progress.percent == reader->told.percent))
                return;
        reader->told = progress;
        reader->program->progress(&progress, reader->program->userdata);
}

/* Returns false at the end. */
static bool read_some(Reader *reader, int fd) {
        char bytes[LINE_SIZE];
        ssize_t n = read(fd, bytes, sizeof(bytes));

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        for (ssize_t i = 0; i < n; i++) {
                if (bytes[i] != '\n' && reader->length < sizeof(reader->line) - 1)
                        reader->line[reader->length++] = bytes[i];
                else if (bytes[i] == '\n')
                        take_line(reader);
        }
        return n > 0;
}

static int wait_for_end(const ScrubProgram *program, pid_t pid, int progress_fd, int signal_fd, UnitRun *run) {
        struct pollfd polled[] = { { .fd = progress_fd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };
        Reader reader = { .program = program };
        struct signalfd_siginfo info;

        for (;;) {
                if (poll(polled, ELEMENTSOF(polled), -1) < 0 && errno != EINTR)
                        return -errno;
                if ((polled[1].revents & POLLIN) && read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
                        run->was_stopped = true;
                        (void) kill(pid, SIGTERM);
                }
                if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) && !read_some(&reader, progress_fd))
                        return 0;
        }
}

static void describe_end(int status, UnitRun *run) {
        run->is_done = true;
        run->exit_status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        (void) text_copy(run->unit_result, sizeof(run->unit_result),
                         WIFSIGNALED(status) ? "signal" : run->exit_status == 0 ? "success" : "exit-code");
        (void) text_copy(run->job_result, sizeof(run->job_result), run->exit_status == 0 ? "done" : "failed");
}

int scrub_program_run(const ScrubProgram *program, UnitRun *ret_run) {
        _cleanup_(close_fd_at) int progress_fd = -EBADF, signal_fd = -EBADF;
        pid_t self = getpid(), pid;
        int fds[2], status, r;
        sigset_t term;

        *ret_run = (UnitRun) {};
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &term, NULL) < 0 || pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        progress_fd = fds[0];
        signal_fd = signalfd(-1, &term, SFD_CLOEXEC);
        pid = signal_fd < 0 ? -1 : fork();
        if (pid == 0)
                run_in_child(program, fds[1], self);
        r = pid < 0 ? negative_errno() : 0;
        close_fd(fds[1]);
        if (r < 0)
                return r;

        if (program->started)
                program->started(program->userdata);
        r = wait_for_end(program, pid, progress_fd, signal_fd, ret_run);
        if (r < 0)
                (void) kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        describe_end(status, ret_run);
        return r;
}
