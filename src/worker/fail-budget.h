/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many units and containers this worker has ended in the last hour, whoever ordered it and whatever the policy
 * says: the last brake if healerd goes wild. A new worker begins anew. Pure: no clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/model/workload-scope.h"

/* As many as two of the largest orders. */
#define FAIL_BUDGET_MAX (2 * WORKLOADS_MAX_LIMIT)
#define FAIL_BUDGET_USEC USEC_PER_HOUR

/* Starts as `FailBudget budget = {};` */
typedef struct FailBudget {
        uint64_t ended_usec[FAIL_BUDGET_MAX];   /* CLOCK_MONOTONIC, of the last ones; 0: none */
        unsigned next;                  /* the oldest of them */
} FailBudget;

/* Somebody was ended, or frozen, if this fate says so. */
void fail_budget_note(FailBudget *budget, WorkloadFate fate, uint64_t now_usec);

/* False: nobody more is ended for now. @ret_left_usec: until that is over. */
bool fail_budget_has_room(const FailBudget *budget, uint64_t now_usec, uint64_t *ret_left_usec);
