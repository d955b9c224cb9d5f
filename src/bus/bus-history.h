/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.ListEvents: asks the recorder and answers when it has answered; nothing waits meanwhile.
 */
#pragma once

#include "src/bus/bus-context.h"

#define BUS_HISTORY_DEFAULT_MAX 1000

int bus_history_on_list_events(sd_bus_message *message, void *userdata, sd_bus_error *error);
