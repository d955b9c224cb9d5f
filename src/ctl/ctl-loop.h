/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting: an event loop with a connection to the system bus that ends when somebody says so (Ctrl-C,
 * SIGTERM), when the reader of standard output leaves, or when the bus goes away; healerd may come
 * and go meanwhile, and the owner is told.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "src/ctl/ctl-exit.h"

typedef struct CtlLoop CtlLoop;

/* healerd appeared on the bus or left it. */
typedef void (*CtlDaemonChanged)(CtlLoop *loop, bool is_running);
/* Ctrl-C or SIGTERM. True: it ends now. */
typedef bool (*CtlInterrupted)(CtlLoop *loop);

struct CtlLoop {
        sd_event *event;
        sd_bus *bus;
        CtlDaemonChanged on_daemon;
        CtlInterrupted on_interrupt;    /* NULL: it ends */
        CtlExit interrupted;            /* how Ctrl-C ends it */
        bool is_stopped_by_reader;      /* end when nobody reads standard output any more */
};

/* Connects, says on standard error what is wrong. */
CtlExit ctl_loop_init(CtlLoop *loop, CtlDaemonChanged on_daemon);
void ctl_loop_done(CtlLoop *loop);
/* True if healerd is on the bus now. */
bool ctl_loop_daemon_is_running(CtlLoop *loop);
void ctl_loop_end(CtlLoop *loop, CtlExit exit_code);
/* Returns what ctl_loop_end() was given. From here on SIGINT and SIGTERM end the loop, unless on_interrupt says no. */
CtlExit ctl_loop_run(CtlLoop *loop);
