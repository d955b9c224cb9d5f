/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All jobs that have not ended stand in one list in the order they came; one timer serves the next deadline
 * or the next try. job_queue_pump() is the only place that starts anything.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/action/job-queue-internal.h"
#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/basic/unit-name.h"

/* The worker ends a job at its timeout and has 4 s to see whether it dies; only then the silence is its own. */
#define WORKER_GRACE_USEC (15 * USEC_PER_SEC)

void job_queue_tell_change(JobQueue *queue, Job *job) {
        if (!queued_of(job)->is_untold)
                queue->changed(queue->userdata, job);
}

Job *job_queue_next_of_all(JobQueue *queue, const Job *previous) {
        QueuedJob *queued = previous ? TAILQ_NEXT(queued_of(previous), entries) : TAILQ_FIRST(&queue->jobs);

        return queued ? &queued->job : NULL;
}

static Job *find_of_all(JobQueue *queue, uint64_t job_id) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job->id == job_id)
                        return job;
        return NULL;
}

Job *job_queue_next(JobQueue *queue, const Job *previous) {
        Job *job = job_queue_next_of_all(queue, previous);

        while (job && queued_of(job)->is_untold)
                job = job_queue_next_of_all(queue, job);
        return job;
}

Job *job_queue_find(JobQueue *queue, uint64_t job_id) {
        Job *job = find_of_all(queue, job_id);

        return job && !queued_of(job)->is_untold ? job : NULL;
}

Job *job_queue_active(JobQueue *queue, uint64_t filesystem_id) {
        Job *first = NULL;

        for (Job *job = NULL; (job = job_queue_next(queue, job));) {
                if (job->filesystem_id != filesystem_id)
                        continue;
                if (job->state == JOB_RUNNING)
                        return job;
                if (!first)
                        first = job;
        }
        return first;
}

bool job_queue_is_repairing(JobQueue *queue, uint64_t filesystem_id) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job->filesystem_id == filesystem_id && job->request.kind == ACTION_REPAIR &&
                    job->state == JOB_RUNNING && !queued_of(job)->has_result)
                        return true;
        return false;
}

static uint64_t request_timeout(const ActionRequest *request) {
        if (request->timeout_usec != USEC_INFINITY && request->timeout_usec > 0)
                return request->timeout_usec;
        return job_kind_rule(request->kind)->timeout_usec;
}

void job_queue_tell_soon(JobQueue *queue) {
        int r = sd_event_source_set_enabled(queue->tell_source, SD_EVENT_ONESHOT);

        if (r < 0)
                log_error_errno(r, "jobs: what has ended is told with the next end: %m");
}

/* Told from the loop and not from where it happens: whoever hears of an end may add and end jobs, and the lists that
 * are being walked here must not change under anybody's feet. */
void job_queue_end_job(JobQueue *queue, Job *job, Outcome outcome, int error, const char *detail) {
        QueuedJob *queued = queued_of(job);

        job_queue_take_out(queue, job);
        TAILQ_REMOVE(&queue->jobs, queued, entries);
        queue->n_jobs--;
        TAILQ_INSERT_TAIL(&queue->ended, queued, entries);

        job->state = JOB_ENDED;
        job->report.outcome = outcome;
        job->report.error = error;
        job->report.ended_realtime_usec = clock_realtime_usec();
        if (detail)
                (void) text_copy(job->report.detail, sizeof(job->report.detail), detail);

        job_queue_remember_outcome(queue, job);
        job_queue_note_end(queue, job);
        job_queue_tell_soon(queue);
}

void job_queue_tell_ended(JobQueue *queue) {
        QueuedJob *queued;

        while ((queued = TAILQ_FIRST(&queue->ended))) {
                TAILQ_REMOVE(&queue->ended, queued, entries);
                queue->changed(queue->userdata, &queued->job);
                /* A worker that cannot be told keeps the intent until it is told after the next hello. */
                (void) queue->carrier.taken(queue->carrier.userdata, &queued->job);
                job_unref(&queued->job);
        }
}

static int on_tell(_unused_ sd_event_source *source, void *userdata) {
        JobQueue *queue = userdata;

        job_queue_tell_ended(queue);
        job_queue_end_stalled(queue);
        return 0;
}

