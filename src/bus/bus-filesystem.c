/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The objects of file systems: paths, properties, announcements. What callers may do with them is in
 * bus-filesystem-method.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/bus/bus-acknowledge.h"
#include "src/bus/bus-autofsck.h"
#include "src/bus/bus-filesystem-method.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-job.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-object.h"
#include "src/bus/bus-pause.h"
#include "src/bus/bus-signal.h"
#include "src/bus/bus-users.h"
#include "src/bus/bus-value.h"
#include "src/bus/bus-workloads.h"

#define PATH_SIZE 96
#define BUFFER_SIZE 64

/* Properties of type "s". @buffer may be used for the answer; NULL is "". */
static const char *text_of_uuid(const Filesystem *fs, char buffer[static BUFFER_SIZE]) {
        return fs->facts.uuid_state == FACT_KNOWN ? uuid_format(fs->facts.uuid, buffer) : NULL;
}

static const char *text_of_label(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->facts.label_state == FACT_KNOWN ? fs->facts.label : NULL;
}

static const char *text_of_device(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->facts.device;
}

static const char *text_of_type(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->facts.type;
}

static const char *text_of_monitor_state(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return monitor_state_to_name(fs->monitor_state);
}

static const char *text_of_monitor_error(const Filesystem *fs, char buffer[static BUFFER_SIZE]) {
        const char *name;

        if (fs->monitor_state != MONITOR_FAILED || fs->monitor_error == 0)
                return NULL;

        name = errno_to_name(fs->monitor_error);
        if (name)
                return name;
        (void) snprintf(buffer, BUFFER_SIZE, "%d", fs->monitor_error);
        return buffer;
}

static const char *text_of_watched_by(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return watched_by_to_name(filesystem_watched_by(fs));
}

static const char *text_of_holder_name(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->monitor_state == MONITOR_FOREIGN ? fs->holder_name : NULL;
}

static const char *text_of_autofsck(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        switch (fs->facts.autofsck_state) {
        case FACT_UNKNOWN:
                return "unknown";
        case FACT_ABSENT:
                return autofsck_to_name(AUTOFSCK_UNSET);
        case FACT_KNOWN:
                return autofsck_to_name(fs->facts.autofsck);
        }
        return "unknown";
}

static const char *text_of_next_check(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->next_check;
}

static const char *text_of_last_check(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->check.ended_usec == 0 ? "" : outcome_to_name(fs->check.outcome);
}

static const char *text_of_patrol(const Filesystem *fs, char buffer[static BUFFER_SIZE] _unused_) {
        return fs->patrol.busy_usec + fs->patrol.ended_realtime_usec == 0
                       ? "none"
                       : patrol_stage_to_name((PatrolStage) fs->patrol.position.stage);
}

static const struct {
        const char *name;
        const char *(*text)(const Filesystem *fs, char buffer[static BUFFER_SIZE]);
} texts[] = {
        { "UUID",         text_of_uuid },
        { "Label",        text_of_label },
        { "Device",       text_of_device },
        { "Type",         text_of_type },
        { "MonitorState", text_of_monitor_state },
        { "MonitorError", text_of_monitor_error },
        { "HolderName",   text_of_holder_name },
        { "WatchedBy",    text_of_watched_by },
        { "Autofsck",     text_of_autofsck },
        { "PatrolStage",  text_of_patrol },
        { "NextCheckSchedule", text_of_next_check },
        { "LastCheckOutcome", text_of_last_check },
};

