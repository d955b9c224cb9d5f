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
#include <sys/socket.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/attach.h"
#include "src/worker/gather.h"
#include "src/worker/worker.h"

void job_table_init(JobTable *table) {
        *table = (JobTable) { .ready_writer_fd = -EBADF };
        TAILQ_INIT(&table->running);
        TAILQ_INIT(&table->results);
}

void job_table_clear(JobTable *table) {
        JobResultLeft *left;
        Job *job;

        table->ready_writer_fd = close_fd(table->ready_writer_fd);

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
                .payload_fd = -EBADF,
                .waiting_fd = -EBADF,
                .intent_slot = INTENT_SLOT_NONE,
        };
        return job;
}

Job *job_free(Job *job) {
        if (!job)
                return NULL;

        close_fd(job->monitor_fd);
        close_fd(job->waiting_fd);
        close_fd(job->payload_fd);
        sd_event_source_disable_unref(job->answer_source);
        free(job->unit);
        free(job->fail);
        free(job->hooks);
        free(job);
        return NULL;
}

/* Kept until healerd says that it is recorded: it may go away before that. */
static void keep(Worker *worker, const WorkerMessage *message) {
        JobTable *table = &worker->jobs;
        JobResultLeft *left;

        if (table->n_results >= JOB_RESULTS_MAX) {
                JobResultLeft *oldest = TAILQ_FIRST(&table->results);

                log_warning("nobody took the result of job %" PRIu64 ", forgetting it",
                            oldest->message.result.job_id);
                unit_record_forget(worker->place_fd, oldest->message.result.job_id);
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
        keep(worker, message);
        worker_say(worker, message, -EBADF);
}

void job_say_results(Worker *worker) {
        const JobResultLeft *left;

        TAILQ_FOREACH(left, &worker->jobs.results, entry)
                worker_say(worker, &left->message, -EBADF);
}

bool job_is_running(const Worker *worker, uint64_t job_id) {
        const Job *job;

        TAILQ_FOREACH(job, &worker->jobs.running, entry)
                if (job->job_id == job_id && !job->is_said)
                        return true;
        return false;
}

bool job_say_result_again(Worker *worker, uint64_t job_id) {
        const JobResultLeft *left;

        TAILQ_FOREACH(left, &worker->jobs.results, entry)
                if (left->message.result.job_id == job_id) {
                        worker_say(worker, &left->message, -EBADF);
                        return true;
                }
        return false;
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
        /* That of a job which runs is still needed. */
        if (!job_is_running(worker, job_id))
                unit_record_forget(worker->place_fd, job_id);
}

WorkerJobResult job_refuse(Worker *worker, uint64_t job_id, dev_t device_number, Outcome outcome, int error,
                           const char *detail) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.job_id = job_id;
        message.result.device_number = device_number;
        message.result.outcome = outcome;
        message.result.error = error;
        (void) text_copy(message.result.detail, sizeof(message.result.detail), detail ?: "");
        say_result(worker, &message);
        return message.result;
}

void job_keep_result(Worker *worker, const WorkerJobResult *result) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result = *result;
        keep(worker, &message);
}

void job_keep_left_result(Worker *worker, const Intent *intent) {
        WorkerJobResult result = {
                .job_id = intent->job_id,
                .device_number = intent->device_number,
                .outcome = intent->outcome,
                .was_verified = intent->was_verified,
                .error = intent->error,
                .flags = intent->flags,
                .duration_usec = intent->duration_usec,
        };

        (void) text_copy(result.detail, sizeof(result.detail), intent->detail);
        job_keep_result(worker, &result);
}

static void sign(const Job *job, WorkerJobResult *result) {
        result->job_id = job->job_id;
        result->device_number = job->superblock ? job->superblock->device_number : 0;
        result->duration_usec = clock_monotonic_usec() - job->started_usec;
}

