/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine of engine-fixture.h, whose worker finds a few users of the file system and ends them when it is told to,
 * or says nothing where a test wants to be in between.
 */
#pragma once

#include "src/engine/engine-fail.h"
#include "tests/unit/engine-fixture.h"

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct FailFixture {
        Setup *s;
        unsigned n_lists, n_fails, n_shutdowns, n_cancels, n_unholds, n_permits;
        uint64_t last_cancelled;
        unsigned n_busy;                /* so many looks are answered by EBUSY first */
        bool is_list_silent, is_fail_silent, is_permit_silent;
        bool is_refused_by_permit;
        unsigned n_hooks;               /* times that hooks were to be run */
        bool are_hooks_silent;          /* they run on; else there are none */
        WorkerHooksRequest last_hooks;
        char hooks_message[8192];
        WorkerUsersRequest last_list;
        WorkerFailRequest last_fail;
        WorkerShutdownRequest last_shutdown;
        WorkerHold last_unhold;
        WorkloadPlan announced;         /* with the last order */
        WorkloadFate fate;              /* of whoever was announced */
        Outcome outcome;
        const char *detail;
        unsigned n_announced;
        uint64_t act_realtime_usec;
        Job *job;                       /* the last one that ended; a reference */
        unsigned n_ended;
        unsigned n_holds_told;
} FailFixture;

int fail_fixture_setup(void **state);
int fail_fixture_teardown(void **state);
extern FailFixture fixture;

/* The usual order: whoever uses it, without a warning. */
CallerOrder fail_order(WorkloadScope *scope);
Job *order(const CallerOrder *order);
FailRun *the_run(void);
bool has_ended(Setup *s);
bool is_announced(Setup *s);
bool is_ordered(Setup *s);
/* As the worker says it. @detail may be NULL. */
void tell_result(Setup *s, uint64_t job_id, Outcome outcome, const char *detail);
/* Its current deadline is now. */
void run_out(FailRun *run);
