/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pause and Resume of Manager1 and Filesystem1, and how a pause is shown.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_pause_on_pause_all(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_pause_on_resume_all(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_pause_on_pause(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_pause_on_resume(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* Paused, b, and PausedBy, a{sv}; @pause NULL: none. Return a negative errno on failure. */
int bus_pause_append(sd_bus_message *reply, const Suspension *pause);
int bus_pause_append_by(sd_bus_message *reply, const Suspension *pause);

/* One began or ended: objects that show it change. */
void bus_pause_changed(BusContext *context);
