/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process per blocking thing. The end is learned through a pidfd, reports through a socket pair,
 * patience through a timer; no signal handler is involved.
 */

#include "src/worker/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/kernel-version.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"

/* glibc 2.36 has no name for it yet everywhere; the value is the kernel's since 5.4. */
#define ID_TYPE_PIDFD 3
/* Exit statuses above carry a negative errno across the end of a process. */
#define EXIT_ERRNO_BASE 200

/* More than a repair needs, and less than what malloc() would give back. */
#define TOUCHED_STACK_BYTES 32768
#define TOUCHED_HEAP_BYTES 65536
#define TOUCHED_EVERY_BYTES 1024

typedef enum ChildStage {
        CHILD_RUNNING,
        CHILD_TERMINATING,              /* SIGTERM sent */
        CHILD_KILLING,                  /* SIGKILL sent */
        CHILD_STUCK,
} ChildStage;

struct Child {
        ChildTable *table;
        ChildTask task;
        pid_t pid;
        int pid_fd, report_fd;
        ChildStage stage;
        ChildEnding stopped_as;
        uint64_t oops_before;
        sd_event_source *end_source, *report_source, *timer_source;
        TAILQ_ENTRY(Child) entry;
};

struct ChildTable {
        sd_event *event;
        size_t n_children, n_stuck, n_waiting, n_watching;
        int oops_fd;                    /* negative: there is no count to be had */
        int (*read_oops_count)(uint64_t *ret_count);    /* NULL: it is read there */
        void (*signal)(int pid_fd, int number);
        TAILQ_HEAD(, Child) children;
};

static Child *child_free(Child *child) {
        if (!child)
                return NULL;

        sd_event_source_disable_unref(child->end_source);
        sd_event_source_disable_unref(child->report_source);
        sd_event_source_disable_unref(child->timer_source);
        close_fd(child->pid_fd);
        close_fd(child->report_fd);
        free(child);
        return NULL;
}
DEFINE_CLEANUP(Child, child_free)

static void signal_process(int pid_fd, int number) {
        (void) syscall(SYS_pidfd_send_signal, pid_fd, number, NULL, 0);
}

ChildTable *child_table_new(sd_event *event) {
        ChildTable *table = calloc(1, sizeof(*table));

        if (!table)
                return NULL;

        table->event = sd_event_ref(event);
        table->oops_fd = kernel_oops_count_open();
        table->signal = signal_process;
        TAILQ_INIT(&table->children);
        return table;
}

ChildTable *child_table_free(ChildTable *table) {
        Child *child;

        if (!table)
                return NULL;

        while ((child = TAILQ_FIRST(&table->children))) {
                TAILQ_REMOVE(&table->children, child, entry);
                child_free(child);
        }
        close_fd(table->oops_fd);
        sd_event_unref(table->event);
        free(table);
        return NULL;
}

size_t child_table_count(const ChildTable *table) {
        return table->n_children - table->n_waiting - table->n_watching;
}

size_t child_table_count_stuck(const ChildTable *table) {
        return table->n_stuck;
}

void child_table_set_oops_reader(ChildTable *table, int (*reader)(uint64_t *ret_count)) {
        table->read_oops_count = reader;
}

void child_table_set_signaller(ChildTable *table, void (*signaller)(int pid_fd, int number)) {
        table->signal = signaller;
}

pid_t child_pid(const Child *child) {
        return child->pid;
}

bool child_is_stuck(const Child *child) {
        return child->stage == CHILD_STUCK;
}

bool child_is_waiting(const Child *child) {
        return child->task.waits && child->stage == CHILD_RUNNING;
}

uint64_t child_table_oops_count(const ChildTable *table) {
        uint64_t count;
        int r;

        if (table->read_oops_count)
                r = table->read_oops_count(&count);
        else
                r = table->oops_fd < 0 ? table->oops_fd : kernel_oops_count_read(table->oops_fd, &count);
        return r < 0 ? UINT64_MAX : count;
}

ChildEnding child_ending_classify(int code, int status, ChildEnding stopped_as, uint64_t oops_before,
                                  uint64_t oops_after) {
        if (code == CLD_EXITED)
                return CHILD_EXITED;
        if (stopped_as != CHILD_EXITED)
                return stopped_as;

        /* The kernel ends a thread that oopsed as if SIGKILL had come. Somebody else's oops at the same time is
         * taken for ours: a repair too few is better than a second crash. */
        if (status == SIGKILL && oops_before != UINT64_MAX && oops_after != UINT64_MAX && oops_after > oops_before)
                return CHILD_CRASHED;

        return CHILD_DIED;
}

