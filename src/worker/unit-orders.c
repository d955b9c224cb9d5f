/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection, whose signals are read where they are waited for: what was ordered before the signal of its end comes
 * cannot be missed, because answers and signals come in the order in which systemd sent them.
 */
#include "src/worker/unit-orders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD_NAME ".Manager"
#define UNIT_INTERFACE SYSTEMD_NAME ".Unit"
#define MOUNT_INTERFACE SYSTEMD_NAME ".Mount"

/* systemd answers at once or is in trouble. */
#define CALL_TIMEOUT_USEC (25 * USEC_PER_SEC)

void unit_names_clear(UnitNames *names) {
        free(names->names);
        *names = (UnitNames) {};
}

bool unit_names_have(const UnitNames *names, const char *name) {
        for (size_t i = 0; i < names->n; i++)
                if (text_equal(names->names[i], name))
                        return true;
        return false;
}

int unit_names_add(UnitNames *names, const char *name) {
        char (*grown)[UNIT_NAME_SIZE];

        if (unit_names_have(names, name))
                return 0;
        grown = reallocarray(names->names, names->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        names->names = grown;
        (void) text_copy(grown[names->n++], sizeof(*grown), name);
        return 1;
}

char *unit_names_text(const UnitNames *names, char *buffer, size_t size_bytes) {
        buffer[0] = 0;
        for (size_t i = 0; i < names->n; i++) {
                /* Room for the count of those that do not fit. */
                if (strlen(buffer) + strlen(names->names[i]) + sizeof(" and 99 more") + 2 > size_bytes) {
                        (void) text_append_format(buffer, size_bytes, "%s%zu more", i > 0 ? " and " : "",
                                                  names->n - i);
                        break;
                }
                (void) text_append_format(buffer, size_bytes, "%s%s", i > 0 ? ", " : "", names->names[i]);
        }
        return buffer;
}

static int explain(UnitOrders *orders, int error, const char *what, const sd_bus_error *bus_error) {
        orders->problem[0] = 0;
        (void) text_append_format(orders->problem, sizeof(orders->problem), "%s: %s", what,
                                  bus_error && bus_error->message ? bus_error->message : strerror(abs(error)));
        return error;
}

int unit_orders_open(UnitOrders *orders) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        *orders = (UnitOrders) {};
        r = sd_bus_open_system(&orders->bus);
        if (r < 0)
                return explain(orders, r, "cannot reach the system bus", NULL);
        (void) sd_bus_set_method_call_timeout(orders->bus, CALL_TIMEOUT_USEC);
        /* Without a subscription systemd sends no signals. */
        r = sd_bus_call_method(orders->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "Subscribe", &error, NULL,
                               NULL);
        return r < 0 ? explain(orders, r, "cannot reach systemd over the system bus", &error) : 0;
}

void unit_orders_close(UnitOrders *orders) {
        orders->bus = sd_bus_close_unref(orders->bus);
}

void unit_says_clear(UnitSays *says) {
        unit_names_clear(&says->ends_with_it);
        unit_names_clear(&says->is_bound);
}

/* One call about a unit, with a mode or without one; the answer is an object's path. */
static int call_manager(UnitOrders *orders, const char *method, const char *name, const char *mode, char **ret_path) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        const char *path;
        int r;

        if (mode)
                r = sd_bus_call_method(orders->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, method, &error,
                                       &reply, "ss", name, mode);
        else
                r = sd_bus_call_method(orders->bus, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, method, &error,
                                       &reply, "s", name);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                r = explain(orders, r, name, &error);
        else {
                *ret_path = strdup(path);
                r = *ret_path ? 0 : -ENOMEM;
        }
        sd_bus_message_unref(reply);
        return r;
}

static int get_text(UnitOrders *orders, const char *path, const char *property, char **ret_text) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_get_property_string(orders->bus, SYSTEMD_NAME, path, UNIT_INTERFACE, property, &error, ret_text);
        return r < 0 ? explain(orders, r, property, &error) : 0;
}

static int get_boolean(UnitOrders *orders, const char *path, const char *interface, const char *property,
                       bool *ret_value) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r, value = 0;

        r = sd_bus_get_property_trivial(orders->bus, SYSTEMD_NAME, path, interface, property, &error, 'b', &value);
        *ret_value = value;
        return r < 0 ? explain(orders, r, property, &error) : 0;
}

