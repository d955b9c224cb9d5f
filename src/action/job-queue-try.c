/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows from the end of a try: another one after a while, one after others were repaired, or the end.
 */

#include "src/action/job-queue-internal.h"

#include "src/basic/clock.h"
#include "src/basic/text.h"

/* These say something about the circumstances, not about the damage: the next report may find better ones. */
static bool is_circumstance(Outcome outcome) {
        static const Outcome circumstances[] = {
                OUTCOME_GONE, OUTCOME_READ_ONLY, OUTCOME_SHUT_DOWN, OUTCOME_BUSY, OUTCOME_NO_MEMORY,
                OUTCOME_CANNOT_REOPEN, OUTCOME_WRONG_FILESYSTEM, OUTCOME_UNMOUNTED, OUTCOME_CANCELLED,
                OUTCOME_WORKER_LOST,
        };

        for (size_t i = 0; i < ELEMENTSOF(circumstances); i++)
                if (circumstances[i] == outcome)
                        return true;
        return false;
}

/* Scans are remembered without a target: the one of a whole file system. */
void job_queue_remember_outcome(JobQueue *queue, const Job *job) {
        Outcome outcome = job->report.outcome;

        if (!job_kind_rule(job->request.kind)->is_attempt)
                return;
        if (outcome_is_success(outcome))
                attempt_memory_forget(&queue->attempts, job->filesystem_id, &job->target);
        else if (!is_circumstance(outcome))
                attempt_memory_failed(&queue->attempts, job->filesystem_id, &job->target, clock_boottime_usec());
}

static bool job_may_retry(const Job *job, Outcome outcome) {
        /* What could not be looked at is damaged: it is no better a few seconds later. */
        if (job->request.kind == ACTION_SURVEY && outcome == OUTCOME_INCOMPLETE)
                return false;
        /* Whoever is to be ended was announced and permitted once. */
        if (job_kind_rule(job->request.kind)->is_prepared)
                return false;
        return outcome_may_retry(outcome) && !job->is_cancel_requested &&
               job->report.n_attempts - job->n_again <= job->request.n_retries;
}

/* Doubles from try to try, plus up to a fifth so that machines that broke together do not try together. */
static uint64_t job_backoff(const Job *job) {
        uint64_t maximum = job->request.backoff_max_usec, delay = job->request.backoff_min_usec;

        for (unsigned i = 1; i < job->report.n_attempts - job->n_again && delay < maximum; i++)
                delay *= 2;
        delay = min_of(delay, maximum);
        return delay + (uint64_t) random() % (delay / 5 + 1);
}

/* Repaired by the try before, and now the check was made. */
static Outcome verified_outcome(Job *job, Outcome outcome) {
        if (outcome == OUTCOME_UNVERIFIED)
                job->was_unverified = true;
        else if (job->was_unverified && outcome == OUTCOME_NOT_NEEDED)
                return OUTCOME_DONE;
        return outcome;
}

void job_queue_try_ended(JobQueue *queue, Job *job, Outcome outcome, int error, const char *detail) {
        bool may_retry;

        outcome = verified_outcome(job, outcome);
        job->report.outcome = outcome;
        job->report.error = error;
        (void) text_copy(job->report.detail, sizeof(job->report.detail), detail ? detail : "");
        may_retry = job_may_retry(job, outcome);
        if (job_queue_put_back(queue, job, outcome, may_retry))
                return;
        if (!may_retry) {
                job_queue_end_job(queue, job, outcome, error, NULL);
                return;
        }

        job->state = JOB_WAITING;
        job->not_before_monotonic_usec = clock_monotonic_usec() + job_backoff(job);
        job_queue_tell_change(queue, job);
}

/* As fast as the phase was since it was told of; how long later phases take nobody knows. 0: not known yet. */
static uint64_t phase_end(const Job *job, uint64_t now_usec) {
        uint64_t elapsed_usec = now_usec - job->phase_began_monotonic_usec;
        unsigned n_done, n_left;

        if (job->progress.percent <= job->phase_began_percent || job->progress.percent > 100)
                return 0;
        n_done = job->progress.percent - job->phase_began_percent;
        n_left = 100 - job->progress.percent;
        return clock_realtime_usec() + elapsed_usec / n_done * n_left;
}

Job *job_queue_on_progress(JobQueue *queue, uint64_t job_id, ScanProgress progress) {
        Job *job = job_queue_find(queue, job_id);
        uint64_t now_usec = clock_monotonic_usec();

        if (!job || job->state != JOB_RUNNING)
                return NULL;
        if (progress.phase != job->progress.phase) {
                job->phase_began_monotonic_usec = now_usec;
                job->phase_began_percent = progress.percent;
        }
        job->progress = progress;
        job->estimated_end_realtime_usec = phase_end(job, now_usec);
        return job;
}
