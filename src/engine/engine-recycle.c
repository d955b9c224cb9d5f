/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system that is shut down is unmounted and mounted again (`recycle`). What goes before the worker is told is
 * that of every job about users (engine-fail.h); this is what comes after:
 *
 *   WORKER (stops the units, unmounts, mounts) -> ATTACHING -> SURVEYING -> REPAIRING -> STARTING (the same units)
 *
 * The first step that fails is the last one. Nothing is started again but by the last one: what stood on damage stands
 * still, and a condition says where it ended, which units that are, and what to do. A row of the kept state stands for
 * a healerd that is killed in the middle; the next one of the same boot raises that condition.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/engine/engine-recycle.h"
#include "src/filesystem/recycle-row.h"
#include "src/protocol/workload-list.h"

/* What is waited for many say, in several places: it is looked at so often. */
#define LOOK_USEC (250 * USEC_PER_MSEC)
/* The worker has seen it mounted: it opens the monitor and tells. */
#define ATTACH_USEC (2 * USEC_PER_MINUTE)
#define SURVEY_USEC (15 * USEC_PER_MINUTE)
#define REPAIR_USEC (2 * USEC_PER_HOUR)
/* Of the worker, unless the rule says it. */
#define ORDER_USEC (30 * USEC_PER_MINUTE)

_Static_assert(BOOT_ID_SIZE == RECYCLE_BOOT_SIZE, "a row holds the number of a boot");

static const char *const stage_texts[] = {
        [RECYCLE_WORKER] = "the file system is unmounted and mounted again",
        [RECYCLE_ATTACHING] = "the monitor is opened again",
        [RECYCLE_SURVEYING] = "the kernel is asked what is damaged",
        [RECYCLE_REPAIRING] = "what is damaged is repaired",
        [RECYCLE_STARTING] = "the units are started again",
};

static RecycleRun *find(Engine *engine, uint64_t job_id) {
        RecycleRun *run;

        TAILQ_FOREACH(run, &engine->recycle_runs, entries)
                if (run->job_id == job_id)
                        return run;
        return NULL;
}

static void run_free(RecycleRun *run) {
        TAILQ_REMOVE(&run->engine->recycle_runs, run, entries);
        sd_event_source_disable_unref(run->timer);
        free(run);
}

static uint64_t order_timeout(const Job *job) {
        return job->request.timeout_usec != USEC_INFINITY && job->request.timeout_usec > 0 ? job->request.timeout_usec
                                                                                          : ORDER_USEC;
}

const char *engine_recycle_refused_because(const Filesystem *filesystem) {
        if (!filesystem->is_shut_down)
                return "it is not shut down";
        if (filesystem->facts.is_root != TRISTATE_NO)
                return "it is the root file system, or that is not known";
        if (filesystem->facts.is_state != TRISTATE_NO)
                return "it holds healerd's own state, or that is not known";
        if (filesystem->facts.uuid_state != FACT_KNOWN)
                return "its UUID is not known, by which it would be found again";
        return NULL;
}

WorkloadScope engine_recycle_scope(void) {
        WorkloadScope scope = workload_scope_default(HOW_STOP);

        scope.max = WORKLOADS_MAX_LIMIT;
        return scope;
}

bool engine_recycle_plan_is_whole(WorkloadPlan *plan, char *reterr_why, size_t size_bytes) {
        reterr_why[0] = 0;
        for (size_t i = 0; i < plan->n_workloads; i++) {
                const PlannedWorkload *planned = plan->workloads + i;
                const char *name = planned->workload.unit[0] ? planned->workload.unit : planned->name;

                if (planned->kind == USER_PROCESS && !planned->why[0])
                        continue;
                (void) text_append_format(reterr_why, size_bytes, "%s uses it, and is spared: %s",
                                          name[0] ? name : "a process", planned->why);
                return false;
        }
        /* Nobody uses it: that is no hindrance. */
        if (plan->n_workloads == 0 && plan->n_omitted == 0)
                plan->refused[0] = 0;
        return true;
}