/* Adds the units of a list; what this systemd has no such list of has none in it. */
static int add_list(UnitOrders *orders, const char *path, const char *property, bool may_lack, UnitNames *names) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char **list = NULL;
        int r;

        r = sd_bus_get_property_strv(orders->bus, SYSTEMD_NAME, path, UNIT_INTERFACE, property, &error, &list);
        if (r < 0)
                return may_lack ? 0 : explain(orders, r, property, &error);
        for (size_t i = 0; list && list[i]; i++) {
                if (r >= 0)
                        r = unit_names_add(names, list[i]);
                free(list[i]);
        }
        free(list);
        return r < 0 ? r : 0;
}

static bool state_is_active(const char *active_state) {
        return !text_equal(active_state, "inactive") && !text_equal(active_state, "failed");
}

static int ask_texts(UnitOrders *orders, const char *path, UnitSays *says) {
        _cleanup_(free_at) char *id = NULL, *load = NULL, *file = NULL, *state = NULL;
        int r;

        r = get_text(orders, path, "Id", &id);
        if (r >= 0)
                r = get_text(orders, path, "LoadState", &load);
        if (r >= 0)
                r = get_text(orders, path, "FragmentPath", &file);
        if (r >= 0)
                r = get_text(orders, path, "ActiveState", &state);
        if (r < 0)
                return r;
        says->is_active = state_is_active(state);
        (void) text_copy(says->id, sizeof(says->id), id);
        says->is_loaded = text_equal(load, "loaded");
        says->has_file = file[0];
        return 0;
}

static int ask_booleans(UnitOrders *orders, const char *path, UnitSays *says) {
        bool is_mount = text_ends_with(says->id, ".mount");
        int r;

        r = get_boolean(orders, path, UNIT_INTERFACE, "Transient", &says->is_transient);
        if (r >= 0)
                r = get_boolean(orders, path, UNIT_INTERFACE, "RefuseManualStop", &says->refuses_stop);
        if (r >= 0)
                r = get_boolean(orders, path, UNIT_INTERFACE, "RefuseManualStart", &says->refuses_start);
        if (r >= 0 && is_mount)
                r = get_boolean(orders, path, MOUNT_INTERFACE, "LazyUnmount", &says->is_lazy);
        if (r >= 0 && is_mount)
                r = get_boolean(orders, path, MOUNT_INTERFACE, "ForceUnmount", &says->is_forced);
        return r;
}

static int ask_lists(UnitOrders *orders, const char *path, UnitSays *says) {
        /* TriggeredBy: a socket or a timer would start it again while it is to stand still. */
        static const struct {
                const char *property;
                bool may_lack;
        } lists[] = {
                { "RequiredBy", false },
                { "RequisiteOf", false },
                { "BoundBy", false },
                { "ConsistsOf", false },
                { "TriggeredBy", false },
                { "PropagatesStopTo", true },   /* systemd 249 */
        };
        int r;

        r = add_list(orders, path, "BoundBy", false, &says->is_bound);
        for (size_t i = 0; i < ELEMENTSOF(lists) && r >= 0; i++)
                r = add_list(orders, path, lists[i].property, lists[i].may_lack, &says->ends_with_it);
        return r;
}

int unit_orders_ask(UnitOrders *orders, const char *name, UnitSays *ret_says) {
        _cleanup_(free_at) char *path = NULL;
        int r;

        *ret_says = (UnitSays) {};
        r = call_manager(orders, "LoadUnit", name, NULL, &path);
        if (r >= 0)
                r = ask_texts(orders, path, ret_says);
        if (r >= 0)
                r = ask_booleans(orders, path, ret_says);
        if (r >= 0)
                r = ask_lists(orders, path, ret_says);
        if (r < 0)
                unit_says_clear(ret_says);
        return r;
}

typedef struct Ordered {
        char *job_path;                 /* NULL: was refused, or has ended */
        bool has_failed;
} Ordered;

typedef struct Running {
        UnitOrders *orders;
        const UnitNames *names;
        Ordered *jobs;
        size_t n_running;
} Running;

