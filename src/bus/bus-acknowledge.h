/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1.Acknowledge: a person clears conditions that nothing else clears.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_acknowledge_on_acknowledge(sd_bus_message *message, void *userdata, sd_bus_error *error);
