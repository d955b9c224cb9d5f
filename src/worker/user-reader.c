/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One packet asks, one or two answer: what was seen safely is told before what may hang is begun.
 */
#include "src/worker/user-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/text.h"
#include "src/worker/child.h"
#include "src/worker/process.h"

typedef struct Question {
        int pid;                        /* 0: of a loop device */
        char loop[32];
} Question;

typedef struct Answer {
        int error;
        bool is_last;
        union {
                ProcessLook process;
                LoopLook loop;
        };
} Answer;

/* In the reader */

/* The kernel writes the numbers of devices in a form of its own. Source: huge_encode_dev(). */
static uint64_t decode_device(uint64_t number) {
        return makedev((number & 0xfff00) >> 8, (number & 0xff) | ((number >> 12) & 0xfff00));
}

static int look_at_loop(const char *name, LoopLook *look) {
        _cleanup_(free_at) char *file = NULL;
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct loop_info64 info;
        char path[96];
        int r;

        (void) snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", name);
        r = file_read_line(path, PATH_MAX * 4, &file);
        if (r < 0)
                return r == -ENOENT ? -ENXIO : r;
        if (text_copy(look->path, sizeof(look->path), file) < 0)
                (void) text_copy(look->path + sizeof(look->path) - 4, 4, "...");

        (void) snprintf(path, sizeof(path), "/dev/%s", name);
        fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);
        if (fd < 0 || ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
                return -errno;
        look->device_number = decode_device(info.lo_device);
        look->inode = info.lo_inode;
        return 0;
}

static int answer_process(int line_fd, const LookedFor *wanted, pid_t pid, Answer *answer) {
        int r;

        answer->error = -process_look_first(wanted, pid, &answer->process);
        if (answer->error == 0) {
                r = child_report(line_fd, answer, sizeof(*answer), -EBADF);
                if (r < 0)
                        return r;
                answer->error = -process_look_rest(wanted, &answer->process);
        }
        answer->is_last = true;
        return child_report(line_fd, answer, sizeof(*answer), -EBADF);
}

static _Noreturn void serve(int line_fd, const LookedFor *wanted) {
        Question question;
        int fd;

        child_close_all_but(&line_fd, 1);
        while (child_receive(line_fd, &question, sizeof(question), &fd) == sizeof(question)) {
                Answer answer = {};
                int r;

                if (question.pid != 0) {
                        r = answer_process(line_fd, wanted, question.pid, &answer);
                } else {
                        answer.error = -look_at_loop(question.loop, &answer.loop);
                        answer.is_last = true;
                        r = child_report(line_fd, &answer, sizeof(answer), -EBADF);
                }
                if (r < 0)
                        break;
        }
        _exit(EXIT_SUCCESS);
}

/* In the one that asks */

void user_reader_init(UserReader *reader, const LookedFor *wanted) {
        *reader = (UserReader) { .wanted = wanted, .pid_fd = -EBADF, .line_fd = -EBADF };
}

/* Most of what waits in the kernel can be killed. What cannot ends when the kernel lets it, and is not waited for. */
static void leave(UserReader *reader) {
        struct pollfd end = { .fd = reader->pid_fd, .events = POLLIN };
        siginfo_t info = {};

        if (reader->line_fd < 0)
                return;
        reader->line_fd = close_fd(reader->line_fd);
        (void) syscall(SYS_pidfd_send_signal, reader->pid_fd, SIGKILL, NULL, 0);
        if (poll(&end, 1, (int) (READER_DEATH_USEC / USEC_PER_MSEC)) <= 0 ||
            waitid(P_PID, (id_t) reader->pid, &info, WEXITED|WNOHANG) < 0)
                reader->n_left++;
        reader->pid_fd = close_fd(reader->pid_fd);
}

void user_reader_clear(UserReader *reader) {
        leave(reader);
}

