/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one unit of systemd's from start to end over the bus. For a child process: waits as long as the
 * unit takes.
 */
#pragma once

#include <stdbool.h>

#include "src/model/job-report.h"

typedef struct UnitRun {
        bool is_done;                   /* it ended, and what it says of itself could be read */
        bool was_stopped;               /* SIGTERM came; the unit was told to stop */
        bool did_nothing;               /* a condition of it is not met */
        bool is_forgotten;              /* it had been started, and systemd knows nothing of it any more: so it did not
                                         * fail */
        int exit_status;                /* of its main process: status or signal */
        char job_result[32];            /* "done", "failed", "canceled", "timeout", …; "": it ran already */
        char unit_result[32];           /* "success", "exit-code", "signal", … */
        char problem[JOB_DETAIL_SIZE];  /* one sentence if something went wrong on the way */
} UnitRun;

/* What systemd says of a unit before it is started. */
typedef struct UnitLoaded {
        char *load_state;               /* "loaded", "not-found", "masked", … */
        char *active_state;             /* "inactive", "active", "failed", … */
        char **names;                   /* all of them, NULL-terminated; NULL: none */
        char *fragment_path;            /* "" without one */
        char **drop_in_paths;           /* the same */
} UnitLoaded;

typedef struct UnitWanted {
        const char *name;               /* "healer-scrub@srv.service" */
        bool may_run_already;           /* an earlier worker began this: it is not started a second time */
        bool was_started;               /* the same, and systemd had accepted it */
        bool only_starts;               /* nobody waits for its end: @ret_run says nothing of it */
        bool waits_for_stop;            /* after SIGTERM until it has ended */
        /* May be NULL. Negative: it is not started; @problem says why (JOB_DETAIL_SIZE bytes). */
        int (*check)(const UnitLoaded *loaded, char *problem, void *userdata);
        /* May be NULL: what is written down comes before what is done. */
        void (*starting)(void *userdata);
        /* systemd accepted it. May be NULL. */
        void (*started)(const char *unit_name, void *userdata);
        /* It says of itself how far it is (STATUS=). May be NULL. */
        void (*status)(const char *text, void *userdata);
        void *userdata;
} UnitWanted;

/**
 * unit_run() - start a unit and, unless it @only_starts, wait for its end
 *
 * A unit has ended when it is neither active nor about to be; one that stays active without a process
 * (RemainAfterExit=) has, too. SIGTERM, blocked by the caller or not, stops the unit.
 *
 * Returns: 0; what @wanted->check said if that is negative; -ECONNRESET if the bus went away meanwhile; or another
 * negative errno if systemd could not be asked or refused; @ret_run is filled in either way.
 */
int unit_run(const UnitWanted *wanted, UnitRun *ret_run);
