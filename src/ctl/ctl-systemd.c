/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job's end is a signal. One that comes before the answer with the job's path waits in sd-bus' queue until
 * wait_for_job() looks, so none is missed.
 */
#include "src/ctl/ctl-systemd.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "src/basic/cleanup.h"
#include "src/basic/clock.h"
#include "src/basic/text.h"
#include "src/basic/translate.h"
#include "src/ctl/ctl-bus.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD_NAME ".Manager"
#define UNIT_INTERFACE SYSTEMD_NAME ".Unit"
/* multi-user.target, which is always in memory. */
#define BOOT_TARGET_PATH SYSTEMD_PATH "/unit/multi_2duser_2etarget"

/* "xfs_healer_start.service: StopUnit: TEXT". */
static int complain_of_systemd(const char *unit, const char *member, int error, const sd_bus_error *bus_error) {
        ctl_complain(unit, "%s: %s", _(member),
                     bus_error && bus_error->message ? bus_error->message : strerror(-error));
        return error;
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *reterr_error _unused_) {
        const char *path, *unit, *result;
        CtlSystemd *systemd = userdata;
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "uoss", &id, &path, &unit, &result);
        if (r >= 0 && systemd->job_path && text_equal(path, systemd->job_path))
                (void) text_copy(systemd->job_result, sizeof(systemd->job_result), result);
        return 0;
}

CtlExit ctl_systemd_open(CtlSystemd *systemd) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        CtlExit exit_code;
        int r;

        *systemd = (CtlSystemd) {};
        if (sd_booted() <= 0)
                return CTL_EXIT_OK;

        exit_code = ctl_bus_open(&systemd->bus);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;

        r = sd_bus_set_method_call_timeout(systemd->bus, CTL_SYSTEMD_CALL_USEC);
        if (r >= 0)
                r = sd_bus_match_signal(systemd->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE,
                                        "JobRemoved", on_job_removed, systemd);
        /* Without a subscription systemd sends no signals. */
        if (r >= 0)
                r = sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "Subscribe",
                                       &error, NULL, NULL);
        if (r >= 0)
                return CTL_EXIT_OK;

        (void) complain_of_systemd(NULL, "cannot reach systemd over the system bus", r, &error);
        return CTL_EXIT_NO_DAEMON;
}

void ctl_systemd_close(CtlSystemd *systemd) {
        systemd->bus = sd_bus_flush_close_unref(systemd->bus);
        free(systemd->job_path);
        systemd->job_path = NULL;
}

int ctl_systemd_reload(CtlSystemd *systemd) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *call = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!systemd->bus)
                return 0;

        /* Every unit of the machine is read again: that may take a while. */
        r = sd_bus_message_new_method_call(systemd->bus, &call, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE,
                                           "Reload");
        if (r >= 0)
                r = sd_bus_call(systemd->bus, call, CTL_SYSTEMD_JOB_USEC, &error, NULL);
        return r < 0 ? complain_of_systemd(NULL, "cannot make systemd load its units again", r, &error) : 0;
}

int ctl_systemd_is_active(CtlSystemd *systemd, const char *unit, bool *ret_is_active) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(free_at) char *state = NULL;
        const char *path;
        int r;

        *ret_is_active = false;
        if (!systemd->bus)
                return 0;

        r = sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "LoadUnit", &error,
                               &reply, "s", unit);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r >= 0)
                r = sd_bus_get_property_string(systemd->bus, SYSTEMD_NAME, path, UNIT_INTERFACE, "ActiveState",
                                               &error, &state);
        if (r < 0)
                return complain_of_systemd(unit, "cannot ask systemd about it", r, &error);

        *ret_is_active = !text_equal(state, "inactive") && !text_equal(state, "failed");
        return 0;
}

int ctl_systemd_is_enabled(CtlSystemd *systemd, const char *unit, bool *ret_is_enabled) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *state;
        int r;

        *ret_is_enabled = false;
        if (!systemd->bus)
                return 0;

        r = sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "GetUnitFileState",
                               &error, &reply, "s", unit);
        if (r < 0 && sd_bus_error_has_names(&error, SD_BUS_ERROR_FILE_NOT_FOUND, SYSTEMD_NAME ".NoSuchUnit"))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &state);
        if (r < 0)
                return complain_of_systemd(unit, "cannot ask systemd whether it is enabled", r, &error);

        *ret_is_enabled = text_equal(state, "enabled") || text_equal(state, "enabled-runtime");
        return 0;
}

