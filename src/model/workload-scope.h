/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of those who use a file system a rule or a person wants to be failed or frozen, and how. A plain value: made by
 * policy/ and src/bus/, read on both sides of the worker's line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "src/basic/names.h"
#include "src/model/workload.h"

typedef enum WorkloadWho {
        WHO_FILE_USERS,                 /* of the one file that the event is about */
        WHO_FS_USERS,                   /* of anything on the file system */
        WHO_VOLUME_USERS,               /* the pod in whose volumes folder the file system is mounted */
} WorkloadWho;
DECLARE_NAMES(workload_who, WorkloadWho)
#define N_WORKLOAD_WHOS (WHO_VOLUME_USERS + 1)

typedef enum WorkloadHow {
        HOW_STOP,                       /* StopUnit: nothing starts it again by itself; a container: SIGTERM */
        HOW_FAIL,                       /* it is killed and ends failed: OnFailure= and Restart= see it */
        HOW_FREEZE,                     /* its processes stand still, for a while */
} WorkloadHow;
DECLARE_NAMES(workload_how, WorkloadHow)
#define N_WORKLOAD_HOWS (HOW_FREEZE + 1)

/* What became of one of them. */
typedef enum WorkloadFate {
        FATE_SPARED,                    /* nothing was done to it */
        FATE_STOPPED,                   /* it ended when it was asked to */
        FATE_FAILED,                    /* it ended and its unit is failed, or its runtime saw it end */
        FATE_KILLED,                    /* it was asked, did not end in time, and was killed */
        FATE_FROZEN,
        FATE_THAWED,                    /* it had been frozen, and is not any more */
        FATE_GONE,                      /* it had ended by itself before anything was done */
        FATE_LEFT,                      /* it could not be ended, and is still there */
        FATE_BACK,                      /* it ended, and was started again by somebody */
} WorkloadFate;
DECLARE_NAMES(workload_fate, WorkloadFate)
#define N_WORKLOAD_FATES (FATE_BACK + 1)

/* What "only" narrows by. */
typedef enum WorkloadKey {
        WORKLOAD_KEY_UNIT,
        WORKLOAD_KEY_SLICE,
        WORKLOAD_KEY_CONTAINER,
        WORKLOAD_KEY_POD,
} WorkloadKey;
DECLARE_NAMES(workload_key, WorkloadKey)
#define N_WORKLOAD_KEYS (WORKLOAD_KEY_POD + 1)

/* Patterns of one key, a line each. */
#define WORKLOAD_ONLY_SIZE 512
/* In place of a pattern: whatever it is, so long as there is one. */
#define WORKLOAD_ANY "any"

/* Units and containers that one action may take unless the rule says otherwise, and that it may take at all. */
#define WORKLOADS_MAX_DEFAULT 3
#define WORKLOADS_MAX_LIMIT 64

#define WORKLOAD_TERM_DEFAULT_USEC (30 * USEC_PER_SEC)
#define WORKLOAD_WARN_MAX_USEC (10 * USEC_PER_MINUTE)
#define WORKLOAD_TERM_MAX_USEC (30 * USEC_PER_MINUTE)
#define WORKLOAD_THAW_MAX_USEC USEC_PER_HOUR
/* Of `hold`: until the condition clears. */
#define WORKLOAD_HOLD_UNTIL_CLEAR USEC_INFINITY

typedef struct WorkloadScope {
        uint8_t who;                    /* WorkloadWho */
        uint8_t how;                    /* WorkloadHow */
        uint8_t is_large_confirmed;     /* 1: more than @max may be taken */
        uint8_t even_if_unused;         /* 1: units that "only" names exactly are taken also if they do not use it */
        uint32_t max;                   /* more than so many: none */
        uint64_t warn_usec;             /* announced so long before; 0: not waited for */
        uint64_t term_usec;             /* after SIGTERM or stop so long to SIGKILL; HOW_FAIL: 0, no SIGTERM */
        uint64_t hold_usec;             /* how long a unit may not be started again; 0: it may at once */
        uint64_t thaw_usec;             /* HOW_FREEZE: for so long */
        char only[N_WORKLOAD_KEYS][WORKLOAD_ONLY_SIZE]; /* "": not narrowed by this key */
} WorkloadScope;

/* The usual values: those of a rule that says nothing but @how. */
WorkloadScope workload_scope_default(WorkloadHow how);

/* Adds a pattern. Returns 0; -EINVAL for one that no name can have; or -ENOBUFS if there is no room for it. */
int workload_scope_add_only(WorkloadScope *scope, WorkloadKey key, const char *pattern);

/* True for texts without any of the letters of a glob. */
bool workload_pattern_is_exact(const char *pattern);

/* Whether a value of this key is one of those that are wanted. True if the key does not narrow. */
bool workload_scope_fits(const WorkloadScope *scope, WorkloadKey key, const char *value);

/* Whether the unit is named as a session, with as much of its name as tells that it is one: "session-*.scope" names
 * sessions, "*" does not. */
bool workload_scope_names_session(const WorkloadScope *scope, const char *unit);

/* A negative answer ends it and is returned. */
typedef int (*WorkloadPattern)(const char *pattern, void *userdata);
int workload_scope_each_only(const WorkloadScope *scope, WorkloadKey key, WorkloadPattern call, void *userdata);

/* Whether both mean the same users; how and when something is done to them may differ. */
bool workload_scope_same_users(const WorkloadScope *a, const WorkloadScope *b);

/* What somebody else handed over: within all bounds, texts terminated. */
bool workload_scope_is_valid(const WorkloadScope *scope);
