/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-job.h. Entries stand in the order the jobs became known; ended ones are forgotten in the order they ended.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-object.h"
#include "src/bus/bus-options.h"
#include "src/bus/bus-signal.h"
#include "src/bus/bus-value.h"
#include "src/bus/bus-workloads.h"

/* Forgetting may be late: nobody waits for it. */
#define TIMER_ACCURACY_USEC USEC_PER_SEC

typedef enum JobChange {
        JOB_CHANGE_STATE = 1 << 0,
        JOB_CHANGE_FILESYSTEM = 1 << 1,
        JOB_CHANGE_PROGRESS = 1 << 2,
} JobChange;

char *bus_job_path(uint64_t job_id, char buffer[static BUS_JOB_PATH_SIZE]) {
        (void) snprintf(buffer, BUS_JOB_PATH_SIZE, BUS_JOB_PREFIX "/%" PRIu64, job_id);
        return buffer;
}

static Filesystem *job_filesystem(const BusJob *object) {
        return filesystem_table_find_id(engine_filesystems(object->base.context->engine), object->job->filesystem_id);
}

static const char *text_of_operation(const Job *job) {
        return action_kind_to_name(job->request.kind);
}

static const char *text_of_state(const Job *job) {
        return job_state_to_name(job->state);
}

static const char *text_of_rule(const Job *job) {
        return job->report.rule_id;
}

static const char *text_of_source(const Job *job) {
        return decision_source_to_name(job->report.source);
}

static const char *text_of_outcome(const Job *job) {
        return job->state == JOB_ENDED ? outcome_to_name(job->report.outcome) : NULL;
}

static const struct {
        const char *name;
        const char *(*text)(const Job *job);
} texts[] = {
        { "Operation", text_of_operation },
        { "State",     text_of_state },
        { "Rule",      text_of_rule },
        { "Source",    text_of_source },
        { "Outcome",   text_of_outcome },
};

static int get_text(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                    const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (text_equal(texts[i].name, property))
                        return bus_append_text(reply, texts[i].text(((BusJob *) userdata)->job));

        return -EINVAL;
}

static const struct {
        const char *name;
        size_t offset;          /* of an uint64_t in Job */
} numbers[] = {
        { "Id",      offsetof(Job, id) },
        { "EventId", offsetof(Job, report.event_id) },
        { "Started", offsetof(Job, report.started_realtime_usec) },
        { "Ended",   offsetof(Job, report.ended_realtime_usec) },
        { "BytesDone", offsetof(Job, done_bytes) },
        { "BytesTotal", offsetof(Job, total_bytes) },
        { "EstimatedEnd", offsetof(Job, estimated_end_realtime_usec) },
};

static int get_number(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                uint64_t value;

                if (!text_equal(numbers[i].name, property))
                        continue;
                memcpy(&value, (const char *) ((BusJob *) userdata)->job + numbers[i].offset, sizeof(value));
                return sd_bus_message_append(reply, "t", value);
        }

        return -EINVAL;
}

static int get_filesystem(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                          const char *property _unused_, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error _unused_) {
        const BusJob *object = userdata;

        return sd_bus_message_append(reply, "o", bus_filesystem_path(object->base.context, job_filesystem(object)));
}

static int get_target(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property _unused_, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error _unused_) {
        char buffer[BUS_TARGET_SIZE];

        return bus_append_text(reply, bus_job_target(((BusJob *) userdata)->job, buffer));
}

static int get_caller_uid(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                          const char *property _unused_, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error _unused_) {
        const JobReport *report = &((BusJob *) userdata)->job->report;

        return sd_bus_message_append(reply, "u", report->source == DECISION_CALLER ? report->caller_uid : BUS_UID_NONE);
}

static int get_attempts(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                        const char *property _unused_, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "u", (uint32_t) ((BusJob *) userdata)->job->report.n_attempts);
}

static int get_error(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property _unused_, sd_bus_message *reply, void *userdata,
                     sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "i", (int32_t) ((BusJob *) userdata)->job->report.error);
}

static int get_detail(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property _unused_, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error _unused_) {
        const BusJob *object = userdata;

        return bus_append_text(reply, bus_job_detail(object->job, job_filesystem(object)));
}

static int get_phase(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property _unused_, sd_bus_message *reply, void *userdata,
                     sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "u", (uint32_t) ((BusJob *) userdata)->job->progress.phase);
}

static int get_progress(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                        const char *property _unused_, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "u", (uint32_t) ((BusJob *) userdata)->job->progress.percent);
}

static int get_verified(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                        const char *property _unused_, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "b", (int) ((BusJob *) userdata)->job->report.was_verified);
}

static int get_dry_run(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                       const char *property _unused_, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "b", (int) ((BusJob *) userdata)->job->is_dry_run);
}

static int get_percent(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                       const char *property _unused_, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error _unused_) {
        const Job *job = ((BusJob *) userdata)->job;

        return sd_bus_message_append(reply, "d", job->total_bytes == 0 ? 0.0
                                                 : 100.0 * (double) job->done_bytes / (double) job->total_bytes);
}

/* Only what changes something needs the permission to change it; stopping an override is as harmless as stopping any
 * other. */