static void finish(Job *job, WorkerMessage *message) {
        WorkerJobResult *result = &message->result;

        sign(job, result);
        if (job->kind->finish)
                job->kind->finish(job, result);

        /* Of a repair that hangs nothing is known yet: its record stays open. */
        if (!job->is_intent_written)
                intents_drop(job->worker->intents, job->intent_slot);
        else if (result->outcome != OUTCOME_STUCK)
                intents_end(job->worker->intents, job->intent_slot, intent_state_after(result->outcome), result);
        if (!job->is_stuck_said) {
                say_result(job->worker, message);
                return;
        }

        log_notice("job %" PRIu64 ", which hung in the kernel, ended after all: %s", job->job_id,
                   outcome_to_sentence(result->outcome));
        /* healerd has taken what it was told; nobody takes this. */
        intents_taken(job->worker->intents, job->job_id);
}

static bool is_answered_by(const Job *job, const WorkerGatherRequest *request) {
        return job->superblock && job->superblock->device_number == request->device_number &&
               request->error_since_sec == 0 && request->checked.structure == STRUCTURE_NONE &&
               !request->wants_owner && !request->wants_project && !request->is_lost &&
               (!request->wants_path || request->inode == job->gathered_inode);
}

static void say_gathered(const Job *job, const WorkerGatherRequest *request) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_GATHERED);
        message.gathered = job->gathered;
        message.gathered.request_id = request->request_id;
        message.gathered.device_number = request->device_number;
        if (!request->wants_path) {
                message.gathered.path_state = FACT_UNKNOWN;
                message.gathered.path_error = 0;
                message.gathered.path[0] = 0;
        }
        worker_say(job->worker, &message, -EBADF);
}

/* What waits is answered, by the job if it knows, else as if it had not been there. */
static void end_waiting(Job *job) {
        _cleanup_(close_fd_at) int fd = steal_fd(&job->waiting_fd);

        job->answer_source = sd_event_source_disable_unref(job->answer_source);
        job->gathers = job->has_gathered;
        if (!job->has_waiting)
                return;
        job->has_waiting = false;
        if (job->has_gathered)
                say_gathered(job, &job->waiting);
        else
                gather_request(job->worker, &job->waiting, steal_fd(&fd));
}

static int on_answer_time(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        end_waiting(userdata);
        return 0;
}

static void answer_later(Job *job) {
        int r;

        r = sd_event_add_time_relative(job->worker->event, &job->answer_source, CLOCK_MONOTONIC, JOB_ANSWER_AFTER_USEC,
                                       USEC_PER_MSEC, on_answer_time, job);
        if (r < 0)
                end_waiting(job);
}

bool job_answers(Worker *worker, const WorkerGatherRequest *request, int monitor_fd) {
        Job *job;

        TAILQ_FOREACH(job, &worker->jobs.running, entry) {
                if (!job->gathers || job->has_waiting || !is_answered_by(job, request))
                        continue;
                job->has_waiting = true;
                job->waiting = *request;
                job->waiting_fd = monitor_fd;
                /* It knows, and is not at work any more, or for long. */
                if (job->has_gathered && !job->answer_source)
                        end_waiting(job);
                return true;
        }
        return false;
}

static void on_begun(Job *job, const JobBegun *begun) {
        WorkerMessage message = {};

        /* Of what was not begun after all nothing remains; a write that was given up may come through, though. */
        job->is_intent_written = begun->is_started || begun->intent_error != 0;
        intents_note_write(job->worker->intents, job->intent_slot, begun->intent_error);
        if (begun->is_again)
                return;

        if (begun->is_started) {
                /* It would not have begun if the ban still stood. */
                if (job->ban)
                        intents_forget_ban(job->worker->intents, job->ban);
                job->ban = NULL;
                worker_message_init(&message, WORKER_JOB_STARTED);
                (void) text_copy(message.result.detail, sizeof(message.result.detail), begun->detail);
                sign(job, &message.result);
                worker_say(job->worker, &message, -EBADF);
        }

        job->has_gathered = begun->has_gathered;
        job->gathered = begun->gathered;
        if (begun->is_started && begun->has_gathered)
                answer_later(job);
        else
                end_waiting(job);
}

static void forget_repair(const Job *job) {
        if (job->superblock && job->superblock->repair_job_id == job->job_id)
                job->superblock->repair_job_id = 0;
}

