/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerctl's end of systemd: units of other programs are stopped and started over the bus, each call and each job with
 * a deadline. Only `takeover` and `release` command it; healerd does through its worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "src/ctl/ctl-exit.h"

/* systemd answers at once or is in trouble. */
#define CTL_SYSTEMD_CALL_USEC (25 * USEC_PER_SEC)
/* healerd has a minute to start; units of xfsprogs have systemd's 90 s to stop. */
#define CTL_SYSTEMD_JOB_USEC (100 * USEC_PER_SEC)

typedef struct CtlSystemd {
        sd_bus *bus;                    /* NULL: systemd is not what runs here; there is nothing to command */
        char *job_path;                 /* of the job that is waited for */
        char job_result[32];            /* how it ended: "done", "skipped", "failed", … */
} CtlSystemd;

/* What to do with each unit that a list names. */
typedef void (*CtlUnitFunction)(CtlSystemd *systemd, const char *unit, void *userdata);

/* Connects. Where systemd is not what runs (an image being built), that is no error, and all calls below do nothing. */
CtlExit ctl_systemd_open(CtlSystemd *systemd);
void ctl_systemd_close(CtlSystemd *systemd);

/* All of these return 0 or a negative errno, after saying on standard error what is wrong. */

int ctl_systemd_reload(CtlSystemd *systemd);

/* Is it running, or on its way to? A unit that does not exist is not. */
int ctl_systemd_is_active(CtlSystemd *systemd, const char *unit, bool *ret_is_active);

/* Shall it be started at boot? A unit that does not exist shall not, a masked one neither. */
int ctl_systemd_is_enabled(CtlSystemd *systemd, const char *unit, bool *ret_is_enabled);

/* Calls @function for each unit in memory that matches @pattern and runs. */
int ctl_systemd_for_each_active(CtlSystemd *systemd, const char *pattern, CtlUnitFunction function, void *userdata);

/* Calls @function for each unit that is started at boot and whose name begins with @prefix. */
int ctl_systemd_for_each_wanted(CtlSystemd *systemd, const char *prefix, CtlUnitFunction function, void *userdata);

/* @verb: "StartUnit" or "StopUnit"; waits until it has happened. A start that a condition forbids has happened. */
int ctl_systemd_run_job(CtlSystemd *systemd, const char *verb, const char *unit);

/* Is there a file of this name where systemd looks for units? False only if it is certain: systemd runs here, and every
 * folder could be looked at. */
bool ctl_systemd_may_have_file(const char *unit);

/* Lets go of the descriptors that systemd keeps for a unit that does not run (systemd 254 and later keep them). */
int ctl_systemd_drop_descriptors(CtlSystemd *systemd, const char *unit);
