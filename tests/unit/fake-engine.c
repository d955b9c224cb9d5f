/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fake-engine.h.
 */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/text.h"
#include "tests/unit/fake-engine.h"

struct Policy {
        uint64_t generation;
};

struct Engine {
        FakeEngine fake;
        FilesystemTable *filesystems;
        JobQueue *jobs;
        EngineObserver observers[ENGINE_OBSERVERS_MAX];
        size_t n_observers;
        Policy policy;
        uint64_t next_mount_id;
};

#define tell(engine, member, ...)                                                                       \
        for (size_t _i = 0; _i < (engine)->n_observers; _i++)                                           \
                if ((engine)->observers[_i].member)                                                     \
                        (engine)->observers[_i].member((engine)->observers[_i].userdata, __VA_ARGS__)

uint64_t policy_generation(const Policy *policy) {
        return policy->generation;
}

const char *policy_hash(const Policy *policy _unused_) {
        return "0123456789abcdef";
}

PolicyMode policy_mode(const Policy *policy _unused_) {
        return POLICY_MODE_ENFORCE;
}

int engine_add_observer(Engine *engine, const EngineObserver *observer) {
        assert(engine->n_observers < ENGINE_OBSERVERS_MAX);
        engine->observers[engine->n_observers++] = *observer;
        return 0;
}

FilesystemTable *engine_filesystems(Engine *engine) {
        return engine->filesystems;
}

JobQueue *engine_jobs(Engine *engine) {
        return engine->jobs;
}

const Policy *engine_policy(Engine *engine) {
        return &engine->policy;
}

const EngineTotals *engine_totals(Engine *engine) {
        return &engine->fake.totals;
}

const char *engine_policy_problems(Engine *engine) {
        return engine->fake.problems ? engine->fake.problems : "";
}

bool engine_worker_is_connected(Engine *engine) {
        return engine->fake.is_worker_connected;
}

const char *engine_kernel_release(Engine *engine) {
        return engine->fake.is_worker_connected ? "7.2.0-test" : "";
}

const char *engine_zone_name(Engine *engine) {
        return engine->fake.is_worker_connected ? "Europe/Berlin" : "";
}

unsigned engine_n_unwatched(Engine *engine) {
        unsigned n = 0;

        for (Filesystem *fs = NULL; (fs = filesystem_table_next(engine->filesystems, fs));)
                n += !filesystem_is_watched(fs);
        return n;
}

uint64_t engine_braked_until_usec(Engine *engine) {
        return engine->fake.braked_until_usec;
}

bool engine_resume(Engine *engine) {
        engine->fake.n_resumed++;
        engine->fake.braked_until_usec = 0;
        return true;
}

int engine_reload_policy(Engine *engine) {
        bool is_loaded = engine->fake.reload_result >= 0;

        engine->fake.n_reloads++;
        if (is_loaded)
                engine->policy.generation++;
        tell(engine, on_policy, &engine->policy, is_loaded, engine_policy_problems(engine));
        return engine->fake.reload_result;
}

int engine_list_users(Engine *engine, const Filesystem *filesystem _unused_, uint64_t inode, EngineUserFound found,
                      void *userdata) {
        engine->fake.n_users_questions++;
        engine->fake.users_inode = inode;
        if (engine->fake.users_result < 0)
                return engine->fake.users_result;
        for (size_t i = 0; i < engine->fake.n_users; i++)
                found(userdata, engine->fake.users + i, NULL);
        found(userdata, NULL, &engine->fake.users_end);
        return 0;
}

void engine_set_n_inhibitors(Engine *engine, size_t n) {
        engine->fake.n_inhibitors = n;
}

const WorkerHold *engine_hold_next(Engine *engine, const WorkerHold *previous) {
        const WorkerHold *next = previous ? previous + 1 : engine->fake.holds;

        return next && next < engine->fake.holds + engine->fake.n_holds ? next : NULL;
}

int engine_unhold(Engine *engine, const char *unit) {
        (void) text_copy(engine->fake.last_unhold, sizeof(engine->fake.last_unhold), unit);
        return engine->fake.unhold_result;
}

