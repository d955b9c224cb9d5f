/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place that knows all parts: engine, journal, bus, signals, systemd.
 */

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <systemd/sd-event.h>

#include "src/basic/log.h"
#include "src/basic/message-ids.h"
#include "src/basic/text.h"
#include "src/bus/bus-server.h"
#include "src/daemon/daemon.h"
#include "src/daemon/descriptor-store.h"
#include "src/daemon/manager-line.h"
#include "src/engine/engine.h"
#include "src/notice/notice.h"
#include "src/record/history-link.h"
#include "src/record/history-observer.h"
#include "src/record/kept-state.h"
#include "src/record/journal-record.h"

/* Nobody who waits for us at boot waits longer than this, whatever the worker does. */
#define READY_DEADLINE_USEC (20 * USEC_PER_SEC)

typedef struct Daemon {
        sd_event *event;
        Engine *engine;
        BusServer *bus;
        JournalRecord *journal;
        StoredDescriptors stored;
        Notice *notice;                 /* as history */
        HistoryLink *history;           /* NULL while a recorded stream is replayed: that is no history */
        KeptState *state;               /* as that */
        sd_event_source *ready_timer;
        bool is_ready;
} Daemon;

static void tell_status(Daemon *daemon) {
        FilesystemTable *table = engine_filesystems(daemon->engine);
        unsigned n_watched = 0, n_sick = 0, n_unsupported = 0;
        char unsupported[64] = "", text[320] = "";

        for (Filesystem *f = NULL; (f = filesystem_table_next(table, f));) {
                n_watched += filesystem_is_watched(f);
                n_sick += f->conditions.n_items > 0;
                n_unsupported += f->monitor_state == MONITOR_UNSUPPORTED;
        }
        if (n_unsupported > 0)
                (void) snprintf(unsupported, sizeof(unsupported), ", %u for which this kernel has no monitor",
                                n_unsupported);
        (void) text_append_format(text, sizeof(text),
                                  "watching %u file systems, %u of them sick, %u not watched%s; policy %s%s", n_watched,
                                  n_sick, engine_n_unwatched(daemon->engine), unsupported,
                                  policy_hash(engine_policy(daemon->engine)),
                                  engine_worker_is_connected(daemon->engine) ? "" : "; no worker");
        manager_line_tell_status(text);
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
        manager_line_tell("READY=1", -EBADF);
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

static void on_policy(void *userdata, _unused_ const Policy *policy, _unused_ bool is_loaded,
                      _unused_ const char *problems) {
        on_filesystem(userdata, NULL);
}

static void on_worker(void *userdata, _unused_ bool is_connected) {
        on_filesystem(userdata, NULL);
}

static int on_hangup(_unused_ sd_event_source *source, _unused_ const struct signalfd_siginfo *info, void *userdata) {
        Daemon *daemon = userdata;

        manager_line_tell("RELOADING=1", -EBADF);
        /* What is wrong has been told to journal and bus, and the policy before it stays. */
        (void) engine_reload_policy(daemon->engine);
        manager_line_tell("READY=1", -EBADF);
        return 0;
}

static int on_terminate(sd_event_source *source, _unused_ const struct signalfd_siginfo *info,
                        _unused_ void *userdata) {
        manager_line_tell("STOPPING=1", -EBADF);
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

static void keep_monitor(_unused_ void *userdata, dev_t device_number, uint64_t number, int fd) {
        descriptor_store_keep_monitor(device_number, number, fd);
}

static void forget_monitor(_unused_ void *userdata, dev_t device_number, uint64_t number) {
        descriptor_store_forget_monitor(device_number, number);
}

static void keep_watch(_unused_ void *userdata, dev_t device_number, int fd) {
        descriptor_store_keep_error_watch(device_number, fd);
}

static void forget_watch(_unused_ void *userdata, dev_t device_number) {
        descriptor_store_forget_error_watch(device_number);
}

static_assert(ENGINE_STATE_KEY_SIZE == HISTORY_KEY_SIZE && ENGINE_STATE_VALUE_MAX == HISTORY_VALUE_MAX,
              "what the engine may keep is what the recorder takes");

static void put_state(void *userdata, const char *key, const void *value, size_t size_bytes) {
        Daemon *daemon = userdata;
        int r;

        r = kept_state_put(daemon->state, key, value, size_bytes);
        /* What finds no room was counted and said. */
        if (r < 0 && r != -ENOBUFS)
                log_warning_errno(r, "%s does not survive healerd: %m", key);
}

static void remove_state(void *userdata, const char *key) {
        Daemon *daemon = userdata;
        int r;

        r = kept_state_remove(daemon->state, key);
        if (r < 0 && r != -ENOBUFS)
                log_warning_errno(r, "%s may be there again after a restart: %m", key);
}

static void on_state(void *userdata, const char *key, const void *value, size_t size_bytes) {
        Daemon *daemon = userdata;

        /* What cannot be taken up was said. */
        if (notice_adopt(daemon->notice, key, value, size_bytes) == -ENOENT)
                (void) engine_adopt_state(daemon->engine, key, value, size_bytes);
}

static void on_state_loaded(void *userdata, _unused_ bool is_durable) {
        Daemon *daemon = userdata;

        engine_state_loaded(daemon->engine);
        notice_loaded(daemon->notice);
}

/* The line to the recorder, and what is kept over it. */
static int state_build(Daemon *daemon, const char *recorder_socket) {
        const KeptStateHandlers handlers = { on_state, on_state_loaded, daemon };
        int r;

        r = history_link_new(daemon->event, recorder_socket, &daemon->history);
        return r < 0 ? r : kept_state_new(daemon->event, daemon->history, &handlers, &daemon->state);
}

/* The ring of the healerd before us, or a new one. */
static int ring_build(Daemon *daemon, RecordRing **ret_ring) {
        size_t n_gone;
        int r;

        if (daemon->stored.ring_fd >= 0) {
                _cleanup_(free_at) uint64_t *numbers = calloc(daemon->stored.n_monitors + 1, sizeof(*numbers));

                if (!numbers)
                        return -ENOMEM;
                for (size_t i = 0; i < daemon->stored.n_monitors; i++)
                        numbers[i] = daemon->stored.monitors[i].number;

                r = record_ring_open(steal_fd(&daemon->stored.ring_fd), ret_ring);
                if (r >= 0) {
                        n_gone = record_ring_keep_only(*ret_ring, numbers, daemon->stored.n_monitors);
                        if (n_gone > 0)
                                log_warning("%zu events that an earlier healerd had read and not finished are dropped: "
                                            "their monitors are gone", n_gone);
                        return 0;
                }
                log_warning_errno(r, "what an earlier healerd had read and not finished cannot be taken up: %m");
                descriptor_store_forget_ring();
        }

        r = record_ring_new(ret_ring);
        if (r >= 0)
                descriptor_store_keep_ring(record_ring_fd(*ret_ring));
        return r;
}

/* In time for the worker's greeting, so that it does not ask for the monitors that we have. */
static void adopt(Daemon *daemon) {
        for (size_t i = 0; i < daemon->stored.n_monitors; i++) {
                StoredMonitor *monitor = daemon->stored.monitors + i;
                int r;

                r = engine_adopt_monitor(daemon->engine, steal_fd(&monitor->fd), monitor->device_number,
                                         monitor->number, monitor->is_alive);
                if (r < 0) {
                        log_error_errno(r, "a monitor that systemd kept cannot be used, it is opened anew: %m");
                        descriptor_store_forget_monitor(monitor->device_number, monitor->number);
                }
        }
        for (size_t i = 0; i < daemon->stored.n_error_watches; i++) {
                StoredErrorWatch *watch = daemon->stored.error_watches + i;
                int r;

                r = engine_adopt_error_watch(daemon->engine, steal_fd(&watch->fd), watch->device_number,
                                             watch->is_alive);
                if (r < 0) {
                        log_warning_errno(r, "an error watch that systemd kept cannot be used, it is opened anew: %m");
                        descriptor_store_forget_error_watch(watch->device_number);
                }
        }
        descriptor_store_done(&daemon->stored);
}

/* Everything that outlives this process, but for a recorded stream that is replayed. */
static int keepers_build(Daemon *daemon, const DaemonOptions *options, EngineOptions *engine_options) {
        int r;

        engine_options->keeper = (MonitorKeeper) {
                .keep = keep_monitor,
                .forget = forget_monitor,
                .keep_watch = keep_watch,
                .forget_watch = forget_watch,
        };
        engine_options->state_keeper = (StateKeeper) { put_state, remove_state, daemon };
        r = state_build(daemon, options->recorder_socket);
        if (r < 0)
                return log_error_errno(r, "cannot speak to the recorder: %m");
        r = ring_build(daemon, &engine_options->ring);
        if (r < 0)
                return log_error_errno(r, "cannot make a place for what is read: %m");
        return 0;
}

static int engine_build(Daemon *daemon, const DaemonOptions *options, int worker_fd) {
        EngineOptions engine_options = {
                .worker_socket = worker_fd >= 0 || options->replay_path ? NULL : options->worker_socket,
                .worker_fd = worker_fd,
                .policy = {
                        .root_directory = options->policy_root,
                        .check_ownership = true,
                        .owner = 0,
                },
                .record_path = options->record_path,
                .replay_path = options->replay_path,
                .boot_id = options->boot_id,
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

        if (!options->replay_path) {
                r = keepers_build(daemon, options, &engine_options);
                if (r < 0)
                        return r;
        }
        r = engine_new(daemon->event, &engine_options, &daemon->engine);
        if (r < 0)
                return r;
        r = journal_record_new(daemon->engine, &daemon->journal);
        if (r < 0)
                return r;
        if (daemon->history) {
                r = history_observer_add(daemon->engine, daemon->history);
                if (r < 0)
                        return r;
                r = notice_new(daemon->event, daemon->engine, &(NoticeStore) { put_state, remove_state, daemon },
                               &daemon->notice);
                if (r < 0)
                        return log_error_errno(r, "notifications: cannot be set up: %m");
        }
        if (!options->has_no_bus) {
                const BusServerOptions bus_options = {
                        .history = daemon->history ? history_link_reader(daemon->history) : (HistoryReader) {},
                        .notices = daemon->notice ? notice_reader(daemon->notice) : (NoticeReader) {},
                };

                r = bus_server_new(daemon->event, daemon->engine, &bus_options, &daemon->bus);
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
        r = manager_line_open(daemon->event);
        if (r < 0)
                return log_error_errno(r, "cannot serve the watchdog: %m");

        if (!options->replay_path) {
                r = descriptor_store_take(&daemon->stored);
                if (r < 0)
                        return log_error_errno(r, "cannot take over the descriptors that systemd kept: %m");
        }
        r = engine_build(daemon, options, worker_fd);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(daemon->event, &daemon->ready_timer, CLOCK_MONOTONIC, READY_DEADLINE_USEC,
                                       USEC_PER_SEC, on_ready_deadline, daemon);
        if (r < 0)
                return log_error_errno(r, "cannot set a timer: %m");
        r = engine_start(daemon->engine);
        if (r < 0)
                return r;
        adopt(daemon);
        return 0;
}

int daemon_run(const DaemonOptions *options, int worker_fd) {
        Daemon daemon = { .stored.ring_fd = -EBADF };
        int r;

        r = daemon_build(&daemon, options, worker_fd);
        if (r >= 0) {
                r = sd_event_loop(daemon.event);
                if (r < 0)
                        log_error_errno(r, "the event loop broke: %m");
        }

        descriptor_store_done(&daemon.stored);
        engine_free(daemon.engine);
        bus_server_free(daemon.bus);
        notice_free(daemon.notice);
        kept_state_free(daemon.state);
        history_link_free(daemon.history);
        journal_record_free(daemon.journal);
        sd_event_source_disable_unref(daemon.ready_timer);
        manager_line_close();
        sd_event_unref(daemon.event);
        return r < 0 ? 1 : r;
}
