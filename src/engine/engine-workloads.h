/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whoever uses a file system: what the rest of the engine has to do with finding, failing, freezing, holding them, and
 * with unmounting what they used. Of the files engine-fail*.c, engine-recycle.c, engine-holds.c and engine-users.c.
 */
#pragma once

#include "src/engine/engine-internal.h"
#include "src/filesystem/recycle-row.h"

/* engine-fail.c: failing, freezing, shutting down. For the JobCarrier: */
int engine_fail_for_job(Engine *engine, const Job *job);
int engine_fail_cancel_job(Engine *engine, const Job *job);
/* Before the queue hears of it. */
void engine_fail_on_worker_lost(Engine *engine);
void engine_fail_on_job_ended(Engine *engine, const Job *job);
void engine_forget_fail_runs(Engine *engine);
/* True if it was the answer to one of our questions. */
bool engine_fail_on_unit_ended(Engine *engine, const WorkerJobResult *result);
/* Of the hooks that were run for an announcement; true if it was their end. */
void engine_fail_on_hook(Engine *engine, const WorkerHook *told);
bool engine_fail_on_hooks_ended(Engine *engine, const WorkerJobResult *result);
void engine_on_workload(Engine *engine, const WorkerWorkload *told);
/* Says in the result who was hit. */
void engine_fail_add_detail(Engine *engine, WorkerJobResult *result);
void engine_fail_tell_conditions(Engine *engine, Filesystem *filesystem, const Job *job);

/* engine-fail-list.c: who is taken; for a job, and for whoever only asks. Return 0 or -ENOMEM. */
int engine_plan_add_user(WorkloadPlan *plan, const WorkerUser *user);
int engine_plan_decide(WorkloadPlan *plan, const WorkloadScope *scope, const Filesystem *filesystem,
                       WorkloadReports *reports);

/* engine-recycle.c: unmounting and mounting again what is shut down, as far as it differs from the above. */
/* NULL: it may be. */
const char *engine_recycle_refused_because(const Filesystem *filesystem);
/* Whoever uses it. */
WorkloadScope engine_recycle_scope(void);
/* False if somebody uses it who is spared: @reterr_why. With nobody at all it goes on. */
bool engine_recycle_plan_is_whole(WorkloadPlan *plan, char *reterr_why, size_t size_bytes);
/* Returns 0 or a negative errno. The line may break in here. */
int engine_recycle_order(Engine *engine, const WorkloadPlan *plan, Job *job, const Filesystem *filesystem);
int engine_recycle_cancel(Engine *engine, const Job *job);
void engine_recycle_on_step(Engine *engine, const WorkerJobResult *told);
void engine_recycle_on_workload(Engine *engine, const Job *job);
/* True if it was not the last word about the job. */
bool engine_recycle_on_result(Engine *engine, const WorkerJobResult *result);
/* What it is now, after it was mounted again; NULL: it is not, or that is another job. */
Filesystem *engine_recycle_filesystem(Engine *engine, const Job *job);
/* @filesystem: the above, or the one that it was; may be NULL. */
void engine_recycle_on_job_ended(Engine *engine, Job *job, Filesystem *filesystem);
void engine_forget_recycles(Engine *engine);
int engine_adopt_recycle(Engine *engine, const char *key, const void *value, size_t size_bytes);

/* engine-holds.c */
void engine_on_hold(Engine *engine, const WorkerHold *told);
/* A new worker tells all of them. */
void engine_forget_holds(Engine *engine);
/* Nothing may be wrong with it any more: then what was held until that is lifted. @filesystem NULL: with any. */
void engine_holds_look(Engine *engine, Filesystem *filesystem);

/* engine-users.c */
/* Whose the process is, out of what the worker says of it. */
void engine_workload_of_user(const WorkerUser *user, Workload *ret_workload);
void engine_on_user(Engine *engine, const WorkerUser *user);
void engine_on_users_end(Engine *engine, const WorkerUsersEnd *told);
/* Nobody will answer those that wait any more. @error: positive. */
void engine_users_end_all(Engine *engine, int error);
