/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of the repairs of one file system: whose turn it is, and what waits for others.
 *
 * A repair that failed, and for which another sick structure may be the reason, is put back. It is due again when
 * something else of its file system was repaired, or when a full scan has looked for the reason. Between these, nothing
 * is tried: so each try after the first is paid for by a repair that helped, and there are JOB_PUT_BACK_MAX of them at
 * most. When nothing is under way that could help, it ends.
 */

#include "src/action/job-queue-internal.h"

#include "kernel/repair-rank.h"
#include "src/basic/clock.h"

static bool is_repair_of(const Job *job, uint64_t filesystem_id) {
        return job->filesystem_id == filesystem_id && job->request.kind == ACTION_REPAIR;
}

/* Within a stage what failed already comes after what was not tried yet. */
static bool goes_before(const Job *a, const Job *b) {
        RepairStage stage_a = repair_stage(a->target.structure), stage_b = repair_stage(b->target.structure);

        if (stage_a != stage_b)
                return stage_a < stage_b;
        if ((a->n_put_back > 0) != (b->n_put_back > 0))
                return b->n_put_back > 0;
        return repair_rank(a->target.structure) < repair_rank(b->target.structure);
}

void job_queue_insert(JobQueue *queue, Job *job) {
        QueuedJob *queued = queued_of(job), *other;

        TAILQ_FOREACH(other, &queue->jobs, entries)
                if (job->request.kind == ACTION_REPAIR && is_repair_of(&other->job, job->filesystem_id) &&
                    other->job.state != JOB_RUNNING && goes_before(job, &other->job)) {
                        TAILQ_INSERT_BEFORE(other, queued, entries);
                        return;
                }
        TAILQ_INSERT_TAIL(&queue->jobs, queued, entries);
}

static bool waits_for_others(const Job *job) {
        return job->is_put_back && !queued_of(job)->is_due;
}

/* Something of its file system is going to be repaired, or is looked for. The baseline alone waits for scans: a rule
 * says itself what comes after a repair that did not help. */
static bool is_work_left(JobQueue *queue, const Job *waiting) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));) {
                if (job == waiting || job->filesystem_id != waiting->filesystem_id)
                        continue;
                if (job->request.kind == ACTION_REPAIR && !waits_for_others(job))
                        return true;
                if (job->request.kind == ACTION_SCRUB && waiting->report.source == DECISION_BASELINE)
                        return true;
        }
        return false;
}

/* A group's b-trees lead to its inodes. */
static bool is_way_repaired(JobQueue *queue, const Job *waiting) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (is_repair_of(job, waiting->filesystem_id) && job != waiting &&
                    repair_stage(job->target.structure) < REPAIR_STAGE_INODES)
                        return true;
        return false;
}

/* What waits must not take the places of what can be done. */
static bool is_room_to_wait(JobQueue *queue, uint64_t filesystem_id) {
        unsigned n = 0;

        if (queue->n_put_back < JOB_PUT_BACK_JOBS_MAX)
                return true;
        for (Job *job = NULL; queue->n_put_back < JOB_QUEUE_MAX / 2 && (job = job_queue_next_of_all(queue, job));)
                n += job->filesystem_id == filesystem_id && job->is_put_back;
        return queue->n_put_back < JOB_QUEUE_MAX / 2 && n < JOB_PUT_BACK_JOBS_MAX;
}

static bool may_be_put_back(JobQueue *queue, const Job *job, Outcome outcome, bool may_retry) {
        const JobCarrier *carrier = &queue->carrier;

        if (job->request.kind != ACTION_REPAIR || job->is_cancel_requested || job->n_put_back >= JOB_PUT_BACK_MAX ||
            !is_room_to_wait(queue, job->filesystem_id))
                return false;
        if (outcome_may_be_unreached(outcome))
                return job->target.inode != 0 && is_way_repaired(queue, job);
        if (!outcome_may_depend(outcome))
                return false;
        if (is_work_left(queue, job))
                return true;
        return !may_retry && carrier->may_be_helped && carrier->may_be_helped(carrier->userdata, job);
}

bool job_queue_put_back(JobQueue *queue, Job *job, Outcome outcome, bool may_retry) {
        if (!may_be_put_back(queue, job, outcome, may_retry))
                return false;

        job->state = JOB_WAITING;
        job->not_before_monotonic_usec = USEC_INFINITY;
        job->is_put_back = true;
        job->n_put_back++;
        queue->n_put_back++;
        job_queue_tell_change(queue, job);
        job_queue_tell_soon(queue);
        return true;
}

void job_queue_take_out(JobQueue *queue, Job *job) {
        if (!job->is_put_back)
                return;
        job->is_put_back = false;
        queued_of(job)->is_due = false;
        queue->n_put_back--;
}

static void make_due(JobQueue *queue, uint64_t filesystem_id) {
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job->filesystem_id == filesystem_id && job->is_put_back)
                        queued_of(job)->is_due = true;
        queue->is_pump_due = true;
}