int ctl_systemd_for_each_active(CtlSystemd *systemd, const char *pattern, CtlUnitFunction function, void *userdata) {
        const char *unit, *description, *load, *active, *sub, *following, *path, *job_type, *job_path;
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        uint32_t job;
        int r;

        if (!systemd->bus)
                return 0;

        r = sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "ListUnitsByPatterns",
                               &error, &reply, "asas", 3, "active", "activating", "reloading", 1, pattern);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
        while (r >= 0) {
                r = sd_bus_message_read(reply, "(ssssssouso)", &unit, &description, &load, &active, &sub, &following,
                                        &path, &job, &job_type, &job_path);
                if (r == 0)
                        return 0;
                if (r > 0)
                        function(systemd, unit, userdata);
        }

        return complain_of_systemd(pattern, "cannot ask systemd about such units", r, &error);
}

int ctl_systemd_for_each_wanted(CtlSystemd *systemd, const char *prefix, CtlUnitFunction function, void *userdata) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *unit;
        int r;

        if (!systemd->bus)
                return 0;

        r = sd_bus_get_property(systemd->bus, SYSTEMD_NAME, BOOT_TARGET_PATH, UNIT_INTERFACE, "Wants", &error, &reply,
                                "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0) {
                r = sd_bus_message_read(reply, "s", &unit);
                if (r == 0)
                        return 0;
                if (r > 0 && text_starts_with(unit, prefix))
                        function(systemd, unit, userdata);
        }

        return complain_of_systemd("multi-user.target", "cannot ask systemd what it starts", r, &error);
}

static int wait_for_job(CtlSystemd *systemd) {
        uint64_t end_usec = clock_monotonic_usec() + CTL_SYSTEMD_JOB_USEC;
        int r;

        while (!systemd->job_result[0]) {
                uint64_t now_usec = clock_monotonic_usec();

                r = sd_bus_process(systemd->bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (now_usec >= end_usec)
                        return -ETIMEDOUT;
                r = sd_bus_wait(systemd->bus, end_usec - now_usec);
                if (r < 0 && r != -EINTR)
                        return r;
        }

        return 0;
}

int ctl_systemd_run_job(CtlSystemd *systemd, const char *verb, const char *unit) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *path;
        int r;

        if (!systemd->bus)
                return 0;

        r = sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, verb, &error, &reply,
                               "ss", unit, "replace");
        /* What is not there is stopped. */
        if (r < 0 && text_equal(verb, "StopUnit") && sd_bus_error_has_name(&error, SYSTEMD_NAME ".NoSuchUnit"))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return complain_of_systemd(unit, verb, r, &error);

        free(systemd->job_path);
        systemd->job_path = strdup(path);
        systemd->job_result[0] = '\0';
        r = systemd->job_path ? wait_for_job(systemd) : -ENOMEM;
        if (r < 0)
                return complain_of_systemd(unit, verb, r, NULL);

        if (text_equal(systemd->job_result, "done") || text_equal(systemd->job_result, "skipped"))
                return 0;

        ctl_complain(unit, "%s: %s; see: systemctl status %s", verb, systemd->job_result, unit);
        return -EIO;
}

int ctl_systemd_drop_descriptors(CtlSystemd *systemd, const char *unit) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!systemd->bus)
                return 0;

        /* A unit that failed counts as busy. */
        (void) sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "ResetFailedUnit", NULL,
                                  NULL, "s", unit);
        r = sd_bus_call_method(systemd->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "CleanUnit", &error,
                               NULL, "sas", unit, 1, "fdstore");
        /* Older ones do not know the word, and keep nothing for a unit that is stopped. No store, nothing in it. */
        if (r < 0 && sd_bus_error_has_names(&error, SD_BUS_ERROR_INVALID_ARGS, SD_BUS_ERROR_UNKNOWN_METHOD,
                                            SYSTEMD_NAME ".NothingToClean", SYSTEMD_NAME ".NoSuchUnit"))
                return 0;
        return r < 0 ? complain_of_systemd(unit, "cannot clear its descriptors", r, &error) : 0;
}

bool ctl_systemd_may_have_file(const char *unit) {
        /* Of the folders in systemd.unit(5) those in which people and packages put files. */
        static const char *const folders[] = {
                "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                "/usr/lib/systemd/system", "/lib/systemd/system",
        };

        if (sd_booted() <= 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                char path[PATH_MAX];
                struct stat status;

                if (snprintf(path, sizeof(path), "%s/%s", folders[i], unit) >= (int) sizeof(path) ||
                    lstat(path, &status) >= 0 || (errno != ENOENT && errno != ENOTDIR))
                        return true;
        }
        return false;
}
