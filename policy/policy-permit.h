/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `permit`: who is asked before each destructive action. For this folder; everybody else asks policy_permit().
 */
#pragma once

#include <stdio.h>

#include "policy/rule-source.h"

/* "{unit: 'ask@.service', timeout: 10s}" */
void permit_print_value(const PermitSource *permit, FILE *stream);
