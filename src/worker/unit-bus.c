/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of org.freedesktop.systemd1.Manager, and properties of its units. systemd believes uid 0.
 */
#include "src/worker/unit-bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define UNITS_PATH SYSTEMD_PATH "/unit"
#define MANAGER_INTERFACE SYSTEMD_NAME ".Manager"
#define UNIT_INTERFACE SYSTEMD_NAME ".Unit"

/* systemd answers at once, or reads the files of all units just now, or is in trouble. */
#define CALL_TIMEOUT_USEC (30 * USEC_PER_SEC)

static int explain(char *problem, int error, const char *what, const sd_bus_error *bus_error) {
        if (problem)
                (void) text_append_format(problem, JOB_DETAIL_SIZE, "%s%s: %s", problem[0] ? "; " : "", what,
                                          bus_error && bus_error->message ? bus_error->message : strerror(-error));
        return error;
}

int unit_bus_open(sd_bus **ret_bus, char *problem) {
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r < 0)
                return explain(problem, r, "cannot reach the system bus", NULL);
        (void) sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
        *ret_bus = bus;
        return 0;
}

sd_bus *unit_bus_close(sd_bus *bus) {
        return sd_bus_flush_close_unref(bus);
}

static int take_text(sd_bus *bus, const char *path, const char *property, char buffer[static UNIT_STATE_SIZE],
                     char *problem) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(free_at) char *text = NULL;
        int r;

        r = sd_bus_get_property_string(bus, SYSTEMD_NAME, path, UNIT_INTERFACE, property, &error, &text);
        if (r < 0)
                return explain(problem, r, property, &error);
        (void) text_copy(buffer, UNIT_STATE_SIZE, text);
        return 0;
}

/* False also where this systemd does not know the property. */
static bool is_set(sd_bus *bus, const char *path, const char *property) {
        int value = 0;

        return sd_bus_get_property_trivial(bus, SYSTEMD_NAME, path, UNIT_INTERFACE, property, NULL, 'b', &value) >= 0 &&
               value;
}

static int take_invocation(sd_bus *bus, const char *path, UnitState *state, char *problem) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const void *bytes;
        size_t n_bytes;
        int r;

        r = sd_bus_get_property(bus, SYSTEMD_NAME, path, UNIT_INTERFACE, "InvocationID", &error, &reply, "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &bytes, &n_bytes);
        if (r < 0)
                return explain(problem, r, "InvocationID", &error);
        if (n_bytes == UNIT_INVOCATION_SIZE)
                memcpy(state->invocation, bytes, n_bytes);
        return 0;
}

int unit_bus_state(sd_bus *bus, const char *unit, UnitState *ret_state, char *problem) {
        _cleanup_(free_at) char *path = NULL;
        UnitState state = {};
        int r;

        r = sd_bus_path_encode(UNITS_PATH, unit, &path);
        if (r < 0)
                return explain(problem, r, unit, NULL);
        r = take_text(bus, path, "ActiveState", state.active, problem);
        if (r >= 0)
                r = take_text(bus, path, "SubState", state.sub, problem);
        if (r >= 0)
                r = take_invocation(bus, path, &state, problem);
        if (r < 0)
                return r;
        (void) take_text(bus, path, "FreezerState", state.freezer, NULL);
        state.refuses_stop = is_set(bus, path, "RefuseManualStop");
        state.survives_shutdown = is_set(bus, path, "SurviveFinalKillSignal");

        *ret_state = state;
        return 0;
}

static int unit_of_path(const char *path, char ret_unit[static UNIT_NAME_SIZE]) {
        _cleanup_(free_at) char *unit = NULL;
        int r;

        r = sd_bus_path_decode(path, UNITS_PATH, &unit);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        return text_copy(ret_unit, UNIT_NAME_SIZE, unit) < 0 ? -ENAMETOOLONG : 0;
}

/* systemd 254 and later; before that a number must do, which the caller's descriptor keeps from being another's. */
int unit_bus_of_process(sd_bus *bus, pid_t pid, int pid_fd, char ret_unit[static UNIT_NAME_SIZE]) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "GetUnitByPIDFD", &error, &reply,
                               "h", pid_fd);
        if (r < 0 && sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD)) {
                sd_bus_error_free(&error);
                r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "GetUnitByPID", &error,
                                       &reply, "u", (uint32_t) pid);
        }
        if (r < 0)
                return sd_bus_error_has_name(&error, SYSTEMD_NAME ".NoUnitForPID") ? -ENXIO : r;
        r = sd_bus_message_read(reply, "o", &path);
        return r < 0 ? r : unit_of_path(path, ret_unit);
}

static int finish_call(int r, const char *member, const sd_bus_error *error, char *problem) {
        if (r >= 0)
                return 0;
        if (sd_bus_error_has_name(error, SYSTEMD_NAME ".NoSuchUnit"))
                return -ENOENT;
        return explain(problem, r, member, error);
}

int unit_bus_stop(sd_bus *bus, const char *unit, char *problem) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "StopUnit", &error, NULL, "ss",
                               unit, "replace");
        return finish_call(r, "StopUnit", &error, problem);
}

int unit_bus_kill(sd_bus *bus, const char *unit, int number, char *problem) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "KillUnit", &error, NULL, "ssi",
                               unit, "all", (int32_t) number);
        return finish_call(r, "KillUnit", &error, problem);
}

static int call_with_unit(sd_bus *bus, const char *member, const char *unit, char *problem) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, member, &error, NULL, "s", unit);
        return finish_call(r, member, &error, problem);
}

int unit_bus_freeze(sd_bus *bus, const char *unit, char *problem) {
        return call_with_unit(bus, "FreezeUnit", unit, problem);
}

int unit_bus_thaw(sd_bus *bus, const char *unit, char *problem) {
        return call_with_unit(bus, "ThawUnit", unit, problem);
}

int unit_bus_reload(sd_bus *bus, char *problem) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "Reload", &error, NULL, "");
        return finish_call(r, "Reload", &error, problem);
}