/* Not inlined: what is called afterwards has to lie where this did. */
__attribute__((__noinline__)) void child_touch_memory(void) {
        volatile uint8_t stack[TOUCHED_STACK_BYTES];
        volatile uint8_t *heap = malloc(TOUCHED_HEAP_BYTES);

        for (size_t i = 0; i < sizeof(stack); i += TOUCHED_EVERY_BYTES)
                stack[i] = 0;
        for (size_t i = 0; heap && i < TOUCHED_HEAP_BYTES; i += TOUCHED_EVERY_BYTES)
                heap[i] = 0;
        free((void *) heap);
}

/* Closes what a child has no business with: a hung one would keep connections, monitors and mounts alive. */
void child_close_all_but(const int keep[], size_t n_keep) {
        unsigned from = STDERR_FILENO + 1;

        for (;;) {
                unsigned next = UINT_MAX;

                for (size_t i = 0; i < n_keep; i++)
                        if (keep[i] >= (int) from && (unsigned) keep[i] < next)
                                next = keep[i];

                if (next > from)
                        (void) syscall(SYS_close_range, from, next == UINT_MAX ? UINT_MAX : next - 1, 0);
                if (next == UINT_MAX)
                        return;
                from = next + 1;
        }
}

void child_set_name(const char *name) {
        char title[16];

        (void) snprintf(title, sizeof(title), "healer:%s", name);
        (void) prctl(PR_SET_NAME, title);
}

static _Noreturn void child_main(const ChildTask *task, int report_fd) {
        int keep[CHILD_KEEP_MAX + 1] = { report_fd };
        size_t n_keep = 1;
        sigset_t none;

        for (size_t i = 0; i < CHILD_KEEP_MAX && task->keep_fds[i] > 0; i++)
                keep[n_keep++] = task->keep_fds[i];
        child_close_all_but(keep, n_keep);

        sigemptyset(&none);
        (void) signal(SIGTERM, SIG_DFL);
        (void) signal(SIGINT, SIG_DFL);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);

        child_set_name(task->name);
        _exit(task->run(report_fd, task->userdata));
}

/* One packet with the descriptor that came along. Returns its length, 0 at the end, or a negative errno. */
static ssize_t receive_packet(int socket_fd, void *bytes, size_t size_bytes, int flags, int *ret_fd) {
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec data = { .iov_base = bytes, .iov_len = size_bytes };
        struct msghdr envelope = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = control.bytes,
                .msg_controllen = sizeof(control.bytes),
        };
        struct cmsghdr *part;
        ssize_t length;

        *ret_fd = -EBADF;
        do
                length = recvmsg(socket_fd, &envelope, flags|MSG_CMSG_CLOEXEC);
        while (length < 0 && errno == EINTR);
        if (length <= 0)
                return length < 0 ? -errno : 0;

        part = CMSG_FIRSTHDR(&envelope);
        if (part && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
            part->cmsg_len >= CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(part), sizeof(int));
        return length;
}

static void child_read_reports(Child *child) {
        for (;;) {
                /* Readers look at it as what it is. */
                _Alignas(max_align_t) uint8_t bytes[CHILD_REPORT_SIZE];
                ssize_t length;
                int fd;

                length = receive_packet(child->report_fd, bytes, sizeof(bytes), MSG_DONTWAIT, &fd);
                if (length == -EAGAIN)
                        return;
                if (length <= 0) {
                        /* It closed its end; the pidfd tells the rest. */
                        child->report_source = sd_event_source_disable_unref(child->report_source);
                        return;
                }

                if (child->task.on_report)
                        child->task.on_report(child, bytes, length, fd, child->task.userdata);
                else
                        close_fd(fd);
        }
}

static int on_report_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Child *child = userdata;

        (void) source;
        (void) fd;
        (void) revents;

        child_read_reports(child);
        return 0;
}

