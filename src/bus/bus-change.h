/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PropertiesChanged, coalesced: however often an object changes, its signal goes out at most once in an
 * interval. The timer runs only while a change waits.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "src/basic/cleanup.h"

/* One property and the group (a bit) it changes with. */
typedef struct BusChangeName {
        const char *property;
        unsigned group;
} BusChangeName;

/* Properties of one interface that can change; ends with a NULL property. At most BUS_CHANGE_NAMES_MAX. */
#define BUS_CHANGE_NAMES_MAX 48

/* Embedded in each object that is on the bus. All pointers are borrowed and live as long as the object. */
typedef struct BusChange {
        const char *path;
        const char *interface;
        const BusChangeName *names;
        unsigned groups;                /* changed and not yet told */
        uint64_t told_usec;             /* monotonic; 0: never */
        bool is_queued;
        TAILQ_ENTRY(BusChange) link;
} BusChange;

typedef struct BusChangeQueue BusChangeQueue;

int bus_change_queue_new(sd_event *event, uint64_t interval_usec, BusChangeQueue **ret_queue);
BusChangeQueue *bus_change_queue_free(BusChangeQueue *queue);
DEFINE_CLEANUP(BusChangeQueue, bus_change_queue_free)

/* Where the signals go; NULL: nowhere, changes are forgotten (who comes back asks for everything anyway). Borrowed. */
void bus_change_queue_set_bus(BusChangeQueue *queue, sd_bus *bus);

void bus_change_mark(BusChangeQueue *queue, BusChange *change, unsigned groups);
/* Tells now what waits. */
void bus_change_flush(BusChangeQueue *queue, BusChange *change);
/* The object goes away. */
void bus_change_forget(BusChangeQueue *queue, BusChange *change);
