/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The methods of Filesystem1: read, authorise, order, answer with the job.
 */
#pragma once

#include <systemd/sd-bus.h>

int bus_filesystem_on_repair(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_filesystem_on_verify_media(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_filesystem_on_scrub(sd_bus_message *message, void *userdata, sd_bus_error *error);
