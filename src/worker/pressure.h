/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether others wait for their disks: what can wait makes room then.
 */
#pragma once

#include <stdbool.h>

/* This much of the last ten seconds, in percent. Source: /proc/pressure/io, "some avg10". */
#define PRESSURE_HIGH_PERCENT 40.0

/* False where the kernel does not tell. */
bool pressure_is_high(void);

/* "some avg10=1.23 avg60=..." in @text. Returns the percentage, 0 if it does not say. Pure. */
double pressure_parse(const char *text);
