/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Children of the worker: reports, every kind of end, deadlines, one that cannot be killed, limits.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/worker/child.h"

/* A child that waits does so until somebody ends it; this only ends a test that would never end. */
#define GIVE_UP_USEC (120 * USEC_PER_SEC)

typedef struct Watch {
        sd_event *event;
        ChildTable *table;
        unsigned n_ended, n_reports, n_stuck, n_wanted;
        ChildEnd end;
        char report[64];
        int report_fd;
} Watch;

static uint64_t oops_count;

static int read_oops_count(uint64_t *ret_count) {
        *ret_count = oops_count;
        return 0;
}

/* As if the child hung in the kernel: nothing reaches it. */
static void signal_in_vain(int pid_fd, int number) {
        (void) pid_fd;
        (void) number;
}

static int on_give_up(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;

        return sd_event_exit(userdata, -ETIME);
}

static int setup(void **state) {
        static Watch watch;

        watch = (Watch) { .report_fd = -EBADF, .n_wanted = 1 };
        oops_count = 0;
        if (sd_event_new(&watch.event) < 0)
                return -1;
        if (sd_event_add_time_relative(watch.event, NULL, CLOCK_MONOTONIC, GIVE_UP_USEC, 0, on_give_up,
                                       watch.event) < 0)
                return -1;
        watch.table = child_table_new(watch.event);
        child_table_set_oops_reader(watch.table, read_oops_count);
        *state = &watch;
        return watch.table ? 0 : -1;
}

static int teardown(void **state) {
        Watch *watch = *state;

        close_fd(watch->report_fd);
        child_table_free(watch->table);
        sd_event_unref(watch->event);
        return 0;
}

static void on_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        Watch *watch = userdata;

        assert_true(child_pid(child) > 0);
        assert_true(size_bytes <= sizeof(watch->report));
        memcpy(watch->report, bytes, size_bytes);
        watch->n_reports++;
        if (fd >= 0) {
                close_fd(watch->report_fd);
                watch->report_fd = fd;
        }
}

static void on_end(Child *child, const ChildEnd *end, void *userdata) {
        Watch *watch = userdata;

        (void) child;

        watch->end = *end;
        if (++watch->n_ended == watch->n_wanted)
                assert_true(sd_event_exit(watch->event, 0) >= 0);
}

static void on_stuck(Child *child, void *userdata) {
        Watch *watch = userdata;

        watch->n_stuck++;
        assert_true(child_is_stuck(child));
        assert_int_equal(child_table_count_stuck(watch->table), 1);
        /* The disk thawed. */
        assert_int_equal(kill(child_pid(child), SIGKILL), 0);
}

static int run_exit(int report_fd, void *userdata) {
        (void) report_fd;
        (void) userdata;
        return 7;
}

static int run_report(int report_fd, void *userdata) {
        int fds[2];

        (void) userdata;

        if (pipe(fds) < 0 || write(fds[1], "x", 1) != 1)
                return 1;
        return child_report(report_fd, "first", sizeof("first"), -EBADF) < 0 ||
               child_report(report_fd, "second", sizeof("second"), fds[0]) < 0;
}

static int run_kill(int report_fd, void *userdata) {
        (void) report_fd;
        (void) userdata;
        (void) raise(SIGKILL);
        return 0;
}

static int run_segv(int report_fd, void *userdata) {
        (void) report_fd;
        (void) userdata;
        (void) signal(SIGSEGV, SIG_DFL);
        (void) raise(SIGSEGV);
        return 0;
}

static int run_wait(int report_fd, void *userdata) {
        (void) userdata;
        (void) child_report(report_fd, "waits", sizeof("waits"), -EBADF);
        while (pause() < 0)
                continue;
        return 0;
}

static ChildTask task_of(Watch *watch, int (*run)(int report_fd, void *userdata)) {
        return (ChildTask) {
                .name = "test",
                .run = run,
                .on_report = on_report,
                .on_stuck = on_stuck,
                .on_end = on_end,
                .userdata = watch,
                .timeout_usec = USEC_INFINITY,
        };
}