/* The list of units that were stopped, as far as anybody told. */
static int make_list(const Job *job, int *ret_fd) {
        _cleanup_(workload_plan_clear) WorkloadPlan plan = {};
        int r = 0;

        for (size_t i = 0; i < job->workloads.n_items && r >= 0; i++) {
                const WorkloadReport *report = job->workloads.items + i;

                if (report->has_fate && report->workload.unit[0])
                        r = workload_plan_add(&plan, &(PlanUser) { .kind = USER_PROCESS, .name = "", .uses = USE_OPEN,
                                                                   .workload = &report->workload });
        }
        for (size_t i = 0; i < plan.n_workloads; i++)
                plan.workloads[i].is_taken = true;
        return r < 0 ? r : workload_list_make(&plan, ret_fd);
}

/* "a.service b.service"; what does not fit is counted. Returns how many there are. */
static size_t units_text(const Job *job, char *buffer, size_t size_bytes) {
        size_t n = 0, n_left_out = 0;

        buffer[0] = 0;
        for (size_t i = 0; i < job->workloads.n_items; i++) {
                const WorkloadReport *report = job->workloads.items + i;

                if (!report->has_fate || !report->workload.unit[0])
                        continue;
                n++;
                if (strlen(buffer) + strlen(report->workload.unit) + sizeof(" +64") + 1 > size_bytes)
                        n_left_out++;
                else
                        (void) text_append_format(buffer, size_bytes, "%s%s", buffer[0] ? " " : "",
                                                  report->workload.unit);
        }
        if (n_left_out > 0)
                (void) text_append_format(buffer, size_bytes, " +%zu", n_left_out);
        return n;
}

static void keep(RecycleRun *run, const Job *job) {
        RecycleRow row = { .event_id = run->event_id, .stage = run->stage };
        char key[KEPT_KEY_SIZE], value[RECYCLE_ROW_SIZE];

        engine_find_boot_id(run->engine, row.boot_id);
        (void) units_text(job, row.units, sizeof(row.units));
        engine_state_put(run->engine, kept_key(RECYCLE_KEY_PREFIX, run->uuid, key), value,
                         recycle_row_write(&row, value));
}

static void set_stage(RecycleRun *run, Job *job, RecycleStage stage, uint64_t patience_usec) {
        run->stage = stage;
        run->give_up_monotonic_usec = clock_monotonic_usec() + patience_usec;
        (void) text_copy(run->step, sizeof(run->step), stage_texts[stage]);
        keep(run, job);
}

static void end(RecycleRun *run, Outcome outcome, int error, const char *detail) {
        WorkerJobResult result = {
                .job_id = run->job_id,
                .outcome = (uint8_t) outcome,
                .error = error,
        };

        (void) text_copy(result.detail, sizeof(result.detail), detail);
        (void) job_queue_on_result(run->engine->jobs, &result);
}

static Filesystem *find_again(const RecycleRun *run) {
        for (Filesystem *f = NULL; (f = filesystem_table_next(run->engine->filesystems, f));)
                if (f->id != run->filesystem_id && f->facts.uuid_state == FACT_KNOWN &&
                    memcmp(f->facts.uuid, run->uuid, UUID_SIZE) == 0)
                        return f;
        return NULL;
}

static int order(Engine *engine, WorkerMessageType type, const Job *job, const Filesystem *filesystem, int list_fd) {
        WorkerMessage message;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        worker_message_init(&message, type);
        message.recycle.job_id = job->id;
        message.recycle.event_id = job->event.id;
        message.recycle.device_number = filesystem->facts.device_number;
        message.recycle.timeout_usec = order_timeout(job);
        return worker_link_send(engine->link, &message, list_fd);
}

/* The line may break in here, and the run with it. */
static void start_again(RecycleRun *run, Job *job, const Filesystem *filesystem) {
        _cleanup_(close_fd_at) int list_fd = -EBADF;
        Engine *engine = run->engine;
        uint64_t job_id = run->job_id;
        char units[RECYCLE_UNITS_SIZE];
        int r;

        if (units_text(job, units, sizeof(units)) == 0) {
                end(run, OUTCOME_DONE, 0, "it is mounted again, and nothing is known to be damaged");
                return;
        }
        set_stage(run, job, RECYCLE_STARTING, USEC_INFINITY / 2);
        r = make_list(job, &list_fd);
        if (r >= 0)
                r = order(engine, WORKER_START_AGAIN, job, filesystem, list_fd);
        run = find(engine, job_id);
        if (r < 0 && run)
                end(run, OUTCOME_FAILED, -r, "the units could not be ordered to be started");
}

