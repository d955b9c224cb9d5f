/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bursts of signals that say the same: beyond a few in a second they are told as one, at the end of that second, so
 * that a storm does not fill the queues of everybody on the bus. The first ones are never delayed.
 */
#pragma once

#include "src/bus/bus-context.h"

/* Of one kind and file system, that are told one by one; in how much time. */
#define BUS_BURST_TOLD 16
#define BUS_BURST_USEC USEC_PER_SEC
/* That are told apart; of what is beyond, every one is told by itself. */
#define BUS_BURSTS_MAX 256

#define BUS_BURST_WORD_SIZE 96

typedef struct BusBurstKey {
        const char *member;             /* of the interface; static */
        uint64_t filesystem_id;
        const char *word;               /* what else has to be the same: kind, rule */
} BusBurstKey;

/* What one signal stands for when it stands for several. */
typedef struct BusBurstSum {
        uint64_t n_signals;
        uint64_t n_reports;
} BusBurstSum;

/**
 * bus_burst_add() - one more
 * @n_reports: that it stands for by itself
 * @ret_sum:   what the signal for all of them stands for so far, with this one
 *
 * Returns NULL: tell it now; else the burst that bus_burst_keep() is called for, with a signal for all of them.
 */
BusBurst *bus_burst_add(BusContext *context, const BusBurstKey *key, uint64_t n_reports, BusBurstSum *ret_sum);
/* @signal is taken, and sent at the end of the second unless a later one takes its place. */
void bus_burst_keep(BusBurst *burst, sd_bus_message *signal);

/* The connection is gone: what waits is counted as dropped. */
void bus_burst_drop_all(BusContext *context);