static int get_text(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                    const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;
        char buffer[BUFFER_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (text_equal(texts[i].name, property))
                        return bus_append_text(reply, texts[i].text(object->filesystem, buffer));

        return -EINVAL;
}

static bool is_read_only(const Filesystem *fs) {
        return fs->facts.is_read_only == TRISTATE_YES;
}

static bool is_root(const Filesystem *fs) {
        return fs->facts.is_root == TRISTATE_YES;
}

static bool is_removable(const Filesystem *fs) {
        return fs->facts.is_removable == TRISTATE_YES;
}

static bool is_shut_down(const Filesystem *fs) {
        return fs->is_shut_down;
}

static const struct {
        const char *name;
        bool (*is_so)(const Filesystem *fs);
} truths[] = {
        { "Watched",   filesystem_is_watched },
        { "ReadOnly",  is_read_only },
        { "Root",      is_root },
        { "Removable", is_removable },
        { "ShutDown",  is_shut_down },
};

static int get_truth(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;

        for (size_t i = 0; i < ELEMENTSOF(truths); i++)
                if (text_equal(truths[i].name, property))
                        return sd_bus_message_append(reply, "b", (int) truths[i].is_so(object->filesystem));

        return -EINVAL;
}

static const struct {
        const char *name;
        size_t offset;          /* of an uint64_t in Filesystem */
} numbers[] = {
        { "FirstBadTime",  offsetof(Filesystem, first_bad_realtime_usec) },
        { "NextCheck", offsetof(Filesystem, next_check_usec) },
        { "LastCheck", offsetof(Filesystem, check.ended_usec) },
        { "LastKnownGood", offsetof(Filesystem, good_realtime_usec) },
        { "PatrolBegan",   offsetof(Filesystem, patrol.began_realtime_usec) },
        { "PatrolEnded",   offsetof(Filesystem, patrol.ended_realtime_usec) },
        { "PatrolChecked", offsetof(Filesystem, patrol.n_checked) },
        { "PatrolDamaged", offsetof(Filesystem, patrol.n_damaged) },
        { "PatrolUnchecked", offsetof(Filesystem, patrol.n_unreadable) },
        { "PatrolBusyUSec", offsetof(Filesystem, patrol.busy_usec) },
        { "PatrolReadBytes", offsetof(Filesystem, patrol.read_bytes) },
        { "LastEventTime", offsetof(Filesystem, last_event_realtime_usec) },
        { "EventsTotal",   offsetof(Filesystem, totals.n_events) },
        { "ReportsTotal",  offsetof(Filesystem, totals.n_reports) },
        { "EventsLost",    offsetof(Filesystem, totals.n_lost) },
        { "RecordsRead",   offsetof(Filesystem, totals.n_records) },
        { "Healed",        offsetof(Filesystem, totals.n_healed) },
        { "Refused",       offsetof(Filesystem, totals.n_refused) },
        { "Failed",        offsetof(Filesystem, totals.n_failed) },
        { "HandedOver", offsetof(Filesystem, totals.n_handed_over) },
        { "TimeToHealCount", offsetof(Filesystem, totals.heal_times.n) },
        { "TimeToHealLastUSec", offsetof(Filesystem, totals.heal_times.last_usec) },
        { "TimeToHealMaxUSec", offsetof(Filesystem, totals.heal_times.max_usec) },
        { "TimeToHealTotalUSec", offsetof(Filesystem, totals.heal_times.total_usec) },
};

static int get_number(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                uint64_t value;

                if (!text_equal(numbers[i].name, property))
                        continue;
                memcpy(&value, (const char *) object->filesystem + numbers[i].offset, sizeof(value));
                return sd_bus_message_append(reply, "t", value);
        }

        return -EINVAL;
}

static int get_device_number(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                             const char *property _unused_, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;
        dev_t number = object->filesystem->facts.device_number;

        return sd_bus_message_append(reply, "(uu)", (uint32_t) major(number), (uint32_t) minor(number));
}

static int get_sick(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                    const char *property _unused_, sd_bus_message *reply, void *userdata,
                    sd_bus_error *error _unused_) {
        const ConditionList *list = &((BusFilesystem *) userdata)->filesystem->conditions;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < list->n_items; i++)
                if (list->items[i].code == CONDITION_SICK)
                        r = bus_append_text(reply, list->items[i].target);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_mount_points(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                            const char *property _unused_, sd_bus_message *reply, void *userdata,
                            sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "ay");
        if (r < 0)
                return r;
        for (size_t i = 0; i < object->filesystem->facts.n_mounts; i++) {
                r = bus_append_path(reply, object->filesystem->facts.mounts[i]);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(reply);
}

