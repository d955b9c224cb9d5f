/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a decision looks at: one event and everything gathered about it. All pointers are borrowed and
 * stay valid for the time of the decision.
 */
#pragma once

#include "src/basic/zone.h"
#include "src/model/file-owner.h"
#include "src/model/filesystem-facts.h"
#include "src/model/health-event.h"
#include "src/model/workload-facts.h"

/* What a decision about an event waited for, which is being looked at once more. */
typedef enum ResumedFrom {
        RESUMED_NOT,                    /* it is new */
        RESUMED_LASTED,
        RESUMED_GATHERED,
        RESUMED_WINDOW,                 /* a window of time may be open now */
        RESUMED_SCHEDULE,               /* it is due by the calendar */
} ResumedFrom;

typedef struct EventFacts {
        const HealthEvent *event;
        uint64_t now_boottime_usec;             /* of the decision: windows, cooldowns */
        uint64_t now_realtime_usec;             /* the same moment on the clock on the wall; 0: not known */
        ResumedFrom resumed_from;
        const char *resumed_rule;               /* with it: the one rule, or schedule, that is looked at */
        unsigned resumed_step;                  /* RESUMED_WINDOW: the one step of it, from 0 */
        const Zone *zone;                       /* of that clock; NULL: UTC */
        const FilesystemFacts *filesystem;      /* NULL: the event belongs to none (our own state) */
        FactState path_state;                   /* of the inode */
        int path_error;                         /* positive errno, with FACT_UNKNOWN */
        const char *const *paths;               /* absolute, "/srv/dir/file": one for each mount that shows the whole
                                                 * file system; with FACT_KNOWN at least one; NULL-terminated */
        const FileOwner *owner;                 /* of the inode; NULL: unknown, nobody looked */
        FactState workloads_state;              /* who uses the inode or, without one, the file system; absent:
                                                 * nobody */
        int workloads_error;                    /* positive errno, with FACT_UNKNOWN; 0: nobody looked */
        const WorkloadFacts *workloads;         /* with FACT_KNOWN; settled */
} EventFacts;