static void test_ends(void **state) {
        static const struct {
                const char *name;
                int (*run)(int report_fd, void *userdata);
                uint64_t timeout_usec;
                uint64_t n_oopses;
                ChildEnding ending;
                int status;
        } cases[] = {
                { "exit",                    run_exit, USEC_INFINITY, 0, CHILD_EXITED,    7       },
                { "exit beside an oops",     run_exit, USEC_INFINITY, 1, CHILD_EXITED,    7       },
                { "killed by somebody",      run_kill, USEC_INFINITY, 0, CHILD_DIED,      SIGKILL },
                { "killed by an oops",       run_kill, USEC_INFINITY, 1, CHILD_CRASHED,   SIGKILL },
                { "its own fault",           run_segv, USEC_INFINITY, 1, CHILD_DIED,      SIGSEGV },
                { "deadline",                run_wait, 20000,         0, CHILD_TIMED_OUT, SIGTERM },
                { "deadline beside an oops", run_wait, 20000,         1, CHILD_TIMED_OUT, SIGTERM },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Watch *watch;
                ChildTask task;

                print_message("%s\n", cases[i].name);
                assert_int_equal(setup(state), 0);
                watch = *state;
                task = task_of(watch, cases[i].run);
                task.timeout_usec = cases[i].timeout_usec;

                assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
                oops_count += cases[i].n_oopses;
                assert_int_equal(sd_event_loop(watch->event), 0);
                assert_int_equal(watch->end.ending, cases[i].ending);
                assert_int_equal(watch->end.status, cases[i].status);
                assert_false(watch->end.was_stuck);
                assert_int_equal(child_table_count(watch->table), 0);
                assert_int_equal(teardown(state), 0);
        }
}

static void test_reports(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_report);
        char byte = 0;

        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->n_reports, 2);
        assert_string_equal(watch->report, "second");
        assert_true(watch->report_fd >= 0);
        assert_true(fcntl(watch->report_fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(read(watch->report_fd, &byte, 1), 1);
        assert_int_equal(byte, 'x');
}

static void stop_on_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        on_report(child, bytes, size_bytes, fd, userdata);
        child_stop(child);
        child_stop(child);
}

static void test_stopped(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_wait);

        task.on_report = stop_on_report;
        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->end.ending, CHILD_CANCELLED);
}

/* As if it heard nothing but what cannot be ignored. */
static void signal_deaf(int pid_fd, int number) {
        if (number == SIGKILL)
                assert_int_equal(syscall(SYS_pidfd_send_signal, pid_fd, number, NULL, 0), 0);
}

static void test_deaf(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_wait);

        child_table_set_signaller(watch->table, signal_deaf);
        task.timeout_usec = 10 * USEC_PER_MSEC;
        task.grace_usec = 10 * USEC_PER_MSEC;
        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        /* A process may need longer than that to die where others want the processor. */
        assert_int_equal(watch->end.ending, CHILD_TIMED_OUT);
        assert_int_equal(watch->end.status, SIGKILL);
}

static void test_stuck(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_wait);

        child_table_set_signaller(watch->table, signal_in_vain);
        task.timeout_usec = 10 * USEC_PER_MSEC;
        task.grace_usec = 10 * USEC_PER_MSEC;
        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->n_stuck, 1);
        assert_true(watch->end.was_stuck);
        assert_int_equal(watch->end.ending, CHILD_TIMED_OUT);
        assert_int_equal(child_table_count_stuck(watch->table), 0);
}

static int run_list_descriptors(int report_fd, void *userdata) {
        char open_ones[64] = {};
        size_t n = 0;

        (void) userdata;

        for (int fd = 3; fd < 256 && n < sizeof(open_ones); fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        open_ones[n++] = fd == report_fd ? 'r' : fd;
        return child_report(report_fd, open_ones, sizeof(open_ones), -EBADF) < 0;
}

static void test_descriptors(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_list_descriptors);
        int fds[6] = {};

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                assert_true((fds[i] = open("/dev/null", O_RDONLY)) >= 0);
        task.keep_fds[0] = fds[4];
        task.keep_fds[1] = fds[1];
        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);

        assert_int_equal(strlen(watch->report), 3);
        assert_non_null(strchr(watch->report, 'r'));
        assert_non_null(strchr(watch->report, fds[1]));
        assert_non_null(strchr(watch->report, fds[4]));
        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                close_fd(fds[i]);
}

static void test_limit(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_wait);
        unsigned n = 0;

        while (child_spawn(watch->table, &task, NULL) == 0)
                n++;
        assert_int_equal(n, CHILDREN_MAX - CHILDREN_RESERVED);
        assert_int_equal(child_spawn(watch->table, &task, NULL), -EBUSY);
        task.is_essential = true;
        while (child_spawn(watch->table, &task, NULL) == 0)
                n++;
        assert_int_equal(n, CHILDREN_MAX);
        assert_int_equal(child_table_count(watch->table), CHILDREN_MAX);

        watch->n_wanted = n;
        child_table_stop_all(watch->table);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(child_table_count(watch->table), 0);
}