static int get_holder_pid(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                          const char *property _unused_, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error _unused_) {
        const Filesystem *fs = ((BusFilesystem *) userdata)->filesystem;

        return sd_bus_message_append(reply, "u", fs->monitor_state == MONITOR_FOREIGN ? (uint32_t) fs->holder_pid : 0);
}

static int get_conditions(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                          const char *property _unused_, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error _unused_) {
        return bus_append_conditions(reply, ((BusFilesystem *) userdata)->filesystem);
}

static int get_paused(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property _unused_, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;

        return bus_pause_append(reply, engine_pause_of(object->base.context->engine, object->filesystem));
}

static int get_paused_by(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                         const char *property _unused_, sd_bus_message *reply, void *userdata,
                         sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;

        return bus_pause_append_by(reply, engine_pause_of(object->base.context->engine, object->filesystem));
}

static int get_active_job(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                          const char *property _unused_, sd_bus_message *reply, void *userdata,
                          sd_bus_error *error _unused_) {
        const BusFilesystem *object = userdata;
        char buffer[BUS_JOB_PATH_SIZE];
        const Job *job;

        job = job_queue_active(engine_jobs(object->base.context->engine), object->filesystem->id);
        return sd_bus_message_append(reply, "o", job ? bus_job_path(job->id, buffer) : BUS_NO_OBJECT);
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_PROPERTY("UUID", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Label", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Device", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("DeviceNumber", "(uu)", get_device_number, 0, CONST),
        SD_BUS_PROPERTY("MountPoints", "aay", get_mount_points, 0, CHANGES),
        SD_BUS_PROPERTY("Type", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("MonitorState", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("MonitorError", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("HolderPID", "u", get_holder_pid, 0, CHANGES),
        SD_BUS_PROPERTY("HolderName", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Watched", "b", get_truth, 0, CHANGES),
        SD_BUS_PROPERTY("WatchedBy", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Autofsck", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("ReadOnly", "b", get_truth, 0, CHANGES),
        SD_BUS_PROPERTY("Root", "b", get_truth, 0, CHANGES),
        SD_BUS_PROPERTY("Removable", "b", get_truth, 0, CHANGES),
        SD_BUS_PROPERTY("ShutDown", "b", get_truth, 0, CHANGES),
        SD_BUS_PROPERTY("Conditions", "a(ssstts)", get_conditions, 0, CHANGES),
        SD_BUS_PROPERTY("FirstBadTime", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("LastKnownGood", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("LastEventTime", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("EventsTotal", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("ReportsTotal", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("EventsLost", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("RecordsRead", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Healed", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Refused", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Failed", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("HandedOver", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealCount", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealLastUSec", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealMaxUSec", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealTotalUSec", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("SickStructures", "as", get_sick, 0, CHANGES),
        SD_BUS_PROPERTY("NextCheck", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("NextCheckSchedule", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("LastCheck", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("LastCheckOutcome", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolStage", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolBegan", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolEnded", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolChecked", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolDamaged", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolUnchecked", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolBusyUSec", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("PatrolReadBytes", "t", get_number, 0, CHANGES),
        SD_BUS_PROPERTY("Paused", "b", get_paused, 0, CHANGES),
        SD_BUS_PROPERTY("PausedBy", "a{sv}", get_paused_by, 0, CHANGES),
        SD_BUS_PROPERTY("ActiveJob", "o", get_active_job, 0, CHANGES),

        SD_BUS_METHOD_WITH_ARGS("Repair",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", job),
                                bus_filesystem_on_repair,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("VerifyMedia",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", job),
                                bus_filesystem_on_verify_media,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Scrub",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", job),
                                bus_filesystem_on_scrub,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListUsers",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", users, "a{sv}", totals),
                                bus_users_on_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("FailWorkloads",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", job),
                                bus_workloads_on_fail,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("FreezeWorkloads",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", job),
                                bus_workloads_on_freeze,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Shutdown",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("o", job),
                                bus_workloads_on_shutdown,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Acknowledge",
                                SD_BUS_ARGS("s", code, "s", target, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_acknowledge_on_acknowledge,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Pause",
                                SD_BUS_ARGS("s", reason, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_pause_on_pause,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Resume",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_pause_on_resume,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetAutofsck",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("s", value),
                                bus_autofsck_on_get,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetAutofsck",
                                SD_BUS_ARGS("s", value, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_autofsck_on_set,
                                SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_VTABLE_END
};

static const BusChangeName change_names[] = {
        { "UUID",          BUS_FILESYSTEM_FACTS },
        { "Label",         BUS_FILESYSTEM_FACTS },
        { "Device",        BUS_FILESYSTEM_FACTS },
        { "MountPoints",   BUS_FILESYSTEM_FACTS },
        { "Type",          BUS_FILESYSTEM_FACTS },
        { "MonitorState",  BUS_FILESYSTEM_FACTS },
        { "MonitorError",  BUS_FILESYSTEM_FACTS },
        { "HolderPID",     BUS_FILESYSTEM_FACTS },
        { "HolderName",    BUS_FILESYSTEM_FACTS },
        { "Watched",       BUS_FILESYSTEM_FACTS },
        { "WatchedBy",     BUS_FILESYSTEM_FACTS },
        { "Autofsck",      BUS_FILESYSTEM_FACTS },
        { "ReadOnly",      BUS_FILESYSTEM_FACTS },
        { "Root",          BUS_FILESYSTEM_FACTS },
        { "Removable",     BUS_FILESYSTEM_FACTS },
        { "ShutDown",      BUS_FILESYSTEM_FACTS | BUS_FILESYSTEM_CONDITIONS | BUS_FILESYSTEM_COUNTERS },
        { "Conditions",    BUS_FILESYSTEM_CONDITIONS },
        { "FirstBadTime",  BUS_FILESYSTEM_COUNTERS | BUS_FILESYSTEM_CONDITIONS },
        { "LastKnownGood", BUS_FILESYSTEM_FACTS },
        { "LastEventTime", BUS_FILESYSTEM_COUNTERS },
        { "EventsTotal",   BUS_FILESYSTEM_COUNTERS },
        { "ReportsTotal",  BUS_FILESYSTEM_COUNTERS },
        { "EventsLost",    BUS_FILESYSTEM_COUNTERS },
        { "RecordsRead",   BUS_FILESYSTEM_COUNTERS },
        { "Healed",        BUS_FILESYSTEM_JOBS },
        { "Refused",       BUS_FILESYSTEM_JOBS },
        { "Failed",        BUS_FILESYSTEM_JOBS },
        { "TimeToHealCount", BUS_FILESYSTEM_JOBS },
        { "TimeToHealLastUSec", BUS_FILESYSTEM_JOBS },
        { "TimeToHealMaxUSec", BUS_FILESYSTEM_JOBS },
        { "TimeToHealTotalUSec", BUS_FILESYSTEM_JOBS },
        { "HandedOver", BUS_FILESYSTEM_CONDITIONS },
        { "SickStructures", BUS_FILESYSTEM_CONDITIONS },
        { "NextCheck",     BUS_FILESYSTEM_FACTS },
        { "NextCheckSchedule", BUS_FILESYSTEM_FACTS },
        { "LastCheck",     BUS_FILESYSTEM_FACTS },
        { "LastCheckOutcome", BUS_FILESYSTEM_FACTS },
        { "PatrolStage",   BUS_FILESYSTEM_FACTS },
        { "PatrolBegan",   BUS_FILESYSTEM_FACTS },
        { "PatrolEnded",   BUS_FILESYSTEM_FACTS },
        { "PatrolChecked", BUS_FILESYSTEM_FACTS },
        { "PatrolDamaged", BUS_FILESYSTEM_FACTS },
        { "PatrolUnchecked", BUS_FILESYSTEM_FACTS },
        { "PatrolBusyUSec", BUS_FILESYSTEM_FACTS },
        { "PatrolReadBytes", BUS_FILESYSTEM_FACTS },
        { "Paused",        BUS_FILESYSTEM_PAUSE | BUS_FILESYSTEM_FACTS },
        { "PausedBy",      BUS_FILESYSTEM_PAUSE | BUS_FILESYSTEM_FACTS },
        { "ActiveJob",     BUS_FILESYSTEM_JOBS },
        {}
};
_Static_assert(ELEMENTSOF(change_names) <= BUS_CHANGE_NAMES_MAX + 1, "all of them fit one signal");

int bus_filesystem_attach(BusContext *context, sd_bus *bus) {
        return bus_objects_attach(&context->filesystems, bus, BUS_FILESYSTEM_PREFIX, BUS_INTERFACE_FILESYSTEM, vtable);
}

/* By UUID, so that scripts find it after the next boot; a second one with the same UUID (a clone) goes by its
 * number. */
static void choose_path(BusContext *context, const Filesystem *filesystem, char path[static PATH_SIZE]) {
        dev_t number = filesystem->facts.device_number;

        if (filesystem->facts.uuid_state == FACT_KNOWN) {
                char uuid[UUID_TEXT_SIZE];

                (void) uuid_format(filesystem->facts.uuid, uuid);
                for (char *c = uuid; *c; c++)
                        if (*c == '-')
                                *c = '_';
                (void) snprintf(path, PATH_SIZE, BUS_FILESYSTEM_PREFIX "/%s", uuid);
                if (!bus_object_find(&context->filesystems, path))
                        return;
        }

        (void) snprintf(path, PATH_SIZE, BUS_FILESYSTEM_PREFIX "/dev_%u_%u", major(number), minor(number));
}

static int object_add(BusContext *context, Filesystem *filesystem) {
        _cleanup_(free_at) BusFilesystem *object = NULL;
        char path[PATH_SIZE];
        int r;

        choose_path(context, filesystem, path);
        object = malloc(sizeof(*object));
        if (!object)
                return -ENOMEM;

        object->filesystem = filesystem;
        r = bus_object_add(&context->filesystems, &object->base, context, path, BUS_INTERFACE_FILESYSTEM, change_names);
        if (r < 0)
                return r;

        object = NULL; /* the list's now */
        return 0;
}

BusFilesystem *bus_filesystem_find(BusContext *context, const Filesystem *filesystem) {
        BusObject *base;

        TAILQ_FOREACH(base, &context->filesystems, link) {
                BusFilesystem *object = container_of(base, BusFilesystem, base);

                if (object->filesystem == filesystem)
                        return object;
        }

        return NULL;
}

const char *bus_filesystem_path(BusContext *context, const Filesystem *filesystem) {
        const BusFilesystem *object = filesystem ? bus_filesystem_find(context, filesystem) : NULL;

        return object ? object->base.path : BUS_NO_OBJECT;
}

int bus_filesystem_update(BusContext *context, Filesystem *filesystem, unsigned changes) {
        BusFilesystem *object = bus_filesystem_find(context, filesystem);

        if (!object)
                return object_add(context, filesystem);

        bus_change_mark(context->changes, &object->base.change, changes);
        return 0;
}

static void object_remove(BusContext *context, BusFilesystem *object) {
        bus_object_remove(&context->filesystems, &object->base);
        free(object);
}

void bus_filesystem_remove(BusContext *context, const Filesystem *filesystem) {
        BusFilesystem *object = bus_filesystem_find(context, filesystem);

        if (object)
                object_remove(context, object);
}

void bus_filesystem_remove_all(BusContext *context) {
        BusObject *first;

        while ((first = TAILQ_FIRST(&context->filesystems)))
                object_remove(context, container_of(first, BusFilesystem, base));
}

void bus_filesystem_announce(BusContext *context) {
        bus_objects_announce(&context->filesystems);
}
