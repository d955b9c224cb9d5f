/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd stops what needs a unit with it, and starts nothing of that again by itself: so all of it is looked up before
 * anything is stopped.
 */
#include "src/worker/recycle-units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/model/startable-unit.h"
#include "src/model/user-verdict.h"
#include "src/model/workload-scope.h"

const char *recycle_unit_fault(const char *name) {
        /* Starting a target would start whatever of it an administrator had stopped. */
        static const char *const kinds[] = { ".service", ".socket", ".path", ".timer" };
        Workload workload = { .user = WORKLOAD_USER_NONE };
        const UserFacts facts = { .kind = USER_PROCESS, .name = "", .pid = -1, .uid = UINT32_MAX, .uses = USE_OPEN,
                                  .workload = &workload };
        const char *fault = "is of a kind that is not started again";

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (text_ends_with(name, kinds[i]))
                        fault = NULL;
        if (fault)
                return fault;
        if (text_copy(workload.unit, sizeof(workload.unit), name) < 0)
                return "has a name that is too long";
        fault = user_spared_because(&facts);
        return fault ? fault : startable_unit_fault(name);
}

static int refuse(UnitOrders *orders, const char *name, const char *why) {
        orders->problem[0] = 0;
        (void) text_append_format(orders->problem, sizeof(orders->problem), "%s %s", name, why);
        return -EPERM;
}

static int check_unit(UnitOrders *orders, const char *name, const UnitSays *says) {
        const char *fault = recycle_unit_fault(name);

        /* By whatever name: a link may lead to a unit of another one. */
        if (!fault)
                fault = recycle_unit_fault(says->id);
        if (!fault && says->is_transient)
                fault = "was made for once and could not be started again";
        if (!fault && (!says->is_loaded || !says->has_file))
                fault = "has no file from which it could be started again";
        if (!fault && says->refuses_stop)
                fault = "does not let itself be stopped (RefuseManualStop=)";
        if (!fault && says->refuses_start)
                fault = "does not let itself be started (RefuseManualStart=)";
        return fault ? refuse(orders, name, fault) : 0;
}

/* @mounts: those are stopped by themselves. */
static int add_active(UnitOrders *orders, const UnitNames *found, const UnitNames *mounts, UnitNames *units) {
        int r = 0;

        for (size_t i = 0; i < found->n && r >= 0; i++) {
                _cleanup_(unit_says_clear) UnitSays says = {};

                if (unit_names_have(units, found->names[i]) || unit_names_have(mounts, found->names[i]))
                        continue;
                r = unit_orders_ask(orders, found->names[i], &says);
                if (r >= 0 && says.is_active)
                        r = unit_names_add(units, found->names[i]);
                if (units->n > WORKLOADS_MAX_LIMIT)
                        r = refuse(orders, found->names[i], "would be stopped as well, and with it more than "
                                                            "64 units");
        }
        return r;
}

int recycle_units_close(UnitOrders *orders, UnitNames *units, const UnitNames *mounts) {
        int r = 0;

        for (size_t i = 0; i < mounts->n && r >= 0; i++) {
                _cleanup_(unit_says_clear) UnitSays says = {};

                r = unit_orders_ask(orders, mounts->names[i], &says);
                if (r >= 0)
                        r = add_active(orders, &says.is_bound, mounts, units);
        }
        /* Grows while it is walked. */
        for (size_t i = 0; i < units->n && r >= 0; i++) {
                _cleanup_(unit_says_clear) UnitSays says = {};

                r = unit_orders_ask(orders, units->names[i], &says);
                if (r >= 0)
                        r = check_unit(orders, units->names[i], &says);
                if (r >= 0)
                        r = add_active(orders, &says.ends_with_it, mounts, units);
        }
        return r;
}

/* "/srv/a b" -> "srv-a\x20b.mount": as the instance of a template is escaped. */
static int mount_unit_name(const char *point, char name[static UNIT_NAME_SIZE]) {
        static const char template[] = "m@.mount";
        _cleanup_(free_at) char *instance = NULL;
        int r;

        r = unit_name_from_path(template, point, &instance);
        return r < 0 ? r : text_copy(name, UNIT_NAME_SIZE, instance + strlen("m@"));
}

static int check_mount(UnitOrders *orders, const char *name, const UnitSays *says) {
        const char *fault = NULL;

        if (!says->is_loaded || !says->has_file || says->is_transient)
                fault = "has neither a file nor a line of fstab from which it could be mounted again";
        else if (!says->is_active)
                fault = "is not active, though something is mounted there";
        else if (says->is_lazy)
                fault = "is unmounted lazily (LazyUnmount=)";
        else if (says->is_forced)
                fault = "is unmounted by force (ForceUnmount=)";
        else if (says->refuses_stop || says->refuses_start)
                fault = "does not let itself be stopped or started (RefuseManualStop=, RefuseManualStart=)";
        return fault ? refuse(orders, name, fault) : 0;
}

int recycle_mount_units(UnitOrders *orders, const RecyclePlaces *places, UnitNames *ret_mounts) {
        UnitNames mounts = {};
        int r = 0;

        for (size_t i = 0; i < places->n_points && r >= 0; i++) {
                _cleanup_(unit_says_clear) UnitSays says = {};
                char name[UNIT_NAME_SIZE];

                r = mount_unit_name(places->points[i], name);
                if (r < 0) {
                        r = refuse(orders, places->points[i], "has a name that no unit can have");
                        break;
                }
                r = unit_orders_ask(orders, name, &says);
                if (r >= 0)
                        r = check_mount(orders, name, &says);
                if (r >= 0)
                        r = unit_names_add(&mounts, name);
        }
        if (r < 0) {
                unit_names_clear(&mounts);
                return r;
        }
        *ret_mounts = mounts;
        return 0;
}
