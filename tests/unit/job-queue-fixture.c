/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/job-queue-fixture.h"

static const ActionRequest repair = { .kind = ACTION_REPAIR, .timeout_usec = USEC_INFINITY };

static int carrier_start(void *userdata, const Job *job, const Filesystem *filesystem) {
        JobQueueSetup *s = userdata;

        /* Only a unit is started for what is gone. */
        assert_true(filesystem ? filesystem->id == job->filesystem_id : job->request.kind == ACTION_START_UNIT);
        if (s->start_result < 0)
                return s->start_result;
        s->started[s->n_started++] = job->id;
        s->expected = job->expects_autofsck;
        return 0;
}

static int carrier_cancel(void *userdata, const Job *job) {
        JobQueueSetup *s = userdata;

        assert_true(job->is_cancel_requested);
        s->n_cancelled++;
        return 0;
}

static int carrier_taken(void *userdata, const Job *job) {
        JobQueueSetup *s = userdata;

        assert_int_equal(job->state, JOB_ENDED);
        s->n_taken++;
        return 0;
}

static void changed(void *userdata, Job *job) {
        JobQueueSetup *s = userdata;

        s->n_changes++;
        if (job->state == JOB_WAITING)
                s->n_waiting++;
        if (job->state != JOB_ENDED)
                return;
        if (s->gone_in_changed)
                job_queue_on_filesystem_gone(s->queue, s->gone_in_changed, OUTCOME_SHUT_DOWN);
        s->ended_ids[s->n_ended] = job->id;
        s->ended[s->n_ended++] = job->report.outcome;
}

int setup(void **state) {
        static JobQueueSetup s;
        const JobCarrier carrier = {
                .start = carrier_start,
                .cancel = carrier_cancel,
                .taken = carrier_taken,
                .userdata = &s,
        };

        s = (JobQueueSetup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        s.table = filesystem_table_new();
        assert_non_null(s.table);
        assert_int_equal(filesystem_table_add(s.table, 1, &s.one), 0);
        assert_int_equal(filesystem_table_add(s.table, 2, &s.two), 0);
        assert_int_equal(job_queue_new(s.event, s.table, &carrier, changed, &s, 100, &s.queue), 0);
        *state = &s;
        return 0;
}

int teardown(void **state) {
        JobQueueSetup *s = *state;

        job_queue_free(s->queue);
        filesystem_table_free(s->table);
        sd_event_unref(s->event);
        return 0;
}

void begin_repair(JobQueueSetup *s, Filesystem *filesystem, Structure structure) {
        const HealthEvent event = { .id = EVENT_ID };
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &repair,
                .event = &event,
                .target = { .structure = structure },
                .source = DECISION_BASELINE,
        };

        job_queue_begin(s->queue, &order, AUTOFSCK_REPAIR);
}

int add_repair(JobQueueSetup *s, Filesystem *filesystem, Structure structure, uint32_t group, Job **ret_job) {
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &repair,
                .target = { .structure = structure, .group = group },
                .source = DECISION_BASELINE,
        };

        return job_queue_add(s->queue, &order, ret_job);
}

void run_until_started(JobQueueSetup *s, size_t n) {
        while (s->n_started < n)
                assert_true(sd_event_run(s->event, 60 * USEC_PER_SEC) > 0);
}

void run_due(JobQueueSetup *s) {
        while (sd_event_run(s->event, 0) > 0)
                ;
}

void end_job(JobQueueSetup *s, uint64_t id, Outcome outcome) {
        const WorkerJobResult result = { .job_id = id, .outcome = (uint8_t) outcome };

        job_queue_on_result(s->queue, &result);
        job_queue_tell_ended(s->queue);
}
