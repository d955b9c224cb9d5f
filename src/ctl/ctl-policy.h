/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs of `healerctl policy` share.
 */
#pragma once

#include <jansson.h>

#include "policy/policy-compile.h"

/* The policy of the machine, or that of a file. What is wrong with it is said on standard error. New; NULL: it does not
 * load. */
Policy *ctl_policy_load(const char *path);

/* By the names of the vocabulary. New; NULL if out of memory. */
json_t *ctl_policy_decision_json(const Decision *decision);
