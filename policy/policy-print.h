/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy as it is in force, as one file: what is left of all files after merging, in the order in which it is looked
 * at, each part with where it came from. It loads, and decides the same.
 */
#pragma once

#include <stdio.h>

#include "policy/policy-compile.h"

/* Returns 0, or -EIO if @stream could not be written. */
int policy_print(const Policy *policy, FILE *stream);
