/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * StartUnit, JobRemoved, the unit's properties and their changes; StopUnit if we are told to end. The unit is
 * referenced meanwhile, so that systemd does not forget it before we have asked how it ended.
 */

#include "src/worker/unit-run.h"

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
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

/* systemd answers at once or is in trouble. */
#define CALL_TIMEOUT_USEC (25 * USEC_PER_SEC)
#define STOP_TIMEOUT_USEC (5 * USEC_PER_SEC)

typedef struct UnitWatch {
        const UnitWanted *wanted;
        UnitLoaded loaded;
        sd_event *event;
        sd_bus *bus;
        char *unit_path, *job_path;
        UnitRun *run;
        bool is_over;                   /* of what is waited for; sd_event_exit() would close the bus, which is needed
                                         * once more */
        int error;
} UnitWatch;

static void free_texts(char **texts) {
        for (size_t i = 0; texts && texts[i]; i++)
                free(texts[i]);
        free(texts);
}

static void watch_clear(UnitWatch *watch) {
        free(watch->loaded.load_state);
        free(watch->loaded.active_state);
        free_texts(watch->loaded.names);
        free(watch->loaded.fragment_path);
        free_texts(watch->loaded.drop_in_paths);
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

/* "sa{sv}as": of the interface, what changed to what, what else changed. Another version of systemd may tell more. */
static int read_status(UnitWatch *watch, sd_bus_message *message) {
        const char *name, *text;
        int r;

        r = sd_bus_message_skip(message, "s");
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &name);
                if (r >= 0 && text_equal(name, "StatusText")) {
                        r = sd_bus_message_read(message, "v", "s", &text);
                        if (r >= 0)
                                watch->wanted->status(text, watch->wanted->userdata);
                } else if (r >= 0)
                        r = sd_bus_message_skip(message, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r;
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error) {
        UnitWatch *watch = userdata;

        (void) reterr_error;

        if (watch->wanted->status)
                (void) read_status(watch, message);
        /* Asked for by whoever waits. */
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
                                       &error, &reply, "ss", watch->wanted->name, mode);
        else
                r = sd_bus_call_method(watch->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, member,
                                       &error, &reply, "s", watch->wanted->name);
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

/* What it is told by systemd in one text, a list, or a number. */
static int get_text(UnitWatch *watch, const char *interface, const char *property, char **ret_text) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_get_property_string(watch->bus, SYSTEMD_NAME, watch->unit_path, interface, property, &error,
                                       ret_text);
        return r < 0 ? explain(watch, r, property, &error) : 0;
}

static int get_list(UnitWatch *watch, const char *interface, const char *property, char ***ret_texts) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_get_property_strv(watch->bus, SYSTEMD_NAME, watch->unit_path, interface, property, &error,
                                     ret_texts);
        return r < 0 ? explain(watch, r, property, &error) : 0;
}

static int get_value(UnitWatch *watch, const char *interface, const char *property, char type, void *ret_value) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_get_property_trivial(watch->bus, SYSTEMD_NAME, watch->unit_path, interface, property, &error, type,
                                        ret_value);
        return r < 0 ? explain(watch, r, property, &error) : 0;
}

static int load_unit(UnitWatch *watch) {
        UnitLoaded *loaded = &watch->loaded;
        int r;

        r = call_manager(watch, "LoadUnit", NULL, &watch->unit_path);
        if (r < 0)
                return r;

        /* Only keeps it from being forgotten; systemd before 233 has no such call. */
        (void) sd_bus_call_method(watch->bus, SYSTEMD_NAME, watch->unit_path, UNIT_INTERFACE, "Ref", NULL, NULL,
                                  NULL);

        r = sd_bus_match_signal(watch->bus, NULL, SYSTEMD_NAME, watch->unit_path, PROPERTIES_INTERFACE,
                                "PropertiesChanged", on_properties_changed, watch);
        if (r < 0)
                return explain(watch, r, "cannot listen to systemd", NULL);

        r = get_text(watch, UNIT_INTERFACE, "LoadState", &loaded->load_state);
        if (r >= 0)
                r = get_text(watch, UNIT_INTERFACE, "ActiveState", &loaded->active_state);
        if (r >= 0)
                r = get_list(watch, UNIT_INTERFACE, "Names", &loaded->names);
        if (r >= 0)
                r = get_text(watch, UNIT_INTERFACE, "FragmentPath", &loaded->fragment_path);
        if (r >= 0)
                r = get_list(watch, UNIT_INTERFACE, "DropInPaths", &loaded->drop_in_paths);
        return r;
}

static int check_unit(UnitWatch *watch) {
        const UnitWanted *wanted = watch->wanted;
        char problem[JOB_DETAIL_SIZE] = "";
        int r;

        r = wanted->check ? wanted->check(&watch->loaded, problem, wanted->userdata) : 0;
        return r >= 0 ? 0 : explain(watch, r, wanted->name, &(sd_bus_error) { .message = problem });
}

/* Runs the loop until something happened that is waited for. */
static int wait_once(UnitWatch *watch) {
        int r;

        while (!watch->is_over) {
                r = sd_event_run(watch->event, UINT64_MAX);
                if (r < 0)
                        return explain(watch, r, "event loop", NULL);
        }
        return watch->error;
}