static void on_job_report(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        WorkerMessage message = {};
        Job *job = userdata;

        (void) child;
        close_fd(fd);

        if (size_bytes == sizeof(JobBegun)) {
                on_begun(job, bytes);
                return;
        }

        if (worker_message_check(bytes, size_bytes) < 0 || job->is_said)
                return;
        memcpy(&message, bytes, size_bytes);

        if (message.header.type == WORKER_JOB_STARTED) {
                sign(job, &message.result);
                worker_say(job->worker, &message, -EBADF);
        } else if (message.header.type == WORKER_JOB_PROGRESS) {
                message.progress.job_id = job->job_id;
                worker_say(job->worker, &message, -EBADF);
        } else if (message.header.type == WORKER_WORKLOAD) {
                message.workload.job_id = job->job_id;
                if (job->kind->report)
                        job->kind->report(job, &message);
                worker_say(job->worker, &message, -EBADF);
        } else if (message.header.type == WORKER_HOOK) {
                message.hook.job_id = job->job_id;
                if (job->kind->report)
                        job->kind->report(job, &message);
                worker_say(job->worker, &message, -EBADF);
        } else if (message.header.type == WORKER_JOB_RESULT) {
                job->is_said = true;
                /* What is left of its process is only its end: the next repair need not wait for that. */
                forget_repair(job);
                end_waiting(job);
                finish(job, &message);
        }
}

static void on_job_stuck(Child *child, void *userdata) {
        WorkerMessage message = {};
        Job *job = userdata;
        char buffer[32];

        log_warning("%s: %s job %" PRIu64 " hangs in the kernel (pid %d)%s",
                    job->superblock ? superblock_subject(job->superblock, buffer) : "systemd", job->kind->name,
                    job->job_id, (int) child_pid(child),
                    job->superblock ? ", leaving this file system alone until it ends" : "");
        if (job->superblock)
                job->superblock->n_stuck++;
        end_waiting(job);
        if (job->is_said)
                return;

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result.outcome = OUTCOME_STUCK;
        (void) text_append_format(message.result.detail, sizeof(message.result.detail),
                                  "pid %d hangs in the kernel%s", (int) child_pid(child),
                                  job->superblock ? "; its file system is left alone until it ends" : "");
        finish(job, &message);
        job->is_stuck_said = true;
}

/* What the end of its process means for the file system. */
static void release_superblock(const Job *job, const ChildEnd *end) {
        Superblock *superblock = job->superblock;
        char buffer[32];

        if (end->ending == CHILD_CRASHED) {
                superblock->is_crashed = true;
                log_error("%s: the kernel crashed in %s job %" PRIu64 ", nothing more is tried here until a restart",
                          superblock_subject(superblock, buffer), job->kind->name, job->job_id);
        }
        if (end->was_stuck)
                superblock->n_stuck--;
        superblock->n_children--;
        forget_repair(job);
}

static void on_job_end(Child *child, const ChildEnd *end, void *userdata) {
        _cleanup_(job_free_at) Job *job = userdata;
        Worker *worker = job->worker;
        bool is_left_to_others = job->kind->only_watches && worker->is_leaving && end->ending == CHILD_CANCELLED;

        (void) child;

        if (!job->is_said && !is_left_to_others) {
                WorkerMessage message = {};

                worker_message_init(&message, WORKER_JOB_RESULT);
                job_explain_end(end, &message.result);
                finish(job, &message);
        }

        if (job->superblock)
                release_superblock(job, end);
        TAILQ_REMOVE(&worker->jobs.running, job, entry);
        end_waiting(job);
        /* Not before: it would take the processor from the job. */
        job_get_ready(worker, job->kind);

        if (job->superblock)
                worker_forget_unused(worker, job->superblock);
        attach_continue(worker);
}

static ChildTask task_of(const JobKind *kind) {
        return (ChildTask) {
                .name = kind->name,
                .on_report = on_job_report,
                .on_stuck = on_job_stuck,
                .on_end = on_job_end,
                .grace_usec = kind->grace_usec,
                .dies_with_us = kind->dies_with_us,
                .only_watches = kind->only_watches,
        };
}

