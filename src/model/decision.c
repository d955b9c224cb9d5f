/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies, releases and names decisions; making one is policy/'s business.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/model/decision.h"

static const char *const policy_mode_names[] = {
        [POLICY_MODE_ENFORCE] = "enforce",
        [POLICY_MODE_OBSERVE] = "observe",
};
DEFINE_NAMES(policy_mode, PolicyMode)

static const char *const scrub_repair_names[] = {
        [SCRUB_REPAIR_NEVER] = "never",
        [SCRUB_REPAIR_IF_ALLOWED] = "if-allowed",
};
DEFINE_NAMES(scrub_repair, ScrubRepair)

static const char *const verify_space_names[] = {
        [VERIFY_SPACE_USED] = "used",
        [VERIFY_SPACE_ALL] = "all",
};
DEFINE_NAMES(verify_space, VerifySpace)

static const char *const decision_source_names[] = {
        [DECISION_NONE] = "none",
        [DECISION_RULE] = "rule",
        [DECISION_BASELINE] = "baseline",
        [DECISION_BUILTIN] = "builtin",
        [DECISION_CALLER] = "caller",
        [DECISION_SCHEDULE] = "schedule",
};
DEFINE_NAMES(decision_source, DecisionSource)

static const char *const verdict_names[] = {
        [VERDICT_NO] = "no",
        [VERDICT_YES] = "yes",
        [VERDICT_UNKNOWN] = "unknown",
};
DEFINE_NAMES(verdict, Verdict)

void action_request_clear(ActionRequest *request) {
        if (!request)
                return;

        free(request->route);
        free(request->name);
        free(request->message);
        free(request->unit);
        free(request->workloads);
        *request = (ActionRequest) {};
}

static int copy_text(char **slot, const char *text) {
        if (!text)
                return 0;

        *slot = strdup(text);
        return *slot ? 0 : -ENOMEM;
}

int action_request_copy(const ActionRequest *request, ActionRequest *ret_request) {
        _cleanup_(action_request_clear) ActionRequest copy = *request;
        int r;

        /* Nothing owned may stand in the copy before it is the copy's own. */
        copy.route = copy.name = copy.message = copy.unit = NULL;
        copy.workloads = NULL;

        r = copy_text(&copy.route, request->route);
        if (r >= 0)
                r = copy_text(&copy.name, request->name);
        if (r >= 0)
                r = copy_text(&copy.message, request->message);
        if (r >= 0)
                r = copy_text(&copy.unit, request->unit);
        if (r >= 0 && request->workloads) {
                copy.workloads = malloc(sizeof(*copy.workloads));
                if (!copy.workloads)
                        return -ENOMEM;
                *copy.workloads = *request->workloads;
        }
        if (r < 0)
                return r;

        *ret_request = copy;
        copy = (ActionRequest) {};
        return 0;
}

void decision_clear(Decision *decision) {
        if (!decision)
                return;

        for (size_t i = 0; i < decision->n_actions; i++)
                action_request_clear(decision->actions + i);
        /* The places of actions that are not in use hold nothing, and are some kilobytes. */
        memset(decision, 0, offsetof(Decision, actions));
        decision->resting.n_items = decision->resting.n_left_out = 0;
        decision->reason[0] = 0;
}

char *decision_author_text(const Decision *decision, char buffer[static RULE_ID_SIZE + 16]) {
        static const char *const authors[] = {
                [DECISION_NONE] = "nobody",
                [DECISION_RULE] = "rule ",
                [DECISION_BASELINE] = "baseline",
                [DECISION_BUILTIN] = "built-in rule",
                [DECISION_CALLER] = "caller",
                [DECISION_SCHEDULE] = "schedule ",
        };

        buffer[0] = '\0';
        if ((size_t) decision->source < ELEMENTSOF(authors))
                (void) text_append_format(buffer, RULE_ID_SIZE + 16, "%s%s", authors[decision->source],
                                          decision->rule_id);
        return buffer;
}
