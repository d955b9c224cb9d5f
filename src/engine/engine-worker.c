/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's talk with the worker: what is held, what is asked, what comes back.
 */

#include <errno.h>
#include <string.h>

#include "kernel/health-monitor.h"
#include "src/action/job-kind.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-workloads.h"

/* systemd starts a new worker within a second, or after half a minute if the old one stands still (WatchdogSec=);
 * whoever has none for this long has to decide with what is known. */
#define WORKER_GIVEN_UP_USEC USEC_PER_MINUTE

static int on_worker_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        Engine *engine = userdata;
        Watch *watch;

        log_warning("worker: still none after %us, deciding without its facts",
                    (unsigned) (WORKER_GIVEN_UP_USEC / USEC_PER_SEC));
        engine->is_worker_given_up = true;
        /* What was adopted and never named is told as it is. */
        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->awaits_facts)
                        engine_tell(engine, on_filesystem,
                                    filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
        engine_pump_all(engine);
        return 0;
}

static void worker_timer_start(Engine *engine) {
        int r;

        engine->worker_timer = sd_event_source_disable_unref(engine->worker_timer);
        r = sd_event_add_time_relative(engine->event, &engine->worker_timer, CLOCK_MONOTONIC, WORKER_GIVEN_UP_USEC,
                                       USEC_PER_SEC, on_worker_timer, engine);
        if (r < 0) {
                log_error_errno(r, "worker: cannot set a timer, deciding without it at once: %m");
                engine->is_worker_given_up = true;
        }
}

static void on_hello(void *userdata) {
        Engine *engine = userdata;
        WorkerMessage message;

        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));) {
                const Watch *watch = engine_watch_find(engine, f->id);
                int fd = f->monitor_fd;

                if (fd < 0 && watch && watch->error_source)
                        fd = error_source_fd(watch->error_source);
                if (fd < 0)
                        continue;
                worker_message_init(&message, WORKER_HELD);
                message.held.device_number = f->facts.device_number;
                /* A failure closes the line, and the next one begins again. */
                (void) worker_link_send(engine->link, &message, fd);
        }

        worker_message_init(&message, WORKER_HELD_END);
        (void) worker_link_send(engine->link, &message, -EBADF);
}

static void on_ready(void *userdata, const WorkerHelloReply *reply) {
        Engine *engine = userdata;
        Watch *watch;

        (void) text_copy(engine->kernel_release, sizeof(engine->kernel_release), reply->kernel_release);
        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));)
                filesystem_mark_mounts_stale(f);
        engine->worker_timer = sd_event_source_disable_unref(engine->worker_timer);
        engine->is_worker_given_up = false;
        engine_forget_holds(engine);
        engine_tell(engine, on_worker, true);
        engine_pump_all(engine);
        job_queue_on_worker_ready(engine->jobs);
        TAILQ_FOREACH(watch, &engine->watches, entries)
                engine_looks_on_reachable(engine, watch);
        engine_survey_on_worker_ready(engine);
}

static void on_lost(void *userdata) {
        Engine *engine = userdata;

        worker_timer_start(engine);
        engine_tell(engine, on_worker, false);
        fact_gatherer_on_worker_lost(engine->gatherer);
        engine_survey_on_worker_lost(engine);
        engine_forget_scans(engine);
        engine_users_end_all(engine, ENOTCONN);
        engine_autofsck_end_all(engine, ENOTCONN);
        engine_fail_on_worker_lost(engine);
        job_queue_on_worker_lost(engine->jobs);
}

/* What the new worker did not say again is gone. */
static void on_mounts_listed(Engine *engine) {
        Watch *next;

        for (Watch *watch = TAILQ_FIRST(&engine->watches); watch; watch = next) {
                Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);
                size_t n_dropped;

                next = TAILQ_NEXT(watch, entries);
                /* Alive, but mounted nowhere that the worker sees. */
                engine_facts_came(engine, watch);
                if (!filesystem)
                        continue;
                n_dropped = filesystem_drop_stale_mounts(filesystem);
                if (filesystem->n_mounts == 0 && filesystem->monitor_fd < 0)
                        engine_end_filesystem(engine, watch);
                else if (n_dropped > 0)
                        engine_tell(engine, on_filesystem, filesystem);
        }

        if (engine->is_complete)
                return;
        engine->is_complete = true;
        engine_holds_look(engine, NULL);
        for (size_t i = 0; i < engine->n_observers; i++)
                if (engine->observers[i].on_complete)
                        engine->observers[i].on_complete(engine->observers[i].userdata);
}

void engine_worker_taken(Engine *engine, uint64_t job_id) {
        WorkerMessage message;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return;
        worker_message_init(&message, WORKER_JOB_TAKEN);
        message.cancel.job_id = job_id;
        /* A line that breaks here brings the result again with the next one. */
        (void) worker_link_send(engine->link, &message, -EBADF);
}