static bool is_damage(ConditionCode code) {
        static const ConditionCode codes[] = {
                CONDITION_SICK, CONDITION_REPAIR_FAILED, CONDITION_REPAIR_REFUSED, CONDITION_REPAIR_STUCK,
                CONDITION_OFFLINE_REPAIR_REQUIRED, CONDITION_EXHAUSTED,
        };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (codes[i] == code)
                        return true;
        return false;
}

/* What is left, by name. */
static const HealthCondition *find_damage(const Filesystem *filesystem) {
        for (size_t i = 0; i < filesystem->conditions.n_items; i++)
                if (is_damage(filesystem->conditions.items[i].code))
                        return filesystem->conditions.items + i;
        return NULL;
}

static bool is_surveyed(const Survey *survey) {
        bool is_turn = survey->running == SURVEY_PATROL || survey->running == SURVEY_MEDIA;

        return survey->any_ended_usec != 0 && (survey->request_id == 0 || is_turn) &&
               survey->due_usec[SURVEY_GROUPS] == 0 && survey->due_usec[SURVEY_INODES] == 0;
}

/* Something may still come of what was found. */
static bool is_at_work(Engine *engine, const Watch *watch) {
        const Sequence *sequence;

        if (watch->n_cases > 0 || watch->survey.n_open > 0 || watch->has_looks || !is_surveyed(&watch->survey))
                return true;
        TAILQ_FOREACH(sequence, &engine->sequences, entries)
                if (sequence->filesystem_id == watch->filesystem_id && sequence->job_id != 0)
                        return true;
        for (Job *job = NULL; (job = job_queue_next(engine->jobs, job));)
                if (job->filesystem_id == watch->filesystem_id &&
                    (job->request.kind == ACTION_REPAIR || job->request.kind == ACTION_SCRUB ||
                     job->request.kind == ACTION_SURVEY))
                        return true;
        return false;
}

static void judge(RecycleRun *run, Job *job, const Filesystem *filesystem) {
        const HealthCondition *left = find_damage(filesystem);
        char why[JOB_DETAIL_SIZE] = "";

        if (!left) {
                start_again(run, job, filesystem);
                return;
        }
        (void) text_append_format(why, sizeof(why), "damage is left: %s %s", condition_code_to_name(left->code),
                                  left->target);
        end(run, OUTCOME_STILL_CORRUPT, 0, why);
}

static void go_on(RecycleRun *run, Job *job) {
        Filesystem *filesystem = find_again(run);
        const Watch *watch = filesystem ? engine_watch_find(run->engine, filesystem->id) : NULL;
        bool is_mounted = watch && !watch->is_ending && filesystem->n_mounts > 0;
        char why[JOB_DETAIL_SIZE] = "";

        if (run->stage > RECYCLE_ATTACHING && !is_mounted) {
                end(run, OUTCOME_UNMOUNTED, 0, "somebody unmounted it");
                return;
        }
        if (is_mounted && filesystem->is_shut_down) {
                end(run, OUTCOME_SHUT_DOWN, ESHUTDOWN, "it was shut down again");
                return;
        }
        if (run->stage == RECYCLE_ATTACHING && is_mounted && filesystem->monitor_state == MONITOR_OPENED)
                set_stage(run, job, RECYCLE_SURVEYING, SURVEY_USEC);
        if (run->stage == RECYCLE_SURVEYING && is_surveyed(&watch->survey)) {
                if (!watch->survey.any_was_complete) {
                        end(run, OUTCOME_INCOMPLETE, 0, "not all of it could be asked for what is damaged");
                        return;
                }
                set_stage(run, job, RECYCLE_REPAIRING, REPAIR_USEC);
                return; /* what was found is told by then */
        }
        if (run->stage == RECYCLE_REPAIRING && !is_at_work(run->engine, watch)) {
                judge(run, job, filesystem);
                return;
        }
        if (clock_monotonic_usec() < run->give_up_monotonic_usec)
                return;
        (void) text_append_format(why, sizeof(why), "not in time: %s", stage_texts[run->stage]);
        end(run, OUTCOME_TIMED_OUT, ETIMEDOUT, why);
}

