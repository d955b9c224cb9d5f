/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place that knows all parts: engine, journal, bus, signals, systemd.
 */

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "src/basic/log.h"
#include "src/basic/message-ids.h"
#include "src/bus/bus-server.h"
#include "src/daemon/daemon.h"
#include "src/engine/engine.h"
#include "src/record/journal-record.h"

/* Nobody who waits for us at boot waits longer than this, whatever the worker does. */
#define READY_DEADLINE_USEC (20 * USEC_PER_SEC)

typedef struct Daemon {
        sd_event *event;
        Engine *engine;
        BusServer *bus;
        JournalRecord *journal;
        sd_event_source *ready_timer;
        bool is_ready;
} Daemon;

static void tell_status(Daemon *daemon) {
        FilesystemTable *table = engine_filesystems(daemon->engine);
        unsigned n_watched = 0, n_sick = 0;

        for (Filesystem *f = NULL; (f = filesystem_table_next(table, f));) {
                n_watched += filesystem_is_watched(f);
                n_sick += f->conditions.n_items > 0;
        }
        (void) sd_notifyf(false, "STATUS=watching %u file systems, %u of them sick, %u not watched; policy %s%s", n_watched,
                          n_sick, engine_n_unwatched(daemon->engine), policy_hash(engine_policy(daemon->engine)),
                          engine_worker_is_connected(daemon->engine) ? "" : "; no worker");
}

static void ready(Daemon *daemon) {
        LogRecord record;

        if (daemon->is_ready)
                return;
        daemon->is_ready = true;
        daemon->ready_timer = sd_event_source_disable_unref(daemon->ready_timer);

        log_record_begin(&record, LOG_INFO, MESSAGE_DAEMON_STARTED);
        log_record_send(&record, "healerd " HEALER_VERSION " is running, %zu file systems known",
                        filesystem_table_count(engine_filesystems(daemon->engine)));
        (void) sd_notify(false, "READY=1");
        tell_status(daemon);
}

static void on_complete(void *userdata) {
        ready(userdata);
}

static int on_ready_deadline(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        log_warning("the worker has not told yet what is mounted; starting without");
        ready(userdata);
        return 0;
}

static void on_filesystem(void *userdata, _unused_ Filesystem *filesystem) {
        Daemon *daemon = userdata;

        if (daemon->is_ready)
                tell_status(daemon);
}

static void on_policy(void *userdata, _unused_ const Policy *policy, _unused_ bool is_loaded, _unused_ const char *problems) {
        on_filesystem(userdata, NULL);
}

static void on_worker(void *userdata, _unused_ bool is_connected) {
        on_filesystem(userdata, NULL);
}

static int on_hangup(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info, void *userdata) {
        Daemon *daemon = userdata;

        (void) sd_notify(false, "RELOADING=1");
        /* What is wrong has been told to journal and bus, and the policy before it stays. */
        (void) engine_reload_policy(daemon->engine);
        (void) sd_notify(false, "READY=1");
        return 0;
}

static int on_terminate(sd_event_source *source, _unused_ const struct signalfd_siginfo *info, _unused_ void *userdata) {
        (void) sd_notify(false, "STOPPING=1");
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void on_replayed(void *userdata, int error) {
        Daemon *daemon = userdata;

        if (error < 0)
                log_error_errno(error, "the recorded stream ends in something that is none: %m");
        else
                log_info("the recorded stream is at its end");
        (void) sd_event_exit(daemon->event, error < 0 ? 1 : 0);
}

static int add_signals(Daemon *daemon) {
        static const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGHUP, on_hangup },
                { SIGTERM, on_terminate },
                { SIGINT, on_terminate },
        };
        sigset_t set;
        int r;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&set, signals[i].signal);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        /* A client or a worker that goes away is an error code, not a signal. */
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(daemon->event, NULL, signals[i].signal, signals[i].handler, daemon);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int engine_build(Daemon *daemon, const DaemonOptions *options, int worker_fd) {
        const EngineOptions engine_options = {
                .worker_socket = worker_fd >= 0 || options->replay_path ? NULL : options->worker_socket,
                .worker_fd = worker_fd,
                .policy = {
                        .root_directory = options->policy_root,
                        .check_ownership = true,
                        .owner = 0,
                },
                .record_path = options->record_path,
                .replay_path = options->replay_path,
                .on_replayed = on_replayed,
                .userdata = daemon,
        };
        const EngineObserver observer = {
                .on_filesystem = on_filesystem,
                .on_filesystem_gone = on_filesystem,
                .on_policy = on_policy,
                .on_worker = on_worker,
                .on_complete = on_complete,
                .userdata = daemon,
        };
        int r;

        r = engine_new(daemon->event, &engine_options, &daemon->engine);
        if (r < 0)
                return r;
        r = journal_record_new(daemon->engine, &daemon->journal);
        if (r < 0)
                return r;
        if (!options->has_no_bus) {
                r = bus_server_new(daemon->event, daemon->engine, NULL, &daemon->bus);
                if (r < 0)
                        return log_error_errno(r, "bus: cannot be set up: %m");
        }
        return engine_add_observer(daemon->engine, &observer);
}

static int daemon_build(Daemon *daemon, const DaemonOptions *options, int worker_fd) {
        int r;

        r = sd_event_default(&daemon->event);
        if (r < 0)
                return log_error_errno(r, "cannot make an event loop: %m");
        r = add_signals(daemon);
        if (r < 0)
                return log_error_errno(r, "cannot take signals: %m");
        /* Served by the loop itself: a loop that stands still is what the watchdog is for. */
        r = sd_event_set_watchdog(daemon->event, true);
        if (r < 0)
                return log_error_errno(r, "cannot serve the watchdog: %m");

        r = engine_build(daemon, options, worker_fd);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(daemon->event, &daemon->ready_timer, CLOCK_MONOTONIC, READY_DEADLINE_USEC,
                                       USEC_PER_SEC, on_ready_deadline, daemon);
        if (r < 0)
                return log_error_errno(r, "cannot set a timer: %m");
        return engine_start(daemon->engine);
}

int daemon_run(const DaemonOptions *options, int worker_fd) {
        Daemon daemon = {};
        int r;

        r = daemon_build(&daemon, options, worker_fd);
        if (r >= 0) {
                r = sd_event_loop(daemon.event);
                if (r < 0)
                        log_error_errno(r, "the event loop broke: %m");
        }

        engine_free(daemon.engine);
        bus_server_free(daemon.bus);
        journal_record_free(daemon.journal);
        sd_event_source_disable_unref(daemon.ready_timer);
        sd_event_unref(daemon.event);
        return r < 0 ? 1 : r;
}
