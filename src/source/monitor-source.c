/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel keeps 585 records for us, so reading comes before everything else on the loop, and what was read
 * waits in the ring until the loop has nothing more urgent.
 */

#include <string.h>

#include "kernel/health-monitor.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/source/monitor-source.h"
#include "src/source/work-turn.h"

/* 16 x 1,024 records in one go, then somebody else has a turn: a storm must not starve the bus. */
#define READS_PER_TURN 16
/* Events handed on between two looks at the clock: most are only counted, which takes less time than the look. */
#define EVENTS_PER_LOOK 8
/* After the last record the kernel is asked what it lost: after every reading it would cost more than the reading. */
#define QUIET_USEC (20 * USEC_PER_MSEC)
/*
 * In a storm the monitor is looked at by the clock, not when the kernel says that there is something. It says
 * so in the middle of queueing the first record, with its lock held: who comes before everybody else takes the
 * processor there and then, waits for that very lock behind all the kernel's threads that came to queue more,
 * and the queue runs over meanwhile (measured on Linux 7.2: 10 to 70 ms, 1.5 changes of process for each
 * record). So after a reading that brought something the next one follows after a rest, in which the queue
 * cannot run over, and only one that brings nothing ends this.
 *
 * A rest is as long as a reading of some dozens of records takes to become worth its price, and at most so long that a
 * storm that swells in it from nothing to a million records a second still fits the queue.
 */
#define REST_MIN_USEC UINT64_C(100)
#define REST_MAX_USEC UINT64_C(500)
#define RECORDS_PER_READING UINT64_C(32)
/* After so long without a record the next ones are no storm, if they are few: they are handed on as soon as they are
 * read, and the kernel says when there is more. Somebody waits for what follows from the first report of damage. */
#define CALM_USEC (10 * USEC_PER_MSEC)
#define CALM_RECORDS_MAX UINT64_C(8)
/* When the ring has no room, the kernel's queue has to do for so long. */
#define ROOM_WAIT_USEC (10 * USEC_PER_MSEC)

struct MonitorSource {
        int fd;
        uint64_t filesystem_id;
        EventSink sink;
        RecordRing *ring;
        RingMonitor *account;
        RecordStream *recorder;
        sd_event_source *io_source;
        sd_event_source *rest_timer;    /* runs while the kernel's queue is left alone */
        sd_event_source *quiet_timer;   /* runs while the kernel has to be asked what it lost */
        WorkTurn *turn;                 /* hands on what is in waiting */
        RingQueue waiting;              /* read, not handed on */
        uint64_t rest_usec;             /* the next rest */
        uint64_t read_monotonic_usec;   /* when a reading last brought something; 0: none did */
        int end_error;
        bool has_ended;                 /* on_end comes after what is waiting */
        bool has_said_full;
};

static void take_records(MonitorSource *source, size_t n_records) {
        for (size_t i = 0; source->recorder && i < n_records; i++)
                record_stream_write_record(source->recorder, source->filesystem_id,
                                           record_ring_landing(source->ring) + i * HEALTH_RECORD_SIZE);

        record_ring_commit(source->ring, &source->waiting);
        source->read_monotonic_usec = clock_monotonic_usec();
        if (source->sink.on_read)
                source->sink.on_read(source->sink.userdata, source->filesystem_id, source->account->n_records);
}

/* The kernel tells of losses only with the next event that it can queue; if none comes, fdinfo is the only
 * witness. */
static void check_losses(MonitorSource *source) {
        HealthMonitorTotals totals;
        int r;

        r = health_monitor_totals(source->fd, &totals);
        if (r < 0)
                log_debug_errno(r, "cannot read a monitor's totals: %m");
        else
                record_ring_lose(source->ring, source->account, totals.n_lost, &source->waiting);
}

/* Hands on what is waiting, then the end if there is nothing else left: the source may be gone then. True:
 * something is left. */
static bool hand_on(MonitorSource *source, uint64_t until_usec) {
        HealthEvent event;

        for (size_t i = 1; record_ring_next(source->ring, &source->waiting, &event); i++) {
                event.filesystem_id = source->filesystem_id;
                source->sink.on_event(source->sink.userdata, &event);
                if (i % EVENTS_PER_LOOK == 0 && clock_monotonic_usec() >= until_usec)
                        break;
        }
        if (!record_ring_queue_is_empty(&source->waiting))
                return true;

        if (source->has_ended)
                source->sink.on_end(source->sink.userdata, source->filesystem_id, source->end_error);
        return false;
}