static int on_timer(sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        RecycleRun *run = userdata;
        Job *job = job_queue_find(run->engine->jobs, run->job_id);
        int r;

        /* First: the run may be over afterwards. */
        r = sd_event_source_set_time_relative(source, LOOK_USEC);
        if (r < 0) {
                log_error_errno(r, "job %" PRIu64 ": cannot set a timer: %m", run->job_id);
                end(run, OUTCOME_FAILED, -r, "it would have had no deadline");
                return 0;
        }
        if (job && run->stage > RECYCLE_WORKER && run->stage < RECYCLE_STARTING)
                go_on(run, job);
        return 0;
}

/* Where people find it, for a message; after this it is gone. */
static void note_place(RecycleRun *run, const Filesystem *filesystem) {
        for (size_t i = 0; i < filesystem->n_mounts && !run->place[0]; i++)
                if (filesystem->mounts[i].is_whole && filesystem->mounts[i].mount_point)
                        (void) text_append_escaped(run->place, sizeof(run->place), filesystem->mounts[i].mount_point,
                                                   strlen(filesystem->mounts[i].mount_point));
}

int engine_recycle_order(Engine *engine, const WorkloadPlan *plan, Job *job, const Filesystem *filesystem) {
        _cleanup_(close_fd_at) int list_fd = -EBADF;
        RecycleRun *run;
        int r;

        r = workload_list_make(plan, &list_fd);
        if (r < 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        run->engine = engine;
        run->job_id = job->id;
        run->event_id = job->event.id;
        run->filesystem_id = filesystem->id;
        memcpy(run->uuid, filesystem->facts.uuid, UUID_SIZE);
        note_place(run, filesystem);
        r = sd_event_add_time_relative(engine->event, &run->timer, CLOCK_MONOTONIC, LOOK_USEC, LOOK_USEC / 4, on_timer,
                                       run);
        if (r >= 0)
                r = sd_event_source_set_enabled(run->timer, SD_EVENT_ON);
        if (r < 0) {
                sd_event_source_disable_unref(run->timer);
                free(run);
                return r;
        }
        TAILQ_INSERT_TAIL(&engine->recycle_runs, run, entries);
        set_stage(run, job, RECYCLE_WORKER, USEC_INFINITY / 2);
        return order(engine, WORKER_RECYCLE, job, filesystem, list_fd);
}

void engine_recycle_on_step(Engine *engine, const WorkerJobResult *told) {
        RecycleRun *run = find(engine, told->job_id);

        if (!run || !told->detail[0])
                return;
        (void) text_copy(run->step, sizeof(run->step), told->detail);
        run->was_begun = true;
}

void engine_recycle_on_workload(Engine *engine, const Job *job) {
        RecycleRun *run = find(engine, job->id);

        if (!run)
                return;
        run->was_begun = true;
        keep(run, job);
}

bool engine_recycle_on_result(Engine *engine, const WorkerJobResult *result) {
        RecycleRun *run = find(engine, result->job_id);
        Job *job = run ? job_queue_find(engine->jobs, run->job_id) : NULL;

        if (!job)
                return false;
        if (run->stage == RECYCLE_WORKER && result->outcome == OUTCOME_DONE) {
                engine_worker_taken(engine, run->job_id);
                if (find(engine, result->job_id))
                        set_stage(run, job, RECYCLE_ATTACHING, ATTACH_USEC);
                return true;
        }
        return run->stage != RECYCLE_WORKER && run->stage != RECYCLE_STARTING;
}

int engine_recycle_cancel(Engine *engine, const Job *job) {
        RecycleRun *run = find(engine, job->id);

        if (!run || run->stage == RECYCLE_WORKER || run->stage == RECYCLE_STARTING)
                return engine_worker_cancel(engine, job);
        end(run, OUTCOME_CANCELLED, ECANCELED, "it is mounted again, and nothing was started");
        return 0;
}

Filesystem *engine_recycle_filesystem(Engine *engine, const Job *job) {
        const RecycleRun *run = find(engine, job->id);

        return run ? find_again(run) : NULL;
}

#define MESSAGE_SIZE (RECYCLE_UNITS_SIZE + 2 * JOB_DETAIL_SIZE + 3 * RECYCLE_PLACE_SIZE + 256)

static void append_units(const char *units, const char *how, char *message, size_t size_bytes) {
        if (units && units[0])
                (void) text_append_format(message, size_bytes,
                                          "; units that were stopped %s still, when all is well: systemctl start %s",
                                          how, units);
}

/* What an administrator does then. */
static void append_commands(const RecycleRun *run, const char *units, char *message, size_t size_bytes) {
        const char *place = run->place[0] ? run->place : "MOUNT-POINT";
        bool is_mounted = filesystem_table_find_id(run->engine->filesystems, run->filesystem_id);

        if (run->stage == RECYCLE_WORKER && is_mounted)
                (void) text_append_format(message, size_bytes,
                                          "; see who uses it: healerctl users %s; then umount %s && systemctl start %s",
                                          place, place, place);
        else if (run->stage == RECYCLE_WORKER)
                (void) text_append_format(message, size_bytes, "; mount it: systemctl start %s", place);
        append_units(units, "stand", message, size_bytes);
}

static void raise_failed(Engine *engine, Filesystem *filesystem, const uint8_t uuid[static UUID_SIZE],
                         const char *message, uint64_t event_id) {
        if (filesystem)
                engine_raise(engine, filesystem, CONDITION_RECYCLE_FAILED, SEVERITY_CRITICAL, "", message, event_id);
        else
                engine_condition_raise_absent(engine, uuid, CONDITION_RECYCLE_FAILED, SEVERITY_CRITICAL, message,
                                              event_id);
}

void engine_recycle_on_job_ended(Engine *engine, Job *job, Filesystem *filesystem) {
        RecycleRun *run = find(engine, job->id);
        char units[RECYCLE_UNITS_SIZE], message[MESSAGE_SIZE] = "", key[KEPT_KEY_SIZE];
        const char *why = job->report.detail[0] ? job->report.detail : outcome_to_sentence(job->report.outcome);

        if (!run) {
                /* It did not come as far as the worker. */
                if (filesystem && job->report.outcome == OUTCOME_REFUSED)
                        engine_raise(engine, filesystem, CONDITION_RECYCLE_FAILED, SEVERITY_ERROR, "", why,
                                     job->event.id);
                return;
        }
        engine_state_remove(engine, kept_key(RECYCLE_KEY_PREFIX, run->uuid, key));
        (void) units_text(job, units, sizeof(units));
        if (job->report.outcome == OUTCOME_DONE) {
                if (filesystem)
                        engine_drop(engine, filesystem, CONDITION_RECYCLE_FAILED, NULL);
        } else if (run->was_begun) {
                (void) text_append_format(message, sizeof(message), "it ended where %s: %s", run->step, why);
                append_commands(run, units, message, sizeof(message));
                log_error("recycle: %s", message);
                raise_failed(engine, filesystem, run->uuid, message, job->event.id);
        } else if (filesystem)
                engine_raise(engine, filesystem, CONDITION_RECYCLE_FAILED, SEVERITY_ERROR, "", why, job->event.id);
        run_free(run);
}

void engine_forget_recycles(Engine *engine) {
        RecycleRun *run;

        while ((run = TAILQ_FIRST(&engine->recycle_runs)))
                run_free(run);
}

static Filesystem *find_uuid(Engine *engine, const uint8_t uuid[static UUID_SIZE]) {
        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));)
                if (f->facts.uuid_state == FACT_KNOWN && memcmp(f->facts.uuid, uuid, UUID_SIZE) == 0)
                        return f;
        return NULL;
}

int engine_adopt_recycle(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        char boot_id[BOOT_ID_SIZE], message[MESSAGE_SIZE] = "";
        uint8_t uuid[UUID_SIZE];
        RecycleRow row;
        int r;

        r = recycle_row_read(key, value, size_bytes, uuid, &row);
        if (r >= 0 && row.stage >= N_RECYCLE_STAGES)
                r = -EBADMSG;
        if (r < 0)
                return r;

        engine_state_remove(engine, key);
        engine_find_boot_id(engine, boot_id);
        /* Of an earlier boot: since then everything was started anew. */
        if (!text_equal(row.boot_id, boot_id))
                return 0;
        (void) text_append_format(message, sizeof(message), "healerd ended where %s, and does not go on",
                                  stage_texts[row.stage]);
        append_units(row.units, "may stand", message, sizeof(message));
        raise_failed(engine, find_uuid(engine, uuid), uuid, message, row.event_id);
        return 0;
}
