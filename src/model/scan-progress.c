/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers that others write: all of them are looked at.
 */

#include "src/model/scan-progress.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define STATUS_FORMAT "phase %u, %u %%"
/* xfs_scrub has eight; a later one may have more. */
#define PHASE_MAX 99
#define NUMBER_DIGITS "0123456789"

bool scan_progress_read_line(const char *line, ScanProgress *ret_progress) {
        uint64_t done, all;
        unsigned phase;

        /* Without digits: what clears the line of a terminal. */
        line += strcspn(line, NUMBER_DIGITS);
        if (sscanf(line, "%2u %19" SCNu64 " %19" SCNu64, &phase, &done, &all) != 3 || phase == 0 ||
            phase > PHASE_MAX || all == 0 || done > all)
                return false;
        *ret_progress = (ScanProgress) { phase, (unsigned) (all >= 100 ? done / (all / 100) : done * 100 / all) };
        if (ret_progress->percent > 100)
                ret_progress->percent = 100;
        return true;
}

char *scan_progress_status(const ScanProgress *progress, char buffer[static SCAN_STATUS_SIZE]) {
        (void) snprintf(buffer, SCAN_STATUS_SIZE, STATUS_FORMAT, progress->phase, progress->percent);
        return buffer;
}

bool scan_progress_read_status(const char *status, ScanProgress *ret_progress) {
        ScanProgress progress = {};
        char again[SCAN_STATUS_SIZE];

        if (sscanf(status, "phase %2u, %3u", &progress.phase, &progress.percent) != 2 || progress.phase == 0 ||
            progress.percent > 100 || strcmp(status, scan_progress_status(&progress, again)) != 0)
                return false;
        *ret_progress = progress;
        return true;
}
