/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hooks of the administrator's: the worker runs them while the time of the announcement runs. They may save something;
 * nothing that they say or do keeps what was announced from being done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-fail.h"

void engine_fail_forget_hooks(FailRun *run) {
        engine_fail_cancel_unit(run->engine, &run->hooks_id);
}

static int send(Engine *engine, const Job *job, const Filesystem *filesystem, uint64_t hooks_id, const char *text) {
        _cleanup_(close_fd_at) int payload_fd = -EBADF;
        const UnitPayload payload = {
                .data = { [UNIT_FILE_MESSAGE] = text, [UNIT_FILE_PATHS] = "" },
                .size_bytes = { [UNIT_FILE_MESSAGE] = strlen(text) },
        };
        WorkerMessage message;
        int r;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        r = unit_payload_make(&payload, &payload_fd);
        if (r < 0)
                return r;
        worker_message_init(&message, WORKER_HOOKS);
        message.hooks.job_id = hooks_id;
        message.hooks.announced_job_id = job->id;
        message.hooks.event_id = job->event.id;
        message.hooks.device_number = filesystem->facts.device_number;
        message.hooks.timeout_usec = job->request.workloads->warn_usec;
        message.hooks.act_realtime_usec = job->act_realtime_usec;
        message.hooks.action = (uint8_t) job->request.kind;
        (void) text_copy(message.hooks.rule_id, sizeof(message.hooks.rule_id), job->report.rule_id);
        return worker_link_send(engine->link, &message, payload_fd);
}

void engine_fail_run_hooks(FailRun *run, const Job *job, const Filesystem *filesystem) {
        _cleanup_(free_at) char *text = NULL;
        Engine *engine = run->engine;
        uint64_t job_id = run->job_id, hooks_id;
        int r;

        /* Without a warning there is no time in which they could run. */
        if (job->request.workloads->warn_usec == 0)
                return;
        hooks_id = engine_new_number(engine);
        r = engine_fail_message(run, job, filesystem, "before-fail", hooks_id, NULL, &text);
        if (r >= 0) {
                run->hooks_id = hooks_id;
                r = send(engine, job, filesystem, hooks_id, text);
        }
        if (r >= 0)
                return;
        log_warning_errno(r, "job %" PRIu64 ": its hooks are not run: %m", job_id);
        run = engine_fail_find(engine, job_id);
        if (run)
                run->hooks_id = 0;
}

static FailRun *find_by_hooks(Engine *engine, uint64_t hooks_id) {
        FailRun *run;

        TAILQ_FOREACH(run, &engine->fail_runs, entries)
                if (run->hooks_id == hooks_id && hooks_id != 0)
                        return run;
        return NULL;
}

void engine_fail_on_hook(Engine *engine, const WorkerHook *told) {
        FailRun *run = find_by_hooks(engine, told->job_id);
        char text[HOOK_NAME_SIZE + 64] = "";

        if (!run)
                return;
        (void) text_append_format(text, sizeof(text), "%s%s %s", run->hooks[0] ? ", " : "", told->name,
                                  outcome_to_name((Outcome) told->outcome));
        if (strlen(run->hooks) + strlen(text) >= sizeof(run->hooks))
                run->n_hooks_untold++;
        else
                (void) text_append_format(run->hooks, sizeof(run->hooks), "%s", text);
}

bool engine_fail_on_hooks_ended(Engine *engine, const WorkerJobResult *result) {
        FailRun *run = find_by_hooks(engine, result->job_id);
        Outcome outcome = (Outcome) result->outcome;

        if (!run)
                return false;
        engine_worker_taken(engine, result->job_id);
        /* The line may have broken in there. */
        run = find_by_hooks(engine, result->job_id);
        if (!run)
                return true;
        run->hooks_id = 0;
        /* Of each one the worker has told; of none it says why. */
        if (!outcome_is_success(outcome) && !run->hooks[0])
                (void) text_append_format(run->hooks, sizeof(run->hooks), "%s",
                                          result->detail[0] ? result->detail : outcome_to_sentence(outcome));
        engine_fail_look_on(run);
        return true;
}

const char *engine_fail_hooks_text(const FailRun *run, char buffer[static FAIL_HOOKS_TEXT_SIZE + 32]) {
        buffer[0] = 0;
        if (run->hooks[0])
                (void) text_append_format(buffer, FAIL_HOOKS_TEXT_SIZE + 32, "; hooks: %s", run->hooks);
        if (run->n_hooks_untold > 0)
                (void) text_append_format(buffer, FAIL_HOOKS_TEXT_SIZE + 32, " +%u", run->n_hooks_untold);
        return buffer;
}
