/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table of open bursts, and one timer for the oldest. All windows have the same length, so the list in
 * order of opening is the list in order of expiry.
 */

#include <sys/queue.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/source/event-merge.h"
#include "src/source/work-turn.h"

#define N_BUCKETS 1024

typedef struct Burst {
        LIST_ENTRY(Burst) in_bucket;
        TAILQ_ENTRY(Burst) in_order;
        uint64_t expires_usec;          /* monotonic */
        bool has_pending;
        HealthEvent event;              /* without pending reports: the one handed on last, for comparison */
} Burst;

struct EventMerge {
        sd_event *event;
        EventSink sink;
        RecordRing *ring;
        sd_event_source *timer;
        LIST_HEAD(, Burst) buckets[N_BUCKETS];
        TAILQ_HEAD(BurstList, Burst) order;
        size_t n_bursts;
};

/* States that end what came before: handing them on early would tell the story in the wrong order. */
static bool ends_bursts(EventKind kind) {
        return kind == EVENT_HEALTHY || kind == EVENT_SHUTDOWN || kind == EVENT_UNMOUNTED ||
               kind == EVENT_EVENTS_LOST || kind == EVENT_WATCHING || event_kind_is_result(kind);
}

static size_t bucket_of(const HealthEvent *event) {
        const uint64_t parts[] = {
                event->filesystem_id, (uint64_t) event->kind, (uint64_t) event->domain,
                (uint64_t) event->structure, event->group, event->inode, (uint64_t) event->error,
        };
        uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a, over words */

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                hash = (hash ^ parts[i]) * UINT64_C(1099511628211);
        return (hash ^ hash >> 32) % N_BUCKETS;
}

static Burst *burst_find(EventMerge *merge, const HealthEvent *event) {
        Burst *burst;

        LIST_FOREACH(burst, &merge->buckets[bucket_of(event)], in_bucket)
                if (health_event_may_merge(&burst->event, event))
                        return burst;
        return NULL;
}

static void burst_close(EventMerge *merge, Burst *burst) {
        LIST_REMOVE(burst, in_bucket);
        TAILQ_REMOVE(&merge->order, burst, in_order);
        merge->n_bursts--;
        if (burst->has_pending)
                merge->sink.on_event(merge->sink.userdata, &burst->event);
        free(burst);
}

static void timer_arm(EventMerge *merge) {
        Burst *oldest = TAILQ_FIRST(&merge->order);
        int r;

        if (!oldest) {
                (void) sd_event_source_set_enabled(merge->timer, SD_EVENT_OFF);
                return;
        }

        r = sd_event_source_set_time(merge->timer, oldest->expires_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(merge->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot set the timer of merged reports: %m");
}

/* A burst that had repeats stays open for one more window, so that a storm gives one event a second. What is
 * not handed on when the turn is over has to wait for the next one, which is due at once. */
static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        EventMerge *merge = userdata;
        uint64_t now = clock_monotonic_usec();
        Burst *burst;

        for (size_t n = 0; (burst = TAILQ_FIRST(&merge->order)) && burst->expires_usec <= now; n++) {
                if (n > 0 && work_turn_is_over(merge->event))
                        break;
                if (!burst->has_pending) {
                        burst_close(merge, burst);
                        continue;
                }

                burst->has_pending = false;
                burst->expires_usec = now + EVENT_MERGE_WINDOW_USEC;
                TAILQ_REMOVE(&merge->order, burst, in_order);
                TAILQ_INSERT_TAIL(&merge->order, burst, in_order);
                merge->sink.on_event(merge->sink.userdata, &burst->event);
        }

        timer_arm(merge);
        return 0;
}

int event_merge_new(sd_event *event, const EventSink *sink, EventMerge **ret_merge) {
        _cleanup_(event_merge_free_at) EventMerge *merge = NULL;
        int r;

        merge = calloc(1, sizeof(*merge));
        if (!merge)
                return -ENOMEM;
        merge->event = sd_event_ref(event);
        merge->sink = *sink;
        TAILQ_INIT(&merge->order);

        r = sd_event_add_time(event, &merge->timer, CLOCK_MONOTONIC, 0, 50 * USEC_PER_MSEC, on_timer, merge);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(merge->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_merge = steal_ptr(merge);
        return 0;
}

EventMerge *event_merge_free(EventMerge *merge) {
        Burst *burst;

        if (!merge)
                return NULL;
        while ((burst = TAILQ_FIRST(&merge->order)))
                burst_close(merge, burst);
        sd_event_source_disable_unref(merge->timer);
        sd_event_unref(merge->event);
        free(merge);
        return NULL;
}

void event_merge_flush(EventMerge *merge, uint64_t filesystem_id) {
        Burst *next;

        for (Burst *burst = TAILQ_FIRST(&merge->order); burst; burst = next) {
                next = TAILQ_NEXT(burst, in_order);
                if (burst->event.filesystem_id == filesystem_id)
                        burst_close(merge, burst);
        }
        timer_arm(merge);
}

static void burst_open(EventMerge *merge, const HealthEvent *event) {
        Burst *burst;

        if (merge->n_bursts >= EVENT_MERGE_BURSTS_MAX)
                return;

        burst = malloc(sizeof(*burst));
        if (!burst)
                return; /* the report has gone on already: only its repeats will not be counted together */

        *burst = (Burst) {
                .expires_usec = clock_monotonic_usec() + EVENT_MERGE_WINDOW_USEC,
                .event = *event,
        };
        LIST_INSERT_HEAD(&merge->buckets[bucket_of(event)], burst, in_bucket);
        TAILQ_INSERT_TAIL(&merge->order, burst, in_order);
        if (merge->n_bursts++ == 0)
                timer_arm(merge);
}

void event_merge_set_ring(EventMerge *merge, RecordRing *ring) {
        merge->ring = ring;
}

void event_merge_take(EventMerge *merge, const HealthEvent *event) {
        Burst *burst;

        if (ends_bursts(event->kind)) {
                event_merge_flush(merge, event->filesystem_id);
                merge->sink.on_event(merge->sink.userdata, event);
                return;
        }

        burst = burst_find(merge, event);
        if (!burst) {
                burst_open(merge, event);
                merge->sink.on_event(merge->sink.userdata, event);
                return;
        }

        if (burst->has_pending) {
                health_event_merge(&burst->event, event);
                record_ring_absorb(merge->ring, burst->event.kept_as, event->kept_as);
        } else
                burst->event = *event;
        burst->has_pending = true;
}
