/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JobNew tells that something becomes of a unit; from then on it is referenced, so that systemd does not forget how it
 * ended, and listened to. What it says of itself is compared with what it said before.
 */

#include "src/worker/scan-watch-child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/child.h"
#include "src/worker/process.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD_NAME ".Manager"
#define UNIT_INTERFACE SYSTEMD_NAME ".Unit"
#define SERVICE_INTERFACE SYSTEMD_NAME ".Service"
#define PREFIX "xfs_scrub@"
/* One for each mount point that anybody ever has checked. */
#define UNITS_MAX 256

typedef struct ScanUnit {
        TAILQ_ENTRY(ScanUnit) entries;
        char name[UNIT_NAME_SIZE];
        char *path;
        sd_bus_slot *slot;
        bool is_running;
        uint64_t ended_usec;            /* monotonic; of the last run that is known */
} ScanUnit;

typedef struct ScanWatcher {
        sd_event *event;
        sd_bus *bus;
        TAILQ_HEAD(, ScanUnit) units;
        size_t n_units;
        int report_fd;
} ScanWatcher;

bool scan_unit_is_one(const char *unit) {
        return text_starts_with(unit, PREFIX) && text_ends_with(unit, ".service") &&
               strlen(unit) > strlen(PREFIX) + strlen(".service");
}

static void unit_free(ScanWatcher *watcher, ScanUnit *unit) {
        TAILQ_REMOVE(&watcher->units, unit, entries);
        watcher->n_units--;
        sd_bus_slot_unref(unit->slot);
        free(unit->path);
        free(unit);
}

static void watcher_clear(ScanWatcher *watcher) {
        ScanUnit *unit;

        while ((unit = TAILQ_FIRST(&watcher->units)))
                unit_free(watcher, unit);
        sd_bus_close_unref(watcher->bus);
        sd_event_unref(watcher->event);
}

static int get_number(ScanWatcher *watcher, const ScanUnit *unit, const char *property, char type, void *ret_value) {
        return sd_bus_get_property_trivial(watcher->bus, SYSTEMD_NAME, unit->path, SERVICE_INTERFACE, property, NULL,
                                           type, ret_value);
}

static void tell(ScanWatcher *watcher, const ScanUnit *unit) {
        _cleanup_(free_at) char *result = NULL;
        ScanReport report = { .is_running = unit->is_running };

        (void) text_copy(report.unit, sizeof(report.unit), unit->name);
        if (!unit->is_running) {
                if (get_number(watcher, unit, "ExecMainStatus", 'i', &report.exit_status) < 0 ||
                    sd_bus_get_property_string(watcher->bus, SYSTEMD_NAME, unit->path, SERVICE_INTERFACE, "Result",
                                               NULL, &result) < 0)
                        return;
                (void) text_copy(report.result, sizeof(report.result), result);
        }
        (void) child_report(watcher->report_fd, &report, sizeof(report), -EBADF);
}

/* @is_new: how it ended before somebody asked is no news. */
static void look_at(ScanWatcher *watcher, ScanUnit *unit, bool is_new) {
        uint64_t started_usec = 0, ended_usec = 0;
        bool is_running;

        if (get_number(watcher, unit, "ExecMainStartTimestampMonotonic", 't', &started_usec) < 0 ||
            get_number(watcher, unit, "ExecMainExitTimestampMonotonic", 't', &ended_usec) < 0)
                return;
        is_running = started_usec > ended_usec;
        if (is_running != unit->is_running || (!is_running && !is_new && ended_usec != unit->ended_usec)) {
                unit->is_running = is_running;
                tell(watcher, unit);
        }
        if (!is_running)
                unit->ended_usec = ended_usec;
}

static ScanUnit *find(ScanWatcher *watcher, const char *name) {
        ScanUnit *unit;

        TAILQ_FOREACH(unit, &watcher->units, entries)
                if (text_equal(unit->name, name))
                        return unit;
        return NULL;
}

