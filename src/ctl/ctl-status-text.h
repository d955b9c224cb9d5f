/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File systems as a table, one file system in detail, and the question `healerctl status` answers with its exit
 * code. Pure but for the time zone: from JSON objects (ctl-filesystem.h) to text.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

typedef enum CtlWatch {
        CTL_WATCHED,
        CTL_NOT_WATCHED,                /* it could be */
        CTL_NOT_WATCHABLE,              /* this kernel or type of file system has no monitor */
} CtlWatch;

CtlWatch ctl_filesystem_watch(const json_t *filesystem);

/* "good", "sick x2, shut-down", "unknown" for one that nobody watches. New; NULL if out of memory. */
char *ctl_filesystem_state_text(const json_t *filesystem);

/* Returns 0 or -ENOMEM. */
int ctl_status_print_table(const json_t *manager, const json_t *filesystems, bool with_legend, FILE *stream);
int ctl_status_print_one(const json_t *filesystem, FILE *stream);
