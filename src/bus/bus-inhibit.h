/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that delay the failing of those who use a file system: each is a descriptor, released by closing it, whoever
 * dies. They end with healerd as well.
 */
#pragma once

#include "src/bus/bus-context.h"

/* In all, and of one user. */
#define BUS_INHIBITORS_MAX 64
#define BUS_INHIBITORS_PER_USER_MAX 8
#define BUS_INHIBITOR_TEXT_MAX 128

int bus_inhibit_on_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_inhibit_get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error);
/* The server ends: all locks with it. */
void bus_inhibit_drop_all(BusContext *context);
