/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1: one object for each file system the daemon knows.
 */
#pragma once

#include "src/bus/bus-context.h"

/* Adds vtable, look-up and enumeration to a new connection. Returns 0 or a negative errno. */
int bus_filesystem_attach(BusContext *context, sd_bus *bus);

/* What changed: groups of properties. */
typedef enum BusFilesystemChange {
        BUS_FILESYSTEM_FACTS = 1 << 0,
        BUS_FILESYSTEM_COUNTERS = 1 << 1,
        BUS_FILESYSTEM_CONDITIONS = 1 << 2,
        BUS_FILESYSTEM_JOBS = 1 << 3,
        BUS_FILESYSTEM_PAUSE = 1 << 4,
} BusFilesystemChange;

/* Puts it on the bus if it is not there yet, and remembers what changed. Returns 0 or -ENOMEM. */
int bus_filesystem_update(BusContext *context, Filesystem *filesystem, unsigned changes);
void bus_filesystem_remove(BusContext *context, const Filesystem *filesystem);
void bus_filesystem_remove_all(BusContext *context);

/* NULL if it is not on the bus. */
BusFilesystem *bus_filesystem_find(BusContext *context, const Filesystem *filesystem);
/* Its object path, BUS_NO_OBJECT for NULL or one that is not on the bus. Borrowed. */
const char *bus_filesystem_path(BusContext *context, const Filesystem *filesystem);

/* Says InterfacesAdded for all of them again, after the name came back. */
void bus_filesystem_announce(BusContext *context);
