/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start-up, what is said to healerd, and the end. What is asked by healerd stands in requests.c.
 */

#include "src/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/notify.h"
#include "src/basic/text.h"
#include "src/basic/zone.h"
#include "src/worker/attach.h"
#include "src/worker/hold.h"
#include "src/worker/process.h"
#include "src/worker/start-unit.h"
#include "src/worker/survey.h"
#include "src/worker/workload-freeze.h"

/* Children get this long to end, and the disk to take the last records. */
#define STOP_USEC (5 * USEC_PER_SEC)

/* Saying */

void worker_say(Worker *worker, const WorkerMessage *message, int fd) {
        if (connection_is_ready(worker->connection))
                (void) connection_send(worker->connection, message, fd);
}

static void say_mount(Worker *worker, WorkerMessageType type, const Superblock *superblock, const Mount *mount) {
        WorkerMessage message = {};

        worker_message_init(&message, type);
        mount_fill_message(superblock, mount, &message.mount);
        worker_say(worker, &message, -EBADF);
}

void worker_say_superblock(Worker *worker, Superblock *superblock, int monitor_fd) {
        bool is_anew = !superblock->is_said;
        uint64_t hash;
        Mount *mount;

        if (!connection_is_ready(worker->connection))
                return;

        hash = superblock_facts_hash(superblock);
        if (!superblock->is_said || monitor_fd >= 0 || superblock->said_hash != hash) {
                WorkerMessage message = {};

                worker_message_init(&message, WORKER_FILESYSTEM);
                message.filesystem = superblock->facts;
                worker_say(worker, &message, monitor_fd);
                superblock->said_hash = hash;
                superblock->is_said = true;
        }

        TAILQ_FOREACH(mount, &superblock->mounts, entry)
                if (is_anew || !mount->is_said) {
                        say_mount(worker, WORKER_MOUNT_ADDED, superblock, mount);
                        mount->is_said = true;
                }
}

void worker_check_listed(Worker *worker) {
        const Superblock *superblock;
        WorkerMessage message = {};

        if (worker->is_list_said || !worker->may_attach)
                return;

        TAILQ_FOREACH(superblock, &worker->superblocks, entry)
                if (superblock->n_mounts > 0 && superblock->n_stuck == 0 && superblock->attach_stage != ATTACH_TRIED)
                        return;

        worker_message_init(&message, WORKER_MOUNTS_LISTED);
        worker_say(worker, &message, -EBADF);
        worker->is_list_said = true;
        scan_watch_tell(worker->scan_watch);
}

void worker_forget_unused(Worker *worker, Superblock *superblock) {
        if (superblock_is_unused(superblock))
                superblock_free(&worker->superblocks, superblock);
}

static bool is_place_of_interest(const Worker *worker, const char *mount_point) {
        return text_equal(mount_point, "/") || text_equal(mount_point, "/usr") ||
               text_starts_with(worker->options.state_dir, mount_point);
}

/* Mounts */

static void on_mount_gone(const MountInfo *before, void *userdata) {
        Worker *worker = userdata;
        Superblock *superblock;
        Mount *mount;

        mount = superblock_find_mount(&worker->superblocks, before->mount_id, &superblock);
        if (!mount)
                return;

        if (mount->is_said)
                say_mount(worker, WORKER_MOUNT_GONE, superblock, mount);
        superblock_remove_mount(superblock, mount);
        if (superblock->n_mounts == 0) {
                superblock->retry_source = sd_event_source_disable_unref(superblock->retry_source);
                superblock->holder_source = sd_event_source_disable_unref(superblock->holder_source);
                superblock->is_said = false;
                /* healerd drops it with the last mount: what is mounted next may be another superblock. */
                superblock_drop_error_watch(superblock);
                memset(superblock->n_old_told, 0, sizeof(superblock->n_old_told));
                survey_stop(worker, superblock);
        }

        worker_forget_unused(worker, superblock);
        worker_check_listed(worker);
        if (is_place_of_interest(worker, before->mount_point))
                worker_find_places(worker);
}

