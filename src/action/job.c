/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs are shared by the queue that runs them and the bus objects that show them.
 */

#include <assert.h>

#include "src/action/job.h"

static const char *const job_state_names[] = {
        [JOB_QUEUED] = "queued",
        [JOB_WAITING] = "waiting",
        [JOB_RUNNING] = "running",
        [JOB_ENDED] = "ended",
};
DEFINE_NAMES(job_state, JobState)

Job *job_ref(Job *job) {
        assert(job->n_refs > 0);
        job->n_refs++;
        return job;
}

Job *job_unref(Job *job) {
        if (!job)
                return NULL;
        assert(job->n_refs > 0);
        if (--job->n_refs > 0)
                return NULL;
        action_request_clear(&job->request);
        message_list_clear(&job->events);
        path_list_clear(&job->paths);
        workload_reports_clear(&job->workloads);
        free(job->file);
        free(job);
        return NULL;
}
