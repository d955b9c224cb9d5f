/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `patrol`: whether damage is looked for that nobody has met yet. For this folder; everybody else asks policy_patrol().
 */
#pragma once

#include <stdio.h>

#include "policy/rule-source.h"

/* "patrol: {mode: at-mount, share: 2%}"; nothing if there is none. */
void patrol_print(const PatrolPolicy *patrol, FILE *stream);
