/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What systemd is asked and told about units that run already: single calls that are answered at once. For child
 * processes.
 *
 * @problem of any call: JOB_DETAIL_SIZE bytes, one sentence on failure; or NULL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "src/basic/unit-name.h"
#include "src/model/job-report.h"

#define UNIT_STATE_SIZE 32
#define UNIT_INVOCATION_SIZE 16

typedef struct UnitState {
        char active[UNIT_STATE_SIZE];   /* "active", "inactive", "failed", … */
        char sub[UNIT_STATE_SIZE];      /* "running", "auto-restart", … */
        char freezer[UNIT_STATE_SIZE];  /* "running", "frozen", …; "": systemd cannot freeze it */
        uint8_t invocation[UNIT_INVOCATION_SIZE];       /* all zero: it does not run */
        bool refuses_stop;              /* RefuseManualStop= */
        bool survives_shutdown;         /* SurviveFinalKillSignal= (systemd 255) */
} UnitState;

int unit_bus_open(sd_bus **ret_bus, char *problem);
sd_bus *unit_bus_close(sd_bus *bus);

/* A unit that is not loaded is inactive. */
int unit_bus_state(sd_bus *bus, const char *unit, UnitState *ret_state, char *problem);

/* Which unit a process belongs to, as systemd sees it. @pid_fd keeps @pid the same process. Returns 0; -ENXIO if it
 * belongs to none; or another negative errno. */
int unit_bus_of_process(sd_bus *bus, pid_t pid, int pid_fd, char ret_unit[static UNIT_NAME_SIZE]);

/* Does not wait for its end. -ENOENT: there is no such unit. */
int unit_bus_stop(sd_bus *bus, const char *unit, char *problem);
/* Every process of it. -ENOENT: there is no such unit. */
int unit_bus_kill(sd_bus *bus, const char *unit, int number, char *problem);
/* Wait until it is so. */
int unit_bus_freeze(sd_bus *bus, const char *unit, char *problem);
int unit_bus_thaw(sd_bus *bus, const char *unit, char *problem);
/* systemd reads the files of all units again. */
int unit_bus_reload(sd_bus *bus, char *problem);
