/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs that were begun before they were decided on: nobody is told of them until somebody asks for them, and what
 * nobody asks for never was, unless the worker was at work.
 */

#include "src/action/job-queue-internal.h"

/* Nobody heard of it, nothing was done: it never was. */
static void forget_untold(JobQueue *queue, Job *job) {
        TAILQ_REMOVE(&queue->jobs, queued_of(job), entries);
        queue->n_jobs--;
        job_unref(job);
}

bool job_queue_tell_untold(JobQueue *queue, Job *job) {
        if (!job->has_begun) {
                forget_untold(queue, job);
                return false;
        }
        queued_of(job)->is_untold = false;
        job_queue_tell_change(queue, job);
        return true;
}

void job_queue_begin(JobQueue *queue, const JobOrder *order, int expected_autofsck) {
        Job *job;

        if (job_queue_find_or_make(queue, order, &job) <= 0)
                return;
        queued_of(job)->is_untold = true;
        job->expects_autofsck = expected_autofsck >= 0;
        job->autofsck = job->expects_autofsck ? (Autofsck) expected_autofsck : AUTOFSCK_UNSET;
        job_queue_pump(queue);
}

/* A result of what nobody has asked for yet waits for that; if it was taken back, only what was done is told. */
void job_queue_take_untold_result(JobQueue *queue, Job *job, const WorkerJobResult *result) {
        QueuedJob *queued = queued_of(job);

        if (result->have_facts_changed || (job->is_cancel_requested && !job->has_begun)) {
                job->state = JOB_ENDED;
                /* The worker keeps every result until it is taken. */
                (void) queue->carrier.taken(queue->carrier.userdata, job);
                forget_untold(queue, job);
        } else if (!job->is_cancel_requested) {
                queued->has_result = true;
                queued->result = *result;
        } else if (job_queue_tell_untold(queue, job)) {
                job_queue_take_result(queue, job, result);
        }
}

static void settle(JobQueue *queue, Job *job) {
        QueuedJob *queued = queued_of(job);

        if (queued->has_result) {
                const WorkerJobResult result = queued->result;

                queued->has_result = false;
                job->is_cancel_requested = true;
                job_queue_take_untold_result(queue, job, &result);
        } else if (job->state != JOB_RUNNING) {
                forget_untold(queue, job);
        } else if (!job->is_cancel_requested) {
                job->is_cancel_requested = true;
                /* A line that breaks ends it as well. */
                (void) queue->carrier.cancel(queue->carrier.userdata, job);
        }
}

void job_queue_settle(JobQueue *queue, uint64_t event_id) {
        Job *next;

        for (Job *job = job_queue_next_of_all(queue, NULL); job; job = next) {
                next = job_queue_next_of_all(queue, job);
                if (queued_of(job)->is_untold && job->event.id == event_id)
                        settle(queue, job);
        }
        job_queue_timer_arm(queue);
}