int engine_acknowledge(Engine *engine, Filesystem *filesystem _unused_, const Acknowledgement *acknowledgement) {
        engine->fake.n_acknowledged++;
        engine->fake.last_acknowledgement = *acknowledgement;
        (void) text_copy(engine->fake.last_target, sizeof(engine->fake.last_target), acknowledgement->target);
        (void) text_copy(engine->fake.last_reason, sizeof(engine->fake.last_reason), acknowledgement->reason);
        return engine->fake.acknowledge_result;
}

int engine_autofsck(Engine *engine, const AutofsckOrder *order, EngineAutofsckDone done, void *userdata) {
        engine->fake.n_autofsck++;
        engine->fake.last_autofsck = *order;
        (void) text_copy(engine->fake.last_reason, sizeof(engine->fake.last_reason), order->reason ?: "");
        if (engine->fake.autofsck_result < 0)
                return engine->fake.autofsck_result;
        done(userdata, engine->fake.autofsck_result, order->is_set ? order->value : AUTOFSCK_CHECK);
        return 0;
}

int engine_explain(Engine *engine, const ExplainQuestion *question, EngineExplained explained, void *userdata,
                   char **reterr_problems) {
        engine->fake.last_event[0] = '\0';
        (void) text_append_format(engine->fake.last_event, sizeof(engine->fake.last_event), "%s", question->event);
        engine->fake.last_filesystem_id = question->filesystem ? question->filesystem->id : 0;
        if (question->length > EXPLAIN_EVENT_MAX)
                return -E2BIG;
        if (engine->fake.explain_result == -EINVAL)
                *reterr_problems = strdup("event:1:2: error: what is that?");
        if (engine->fake.explain_result < 0)
                return engine->fake.explain_result;
        explained(userdata, engine->fake.explanation);
        return 0;
}

int engine_check_policy(Engine *engine, const char *text _unused_, size_t length, PolicyProblems *problems) {
        unsigned file = 0;

        engine->fake.check_length = length;
        assert(policy_problems_add_file(problems, "policy", NULL, 0, &file) >= 0);
        policy_problems_add(problems, engine->fake.check_result < 0 ? PROBLEM_ERROR : PROBLEM_WARNING,
                            (SourcePosition) { file, 3, 7 }, "unknown word \"heel\": did you mean \"heal\"?");
        return engine->fake.check_result;
}

int engine_order(Engine *engine, const CallerOrder *order, Job **ret_job, char **reterr_denied) {
        ActionRequest request = {
                .kind = order->action,
                .timeout_usec = order->timeout_usec,
                .scrub_repair = order->scrub_repair,
                .verify_space = order->verify_space,
                .rate_bytes = order->rate_bytes,
                .workloads = (WorkloadScope *) order->workloads,
        };

        engine->fake.n_orders++;
        engine->fake.last_order = *order;
        if (order->workloads)
                engine->fake.last_scope = *order->workloads;
        (void) text_copy(engine->fake.last_reason, sizeof(engine->fake.last_reason), order->reason ?: "");
        engine->fake.last_override[0] = '\0';
        if (order->override_harmful)
                (void) text_copy(engine->fake.last_override, sizeof(engine->fake.last_override),
                                 order->override_harmful);
        if (engine->fake.order_result < 0) {
                if (engine->fake.order_result == -EACCES)
                        *reterr_denied = strdup(engine->fake.denied);
                return engine->fake.order_result;
        }

        return job_queue_add(engine->jobs, &(JobOrder) {
                .filesystem = order->filesystem,
                .request = &request,
                .target = order->target,
                .source = DECISION_CALLER,
                .caller_uid = order->caller_uid,
                .override_harmful = order->override_harmful,
                .is_dry_run = order->is_dry_run,
        }, ret_job);
}

static int carrier_start(void *userdata, const Job *job, const Filesystem *filesystem _unused_) {
        Engine *engine = userdata;

        engine->fake.n_started++;
        engine->fake.last_job_id = job->id;
        return 0;
}

static int carrier_cancel(void *userdata, const Job *job _unused_) {
        ((Engine *) userdata)->fake.n_cancelled++;
        return 0;
}

