/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy files as they were written, typed and with positions: what policy-parse.c makes of a tree,
 * policy-load.c merges, and policy-compile.c turns into a Policy. Values were checked one by one;
 * whether a rule makes sense as a whole is the compiler's business.
 */
#pragma once

#include <stdio.h>

#include "policy/calendar.h"
#include "policy/pattern.h"
#include "policy/policy-problem.h"
#include "policy/policy-vocabulary.h"
#include "policy/rule-timing.h"
#include "policy/time-window.h"
#include "src/model/decision.h"

#define POLICY_RULES_MAX 4096
#define POLICY_PROTECTS_MAX 256
#define POLICY_WINDOWS_MAX 64
#define POLICY_ROUTES_MAX 32
#define POLICY_SCHEDULES_MAX 64

typedef enum ConditionKind {
        CONDITION_TEST,         /* one test of one fact */
        CONDITION_ALL,          /* every child holds; without children: yes */
        CONDITION_ANY,          /* at least one child holds */
        CONDITION_NONE,         /* no child holds */
} ConditionKind;

typedef enum TestKind {
        TEST_MASK,              /* words and truth values: bit `number` of @mask */
        TEST_RANGE,             /* numbers and errnos: @min to @max */
        TEST_PATTERN,           /* texts */
        TEST_WINDOW,            /* times: @pattern is the name of @window */
} TestKind;

typedef struct Condition Condition;

struct Condition {
        ConditionKind kind;
        SourcePosition position;
        size_t n_children;
        Condition *children;            /* array of n_children; owned */

        const MatchKey *key;            /* CONDITION_TEST from here on */
        TestKind test;
        uint64_t mask;
        uint64_t min, max;
        Pattern *pattern;               /* owned */
        const TimeWindow *window;       /* of the Policy; NULL before it is compiled */
};

/* Releases what it holds, not the struct itself. */
void condition_clear(Condition *condition);
/* Same tests in the same order; positions do not count. */
bool condition_equal(const Condition *a, const Condition *b);
/* The value of a test as one would write it behind its key ("{regex: '^scratch'}"). */
void condition_print_value(const Condition *condition, FILE *stream);
/* In quotes, as YAML wants it. */
void policy_print_quoted(const char *text, FILE *stream);
/* The test as one would write it ("fs.label: {regex: '^scratch'}"); new, NULL if out of memory. */
char *condition_text(const Condition *condition);

typedef enum OnUnknown {
        ON_UNKNOWN_SKIP,
        ON_UNKNOWN_MATCH,
} OnUnknown;
DECLARE_NAMES(on_unknown, OnUnknown)

typedef enum PolicyBaseline {
        BASELINE_AUTOFSCK,
        BASELINE_OFF,
} PolicyBaseline;
DECLARE_NAMES(policy_baseline, PolicyBaseline)

/* An action as it is when no parameter is written, but for @workloads, which is none: action_scope_default(). */
ActionRequest action_request_default(ActionKind kind);
/* Whose value it has that of this action; returns false if the action has none. */
bool action_scope_default(ActionKind kind, WorkloadScope *ret_scope);

/* One step of `do` or `escalate`. */
typedef struct StepSource {
        ActionRequest request;          /* parameters; denied_by stays NULL */
        bool has_severity;              /* notify, condition: else the event's own */
        SourcePosition route_position;  /* notify, with a route */
        SourcePosition position;
        SourcePosition window_position;
        const TimeWindow *window;       /* request.window; of the Policy; NULL before it is compiled */
} StepSource;

typedef struct RuleSource {
        char id[RULE_ID_SIZE];
        SourcePosition position;
        Condition match;                /* CONDITION_ALL */
        OnUnknown on_unknown;
        SourcePosition on_unknown_position;
        size_t n_steps;
        StepSource *steps;
        int64_t priority;
        bool is_continuing;
        bool ignores_autofsck;
        bool stops_on_failure;
        bool has_mode;                  /* else the policy's */
        PolicyMode mode;
        RuleTiming timing;
        SourcePosition lasting_position, again_position;
} RuleSource;