static int run_echo(int report_fd, void *userdata) {
        char text[64];
        ssize_t length;
        int fd;

        (void) userdata;

        length = child_receive(report_fd, text, sizeof(text), &fd);
        if (length <= 0)
                return length == 0 ? 9 : 1;
        return child_report(report_fd, text, (size_t) length, fd) < 0;
}

/* Leaves a process behind that holds what it was given. */
static int run_leave(int report_fd, void *userdata) {
        int fds[2];
        pid_t pid;

        (void) userdata;

        if (pipe(fds) < 0)
                return 1;
        pid = fork();
        if (pid < 0)
                return 1;
        if (pid == 0)
                while (pause() < 0)
                        continue;
        (void) close(fds[1]);
        return child_report(report_fd, "left", sizeof("left"), fds[0]) < 0;
}

static void test_leaves_nothing_behind(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_leave);
        struct pollfd end;

        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->end.ending, CHILD_EXITED);
        assert_int_equal(watch->end.status, 0);
        assert_true(watch->report_fd >= 0);
        /* Its end of the pipe is closed by its end alone. */
        end = (struct pollfd) { .fd = watch->report_fd };
        assert_int_equal(poll(&end, 1, GIVE_UP_USEC / USEC_PER_MSEC), 1);
        assert_true(end.revents & POLLHUP);
}

static void on_never(Child *child, const ChildEnd *end, void *userdata) {
        (void) child;
        (void) end;
        (void) userdata;
        fail_msg("this end belongs to the order");
}

/* Kept ready, it counts for nothing; then it is like one that was forked for its order. */
static void test_waits(void **state) {
        Watch *watch = *state;
        ChildTask waiting = task_of(watch, run_echo), task = task_of(watch, NULL);
        int fds[2];
        Child *child;

        waiting.waits = true;
        waiting.on_end = on_never;
        waiting.userdata = NULL;
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(child_spawn(watch->table, &waiting, &child), 0);
        assert_int_equal(child_table_count(watch->table), 0);
        assert_true(child_is_waiting(child));

        assert_int_equal(child_order(child, &task, "do it", sizeof("do it"), fds[0]), 0);
        assert_false(child_is_waiting(child));
        assert_int_equal(child_table_count(watch->table), 1);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_string_equal(watch->report, "do it");
        assert_true(watch->report_fd >= 0);
        assert_int_equal(watch->end.ending, CHILD_EXITED);
        assert_int_equal(watch->end.status, 0);
        assert_int_equal(child_table_count(watch->table), 0);
        close_fd(fds[0]);
        close_fd(fds[1]);
}

static void test_waits_in_vain(void **state) {
        Watch *watch = *state;
        ChildTask waiting = task_of(watch, run_echo), task = task_of(watch, NULL);
        Child *child;

        waiting.waits = true;
        assert_int_equal(child_spawn(watch->table, &waiting, &child), 0);
        child_table_stop_all(watch->table);
        assert_false(child_is_waiting(child));
        assert_int_equal(child_order(child, &task, "too late", sizeof("too late"), -EBADF), -EPIPE);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->end.ending, CHILD_CANCELLED);
        assert_int_equal(child_table_count(watch->table), 0);
}

static int run_watch(int report_fd, void *userdata) {
        sigset_t term;

        (void) userdata;
        /* It would stop what it watches. */
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &term, NULL);
        (void) child_report(report_fd, "watching", sizeof("watching"), -EBADF);
        (void) sigwaitinfo(&term, NULL);
        (void) child_report(report_fd, "asked to end", sizeof("asked to end"), -EBADF);
        return 0;
}

static void on_watching(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        Watch *watch = userdata;

        on_report(child, bytes, size_bytes, fd, userdata);
        if (watch->n_reports == 1)
                child_table_stop_all(watch->table);
}

/* When the worker leaves, what only watches is not asked to end, but killed: what it watches goes on. */
static void test_watcher_is_killed(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_watch);

        task.only_watches = true;
        task.on_report = on_watching;
        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(child_table_count(watch->table), 0); /* nothing that one would wait for */
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->end.ending, CHILD_CANCELLED);
        assert_int_equal(watch->end.status, SIGKILL);
        assert_string_equal(watch->report, "watching");
        assert_int_equal(child_table_count(watch->table), 0);
}

