/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which the steps of a decision are done: of `do` each after the one before it, of `escalate` only if that
 * did not help. The same for the engine, which waits between two steps, and for a simulated stream.
 */
#pragma once

#include "src/model/decision.h"
#include "src/model/job-report.h"

/* How a step ended. */
typedef enum StepEnd {
        STEP_TOLD,                      /* it only tells, and did; or it waits for its window */
        STEP_REFUSED,                   /* it was not begun */
        STEP_ENDED,                     /* with an outcome */
} StepEnd;

/* What an escalation came to. */
typedef enum EscalationEnd {
        ESCALATION_HELPED,              /* the step that ended last did */
        ESCALATION_EXHAUSTED,           /* none of them did */
        ESCALATION_CANCELLED,           /* unmounted, shut down, called off: nothing is known */
} EscalationEnd;

/**
 * decision_step_after() - what comes after a step
 * @step:    index in @decision->actions
 * @outcome: with STEP_ENDED
 * @ret_end: of a decision that is_escalating, when nothing comes after it; may be NULL
 *
 * A step that hung in the kernel, or whose process died there, is followed by the first one that does not touch the
 * file system.
 *
 * Returns: the next step, or decision->n_actions: there is none.
 */
size_t decision_step_after(const Decision *decision, size_t step, StepEnd how, Outcome outcome, EscalationEnd *ret_end);