static void on_intent_left(Engine *engine, const WorkerIntent *intent) {
        const char *name = structure_to_name(intent->target.structure);
        char uuid[UUID_TEXT_SIZE];

        uuid_format(intent->uuid, uuid);
        if (intent->is_running)
                log_warning("file system %s: an earlier repair of %s still runs as process %d", uuid,
                            name ? name : "?", intent->pid);
        else if (intent->is_ban)
                log_warning("file system %s: an earlier repair of %s never ended on kernel %s and is not tried again "
                            "there (to allow it: " HEALER_LIBEXECDIR "/healer-worker --forget-intent=%" PRIu64 ")",
                            uuid, name ? name : "?", intent->kernel_release, intent->job_id);
        else {
                log_notice("file system %s: an earlier repair of %s was interrupted", uuid, name ? name : "?");
                engine_worker_taken(engine, intent->job_id); /* said once; a ban of another kernel stays */
        }
}

/* The worker keeps a result until it is taken, also one that nobody waits for any more. What it means for the file
 * system the kernel has told already. */
static void on_result(Engine *engine, const WorkerJobResult *told) {
        WorkerJobResult changed = *told, *result = &changed;
        const char *detail = result->detail;

        if (engine_recycle_on_result(engine, result))
                return;
        engine_fail_add_detail(engine, result);
        if (job_queue_on_result(engine->jobs, result) >= 0 || engine_fail_on_unit_ended(engine, result) ||
            engine_fail_on_hooks_ended(engine, result) || engine_unit_ended(engine, result))
                return;
        log_notice("job %" PRIu64 ": a result for which nobody waits any more: %s%s%s%s", result->job_id,
                   outcome_to_sentence((Outcome) result->outcome), *detail ? " (" : "", detail, *detail ? ")" : "");
        engine_worker_taken(engine, result->job_id);
}

static void on_progress(Engine *engine, const WorkerJobProgress *told) {
        const ScanProgress progress = { told->phase, told->percent };
        Job *job = job_queue_on_progress(engine->jobs, told->job_id, progress);

        if (job)
                engine_tell(engine, on_progress, job);
}

void engine_on_worker_message(void *userdata, const WorkerMessage *message, int fd) {
        Engine *engine = userdata;

        switch ((WorkerMessageType) message->header.type) {
        case WORKER_FILESYSTEM:
                engine_on_filesystem(engine, &message->filesystem, fd);
                return;
        case WORKER_MOUNT_ADDED:
        case WORKER_MOUNT_GONE:
                engine_on_mount(engine, &message->mount, message->header.type == WORKER_MOUNT_ADDED);
                return;
        case WORKER_MOUNTS_LISTED:
                on_mounts_listed(engine);
                return;
        case WORKER_JOB_STARTED:
                job_queue_on_started(engine->jobs, message->result.job_id);
                engine_recycle_on_step(engine, &message->result);
                return;
        case WORKER_JOB_RESULT:
                on_result(engine, &message->result);
                return;
        case WORKER_GATHERED:
                fact_gatherer_on_answer(engine->gatherer, &message->gathered, fd);
                return;
        case WORKER_INTENT_LEFT:
                on_intent_left(engine, &message->intent);
                return;
        case WORKER_SURVEY_RESULT:
                engine_on_survey_result(engine, &message->survey_result);
                return;
        case WORKER_ZONE:
                engine_on_zone(engine, &message->zone, fd);
                return;
        case WORKER_JOB_PROGRESS:
                on_progress(engine, &message->progress);
                return;
        case WORKER_SCAN:
                engine_on_scan(engine, &message->scan);
                return;
        case WORKER_POWER:
                engine_on_power(engine, &message->power);
                return;
        case WORKER_USER:
                engine_on_user(engine, &message->user);
                return;
        case WORKER_USERS_END:
                engine_on_users_end(engine, &message->users_end);
                return;
        case WORKER_WORKLOAD:
                engine_on_workload(engine, &message->workload);
                return;
        case WORKER_HOLD:
                engine_on_hold(engine, &message->hold);
                return;
        case WORKER_HOOK:
                engine_fail_on_hook(engine, &message->hook);
                return;
        case WORKER_AUTOFSCK:
                engine_on_autofsck(engine, &message->autofsck_set);
                return;
        case WORKER_HELLO:
        case WORKER_HELD:
        case WORKER_HELD_END:
        case WORKER_RELEASED:
        case WORKER_REPAIR:
        case WORKER_SCRUB:
        case WORKER_GATHER:
        case WORKER_CANCEL:
        case WORKER_JOB_TAKEN:
        case WORKER_SURVEY:
        case WORKER_SURVEY_CANCEL:
        case WORKER_START_UNIT:
        case WORKER_LIST_USERS:
        case WORKER_FAIL:
        case WORKER_SHUTDOWN:
        case WORKER_UNHOLD:
        case WORKER_RECYCLE:
        case WORKER_START_AGAIN:
        case WORKER_HOOKS:
        case WORKER_SET_AUTOFSCK:
        case WORKER_HELLO_REPLY:
                log_warning("worker: said %s, which is ours to say; ignored",
                            worker_message_type_to_name((WorkerMessageType) message->header.type));
                return;
        }
}