/* What it was asked for is done, or something was found and is reported. */
static void note_scan(JobQueue *queue, const Job *scan) {
        bool has_looked = outcome_is_success(scan->report.outcome) ||
                          scan->report.outcome == OUTCOME_FOUND_CORRUPTION;
        /* Who wants more than a check is not answered by one, unless no more is allowed. */
        bool is_all = scan->request.scrub_repair == SCRUB_REPAIR_IF_ALLOWED ||
                      scan->report.source == DECISION_BASELINE;

        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));) {
                if (job->filesystem_id != scan->filesystem_id || !job->is_put_back ||
                    job->report.source != DECISION_BASELINE)
                        continue;
                job->had_scan |= is_all;
                queued_of(job)->is_due |= has_looked;
        }
        queue->is_pump_due = true;
}

void job_queue_note_end(JobQueue *queue, const Job *ended) {
        if (ended->request.kind == ACTION_SCRUB && queue->n_put_back > 0)
                note_scan(queue, ended);
        if (ended->request.kind != ACTION_REPAIR || !outcome_has_changed(ended->report.outcome))
                return;
        attempt_memory_progress(&queue->attempts, ended->filesystem_id);
        if (queue->n_put_back > 0)
                make_due(queue, ended->filesystem_id);
}

static void wake(JobQueue *queue, Job *job) {
        const JobCarrier *carrier = &queue->carrier;

        queued_of(job)->is_due = false;
        if (carrier->may_try_again && !carrier->may_try_again(carrier->userdata, job)) {
                job_queue_tell_soon(queue);
                return;
        }

        job_queue_take_out(queue, job);
        job->n_again++;
        TAILQ_REMOVE(&queue->jobs, queued_of(job), entries);
        job->state = JOB_QUEUED;
        job->deadline_monotonic_usec = clock_monotonic_usec() + JOB_QUEUED_MAX_USEC;
        job_queue_insert(queue, job);
        job_queue_tell_change(queue, job);
}

/* In the list they change places, so the search begins anew after each. */
void job_queue_wake_put_back(JobQueue *queue) {
        Job *job = NULL;

        if (queue->n_put_back == 0)
                return;
        while ((job = job_queue_next_of_all(queue, job)))
                if (queued_of(job)->is_due) {
                        wake(queue, job);
                        job = NULL;
                }
}

bool job_queue_is_stalled(JobQueue *queue, const Job *job) {
        return waits_for_others(job) && !is_work_left(queue, job);
}

/* By their numbers, because the list may be another one after each. */
static Job *next_put_back(JobQueue *queue, uint64_t behind_id) {
        Job *next = NULL;

        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job->is_put_back && job->id > behind_id && (!next || job->id < next->id))
                        next = job;
        return next;
}

void job_queue_end_stalled(JobQueue *queue) {
        const JobCarrier *carrier = &queue->carrier;
        uint64_t id = 0;
        Job *job;

        while ((job = next_put_back(queue, id))) {
                id = job->id;
                if (!job_queue_is_stalled(queue, job))
                        continue;
                if (!carrier->seek_help || !carrier->seek_help(carrier->userdata, job))
                        job_queue_end_job(queue, job, job->report.outcome, job->report.error, NULL);
        }
        job_queue_timer_arm(queue);
}

void job_queue_look_at_put_back(JobQueue *queue) {
        if (queue->n_put_back > 0)
                job_queue_tell_soon(queue);
}

void job_queue_on_mounted(JobQueue *queue, uint64_t filesystem_id) {
        uint64_t now = clock_monotonic_usec();

        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job->filesystem_id == filesystem_id && job->state == JOB_WAITING &&
                    job->report.outcome == OUTCOME_CANNOT_REOPEN)
                        job->not_before_monotonic_usec = min_of(job->not_before_monotonic_usec, now);
        job_queue_timer_arm(queue);
}

/* Two that read a whole disk at the same time take longer than one after the other, and everybody else waits for
 * both. A verification of days, which is behind everybody else on the disk, keeps no scan waiting that may heal. */
static bool load_one_disk(JobQueue *queue, const Job *running, const Job *candidate) {
        const Filesystem *there, *here;

        if (running->request.kind != candidate->request.kind || !job_kind_rule(candidate->request.kind)->loads_disk)
                return false;
        there = filesystem_table_find_id(queue->filesystems, running->filesystem_id);
        here = filesystem_table_find_id(queue->filesystems, candidate->filesystem_id);
        return there && here && filesystem_facts_share_disk(&there->facts, &here->facts);
}

/* A scan that is not ours. */
static bool is_loaded_by_other(JobQueue *queue, const Job *candidate) {
        const Filesystem *here = filesystem_table_find_id(queue->filesystems, candidate->filesystem_id);

        if (!here || !job_kind_rule(candidate->request.kind)->loads_disk)
                return false;
        for (Filesystem *f = NULL; (f = filesystem_table_next(queue->filesystems, f));)
                if (f->is_checked_by_other && (f == here || filesystem_facts_share_disk(&f->facts, &here->facts)))
                        return true;
        return false;
}

bool job_queue_is_occupied(JobQueue *queue, const Job *candidate) {
        if (is_loaded_by_other(queue, candidate))
                return true;
        for (Job *job = NULL; (job = job_queue_next_of_all(queue, job));)
                if (job != candidate && job->state == JOB_RUNNING &&
                    (job_excludes(job, candidate) || load_one_disk(queue, job, candidate)))
                        return true;
        return false;
}