static int on_process_end(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        _cleanup_(child_free_at) Child *child = userdata;
        siginfo_t info = {};
        ChildEnd end;

        (void) source;
        (void) revents;

        if (waitid(ID_TYPE_PIDFD, fd, &info, WEXITED|WNOHANG|WNOWAIT) < 0 || info.si_pid == 0) {
                (void) steal_ptr(child);
                return 0;
        }
        /* What it started itself ends with it: the number is its own until it is reaped. */
        (void) kill(-child->pid, SIGKILL);
        (void) waitid(ID_TYPE_PIDFD, fd, &info, WEXITED|WNOHANG);

        if (child->report_source)
                child_read_reports(child);

        end = (ChildEnd) {
                .status = info.si_status,
                .was_stuck = child->stage == CHILD_STUCK,
                .oops_count = child_table_oops_count(child->table),
        };
        end.ending = child_ending_classify(info.si_code, info.si_status, child->stopped_as, child->oops_before,
                                           end.oops_count);

        TAILQ_REMOVE(&child->table->children, child, entry);
        child->table->n_children--;
        if (end.was_stuck)
                child->table->n_stuck--;
        if (child->task.waits)
                child->table->n_waiting--;
        if (child->task.only_watches)
                child->table->n_watching--;

        child->task.on_end(child, &end, child->task.userdata);
        return 0;
}

static int on_patience_end(sd_event_source *source, uint64_t usec, void *userdata);

static void child_set_timer(Child *child, uint64_t after_usec) {
        child->timer_source = sd_event_source_disable_unref(child->timer_source);
        if (after_usec == USEC_INFINITY)
                return;

        if (sd_event_add_time_relative(child->table->event, &child->timer_source, CLOCK_MONOTONIC, after_usec,
                                       10 * USEC_PER_MSEC, on_patience_end, child) < 0)
                log_warning("%s child %d: cannot set its deadline, it will not be ended by time",
                            child->task.name, (int) child->pid);
}

static void child_step(Child *child) {
        uint64_t grace_usec = child->task.grace_usec ?: CHILD_GRACE_USEC;

        switch (child->stage) {
        case CHILD_RUNNING:
                child->stage = CHILD_TERMINATING;
                child->table->signal(child->pid_fd, SIGTERM);
                child_set_timer(child, grace_usec);
                return;
        case CHILD_TERMINATING:
                child->stage = CHILD_KILLING;
                child->table->signal(child->pid_fd, SIGKILL);
                child_set_timer(child, CHILD_GRACE_USEC);
                return;
        case CHILD_KILLING:
                child->stage = CHILD_STUCK;
                child->table->n_stuck++;
                child_set_timer(child, USEC_INFINITY);
                if (child->task.on_stuck)
                        child->task.on_stuck(child, child->task.userdata);
                return;
        case CHILD_STUCK:
                return;
        }
}

static int on_patience_end(sd_event_source *source, uint64_t usec, void *userdata) {
        Child *child = userdata;

        (void) source;
        (void) usec;

        if (child->stage == CHILD_RUNNING)
                child->stopped_as = CHILD_TIMED_OUT;
        child_step(child);
        return 0;
}

void child_stop(Child *child) {
        if (child->stage != CHILD_RUNNING)
                return;

        child->stopped_as = CHILD_CANCELLED;
        child_step(child);
}

void child_table_stop_all(ChildTable *table) {
        Child *child;

        TAILQ_FOREACH(child, &table->children, entry) {
                if (!child->task.only_watches || child->stage != CHILD_RUNNING) {
                        child_stop(child);
                        continue;
                }
                /* A request to end it would pass on to what it watches: as if it had been asked already. */
                child->stopped_as = CHILD_CANCELLED;
                child->stage = CHILD_TERMINATING;
                child_step(child);
        }
}

static int child_watch(Child *child) {
        int r;

        r = sd_event_add_io(child->table->event, &child->end_source, child->pid_fd, EPOLLIN, on_process_end, child);
        if (r < 0)
                return r;

        r = sd_event_add_io(child->table->event, &child->report_source, child->report_fd, EPOLLIN, on_report_ready,
                            child);
        if (r < 0)
                return r;

        /* Reports are read before the end is looked at. */
        return sd_event_source_set_priority(child->end_source, SD_EVENT_PRIORITY_NORMAL + 1);
}

