/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-manager.h.
 */
#include <errno.h>
#include <string.h>

#include "src/basic/text.h"
#include "src/bus/bus-dump.h"
#include "src/bus/bus-check-policy.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-explain.h"
#include "src/bus/bus-filesystem.h"
#include "src/bus/bus-history.h"
#include "src/bus/bus-inhibit.h"
#include "src/bus/bus-manager.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-pause.h"
#include "src/bus/bus-subscribe.h"
#include "src/bus/bus-silence.h"
#include "src/bus/bus-test-event.h"
#include "src/bus/bus-value.h"
#include "src/bus/bus-workloads.h"

static const char *text_of_version(BusContext *context _unused_) {
        return PACKAGE_VERSION;
}

static const char *text_of_kernel_release(BusContext *context) {
        return engine_kernel_release(context->engine);
}

static const char *text_of_policy_hash(BusContext *context) {
        const Policy *policy = engine_policy(context->engine);

        return policy ? policy_hash(policy) : NULL;
}

static const char *text_of_policy_state(BusContext *context) {
        return engine_policy(context->engine) && engine_policy_problems(context->engine)[0] == '\0' ? "ok" : "rejected";
}

static const char *text_of_policy_problems(BusContext *context) {
        return engine_policy_problems(context->engine);
}

static const char *text_of_mode(BusContext *context) {
        const Policy *policy = engine_policy(context->engine);

        return policy ? policy_mode_to_name(policy_mode(policy)) : NULL;
}

static const char *text_of_time_zone(BusContext *context) {
        return engine_zone_name(context->engine);
}

static const struct {
        const char *name;
        const char *(*text)(BusContext *context);
} texts[] = {
        { "Version",        text_of_version },
        { "KernelRelease",  text_of_kernel_release },
        { "PolicyHash",     text_of_policy_hash },
        { "PolicyState",    text_of_policy_state },
        { "PolicyProblems", text_of_policy_problems },
        { "Mode",           text_of_mode },
        { "TimeZone",       text_of_time_zone },
};

static int get_text(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                    const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (text_equal(texts[i].name, property))
                        return bus_append_text(reply, texts[i].text(userdata));

        return -EINVAL;
}

static const struct {
        const char *name;
        size_t offset;          /* of an uint64_t in EngineTotals */
} totals[] = {
        { "EventsTotal",   offsetof(EngineTotals, n_events) },
        { "ReportsTotal",  offsetof(EngineTotals, n_reports) },
        { "EventsLost",    offsetof(EngineTotals, n_lost) },
        { "EventsDropped", offsetof(EngineTotals, n_dropped) },
        { "ConditionsForgotten", offsetof(EngineTotals, n_conditions_forgotten) },
        { "Healed",        offsetof(EngineTotals, n_healed) },
        { "Refused",       offsetof(EngineTotals, n_refused) },
        { "Failed",        offsetof(EngineTotals, n_failed) },
        { "HandedOver", offsetof(EngineTotals, n_handed_over) },
        { "TimeToHealCount", offsetof(EngineTotals, heal_times.n) },
        { "TimeToHealLastUSec", offsetof(EngineTotals, heal_times.last_usec) },
        { "TimeToHealMaxUSec", offsetof(EngineTotals, heal_times.max_usec) },
        { "TimeToHealTotalUSec", offsetof(EngineTotals, heal_times.total_usec) },
        { "LastEventUSec", offsetof(EngineTotals, last_event_realtime_usec) },
        { "LagUSec",       offsetof(EngineTotals, last_lag_usec) },
};

static int get_total(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *error _unused_) {
        BusContext *context = userdata;

        for (size_t i = 0; i < ELEMENTSOF(totals); i++) {
                uint64_t value;

                if (!text_equal(totals[i].name, property))
                        continue;
                memcpy(&value, (const char *) engine_totals(context->engine) + totals[i].offset, sizeof(value));
                return sd_bus_message_append(reply, "t", value);
        }

        return -EINVAL;
}

static int get_policy_generation(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                                 const char *property _unused_, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error _unused_) {
        const Policy *policy = engine_policy(((BusContext *) userdata)->engine);

        return sd_bus_message_append(reply, "t", policy ? policy_generation(policy) : UINT64_C(0));
}

static int get_signals_dropped(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                               const char *property _unused_, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "t", ((BusContext *) userdata)->n_signals_dropped);
}

static int get_history_dropped(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                               const char *property _unused_, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error _unused_) {
        const HistoryReader *history = &((BusContext *) userdata)->history;

        return sd_bus_message_append(reply, "t",
                                     history->n_dropped ? history->n_dropped(history->userdata) : UINT64_C(0));
}