/* Asked for itself it is ended as any other. */
static void on_watching_one(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        on_report(child, bytes, size_bytes, fd, userdata);
        child_stop(child);
}

static void test_watcher_is_asked(void **state) {
        Watch *watch = *state;
        ChildTask task = task_of(watch, run_watch);

        task.only_watches = true;
        task.on_report = on_watching_one;
        assert_int_equal(child_spawn(watch->table, &task, NULL), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->end.ending, CHILD_EXITED);
        assert_string_equal(watch->report, "asked to end");
}

/* The deadline is the order's; so is being killed. */
static void test_order_has_a_deadline(void **state) {
        Watch *watch = *state;
        ChildTask waiting = task_of(watch, run_wait), task = task_of(watch, NULL);
        Child *child;

        waiting.waits = true;
        task.timeout_usec = 10 * USEC_PER_MSEC;
        assert_int_equal(child_spawn(watch->table, &waiting, &child), 0);
        assert_int_equal(child_order(child, &task, "x", sizeof("x"), -EBADF), 0);
        assert_int_equal(sd_event_loop(watch->event), 0);
        assert_int_equal(watch->end.ending, CHILD_TIMED_OUT);
}

static int call_value(void *userdata) {
        return *(const int *) userdata;
}

static int call_for_ever(void *userdata) {
        (void) userdata;
        while (pause() < 0)
                continue;
        return 0;
}

static int call_death(void *userdata) {
        (void) userdata;
        (void) raise(SIGKILL);
        return 0;
}

static void test_call_with_deadline(void **state) {
        static const int values[] = { 0, 1, 200, -EIO, -ENOSPC, -EBUSY, -EROFS };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                print_message("%d\n", values[i]);
                assert_int_equal(child_call_with_deadline(call_value, (void *) &values[i], GIVE_UP_USEC), values[i]);
        }
        print_message("for ever\n");
        assert_int_equal(child_call_with_deadline(call_for_ever, NULL, 20 * USEC_PER_MSEC), -ETIMEDOUT);
        print_message("death\n");
        assert_int_equal(child_call_with_deadline(call_death, NULL, GIVE_UP_USEC), -EIO);
}

static void test_classify(void **state) {
        static const struct {
                const char *name;
                int code, status;
                ChildEnding stopped_as;
                uint64_t oops_before, oops_after;
                ChildEnding result;
        } cases[] = {
                { "exit",                       CLD_EXITED, 0,       CHILD_EXITED,    0, 0,          CHILD_EXITED    },
                { "exit after we asked",        CLD_EXITED, 0,       CHILD_TIMED_OUT, 0, 0,          CHILD_EXITED    },
                { "killed, an oops",            CLD_KILLED, SIGKILL, CHILD_EXITED,    3, 4,          CHILD_CRASHED   },
                { "killed, no oops",            CLD_KILLED, SIGKILL, CHILD_EXITED,    3, 3,          CHILD_DIED      },
                { "killed, unknown before",     CLD_KILLED, SIGKILL, CHILD_EXITED,    UINT64_MAX, 4, CHILD_DIED      },
                { "killed, unknown after",      CLD_KILLED, SIGKILL, CHILD_EXITED,    3, UINT64_MAX, CHILD_DIED      },
                { "fault, an oops elsewhere",   CLD_DUMPED, SIGSEGV, CHILD_EXITED,    3, 4,          CHILD_DIED      },
                { "we killed it, an oops",      CLD_KILLED, SIGKILL, CHILD_CANCELLED, 3, 4,          CHILD_CANCELLED },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                print_message("%s\n", cases[i].name);
                assert_int_equal(child_ending_classify(cases[i].code, cases[i].status, cases[i].stopped_as,
                                                       cases[i].oops_before, cases[i].oops_after), cases[i].result);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_classify),
                cmocka_unit_test(test_ends),
                cmocka_unit_test_setup_teardown(test_reports, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deaf, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
                cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_leaves_nothing_behind, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waits_in_vain, setup, teardown),
                cmocka_unit_test_setup_teardown(test_watcher_is_killed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_watcher_is_asked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_order_has_a_deadline, setup, teardown),
                cmocka_unit_test(test_call_with_deadline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