static int carrier_taken(void *userdata _unused_, const Job *job _unused_) {
        return 0;
}

static void on_job_changed(void *userdata, Job *job) {
        Engine *engine = userdata;

        tell(engine, on_job, job, filesystem_table_find_id(engine->filesystems, job->filesystem_id));
}

Engine *fake_engine_new(sd_event *event) {
        Engine *engine = calloc(1, sizeof(*engine));
        const JobCarrier carrier = {
                .start = carrier_start,
                .cancel = carrier_cancel,
                .taken = carrier_taken,
                .userdata = engine,
        };

        assert(engine);
        engine->policy.generation = 1;
        engine->filesystems = filesystem_table_new();
        assert(engine->filesystems);
        assert(job_queue_new(event, engine->filesystems, &carrier, on_job_changed, engine, 1, &engine->jobs) >= 0);
        return engine;
}

void fake_engine_free(Engine *engine) {
        job_queue_free(engine->jobs);
        filesystem_table_free(engine->filesystems);
        free(engine);
}

FakeEngine *fake_engine(Engine *engine) {
        return &engine->fake;
}

Filesystem *fake_engine_add_filesystem(Engine *engine, const FakeFilesystem *what) {
        WorkerFilesystem told = {
                .device_number = what->device_number,
                .monitor_state = MONITOR_OPENED,
                .uuid_state = what->uuid ? FACT_KNOWN : FACT_ABSENT,
                .label_state = what->label ? FACT_KNOWN : FACT_ABSENT,
                .autofsck_state = FACT_KNOWN,
                .autofsck = AUTOFSCK_REPAIR,
                .is_removable = what->is_removable ? TRISTATE_YES : TRISTATE_NO,
        };
        WorkerMount mount = { .mount_id = ++engine->next_mount_id, .is_whole = true };
        Filesystem *filesystem;

        assert(filesystem_table_add(engine->filesystems, what->device_number, &filesystem) >= 0);
        (void) text_copy(told.type, sizeof(told.type), "xfs");
        (void) text_copy(told.device, sizeof(told.device), what->device);
        if (what->uuid)
                assert(uuid_parse(what->uuid, told.uuid) >= 0);
        /* Bytes as they are on disk: no text of ours. */
        if (what->label)
                memcpy(told.label, what->label, strlen(what->label) + 1);
        assert(filesystem_update(filesystem, &told) >= 0);
        (void) text_copy(mount.mount_point, sizeof(mount.mount_point), what->mount_point);
        assert(filesystem_add_mount(filesystem, &mount) >= 0);

        fake_engine_changed(engine, filesystem);
        return filesystem;
}

void fake_engine_remove_filesystem(Engine *engine, Filesystem *filesystem) {
        tell(engine, on_filesystem_gone, filesystem);
        filesystem_table_remove(engine->filesystems, filesystem);
}

void fake_engine_changed(Engine *engine, Filesystem *filesystem) {
        tell(engine, on_filesystem, filesystem);
}

void fake_engine_tell_event(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, const char *path) {
        const EventFacts facts = { .event = event, .filesystem = filesystem ? &filesystem->facts : NULL };

        tell(engine, on_event, event, filesystem, path, &facts);
}

void fake_engine_tell_decision(Engine *engine, const Decision *decision, const HealthEvent *event,
                               const Filesystem *filesystem) {
        tell(engine, on_decision, decision, event, filesystem);
}

void fake_engine_tell_notice(Engine *engine, Severity severity, const char *message, const HealthEvent *event,
                             const Filesystem *filesystem) {
        tell(engine, on_notice, severity, message, /* decision= */ NULL, event, filesystem);
}

void fake_engine_tell_refused(Engine *engine, ActionKind action, const char *why, const Decision *decision,
                              const HealthEvent *event, const Filesystem *filesystem) {
        tell(engine, on_refused, action, why, decision, event, filesystem);
}

void fake_engine_raise(Engine *engine, Filesystem *filesystem, ConditionCode code, const char *target,
                       const char *message) {
        assert(condition_raise(&filesystem->conditions, code, SEVERITY_ERROR, target, message, 7, 1000) >= 0);
        tell(engine, on_condition, condition_find(&filesystem->conditions, code, target), true, filesystem);
}