static int get_history_removed(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                               const char *property _unused_, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error _unused_) {
        const HistoryReader *history = &((BusContext *) userdata)->history;

        return sd_bus_message_append(reply, "t",
                                     history->n_removed ? history->n_removed(history->userdata) : UINT64_C(0));
}

static int get_history_state(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                             const char *property _unused_, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error _unused_) {
        const HistoryReader *history = &((BusContext *) userdata)->history;

        return sd_bus_message_append(reply, "s",
                                     history_place_to_name(history->place ? history->place(history->userdata) :
                                                                            HISTORY_PLACE_ABSENT));
}

static int get_notifications(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                             const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error _unused_) {
        const NoticeReader *notices = &((BusContext *) userdata)->notices;
        uint64_t (*read)(void *userdata) = text_equal(property, "NotificationsWaiting") ? notices->n_waiting
                                                                                        : notices->n_dropped;

        return sd_bus_message_append(reply, "t", read ? read(notices->userdata) : UINT64_C(0));
}

static int get_routes_failing(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                              const char *property _unused_, sd_bus_message *reply, void *userdata,
                              sd_bus_error *error _unused_) {
        const NoticeReader *notices = &((BusContext *) userdata)->notices;
        const char *route;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && notices->failing && (route = notices->failing(notices->userdata, i)); i++)
                r = sd_bus_message_append(reply, "s", route);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_mounted_unwatched(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                                 const char *property _unused_, sd_bus_message *reply, void *userdata,
                                 sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "u", (uint32_t) engine_n_unwatched(((BusContext *) userdata)->engine));
}

static int get_braked_until(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                            const char *property _unused_, sd_bus_message *reply, void *userdata,
                            sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "t", engine_braked_until_usec(((BusContext *) userdata)->engine));
}

static int get_paused(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property _unused_, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error _unused_) {
        return bus_pause_append(reply, engine_pause_of(((BusContext *) userdata)->engine, NULL));
}

static int get_paused_by(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                         const char *property _unused_, sd_bus_message *reply, void *userdata,
                         sd_bus_error *error _unused_) {
        return bus_pause_append_by(reply, engine_pause_of(((BusContext *) userdata)->engine, NULL));
}

static int get_silences(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                        const char *property _unused_, sd_bus_message *reply, void *userdata,
                        sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "u", bus_silence_count(userdata));
}

static int get_worker_connected(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                                const char *property _unused_, sd_bus_message *reply, void *userdata,
                                sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "b", (int) engine_worker_is_connected(((BusContext *) userdata)->engine));
}

static int get_held(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                    const char *property _unused_, sd_bus_message *reply, void *userdata,
                    sd_bus_error *error _unused_) {
        uint32_t n = 0;

        for (const WorkerHold *hold = NULL; (hold = engine_hold_next(((BusContext *) userdata)->engine, hold));)
                n++;
        return sd_bus_message_append(reply, "u", n);
}

static int on_get_filesystem(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        Filesystem *filesystem;
        const char *name;
        uint32_t uid;
        int r;

        r = sd_bus_message_read(message, "s", &name);
        if (r < 0)
                return r;
        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r <= 0)
                return r < 0 ? r : 1;

        r = filesystem_table_find_name(engine_filesystems(context->engine), name, &filesystem);
        if (r == -ENOTUNIQ)
                return bus_error_set(error, r,
                                     "Several file systems have the UUID %s, name a mount point or device", name);
        if (r < 0)
                return bus_error_set(error, r,
                                     "There is no file system called %s: name a mount point, a device or a UUID",
                                     name);

        return sd_bus_reply_method_return(message, "o", bus_filesystem_path(context, filesystem));
}

