/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a full scan is, as a plain value, and as the texts by which it travels: xfs_scrub -> healer-scrub-run ->
 * systemd (status of the unit) -> worker. Pure.
 */
#pragma once

#include <stdbool.h>

typedef struct ScanProgress {
        unsigned phase;                 /* of xfs_scrub's, from 1; 0: not known */
        unsigned percent;               /* of this phase */
} ScanProgress;

#define SCAN_STATUS_SIZE 64

/* What xfs_scrub writes about it: "PHASE DONE ALL LABEL", with what terminals take for orders in front. Source:
 * xfs_scrub(8), -C. Returns whether it is that. */
bool scan_progress_read_line(const char *line, ScanProgress *ret_progress);

/* "phase 3, 45 %". Returns @buffer. */
char *scan_progress_status(const ScanProgress *progress, char buffer[static SCAN_STATUS_SIZE]);
/* The way back. Returns whether it is that. */
bool scan_progress_read_status(const char *status, ScanProgress *ret_progress);
