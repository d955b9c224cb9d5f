/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Builds the engine, owns its parts, answers questions about it.
 */

#include <errno.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-suspend.h"
#include "src/engine/engine-workloads.h"

/* Problems of a refused policy that are shown on the bus; the journal has all of them. */
#define POLICY_PROBLEMS_SIZE 16384

int engine_add_observer(Engine *engine, const EngineObserver *observer) {
        if (engine->n_observers >= ENGINE_OBSERVERS_MAX)
                return -ENOBUFS;
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
        return engine->policy;
}

const EngineTotals *engine_totals(Engine *engine) {
        return &engine->totals;
}

const char *engine_policy_problems(Engine *engine) {
        return engine->policy_problems ? engine->policy_problems : "";
}

bool engine_worker_is_connected(Engine *engine) {
        return engine->link && worker_link_is_ready(engine->link);
}

const char *engine_kernel_release(Engine *engine) {
        return engine->kernel_release;
}

unsigned engine_n_unwatched(Engine *engine) {
        unsigned n = 0;

        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));)
                n += text_equal(f->facts.type, "xfs") && f->monitor_state != MONITOR_UNSUPPORTED &&
                     !filesystem_is_watched(f);
        return n;
}

/* One problem a line, as the compiler of policies writes them. */
static char *problems_text(const PolicyProblems *problems) {
        char *text = calloc(1, POLICY_PROBLEMS_SIZE);

        if (!text)
                return NULL;
        for (size_t i = 0; i < problems->n_items; i++) {
                _cleanup_(free_at) char *line = policy_problem_text(problems, problems->items + i);

                if (line && text_append_format(text, POLICY_PROBLEMS_SIZE, "%s\n", line) < 0)
                        break;
        }
        return text;
}

/* A unit that was asked is heard, whatever the policy says meanwhile. */
static void take_permit(Engine *engine, const PermitSource *permit) {
        engine->permit = (PermitUnit) {};
        if (!permit)
                return;
        (void) text_copy(engine->permit.template, sizeof(engine->permit.template), permit->unit);
        engine->permit.timeout_usec = permit->timeout_usec;
}

static void policy_take(Engine *engine, Policy *policy) {
        policy_unref(engine->policy);
        take_permit(engine, policy_permit(policy));
        engine->policy = policy;
        engine->policy_generation = policy_generation(policy);
        job_queue_set_parallel(engine->jobs, policy_limits(policy)->n_parallel_repairs,
                               policy_limits(policy)->n_parallel_scrubs);
        free(engine->policy_problems);
        engine->policy_problems = NULL;
        /* Its windows may be open when those of the one before were closed. */
        engine_deferred_on_clock(engine);
        engine_patrol_on_policy(engine);
        engine_schedules_look(engine);
}

int engine_reload_policy(Engine *engine) {
        PolicyLoadOptions options = engine->options.policy;
        PolicyProblems problems = {};
        Policy *policy = NULL;
        char *text;
        int r;

        options.generation = engine->policy_generation + 1;
        r = policy_load(&options, &problems, &policy);
        text = problems_text(&problems);
        if (r >= 0)
                policy_take(engine, policy);
        else {
                free(engine->policy_problems);
                engine->policy_problems = text ? strdup(text) : NULL;
        }

        engine_tell(engine, on_policy, r < 0 ? NULL : engine->policy, r >= 0, text ? text : "");
        free(text);
        policy_problems_clear(&problems);
        if (r >= 0)
                engine_ask_again(engine);
        return r;
}

/* Without any good policy the built-in default stands in: the daemon never refuses to start for a typing error. */
static int load_first_policy(Engine *engine) {
        int r;

        r = policy_load_builtin(0, &engine->policy);
        if (r < 0)
                return r;

        r = engine_reload_policy(engine);
        return r == -ENOMEM ? r : 0;
}