/* Moved or changed: it is said again under its number. healerd must not hear that it went, because the last mount of
 * what has no monitor is its end. */
static void unsay_if_changed(Worker *worker, const MountInfo *info) {
        Superblock *superblock;
        Mount *mount;

        mount = superblock_find_mount(&worker->superblocks, info->mount_id, &superblock);
        if (mount && (!text_equal(mount->mount_point, info->mount_point) || mount->is_read_only != info->is_read_only))
                mount->is_said = false;
}

static void on_mounted(const MountInfo *info, void *userdata) {
        Worker *worker = userdata;
        Superblock *superblock;
        MountNews news;
        Mount *mount;

        unsay_if_changed(worker, info);
        if (superblock_add_mount(&worker->superblocks, info, &superblock, &mount, &news) < 0) {
                log_error("%s: no memory to take this mount in, it is not watched", info->mount_point);
                return;
        }
        superblock->worker = worker;
        superblock->facts.is_read_only = info->is_superblock_read_only ? TRISTATE_YES : TRISTATE_NO;

        if (news == MOUNT_NEWS_FIRST) {
                superblock->mounted_usec = worker->is_serving ? clock_monotonic_usec() : 0;
                superblock->n_attempts = 0;
                superblock->retry_delay_usec = 0;
                attach_want(worker, superblock);
        } else if (superblock->attach_stage == ATTACH_TRIED) {
                worker_say_superblock(worker, superblock, -EBADF);
                if (news == MOUNT_NEWS_FURTHER && superblock->facts.monitor_state == MONITOR_FAILED)
                        attach_want(worker, superblock);
        }

        if (news != MOUNT_NEWS_NONE && is_place_of_interest(worker, info->mount_point))
                worker_find_places(worker);
}

/* Unmounted and mounted again between two looks: kernels that name a mount by a number that is used again show no
 * difference. A monitor ends with a word of its own, the mark of an error watch vanishes. */
static void on_listed(void *userdata) {
        Worker *worker = userdata;
        Superblock *superblock;

        TAILQ_FOREACH(superblock, &worker->superblocks, entry) {
                Mount *mount;

                if (!superblock_is_another(superblock))
                        continue;
                TAILQ_FOREACH(mount, &superblock->mounts, entry) {
                        if (mount->is_said)
                                say_mount(worker, WORKER_MOUNT_GONE, superblock, mount);
                        mount->is_said = false;
                }
                superblock->is_said = false;
                superblock_drop_error_watch(superblock);
                memset(superblock->n_old_told, 0, sizeof(superblock->n_old_told));
                attach_want(worker, superblock);
        }
}

static const MountDiffCalls mount_calls = {
        .on_gone = on_mount_gone,
        .on_mounted = on_mounted,
        .on_listed = on_listed,
};

/* The line */

static void say_intent(const Intent *intent, void *userdata) {
        WorkerMessage message = {};
        Worker *worker = userdata;

        /* What ended is told as a result. */
        if (intent->state == INTENT_DONE || intent->state == INTENT_FAILED)
                return;

        worker_message_init(&message, WORKER_INTENT_LEFT);
        intent_fill_message(intent, worker->kernel_release, &message.intent);
        worker_say(worker, &message, -EBADF);
}

