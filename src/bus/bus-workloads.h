/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Those who use a file system and are failed or frozen: the orders of Filesystem1, the list of a Job1, what is held,
 * and what everybody is told of it (bus-signal.h).
 */
#pragma once

#include "src/bus/bus-context.h"

/* Methods; @userdata as in their vtables. */
int bus_workloads_on_fail(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_workloads_on_freeze(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_workloads_on_shutdown(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_workloads_on_list(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_workloads_on_list_holds(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_workloads_on_unhold(sd_bus_message *message, void *userdata, sd_bus_error *error);

/* A whole a{sv} for those who may read it: with names and reasons. Returns 0 or a negative errno. */
int bus_workloads_append(sd_bus_message *reply, const WorkloadReport *report);
