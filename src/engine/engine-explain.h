/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running policy makes of an event that somebody wrote down, with what it remembers now; and what the
 * loader makes of a policy that somebody holds up to it. Nothing is changed, counted or begun.
 */
#pragma once

#include "src/engine/engine.h"
#include "src/model/workload-report.h"

#define EXPLAIN_EVENT_MAX ((size_t) 64 * 1024)
/* Actions whose users are looked up; further ones are counted. */
#define EXPLAIN_PLANS_MAX 4
#define EXPLAIN_WHY_SIZE 256

/* Whom an action would take. */
typedef struct ExplainedPlan {
        ActionKind action;              /* ACTION_FAIL_WORKLOAD or ACTION_FREEZE */
        char rule_id[RULE_ID_SIZE];
        PolicyMode mode;
        WorkloadScope scope;
        WorkloadReports workloads;
        char refused[EXPLAIN_WHY_SIZE]; /* nobody would be taken after all: why; "" */
        int error;                      /* positive errno: who uses it could not be found out */
} ExplainedPlan;

typedef struct Explanation {
        char *text;                     /* of many lines, as policy_explain() writes them */
        char *decisions[POLICY_DECISIONS_MAX];  /* a line for each */
        size_t n_decisions;
        uint64_t filesystem_id;         /* the mounted one that it is about; 0: none is known */
        ExplainedPlan plans[EXPLAIN_PLANS_MAX];
        size_t n_plans;
        size_t n_plans_untold;          /* beyond EXPLAIN_PLANS_MAX */
        bool is_ending;                 /* the engine goes away: nothing of it may be touched */
} Explanation;

/* Called once, and not with @explanation NULL; borrowed for the call. May be called before engine_explain() returns. */
typedef void (*EngineExplained)(void *userdata, const Explanation *explanation);

typedef struct ExplainQuestion {
        const char *event;              /* as policy/event-example.h says; of one event */
        size_t length;
        const Filesystem *filesystem;   /* what is not written is as it is there; NULL: what is not written is unknown,
                                         * and a mounted one is looked for by UUID, mount point, device of the event */
} ExplainQuestion;

/**
 * engine_explain() - what would be decided, why, and whom it would hit?
 * @question:        borrowed for the call
 * @reterr_problems: new text that says what is wrong with the event, one problem a line, only with -EINVAL; free()
 *
 * Without a time it is decided now, by the machine's zone. Who uses the file system is asked of the worker, as a job
 * without its last step does.
 *
 * Returns: 0, @explained was or will be called; or a negative errno, it will not: -EINVAL; -E2BIG beyond
 * EXPLAIN_EVENT_MAX; -ENOMEM.
 */
int engine_explain(Engine *engine, const ExplainQuestion *question, EngineExplained explained, void *userdata,
                   char **reterr_problems);

/**
 * engine_check_policy() - is this a policy that could be loaded?
 * @text:     as one main file; borrowed
 * @problems: gets what is wrong; policy_problems_clear()
 *
 * The running policy stays. Returns: 0; -EINVAL if it has errors; -ENOMEM.
 */
int engine_check_policy(Engine *engine, const char *text, size_t length, PolicyProblems *problems);
