/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's time zone, by which windows of time are looked at. The worker tells it, because our root folder has no
 * /etc: a file bound into it would stay the old one when the zone is set. Without a worker the last one stays.
 */

#include <fcntl.h>

#include "src/basic/log.h"
#include "src/engine/engine-internal.h"

#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int zone_new(const WorkerZone *told, int fd, Zone **ret_zone) {
        int seals;

        if (fd < 0)
                return zone_new_named("UTC", ret_zone);

        /* It is read for as long as we use it. */
        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED)
                return -EPERM;
        return zone_new_file(fd, told->name, ret_zone);
}

void engine_on_zone(Engine *engine, const WorkerZone *told, int fd) {
        Zone *zone;
        int r;

        r = zone_new(told, fd, &zone);
        if (r < 0) {
                log_warning_errno(r, "time zone %s: cannot be used, going on with %s: %m", told->name,
                                  zone_name(engine->zone));
                return;
        }

        zone_free(engine->zone);
        engine->zone = zone;
        log_info("time zone: %s", zone_name(zone));
        engine_tell(engine, on_zone, zone_name(zone));
        /* Windows open at other times now. */
        engine_deferred_on_clock(engine);
        engine_schedules_look(engine);
}

void engine_miss_zone(Engine *engine) {
        if (engine->zone || engine->is_zone_missed || !policy_has_windows(engine->policy))
                return;

        engine->is_zone_missed = true;
        log_warning("no time zone is known: windows of time are those of UTC until the worker tells it");
}

const char *engine_zone_name(Engine *engine) {
        return engine->zone ? zone_name(engine->zone) : "";
}