void job_queue_timer_arm(JobQueue *queue) {
        uint64_t next = queue->is_pump_due ? 0 : USEC_INFINITY;
        int r;

        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (!queued_of(job)->has_result)
                        next = min_of(next, job->state == JOB_WAITING ? job->not_before_monotonic_usec
                                                                      : job->deadline_monotonic_usec);

        if (next == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(queue->timer, next);
        if (r >= 0)
                r = sd_event_source_set_enabled(queue->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "jobs: cannot set the timer for deadlines: %m");
}

/* Returns 1 if it runs; 0 if it ended instead; -ENOTCONN if nothing can be started now (the list may have changed). */
static int job_start(JobQueue *queue, Job *job) {
        Filesystem *filesystem = filesystem_table_find_id(queue->filesystems, job->filesystem_id);
        uint64_t timeout = request_timeout(&job->request);
        int r;

        if (!filesystem && job_kind_rule(job->request.kind)->needs_filesystem) {
                job_queue_end_job(queue, job, OUTCOME_UNMOUNTED, 0, NULL);
                return 0;
        }

        r = queue->carrier.start(queue->carrier.userdata, job, filesystem);
        if (r == -ENOTCONN || r == -ENOBUFS)
                return -ENOTCONN; /* it stays in the queue until the worker is back or its deadline comes */
        if (r < 0) {
                job_queue_end_job(queue, job, OUTCOME_FAILED, -r, "could not be handed to the worker");
                return 0;
        }

        job->state = JOB_RUNNING;
        job->is_handed_over = true;
        job->has_begun = false;
        job->report.n_attempts++;
        job->progress = (ScanProgress) {};
        job->estimated_end_realtime_usec = 0;
        if (job->report.started_realtime_usec == 0)
                job->report.started_realtime_usec = clock_realtime_usec();
        job->deadline_monotonic_usec = clock_monotonic_usec() + timeout + WORKER_GRACE_USEC;
        job_queue_tell_change(queue, job);
        return 1;
}

static JobClass class_of(const Job *job) {
        return job_kind_rule(job->request.kind)->class;
}

static void count_running(JobQueue *queue, unsigned n_running[static N_JOB_CLASSES]) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                n_running[class_of(job)] += job->state == JOB_RUNNING;
}

/* Others have to end first. */
static bool is_held_up(JobQueue *queue, const Job *job, const unsigned n_running[static N_JOB_CLASSES]) {
        return job_queue_is_occupied(queue, job) || n_running[class_of(job)] >= queue->n_parallel[class_of(job)];
}

static void wait_for_turn(Job *job, uint64_t now) {
        job->state = JOB_QUEUED;
        job->deadline_monotonic_usec = now + JOB_QUEUED_MAX_USEC;
}

static void end_overdue(JobQueue *queue, uint64_t now) {
        unsigned n_running[N_JOB_CLASSES] = {};
        Job *next;

        count_running(queue, n_running);
        for (Job *job = job_queue_next_of_all(queue, NULL); job; job = next) {
                next = job_queue_next_of_all(queue, job);
                if (job->state == JOB_WAITING || job->deadline_monotonic_usec > now || queued_of(job)->has_result)
                        continue;
                /* There is a worker, and it has others to see to. */
                if (job->state == JOB_QUEUED && is_held_up(queue, job, n_running))
                        wait_for_turn(job, now);
                else if (job->state == JOB_RUNNING)
                        job_queue_end_job(queue, job, OUTCOME_TIMED_OUT, ETIMEDOUT,
                                          job->request.kind == ACTION_VERIFY_MEDIA
                                                  ? "it took longer than it was given"
                                                  : "the worker did not answer in time");
                else
                        job_queue_end_job(queue, job, OUTCOME_WORKER_LOST, ENOTCONN, "there was no worker to do it");
        }
}