void engine_worker_release(Engine *engine, dev_t device_number) {
        WorkerMessage message;

        if (!engine->link)
                return;
        worker_message_init(&message, WORKER_RELEASED);
        message.held.device_number = device_number;
        /* Without a worker there is nobody to tell: the next one is told what is held. */
        (void) worker_link_send(engine->link, &message, -EBADF);
}

static int carrier_start(void *userdata, const Job *job, const Filesystem *filesystem) {
        Engine *engine = userdata;
        WorkerMessage message;

        if (!engine->link)
                return -EOPNOTSUPP;
        if (!worker_link_is_ready(engine->link))
                return -ENOTCONN;
        if (job->request.kind == ACTION_SURVEY)
                return engine_survey_for_job(engine, job, filesystem);
        if (job->request.kind == ACTION_VERIFY_MEDIA)
                return engine_verify_for_job(engine, job);
        if (job_kind_rule(job->request.kind)->is_prepared)
                return engine_fail_for_job(engine, job);
        if (job->request.kind == ACTION_START_UNIT) {
                /* As long as it is not taken, the result of the try before is the answer to this one, too. */
                if (job->report.n_attempts > 0)
                        engine_worker_taken(engine, job->id);
                return engine_unit_for_job(engine, job);
        }

        if (job->request.kind == ACTION_SCRUB) {
                worker_message_init(&message, WORKER_SCRUB);
                message.scrub.job_id = job->id;
                message.scrub.event_id = job->event.id;
                message.scrub.device_number = filesystem->facts.device_number;
                message.scrub.timeout_usec = job->request.timeout_usec != USEC_INFINITY && job->request.timeout_usec > 0
                                                     ? job->request.timeout_usec : JOB_SCRUB_TIMEOUT_USEC;
                message.scrub.is_polite = job->report.source == DECISION_SCHEDULE;
                message.scrub.may_repair = job->request.scrub_repair == SCRUB_REPAIR_IF_ALLOWED;
        } else {
                worker_message_init(&message, WORKER_REPAIR);
                message.repair.job_id = job->id;
                message.repair.event_id = job->event.id;
                message.repair.device_number = filesystem->facts.device_number;
                message.repair.timeout_usec = job->request.timeout_usec;
                if (job->request.timeout_usec == USEC_INFINITY || job->request.timeout_usec == 0)
                        message.repair.timeout_usec = JOB_REPAIR_TIMEOUT_USEC;
                message.repair.target = job->target;
                message.repair.is_forced = health_event_is_unreadable(&job->event);
                message.repair.expects_autofsck = job->expects_autofsck;
                message.repair.autofsck = (uint8_t) job->autofsck;
                (void) text_copy(message.repair.override_harmful, sizeof(message.repair.override_harmful),
                                 job->override_harmful);
        }
        return worker_link_send(engine->link, &message, filesystem->monitor_fd);
}

static int tell_job(Engine *engine, WorkerMessageType type, const Job *job) {
        WorkerMessage message;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        worker_message_init(&message, type);
        message.cancel.job_id = job->id;
        return worker_link_send(engine->link, &message, -EBADF);
}

int engine_worker_cancel(Engine *engine, const Job *job) {
        return tell_job(engine, WORKER_CANCEL, job);
}

static int carrier_cancel(void *userdata, const Job *job) {
        if (job->request.kind == ACTION_SURVEY)
                return engine_survey_cancel_job(userdata, job);
        if (job->request.kind == ACTION_VERIFY_MEDIA)
                return engine_verify_cancel_job(userdata, job);
        if (job_kind_rule(job->request.kind)->is_prepared)
                return engine_fail_cancel_job(userdata, job);
        return tell_job(userdata, WORKER_CANCEL, job);
}

static int carrier_taken(void *userdata, const Job *job) {
        /* Its result was made here: the worker keeps nothing of it. */
        bool is_ours = job->request.kind == ACTION_SURVEY || job->request.kind == ACTION_VERIFY_MEDIA ||
                       (job_kind_rule(job->request.kind)->is_prepared && !job->is_ordered);

        return is_ours ? 0 : tell_job(userdata, WORKER_JOB_TAKEN, job);
}

const JobCarrier engine_worker_carrier = {
        .start = carrier_start,
        .cancel = carrier_cancel,
        .taken = carrier_taken,
        .may_be_helped = engine_plan_may_help,
        .seek_help = engine_plan_seek_help,
        .may_try_again = engine_plan_may_try_again,
};

int engine_worker_start(Engine *engine) {
        const WorkerLinkHandlers handlers = { on_hello, on_ready, on_lost, engine_on_worker_message, engine };
        int r;

        r = worker_link_new(engine->event, engine->options.worker_socket, engine->options.worker_fd, &handlers,
                            &engine->link);
        engine->options.worker_fd = -EBADF;
        if (r < 0)
                return r;

        worker_timer_start(engine);
        return fact_gatherer_new(engine->event, engine->link, engine_on_gathered, engine, &engine->gatherer);
}
