/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line at a time, as healerd is one process; a new one takes the place of the old. Records that are there together
 * are one transaction, and are confirmed after it. Confirmed means that it outlives our processes; the kept state is
 * brought to the disk soon after, so that little of it is lost with the machine.
 */

#include "src/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/packet.h"
#include "src/basic/text.h"
#include "src/recorder/keeper.h"

/* Records taken in one transaction. */
#define BATCH_MAX 64
/* What healerd has not read: two of the largest queries, and the kept state. */
#define OUT_MAX (2 * HISTORY_QUERY_ROWS_MAX + HISTORY_KEPT_MAX + 64)
/* More than fits into a line. */
#define DRAIN_BATCHES_MAX 128
#define RETRY_MIN_USEC USEC_PER_SEC
#define RETRY_MAX_USEC (5 * USEC_PER_MINUTE)
/* Lines taken in within one second; whoever knocks more often waits. */
#define LINES_PER_SECOND 50

struct Recorder {
        sd_event *event;
        Keeper keeper;
        uid_t peer_uid;
        int listen_fd;
        sd_event_source *listen_source;
        int fd;
        bool is_only_line;              /* there is no way to get another one */
        bool is_greeted;
        sd_event_source *source;
        sd_event_source *retry_timer;
        uint64_t retry_usec;
        sd_event_source *sync_timer;    /* runs while something is not on the disk */
        uint64_t synced_usec;           /* boot time; 0: not yet */
        PacketQueue out;
        HistoryMessage *batch[BATCH_MAX];
};

static void line_close(Recorder *recorder) {
        recorder->source = sd_event_source_disable_unref(recorder->source);
        recorder->fd = close_fd(recorder->fd);
        recorder->is_greeted = false;
        packet_queue_clear(&recorder->out);
        if (recorder->is_only_line)
                (void) sd_event_exit(recorder->event, 0);
}

static int flush(Recorder *recorder) {
        int r;

        r = packet_queue_flush(&recorder->out, recorder->fd);
        /* A healerd that died may have told something before: reading finds the end of it. */
        if (r == -EPIPE) {
                packet_queue_clear(&recorder->out);
                r = 0;
        }
        if (r < 0 && r != -EAGAIN)
                return r;
        return sd_event_source_set_io_events(recorder->source, EPOLLIN | (r == -EAGAIN ? EPOLLOUT : 0));
}

static int queue(Recorder *recorder, const HistoryMessage *message) {
        int r;

        r = history_message_check(message, message->header.size_bytes);
        return r < 0 ? r : packet_queue_add(&recorder->out, message, message->header.size_bytes, -EBADF);
}

static int tell(Recorder *recorder, const HistoryMessage *message) {
        int r;

        r = queue(recorder, message);
        return r < 0 ? r : flush(recorder);
}

static int tell_state(Recorder *recorder) {
        HistoryMessage message;

        if (!recorder->is_greeted)
                return 0;
        history_message_init(&message, HISTORY_STATE);
        message.state = (HistoryState) {
                .place = recorder->keeper.place,
                .error = recorder->keeper.error,
                .n_lost = recorder->keeper.n_lost,
                .n_removed = recorder->keeper.n_removed,
        };
        return tell(recorder, &message);
}

typedef struct Answer {
        Recorder *recorder;
        uint32_t n_rows;
} Answer;

static int queue_row(void *userdata, const HistoryMessage *message) {
        Answer *answer = userdata;
        int r;

        r = queue(answer->recorder, message);
        if (r >= 0)
                answer->n_rows++;
        return r;
}

/* What is beyond the limit is of another version, and not to stand in the way of all others. */
static int queue_kept(void *userdata, const HistoryMessage *message) {
        return ((Answer *) userdata)->n_rows < HISTORY_KEPT_MAX ? queue_row(userdata, message) : 0;
}

