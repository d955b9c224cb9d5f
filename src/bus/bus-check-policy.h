/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.CheckPolicy: a policy that somebody holds up in sealed memory, through the loader.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_check_policy_on_check(sd_bus_message *message, void *userdata, sd_bus_error *error);
