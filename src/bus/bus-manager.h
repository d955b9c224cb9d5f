/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1: the daemon as a whole, at the root object.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_manager_attach(BusContext *context, sd_bus *bus);
/* Prepares BusContext.manager_change. */
void bus_manager_init(BusContext *context);

typedef enum BusManagerChange {
        BUS_MANAGER_COUNTERS = 1 << 0,
        BUS_MANAGER_POLICY = 1 << 1,
        BUS_MANAGER_WORKER = 1 << 2,
        BUS_MANAGER_FILESYSTEMS = 1 << 3,
        BUS_MANAGER_INHIBITORS = 1 << 4,
        BUS_MANAGER_HOLDS = 1 << 5,
        BUS_MANAGER_SUBSCRIPTIONS = 1 << 6,
        BUS_MANAGER_PAUSE = 1 << 7,
        BUS_MANAGER_SILENCES = 1 << 8,
} BusManagerChange;

void bus_manager_changed(BusContext *context, unsigned changes);