int child_spawn(ChildTable *table, const ChildTask *task, Child **ret_child) {
        _cleanup_(child_free_at) Child *child = NULL;
        _cleanup_(close_fd_at) int theirs = -EBADF;
        pid_t own_pid = getpid();
        int fds[2], r;

        if (table->n_children >= (task->is_essential ? CHILDREN_MAX : CHILDREN_MAX - CHILDREN_RESERVED))
                return -EBUSY;

        child = calloc(1, sizeof(*child));
        if (!child)
                return -ENOMEM;
        *child = (Child) { .table = table, .task = *task, .pid_fd = -EBADF, .report_fd = -EBADF };
        child->oops_before = child_table_oops_count(table);

        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        child->report_fd = fds[0];
        theirs = fds[1];

        child->pid = fork();
        if (child->pid < 0)
                return -errno;
        if (child->pid == 0) {
                /* A group of its own, so that nothing of it is left when it has ended. */
                (void) setpgid(0, 0);
                if (task->dies_with_us || task->only_watches) {
                        (void) prctl(PR_SET_PDEATHSIG, task->only_watches ? SIGKILL : SIGTERM);
                        if (getppid() != own_pid)
                                _exit(EXIT_FAILURE);
                }
                child_main(&child->task, theirs);
        }

        /* Whoever comes first: its own processes must not be in ours. */
        (void) setpgid(child->pid, child->pid);
        child->pid_fd = (int) syscall(SYS_pidfd_open, child->pid, 0);
        r = child->pid_fd < 0 ? -errno : child_watch(child);
        if (r < 0) {
                /* Nobody would ever hear of it again. It has hardly begun; it is reaped at our own end. */
                (void) kill(child->pid, SIGKILL);
                return r;
        }

        child_set_timer(child, task->timeout_usec);
        TAILQ_INSERT_TAIL(&table->children, child, entry);
        table->n_children++;
        table->n_waiting += task->waits;
        table->n_watching += task->only_watches;
        if (ret_child)
                *ret_child = child;
        (void) steal_ptr(child);
        return 0;
}

static int send_packet(int socket_fd, const void *bytes, size_t size_bytes, int flags, int fd) {
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec data = { .iov_base = (void *) bytes, .iov_len = size_bytes };
        struct msghdr envelope = { .msg_iov = &data, .msg_iovlen = 1 };

        assert(size_bytes <= CHILD_REPORT_SIZE);

        if (fd >= 0) {
                struct cmsghdr *part;

                envelope.msg_control = control.bytes;
                envelope.msg_controllen = sizeof(control.bytes);
                part = CMSG_FIRSTHDR(&envelope);
                part->cmsg_level = SOL_SOCKET;
                part->cmsg_type = SCM_RIGHTS;
                part->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(part), &fd, sizeof(int));
        }

        while (sendmsg(socket_fd, &envelope, flags|MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;

        return 0;
}

int child_report(int report_fd, const void *bytes, size_t size_bytes, int fd) {
        return send_packet(report_fd, bytes, size_bytes, 0, fd);
}

ssize_t child_receive(int report_fd, void *ret_bytes, size_t size_bytes, int *ret_fd) {
        return receive_packet(report_fd, ret_bytes, size_bytes, 0, ret_fd);
}

int child_order(Child *child, const ChildTask *task, const void *bytes, size_t size_bytes, int fd) {
        int r;

        assert(child->task.waits);

        if (child->stage != CHILD_RUNNING)
                return -EPIPE;
        child->oops_before = child_table_oops_count(child->table);
        r = send_packet(child->report_fd, bytes, size_bytes, MSG_DONTWAIT, fd);
        if (r < 0)
                return r;

        child->task = *task;
        child->table->n_waiting--;
        child_set_timer(child, task->timeout_usec);
        return 0;
}

int child_call_with_deadline(int (*call)(void *userdata), void *userdata, uint64_t timeout_usec) {
        _cleanup_(close_fd_at) int pid_fd = -EBADF;
        uint64_t until_usec = clock_monotonic_usec() + timeout_usec;
        siginfo_t info = {};
        struct pollfd end;
        pid_t pid;
        int n;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                int result;

                child_close_all_but(NULL, 0);
                result = call(userdata);
                _exit(result >= 0 ? result : EXIT_ERRNO_BASE + min_of(-result, UINT8_MAX - EXIT_ERRNO_BASE));
        }

        pid_fd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pid_fd < 0) {
                n = -errno;
                (void) kill(pid, SIGKILL);
                return n;
        }

        end = (struct pollfd) { .fd = pid_fd, .events = POLLIN };
        do {
                uint64_t now_usec = clock_monotonic_usec();
                uint64_t left_usec = now_usec < until_usec ? until_usec - now_usec : 0;

                n = poll(&end, 1, (int) min_of((left_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (uint64_t) INT_MAX));
        } while (n < 0 && errno == EINTR);

        if (n <= 0) {
                (void) kill(pid, SIGKILL);
                return -ETIMEDOUT;
        }
        if (waitid(ID_TYPE_PIDFD, pid_fd, &info, WEXITED) < 0)
                return -errno;
        if (info.si_code != CLD_EXITED)
                return -EIO;

        return info.si_status <= EXIT_ERRNO_BASE ? info.si_status : EXIT_ERRNO_BASE - info.si_status;
}
