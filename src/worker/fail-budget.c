/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of moments: as long as the oldest one is less than an hour ago, all of them are.
 */
#include "src/worker/fail-budget.h"

#include "src/basic/macro.h"

void fail_budget_note(FailBudget *budget, WorkloadFate fate, uint64_t now_usec) {
        /* What was frozen is told when it is thawed again. */
        if (fate == FATE_SPARED || fate == FATE_GONE)
                return;
        budget->ended_usec[budget->next] = now_usec;
        budget->next = (budget->next + 1) % FAIL_BUDGET_MAX;
}

bool fail_budget_has_room(const FailBudget *budget, uint64_t now_usec, uint64_t *ret_left_usec) {
        uint64_t oldest_usec = budget->ended_usec[budget->next];
        uint64_t gone_usec = now_usec - oldest_usec;

        *ret_left_usec = 0;
        if (oldest_usec == 0 || gone_usec >= FAIL_BUDGET_USEC)
                return true;
        *ret_left_usec = FAIL_BUDGET_USEC - gone_usec;
        return false;
}
