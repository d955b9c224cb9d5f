/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine tells -> objects, property changes and signals.
 */
#pragma once

#include "src/bus/bus-context.h"

/* Subscribes, and takes in what the engine knows already. Returns 0 or a negative errno. */
int bus_observer_add(BusContext *context);
