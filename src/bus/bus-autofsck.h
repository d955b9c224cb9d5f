/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1.GetAutofsck and SetAutofsck: answered when the worker has looked.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_autofsck_on_get(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_autofsck_on_set(sd_bus_message *message, void *userdata, sd_bus_error *error);
