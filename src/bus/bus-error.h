/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Error names of the bus for the errno values that engine, queue and table give. One table; clients see
 * names and sentences, never bare numbers.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "src/basic/macro.h"

/* The name for a (positive or negative) errno; BUS_ERROR_FAILED for those without one of their own. */
const char *bus_error_name(int error);

/**
 * bus_error_set() - answer a call with what went wrong
 * @error:     of the method handler
 * @r:         negative errno
 * @format:    one sentence for people: what could not be done
 *
 * Returns: a negative errno, for `return` out of the handler.
 */
int bus_error_set(sd_bus_error *error, int r, const char *format, ...) _printf_(3, 4);
