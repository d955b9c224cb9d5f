/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How healerctl ends: one number for each way out, so that scripts need not read sentences. The table
 * in ctl-help.c and the man page say the same; a test keeps them equal.
 */
#pragma once

typedef enum CtlExit {
        CTL_EXIT_OK = 0,                /* done; watched; no problem */
        CTL_EXIT_NO = 1,                /* the answer is no: not watched, damage found, warnings */
        CTL_EXIT_USAGE = 2,             /* the command line or the policy file is wrong */
        CTL_EXIT_NO_DAEMON = 3,         /* healerd or the system bus cannot be reached */
        CTL_EXIT_REFUSED = 4,           /* not authorised, or forbidden by a rule that protects */
        CTL_EXIT_JOB_FAILED = 5,        /* the job ended without success */
        CTL_EXIT_NO_FILESYSTEM = 6,     /* no such file system, or not a mount point */
        CTL_EXIT_FAILED = 7,            /* anything else */
        CTL_EXIT_INTERRUPTED = 130,     /* Ctrl-C while waiting for a job */
} CtlExit;