static int on_reload_policy(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusContext *context = userdata;
        uint32_t uid;
        int r;

        r = bus_authorize(context->authorizer, message, &(BusAuthorizeCall) { .owner_uid = BUS_UID_NONE }, &uid, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1; /* polkit was asked; this runs again when it has answered */

        r = engine_reload_policy(context->engine);
        if (r == -EINVAL)
                return bus_error_set(error, -EBADMSG, "The policy was not loaded, the last good one stays:\n%s",
                                     engine_policy_problems(context->engine));
        if (r < 0)
                return bus_error_set(error, r, "Cannot load the policy: %s", strerror(-r));

        return sd_bus_reply_method_return(message, NULL);
}

#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_PROPERTY("Version", "s", get_text, 0, CONST),
        SD_BUS_PROPERTY("KernelRelease", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("PolicyGeneration", "t", get_policy_generation, 0, CHANGES),
        SD_BUS_PROPERTY("PolicyHash", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("PolicyState", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("PolicyProblems", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("Mode", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("TimeZone", "s", get_text, 0, CHANGES),
        SD_BUS_PROPERTY("EventsTotal", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("ReportsTotal", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("EventsLost", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("EventsDropped", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("ConditionsForgotten", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("SignalsDropped", "t", get_signals_dropped, 0, CHANGES),
        SD_BUS_PROPERTY("HistoryDropped", "t", get_history_dropped, 0, CHANGES),
        SD_BUS_PROPERTY("HistoryRemoved", "t", get_history_removed, 0, 0),
        SD_BUS_PROPERTY("HistoryState", "s", get_history_state, 0, 0),
        SD_BUS_PROPERTY("NotificationsWaiting", "t", get_notifications, 0, 0),
        SD_BUS_PROPERTY("NotificationsDropped", "t", get_notifications, 0, CHANGES),
        SD_BUS_PROPERTY("RoutesFailing", "as", get_routes_failing, 0, 0),
        SD_BUS_PROPERTY("Healed", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("Refused", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("Failed", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("HandedOver", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealCount", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealLastUSec", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealMaxUSec", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("TimeToHealTotalUSec", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("LastEventUSec", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("LagUSec", "t", get_total, 0, CHANGES),
        SD_BUS_PROPERTY("MountedUnwatched", "u", get_mounted_unwatched, 0, CHANGES),
        SD_BUS_PROPERTY("BrakedUntilUSec", "t", get_braked_until, 0, CHANGES),
        SD_BUS_PROPERTY("Paused", "b", get_paused, 0, CHANGES),
        SD_BUS_PROPERTY("PausedBy", "a{sv}", get_paused_by, 0, CHANGES),
        SD_BUS_PROPERTY("Silences", "u", get_silences, 0, CHANGES),
        SD_BUS_PROPERTY("WorkerConnected", "b", get_worker_connected, 0, CHANGES),
        SD_BUS_PROPERTY("InhibitedBy", "a(ssu)", bus_inhibit_get, 0, CHANGES),
        SD_BUS_PROPERTY("UnitsHeld", "u", get_held, 0, CHANGES),
        SD_BUS_PROPERTY("Subscribers", "u", bus_subscribe_get, 0, CHANGES),
        SD_BUS_PROPERTY("SubscribersCut", "t", bus_subscribe_get, 0, CHANGES),

        SD_BUS_METHOD_WITH_ARGS("GetFilesystem",
                                SD_BUS_ARGS("s", name),
                                SD_BUS_RESULT("o", filesystem),
                                on_get_filesystem,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReloadPolicy",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                on_reload_policy,
                                SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_METHOD_WITH_ARGS("Resume",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                bus_pause_on_resume_all,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Pause",
                                SD_BUS_ARGS("s", reason, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_pause_on_pause_all,
                                SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_METHOD_WITH_ARGS("CheckPolicy",
                                SD_BUS_ARGS("h", policy, "a{sv}", options),
                                SD_BUS_RESULT("b", ok, "a(ssuus)", problems),
                                bus_check_policy_on_check,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain",
                                SD_BUS_ARGS("s", event, "a{sv}", options),
                                SD_BUS_RESULT("s", explanation, "a{sv}", more),
                                bus_explain_on_explain,
                                SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_METHOD_WITH_ARGS("ListEvents",
                                SD_BUS_ARGS("t", since_usec, "u", max, "a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", events),
                                bus_history_on_list_events,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetEvent",
                                SD_BUS_ARGS("t", id, "a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", events),
                                bus_history_on_get_event,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("DumpEvents",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("h", stream),
                                bus_dump_on_dump_events,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Subscribe",
                                SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_subscribe_on_subscribe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unsubscribe",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                bus_subscribe_on_unsubscribe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Silence",
                                SD_BUS_ARGS("a{sv}", match, "t", until_usec, "s", reason, "a{sv}", options),
                                SD_BUS_RESULT("s", id),
                                bus_silence_on_silence,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unsilence",
                                SD_BUS_ARGS("s", id, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_silence_on_unsilence,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListSilences",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("aa{sv}", silences),
                                bus_silence_on_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("InjectTestEvent",
                                SD_BUS_ARGS("a{sv}", event, "a{sv}", options),
                                SD_BUS_RESULT("t", id),
                                bus_test_event_on_inject,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Inhibit",
                                SD_BUS_ARGS("s", who, "s", why, "a{sv}", options),
                                SD_BUS_RESULT("h", lock),
                                bus_inhibit_on_inhibit,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListHolds",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("aa{sv}", holds),
                                bus_workloads_on_list_holds,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unhold",
                                SD_BUS_ARGS("s", unit, "a{sv}", options),
                                SD_BUS_NO_RESULT,
                                bus_workloads_on_unhold,
                                SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_SIGNAL_WITH_ARGS("Event",
                                SD_BUS_ARGS("t", id, "s", kind, "s", severity, "o", filesystem, "a{sv}", brief),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("Decision",
                                SD_BUS_ARGS("t", id, "s", source, "s", rule, "s", mode, "as", actions,
                                            "a{sv}", more),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("ActionTaken",
                                SD_BUS_ARGS("t", id, "o", job, "s", action, "s", result, "a{sv}", more),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("WorkloadWillFail",
                                SD_BUS_ARGS("t", id, "t", job, "o", filesystem, "as", units, "t", deadline_usec,
                                            "a{sv}", details),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("WorkloadFailed",
                                SD_BUS_ARGS("t", id, "t", job, "o", filesystem, "s", result, "a{sv}", details),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("Notice",
                                SD_BUS_ARGS("t", id, "s", severity, "s", message, "o", filesystem),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("Record",
                                SD_BUS_ARGS("a{sv}", record),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("SilenceChanged",
                                SD_BUS_ARGS("s", id, "b", is_set),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("PolicyReloaded",
                                SD_BUS_ARGS("t", generation, "b", ok),
                                0),

        SD_BUS_VTABLE_END
};

static const BusChangeName change_names[] = {
        { "PolicyGeneration", BUS_MANAGER_POLICY },
        { "PolicyHash",       BUS_MANAGER_POLICY },
        { "PolicyState",      BUS_MANAGER_POLICY },
        { "PolicyProblems",   BUS_MANAGER_POLICY },
        { "Mode",             BUS_MANAGER_POLICY },
        { "EventsTotal",      BUS_MANAGER_COUNTERS },
        { "ReportsTotal",     BUS_MANAGER_COUNTERS },
        { "EventsLost",       BUS_MANAGER_COUNTERS },
        { "EventsDropped",    BUS_MANAGER_COUNTERS },
        { "ConditionsForgotten", BUS_MANAGER_COUNTERS },
        { "SignalsDropped",   BUS_MANAGER_COUNTERS },
        { "HistoryDropped",   BUS_MANAGER_COUNTERS },
        { "NotificationsDropped", BUS_MANAGER_COUNTERS },
        { "Healed",           BUS_MANAGER_COUNTERS },
        { "Refused",          BUS_MANAGER_COUNTERS },
        { "Failed",           BUS_MANAGER_COUNTERS },
        { "HandedOver", BUS_MANAGER_COUNTERS },
        { "TimeToHealCount", BUS_MANAGER_COUNTERS },
        { "TimeToHealLastUSec", BUS_MANAGER_COUNTERS },
        { "TimeToHealMaxUSec", BUS_MANAGER_COUNTERS },
        { "TimeToHealTotalUSec", BUS_MANAGER_COUNTERS },
        { "LastEventUSec",    BUS_MANAGER_COUNTERS },
        { "LagUSec",          BUS_MANAGER_COUNTERS },
        { "BrakedUntilUSec",  BUS_MANAGER_COUNTERS },
        { "Subscribers",      BUS_MANAGER_SUBSCRIPTIONS },
        { "SubscribersCut",   BUS_MANAGER_SUBSCRIPTIONS },
        { "Paused",           BUS_MANAGER_PAUSE },
        { "PausedBy",         BUS_MANAGER_PAUSE },
        { "Silences",         BUS_MANAGER_SILENCES },
        { "MountedUnwatched", BUS_MANAGER_FILESYSTEMS },
        { "WorkerConnected",  BUS_MANAGER_WORKER },
        { "KernelRelease",    BUS_MANAGER_WORKER },
        { "TimeZone",         BUS_MANAGER_WORKER },
        { "InhibitedBy",      BUS_MANAGER_INHIBITORS },
        { "UnitsHeld",        BUS_MANAGER_HOLDS },
        {}
};
_Static_assert(ELEMENTSOF(change_names) <= BUS_CHANGE_NAMES_MAX + 1, "all of them fit one signal");

int bus_manager_attach(BusContext *context, sd_bus *bus) {
        return sd_bus_add_object_vtable(bus, /* slot= */ NULL, BUS_PATH, BUS_INTERFACE_MANAGER, vtable, context);
}

void bus_manager_init(BusContext *context) {
        context->manager_change = (BusChange) {
                .path = BUS_PATH,
                .interface = BUS_INTERFACE_MANAGER,
                .names = change_names,
        };
}

void bus_manager_changed(BusContext *context, unsigned changes) {
        bus_change_mark(context->changes, &context->manager_change, changes);
}
