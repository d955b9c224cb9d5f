/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decisions as JSON, by the names of the vocabulary.
 */
#pragma once

#include <jansson.h>

#include "src/model/decision.h"

/* New; NULL if out of memory. */
json_t *ctl_policy_decision_json(const Decision *decision);
