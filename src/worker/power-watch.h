/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the machine runs on its battery, and when that changes: what can wait is not begun then. As systemd's
 * ConditionACPower= has it.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"

typedef struct PowerWatch PowerWatch;

/* @sysfs: "/sys". A battery feeds it, and nothing else does. False where that cannot be told. */
bool power_is_on_battery(const char *sysfs);

/**
 * power_watch_new() - look now, and whenever udev tells of a power supply
 * @on_change: it is another now
 *
 * Where udev cannot be heard the first look counts, which is said.
 */
int power_watch_new(sd_event *event, void (*on_change)(bool is_on_battery, void *userdata), void *userdata,
                    PowerWatch **ret_watch);
PowerWatch *power_watch_free(PowerWatch *watch);
DEFINE_CLEANUP(PowerWatch, power_watch_free)

bool power_watch_is_on_battery(const PowerWatch *watch);
