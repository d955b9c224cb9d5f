/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FAIL_PERMIT: a unit of the administrator's is started, reads what is going to be done, and permits it by ending well.
 * Whatever else comes of it, or nothing until its deadline, is a refusal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/engine/engine-fail.h"

/* What a unit is told of those who are spared: the taken ones, at most WORKLOADS_MAX_LIMIT, always fit. */
#define WORKLOADS_BYTES ((size_t) 320 * 1024)

void engine_fail_forget_permit(FailRun *run) {
        engine_fail_cancel_unit(run->engine, &run->permit_id);
}

static void refuse(FailRun *run, int error, const char *why) {
        const PermitUnit *permit = &run->engine->permit;
        Job *job = engine_fail_job(run);
        Filesystem *filesystem = job ? filesystem_table_find_id(run->engine->filesystems, job->filesystem_id) : NULL;
        char text[JOB_DETAIL_SIZE] = "";

        if (!filesystem)
                return;
        (void) text_append_format(text, sizeof(text), "%s is not permitted by %s: %s",
                                  action_kind_to_name(job->request.kind), permit->template, why);
        engine_raise(run->engine, filesystem, CONDITION_PERMIT_REFUSED, SEVERITY_ERROR, "", text, job->event.id);
        engine_fail_end(run, OUTCOME_REFUSED, error, text);
}

static int add_workloads(const WorkloadReports *reports, bool is_taken, MessageList *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reports->n_items; i++) {
                _cleanup_(free_at) char *object = NULL;

                if (reports->items[i].is_taken != is_taken)
                        continue;
                r = message_workload(reports->items + i, &object);
                if (r >= 0)
                        r = message_list_add(list, object, WORKLOADS_BYTES, WORKLOAD_PLAN_MAX);
        }
        return r < 0 ? r : 0;
}

int engine_fail_message(const FailRun *run, const Job *job, const Filesystem *filesystem, const char *type,
                        uint64_t id, const char *unit, char **ret_text) {
        _cleanup_(message_list_clear) MessageList events = {}, workloads = {};
        _cleanup_(free_at) char *object = NULL;
        char summary[EVENT_TEXT_SIZE] = "", number[32];
        bool is_shutdown = job->request.kind == ACTION_SHUTDOWN;
        int r = 0;

        if (job->event.id != 0)
                r = message_event(&job->event, health_event_severity(&job->event), &filesystem->facts, NULL,
                                  job->report.rule_id, &object);
        if (r >= 0 && object)
                r = message_list_add(&events, object, MESSAGE_OBJECT_MAX + 1, 1);
        if (r >= 0)
                r = add_workloads(&job->workloads, true, &workloads);
        if (r >= 0)
                r = add_workloads(&job->workloads, false, &workloads);
        if (r < 0)
                return r;

        (void) text_append_format(summary, sizeof(summary), "%s of %s: %s", action_kind_to_name(job->request.kind),
                                  filesystem_facts_subject(&filesystem->facts, number),
                                  unit ? "may it be done?" : "it is going to be done");
        return message_text(&(Message) {
                .type = type,
                .id = id,
                .unit = unit,
                .rule = job->report.rule_id,
                .summary = summary,
                .severity = health_event_severity(&job->event),
                .time_usec = clock_realtime_usec(),
                .count = events.n,
                .events = &events,
                .action = action_kind_to_name(job->request.kind),
                .job_id = job->id,
                .filesystem = &filesystem->facts,
                .n_taken = run->plan.n_taken,
                .workloads = is_shutdown ? NULL : &workloads,
                .deadline_usec = job->was_announced ? job->act_realtime_usec : 0,
        }, ret_text);
}

static int start_unit(FailRun *run, const Job *job, const Filesystem *filesystem) {
        const PermitUnit *permit = &run->engine->permit;
        _cleanup_(free_at) char *text = NULL;
        char name[UNIT_NAME_SIZE];
        int r;

        r = engine_fail_message(run, job, filesystem, "permit", run->permit_id,
                                unit_name_from_number(permit->template, run->permit_id, name), &text);
        if (r < 0)
                return r;
        return engine_start_unit(run->engine, &(UnitOrder) {
                .id = run->permit_id,
                .event_id = job->event.id,
                .template = permit->template,
                .timeout_usec = permit->timeout_usec,
                .payload = {
                        .data = { [UNIT_FILE_MESSAGE] = text, [UNIT_FILE_PATHS] = "" },
                        .size_bytes = { [UNIT_FILE_MESSAGE] = strlen(text) },
                },
        });
}

void engine_fail_ask_permit(FailRun *run) {
        Engine *engine = run->engine;
        uint64_t job_id = run->job_id;
        const Job *job = engine_fail_job(run);
        const Filesystem *filesystem = job ? filesystem_table_find_id(engine->filesystems, job->filesystem_id) : NULL;
        int r;

        if (!filesystem)
                return;
        if (!engine->permit.template[0]) {
                engine_fail_permitted(run);
                return;
        }

        run->stage = FAIL_PERMIT;
        run->permit_id = engine_new_number(engine);
        r = start_unit(run, job, filesystem);
        run = engine_fail_find(engine, job_id);
        if (!run)
                return; /* the line broke in there */
        if (r < 0) {
                run->permit_id = 0;
                refuse(run, -r, strerror(-r));
        } else
                engine_fail_set_timer(run, engine->permit.timeout_usec + FAIL_PERMIT_GRACE_USEC);
}

void engine_fail_permit_overdue(FailRun *run) {
        refuse(run, ETIMEDOUT, "it did not answer in time");
}

bool engine_fail_on_unit_ended(Engine *engine, const WorkerJobResult *result) {
        Filesystem *filesystem;
        FailRun *run;
        const Job *job;

        TAILQ_FOREACH(run, &engine->fail_runs, entries)
                if (run->permit_id == result->job_id && result->job_id != 0)
                        break;
        if (!run)
                return false;
        engine_unit_taken(engine, result->job_id);
        run->permit_id = 0;
        job = engine_fail_job(run);
        filesystem = job ? filesystem_table_find_id(engine->filesystems, job->filesystem_id) : NULL;
        if (!filesystem)
                return true;
        if (!outcome_is_success((Outcome) result->outcome)) {
                refuse(run, result->error, result->detail[0] ? result->detail
                                                             : outcome_to_sentence((Outcome) result->outcome));
                return true;
        }
        (void) sd_event_source_set_enabled(run->timer, SD_EVENT_OFF);
        engine_drop(engine, filesystem, CONDITION_PERMIT_REFUSED, NULL);
        engine_fail_permitted(run);
        return true;
}