static bool on_turn(void *userdata, uint64_t until_usec) {
        return hand_on(userdata, until_usec);
}

static int on_quiet_timer(_unused_ sd_event_source *timer, _unused_ uint64_t usec, void *userdata) {
        MonitorSource *source = userdata;

        check_losses(source);
        if (source->recorder)
                record_stream_flush(source->recorder);
        if (!record_ring_queue_is_empty(&source->waiting))
                work_turn_begin(source->turn);
        return 0;
}

static void ask_when_quiet(MonitorSource *source) {
        int r;

        if (sd_event_source_get_enabled(source->quiet_timer, NULL) > 0)
                return;
        r = sd_event_source_set_time_relative(source->quiet_timer, QUIET_USEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(source->quiet_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                check_losses(source);
}

/* Looks again after so long, whatever the kernel says meanwhile. */
static void rest(MonitorSource *source, uint64_t usec) {
        int r;

        r = sd_event_source_set_time_relative(source->rest_timer, usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(source->rest_timer, SD_EVENT_ONESHOT);
        if (r >= 0)
                r = sd_event_source_set_enabled(source->io_source, SD_EVENT_OFF);
        if (r < 0)
                log_debug_errno(r, "a monitor cannot be left alone for a while: %m");
}

/* After a reading of so many records, which came in the last rest. */
static void rest_a_while(MonitorSource *source, uint64_t n_records) {
        if (n_records < RECORDS_PER_READING)
                source->rest_usec = min_of(source->rest_usec * 2, REST_MAX_USEC);
        else if (n_records > 2 * RECORDS_PER_READING)
                source->rest_usec = max_of(source->rest_usec / 2, REST_MIN_USEC);
        rest(source, source->rest_usec);
}

/* Reading on would take records from the one place that keeps them. What the kernel cannot keep either, it counts. */
static void wait_for_room(MonitorSource *source) {
        if (!source->has_said_full)
                log_warning("more reports wait for decisions than are kept (%d): the kernel keeps the next ones, and "
                            "counts what it cannot", RECORD_RING_SLOTS);
        source->has_said_full = true;
        rest(source, ROOM_WAIT_USEC);
}

static void wait_for_records(MonitorSource *source) {
        int r;

        source->rest_usec = REST_MIN_USEC / 2;
        r = sd_event_source_set_enabled(source->io_source, SD_EVENT_ON);
        if (r < 0)
                log_error_errno(r, "a monitor cannot be read any more: %m");
}

/* Returns as health_monitor_read() did at last; a reading that left room in the buffer has emptied the queue. */
static ssize_t read_on(MonitorSource *source) {
        ssize_t n = -EAGAIN;

        for (unsigned i = 0; i < READS_PER_TURN; i++) {
                size_t size = source->account->n_records > 0 ? HEALTH_MONITOR_READ_BYTES
                                                             : HEALTH_MONITOR_FIRST_READ_BYTES;

                n = record_ring_read(source->ring, source->account, source->fd, size);
                if (n <= 0)
                        return n;
                take_records(source, (size_t) n / HEALTH_RECORD_SIZE);
                ask_when_quiet(source);
                if ((size_t) n < size)
                        return n;
        }
        return n;
}

/* What comes after a reading of @n_records that ended with @n. */
static void after_reading(MonitorSource *source, ssize_t n, uint64_t n_records) {
        if (n == -ENOBUFS)
                wait_for_room(source);
        else if (n_records > 0)
                rest_a_while(source, n_records);
        else if (n == -EAGAIN)
                wait_for_records(source);
        if (n > 0 || n == -EAGAIN || n == -ENOBUFS)
                return;

        /* At the end of file the descriptor stays readable for ever: the source has to go. */
        if (n == 0)
                check_losses(source);
        (void) sd_event_source_set_enabled(source->io_source, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(source->rest_timer, SD_EVENT_OFF);
        source->end_error = (int) n;
        source->has_ended = true;
}

/* Returns how many records came. */
static uint64_t read_turn(MonitorSource *source) {
        uint64_t n_before = source->account->n_records;
        ssize_t n = read_on(source);

        after_reading(source, n, source->account->n_records - n_before);
        return source->account->n_records - n_before;
}

static void begin_if_waiting(MonitorSource *source) {
        if (!record_ring_queue_is_empty(&source->waiting) || source->has_ended)
                work_turn_begin(source->turn);
}

static int on_io(_unused_ sd_event_source *io_source, _unused_ int fd, _unused_ uint32_t revents, void *userdata) {
        MonitorSource *source = userdata;
        bool is_calm = clock_monotonic_usec() - source->read_monotonic_usec > CALM_USEC &&
                       record_ring_queue_is_empty(&source->waiting);
        uint64_t n_before = source->account->n_records, n_records;
        ssize_t n;

        n = read_on(source);
        n_records = source->account->n_records - n_before;
        if (is_calm && n > 0 && n_records <= CALM_RECORDS_MAX) {
                if (hand_on(source, clock_monotonic_usec() + WORK_TURN_USEC))
                        work_turn_begin(source->turn);
                return 0;
        }

        after_reading(source, n, n_records);
        begin_if_waiting(source);
        return 0;
}

static int on_rest_timer(_unused_ sd_event_source *timer, _unused_ uint64_t usec, void *userdata) {
        (void) read_turn(userdata);
        begin_if_waiting(userdata);
        return 0;
}

int monitor_source_set_reading(MonitorSource *source, bool is_reading) {
        return sd_event_source_set_enabled(source->io_source, is_reading ? SD_EVENT_ON : SD_EVENT_OFF);
}

void monitor_source_drain(MonitorSource *source) {
        while (!source->has_ended) {
                uint64_t n_records = read_turn(source);

                if (source->has_ended || n_records == 0)
                        break;
                (void) hand_on(source, UINT64_MAX);
        }
        check_losses(source);
        (void) hand_on(source, UINT64_MAX);
}

/* One that does not run yet. */
static int add_timer(sd_event *event, uint64_t accuracy_usec, sd_event_time_handler_t handler, MonitorSource *source,
                     sd_event_source **ret_timer) {
        int r;

        r = sd_event_add_time(event, ret_timer, CLOCK_MONOTONIC, 0, accuracy_usec, handler, source);
        return r < 0 ? r : sd_event_source_set_enabled(*ret_timer, SD_EVENT_OFF);
}

int monitor_source_new(sd_event *event, int monitor_fd, uint64_t filesystem_id, const EventSink *sink,
                       RecordRing *ring, RingMonitor *account, RecordStream *recorder, MonitorSource **ret_source) {
        _cleanup_(monitor_source_free_at) MonitorSource *source = NULL;
        int r;

        source = malloc(sizeof(*source));
        if (!source)
                return -ENOMEM;
        *source = (MonitorSource) {
                .fd = monitor_fd,
                .filesystem_id = filesystem_id,
                .sink = *sink,
                .ring = ring,
                .account = account,
                .recorder = recorder,
                .rest_usec = REST_MIN_USEC / 2,
        };

        r = sd_event_add_io(event, &source->io_source, monitor_fd, EPOLLIN, on_io, source);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(source->io_source, "health-monitor");
        r = sd_event_source_set_priority(source->io_source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return r;

        r = add_timer(event, 1, on_rest_timer, source, &source->rest_timer);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(source->rest_timer, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return r;
        r = add_timer(event, QUIET_USEC, on_quiet_timer, source, &source->quiet_timer);
        if (r < 0)
                return r;
        r = work_turn_new(event, "events", on_turn, source, &source->turn);
        if (r < 0)
                return r;

        *ret_source = steal_ptr(source);
        return 0;
}

MonitorSource *monitor_source_free(MonitorSource *source) {
        if (!source)
                return NULL;
        work_turn_free(source->turn);
        sd_event_source_disable_unref(source->quiet_timer);
        sd_event_source_disable_unref(source->rest_timer);
        sd_event_source_disable_unref(source->io_source);
        free(source);
        return NULL;
}

RingMonitor *monitor_source_account(const MonitorSource *source) {
        return source->account;
}