/* All of it, so that healerd can tell what is missing here and what is too much. */
static int tell_kept(Recorder *recorder) {
        bool is_durable = recorder->keeper.place == HISTORY_PLACE_DISK;
        Answer answer = { .recorder = recorder };
        HistoryMessage end;
        int r;

        if (!recorder->is_greeted)
                return 0;
        r = keeper_each_kept(&recorder->keeper, queue_kept, &answer);
        if (r == -ENOBUFS)
                return r;
        history_message_init(&end, HISTORY_KEPT_END);
        end.kept_end = (HistoryKeptEnd) {
                .n_rows = answer.n_rows,
                .is_durable = is_durable && r >= 0,
                .error = r < 0 ? -r : 0,
        };
        return tell(recorder, &end);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void retry_later(Recorder *recorder) {
        int r;

        if (!recorder->retry_timer)
                r = sd_event_add_time_relative(recorder->event, &recorder->retry_timer, CLOCK_BOOTTIME,
                                               recorder->retry_usec, USEC_PER_SEC / 2, on_retry, recorder);
        else {
                r = sd_event_source_set_time_relative(recorder->retry_timer, recorder->retry_usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(recorder->retry_timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_error_errno(r, "cannot set a timer, the history stays in memory: %m");
        recorder->retry_usec = min_of(recorder->retry_usec * 2, RETRY_MAX_USEC);
}

static void place_changed(Recorder *recorder) {
        if (recorder->keeper.place == HISTORY_PLACE_MEMORY)
                retry_later(recorder);
        else
                recorder->retry_usec = RETRY_MIN_USEC;
}

/* After something that may have changed the place. Returns 0 or a negative errno, and the line is no good. */
static int tell_if_moved(Recorder *recorder, HistoryPlace before) {
        int r = 0;

        /* A folder that cannot be read is found out while it is told: memory is the next place, and the last. */
        while (r >= 0 && before != recorder->keeper.place) {
                before = recorder->keeper.place;
                place_changed(recorder);
                r = tell_state(recorder);
                if (r >= 0)
                        r = tell_kept(recorder);
        }
        return r;
}

static void sync_now(Recorder *recorder) {
        keeper_sync(&recorder->keeper);
        recorder->synced_usec = clock_boottime_usec();
}

static int on_sync(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Recorder *recorder = userdata;
        HistoryPlace before = recorder->keeper.place;

        recorder->sync_timer = sd_event_source_disable_unref(recorder->sync_timer);
        sync_now(recorder);
        if (tell_if_moved(recorder, before) < 0)
                line_close(recorder);
        return 0;
}

/* At once, but not more often than once in RECORDER_SYNC_USEC. */
static void sync_soon(Recorder *recorder) {
        uint64_t due_usec = recorder->synced_usec + RECORDER_SYNC_USEC;
        int r;

        if (recorder->sync_timer)
                return;
        if (recorder->synced_usec == 0 || clock_boottime_usec() >= due_usec) {
                sync_now(recorder);
                return;
        }
        r = sd_event_add_time(recorder->event, &recorder->sync_timer, CLOCK_BOOTTIME, due_usec, 1, on_sync, recorder);
        if (r < 0)
                sync_now(recorder);
}

static int on_retry(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Recorder *recorder = userdata;
        HistoryPlace before = recorder->keeper.place;

        if (keeper_retry(&recorder->keeper) == 0)
                retry_later(recorder);
        else
                sync_soon(recorder);
        if (tell_if_moved(recorder, before) < 0)
                line_close(recorder);
        return 0;
}

/* The newest serial among records that were taken; 0 without one. */
static uint64_t last_serial(const Recorder *recorder, size_t n, bool is_change) {
        for (size_t i = n; i > 0; i--) {
                const HistoryMessage *message = recorder->batch[i - 1];

                if ((message->header.type != HISTORY_RECORD) == is_change)
                        return is_change ? message->entry.serial : message->row.serial;
        }
        return 0;
}

static int confirm(Recorder *recorder, uint64_t row_serial, uint64_t change_serial) {
        HistoryMessage message;
        int r = 0;

        if (row_serial > 0) {
                history_message_init(&message, HISTORY_TAKEN);
                message.taken.serial = row_serial;
                r = tell(recorder, &message);
        }
        if (r >= 0 && change_serial > 0) {
                history_message_init(&message, HISTORY_CHANGED);
                message.changed = (HistoryChanged) { change_serial, recorder->keeper.n_refused };
                r = tell(recorder, &message);
        }
        return r;
}

static int take_records(Recorder *recorder, size_t n) {
        uint64_t row_serial = last_serial(recorder, n, false), change_serial = last_serial(recorder, n, true);
        HistoryPlace before = recorder->keeper.place;
        uint64_t n_gone = recorder->keeper.n_lost + recorder->keeper.n_removed;
        int r, r_told;

        if (n == 0)
                return 0;
        r = keeper_take(&recorder->keeper, (const HistoryMessage *const *) recorder->batch, n);
        if (r >= 0 && change_serial > 0)
                sync_soon(recorder);
        r_told = tell_if_moved(recorder, before);
        /* healerd keeps what is not confirmed and offers it again on the next line. */
        if (r < 0)
                return r;
        if (r_told >= 0 && before == recorder->keeper.place &&
            n_gone != recorder->keeper.n_lost + recorder->keeper.n_removed)
                r_told = tell_state(recorder);

        return r_told < 0 ? r_told : confirm(recorder, row_serial, change_serial);
}

static int answer_query(Recorder *recorder, const HistoryQuery *query) {
        HistoryPlace before = recorder->keeper.place;
        Answer answer = { .recorder = recorder };
        HistoryMessage end;
        int r;

        r = keeper_query(&recorder->keeper, query, queue_row, &answer);
        history_message_init(&end, HISTORY_END);
        end.end = (HistoryEnd) { .query_id = query->query_id, .n_rows = answer.n_rows, .error = r < 0 ? -r : 0 };
        r = tell_if_moved(recorder, before);
        return r < 0 ? r : tell(recorder, &end);
}

static int greet(Recorder *recorder, const HistoryMessage *message) {
        HistoryPlace before = recorder->keeper.place;
        HistoryMessage reply;
        int r;

        if (message->header.type != HISTORY_HELLO)
                return -EBADMSG;

        history_message_init(&reply, HISTORY_HELLO_REPLY);
        (void) text_copy(reply.hello.program_version, sizeof(reply.hello.program_version), HEALER_VERSION);
        reply.hello.last_serial = keeper_last_serial(&recorder->keeper);
        r = tell(recorder, &reply);
        if (r < 0)
                return r;
        recorder->is_greeted = true;
        r = tell_state(recorder);
        if (r < 0)
                return r;
        r = tell_kept(recorder);
        return r < 0 ? r : tell_if_moved(recorder, before);
}

static bool is_for_batch(const HistoryMessage *message) {
        return message->header.type == HISTORY_RECORD || message->header.type == HISTORY_PUT ||
               message->header.type == HISTORY_REMOVE;
}

static int take_message(Recorder *recorder, const HistoryMessage *message) {
        if (!recorder->is_greeted)
                return greet(recorder, message);
        if (message->header.type == HISTORY_QUERY)
                return answer_query(recorder, &message->query);
        return -EBADMSG;
}

/* Everything that is there now, up to a batch. */
static int receive(Recorder *recorder) {
        bool is_reset_seen = false;
        size_t n = 0;
        int r = 0, r_take;

        while (n < BATCH_MAX) {
                HistoryMessage *message = recorder->batch[n];

                r = history_message_receive(recorder->fd, message);
                /* Once for the peer's end, if it had not read everything; what it told comes behind that. */
                if (r == -ECONNRESET && !is_reset_seen) {
                        is_reset_seen = true;
                        continue;
                }
                if (r < 0)
                        break;
                if (recorder->is_greeted && is_for_batch(message)) {
                        n++;
                        continue;
                }
                /* A query sees what was told before it. The message lies behind the batch and stays as it is. */
                r = take_records(recorder, n);
                n = 0;
                if (r >= 0)
                        r = take_message(recorder, message);
                if (r < 0)
                        break;
        }

        /* What was told before the line broke is kept, too. */
        r_take = take_records(recorder, n);
        return r < 0 && r != -EAGAIN ? r : r_take;
}

static int on_line(_unused_ sd_event_source *source, _unused_ int fd, uint32_t revents, void *userdata) {
        Recorder *recorder = userdata;
        int r = 0;

        if (revents & EPOLLOUT)
                r = flush(recorder);
        if (r >= 0 && revents & (EPOLLIN|EPOLLHUP|EPOLLERR))
                r = receive(recorder);
        if (r >= 0)
                return 0;

        if (r == -ECONNRESET || r == -EPIPE)
                log_info("healerd left");
        else if (r == -EPROTONOSUPPORT) {
                HistoryMessage reply;

                log_notice("healerd is of another version, ending its line");
                history_message_init(&reply, HISTORY_HELLO_REPLY);
                (void) history_message_send(recorder->fd, &reply);
        } else
                log_warning_errno(r, "ending the line to healerd: %m");
        line_close(recorder);
        return 0;
}

static int check_peer(Recorder *recorder, int fd) {
        struct ucred peer;
        socklen_t length = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
                return -errno;
        if (peer.uid != 0 && (recorder->peer_uid == (uid_t) -1 || peer.uid != recorder->peer_uid))
                return log_warning_errno(EPERM, "refusing pid %d of user %u: %m", (int) peer.pid, (unsigned) peer.uid);
        return 0;
}

/* What healerd has told and nobody read: the one before this one, if we hung meanwhile, or the last words before we
 * end. */
static void drain(Recorder *recorder) {
        for (unsigned i = 0; i < DRAIN_BATCHES_MAX && recorder->is_greeted; i++)
                if (receive(recorder) < 0)
                        return;
}

/* Takes @fd. */
static int serve(Recorder *recorder, int taken_fd) {
        _cleanup_(close_fd_at) int fd = taken_fd;
        int r;

        r = check_peer(recorder, fd);
        if (r < 0)
                return r;
        drain(recorder);
        line_close(recorder);
        r = sd_event_add_io(recorder->event, &recorder->source, fd, EPOLLIN, on_line, recorder);
        if (r < 0)
                return log_error_errno(r, "cannot listen to healerd: %m");
        recorder->fd = steal_fd(&fd);
        return 0;
}

static int on_listen(_unused_ sd_event_source *source, int listen_fd, _unused_ uint32_t revents, void *userdata) {
        int fd;

        fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);
        if (fd >= 0)
                (void) serve(userdata, fd);
        else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
                log_warning_errno(errno, "cannot take in a line: %m");
        return 0;
}

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(close_fd_at) int fd = -EBADF;

        if (text_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
                return -ENAMETOOLONG;
        fd = socket(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void) unlink(path);
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 8) < 0)
                return -errno;
        return steal_fd(&fd);
}

static int set_up_line(Recorder *recorder, const RecorderOptions *options) {
        int r;

        if (options->connection_fd >= 0) {
                int flags = fcntl(options->connection_fd, F_GETFL);

                if (flags < 0 || fcntl(options->connection_fd, F_SETFL, flags|O_NONBLOCK) < 0 ||
                    fcntl(options->connection_fd, F_SETFD, FD_CLOEXEC) < 0)
                        return -errno;
                r = serve(recorder, options->connection_fd);
                recorder->is_only_line = true;
                return r;
        }

        if (options->listen_path)
                recorder->listen_fd = listen_at(options->listen_path);
        else if (sd_listen_fds(true) == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, NULL, 0) > 0)
                recorder->listen_fd = SD_LISTEN_FDS_START;
        else
                return log_error_errno(ENOTSOCK, "systemd gave no socket, and --listen= was not given: %m");
        if (recorder->listen_fd < 0)
                return recorder->listen_fd;

        if (fcntl(recorder->listen_fd, F_SETFL, O_NONBLOCK|fcntl(recorder->listen_fd, F_GETFL)) < 0)
                return -errno;
        r = sd_event_add_io(recorder->event, &recorder->listen_source, recorder->listen_fd, EPOLLIN, on_listen,
                            recorder);
        if (r < 0)
                return r;
        return sd_event_source_set_ratelimit(recorder->listen_source, USEC_PER_SEC, LINES_PER_SECOND);
}

