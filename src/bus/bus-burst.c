/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-burst.h. A burst lives for one second; the timer belongs to the oldest.
 */
#include "src/bus/bus-burst.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-signal.h"

struct BusBurst {
        TAILQ_ENTRY(BusBurst) link;     /* in the order in which they end */
        const char *member;
        uint64_t filesystem_id;
        char word[BUS_BURST_WORD_SIZE];
        uint64_t end_usec;              /* monotonic */
        unsigned n_told;
        BusBurstSum sum;
        sd_bus_message *signal;
};

static BusBurst *burst_free(BusContext *context, BusBurst *burst) {
        TAILQ_REMOVE(&context->bursts, burst, link);
        context->n_bursts--;
        sd_bus_message_unref(burst->signal);
        free(burst);
        return NULL;
}

static void flush(BusContext *context, BusBurst *burst) {
        int r;

        if (!burst->signal || !bus_signal_has_room(context))
                return;
        r = sd_bus_send(context->bus, burst->signal, NULL);
        if (r < 0)
                bus_signal_dropped(context, burst->member, r);
}

static void timer_arm(BusContext *context) {
        const BusBurst *first = TAILQ_FIRST(&context->bursts);
        int r;

        if (!first) {
                (void) sd_event_source_set_enabled(context->burst_timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(context->burst_timer, first->end_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(context->burst_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "Cannot set a timer, a burst of signals is not told: %m");
}

static int on_timer(_unused_ sd_event_source *source, uint64_t usec, void *userdata) {
        BusContext *context = userdata;
        BusBurst *burst;

        while ((burst = TAILQ_FIRST(&context->bursts)) && burst->end_usec <= usec) {
                flush(context, burst);
                burst_free(context, burst);
        }
        timer_arm(context);
        return 0;
}

/* 0, or a negative errno: then nothing is merged. */
static int timer_make(BusContext *context) {
        int r;

        if (context->burst_timer)
                return 0;
        r = sd_event_add_time(context->event, &context->burst_timer, CLOCK_MONOTONIC, 0, 1, on_timer, context);
        if (r >= 0)
                r = sd_event_source_set_enabled(context->burst_timer, SD_EVENT_OFF);
        return r;
}

static BusBurst *find(BusContext *context, const BusBurstKey *key) {
        BusBurst *burst;

        TAILQ_FOREACH(burst, &context->bursts, link)
                if (burst->filesystem_id == key->filesystem_id && text_equal(burst->member, key->member) &&
                    text_equal(burst->word, key->word))
                        return burst;
        return NULL;
}

/* NULL: there is no room for it. */
static BusBurst *burst_new(BusContext *context, const BusBurstKey *key) {
        BusBurst *burst;
        uint64_t now_usec;

        if (context->n_bursts >= BUS_BURSTS_MAX || strlen(key->word) >= BUS_BURST_WORD_SIZE ||
            timer_make(context) < 0 || sd_event_now(context->event, CLOCK_MONOTONIC, &now_usec) < 0)
                return NULL;
        burst = calloc(1, sizeof(*burst));
        if (!burst)
                return NULL;
        burst->member = key->member;
        burst->filesystem_id = key->filesystem_id;
        burst->end_usec = now_usec + BUS_BURST_USEC;
        (void) text_copy(burst->word, sizeof(burst->word), key->word);
        TAILQ_INSERT_TAIL(&context->bursts, burst, link);
        context->n_bursts++;
        if (context->n_bursts == 1)
                timer_arm(context);
        return burst;
}

BusBurst *bus_burst_add(BusContext *context, const BusBurstKey *key, uint64_t n_reports, BusBurstSum *ret_sum) {
        BusBurst *burst = find(context, key) ?: burst_new(context, key);

        if (!burst)
                return NULL;
        if (burst->n_told < BUS_BURST_TOLD) {
                burst->n_told++;
                return NULL;
        }
        burst->sum.n_signals++;
        burst->sum.n_reports += n_reports;
        *ret_sum = burst->sum;
        return burst;
}

void bus_burst_keep(BusBurst *burst, sd_bus_message *signal) {
        sd_bus_message_unref(burst->signal);
        burst->signal = signal;
}

void bus_burst_drop_all(BusContext *context) {
        BusBurst *burst;

        while ((burst = TAILQ_FIRST(&context->bursts))) {
                context->n_signals_dropped += burst->sum.n_signals;
                burst_free(context, burst);
        }
        context->burst_timer = sd_event_source_disable_unref(context->burst_timer);
}