/* True if the file we were started from was replaced: the next start brings the newer program. */
static bool is_replaced(void) {
        char target[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", target, sizeof(target) - 1);

        if (length < 0)
                return false;

        target[length] = 0;
        return text_ends_with(target, " (deleted)");
}

static int on_hello(const WorkerHello *hello, void *userdata) {
        WorkerMessage message = {};
        Worker *worker = userdata;

        if (!text_equal(hello->program_version, PACKAGE_VERSION) && is_replaced()) {
                log_notice("healerd is version %s, this worker %s was replaced: making room for the new one as "
                           "soon as idle",
                           hello->program_version, PACKAGE_VERSION);
                worker->wants_restart = true;
                if (child_table_count(worker->children) == 0)
                        return -ESHUTDOWN;
        }

        attach_reset(worker);
        worker->may_attach = false;
        worker->is_list_said = false;

        worker_message_init(&message, WORKER_HELLO_REPLY);
        (void) text_copy(message.hello_reply.program_version, sizeof(message.hello_reply.program_version),
                         PACKAGE_VERSION);
        (void) text_copy(message.hello_reply.kernel_release, sizeof(message.hello_reply.kernel_release),
                         worker->kernel_release);
        message.hello_reply.watches_by = mount_watch_kind(worker->mount_watch);
        message.hello_reply.oops_count = child_table_oops_count(worker->children);
        worker_say(worker, &message, -EBADF);
        worker_say_machine(worker);

        intents_each(worker->intents, say_intent, worker);
        hold_say_all(worker);
        job_say_results(worker);
        log_info("serving healerd %s (pid %d)", hello->program_version,
                 (int) connection_peer_pid(worker->connection));
        return 0;
}

static int on_message(const WorkerMessage *message, int taken_fd, void *userdata) {
        return worker_handle_message(userdata, message, taken_fd);
}

static void on_line_end(void *userdata) {
        Worker *worker = userdata;

        worker->may_attach = false;
        survey_stop(worker, NULL);
        if (worker->is_only_line)
                worker_stop(worker);
}

static void on_other_version(void *userdata) {
        Worker *worker = userdata;

        worker->wants_restart = worker->wants_restart || is_replaced();
}

static const ConnectionCalls connection_calls = {
        .on_hello = on_hello,
        .on_message = on_message,
        .on_end = on_line_end,
        .on_other_version = on_other_version,
};

/* The name appears when the socket listens already, and one left by an earlier run is replaced. */
static int listen_on_path(const char *path) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (text_append_format(address.sun_path, sizeof(address.sun_path), "%s.new", path) < 0)
                return -ENAMETOOLONG;

        fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (unlink(address.sun_path) < 0 && errno != ENOENT)
                return -errno;
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || chmod(address.sun_path, 0600) < 0 ||
            listen(fd, SOMAXCONN) < 0 || rename(address.sun_path, path) < 0)
                return -errno;

        return steal_fd(&fd);
}

static int open_line(Worker *worker) {
        int fd, n;

        if (worker->options.connection_fd >= 0) {
                worker->is_only_line = true;
                return connection_serve(worker->connection, worker->options.connection_fd);
        }
        if (worker->options.listen_path) {
                fd = listen_on_path(worker->options.listen_path);
                return fd < 0 ? fd : connection_listen(worker->connection, fd);
        }

        n = sd_listen_fds(true);
        if (n < 0)
                return n;
        if (n != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
                return -ENOTSOCK;

        return connection_listen(worker->connection, SD_LISTEN_FDS_START);
}

/* Once it is known what was left, where we stand, and what time people have, and not before. */
void worker_begin_serving(Worker *worker) {
        int r;

        if (worker->is_serving || !worker->is_intents_loaded || !worker->is_places_tried || !worker->is_zone_tried)
                return;

        worker->is_serving = true;
        r = open_line(worker);
        if (r < 0) {
                log_error_errno(r, "nothing to serve: start through healer-worker.socket, --connection-fd or "
                                   "--listen: %m");
                (void) sd_event_exit(worker->event, r);
                return;
        }

        /* systemd waits for this one: a worker that nobody knows to be ready serves nobody for long. */
        if (notify_send("READY=1", -EBADF) < 0)
                (void) sd_notify(false, "READY=1");
}

static void keep_left_result(const Intent *intent, void *userdata) {
        if (intent->state == INTENT_DONE || intent->state == INTENT_FAILED)
                job_keep_left_result(userdata, intent);
        else if (intent->state == INTENT_OPEN)
                log_notice("pid %d, left behind by an earlier worker, still repairs %s (job %" PRIu64 ")",
                           intent->pid, structure_to_name(intent->target.structure), intent->job_id);
        else if (intent->state == INTENT_BANNED)
                log_notice("a repair of %s that never ended on kernel %s is not tried again there; to allow it: "
                           HEALER_LIBEXECDIR "/healer-worker --forget-intent=%" PRIu64,
                           structure_to_name(intent->target.structure), intent->kernel_release, intent->job_id);
}

static void on_intents_loaded(void *userdata) {
        Worker *worker = userdata;

        worker->is_intents_loaded = true;
        intents_each(worker->intents, keep_left_result, worker);
        worker_begin_serving(worker);
}

static void on_left_ended(const Intent *intent, void *userdata) {
        say_intent(intent, userdata);
}

static const IntentsCalls intents_calls = {
        .on_loaded = on_intents_loaded,
        .on_left_ended = on_left_ended,
};

/* Begin and end */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void) source;
        (void) info;

        worker_stop(userdata);
        return 0;
}