static bool state_is_over(const char *active_state) {
        return text_equal(active_state, "inactive") || text_equal(active_state, "failed");
}

/* Returns 1 if it has ended, 0 if not yet. */
static int has_ended(UnitWatch *watch) {
        _cleanup_(free_at) char *active_state = NULL, *sub_state = NULL;
        int r;

        r = get_text(watch, UNIT_INTERFACE, "ActiveState", &active_state);
        if (r < 0)
                return r;
        if (!text_equal(active_state, "active"))
                return state_is_over(active_state);

        /* RemainAfterExit=: nothing of it runs any more. */
        r = get_text(watch, UNIT_INTERFACE, "SubState", &sub_state);
        return r < 0 ? r : text_equal(sub_state, "exited");
}

/* First the start job, if there is one, then the unit. Ends early when we are told to stop it. */
static int wait_for_end(UnitWatch *watch) {
        int r;

        if (watch->job_path) {
                while (watch->run->job_result[0] == '\0' && !watch->run->was_stopped) {
                        r = wait_once(watch);
                        if (r < 0)
                                return r;
                        watch->is_over = false;
                }
        }
        while (!watch->run->was_stopped) {
                /* Whatever changes from here on is seen by the wait below. */
                watch->is_over = false;
                r = has_ended(watch);
                if (r != 0)
                        return min_of(r, 0);
                r = wait_once(watch);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int stop_unit(UnitWatch *watch) {
        int r;

        (void) sd_bus_set_method_call_timeout(watch->bus, STOP_TIMEOUT_USEC);
        r = call_manager(watch, "StopUnit", "replace", NULL);
        if (r < 0 || !watch->wanted->waits_for_stop)
                return r;

        /* For as long as we are left alive. */
        for (;;) {
                watch->is_over = false;
                r = has_ended(watch);
                if (r != 0)
                        return min_of(r, 0);
                r = wait_once(watch);
                if (r < 0)
                        return r;
        }
}

static int read_end(UnitWatch *watch) {
        _cleanup_(free_at) char *result = NULL;
        int is_condition_met = true;
        uint64_t started_usec = 0;
        int32_t status = 0;
        int r;

        r = get_text(watch, SERVICE_INTERFACE, "Result", &result);
        if (r >= 0)
                r = get_value(watch, SERVICE_INTERFACE, "ExecMainStatus", 'i', &status);
        if (r >= 0)
                r = get_value(watch, SERVICE_INTERFACE, "ExecMainStartTimestampMonotonic", 't', &started_usec);
        if (r >= 0)
                r = get_value(watch, UNIT_INTERFACE, "ConditionResult", 'b', &is_condition_met);
        if (r < 0)
                return r;

        (void) text_copy(watch->run->unit_result, sizeof(watch->run->unit_result), result);
        watch->run->exit_status = status;
        watch->run->is_done = true;
        /* ConditionResult is false as well before a unit was ever started. */
        watch->run->is_forgotten = !watch->job_path && started_usec == 0 && text_equal(result, "success");
        watch->run->did_nothing = watch->job_path && started_usec == 0 && !is_condition_met;
        return 0;
}

static bool is_to_be_started(const UnitWatch *watch) {
        if (!watch->wanted->may_run_already)
                return true;
        /* One that failed is not tried again by us: whoever ordered it decides. */
        return !watch->wanted->was_started && text_equal(watch->loaded.active_state, "inactive");
}

static int begin_unit(UnitWatch *watch) {
        int r;

        r = load_unit(watch);
        if (r < 0)
                return r;
        if (!is_to_be_started(watch))
                return 0;

        r = check_unit(watch);
        if (r < 0)
                return r;
        if (watch->wanted->starting)
                watch->wanted->starting(watch->wanted->userdata);
        r = call_manager(watch, "StartUnit", "replace", &watch->job_path);
        if (r < 0)
                return r;
        if (watch->wanted->started)
                watch->wanted->started(watch->wanted->name, watch->wanted->userdata);
        return 0;
}

static int listen_for_stop(UnitWatch *watch) {
        int r;

        r = sd_event_add_signal(watch->event, NULL, SIGTERM, on_term, watch);
        if (r >= 0)
                r = sd_bus_attach_event(watch->bus, watch->event, SD_EVENT_PRIORITY_NORMAL);
        return r < 0 ? explain(watch, r, "event loop", NULL) : 0;
}

int unit_run(const UnitWanted *wanted, UnitRun *ret_run) {
        _cleanup_(watch_clear) UnitWatch watch = { .wanted = wanted, .run = ret_run };
        sigset_t term;
        int r;

        *ret_run = (UnitRun) {};

        /* From the start: what was started must also be stopped. */
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &term, NULL) < 0)
                return -errno;

        r = connect_bus(&watch);
        if (r >= 0)
                r = begin_unit(&watch);
        if (r >= 0 && wanted->only_starts)
                return 0;
        if (r >= 0)
                r = listen_for_stop(&watch);
        if (r >= 0)
                r = wait_for_end(&watch);
        if (r < 0)
                return watch.error < 0 ? watch.error : r;

        return ret_run->was_stopped ? stop_unit(&watch) : read_end(&watch);
}