int engine_new(sd_event *event, const EngineOptions *options, Engine **ret_engine) {
        _cleanup_(record_ring_free_at) RecordRing *ring = options->ring;
        _cleanup_(engine_free_at) Engine *engine = calloc(1, sizeof(*engine));
        const EventSink merged = { .on_event = engine_on_merged_event, .userdata = engine };
        JobCarrier carrier = engine_worker_carrier;
        uint64_t serial = clock_serial_start();
        int r;

        if (!engine)
                return -ENOMEM;
        engine->event = sd_event_ref(event);
        engine->options = *options;
        engine->ring = steal_ptr(ring);
        engine->next_event_id = serial;
        TAILQ_INIT(&engine->watches);
        TAILQ_INIT(&engine->sequences);
        TAILQ_INIT(&engine->waiting_conditions);
        TAILQ_INIT(&engine->waiting_turns);
        TAILQ_INIT(&engine->users_questions);
        TAILQ_INIT(&engine->autofsck_questions);
        TAILQ_INIT(&engine->fail_runs);
        TAILQ_INIT(&engine->recycle_runs);
        TAILQ_INIT(&engine->held_units);
        TAILQ_INIT(&engine->suspensions);
        r = engine_memory_start(engine);
        if (r >= 0)
                r = engine_deferred_start(engine);
        if (r >= 0)
                r = engine_schedules_start(engine);
        if (r >= 0)
                r = engine_suspensions_start(engine);
        if (r < 0)
                return r;

        if (!engine->ring) {
                r = record_ring_new(&engine->ring);
                if (r < 0)
                        return log_error_errno(r, "cannot make a place for what is read: %m");
        }
        engine->filesystems = filesystem_table_new();
        if (!engine->filesystems)
                return -ENOMEM;

        carrier.userdata = engine;
        r = job_queue_new(event, engine->filesystems, &carrier, engine_on_job_changed, engine, serial, &engine->jobs);
        if (r < 0)
                return r;
        r = work_turn_new(event, "decisions", engine_on_turn, engine, &engine->turn);
        if (r < 0)
                return r;
        r = event_merge_new(event, &merged, &engine->merge);
        if (r < 0)
                return r;
        event_merge_set_ring(engine->merge, engine->ring);
        if (options->record_path) {
                r = record_stream_create(options->record_path, &engine->recorder);
                if (r < 0)
                        return log_error_errno(r, "cannot record to %s: %m", options->record_path);
        }

        *ret_engine = steal_ptr(engine);
        return 0;
}

static uint64_t replay_filesystem_id(void *userdata, dev_t device_number) {
        Engine *engine = userdata;
        Filesystem *filesystem = filesystem_table_find_device(engine->filesystems, device_number);

        return filesystem ? filesystem->id : 0;
}

static void on_replay_event(void *userdata, const HealthEvent *event) {
        Engine *engine = userdata;

        event_merge_take(engine->merge, event);
}

static void on_replayed(void *userdata, int error) {
        Engine *engine = userdata;

        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));)
                event_merge_flush(engine->merge, f->id);
        if (engine->options.on_replayed)
                engine->options.on_replayed(engine->options.userdata, error);
}

static int replay_start(Engine *engine) {
        const EventSink sink = { .on_event = on_replay_event, .on_end = engine_on_source_end, .userdata = engine };
        const ReplayHandlers handlers = {
                .on_message = engine_on_worker_message,
                .filesystem_id = replay_filesystem_id,
                .on_finished = on_replayed,
                .userdata = engine,
        };

        return replay_source_new(engine->event, engine->options.replay_path, &sink, &handlers, &engine->replay);
}

int engine_start(Engine *engine) {
        int r;

        r = load_first_policy(engine);
        if (r < 0)
                return log_error_errno(r, "cannot set up a policy: %m");

        return engine->options.replay_path ? replay_start(engine) : engine_worker_start(engine);
}

Engine *engine_free(Engine *engine) {
        if (!engine)
                return NULL;

        /* Nobody is told of what is only taken down, and what is not decided yet stays where the next healerd finds
         * it. */
        engine->n_observers = 0;
        engine->ring = record_ring_free(engine->ring);
        if (engine->merge)
                event_merge_set_ring(engine->merge, NULL);
        replay_source_free(engine->replay);
        engine_users_end_all(engine, ESHUTDOWN);
        engine_autofsck_end_all(engine, ENOTCONN);
        engine_forget_recycles(engine);
        engine_forget_fail_runs(engine);
        engine_forget_holds(engine);
        engine_forget_sequences(engine);
        job_queue_free(engine->jobs);
        engine->jobs = NULL;
        engine_forget_all(engine);
        engine_forget_conditions(engine);
        engine_forget_waiting(engine);
        event_merge_free(engine->merge);
        work_turn_free(engine->turn);
        sd_event_source_disable_unref(engine->worker_timer);
        sd_event_source_disable_unref(engine->survey_timer);
        sd_event_source_disable_unref(engine->looks_timer);
        fact_gatherer_free(engine->gatherer);
        worker_link_free(engine->link);
        record_stream_free(engine->recorder);
        zone_free(engine->zone);
        filesystem_table_free(engine->filesystems);
        policy_unref(engine->policy);
        engine_memory_stop(engine);
        engine_deferred_stop(engine);
        engine_schedules_stop(engine);
        engine_suspensions_stop(engine);
        free(engine->policy_problems);
        sd_event_unref(engine->event);
        free(engine);
        return NULL;
}