void job_queue_pump(JobQueue *queue) {
        uint64_t now = clock_monotonic_usec();
        unsigned n_running[N_JOB_CLASSES] = {};
        Job *next;
        int r;

        /* What is called from in here may add jobs: they are seen in this same round. */
        if (queue->is_pumping)
                return;
        queue->is_pumping = true;
        queue->is_pump_due = false;

        end_overdue(queue, now);
        job_queue_wake_put_back(queue);
        count_running(queue, n_running);

        for (Job *job = job_queue_next_of_all(queue, NULL); job; job = next) {
                next = job_queue_next_of_all(queue, job);
                if (job->state == JOB_RUNNING ||
                    (job->state == JOB_WAITING && job->not_before_monotonic_usec > now))
                        continue;
                if (job->state == JOB_WAITING)
                        wait_for_turn(job, now);
                if (is_held_up(queue, job, n_running))
                        continue;
                r = job_start(queue, job);
                if (r < 0)
                        break; /* the line broke in here, and whoever was told of that may have moved the rest */
                n_running[class_of(job)] += r > 0 && job->state == JOB_RUNNING;
        }

        queue->is_pumping = false;
        job_queue_timer_arm(queue);
}

void job_queue_set_parallel(JobQueue *queue, unsigned n_repairs, unsigned n_scrubs) {
        queue->n_parallel[JOB_REPAIRS] = n_repairs ?: JOB_PARALLEL_DEFAULT;
        queue->n_parallel[JOB_SCRUBS] = n_scrubs ?: JOB_PARALLEL_DEFAULT;
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        job_queue_pump(userdata);
        return 0;
}

int job_queue_new(sd_event *event, FilesystemTable *filesystems, const JobCarrier *carrier, JobChanged changed,
                  void *userdata, uint64_t first_job_id, JobQueue **ret_queue) {
        _cleanup_(job_queue_free_at) JobQueue *queue = NULL;
        int r;

        queue = calloc(1, sizeof(*queue));
        if (!queue)
                return -ENOMEM;
        queue->event = sd_event_ref(event);
        queue->filesystems = filesystems;
        queue->carrier = *carrier;
        queue->changed = changed;
        queue->userdata = userdata;
        queue->next_id = first_job_id;
        queue->n_parallel[JOB_VERIFIES] = JOB_PARALLEL_DEFAULT;
        queue->n_parallel[JOB_UNITS] = JOB_UNITS_MAX;
        queue->n_parallel[JOB_UNLIMITED] = UINT_MAX;
        job_queue_set_parallel(queue, 0, 0);
        TAILQ_INIT(&queue->jobs);
        TAILQ_INIT(&queue->ended);

        r = sd_event_add_defer(event, &queue->tell_source, on_tell, queue);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(queue->tell_source, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &queue->timer, CLOCK_MONOTONIC, 0, 50 * USEC_PER_MSEC, on_timer, queue);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(queue->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_queue = steal_ptr(queue);
        return 0;
}

static void forget_all(struct QueuedJobs *jobs) {
        QueuedJob *queued;

        while ((queued = TAILQ_FIRST(jobs))) {
                TAILQ_REMOVE(jobs, queued, entries);
                job_unref(&queued->job);
        }
}

JobQueue *job_queue_free(JobQueue *queue) {
        if (!queue)
                return NULL;
        forget_all(&queue->jobs);
        forget_all(&queue->ended);
        sd_event_source_disable_unref(queue->tell_source);
        sd_event_source_disable_unref(queue->timer);
        sd_event_unref(queue->event);
        free(queue);
        return NULL;
}

static Job *find_equal(JobQueue *queue, const JobOrder *order) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job_answers_order(job, order))
                        return job;
        return NULL;
}

static int check_order(JobQueue *queue, const JobOrder *order) {
        const JobKindRule *rule = job_kind_rule(order->request->kind);

        if (!rule->is_carried_out)
                return -EOPNOTSUPP;
        if (rule->needs_running && order->filesystem->is_shut_down)
                return -ESHUTDOWN;
        if (queue->n_jobs >= JOB_QUEUE_MAX)
                return -ENOBUFS;
        if (order->source != DECISION_CALLER && rule->is_attempt &&
            attempt_memory_hold_usec(&queue->attempts, order->filesystem->id, &order->target,
                                     clock_boottime_usec()) > 0)
                return -EALREADY;
        return 0;
}

bool job_queue_may_add(JobQueue *queue, const JobOrder *order) {
        return find_equal(queue, order) || check_order(queue, order) >= 0;
}