static int on_stop_time(sd_event_source *source, uint64_t usec, void *userdata) {
        Worker *worker = userdata;

        (void) source;
        (void) usec;

        log_warning("leaving with %zu children that did not end", child_table_count(worker->children));
        return sd_event_exit(worker->event, 0);
}

/* After every event: is there anything left to wait for? */
static int on_after_event(sd_event_source *source, void *userdata) {
        Worker *worker = userdata;
        size_t n_under_way = child_table_count(worker->children);

        (void) source;

        if (worker->is_leaving)
                n_under_way -= child_table_count_stuck(worker->children);
        else if (!worker->wants_restart)
                return 0;

        return n_under_way > 0 || !intents_are_settled(worker->intents) ? 0 : sd_event_exit(worker->event, 0);
}

void worker_stop(Worker *worker) {
        if (worker->is_leaving)
                return;

        worker->is_leaving = true;
        (void) notify_send("STOPPING=1", -EBADF);
        child_table_stop_all(worker->children);
        if (sd_event_add_time_relative(worker->event, &worker->stop_source, CLOCK_MONOTONIC, STOP_USEC, 0,
                                       on_stop_time, worker) < 0)
                (void) sd_event_exit(worker->event, 0);
}

static int watch_signals(Worker *worker) {
        sigset_t signals;
        int r;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
                return -errno;
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;

        r = sd_event_add_signal(worker->event, &worker->term_source, SIGTERM, on_signal, worker);
        if (r < 0)
                return r;

        return sd_event_add_signal(worker->event, &worker->interrupt_source, SIGINT, on_signal, worker);
}

/* Served by the loop itself: a loop that stands still is what the watchdog is for. Before the mount news, which may be
 * many. */