/* Nobody needed it. The next job forks its own child. */
static void on_ready_end(_unused_ Child *child, _unused_ const ChildEnd *end, void *userdata) {
        Worker *worker = userdata;

        worker->jobs.ready = NULL;
        worker->jobs.ready_writer_fd = close_fd(worker->jobs.ready_writer_fd);
}

void job_get_ready(Worker *worker, const JobKind *kind) {
        ChildTask task = task_of(kind);
        JobTable *table = &worker->jobs;
        int fds[2], r;

        if (!kind->wait || table->ready || worker->is_leaving || worker->wants_restart)
                return;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0) {
                log_debug_errno(errno, "%s: no process is kept ready: %m", kind->name);
                return;
        }

        table->ready_writer_fd = fds[1];
        task.name = "ready";
        task.run = kind->wait;
        task.on_report = NULL;
        task.on_stuck = NULL;
        task.on_end = on_ready_end;
        task.userdata = worker;
        task.timeout_usec = USEC_INFINITY;
        task.waits = true;
        task.keep_fds[0] = fds[1];
        if (worker->kmsg_fd >= 0)
                task.keep_fds[1] = worker->kmsg_fd;
        r = child_spawn(worker->children, &task, &table->ready);
        close_fd(fds[1]);
        table->ready_writer_fd = fds[0];
        table->ready_kind = kind;
        child_touch_memory();
        if (r < 0) {
                log_debug_errno(r, "%s: no process is kept ready: %m", kind->name);
                table->ready_writer_fd = close_fd(table->ready_writer_fd);
        }
}

/* Returns 0 and the child that took it; -ENOENT if there is none that could; or another negative errno if nobody else
 * may do it at this time either. */
static int give_to_ready(Job *job, ChildTask *task, Child **ret_child) {
        JobTable *table = &job->worker->jobs;
        int r;

        if (!table->ready || !child_is_waiting(table->ready) || table->ready_kind != job->kind || job->needs_own_child)
                return -ENOENT;
        /* First of all: the disk takes its time. */
        if (job->intent && intent_writer_order(table->ready_writer_fd, job->intent_slot, job->intent) < 0)
                return -ENOENT;
        r = child_order(table->ready, task, job->order, job->order_size_bytes, job->monitor_fd);
        if (r < 0 && !job->intent)
                return -ENOENT;
        if (r < 0) {
                /* It died just now, and its writer is still at it: who writes there as well may be overtaken. */
                intents_spoil(job->worker->intents, job->intent_slot);
                return r;
        }

        *ret_child = table->ready;
        table->ready = NULL;
        table->ready_writer_fd = close_fd(table->ready_writer_fd);
        return 0;
}

static int fork_for(Job *job, ChildTask *task, Child **ret_child) {
        size_t n_kept = 0;

        if (job->monitor_fd >= 0)
                task->keep_fds[n_kept++] = job->monitor_fd;
        if (job->worker->kmsg_fd >= 0)
                task->keep_fds[n_kept++] = job->worker->kmsg_fd;
        if (job->payload_fd >= 0)
                task->keep_fds[n_kept++] = job->payload_fd;
        if (job->unit || job->hooks)
                task->keep_fds[n_kept++] = job->worker->place_fd;
        return child_spawn(job->worker->children, task, ret_child);
}

int job_start(Job *job, uint64_t timeout_usec) {
        ChildTask task = task_of(job->kind);
        int r;

        task.run = job->kind->run;
        task.userdata = job;
        task.timeout_usec = timeout_usec;
        r = give_to_ready(job, &task, &job->child);
        if (r == -ENOENT)
                r = fork_for(job, &task, &job->child);
        if (r < 0)
                return r;

        /* A monitor that lies around here would keep its slot taken. */
        job->monitor_fd = close_fd(job->monitor_fd);
        job->payload_fd = close_fd(job->payload_fd);
        job->order = NULL;
        job->intent = NULL;
        intents_note_pid(job->worker->intents, job->intent_slot, child_pid(job->child));
        if (job->superblock)
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