/* A freshly made job, not in any list yet. */
static int job_new(JobQueue *queue, const JobOrder *order, QueuedJob **ret_queued) {
        _cleanup_(free_at) QueuedJob *queued = calloc(1, sizeof(*queued));
        Job *job;
        int r;

        if (!queued)
                return -ENOMEM;
        job = &queued->job;
        r = action_request_copy(order->request, &job->request);
        if (r < 0)
                return r;

        job->n_refs = 1;
        job->id = queue->next_id++;
        job->filesystem_id = order->filesystem->id;
        job->device_number = order->filesystem->facts.device_number;
        job->state = JOB_QUEUED;
        job->target = order->target;
        job->is_dry_run = order->is_dry_run;
        job->deadline_monotonic_usec = clock_monotonic_usec() + JOB_QUEUED_MAX_USEC;
        if (order->event) {
                char text[EVENT_TEXT_SIZE];

                job->event = *order->event;
                /* A scan is about the whole file system, whatever led to it. */
                if (order->request->kind == ACTION_REPAIR)
                        (void) text_copy(job->target_text, sizeof(job->target_text),
                                         health_event_target_text(order->event, text));
        }
        (void) text_copy(job->override_harmful, sizeof(job->override_harmful),
                         order->override_harmful ? order->override_harmful : "");
        job->report = (JobReport) {
                .job_id = job->id,
                .event_id = job->event.id,
                .action = order->request->kind,
                .source = order->source,
                .caller_uid = order->caller_uid,
        };
        (void) text_copy(job->report.rule_id, sizeof(job->report.rule_id), order->rule_id ? order->rule_id : "");
        if (order->request->kind == ACTION_START_UNIT) {
                char name[UNIT_NAME_SIZE];

                (void) text_copy(job->target_text, sizeof(job->target_text),
                                 unit_name_from_number(order->request->unit, job->id, name));
                (void) job_add_event(job, order);
        }

        *ret_queued = steal_ptr(queued);
        return 0;
}

/* Returns 1 and the new job, 0 and an equal one, or a negative errno. */
int job_queue_find_or_make(JobQueue *queue, const JobOrder *order, Job **ret_job) {
        QueuedJob *queued;
        int r;

        *ret_job = find_equal(queue, order);
        if (*ret_job)
                return 0;

        r = check_order(queue, order);
        if (r < 0)
                return r;
        r = job_new(queue, order, &queued);
        if (r < 0)
                return r;

        job_queue_insert(queue, &queued->job);
        queue->n_jobs++;
        *ret_job = &queued->job;
        return 1;
}

/* The try does not count. */
static void job_requeue(JobQueue *queue, Job *job) {
        job->state = JOB_QUEUED;
        job->report.n_attempts--;
        job->deadline_monotonic_usec = clock_monotonic_usec() + JOB_QUEUED_MAX_USEC;
        job_queue_tell_change(queue, job);
}

/* Started from the loop: the caller has to know the job before it can end. */
static void pump_soon(JobQueue *queue) {
        queue->is_pump_due = true;
        job_queue_timer_arm(queue);
}

/* The worker has spoken about the running try. */
void job_queue_take_result(JobQueue *queue, Job *job, const WorkerJobResult *result) {
        job->report.was_verified = result->was_verified;
        job->report.duration_usec += result->duration_usec;
        job->boot_check = (BootCheck) result->boot_check;
        free(job->file);
        job->file = result->path[0] ? strdup(result->path) : NULL;
        /* Asked for while it looked, by somebody who knows or may; what nobody has asked for is refused. */
        if (result->have_facts_changed && !job->expects_autofsck) {
                job_requeue(queue, job);
                return;
        }
        job_queue_try_ended(queue, job, (Outcome) result->outcome, result->error, result->detail);
}

int job_queue_add(JobQueue *queue, const JobOrder *order, Job **ret_job) {
        QueuedJob *queued;
        bool is_new;
        int r;

        r = job_queue_find_or_make(queue, order, ret_job);
        if (r < 0)
                return r;

        queued = queued_of(*ret_job);
        is_new = r > 0 || queued->is_untold;
        queued->is_untold = false;
        /* From here on it is decided with facts: a further try looks at none. */
        queued->job.expects_autofsck = false;
        if (is_new)
                queue->changed(queue->userdata, *ret_job);
        else {
                (*ret_job)->n_joined++;
                if (order->request->kind == ACTION_START_UNIT)
                        (void) job_add_event(*ret_job, order);
        }
        if (queued->has_result) {
                queued->has_result = false;
                job_queue_take_result(queue, *ret_job, &queued->result);
        }
        if (is_new)
                pump_soon(queue);
        return is_new;
}

