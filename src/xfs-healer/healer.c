/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop: reads the monitor to its end, whatever else goes on, and leaves in order.
 */

#include "src/xfs-healer/healer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kernel/health-monitor.h"
#include "kernel/health-record.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* Whoever mounts may be about to unmount again: what is known already is asked for later. */
#define SURVEY_AFTER_USEC USEC_PER_SEC

/* The kernel reports a loss with the next record that it can queue; when none comes for so long it is asked. */
#define QUIET_USEC USEC_PER_SEC

/* For children to end, for their records and the last lines to be written. */
#define LEAVE_USEC (8 * USEC_PER_SEC)
#define LEAVE_LOOK_USEC (20 * USEC_PER_MSEC)

static char *with_mount_point(const Healer *healer, const char *text, char buffer[static EVENT_TEXT_SIZE]) {
        const char *mount_point = healer->options.mount_point;

        buffer[0] = '\0';
        (void) text_append_escaped(buffer, EVENT_TEXT_SIZE / 2, mount_point, strlen(mount_point));
        (void) text_append_format(buffer, EVENT_TEXT_SIZE, ": %s", text);
        return buffer;
}

void healer_say(Healer *healer, const char *text) {
        char buffer[EVENT_TEXT_SIZE];

        healer_output_line(healer->output, with_mount_point(healer, text, buffer));
}

void healer_complain(const Healer *healer, const char *text) {
        char buffer[EVENT_TEXT_SIZE];

        (void) fprintf(stderr, "%s\n", with_mount_point(healer, text, buffer));
}

/* Leaving */

static int on_leave_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Healer *healer = userdata;

        (void) source;

        if (usec < healer->leave_until_usec &&
            (child_table_count(healer->children) > child_table_count_stuck(healer->children) ||
             (healer->intents && !intents_are_settled(healer->intents)) || !healer_output_is_written(healer->output)))
                return sd_event_source_set_time_relative(healer->leave_timer, LEAVE_LOOK_USEC) < 0
                        ? sd_event_exit(healer->event, 0)
                        : sd_event_source_set_enabled(healer->leave_timer, SD_EVENT_ONESHOT);

        return sd_event_exit(healer->event, 0);
}

static void leave(Healer *healer, HealerEnd end) {
        if (healer->is_leaving)
                return;

        healer->is_leaving = true;
        healer->end = end;
        healer->leave_until_usec = clock_monotonic_usec() + LEAVE_USEC;
        healer->monitor_source = sd_event_source_disable_unref(healer->monitor_source);
        healer->quiet_timer = sd_event_source_disable_unref(healer->quiet_timer);
        healer_report_rest(healer);
        healer_repair_drop(healer);
        child_table_stop_all(healer->children);
        if (sd_event_add_time_relative(healer->event, &healer->leave_timer, CLOCK_MONOTONIC, 0, 0, on_leave_timer,
                                       healer) < 0)
                (void) sd_event_exit(healer->event, 0);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Healer *healer = userdata;

        (void) source;

        healer->stop_signal = (int) info->ssi_signo;
        leave(healer, HEALER_WELL);
        return 0;
}

/* Reading */

/* Tells what was not told yet of @n_lost in all. */
static void tell_lost(Healer *healer, uint64_t n_lost) {
        HealthEvent event = {
                .kind = EVENT_EVENTS_LOST,
                .domain = DOMAIN_MOUNT,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
        };

        if (n_lost <= healer->n_lost_told)
                return;
        event.count = n_lost - healer->n_lost_told;
        healer->n_lost_told = n_lost;
        healer_report(healer, &event, 1);
}

static int on_quiet(sd_event_source *source, uint64_t usec, void *userdata) {
        Healer *healer = userdata;
        HealthMonitorTotals totals;

        (void) source;
        (void) usec;

        if (health_monitor_totals(healer->monitor_fd, &totals) >= 0)
                tell_lost(healer, totals.n_lost);
        return 0;
}

