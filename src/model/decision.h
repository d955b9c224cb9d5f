/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy chose for one event, as a plain value: made by policy/, walked by src/engine/,
 * shown by record and bus. Actions consume ActionRequests and never see the policy.
 */
#pragma once

#include "src/basic/cleanup.h"
#include "src/model/vocabulary.h"
#include "src/model/workload-facts.h"
#include "src/model/workload-scope.h"

typedef enum PolicyMode {
        POLICY_MODE_ENFORCE,
        POLICY_MODE_OBSERVE,            /* decide and record, do nothing */
} PolicyMode;
DECLARE_NAMES(policy_mode, PolicyMode)

typedef enum ScrubRepair {
        SCRUB_REPAIR_NEVER,
        SCRUB_REPAIR_IF_ALLOWED,
} ScrubRepair;
DECLARE_NAMES(scrub_repair, ScrubRepair)

/* What of its devices a verification of the media reads; the later one includes the earlier. */
typedef enum VerifySpace {
        VERIFY_SPACE_USED,
        VERIFY_SPACE_ALL,
} VerifySpace;
/* In a second: slower than this nobody wants it, and one read would be more than a turn. */
#define VERIFY_RATE_MIN_BYTES (UINT64_C(64) * 1024)
DECLARE_NAMES(verify_space, VerifySpace)

/* Who made a decision or asked for a job. */
typedef enum DecisionSource {
        DECISION_NONE,                  /* nobody wanted anything */
        DECISION_RULE,
        DECISION_BASELINE,
        DECISION_BUILTIN,               /* the last rule: notify of what nobody took */
        DECISION_CALLER,                /* a bus call by a person */
        DECISION_SCHEDULE,              /* it was due by the calendar */
} DecisionSource;
DECLARE_NAMES(decision_source, DecisionSource)

typedef enum Verdict {
        VERDICT_NO,
        VERDICT_YES,
        VERDICT_UNKNOWN,
} Verdict;
DECLARE_NAMES(verdict, Verdict)

/* For repairs of which nobody said how often they are tried again: only what is passing is (busy, no memory, the mount
 * point moved), and without it a race would leave damage behind. */
#define ACTION_RETRIES_DEFAULT 3
#define ACTION_BACKOFF_MIN_USEC (5 * USEC_PER_SEC)
#define ACTION_BACKOFF_MAX_USEC USEC_PER_MINUTE

/* Texts that are made while an event is decided are part of the value: nothing is allocated then. */
#define RULE_ID_SIZE 64
#define DENIED_SIZE 128
#define REASON_SIZE 128

/* Of a condition that a rule raises; in bytes. */
#define CONDITION_MESSAGE_MAX 250

typedef struct ActionRequest {
        ActionKind kind;
        Severity severity;              /* ACTION_NOTIFY, ACTION_CONDITION */
        bool has_own_severity;          /* of those: the rule says none, it is the event's */
        char *route;                    /* ACTION_NOTIFY; NULL: the built-in one (journal and bus); owned */
        char *name;                     /* ACTION_CONDITION: of the condition; NULL in a policy: the rule's id; owned */
        char *message;                  /* ACTION_LOG, ACTION_NOTIFY, ACTION_CONDITION; NULL: one is made of the event;
                                         * owned */
        char *unit;                     /* ACTION_START_UNIT: "restore@.service"; owned */
        uint64_t timeout_usec;          /* USEC_INFINITY: the action's own limit */
        unsigned n_retries;
        uint64_t backoff_min_usec, backoff_max_usec;
        ScrubRepair scrub_repair;       /* ACTION_SCRUB */
        VerifySpace verify_space;       /* ACTION_VERIFY_MEDIA */
        uint64_t rate_bytes;            /* ACTION_VERIFY_MEDIA: in a second; 0: no limit */
        WorkloadScope *workloads;       /* ACTION_FAIL_WORKLOAD, ACTION_FREEZE: of whom; owned */
        char window[RULE_ID_SIZE];      /* it is done while this one is open; "": at any time */
        uint64_t expires_usec;          /* with @window: how long it may wait for it */
        bool is_deferred;               /* @window is closed */
        uint64_t deferred_usec;         /* with it: until it opens; USEC_INFINITY: not known */
        bool ignore_autofsck;           /* the rule lifted the property as upper bound */
        char denied_by[DENIED_SIZE];    /* "protect: usb", "autofsck: check": recorded, not carried out; "": allowed */
} ActionRequest;

/* What has to pass before a decision is carried out. */
typedef enum DecisionWait {
        WAIT_NONE,
        WAIT_LASTING,                   /* `for`: it has to last */
        WAIT_GATHER,                    /* `gather`: others may come that it is done for, too */
} DecisionWait;

/* More steps than this in one `do` are an error when the policy is loaded. */
#define DECISION_ACTIONS_MAX 16

typedef struct Decision {
        uint64_t event_id;
        DecisionSource source;
        char rule_id[RULE_ID_SIZE];     /* with DECISION_RULE; of the schedule with DECISION_SCHEDULE; else "" */
        PolicyMode mode;
        bool stop_on_failure;
        bool is_escalating;             /* each step only if the one before it did not help */
        unsigned first_step;            /* with is_escalating: the rule's step that is the first action here */
        uint64_t policy_generation;
        size_t n_actions;
        ActionRequest actions[DECISION_ACTIONS_MAX];
        WorkloadUnits resting;          /* which units rest once it is done, where the rule's `cooldown` is per unit */
        DecisionWait wait;
        uint64_t wait_usec;             /* WAIT_LASTING: how long; WAIT_GATHER: without another one */
        uint64_t wait_max_usec;         /* WAIT_GATHER: since the first one */
        unsigned gather_parts;          /* WAIT_GATHER: what is gathered apart; mask of policy/rule-timing.h */
        char suppressed_by[DENIED_SIZE];        /* "cooldown: 59min left": recorded, no step is done; "": not */
        char reason[REASON_SIZE];       /* one sentence for people; "" without one */
} Decision;

void action_request_clear(ActionRequest *request);
int action_request_copy(const ActionRequest *request, ActionRequest *ret_request);
void decision_clear(Decision *decision);
/* "rule db", "baseline", "nobody": for log lines. Returns @buffer. */
char *decision_author_text(const Decision *decision, char buffer[static RULE_ID_SIZE + 16]);
