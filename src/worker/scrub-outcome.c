/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bits of xfs_scrub's exit status. Source: xfs_scrub(8).
 */

#include "src/worker/scrub-outcome.h"

#include "src/basic/text.h"

#define SCRUB_ERRORS_LEFT 1
#define SCRUB_COULD_OPTIMIZE 2
#define SCRUB_OPERATIONAL_ERROR 4
#define SCRUB_USAGE_ERROR 8

Outcome scrub_outcome(const char *unit_result, int exit_status, char detail[static JOB_DETAIL_SIZE]) {
        if (text_equal(unit_result, "success") || text_equal(unit_result, "exit-code")) {
                if (exit_status == 0 || exit_status == SCRUB_COULD_OPTIMIZE)
                        return OUTCOME_DONE;
                if (exit_status > 0 && exit_status < 2 * SCRUB_USAGE_ERROR && (exit_status & SCRUB_ERRORS_LEFT)) {
                        if (exit_status & SCRUB_OPERATIONAL_ERROR)
                                (void) text_append_format(detail, JOB_DETAIL_SIZE, "not everything could be scanned");
                        return OUTCOME_FOUND_CORRUPTION;
                }
        }

        (void) text_append_format(detail, JOB_DETAIL_SIZE, "the unit ended with %s, exit status %d",
                                  unit_result[0] ? unit_result : "no result", exit_status);
        return OUTCOME_FAILED;
}
