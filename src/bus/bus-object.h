/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What file systems and jobs on the bus have in common: a path under a prefix, found and listed by it, said when it
 * comes and when it goes.
 */
#pragma once

#include "src/bus/bus-context.h"

/* Adds vtable, look-up and enumeration of these objects to a new connection. @vtable gets the object, so its BusObject
 * is the first member. Returns 0 or a negative errno. */
int bus_objects_attach(BusObjects *objects, sd_bus *bus, const char *prefix, const char *interface,
                       const sd_bus_vtable *vtable);

/* NULL if there is none. */
BusObject *bus_object_find(const BusObjects *objects, const char *path);

/* Puts it on the bus. @path is copied, @interface and @names are borrowed for its life. Returns 0 or -ENOMEM. */
int bus_object_add(BusObjects *objects, BusObject *object, BusContext *context, const char *path, const char *interface,
                   const BusChangeName *names);
/* Takes it from the bus; what is around it stays the caller's. */
void bus_object_remove(BusObjects *objects, BusObject *object);

/* Says InterfacesAdded for all of them again, after the name came back. */
void bus_objects_announce(const BusObjects *objects);