static BusVariant cancel_variant(const Job *job, const Filesystem *filesystem) {
        bool is_about_programs = job->request.kind == ACTION_FAIL_WORKLOAD || job->request.kind == ACTION_FREEZE ||
                                 job->request.kind == ACTION_SHUTDOWN;
        bool is_change = job->request.kind == ACTION_REPAIR || job->request.kind == ACTION_START_UNIT ||
                         job->request.scrub_repair != SCRUB_REPAIR_NEVER;

        if (is_about_programs && !job->is_dry_run)
                return BUS_VARIANT_WORKLOADS;
        if (!is_change)
                return BUS_VARIANT_CHECKS;

        return filesystem && filesystem->facts.is_removable == TRISTATE_YES ? BUS_VARIANT_REMOVABLE
                                                                            : BUS_VARIANT_CHANGES;
}

static int on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusJob *object = userdata;
        const Job *job = object->job;
        const Filesystem *filesystem = job_filesystem(object);
        char target[BUS_TARGET_SIZE];
        uint32_t uid;
        int r;

        r = bus_options_read(message, NULL, 0, error);
        if (r < 0)
                return r;

        const BusDetail details[] = {
                { "operation", action_kind_to_name(job->request.kind) },
                { "target", bus_job_target(job, target) },
        };
        r = bus_authorize(object->base.context->authorizer, message, &(BusAuthorizeCall) {
                .variant = cancel_variant(job, filesystem),
                .filesystem = filesystem,
                .owner_uid = job->report.source == DECISION_CALLER ? job->report.caller_uid : BUS_UID_NONE,
                .details = details,
                .n_details = ELEMENTSOF(details),
        }, &uid, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* polkit was asked; this runs again when it has answered */

        if (job->state == JOB_ENDED)
                return bus_error_set(error, -ESRCH, "The job has ended already");
        r = job_queue_cancel(engine_jobs(object->base.context->engine), job->id);
        if (r < 0)
                return bus_error_set(error, r == -ENOENT ? -ESRCH : r, "Cannot cancel the job: %s", strerror(-r));

        return sd_bus_reply_method_return(message, NULL);
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_PROPERTY("Id", "t", get_number, 0, CONST),
        SD_BUS_PROPERTY("Operation", "s", get_text, 0, CONST),
        SD_BUS_PROPERTY("Filesystem", "o", get_filesystem, 0, CHANGES),
        SD_BUS_PROPERTY("State", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Target", "s", get_target, 0, CONST),
        SD_BUS_PROPERTY("EventId", "t", get_number, 0, CONST),
        SD_BUS_PROPERTY("Rule", "s", get_text, 0, CONST),
        SD_BUS_PROPERTY("Source", "s", get_text, 0, CONST),
        SD_BUS_PROPERTY("CallerUID", "u", get_caller_uid, 0, CONST),
        SD_BUS_PROPERTY("DryRun", "b", get_dry_run, 0, CONST),
        SD_BUS_PROPERTY("Started", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Ended", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Attempts", "u", get_attempts, 0, CHANGES),
        SD_BUS_PROPERTY("Outcome", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Error", "i", get_error, 0, CHANGES),
        SD_BUS_PROPERTY("Detail", "s", get_detail, 0, CHANGES),
        SD_BUS_PROPERTY("Verified", "b", get_verified, 0, CHANGES),
        SD_BUS_PROPERTY("Phase", "u", get_phase, 0, CHANGES),
        SD_BUS_PROPERTY("Progress", "u", get_progress, 0, CHANGES),
        SD_BUS_PROPERTY("Percent", "d", get_percent, 0, CHANGES),
        SD_BUS_PROPERTY("BytesDone", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("BytesTotal", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("EstimatedEnd", "t", get_number, 0, CHANGES),

        SD_BUS_METHOD_WITH_ARGS("Cancel",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                on_cancel,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListWorkloads",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", workloads),
                                bus_workloads_on_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_SIGNAL_WITH_ARGS("Completed", SD_BUS_ARGS("b", success, "s", outcome, "s", detail), 0),

        SD_BUS_VTABLE_END
};

static const BusChangeName change_names[] = {
        { "Filesystem", JOB_CHANGE_FILESYSTEM },
        { "State",      JOB_CHANGE_STATE },
        { "Started",    JOB_CHANGE_STATE },
        { "Ended",      JOB_CHANGE_STATE },
        { "Attempts",   JOB_CHANGE_STATE },
        { "Outcome",    JOB_CHANGE_STATE },
        { "Error",      JOB_CHANGE_STATE },
        { "Detail",     JOB_CHANGE_STATE },
        { "Verified",   JOB_CHANGE_STATE },
        /* A further try begins anew. */
        { "Phase",      JOB_CHANGE_PROGRESS | JOB_CHANGE_STATE },
        { "Progress",   JOB_CHANGE_PROGRESS | JOB_CHANGE_STATE },
        { "Percent",    JOB_CHANGE_PROGRESS },
        { "BytesDone",  JOB_CHANGE_PROGRESS },
        { "BytesTotal", JOB_CHANGE_PROGRESS },
        { "EstimatedEnd", JOB_CHANGE_PROGRESS | JOB_CHANGE_STATE },
        {}
};
_Static_assert(ELEMENTSOF(change_names) <= BUS_CHANGE_NAMES_MAX + 1, "all of them fit one signal");

int bus_job_attach(BusContext *context, sd_bus *bus) {
        return bus_objects_attach(&context->jobs, bus, BUS_JOB_PREFIX, BUS_INTERFACE_JOB, vtable);
}

static void object_remove(BusContext *context, BusJob *object) {
        if (object->is_ended)
                context->n_ended_jobs--;
        bus_object_remove(&context->jobs, &object->base);
        job_unref(object->job);
        free(object);
}

static BusJob *oldest_ended(BusContext *context) {
        BusJob *oldest = NULL;
        BusObject *base;

        TAILQ_FOREACH(base, &context->jobs, link) {
                BusJob *object = container_of(base, BusJob, base);

                if (object->is_ended && (!oldest || object->forget_usec < oldest->forget_usec))
                        oldest = object;
        }

        return oldest;
}

static void arm_timer(BusContext *context) {
        const BusJob *oldest = oldest_ended(context);
        int r;

        if (!oldest) {
                (void) sd_event_source_set_enabled(context->job_timer, SD_EVENT_OFF);
                return;
        }

        r = sd_event_source_set_time(context->job_timer, oldest->forget_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(context->job_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_warning_errno(r, "Cannot set the timer for ended jobs, they stay on the bus: %m");
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        BusContext *context = userdata;
        uint64_t now_usec = clock_monotonic_usec();
        BusJob *object;

        while ((object = oldest_ended(context)) && object->forget_usec <= now_usec)
                object_remove(context, object);

        arm_timer(context);
        return 0;
}

int bus_job_init(BusContext *context) {
        int r;

        r = sd_event_add_time(context->event, &context->job_timer, CLOCK_MONOTONIC, UINT64_MAX, TIMER_ACCURACY_USEC,
                              on_timer, context);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(context->job_timer, SD_EVENT_OFF);
}

static BusJob *object_find(BusContext *context, uint64_t job_id) {
        BusObject *base;

        TAILQ_FOREACH(base, &context->jobs, link) {
                BusJob *object = container_of(base, BusJob, base);

                if (object->job->id == job_id)
                        return object;
        }

        return NULL;
}

static int object_add(BusContext *context, Job *job, BusJob **ret_object) {
        _cleanup_(free_at) BusJob *object = NULL;
        char path[BUS_JOB_PATH_SIZE];
        int r;

        object = calloc(1, sizeof(*object));
        if (!object)
                return -ENOMEM;

        /* Before it is said, as the bus asks for its values then. */
        object->job = job;
        r = bus_object_add(&context->jobs, &object->base, context, bus_job_path(job->id, path), BUS_INTERFACE_JOB,
                           change_names);
        if (r < 0)
                return r;

        (void) job_ref(job);
        *ret_object = steal_ptr(object);
        return 0;
}

/* The last values go out before Completed does, so that whoever waits for the signal reads the end. */
static void object_end(BusContext *context, BusJob *object, const Filesystem *filesystem) {
        BusJob *oldest;

        object->is_ended = true;
        object->forget_usec = clock_monotonic_usec() + context->job_keep_usec;
        context->n_ended_jobs++;

        bus_change_flush(context->changes, &object->base.change);
        bus_signal_job_completed(context, object, filesystem);
        bus_signal_action_taken(context, object->job, filesystem);
        if (object->job->was_announced)
                bus_signal_workload_failed(context, object->job, filesystem);

        while (context->n_ended_jobs > BUS_ENDED_JOBS_MAX && (oldest = oldest_ended(context)))
                object_remove(context, oldest);
        arm_timer(context);
}

int bus_job_update(BusContext *context, Job *job, const Filesystem *filesystem) {
        BusJob *object = object_find(context, job->id);
        int r;

        if (!object) {
                r = object_add(context, job, &object);
                if (r < 0)
                        return r;
        } else
                bus_change_mark(context->changes, &object->base.change, JOB_CHANGE_STATE);

        if (job->state == JOB_ENDED && !object->is_ended)
                object_end(context, object, filesystem);

        return 0;
}

void bus_job_progress(BusContext *context, const Job *job) {
        BusJob *object = object_find(context, job->id);

        if (object && !object->is_ended)
                bus_change_mark(context->changes, &object->base.change, JOB_CHANGE_PROGRESS);
}

void bus_job_filesystem_gone(BusContext *context, uint64_t filesystem_id) {
        BusObject *base;

        TAILQ_FOREACH(base, &context->jobs, link)
                if (container_of(base, BusJob, base)->job->filesystem_id == filesystem_id)
                        bus_change_mark(context->changes, &base->change, JOB_CHANGE_FILESYSTEM);
}

void bus_job_remove_all(BusContext *context) {
        BusObject *first;

        while ((first = TAILQ_FIRST(&context->jobs)))
                object_remove(context, container_of(first, BusJob, base));
}

void bus_job_announce(BusContext *context) {
        bus_objects_announce(&context->jobs);
}
