/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One timer serves what waits and the newest status, another one the watchdog.
 */

#include "src/daemon/manager-line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/notify.h"
#include "src/basic/text.h"

/* Doubling while it does not read; short while it has more to read than its queue takes at once. */
#define AGAIN_MIN_USEC (20 * USEC_PER_MSEC)
#define AGAIN_MAX_USEC USEC_PER_SEC
#define STATUS_PAUSE_USEC USEC_PER_SEC
#define STATUS_SIZE 512

typedef struct Waiting {
        STAILQ_ENTRY(Waiting) entries;
        int fd;
        char text[];
} Waiting;

static struct {
        sd_event *event;
        sd_event_source *timer;         /* runs while something waits, and for a second after each status */
        sd_event_source *watchdog;
        uint64_t again_usec;
        uint64_t watchdog_usec;
        STAILQ_HEAD(, Waiting) waiting;
        size_t n_waiting;
        uint64_t n_dropped;
        bool is_failure_said;
        bool is_status_due;
        char status[STATUS_SIZE];
} line = {
        .waiting = STAILQ_HEAD_INITIALIZER(line.waiting),
        .again_usec = AGAIN_MIN_USEC,
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void timer_start(uint64_t after_usec) {
        int enabled = SD_EVENT_OFF, r = 0;

        if (!line.event)
                return;
        if (!line.timer)
                r = sd_event_add_time_relative(line.event, &line.timer, CLOCK_MONOTONIC, after_usec,
                                               AGAIN_MIN_USEC, on_timer, NULL);
        else if (sd_event_source_get_enabled(line.timer, &enabled) >= 0 && enabled == SD_EVENT_OFF) {
                r = sd_event_source_set_time_relative(line.timer, after_usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(line.timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_error_errno(r, "systemd: cannot set a timer, what it did not read is told with the next news: %m");
}

/* Returns false if it has to be told again. What can never be told is said once and given up. */
static bool tell_now(const char *text, int fd) {
        int r;

        r = notify_send(text, fd);
        /* The kernel refuses further descriptors in flight with ETOOMANYREFS, and waits for a reader as well. */
        if (r == -EAGAIN || r == -ENOBUFS || r == -ETOOMANYREFS)
                return false;
        if (r < 0 && !line.is_failure_said) {
                log_warning_errno(r, "systemd cannot be told anything, a restart will lose what is queued: %m");
                line.is_failure_said = true;
        }
        return true;
}

static void waiting_free(Waiting *first) {
        STAILQ_REMOVE_HEAD(&line.waiting, entries);
        line.n_waiting--;
        close_fd(first->fd);
        free(first);
}

static void flush(void) {
        bool has_told = false;
        Waiting *first;

        while ((first = STAILQ_FIRST(&line.waiting))) {
                if (!tell_now(first->text, first->fd))
                        break;
                waiting_free(first);
                has_told = true;
        }
        if (line.is_status_due && STAILQ_EMPTY(&line.waiting) && tell_now(line.status, -EBADF))
                line.is_status_due = false;
        if (line.is_status_due || !STAILQ_EMPTY(&line.waiting)) {
                line.again_usec = has_told ? AGAIN_MIN_USEC : min_of(line.again_usec * 2, AGAIN_MAX_USEC);
                timer_start(line.again_usec);
                return;
        }
        if (line.n_dropped > 0)
                log_notice("systemd: reads again, %" PRIu64 " notifications had no place and are missing",
                           line.n_dropped);
        line.n_dropped = 0;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, _unused_ void *userdata) {
        flush();
        return 0;
}

static int on_watchdog(sd_event_source *source, _unused_ uint64_t usec, _unused_ void *userdata) {
        uint64_t next_usec = line.watchdog_usec / 2;
        int r;

        /* One that is not read counts for nothing, so it is not queued but sent anew. */
        if (!tell_now("WATCHDOG=1", -EBADF))
                next_usec = min_of(next_usec, AGAIN_MAX_USEC);
        r = sd_event_source_set_time_relative(source, next_usec);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int watchdog_start(void) {
        int r;

        r = sd_watchdog_enabled(false, &line.watchdog_usec);
        if (r <= 0)
                return r;
        r = sd_event_add_time_relative(line.event, &line.watchdog, CLOCK_MONOTONIC, 0, line.watchdog_usec / 8,
                                       on_watchdog, NULL);
        if (r < 0)
                return r;
        /* Before the monitors, which have enough to say in a storm. */
        return sd_event_source_set_priority(line.watchdog, SD_EVENT_PRIORITY_IMPORTANT - 1);
}

int manager_line_open(sd_event *event) {
        line.event = sd_event_ref(event);
        if (!STAILQ_EMPTY(&line.waiting))
                timer_start(AGAIN_MIN_USEC);
        return watchdog_start();
}

void manager_line_close(void) {
        Waiting *first;

        if (line.n_waiting > 0)
                log_warning("systemd: %zu notifications were not read", line.n_waiting);
        while ((first = STAILQ_FIRST(&line.waiting)))
                waiting_free(first);
        line.timer = sd_event_source_disable_unref(line.timer);
        line.watchdog = sd_event_source_disable_unref(line.watchdog);
        line.event = sd_event_unref(line.event);
        line.is_status_due = false;
}

static void drop(void) {
        if (line.n_dropped++ == 0)
                log_warning("systemd: does not read, %zu notifications wait, what comes now is not told",
                            line.n_waiting);
}

void manager_line_tell(const char *text, int fd) {
        size_t length = strlen(text);
        Waiting *waiting;

        if (STAILQ_EMPTY(&line.waiting) && tell_now(text, fd))
                return;
        waiting = line.n_waiting < MANAGER_QUEUE_MAX ? malloc(sizeof(*waiting) + length + 1) : NULL;
        if (!waiting) {
                drop();
                return;
        }
        waiting->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -EBADF;
        if (fd >= 0 && waiting->fd < 0) {
                free(waiting);
                drop();
                return;
        }
        memcpy(waiting->text, text, length + 1);
        STAILQ_INSERT_TAIL(&line.waiting, waiting, entries);
        line.n_waiting++;
        timer_start(line.again_usec);
}

void manager_line_tell_status(const char *text) {
        char status[STATUS_SIZE] = "";

        (void) text_append_format(status, sizeof(status), "STATUS=%s", text);
        if (text_equal(status, line.status))
                return;
        memcpy(line.status, status, sizeof(line.status));
        line.is_status_due = true;
        /* Not at once: it makes systemd tell the whole bus, and the processor is wanted for what the news is about. */
        if (!line.event)
                flush();
        timer_start(STATUS_PAUSE_USEC);
}