void fake_engine_announce(Engine *engine, Job *job) {
        job->was_announced = true;
        tell(engine, on_announced, job, filesystem_table_find_id(engine->filesystems, job->filesystem_id));
}

void fake_engine_tell_holds(Engine *engine, const WorkerHold *holds, size_t n) {
        engine->fake.holds = holds;
        engine->fake.n_holds = n;
        for (size_t i = 0; i < engine->n_observers; i++)
                if (engine->observers[i].on_holds)
                        engine->observers[i].on_holds(engine->observers[i].userdata);
}

void fake_engine_tell_progress(Engine *engine, uint64_t job_id, ScanProgress progress) {
        Job *job = job_queue_on_progress(engine->jobs, job_id, progress);

        if (job)
                tell(engine, on_progress, job);
}

void fake_engine_tell_job_progress(Engine *engine, Job *job) {
        tell(engine, on_progress, job);
}

void fake_engine_tell_worker(Engine *engine, bool is_connected) {
        engine->fake.is_worker_connected = is_connected;
        tell(engine, on_worker, is_connected);
}

int engine_suspend(Engine *engine, const Suspension *wanted, const char **ret_id) {
        FakeEngine *fake = &engine->fake;

        fake->n_suspends++;
        fake->last_suspend = *wanted;
        if (fake->suspend_result < 0 || fake->n_suspensions >= ELEMENTSOF(fake->suspensions))
                return fake->suspend_result ?: -ENOBUFS;
        fake->suspensions[fake->n_suspensions] = *wanted;
        if (wanted->kind == SUSPENSION_SILENCE)
                (void) text_copy(fake->suspensions[fake->n_suspensions].id, SUSPENSION_ID_SIZE, "77");
        if (ret_id)
                *ret_id = fake->suspensions[fake->n_suspensions].id;
        fake->n_suspensions++;
        tell(engine, on_suspension, fake->suspensions + fake->n_suspensions - 1, SUSPENSION_SET, wanted->uid);
        return 0;
}

int engine_unsuspend(Engine *engine, SuspensionKind kind, const char *id, uint32_t uid) {
        FakeEngine *fake = &engine->fake;

        fake->n_unsuspends++;
        (void) snprintf(fake->last_unsuspend, sizeof(fake->last_unsuspend), "%s %s", suspension_kind_to_name(kind),
                        id);
        for (size_t i = 0; i < fake->n_suspensions; i++) {
                Suspension ended = fake->suspensions[i];

                if (ended.kind != kind || strcmp(ended.id, id) != 0)
                        continue;
                fake->suspensions[i] = fake->suspensions[--fake->n_suspensions];
                tell(engine, on_suspension, &ended, SUSPENSION_ENDED, uid);
                return 0;
        }
        return -ENXIO;
}

const Suspension *engine_suspension_next(Engine *engine, SuspensionKind kind, const Suspension *previous) {
        FakeEngine *fake = &engine->fake;

        for (size_t i = previous ? (size_t) (previous - fake->suspensions) + 1 : 0; i < fake->n_suspensions; i++)
                if (fake->suspensions[i].kind == kind)
                        return fake->suspensions + i;
        return NULL;
}

const Suspension *engine_pause_of(Engine *engine, const Filesystem *filesystem) {
        char key[FILESYSTEM_KEY_SIZE] = "";

        if (filesystem)
                (void) filesystem_key(&filesystem->facts, key);
        for (const Suspension *pause = NULL; (pause = engine_suspension_next(engine, SUSPENSION_PAUSE, pause));)
                if (strcmp(pause->id, SUSPENSION_ALL) == 0 || strcmp(pause->id, key) == 0)
                        return pause;
        return NULL;
}

bool engine_may_inject(EventKind kind) {
        return kind != EVENT_HEALTHY && kind != EVENT_WATCHING;
}

int engine_inject_test_event(Engine *engine, const HealthEvent *event, uint64_t *ret_id) {
        engine->fake.last_test_event = *event;
        engine->fake.n_test_events++;
        *ret_id = 42;
        return engine->fake.test_event_result;
}