static int on_terminate(sd_event_source *source, _unused_ const struct signalfd_siginfo *info, void *userdata) {
        drain(userdata);
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int set_up_signals(Recorder *recorder) {
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        /* A line that ends and a file that may not grow are error codes, not signals. */
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
                return -errno;
        r = sd_event_add_signal(recorder->event, NULL, SIGTERM, on_terminate, recorder);
        return r < 0 ? r : sd_event_add_signal(recorder->event, NULL, SIGINT, on_terminate, recorder);
}

int recorder_new(const RecorderOptions *options, Recorder **ret_recorder) {
        _cleanup_(recorder_free_at) Recorder *recorder = calloc(1, sizeof(*recorder));
        int r;

        if (!recorder)
                return -ENOMEM;
        *recorder = (Recorder) {
                .keeper = {
                        .folder = options->folder,
                        .disk_limits = { options->n_rows_max, options->age_max_usec, HISTORY_KEPT_MAX,
                                         options->size_max_bytes },
                        .memory_limits = { min_of(options->n_rows_max, (uint64_t) RECORDER_MEMORY_ROWS_MAX),
                                           options->age_max_usec, HISTORY_KEPT_MAX, 0 },
                },
                .peer_uid = options->peer_uid,
                .listen_fd = -EBADF,
                .fd = -EBADF,
                .retry_usec = RETRY_MIN_USEC,
        };
        packet_queue_init(&recorder->out, OUT_MAX, /* keeps_sent= */ false);
        for (size_t i = 0; i < BATCH_MAX; i++) {
                recorder->batch[i] = malloc(sizeof(HistoryMessage));
                if (!recorder->batch[i])
                        return -ENOMEM;
        }

        r = sd_event_new(&recorder->event);
        if (r < 0)
                return r;
        r = set_up_signals(recorder);
        if (r < 0)
                return r;
        r = keeper_open(&recorder->keeper);
        if (r < 0)
                return r;
        place_changed(recorder);
        r = set_up_line(recorder, options);
        if (r < 0)
                return r;

        *ret_recorder = steal_ptr(recorder);
        return 0;
}

int recorder_run(Recorder *recorder) {
        return sd_event_loop(recorder->event);
}

Recorder *recorder_free(Recorder *recorder) {
        if (!recorder)
                return NULL;

        recorder->is_only_line = false;
        line_close(recorder);
        sd_event_source_disable_unref(recorder->listen_source);
        sd_event_source_disable_unref(recorder->retry_timer);
        sd_event_source_disable_unref(recorder->sync_timer);
        close_fd(recorder->listen_fd);
        keeper_close(&recorder->keeper);
        for (size_t i = 0; i < BATCH_MAX; i++)
                free(recorder->batch[i]);
        sd_event_unref(recorder->event);
        free(recorder);
        return NULL;
}
