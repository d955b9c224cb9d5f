/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-observer.h.
 */
#include "src/basic/log.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-observer.h"
#include "src/bus/bus-pause.h"
#include "src/bus/bus-signal.h"
#include "src/bus/bus-silence.h"

static void update_filesystem(BusContext *context, const Filesystem *filesystem, unsigned changes) {
        BusFilesystem *object = filesystem ? bus_filesystem_find(context, filesystem) : NULL;

        if (object)
                bus_change_mark(context->changes, &object->base.change, changes);
}

static void on_filesystem(void *userdata, Filesystem *filesystem) {
        BusContext *context = userdata;
        int r;

        r = bus_filesystem_update(context, filesystem, BUS_FILESYSTEM_FACTS);
        if (r < 0)
                log_warning_errno(r, "A file system is missing on the bus: %m");
        bus_manager_changed(context, BUS_MANAGER_FILESYSTEMS);
}

static void on_filesystem_gone(void *userdata, Filesystem *filesystem) {
        BusContext *context = userdata;
        uint64_t id = filesystem->id;

        bus_filesystem_remove(context, filesystem);
        bus_job_filesystem_gone(context, id);
        bus_manager_changed(context, BUS_MANAGER_FILESYSTEMS);
}

static void on_event(void *userdata, const HealthEvent *event, const Filesystem *filesystem,
                     const char *path _unused_, const EventFacts *facts _unused_) {
        BusContext *context = userdata;

        bus_signal_event(context, event, filesystem);
        update_filesystem(context, filesystem, BUS_FILESYSTEM_COUNTERS);
        bus_manager_changed(context, BUS_MANAGER_COUNTERS);
}

static void on_decision(void *userdata, const Decision *decision, const HealthEvent *event,
                        const Filesystem *filesystem) {
        BusContext *context = userdata;

        bus_signal_decision(context, decision, event, filesystem);
        bus_manager_changed(context, BUS_MANAGER_COUNTERS);
}

static void on_notice(void *userdata, Severity severity, const char *message, const Decision *decision _unused_,
                      const HealthEvent *event, const Filesystem *filesystem) {
        bus_signal_notice(userdata, severity, message, event, filesystem);
}

static void on_refused(void *userdata, ActionKind action, const char *why, const Decision *decision,
                       const HealthEvent *event, const Filesystem *filesystem) {
        bus_signal_action_refused(userdata, action, why, decision, event, filesystem);
        update_filesystem(userdata, filesystem, BUS_FILESYSTEM_JOBS);
        bus_manager_changed(userdata, BUS_MANAGER_COUNTERS);
}

static void on_job(void *userdata, Job *job, const Filesystem *filesystem) {
        BusContext *context = userdata;
        int r;

        r = bus_job_update(context, job, filesystem);
        if (r < 0)
                log_warning_errno(r, "A job is missing on the bus: %m");
        update_filesystem(context, filesystem, BUS_FILESYSTEM_JOBS);
        bus_manager_changed(context, BUS_MANAGER_COUNTERS);
}

static void on_progress(void *userdata, const Job *job) {
        bus_job_progress(userdata, job);
}

static void on_announced(void *userdata, const Job *job, const Filesystem *filesystem) {
        bus_signal_workload_will_fail(userdata, job, filesystem);
}

static void on_suspension(void *userdata, const Suspension *suspension, SuspensionChange change,
                          uint32_t uid _unused_) {
        if (suspension->kind == SUSPENSION_PAUSE)
                bus_pause_changed(userdata);
        else
                bus_silence_changed(userdata, suspension,
                                    change == SUSPENSION_SET || change == SUSPENSION_BACK);
}

static void on_holds(void *userdata) {
        bus_manager_changed(userdata, BUS_MANAGER_HOLDS);
}

static void on_condition(void *userdata, const HealthCondition *condition _unused_, bool is_raised _unused_,
                         const Filesystem *filesystem) {
        update_filesystem(userdata, filesystem, BUS_FILESYSTEM_CONDITIONS);
}

static void on_conditions_back(void *userdata, const Filesystem *filesystem, size_t n _unused_,
                               size_t n_stale _unused_) {
        update_filesystem(userdata, filesystem, BUS_FILESYSTEM_CONDITIONS);
}

static void on_policy(void *userdata, const Policy *policy _unused_, bool is_loaded, const char *problems _unused_) {
        bus_signal_policy_reloaded(userdata, is_loaded);
        bus_manager_changed(userdata, BUS_MANAGER_POLICY);
}

static void on_worker(void *userdata, bool is_connected _unused_) {
        bus_manager_changed(userdata, BUS_MANAGER_WORKER);
}

static void on_zone(void *userdata, const char *name _unused_) {
        bus_manager_changed(userdata, BUS_MANAGER_WORKER);
}

int bus_observer_add(BusContext *context) {
        FilesystemTable *table = engine_filesystems(context->engine);
        JobQueue *queue = engine_jobs(context->engine);
        const EngineObserver observer = {
                .on_filesystem = on_filesystem,
                .on_filesystem_gone = on_filesystem_gone,
                .on_event = on_event,
                .on_decision = on_decision,
                .on_notice = on_notice,
                .on_refused = on_refused,
                .on_job = on_job,
                .on_progress = on_progress,
                .on_announced = on_announced,
                .on_holds = on_holds,
                .on_suspension = on_suspension,
                .on_condition = on_condition,
                .on_conditions_back = on_conditions_back,
                .on_policy = on_policy,
                .on_worker = on_worker,
                .on_zone = on_zone,
                .userdata = context,
        };

        for (Filesystem *fs = filesystem_table_next(table, NULL); fs; fs = filesystem_table_next(table, fs)) {
                int r = bus_filesystem_update(context, fs, 0);

                if (r < 0)
                        return r;
        }
        for (Job *job = job_queue_next(queue, NULL); job; job = job_queue_next(queue, job)) {
                int r = bus_job_update(context, job, filesystem_table_find_id(table, job->filesystem_id));

                if (r < 0)
                        return r;
        }

        return engine_add_observer(context->engine, &observer);
}
