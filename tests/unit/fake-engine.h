/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine without worker, policy files and kernel, for tests of src/bus: real tables and queues, and a carrier
 * that only remembers what it was asked for. Defines the functions of engine.h, and the few of policy/ that show a
 * policy.
 */
#pragma once

#include "src/engine/engine-autofsck.h"
#include "src/engine/engine-explain.h"
#include "src/engine/engine.h"

typedef struct FakeEngine {
        unsigned n_started, n_cancelled;        /* what the carrier was asked for */
        uint64_t last_job_id;
        unsigned n_orders, n_reloads;
        CallerOrder last_order;                 /* texts in it are not valid any more, except the next one */
        char last_override[64];
        int order_result;                       /* negative: engine_order() fails so */
        const char *denied;                     /* with -EACCES */
        uint64_t braked_until_usec;
        unsigned n_resumed;
        int reload_result;
        const char *problems;
        bool is_worker_connected;
        int users_result;                       /* negative: engine_list_users() fails so */
        const WorkerUser *users;                /* what it tells at once */
        size_t n_users;
        WorkerUsersEnd users_end;
        uint64_t users_inode;                   /* that was asked for last */
        unsigned n_users_questions;
        WorkloadScope last_scope;               /* of the last order with one */
        char last_reason[64];
        size_t n_inhibitors;
        const WorkerHold *holds;
        size_t n_holds;
        char last_unhold[UNIT_NAME_SIZE];
        int unhold_result;
        Acknowledgement last_acknowledgement;   /* texts in it are not valid any more */
        char last_target[CONDITION_TARGET_SIZE];        /* of it */
        unsigned n_acknowledged;
        int acknowledge_result;
        Suspension suspensions[4];              /* those that there are; @n_suspensions */
        size_t n_suspensions;
        unsigned n_suspends, n_unsuspends;
        Suspension last_suspend;
        int suspend_result;
        HealthEvent last_test_event;
        unsigned n_test_events;
        int test_event_result;
        char last_unsuspend[64];                /* "pause all" */
        EngineTotals totals;
        AutofsckOrder last_autofsck;            /* the reason is in last_reason */
        unsigned n_autofsck;
        int autofsck_result;                    /* negative: engine_autofsck() fails so; positive: its answer does */
        const Explanation *explanation;         /* what engine_explain() tells at once */
        int explain_result;                     /* negative: it fails so */
        char last_event[256];                   /* of it, cut */
        uint64_t last_filesystem_id;            /* of it; 0: none */
        int check_result;                       /* of engine_check_policy(), with one problem */
        size_t check_length;                    /* that it was given */
} FakeEngine;

Engine *fake_engine_new(sd_event *event);
void fake_engine_free(Engine *engine);
FakeEngine *fake_engine(Engine *engine);

typedef struct FakeFilesystem {
        const char *device, *mount_point, *uuid, *label;        /* uuid NULL: absent */
        dev_t device_number;
        bool is_removable;
} FakeFilesystem;

/* Adds it to the table and tells the observers. */
Filesystem *fake_engine_add_filesystem(Engine *engine, const FakeFilesystem *what);
void fake_engine_remove_filesystem(Engine *engine, Filesystem *filesystem);
void fake_engine_changed(Engine *engine, Filesystem *filesystem);

void fake_engine_tell_event(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, const char *path);
void fake_engine_tell_decision(Engine *engine, const Decision *decision, const HealthEvent *event,
                               const Filesystem *filesystem);
void fake_engine_tell_notice(Engine *engine, Severity severity, const char *message, const HealthEvent *event,
                             const Filesystem *filesystem);
void fake_engine_tell_refused(Engine *engine, ActionKind action, const char *why, const Decision *decision,
                              const HealthEvent *event, const Filesystem *filesystem);
void fake_engine_raise(Engine *engine, Filesystem *filesystem, ConditionCode code, const char *target,
                       const char *message);
void fake_engine_announce(Engine *engine, Job *job);
void fake_engine_tell_holds(Engine *engine, const WorkerHold *holds, size_t n);
void fake_engine_tell_progress(Engine *engine, uint64_t job_id, ScanProgress progress);
void fake_engine_tell_job_progress(Engine *engine, Job *job);
void fake_engine_tell_worker(Engine *engine, bool is_connected);
