/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals are blocked only while the loop runs: before, Ctrl-C ends a call that waits for a password at once.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-names.h"
#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-loop.h"

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error _unused_) {
        const char *name, *old_owner, *new_owner;
        CtlLoop *loop = userdata;
        int r;

        r = sd_bus_message_read(message, "sss", &name, &old_owner, &new_owner);
        if (r < 0)
                return 0;

        /* One healerd took over from another: gone and there again. */
        if (*old_owner)
                loop->on_daemon(loop, false);
        if (*new_owner)
                loop->on_daemon(loop, true);
        return 0;
}

static int on_disconnected(sd_bus_message *message _unused_, void *userdata, sd_bus_error *reterr_error _unused_) {
        ctl_complain(NULL, "the system bus went away");
        ctl_loop_end(userdata, CTL_EXIT_NO_DAEMON);
        return 0;
}

CtlExit ctl_loop_init(CtlLoop *loop, CtlDaemonChanged on_daemon) {
        CtlExit exit_code;
        int r;

        loop->on_daemon = on_daemon;
        exit_code = ctl_bus_open(&loop->bus);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = sd_event_new(&loop->event);
        if (r >= 0)
                r = sd_bus_attach_event(loop->bus, loop->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal(loop->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, loop);
        if (r >= 0)
                r = sd_bus_add_match(loop->bus, NULL,
                                     "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" BUS_NAME "'",
                                     on_owner_changed, loop);
        if (r >= 0)
                return CTL_EXIT_OK;

        ctl_complain(NULL, "cannot listen to the system bus: %s", strerror(-r));
        return CTL_EXIT_NO_DAEMON;
}

void ctl_loop_done(CtlLoop *loop) {
        if (loop->bus)
                (void) sd_bus_detach_event(loop->bus);
        loop->bus = sd_bus_flush_close_unref(loop->bus);
        loop->event = sd_event_unref(loop->event);
}

bool ctl_loop_daemon_is_running(CtlLoop *loop) {
        return sd_bus_get_name_creds(loop->bus, BUS_NAME, 0, NULL) >= 0;
}

void ctl_loop_end(CtlLoop *loop, CtlExit exit_code) {
        (void) sd_event_exit(loop->event, (int) exit_code);
}

static int on_interrupt(sd_event_source *source _unused_, const struct signalfd_siginfo *info _unused_,
                        void *userdata) {
        CtlLoop *loop = userdata;

        if (!loop->on_interrupt || loop->on_interrupt(loop))
                ctl_loop_end(loop, loop->interrupted);
        return 0;
}

static int on_reader_gone(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
                          void *userdata) {
        ctl_loop_end(userdata, CTL_EXIT_OK);
        return 0;
}

static int add_sources(CtlLoop *loop) {
        sigset_t ending;
        int r;

        (void) sigemptyset(&ending);
        (void) sigaddset(&ending, SIGINT);
        (void) sigaddset(&ending, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &ending, NULL) < 0)
                return -errno;

        r = sd_event_add_signal(loop->event, NULL, SIGINT, on_interrupt, loop);
        if (r < 0)
                return r;
        r = sd_event_add_signal(loop->event, NULL, SIGTERM, on_interrupt, loop);
        if (r < 0 || !loop->is_stopped_by_reader)
                return r;

        /* Only errors and hang-ups are asked for: a pipe whose reader left is noticed without writing to it. */
        r = sd_event_add_io(loop->event, NULL, STDOUT_FILENO, 0, on_reader_gone, loop);
        return r == -EPERM ? 0 : r;     /* a regular file has no reader */
}

CtlExit ctl_loop_run(CtlLoop *loop) {
        int r;

        r = add_sources(loop);
        if (r >= 0)
                r = sd_event_loop(loop->event);
        if (r >= 0)
                return (CtlExit) r;

        ctl_complain(NULL, "cannot wait for news: %s", strerror(-r));
        return CTL_EXIT_FAILED;
}