static int on_job_removed(sd_bus_message *message, void *userdata, _unused_ sd_bus_error *reterr_error) {
        const char *path, *unit, *result;
        Running *running = userdata;
        uint32_t id;

        if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        for (size_t i = 0; i < running->names->n; i++) {
                Ordered *job = running->jobs + i;

                if (!job->job_path || !text_equal(job->job_path, path))
                        continue;
                free(steal_ptr(job->job_path));
                running->n_running--;
                job->has_failed = !text_equal(result, "done");
                if (job->has_failed && !running->orders->problem[0])
                        (void) text_append_format(running->orders->problem, sizeof(running->orders->problem),
                                                  "%s: %s", running->names->names[i], result);
        }
        return 0;
}

static int wait_for_all(Running *running, uint64_t deadline_usec) {
        sd_bus *bus = running->orders->bus;

        while (running->n_running > 0) {
                uint64_t now_usec = clock_monotonic_usec();
                int r;

                r = sd_bus_process(bus, NULL);
                if (r > 0)
                        continue;
                if (r >= 0 && now_usec >= deadline_usec)
                        return explain(running->orders, -ETIMEDOUT, "systemd has not done it in time", NULL);
                if (r >= 0)
                        r = sd_bus_wait(bus, deadline_usec - now_usec);
                if (r < 0 && r != -EINTR)
                        return explain(running->orders, r, "the line to systemd broke", NULL);
        }
        return 0;
}

/* A job may end well and leave another state: a mount that is busy, a service that fails at once. One that has done its
 * work and ended is started. */
static bool is_as_ordered(UnitOrdered what, const char *active_state) {
        return what == UNITS_START ? !text_equal(active_state, "failed") : !state_is_active(active_state);
}

static int collect_failed(Running *running, UnitOrdered what, UnitNames *failed) {
        UnitOrders *orders = running->orders;
        int r = 0;

        for (size_t i = 0; i < running->names->n && r >= 0; i++) {
                _cleanup_(free_at) char *path = NULL, *state = NULL;

                r = call_manager(orders, "LoadUnit", running->names->names[i], NULL, &path);
                if (r >= 0)
                        r = get_text(orders, path, "ActiveState", &state);
                if (r < 0 || (!running->jobs[i].has_failed && is_as_ordered(what, state)))
                        continue;
                r = unit_names_add(failed, running->names->names[i]);
                if (r >= 0 && !orders->problem[0])
                        (void) text_append_format(orders->problem, sizeof(orders->problem), "%s is %s",
                                                  running->names->names[i], state);
        }
        return r < 0 ? r : failed->n > 0 ? -EIO : 0;
}

static int order_all(Running *running, UnitOrdered what) {
        static const struct {
                const char *method, *mode;
        } calls[] = {
                [UNITS_STOP] = { "StopUnit", "replace" },
                [UNITS_STOP_ALONE] = { "StopUnit", "ignore-requirements" },
                [UNITS_START] = { "StartUnit", "replace" },
        };

        for (size_t i = 0; i < running->names->n; i++) {
                int r = call_manager(running->orders, calls[what].method, running->names->names[i], calls[what].mode,
                                     &running->jobs[i].job_path);

                /* Others are not kept from what was ordered for all. */
                running->jobs[i].has_failed = r < 0;
                running->n_running += r >= 0;
                if (r == -ENOMEM || r == -ECONNRESET || r == -ENOTCONN)
                        return r;
        }
        return 0;
}

int unit_orders_run(UnitOrders *orders, UnitOrdered what, const UnitNames *names, uint64_t deadline_usec,
                    UnitNames *ret_failed) {
        Running running = { .orders = orders, .names = names };
        sd_bus_slot *slot = NULL;
        int r;

        *ret_failed = (UnitNames) {};
        orders->problem[0] = 0;
        if (names->n == 0)
                return 0;
        running.jobs = calloc(names->n, sizeof(*running.jobs));
        if (!running.jobs)
                return -ENOMEM;

        r = sd_bus_match_signal(orders->bus, &slot, SYSTEMD_NAME, SYSTEMD_PATH, MANAGER_INTERFACE, "JobRemoved",
                                on_job_removed, &running);
        if (r < 0)
                r = explain(orders, r, "cannot listen to systemd", NULL);
        if (r >= 0)
                r = order_all(&running, what);
        if (r >= 0)
                r = wait_for_all(&running, deadline_usec);
        if (r >= 0)
                r = collect_failed(&running, what, ret_failed);

        sd_bus_slot_unref(slot);
        for (size_t i = 0; i < names->n; i++)
                free(running.jobs[i].job_path);
        free(running.jobs);
        return r;
}