static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata) {
        const Worker *worker = userdata;
        uint64_t next_usec = worker->watchdog_usec / 2;
        int r;

        (void) usec;

        if (notify_send("WATCHDOG=1", -EBADF) < 0)
                next_usec = min_of(next_usec, USEC_PER_SEC);
        r = sd_event_source_set_time_relative(source, next_usec);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int watchdog_start(Worker *worker) {
        int r;

        r = sd_watchdog_enabled(false, &worker->watchdog_usec);
        if (r <= 0)
                return r;
        r = sd_event_add_time_relative(worker->event, &worker->watchdog_source, CLOCK_MONOTONIC, 0,
                                       worker->watchdog_usec / 8, on_watchdog, worker);
        if (r < 0)
                return r;
        return sd_event_source_set_priority(worker->watchdog_source, SD_EVENT_PRIORITY_IMPORTANT - 1);
}

static int know_kernel(Worker *worker) {
        struct utsname names;

        if (uname(&names) < 0)
                return -errno;

        (void) text_copy(worker->kernel_release, sizeof(worker->kernel_release), names.release);
        return kernel_version_running(&worker->kernel);
}

int worker_new(const WorkerOptions *options, Worker **ret_worker) {
        _cleanup_(worker_free_at) Worker *worker = NULL;
        int r;

        worker = calloc(1, sizeof(*worker));
        if (!worker)
                return -ENOMEM;
        worker->options = *options;
        TAILQ_INIT(&worker->superblocks);
        job_table_init(&worker->jobs);
        worker->place_fd = -EBADF;
        worker->kmsg_fd = open("/dev/kmsg", O_WRONLY|O_NONBLOCK|O_CLOEXEC);

        r = know_kernel(worker);
        if (r < 0)
                return r;
        r = sd_event_default(&worker->event);
        if (r < 0)
                return r;
        r = watch_signals(worker);
        if (r < 0)
                return r;
        r = watchdog_start(worker);
        if (r < 0)
                return r;
        r = sd_event_add_post(worker->event, &worker->post_source, on_after_event, worker);
        if (r < 0)
                return r;

        worker->children = child_table_new(worker->event);
        if (!worker->children)
                return -ENOMEM;
        r = connection_new(worker->event, options->peer_uid, &connection_calls, worker, &worker->connection);
        if (r < 0)
                return r;
        r = intents_new(worker->event, worker->children, options->state_dir, worker->kernel_release,
                        &intents_calls, worker, &worker->intents);
        if (r < 0)
                return r;
        r = zone_watch_new(worker->event, worker->children, ZONE_OF_MACHINE, &worker_zone_calls, worker,
                           &worker->zone_watch);
        if (r < 0)
                return r;
        r = power_watch_new(worker->event, worker_say_power, worker, &worker->power_watch);
        if (r < 0)
                return r;
        r = scan_watch_new(worker->event, worker->children, &worker->superblocks, &worker_scan_calls, worker,
                           &worker->scan_watch);
        if (r < 0)
                return r;
        r = mount_watch_new(worker->event, options->no_fanotify, &mount_calls, worker, &worker->mount_watch);
        if (r < 0)
                return r;

        *ret_worker = steal_ptr(worker);
        return 0;
}

Worker *worker_free(Worker *worker) {
        if (!worker)
                return NULL;

        if (worker->options.listen_path && worker->is_serving)
                (void) unlink(worker->options.listen_path);
        mount_watch_free(worker->mount_watch);
        zone_watch_free(worker->zone_watch);
        power_watch_free(worker->power_watch);
        scan_watch_free(worker->scan_watch);
        hold_clear(worker);
        thaw_clear(worker);
        job_table_clear(&worker->jobs);
        superblock_table_clear(&worker->superblocks);
        intents_free(worker->intents);
        connection_free(worker->connection);
        child_table_free(worker->children);
        sd_event_source_disable_unref(worker->stop_source);
        sd_event_source_disable_unref(worker->post_source);
        sd_event_source_disable_unref(worker->term_source);
        sd_event_source_disable_unref(worker->interrupt_source);
        sd_event_source_disable_unref(worker->watchdog_source);
        sd_event_unref(worker->event);
        close_fd(worker->kmsg_fd);
        close_fd(worker->place_fd);
        free(worker);
        return NULL;
}

int worker_run(Worker *worker) {
        int r;

        process_log_left_over();

        r = mount_watch_list(worker->mount_watch);
        if (r < 0)
                return log_error_errno(r, "cannot list mounts: %m");

        worker_find_places(worker);
        zone_watch_look(worker->zone_watch);
        start_unit_adopt(worker);
        hold_adopt(worker);
        thaw_adopt(worker);
        r = intents_load(worker->intents);
        if (r < 0)
                return log_error_errno(r, "cannot start a child: %m");

        return sd_event_loop(worker->event);
}
