/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each outcome means for the steps after it.
 */
#include "policy/decision-walk.h"

#include "policy/policy-vocabulary.h"

/* Calls into the file system, and would hang where another call hangs. */
static bool touches_filesystem(ActionKind kind) {
        static const ActionKind kinds[] = {
                ACTION_SURVEY, ACTION_REPAIR, ACTION_SCRUB, ACTION_VERIFY_MEDIA, ACTION_FREEZE, ACTION_SHUTDOWN,
                ACTION_RECYCLE,
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (kinds[i] == kind)
                        return true;
        return false;
}

static bool is_called_off(Outcome outcome) {
        return outcome == OUTCOME_UNMOUNTED || outcome == OUTCOME_SHUT_DOWN || outcome == OUTCOME_CANCELLED;
}

static bool hung(Outcome outcome) {
        return outcome == OUTCOME_STUCK || outcome == OUTCOME_CRASHED;
}

/* To know more is no help yet. */
static bool has_helped(ActionKind kind, Outcome outcome) {
        return outcome_is_success(outcome) && kind != ACTION_SURVEY && !action_word_of(kind)->is_telling;
}

static size_t escalate(const Decision *decision, size_t step, StepEnd how, Outcome outcome, EscalationEnd *ret_end) {
        size_t next = step + 1;

        *ret_end = ESCALATION_EXHAUSTED;
        if (how != STEP_ENDED)
                return next;
        if (has_helped(decision->actions[step].kind, outcome) || is_called_off(outcome)) {
                *ret_end = is_called_off(outcome) ? ESCALATION_CANCELLED : ESCALATION_HELPED;
                return decision->n_actions;
        }
        while (hung(outcome) && next < decision->n_actions && touches_filesystem(decision->actions[next].kind))
                next++;
        return next;
}

size_t decision_step_after(const Decision *decision, size_t step, StepEnd how, Outcome outcome,
                           EscalationEnd *ret_end) {
        EscalationEnd end = ESCALATION_CANCELLED;
        bool has_failed = how == STEP_REFUSED || (how == STEP_ENDED && !outcome_is_success(outcome));
        size_t next = step + 1;

        if (decision->is_escalating)
                next = escalate(decision, step, how, outcome, &end);
        else if (has_failed && decision->stop_on_failure)
                next = decision->n_actions;
        if (ret_end)
                *ret_end = end;
        return next;
}
