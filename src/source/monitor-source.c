/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel keeps 585 records for us, so reading comes before everything else on the loop.
 */

#include <string.h>

#include "kernel/health-monitor.h"
#include "kernel/health-record.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/source/monitor-source.h"

/* 16 x 1,024 records in one go, then somebody else has a turn: a storm must not starve the bus. */
#define READS_PER_TURN 16

struct MonitorSource {
        int fd;
        uint64_t filesystem_id;
        EventSink sink;
        RecordStream *recorder;
        sd_event_source *io_source;
        bool had_first_read;
        uint64_t n_lost_by_records;     /* may lag behind totals.n_lost, never the other way round */
        MonitorSourceTotals totals;
};

/* One buffer for all monitors: the loop has one thread and no record stays in it. */
static uint8_t read_buffer[HEALTH_MONITOR_READ_BYTES] __attribute__((__aligned__(8)));

/* What check_losses() told already is not told again. Returns false if nothing is left to tell. */
static bool count_lost_record(MonitorSource *source, HealthEvent *event) {
        source->n_lost_by_records += event->count;
        if (source->n_lost_by_records <= source->totals.n_lost)
                return false;

        event->count = source->n_lost_by_records - source->totals.n_lost;
        source->totals.n_lost = source->n_lost_by_records;
        return true;
}

static void take_record(MonitorSource *source, const uint8_t *record) {
        HealthEvent events[HEALTH_RECORD_EVENTS_MAX];
        size_t n;

        source->totals.n_records++;
        if (source->recorder)
                record_stream_write_record(source->recorder, source->filesystem_id, record);

        n = health_record_decode(record, events);
        for (size_t i = 0; i < n; i++) {
                events[i].filesystem_id = source->filesystem_id;
                events[i].received_boottime_usec = clock_boottime_usec();
                if (events[i].kind == EVENT_EVENTS_LOST && !count_lost_record(source, events + i))
                        continue;
                source->sink.on_event(source->sink.userdata, events + i);
        }
}

/* The kernel tells of losses only with the next event that it can queue; if none comes, fdinfo is the only witness. */
static void check_losses(MonitorSource *source) {
        HealthMonitorTotals totals;
        HealthEvent event;
        int r;

        r = health_monitor_totals(source->fd, &totals);
        if (r < 0) {
                log_debug_errno(r, "cannot read a monitor's totals: %m");
                return;
        }
        if (totals.n_lost <= source->totals.n_lost)
                return;

        event = (HealthEvent) {
                .filesystem_id = source->filesystem_id,
                .kind = EVENT_EVENTS_LOST,
                .domain = DOMAIN_MOUNT,
                .count = totals.n_lost - source->totals.n_lost,
                .time_realtime_nsec = clock_realtime_usec() * NSEC_PER_USEC,
                .received_boottime_usec = clock_boottime_usec(),
        };
        source->totals.n_lost = totals.n_lost;
        source->sink.on_event(source->sink.userdata, &event);
}

static int on_io(_unused_ sd_event_source *io_source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        MonitorSource *source = userdata;
        ssize_t n = -EAGAIN;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                n = health_monitor_read(source->fd, read_buffer,
                                        source->had_first_read ? sizeof(read_buffer) : HEALTH_MONITOR_FIRST_READ_BYTES);
                if (n <= 0)
                        break;
                source->had_first_read = true;
                for (ssize_t offset = 0; offset < n; offset += HEALTH_RECORD_SIZE)
                        take_record(source, read_buffer + offset);
        }
        if (n > 0 || n == -EAGAIN) {
                if (n == -EAGAIN) {
                        check_losses(source);
                        if (source->recorder)
                                record_stream_flush(source->recorder);
                }
                return 0;
        }

        /* At the end of file the descriptor stays readable for ever: the source has to go. */
        if (n == 0)
                check_losses(source);
        (void) sd_event_source_set_enabled(source->io_source, SD_EVENT_OFF);
        source->sink.on_end(source->sink.userdata, source->filesystem_id, (int) n);
        return 0;
}

int monitor_source_set_reading(MonitorSource *source, bool is_reading) {
        return sd_event_source_set_enabled(source->io_source, is_reading ? SD_EVENT_ON : SD_EVENT_OFF);
}

void monitor_source_drain(MonitorSource *source) {
        (void) on_io(source->io_source, source->fd, EPOLLIN, source);
}

int monitor_source_new(sd_event *event, int monitor_fd, uint64_t filesystem_id, const EventSink *sink,
                       RecordStream *recorder, MonitorSource **ret_source) {
        _cleanup_(monitor_source_free_at) MonitorSource *source = NULL;
        int r;

        source = malloc(sizeof(*source));
        if (!source)
                return -ENOMEM;
        *source = (MonitorSource) {
                .fd = monitor_fd,
                .filesystem_id = filesystem_id,
                .sink = *sink,
                .recorder = recorder,
        };

        r = sd_event_add_io(event, &source->io_source, monitor_fd, EPOLLIN, on_io, source);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(source->io_source, "health-monitor");
        r = sd_event_source_set_priority(source->io_source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return r;

        *ret_source = steal_ptr(source);
        return 0;
}

MonitorSource *monitor_source_free(MonitorSource *source) {
        if (!source)
                return NULL;
        sd_event_source_disable_unref(source->io_source);
        free(source);
        return NULL;
}

const MonitorSourceTotals *monitor_source_totals(const MonitorSource *source) {
        return &source->totals;
}
