/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From request to result. The child's own result is passed on; a child that gives none gets the one that
 * its end means.
 */

#include "src/worker/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/attach.h"
#include "src/worker/worker.h"

void job_table_clear(JobTable *table) {
        JobResultLeft *left;
        Job *job;

        while ((job = TAILQ_FIRST(&table->running))) {
                TAILQ_REMOVE(&table->running, job, entry);
                job_free(job);
        }
        while ((left = TAILQ_FIRST(&table->results))) {
                TAILQ_REMOVE(&table->results, left, entry);
                free(left);
        }
        table->n_results = 0;
}

Job *job_new(Worker *worker, const JobKind *kind, Superblock *superblock, uint64_t job_id, uint64_t event_id) {
        Job *job = calloc(1, sizeof(*job));

        if (!job)
                return NULL;

        *job = (Job) {
                .worker = worker,
                .kind = kind,
                .superblock = superblock,
                .job_id = job_id,
                .event_id = event_id,
                .started_usec = clock_monotonic_usec(),
                .monitor_fd = -EBADF,
                .kmsg_fd = worker->kmsg_fd,
                .intent_slot = INTENT_SLOT_NONE,
        };
        return job;
}

Job *job_free(Job *job) {
        if (!job)
                return NULL;

        close_fd(job->monitor_fd);
        free(job);
        return NULL;
}

/* Kept until healerd says that it is recorded: it may go away before that. */
static void keep_result(Worker *worker, const WorkerMessage *message) {
        JobTable *table = &worker->jobs;
        JobResultLeft *left;

        if (table->n_results >= JOB_RESULTS_MAX) {
                JobResultLeft *oldest = TAILQ_FIRST(&table->results);

                log_warning("nobody took the result of job %" PRIu64 ", forgetting it",
                            oldest->message.result.job_id);
                TAILQ_REMOVE(&table->results, oldest, entry);
                table->n_results--;
                free(oldest);
        }

        left = malloc(sizeof(*left));
        if (!left) {
                log_warning("no memory to keep the result of job %" PRIu64, message->result.job_id);
                return;
        }
        memcpy(&left->message, message, sizeof(*message));
        TAILQ_INSERT_TAIL(&table->results, left, entry);
        table->n_results++;
}

static void say_result(Worker *worker, const WorkerMessage *message) {
        keep_result(worker, message);
        worker_say(worker, message, -EBADF);
}

void job_say_results(Worker *worker) {
        const JobResultLeft *left;

        TAILQ_FOREACH(left, &worker->jobs.results, entry)
                worker_say(worker, &left->message, -EBADF);
}

void job_taken(Worker *worker, uint64_t job_id) {
        JobTable *table = &worker->jobs;

        for (JobResultLeft *left = TAILQ_FIRST(&table->results), *next; left; left = next) {
                next = TAILQ_NEXT(left, entry);
                if (left->message.result.job_id != job_id)
                        continue;
                TAILQ_REMOVE(&table->results, left, entry);
                table->n_results--;
                free(left);
        }

        intents_taken(worker->intents, job_id);
}

void job_refuse(Worker *worker, uint64_t job_id, dev_t device_number, Outcome outcome, int error,
                const char *detail) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = device_number;
        message.result.outcome = outcome;
        message.result.error = error;
        (void) text_copy(message.result.detail, sizeof(message.result.detail), detail ?: "");
        say_result(worker, &message);
}

void job_keep_left_result(Worker *worker, const Intent *intent) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = intent->job_id;
        message.result.device_number = intent->device_number;
        message.result.outcome = intent->outcome;
        message.result.was_verified = intent->was_verified;
        message.result.error = intent->error;
        message.result.flags = intent->flags;
        message.result.duration_usec = intent->duration_usec;
        (void) text_copy(message.result.detail, sizeof(message.result.detail), intent->detail);
        keep_result(worker, &message);
}

static IntentState intent_state_of(Outcome outcome) {
        if (outcome_is_success(outcome))
                return INTENT_DONE;
        if (outcome == OUTCOME_CANCELLED || outcome == OUTCOME_TIMED_OUT)
                return INTENT_INTERRUPTED;
        if (outcome == OUTCOME_CRASHED)
                return INTENT_BANNED;

        return INTENT_FAILED;
}

static void finish(Job *job, WorkerMessage *message) {
        WorkerJobResult *result = &message->result;

        result->job_id = job->job_id;
        result->device_number = job->superblock->device_number;
        if (result->duration_usec == 0)
                result->duration_usec = clock_monotonic_usec() - job->started_usec;

        /* Of a repair that hangs nothing is known yet: its record stays open. */
        if (!job->is_intent_written)
                intents_drop(job->worker->intents, job->intent_slot);
        else if (result->outcome != OUTCOME_STUCK)
                intents_end(job->worker->intents, job->intent_slot, intent_state_of(result->outcome), result);
        if (!job->is_stuck_said) {
                say_result(job->worker, message);
                return;
        }

        log_notice("job %" PRIu64 ", which hung in the kernel, ended after all: %s", job->job_id,
                   outcome_to_sentence(result->outcome));
        /* healerd has taken what it was told; nobody takes this. */
        intents_taken(job->worker->intents, job->job_id);
}

