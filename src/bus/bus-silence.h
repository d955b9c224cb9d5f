/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.Silence, Unsilence and ListSilences.
 */
#pragma once

#include "src/bus/bus-context.h"

/* The longest there may be, and the longest for which an acknowledgement's permission is enough. */
#define BUS_SILENCE_MAX_USEC (90 * USEC_PER_DAY)
#define BUS_SILENCE_SHORT_USEC USEC_PER_DAY

int bus_silence_on_silence(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_silence_on_unsilence(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_silence_on_list(sd_bus_message *message, void *userdata, sd_bus_error *error);
/* How many there are. */
uint32_t bus_silence_count(BusContext *context);
/* One began or ended. */
void bus_silence_changed(BusContext *context, const Suspension *silence, bool is_set);