static void take_record(Healer *healer, const uint8_t *bytes) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
        uint64_t now_usec = clock_boottime_usec();
        size_t n_events;

        n_events = health_record_decode(bytes, events);
        if (events[0].kind == EVENT_EVENTS_LOST) {
                healer->n_lost_reported += events[0].count;
                tell_lost(healer, healer->n_lost_reported);
                return;
        }
        for (size_t i = 0; i < n_events; i++)
                events[i].received_boottime_usec = now_usec;
        healer_report(healer, events, n_events);
}

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        static uint8_t buffer[HEALTH_MONITOR_READ_BYTES];
        Healer *healer = userdata;
        ssize_t n;

        (void) revents;

        n = health_monitor_read(fd, buffer,
                                healer->is_read_once ? sizeof(buffer) : HEALTH_MONITOR_FIRST_READ_BYTES);
        if (n == -EAGAIN)
                return 0;
        if (n < 0) {
                healer_complain(healer, strerror((int) -n));
                leave(healer, HEALER_FAILED);
                return 0;
        }
        /* The end of its file is the end of the file system. That it was unmounted is told before what came earlier and
         * was not read yet, so nothing but the end is the end. */
        if (n == 0) {
                healer->is_unmounted = true;
                leave(healer, HEALER_WELL);
                return 0;
        }

        healer->is_read_once = true;
        for (ssize_t i = 0; i < n; i += HEALTH_RECORD_SIZE)
                take_record(healer, buffer + i);
        if (healer->n_reports >= REPORTS_MAX)
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (sd_event_source_set_time_relative(healer->quiet_timer, QUIET_USEC) >= 0)
                (void) sd_event_source_set_enabled(healer->quiet_timer, SD_EVENT_ONESHOT);
        return 0;
}

void healer_read_on(Healer *healer) {
        if (healer->monitor_source && healer->n_reports < REPORTS_MAX / 2)
                (void) sd_event_source_set_enabled(healer->monitor_source, SD_EVENT_ON);
}

/* Beginning */

Healer *healer_new(const HealerOptions *options) {
        Healer *healer = calloc(1, sizeof(*healer));

        if (!healer)
                return NULL;
        healer->options = *options;
        healer->monitor_fd = -EBADF;
        healer->host.kmsg_fd = -EBADF;
        TAILQ_INIT(&healer->superblocks);
        TAILQ_INIT(&healer->reports);
        TAILQ_INIT(&healer->repairs);

        healer->facts.type = strdup("xfs");
        if (!healer->facts.type || sd_event_new(&healer->event) < 0 ||
            healer_output_new(healer->event, STDOUT_FILENO, &healer->output) < 0)
                return healer_free(healer);
        healer->children = child_table_new(healer->event);
        return healer->children ? healer : healer_free(healer);
}

Healer *healer_free(Healer *healer) {
        if (!healer)
                return NULL;

        healer_report_clear(healer);
        healer_repair_clear(healer);
        healer_scan_clear(healer);
        sd_event_source_disable_unref(healer->monitor_source);
        sd_event_source_disable_unref(healer->quiet_timer);
        sd_event_source_disable_unref(healer->leave_timer);
        child_table_free(healer->children);
        healer_output_free(healer->output);
        superblock_table_clear(&healer->superblocks);
        filesystem_facts_clear(&healer->facts);
        close_fd(healer->monitor_fd);
        sd_event_unref(healer->event);
        free(healer);
        return NULL;
}

static int listen_to_signals(Healer *healer) {
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sigset_t mask;

        sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return negative_errno();

        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int r = sd_event_add_signal(healer->event, NULL, signals[i], on_signal, healer);

                if (r < 0)
                        return r;
        }

        return 0;
}

int healer_run(Healer *healer) {
        int r;

        r = listen_to_signals(healer);
        if (r >= 0 && healer->mode == HEALER_REPAIRS)
                r = healer_repair_prepare(healer);
        if (r >= 0)
                r = sd_event_add_time_relative(healer->event, &healer->quiet_timer, CLOCK_MONOTONIC, QUIET_USEC, 0,
                                               on_quiet, healer);
        if (r >= 0)
                r = sd_event_add_io(healer->event, &healer->monitor_source, healer->monitor_fd, EPOLLIN, on_monitor,
                                    healer);
        if (r < 0)
                return r;

        healer_survey_want(healer, SURVEY_AFTER_USEC);
        return sd_event_loop(healer->event);
}
