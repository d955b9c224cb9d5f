/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a repair that failed may still wait for, beside other repairs (src/action/job-queue-order.c): reports that are
 * not decided on yet, what is looked at again (engine-looks.c), and a full scan that looks for the reason. What the
 * scan finds is repaired like any other report, and each repair that helps gives the one that waits another try.
 */

#include <stdio.h>

#include "src/basic/log.h"
#include "src/engine/engine-internal.h"

/* Damage that the repair of one structure could not mend: a gone inode or a read-only mount is no reason for a scan of
 * hours. */
static bool is_reason_for_scan(Outcome outcome) {
        return outcome == OUTCOME_STILL_CORRUPT || outcome == OUTCOME_INCOMPLETE || outcome == OUTCOME_CROSS_REFERENCE;
}

/* What upstream's program does, and no default of ours may do less; a rule says itself what comes after a repair that
 * did not help. */
static bool wants_scan(const Job *job) {
        return job->report.source == DECISION_BASELINE && !job->had_scan && is_reason_for_scan(job->report.outcome);
}

/* Whose repairs may wait: NULL if nothing is of any use there any more. */
static Watch *living_watch(Engine *engine, const Job *job) {
        const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);
        Watch *watch = engine_watch_find(engine, job->filesystem_id);

        return watch && filesystem && !watch->is_ending && !filesystem->is_shut_down ? watch : NULL;
}

bool engine_plan_may_help(void *userdata, const Job *job) {
        const Watch *watch = living_watch(userdata, job);

        /* A person is told at once. */
        if (!watch || job->report.source == DECISION_CALLER)
                return false;
        return watch->n_cases > 0 || (watch->has_looks && watch->may_look) || wants_scan(job);
}

/* Told before the scan of hours, not after it. */
static void tell_scan(Engine *engine, Filesystem *filesystem, const Job *job) {
        const char *why = job->report.detail[0] ? job->report.detail : outcome_to_sentence(job->report.outcome);
        char message[JOB_DETAIL_SIZE + 64];

        (void) snprintf(message, sizeof(message), "%s; a full scan looks for the reason", why);
        engine_raise(engine, filesystem, CONDITION_REPAIR_FAILED, SEVERITY_ERROR, job->target_text, message,
                     job->report.event_id);
}

static bool begin_scan(Engine *engine, Job *job) {
        Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, job->filesystem_id);
        ActionRequest request = {
                .kind = ACTION_SCRUB,
                .timeout_usec = USEC_INFINITY,
                .scrub_repair = SCRUB_REPAIR_IF_ALLOWED,
        };
        const JobOrder order = {
                .filesystem = filesystem,
                .request = &request,
                .event = &job->event,
                .source = DECISION_BASELINE,
        };
        char number[32];
        Job *scan;
        int r;

        if (!job_queue_may_add(engine->jobs, &order) || !engine_sequence_may_act(engine, job, &request))
                return false;
        r = job_queue_add(engine->jobs, &order, &scan);
        if (r < 0) {
                log_warning_errno(r, "%s: no full scan after the failed repair: %m",
                                  filesystem_facts_subject(&filesystem->facts, number));
                return false;
        }
        /* Whatever comes of it, and whosever it is. */
        job->had_scan = true;
        tell_scan(engine, filesystem, job);
        return true;
}

bool engine_plan_seek_help(void *userdata, Job *job) {
        Engine *engine = userdata;
        Watch *watch = living_watch(engine, job);

        if (!watch || job->report.source == DECISION_CALLER)
                return false;
        /* One that comes to no repair makes room for the next at once. */
        engine_looks_next(engine, watch);
        /* It is looked at again when all of them are decided, and when a repair ends. */
        if (watch->n_cases > 0 || (watch->has_looks && watch->may_look) || !job_queue_is_stalled(engine->jobs, job))
                return true;
        return wants_scan(job) && begin_scan(engine, job);
}

bool engine_plan_may_try_again(void *userdata, const Job *job) {
        ActionRequest request = job->request;

        return engine_sequence_may_act(userdata, job, &request);
}
