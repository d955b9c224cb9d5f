/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.DumpEvents: the history through a pipe, of any size, as lines of JSON. A page is asked for when the one
 * before it was read, so that a large history takes no more memory than a small one, and a slow reader holds up nobody.
 */
#pragma once

#include "src/bus/bus-context.h"

/* In all, and of one user. */
#define BUS_DUMPS_MAX 8
#define BUS_DUMPS_PER_USER_MAX 2
#define BUS_DUMP_PAGE_ROWS 128
/* A reader that takes nothing for so long is cut off. */
#define BUS_DUMP_DEADLINE_USEC (30 * USEC_PER_SEC)

int bus_dump_on_dump_events(sd_bus_message *message, void *userdata, sd_bus_error *error);
/* The server ends: all of them with it, without a last line. */
void bus_dump_drop_all(BusContext *context);
