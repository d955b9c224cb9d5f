/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfs_scrub where systemd is not PID 1: run by the worker's child itself, with as little as it needs. For a child
 * process: waits as long as the program takes.
 */
#pragma once

#include "src/model/scan-progress.h"
#include "src/worker/unit-run.h"

typedef struct ScrubProgram {
        const char *path;               /* "/usr/sbin/xfs_scrub" */
        const char *mount_point;
        bool may_repair;
        bool is_confined;               /* gives up what xfs_scrub does not need; else it runs as the caller does */
        void (*started)(void *userdata);        /* may be NULL */
        void (*progress)(const ScanProgress *progress, void *userdata); /* may be NULL */
        void *userdata;
} ScrubProgram;

/* Somebody else is PID 1. */
bool scrub_program_is_wanted(void);

/**
 * scrub_program_run() - run it to its end
 *
 * Its messages go where the caller's go. SIGTERM, blocked by the caller or not, is passed on to it.
 *
 * Returns: 0, @ret_run has what systemd would say of a unit; or a negative errno.
 */
int scrub_program_run(const ScrubProgram *program, UnitRun *ret_run);
