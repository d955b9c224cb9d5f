/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * StartUnit, JobRemoved, the unit's properties; StopUnit if we are told to end. The unit is referenced
 * meanwhile, so that systemd does not forget it before we have asked how it ended.
 */

#include "src/worker/scrub-unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD_NAME ".Manager"
#define UNIT_INTERFACE SYSTEMD_NAME ".Unit"
#define SERVICE_INTERFACE SYSTEMD_NAME ".Service"

/* systemd answers at once or is in trouble. */
#define CALL_TIMEOUT_USEC (25 * USEC_PER_SEC)
#define STOP_TIMEOUT_USEC (5 * USEC_PER_SEC)

typedef struct UnitWatch {
        const char *unit_name;
        sd_event *event;
        sd_bus *bus;
        char *unit_path, *job_path;
        UnitRun *run;
        bool is_over;                   /* sd_event_exit() would close the bus, which is needed once more */
        int error;
} UnitWatch;

static void watch_clear(UnitWatch *watch) {
        free(watch->unit_path);
        free(watch->job_path);
        sd_bus_close_unref(watch->bus);
        sd_event_unref(watch->event);
}

/* Says what went wrong in one sentence, and passes the errno on. */
static int explain(UnitWatch *watch, int error, const char *what, const sd_bus_error *bus_error) {
        (void) text_append_format(watch->run->problem, sizeof(watch->run->problem), "%s%s: %s",
                                  watch->run->problem[0] ? "; " : "", what,
                                  bus_error && bus_error->message ? bus_error->message : strerror(abs(error)));
        return error;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        const char *path, *unit, *result;
        UnitWatch *watch = userdata;
        uint32_t id;
        int r;

        (void) reterr_error;

        r = sd_bus_message_read(message, "uoss", &id, &path, &unit, &result);
        if (r < 0 || !watch->job_path || !text_equal(path, watch->job_path))
                return 0;

        (void) text_copy(watch->run->job_result, sizeof(watch->run->job_result), result);
        watch->is_over = true;
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        UnitWatch *watch = userdata;

        (void) message;
        (void) reterr_error;

        watch->error = explain(watch, -ECONNRESET, "the bus went away", NULL);
        watch->is_over = true;
        return 0;
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        UnitWatch *watch = userdata;

        (void) source;
        (void) info;

        watch->run->was_stopped = true;
        watch->is_over = true;
        return 0;
}

static int call_manager(UnitWatch *watch, const char *member, const char *mode, char **ret_path) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        if (mode)
                r = sd_bus_call_method(watch->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, member,
                                       &error, &reply, "ss", watch->unit_name, mode);
        else
                r = sd_bus_call_method(watch->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, member,
                                       &error, &reply, "s", watch->unit_name);
        if (r < 0)
                return explain(watch, r, member, &error);
        if (!ret_path)
                return 0;

        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return explain(watch, r, member, NULL);

        *ret_path = strdup(path);
        return *ret_path ? 0 : -ENOMEM;
}

static int connect_bus(UnitWatch *watch) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_event_new(&watch->event);
        if (r < 0)
                return explain(watch, r, "event loop", NULL);
        r = sd_bus_open_system(&watch->bus);
        if (r < 0)
                return explain(watch, r, "cannot reach the system bus", NULL);
        (void) sd_bus_set_method_call_timeout(watch->bus, CALL_TIMEOUT_USEC);
        /* The end of the loop is not the end of our talk with systemd. */
        r = sd_bus_set_close_on_exit(watch->bus, false);
        if (r < 0)
                return explain(watch, r, "cannot keep the system bus open", NULL);

        /* Without a subscription systemd sends no signals. */
        r = sd_bus_call_method(watch->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "Subscribe", &error,
                               NULL, NULL);
        if (r < 0)
                return explain(watch, r, "cannot reach systemd over the system bus", &error);

        r = sd_bus_match_signal(watch->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "JobRemoved",
                                on_job_removed, watch);
        if (r >= 0)
                r = sd_bus_match_signal(watch->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, watch);
        if (r < 0)
                return explain(watch, r, "cannot listen to systemd", NULL);

        return 0;
}

static int start_unit(UnitWatch *watch) {
        int r;

        r = call_manager(watch, "LoadUnit", NULL, &watch->unit_path);
        if (r < 0)
                return r;

        /* Only keeps it from being forgotten; systemd before 233 has no such call. */
        (void) sd_bus_call_method(watch->bus, SYSTEMD_NAME, watch->unit_path, UNIT_INTERFACE, "Ref", NULL, NULL,
                                  NULL);

        return call_manager(watch, "StartUnit", "replace", &watch->job_path);
}

static int wait_for_end(UnitWatch *watch) {
        int r;

        r = sd_event_add_signal(watch->event, NULL, SIGTERM, on_term, watch);
        if (r >= 0)
                r = sd_bus_attach_event(watch->bus, watch->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return explain(watch, r, "event loop", NULL);

        while (!watch->is_over) {
                r = sd_event_run(watch->event, UINT64_MAX);
                if (r < 0)
                        return explain(watch, r, "event loop", NULL);
        }

        (void) sd_bus_detach_event(watch->bus);
        return watch->error;
}

static int read_end(UnitWatch *watch) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(free_at) char *result = NULL;
        int32_t status = 0;
        int r;

        r = sd_bus_get_property_string(watch->bus, SYSTEMD_NAME, watch->unit_path, SERVICE_INTERFACE, "Result",
                                       &error, &result);
        if (r >= 0)
                r = sd_bus_get_property_trivial(watch->bus, SYSTEMD_NAME, watch->unit_path, SERVICE_INTERFACE,
                                                "ExecMainStatus", &error, 'i', &status);
        if (r < 0)
                return explain(watch, r, "cannot ask systemd how it ended", &error);

        (void) text_copy(watch->run->unit_result, sizeof(watch->run->unit_result), result);
        watch->run->exit_status = status;
        watch->run->is_done = true;
        return 0;
}

int unit_run(const char *unit_name, UnitStarted started, void *userdata, UnitRun *ret_run) {
        _cleanup_(watch_clear) UnitWatch watch = { .unit_name = unit_name, .run = ret_run };
        sigset_t term;
        int r;

        *ret_run = (UnitRun) {};

        /* From the start: what was started must also be stopped. */
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &term, NULL) < 0)
                return -errno;

        r = connect_bus(&watch);
        if (r < 0)
                return r;
        r = start_unit(&watch);
        if (r < 0)
                return r;

        (void) started(unit_name, userdata);
        r = wait_for_end(&watch);
        if (r < 0)
                return r;

        if (ret_run->was_stopped) {
                (void) sd_bus_set_method_call_timeout(watch.bus, STOP_TIMEOUT_USEC);
                return call_manager(&watch, "StopUnit", "replace", NULL);
        }

        return read_end(&watch);
}
