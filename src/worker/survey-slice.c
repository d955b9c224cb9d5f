/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See survey-slice.h.
 */

#include "src/worker/survey-slice.h"

#include <errno.h>
#include <time.h>

#include "src/basic/macro.h"
#include "src/worker/reopen.h"

int survey_slice_open(const SurveyTask *task) {
        Reopened place;
        Outcome outcome;
        int error;

        outcome = reopen_superblock(task->superblock, task->monitor_fd, REOPEN_TO_LOOK, &place, &error);
        if (outcome == OUTCOME_UNMOUNTED || outcome == OUTCOME_WRONG_FILESYSTEM)
                return -ESTALE;
        if (outcome != OUTCOME_DONE)
                return error > 0 ? -error : -EIO;
        return place.fd;
}

void survey_sleep(uint64_t usec) {
        const struct timespec pause = {
                .tv_sec = (time_t) (usec / USEC_PER_SEC),
                .tv_nsec = (long) (usec % USEC_PER_SEC * NSEC_PER_USEC),
        };

        (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}