static void on_job_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        WorkerMessage message = {};
        Job *job = userdata;

        (void) child;
        close_fd(fd);

        if (size_bytes == sizeof(IntentNote)) {
                const IntentNote *note = bytes;

                job->is_intent_written = true;
                intents_note_write(job->worker->intents, job->intent_slot, note->error);
                return;
        }

        if (worker_message_check(bytes, size_bytes) < 0 || job->is_said)
                return;
        memcpy(&message, bytes, size_bytes);

        if (message.header.type == WORKER_JOB_STARTED) {
                /* It would not have begun if the ban still stood. */
                if (job->ban)
                        intents_forget_ban(job->worker->intents, job->ban);
                job->ban = NULL;
                worker_say(job->worker, &message, -EBADF);
        } else if (message.header.type == WORKER_JOB_RESULT) {
                job->is_said = true;
                /* What is left of its process is only its end: the next repair need not wait for that. */
                if (job->superblock->repair_job_id == job->job_id)
                        job->superblock->repair_job_id = 0;
                finish(job, &message);
        }
}

static void on_job_stuck(Child *child, void *userdata) {
        WorkerMessage message = {};
        Job *job = userdata;
        char buffer[32];

        log_warning("%s: %s job %" PRIu64
                    " hangs in the kernel (pid %d), leaving this file system alone until it ends",
                    superblock_subject(job->superblock, buffer), job->kind->name, job->job_id,
                    (int) child_pid(child));
        job->superblock->n_stuck++;
        if (job->is_said)
                return;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.outcome = OUTCOME_STUCK;
        (void) text_append_format(message.result.detail, sizeof(message.result.detail),
                                  "pid %d hangs in the kernel; its file system is left alone until it ends",
                                  (int) child_pid(child));
        finish(job, &message);
        job->is_stuck_said = true;
}

static void explain_end(const ChildEnd *end, WorkerJobResult *result) {
        switch (end->ending) {
        case CHILD_EXITED:
                result->outcome = OUTCOME_FAILED;
                (void) text_append_format(result->detail, sizeof(result->detail), "its process ended with status %d",
                                          end->status);
                return;
        case CHILD_DIED:
                result->outcome = OUTCOME_FAILED;
                (void) text_append_format(result->detail, sizeof(result->detail), "its process died of signal %d",
                                          end->status);
                return;
        case CHILD_CRASHED:
                result->outcome = OUTCOME_CRASHED;
                (void) text_append_format(
                        result->detail, sizeof(result->detail),
                        "the kernel crashed in it; restart the machine before the file system is used on");
                return;
        case CHILD_TIMED_OUT:
                result->outcome = OUTCOME_TIMED_OUT;
                return;
        case CHILD_CANCELLED:
                result->outcome = OUTCOME_CANCELLED;
                return;
        }
}

static void on_job_end(Child *child, const ChildEnd *end, void *userdata) {
        _cleanup_(job_free_at) Job *job = userdata;
        Superblock *superblock = job->superblock;
        Worker *worker = job->worker;
        char buffer[32];

        (void) child;

        if (!job->is_said) {
                WorkerMessage message = {};

                worker_message_init(&message, WORKER_JOB_RESULT);
                explain_end(end, &message.result);
                finish(job, &message);
        }

        if (end->ending == CHILD_CRASHED) {
                superblock->is_crashed = true;
                log_error("%s: the kernel crashed in %s job %" PRIu64 ", nothing more is tried here until a restart",
                          superblock_subject(superblock, buffer), job->kind->name, job->job_id);
        }
        if (end->was_stuck)
                superblock->n_stuck--;
        superblock->n_children--;
        if (superblock->repair_job_id == job->job_id)
                superblock->repair_job_id = 0;
        TAILQ_REMOVE(&worker->jobs.running, job, entry);

        worker_forget_unused(worker, superblock);
        attach_continue(worker);
}

int job_start(Job *job, uint64_t timeout_usec) {
        ChildTask task = {
                .name = job->kind->name,
                .run = job->kind->run,
                .on_report = on_job_report,
                .on_stuck = on_job_stuck,
                .on_end = on_job_end,
                .userdata = job,
                .timeout_usec = timeout_usec,
                .grace_usec = job->kind->grace_usec,
                .dies_with_us = job->kind->dies_with_us,
        };
        size_t n_kept = 0;
        int r;

        if (job->monitor_fd >= 0)
                task.keep_fds[n_kept++] = job->monitor_fd;
        if (job->kmsg_fd >= 0)
                task.keep_fds[n_kept++] = job->kmsg_fd;

        r = child_spawn(job->worker->children, &task, &job->child);
        if (r < 0)
                return r;

        /* A monitor that lies around here would keep its slot taken. */
        job->monitor_fd = close_fd(job->monitor_fd);
        intents_note_pid(job->worker->intents, job->intent_slot, child_pid(job->child));
        job->superblock->n_children++;
        TAILQ_INSERT_TAIL(&job->worker->jobs.running, job, entry);
        return 0;
}

void job_cancel(Worker *worker, uint64_t job_id) {
        Job *job;

        TAILQ_FOREACH(job, &worker->jobs.running, entry)
                if (job->job_id == job_id)
                        child_stop(job->child);
}

int job_report_result(int report_fd, const Job *job, const WorkerJobResult *result) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result = *result;
        message.result.job_id = job->job_id;
        message.result.device_number = job->superblock->device_number;
        message.result.duration_usec = clock_monotonic_usec() - job->started_usec;
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF);
}

int job_report_started(int report_fd, const Job *job, const char *detail) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_STARTED);
        message.result.job_id = job->job_id;
        message.result.device_number = job->superblock->device_number;
        (void) text_copy(message.result.detail, sizeof(message.result.detail), detail);
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF);
}
