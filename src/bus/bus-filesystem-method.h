/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The methods of Filesystem1: read, authorise, order, answer with the job.
 */
#pragma once

#include "src/bus/bus-context.h"

/* That one user, who is not root, has asked for and that have not ended. */
#define BUS_JOBS_PER_USER_MAX 8

/* With options that were read and found good: authorise, order, answer. Returns as a handler does. @order gets the
 * caller. */
int bus_filesystem_order(BusFilesystem *object, sd_bus_message *message, BusVariant variant, const BusDetail *details,
                         size_t n_details, CallerOrder *order, sd_bus_error *error);

int bus_filesystem_on_repair(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_filesystem_on_verify_media(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_filesystem_on_scrub(sd_bus_message *message, void *userdata, sd_bus_error *error);
