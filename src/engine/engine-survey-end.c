/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a survey ended, in our words.
 */

#include <errno.h>
#include <inttypes.h>

#include "src/basic/log.h"
#include "src/engine/engine-internal.h"

Outcome engine_survey_outcome(const WorkerSurveyResult *result) {
        static const struct {
                int error;
                Outcome outcome;
        } rows[] = {
                { ETIMEDOUT, OUTCOME_TIMED_OUT },
                { ECANCELED, OUTCOME_CANCELLED },
                { ESTALE, OUTCOME_UNMOUNTED },
                { ENOENT, OUTCOME_CANNOT_REOPEN },
                { EBUSY, OUTCOME_BUSY },
                { ENOMEM, OUTCOME_NO_MEMORY },
                { EPERM, OUTCOME_NO_PERMISSION },
                { EOPNOTSUPP, OUTCOME_NOT_SUPPORTED },
                { ENOTTY, OUTCOME_NOT_SUPPORTED },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].error == result->error)
                        return rows[i].outcome;
        if (result->error != 0)
                return OUTCOME_FAILED;
        return result->n_unreadable > 0 || result->n_untold > 0 ? OUTCOME_INCOMPLETE : OUTCOME_DONE;
}

void engine_survey_log_end(const Watch *watch, const Filesystem *filesystem, const WorkerSurveyResult *result) {
        const Survey *survey = &watch->survey;
        char buffer[32];
        const char *subject = filesystem_facts_subject(&filesystem->facts, buffer);

        if (result->error == ESTALE || result->error == ECANCELED)
                log_debug("%s: the survey ended with the mount", subject);
        else if (result->error != 0)
                log_warning_errno(result->error, "%s: could not be asked for all that is known to be sick: %m",
                                  subject);
        else if (result->n_unreadable > 0 || result->n_untold > 0)
                log_warning("%s: survey: %" PRIu64 " groups or inodes could not be looked at, %" PRIu64
                            " sick structures are not told "
                            "one by one: a full check tells them",
                            subject, result->n_unreadable, result->n_untold);
        else
                log_debug("%s: survey of %" PRIu32 " groups and %" PRIu64 " inodes: %" PRIu64 " sick, %" PRIu64
                          " of them known before",
                          subject, result->n_groups, result->n_inodes, survey->n_found, survey->n_known);
}
