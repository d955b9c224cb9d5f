/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes of the worker: whatever can sleep in the kernel is done in one, so that the loop never
 * waits. A child reports with packets on a socket of its own, has a deadline, and is listed until the
 * kernel lets it go, however long that takes. Processes that it started are ended with it.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"

/* All children together; a part of it is kept free for the worker's own needs. */
#define CHILDREN_MAX 64
#define CHILDREN_RESERVED 16
/* Between the request to end and SIGKILL, and between SIGKILL and calling a child stuck. */
#define CHILD_GRACE_USEC (2 * USEC_PER_SEC)
#define CHILD_REPORT_SIZE 8192
#define CHILD_KEEP_MAX 4

typedef enum ChildEnding {
        CHILD_EXITED,                   /* by itself: status is the exit status */
        CHILD_DIED,                     /* of a signal that we did not send: status is its number */
        CHILD_CRASHED,                  /* the same, and the kernel counted an oops meanwhile */
        CHILD_TIMED_OUT,                /* ended by us at its deadline */
        CHILD_CANCELLED,                /* ended by us because somebody asked */
} ChildEnding;

typedef struct ChildEnd {
        ChildEnding ending;
        int status;
        bool was_stuck;                 /* on_stuck() was called before */
        uint64_t oops_count;            /* when it ended; UINT64_MAX: unknown */
} ChildEnd;

typedef struct Child Child;
typedef struct ChildTable ChildTable;

typedef struct ChildTask {
        const char *name;               /* "repair": process title and log lines; at most 8 characters, static */
        /* In the child. Blocks as it likes; reports on @report_fd; the result is the exit status. */
        int (*run)(int report_fd, void *userdata);
        /* In the loop. One packet; @fd is taken (or negative). May be NULL. */
        void (*on_report)(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata);
        /* In the loop. It survived SIGKILL: it hangs in the kernel. May be NULL. */
        void (*on_stuck)(Child *child, void *userdata);
        /* In the loop, once, last; the child is freed afterwards. */
        void (*on_end)(Child *child, const ChildEnd *end, void *userdata);
        void *userdata;                 /* borrowed until on_end() */
        uint64_t timeout_usec;          /* USEC_INFINITY: none */
        uint64_t grace_usec;            /* 0: CHILD_GRACE_USEC */
        bool dies_with_us;              /* SIGTERM when the worker's process ends */
        bool is_essential;              /* may use the reserved places */
        bool waits;                     /* kept ready: it has nothing to do until child_order() */
        bool only_watches;              /* what it waits for goes on without it: it ends at once when the worker
                                         * does */
        int keep_fds[CHILD_KEEP_MAX];   /* it needs these, others are closed in it; ends at a value <= 0 */
} ChildTask;

/* @event is borrowed. Returns NULL only when memory is exhausted. */
ChildTable *child_table_new(sd_event *event);
/* Forgets the children without ending them. */
ChildTable *child_table_free(ChildTable *table);
DEFINE_CLEANUP(ChildTable, child_table_free)

/* Those that have something to do: not those that wait or only watch. */
size_t child_table_count(const ChildTable *table);
size_t child_table_count_stuck(const ChildTable *table);
/* The kernel's count of its oopses now; UINT64_MAX: unknown. In the loop. */
uint64_t child_table_oops_count(const ChildTable *table);
/* For tests: where the oops count comes from, and how a child is signalled. */
void child_table_set_oops_reader(ChildTable *table, int (*reader)(uint64_t *ret_count));
void child_table_set_signaller(ChildTable *table, void (*signaller)(int pid_fd, int number));

/**
 * child_spawn() - fork and run a task
 * @ret_child: borrowed until on_end(); may be NULL
 *
 * Returns: 0; -EBUSY if the limit of children is reached; -EAGAIN or -ENOMEM if the kernel gives no process; or
 * another negative errno.
 */
int child_spawn(ChildTable *table, const ChildTask *task, Child **ret_child);

/**
 * child_order() - give a child that waits something to do
 * @task:       callbacks, user data and times that count from now on; the rest is not looked at
 * @bytes, @fd: what child_receive() gives it; @fd is borrowed, or negative
 *
 * Returns: 0; -EPIPE if it ended meanwhile; or another negative errno: then it is left as it was.
 */
int child_order(Child *child, const ChildTask *task, const void *bytes, size_t size_bytes, int fd);

/* Asks it to end: SIGTERM, SIGKILL after the grace time. on_end() says CHILD_CANCELLED. */
void child_stop(Child *child);
/* The same for every child; those that hang stay, those that only watch are killed. */
void child_table_stop_all(ChildTable *table);
pid_t child_pid(const Child *child);
bool child_is_stuck(const Child *child);
/* child_order() can be expected to succeed. */
bool child_is_waiting(const Child *child);

/* Pure: what an end means. @stopped_as is CHILD_EXITED if we sent no signal. */
ChildEnding child_ending_classify(int code, int status, ChildEnding stopped_as, uint64_t oops_before,
                                  uint64_t oops_after);

/* For code in a child. Sends one packet, waiting for room. Returns 0 or a negative errno. */
int child_report(int report_fd, const void *bytes, size_t size_bytes, int fd);

/* For code in a child that waits: sleeps until the order comes. Returns its length; 0 if none will come any more; or a
 * negative errno. @ret_fd: new, or -EBADF. */
ssize_t child_receive(int report_fd, void *ret_bytes, size_t size_bytes, int *ret_fd);

/* Takes beforehand what the first touch of a page of stack and heap costs: in a child as well as in the loop after a
 * fork, which makes every page one that is copied when it is written to. */
void child_touch_memory(void);

/* For code in a child: "repair" makes it healer:repair, for ps and for whoever looks for it. At most 8 characters. */
void child_set_name(const char *name);

/* For code in a child: closes everything but standard streams and @keep. */
void child_close_all_but(const int keep[], size_t n_keep);

/**
 * child_call_with_deadline() - in a child: run @call in a further process and wait for it, but not for ever
 *
 * After the deadline it is killed and left alone: a frozen disk must hold neither the job nor the worker.
 *
 * Returns: what @call returned (0 to 200, or a negative errno down to -54); -ETIMEDOUT; -EIO if it died; or a
 * negative errno from fork.
 */
int child_call_with_deadline(int (*call)(void *userdata), void *userdata, uint64_t timeout_usec);
