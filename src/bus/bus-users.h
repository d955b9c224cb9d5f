/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystem1.ListUsers: the worker is asked, and the answer is sent when it has come.
 */
#pragma once

#include <systemd/sd-bus.h>

int bus_users_on_list(sd_bus_message *message, void *userdata, sd_bus_error *error);