typedef struct ProtectSource {
        char id[RULE_ID_SIZE];
        SourcePosition position;
        Condition match;                /* CONDITION_ALL; without children: everything */
        uint32_t denied;                /* bit for each ActionKind */
} ProtectSource;

/* A window of `windows`. */
typedef struct WindowSource {
        char id[RULE_ID_SIZE];
        SourcePosition position;
        TimeWindow window;
} WindowSource;

/* Where notifications go, one of `routes`. */
typedef struct RouteSource {
        char id[RULE_ID_SIZE];
        SourcePosition position;
        char *unit;                     /* template; owned */
        uint64_t group_usec;            /* what comes within this time of the first is one message */
        uint64_t resend_usec;           /* told again as long as it is so; 0: never */
} RouteSource;

#define ROUTE_GROUP_DEFAULT_USEC (30 * USEC_PER_SEC)
#define ROUTE_RESEND_DEFAULT_USEC (4 * USEC_PER_HOUR)

/* Who is asked before each destructive action. */
typedef struct PermitSource {
        SourcePosition position;
        char *unit;                     /* template; owned; NULL: nobody */
        uint64_t timeout_usec;
} PermitSource;

#define PERMIT_TIMEOUT_DEFAULT_USEC (10 * USEC_PER_SEC)

typedef struct RuleName {
        char id[RULE_ID_SIZE];
        SourcePosition position;
} RuleName;

#define PARALLEL_MAX 64

/* 0: not written. */
typedef struct PolicyLimits {
        ActionLimit actions;
        ActionLimit workloads;
        unsigned n_parallel_repairs, n_parallel_scrubs;
} PolicyLimits;

typedef enum PatrolMode {
        PATROL_OFF,
        PATROL_AT_MOUNT,                /* once after each mount */
        PATROL_CONTINUOUS,              /* and again and again */
} PatrolMode;
DECLARE_NAMES(patrol_mode, PatrolMode)
#define N_PATROL_MODES (PATROL_CONTINUOUS + 1)

#define PATROL_SHARE_DEFAULT 2          /* percent */
#define PATROL_SHARE_MAX 50

/* Looking for damage that nobody has met. */
typedef struct PatrolPolicy {
        PatrolMode mode;
        unsigned share_percent;         /* of the time in which it looks; in a source 0: not written */
        bool on_removable, on_rotating;
} PatrolPolicy;

/* What was due while nobody could do it. */
typedef enum ScheduleMissed {
        SCHEDULE_MISSED_RUN,            /* is made up for */
        SCHEDULE_MISSED_SKIP,
} ScheduleMissed;
DECLARE_NAMES(schedule_missed, ScheduleMissed)

#define SCHEDULE_SPREAD_DEFAULT_USEC USEC_PER_HOUR

/* One of `schedules`. */
typedef struct ScheduleSource {
        RuleSource rule;                /* its id, position, match and its one step; the rest is empty */
        CalendarMoments at;
        uint64_t spread_usec;           /* up to how much later: another time for each machine and file system */
        ScheduleMissed missed;
} ScheduleSource;

/* One file, or several merged. Starts as `PolicySource source = {};` */
typedef struct PolicySource {
        bool has_mode;
        PolicyMode mode;
        SourcePosition mode_position;
        bool has_baseline;
        PolicyBaseline baseline;
        PolicyLimits limits;
        Brake brake;
        bool has_patrol;
        PatrolPolicy patrol;
        PermitSource permit;
        size_t n_rules;
        RuleSource *rules;              /* in the order of files and of places in them */
        size_t n_protects;
        ProtectSource *protects;
        size_t n_disabled;
        RuleName *disabled;             /* empty after merging */
        size_t n_windows;
        WindowSource *windows;          /* names are unique */
        size_t n_routes;
        RouteSource *routes;            /* as those */
        size_t n_schedules;
        ScheduleSource *schedules;      /* as those */
        bool is_part;                   /* a drop-in alone: what it names may stand in a file that was not read */
} PolicySource;

void rule_source_clear(RuleSource *rule);
void policy_source_clear(PolicySource *source);