static int on_changed(_unused_ sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error);

static ScanUnit *add(ScanWatcher *watcher, const char *name) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        ScanUnit *unit;

        if (watcher->n_units >= UNITS_MAX ||
            sd_bus_call_method(watcher->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "LoadUnit", NULL, &reply,
                               "s", name) < 0 ||
            sd_bus_message_read(reply, "o", &path) < 0)
                return NULL;
        unit = calloc(1, sizeof(*unit));
        if (!unit)
                return NULL;
        TAILQ_INSERT_TAIL(&watcher->units, unit, entries);
        watcher->n_units++;
        unit->path = strdup(path);
        if (!unit->path || text_copy(unit->name, sizeof(unit->name), name) < 0 ||
            sd_bus_match_signal(watcher->bus, &unit->slot, SYSTEMD_NAME, path, "org.freedesktop.DBus.Properties",
                                "PropertiesChanged", on_changed, watcher) < 0) {
                unit_free(watcher, unit);
                return NULL;
        }
        (void) sd_bus_call_method(watcher->bus, SYSTEMD_NAME, path, UNIT_INTERFACE, "Ref", NULL, NULL, NULL);
        look_at(watcher, unit, true);
        return unit;
}

static int on_changed(sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error) {
        const char *path = sd_bus_message_get_path(message);
        ScanWatcher *watcher = userdata;
        ScanUnit *unit;

        TAILQ_FOREACH(unit, &watcher->units, entries)
                if (text_equal(unit->path, path)) {
                        look_at(watcher, unit, false);
                        break;
                }
        return 0;
}

/* JobNew and JobRemoved begin with the same. */
static int on_job(sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error) {
        ScanWatcher *watcher = userdata;
        const char *path, *name;
        ScanUnit *unit;
        uint32_t id;

        if (sd_bus_message_read(message, "uos", &id, &path, &name) < 0 || !scan_unit_is_one(name))
                return 0;
        unit = find(watcher, name);
        if (unit)
                look_at(watcher, unit, false);
        else
                (void) add(watcher, name);
        return 0;
}

static int on_disconnected(_unused_ sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error) {
        ScanWatcher *watcher = userdata;

        return sd_event_exit(watcher->event, 0);
}

/* Those that run already. */
static int list(ScanWatcher *watcher) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name;
        int r;

        r = sd_bus_call_method(watcher->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "ListUnitsByPatterns",
                               NULL, &reply, "asas", 0, 1, PREFIX "*.service");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, NULL, NULL, NULL, NULL,
                                                  NULL, NULL, NULL)) > 0)
                if (scan_unit_is_one(name) && !find(watcher, name))
                        (void) add(watcher, name);
        return r;
}

static int start(ScanWatcher *watcher) {
        int r;

        r = sd_event_new(&watcher->event);
        if (r >= 0)
                r = sd_bus_open_system(&watcher->bus);
        if (r >= 0)
                r = sd_bus_match_signal(watcher->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "JobNew",
                                        on_job, watcher);
        if (r >= 0)
                r = sd_bus_match_signal(watcher->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE,
                                        "JobRemoved", on_job, watcher);
        if (r >= 0)
                r = sd_bus_match_signal(watcher->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, watcher);
        if (r >= 0)
                r = sd_bus_call_method(watcher->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "Subscribe", NULL,
                                       NULL, NULL);
        if (r >= 0)
                r = list(watcher);
        if (r >= 0)
                r = sd_bus_attach_event(watcher->bus, watcher->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

int scan_watch_in_child(int report_fd, _unused_ void *userdata) {
        _cleanup_(watcher_clear) ScanWatcher watcher = { .report_fd = report_fd };
        int r;

        TAILQ_INIT(&watcher.units);
        r = process_drop_capabilities();
        if (r >= 0)
                r = start(&watcher);
        if (r >= 0)
                r = sd_event_loop(watcher.event);
        return r < 0;
}
