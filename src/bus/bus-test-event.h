/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.InjectTestEvent.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_test_event_on_inject(sd_bus_message *message, void *userdata, sd_bus_error *error);
