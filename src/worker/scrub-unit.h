/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one unit of systemd's from start to end over the bus. For a child process: waits as long as the
 * unit takes.
 */
#pragma once

#include <stdbool.h>

#include "src/model/job-report.h"

typedef struct UnitRun {
        bool is_done;                   /* the start job ended, and what the unit says of itself could be read */
        bool was_stopped;               /* SIGTERM came; the unit was told to stop */
        int exit_status;                /* of its main process */
        char job_result[32];            /* "done", "failed", "canceled", "timeout", "dependency", … */
        char unit_result[32];           /* "success", "exit-code", "signal", … */
        char problem[JOB_DETAIL_SIZE];  /* one sentence if something went wrong on the way */
} UnitRun;

typedef int (*UnitStarted)(const char *unit_name, void *userdata);

/**
 * unit_run() - start a unit and wait for its end
 * @unit_name: "healer-scrub@srv.service"
 * @started:   called once systemd accepted it; a negative result is ignored
 *
 * SIGTERM, blocked by the caller or not, stops the unit.
 *
 * Returns: 0; or a negative errno if systemd could not be asked or refused; @ret_run is filled in either way.
 */
int unit_run(const char *unit_name, UnitStarted started, void *userdata, UnitRun *ret_run);
