/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file system that is watched: read, told, repaired. One process with a loop; what can sleep in the kernel is done
 * by its children, one kind at a time.
 */
#pragma once

#include <limits.h>
#include <systemd/sd-event.h>

#include "src/action/attempt-memory.h"
#include "src/model/health-event.h"
#include "src/worker/child.h"
#include "src/worker/intents.h"
#include "src/worker/repair-child.h"
#include "src/worker/superblock-table.h"
#include "src/xfs-healer/healer-output.h"
#include "src/xfs-healer/healer-verdict.h"

/* Records that wait for the path of their inode, or for one before them. Beyond it the monitor is not read, and the
 * kernel counts what it cannot keep. */
#define REPORTS_MAX 16384
/* Structures that wait for their repair; beyond it a full scan is asked for instead. */
#define REPAIRS_MAX 1024
/* What is known to be sick, so that a survey does not tell it again. */
#define KNOWN_SICK_MAX 1024
/* The last repairs that were good: what was reported before their end is no news. */
#define HEALED_MAX 64

#define REPAIR_TIMEOUT_USEC (10 * USEC_PER_MINUTE)
#define PATH_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define SCAN_START_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define SURVEY_TIMEOUT_USEC (10 * USEC_PER_MINUTE)

typedef struct Report Report;
typedef struct Repair Repair;

typedef struct Healed {
        RepairTarget target;            /* STRUCTURE_NONE: none */
        uint64_t ended_boottime_usec;
} Healed;

typedef struct Healer {
        HealerOptions options;
        HealerMode mode;

        sd_event *event;
        HealerOutput *output;
        ChildTable *children;

        SuperblockTable superblocks;
        Superblock *superblock;         /* the one that is watched */
        FilesystemFacts facts;

        int monitor_fd;
        sd_event_source *monitor_source;
        bool is_read_once;
        sd_event_source *quiet_timer;
        uint64_t n_lost_reported;       /* by the kernel's records */
        uint64_t n_lost_told;           /* by us: those, and what is known of before the kernel reports it */
        bool is_shut_down, is_unmounted;

        /* healer-report.c */
        TAILQ_HEAD(, Report) reports;
        size_t n_reports;
        bool is_looking_for_paths;
        size_t n_known_sick;
        SickFinding known_sick[KNOWN_SICK_MAX];

        /* healer-repair.c */
        RepairHost host;
        char kernel_release[65];
        char state_dir[PATH_MAX];
        Intents *intents;
        bool is_intents_loaded;
        TAILQ_HEAD(, Repair) repairs;
        size_t n_repairs;
        Repair *running;
        bool is_hopeless;               /* a repair crashed the kernel, or hangs in it */
        uint64_t next_job_id;
        AttemptMemory attempts;
        Healed healed[HEALED_MAX];      /* the next one in its turn is overwritten */
        size_t n_healed;
        sd_event_source *repair_timer;

        /* healer-scan.c */
        bool is_scan_wanted, is_scan_starting, is_survey_wanted, is_surveying;
        uint64_t scan_started_usec;     /* CLOCK_MONOTONIC; 0: never */
        sd_event_source *scan_timer, *survey_timer;

        bool is_leaving;
        sd_event_source *leave_timer;
        uint64_t leave_until_usec;
        int stop_signal;                /* 0: none came */
        HealerEnd end;
} Healer;

/* What people and scripts read: one line on standard output, or on standard error. */
void healer_say(Healer *healer, const char *text);
void healer_complain(const Healer *healer, const char *text);

/* healer-start.c. Looks at the mount point, opens its monitor and lets go of the mount. HEALER_WELL: it is watched, or
 * (HEALER_SAY_SUPPORTED) could be. All else was said. */
HealerEnd healer_start(Healer *healer);

/* healer-report.c. The events of one record, or of one finding: told in their order, and acted on when told. */
void healer_report(Healer *healer, const HealthEvent *events, size_t n_events);
/* The same for what the kernel remembers, unless it is known. */
void healer_report_remembered(Healer *healer, const HealthEvent *event);
/* What became of an event: a line behind all others. @path as of healer_repair_want(). */
void healer_report_answer(Healer *healer, const HealthEvent *event, const char *path, const char *answer);
/* No path is looked for any more: what waits is told without. */
void healer_report_rest(Healer *healer);
void healer_report_clear(Healer *healer);

/* healer-repair.c. */
int healer_repair_prepare(Healer *healer);
/* @path: of the inode below the mount point, borrowed; or NULL. */
void healer_repair_want(Healer *healer, const HealthEvent *event, const char *path);
void healer_repair_continue(Healer *healer);
/* Nothing that has not begun is begun any more. */
void healer_repair_drop(Healer *healer);
void healer_repair_clear(Healer *healer);

/* healer-scan.c. */
void healer_scan_want(Healer *healer);
void healer_survey_want(Healer *healer, uint64_t after_usec);
void healer_scan_clear(Healer *healer);

/* healer.c. */
Healer *healer_new(const HealerOptions *options);
Healer *healer_free(Healer *healer);
DEFINE_CLEANUP(Healer, healer_free)
/* Watches until the end. Returns 0 or a negative errno. */
int healer_run(Healer *healer);
/* The queue of reports has room again. */
void healer_read_on(Healer *healer);