static int start(UserReader *reader) {
        int fds[2], pid;

        if (reader->line_fd >= 0)
                return 0;
        if (reader->n_left >= READERS_LEFT_MAX)
                return -EBUSY;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;

        pid = fork();
        if (pid < 0) {
                pid = -errno;
                close_fd(fds[0]);
                close_fd(fds[1]);
                return pid;
        }
        if (pid == 0)
                serve(fds[1], reader->wanted);

        close_fd(fds[1]);
        reader->pid = pid;
        reader->line_fd = fds[0];
        reader->pid_fd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (reader->pid_fd < 0) {
                int r = -errno;

                (void) kill(pid, SIGKILL);
                reader->line_fd = close_fd(reader->line_fd);
                return r;
        }
        return 0;
}

static uint64_t patience_usec(const UserReader *reader) {
        uint64_t left_usec = READER_PATIENCE_ALL_USEC - min_of(reader->waited_usec, READER_PATIENCE_ALL_USEC);

        left_usec = max_of(left_usec, (uint64_t) READER_PATIENCE_LEAST_USEC);
        return min_of(left_usec, (uint64_t) READER_PATIENCE_USEC);
}

/* Returns 0; -ETIMEDOUT; -EPIPE if it ended; or another negative errno. */
static int wait_for_answer(UserReader *reader, uint64_t until_usec, Answer *answer) {
        int n, fd;

        do {
                struct pollfd line = { .fd = reader->line_fd, .events = POLLIN };
                uint64_t now_usec = clock_monotonic_usec();
                uint64_t left_usec = now_usec < until_usec ? until_usec - now_usec : 0;

                n = poll(&line, 1, (int) ((left_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
        } while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : -ETIMEDOUT;

        return child_receive(reader->line_fd, answer, sizeof(*answer), &fd) == sizeof(*answer) ? 0 : -EPIPE;
}

/* It would go on if it got the processor: not what hangs. */
static bool is_at_work(const UserReader *reader) {
        ProcessStat stat;

        return process_stat(reader->pid, &stat) >= 0 && stat.state == 'R';
}

/* Until the last answer; the first may be all that comes. */
static int wait_for_all(UserReader *reader, Answer *answer) {
        uint64_t patience = patience_usec(reader), until_usec = clock_monotonic_usec() + patience;
        unsigned n_more = READER_PATIENCE_MORE;
        int r = 0;

        while (r >= 0 && !answer->is_last) {
                r = wait_for_answer(reader, until_usec, answer);
                if (r == -ETIMEDOUT && n_more > 0 && is_at_work(reader)) {
                        n_more--;
                        r = 0;
                }
                until_usec = clock_monotonic_usec() + patience;
        }
        return r;
}

/* @answer: the last one that came, if any did. */
static int ask(UserReader *reader, const Question *question, Answer *answer) {
        uint64_t asked_usec;
        int r;

        r = start(reader);
        if (r < 0)
                return r;
        asked_usec = clock_monotonic_usec();
        r = child_report(reader->line_fd, question, sizeof(*question), -EBADF);
        if (r >= 0)
                r = wait_for_all(reader, answer);
        if (r >= 0)
                return -answer->error;

        if (r == -ETIMEDOUT)
                reader->waited_usec += clock_monotonic_usec() - asked_usec;
        leave(reader);
        return r;
}

int user_reader_process(UserReader *reader, pid_t pid, ProcessLook *ret_look) {
        Answer answer = { .process = { .uid = UINT32_MAX } };
        int r;

        r = ask(reader, &(Question) { .pid = pid }, &answer);
        *ret_look = answer.process;
        ret_look->pid = pid;
        if (r == -ETIMEDOUT || r == -EPIPE) {
                ret_look->uses |= USE_UNKNOWN;
                return -ETIMEDOUT;
        }
        return r;
}

int user_reader_loop(UserReader *reader, const char *name, LoopLook *ret_look) {
        Question question = {};
        Answer answer = {};
        int r;

        if (text_copy(question.loop, sizeof(question.loop), name) < 0)
                return -ENAMETOOLONG;
        r = ask(reader, &question, &answer);
        *ret_look = answer.loop;
        return r;
}
