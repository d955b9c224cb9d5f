/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-change.h.
 */
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/bus/bus-change.h"

/* How much later than asked the timer may run, so that the kernel can join wake-ups. */
#define TIMER_ACCURACY_USEC (50 * USEC_PER_MSEC)

struct BusChangeQueue {
        sd_bus *bus;
        sd_event_source *timer;
        uint64_t interval_usec;
        TAILQ_HEAD(, BusChange) changes;
};

static uint64_t change_due_usec(const BusChangeQueue *queue, const BusChange *change) {
        return change->told_usec == 0 ? 0 : change->told_usec + queue->interval_usec;
}

static void change_tell(BusChangeQueue *queue, BusChange *change) {
        char *names[BUS_CHANGE_NAMES_MAX + 1] = {};
        size_t n = 0;
        int r;

        for (const BusChangeName *name = change->names; name->property; name++)
                if (name->group & change->groups) {
                        assert(n < BUS_CHANGE_NAMES_MAX);
                        names[n++] = (char *) name->property;
                }

        change->groups = 0;
        change->told_usec = clock_monotonic_usec();
        if (!queue->bus || n == 0)
                return;

        r = sd_bus_emit_properties_changed_strv(queue->bus, change->path, change->interface, names);
        if (r < 0)
                log_debug_errno(r, "%s: cannot tell the bus what changed: %m", change->path);
}

static void queue_arm(BusChangeQueue *queue) {
        uint64_t due_usec = USEC_INFINITY;
        BusChange *change;
        int r;

        TAILQ_FOREACH(change, &queue->changes, link)
                due_usec = min_of(due_usec, change_due_usec(queue, change));

        if (due_usec == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
                return;
        }

        r = sd_event_source_set_time(queue->timer, due_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(queue->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_warning_errno(r, "Cannot set the timer for changed properties: %m");
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        BusChangeQueue *queue = userdata;
        uint64_t now_usec = clock_monotonic_usec();
        BusChange *change, *next;

        for (change = TAILQ_FIRST(&queue->changes); change; change = next) {
                next = TAILQ_NEXT(change, link);
                if (change_due_usec(queue, change) <= now_usec)
                        bus_change_flush(queue, change);
        }

        queue_arm(queue);
        return 0;
}

int bus_change_queue_new(sd_event *event, uint64_t interval_usec, BusChangeQueue **ret_queue) {
        _cleanup_(bus_change_queue_free_at) BusChangeQueue *queue = NULL;
        int r;

        queue = malloc(sizeof(*queue));
        if (!queue)
                return -ENOMEM;

        *queue = (BusChangeQueue) { .interval_usec = interval_usec };
        TAILQ_INIT(&queue->changes);

        r = sd_event_add_time(event, &queue->timer, CLOCK_MONOTONIC, UINT64_MAX, TIMER_ACCURACY_USEC, on_timer, queue);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_queue = steal_ptr(queue);
        return 0;
}

BusChangeQueue *bus_change_queue_free(BusChangeQueue *queue) {
        if (!queue)
                return NULL;

        sd_event_source_disable_unref(queue->timer);
        free(queue);
        return NULL;
}

void bus_change_queue_set_bus(BusChangeQueue *queue, sd_bus *bus) {
        queue->bus = bus;
}

void bus_change_mark(BusChangeQueue *queue, BusChange *change, unsigned groups) {
        if (!queue->bus)
                return;

        change->groups |= groups;
        if (change->is_queued)
                return;

        TAILQ_INSERT_TAIL(&queue->changes, change, link);
        change->is_queued = true;
        queue_arm(queue);
}

void bus_change_flush(BusChangeQueue *queue, BusChange *change) {
        if (change->is_queued) {
                TAILQ_REMOVE(&queue->changes, change, link);
                change->is_queued = false;
        }
        if (change->groups != 0)
                change_tell(queue, change);
}

void bus_change_forget(BusChangeQueue *queue, BusChange *change) {
        change->groups = 0;
        if (!change->is_queued)
                return;

        TAILQ_REMOVE(&queue->changes, change, link);
        change->is_queued = false;
        queue_arm(queue);
}