uint64_t job_queue_new_number(JobQueue *queue) {
        return queue->next_id++;
}

int job_queue_cancel(JobQueue *queue, uint64_t job_id) {
        Job *job = job_queue_find(queue, job_id);

        if (!job)
                return -ENOENT;
        job->is_cancel_requested = true;
        if (job->state != JOB_RUNNING) {
                job_queue_end_job(queue, job, OUTCOME_CANCELLED, 0, NULL);
                job_queue_timer_arm(queue);
                return 0;
        }
        return queue->carrier.cancel(queue->carrier.userdata, job);
}

void job_queue_on_started(JobQueue *queue, uint64_t job_id) {
        Job *job = find_of_all(queue, job_id);

        if (job && job->state == JOB_RUNNING)
                job->has_begun = true;
}

int job_queue_on_result(JobQueue *queue, const WorkerJobResult *result) {
        Job *job = find_of_all(queue, result->job_id);

        if (!job)
                return -ENOENT;
        if (job->state != JOB_RUNNING)
                return 0; /* of a try that was given up: the next one counts */

        if (queued_of(job)->is_untold)
                job_queue_take_untold_result(queue, job, result);
        else
                job_queue_take_result(queue, job, result);
        job_queue_pump(queue);
        return 0;
}

static bool waits_for_next_worker(Job *job) {
        /* A unit runs on, and the next worker waits for it: asked again, it is not started again. A verification goes
         * on where it was. */
        if (job->request.kind == ACTION_START_UNIT || job->request.kind == ACTION_VERIFY_MEDIA)
                return true;
        /* Nothing was done, and nobody was told that it would be. */
        return job_kind_rule(job->request.kind)->is_prepared && !job->is_ordered && !job->was_announced &&
               job->n_begun_again++ < JOB_BEGUN_AGAIN_MAX;
}

void job_queue_on_worker_lost(JobQueue *queue) {
        Job *next;

        for (Job *job = job_queue_next_of_all(queue, NULL); job; job = next) {
                next = job_queue_next_of_all(queue, job);
                if (job->state != JOB_RUNNING || queued_of(job)->has_result)
                        continue;
                if (queued_of(job)->is_untold && !job_queue_tell_untold(queue, job))
                        continue;
                if (waits_for_next_worker(job)) {
                        job_requeue(queue, job);
                        continue;
                }
                job_queue_try_ended(queue, job, OUTCOME_WORKER_LOST, ECONNRESET,
                                    job->has_begun || job->is_ordered ? "the worker went away in the middle of it"
                                                                      : "the worker went away before it began");
        }
        job_queue_timer_arm(queue);
}

void job_queue_on_worker_ready(JobQueue *queue) {
        job_queue_pump(queue);
}

/* What the worker was told about the users of a file system it does, whether that is there or not. */
static bool ends_with_filesystem(const Job *job, Outcome outcome) {
        const JobKindRule *rule = job_kind_rule(job->request.kind);

        if (outcome == OUTCOME_SHUT_DOWN)
                return rule->needs_running;
        return rule->needs_filesystem && !(rule->is_prepared && job->is_ordered);
}

void job_queue_on_filesystem_gone(JobQueue *queue, uint64_t filesystem_id, Outcome outcome) {
        Job *next;

        for (Job *job = job_queue_next_of_all(queue, NULL); job; job = next) {
                next = job_queue_next_of_all(queue, job);
                if (job->filesystem_id != filesystem_id || !ends_with_filesystem(job, outcome))
                        continue;
                if (queued_of(job)->has_result)
                        job_queue_settle(queue, job->event.id);
                else if (!queued_of(job)->is_untold || job_queue_tell_untold(queue, job))
                        job_queue_end_job(queue, job, outcome, 0, NULL);
        }
        if (outcome == OUTCOME_UNMOUNTED)
                attempt_memory_forget_filesystem(&queue->attempts, filesystem_id);
        job_queue_timer_arm(queue);
}

void job_queue_on_healthy(JobQueue *queue, uint64_t filesystem_id, const RepairTarget *target) {
        attempt_memory_forget(&queue->attempts, filesystem_id, target);
}
