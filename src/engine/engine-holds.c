/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that are kept from being started because of what happened to a file system. The worker does it, keeps it over
 * its own restarts, and ends it when its time is over; "until clear" is ours to judge.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-workloads.h"

struct HeldUnit {
        TAILQ_ENTRY(HeldUnit) entries;
        WorkerHold hold;
        bool is_lifting;                /* the worker was told to */
};

static HeldUnit *find(Engine *engine, const char *unit) {
        HeldUnit *held;

        TAILQ_FOREACH(held, &engine->held_units, entries)
                if (text_equal(held->hold.unit, unit))
                        return held;
        return NULL;
}

static void forget(Engine *engine, HeldUnit *held) {
        TAILQ_REMOVE(&engine->held_units, held, entries);
        engine->n_held_units--;
        free(held);
}

void engine_forget_holds(Engine *engine) {
        HeldUnit *held;

        while ((held = TAILQ_FIRST(&engine->held_units)))
                forget(engine, held);
}

const WorkerHold *engine_hold_next(Engine *engine, const WorkerHold *previous) {
        HeldUnit *held = previous ? TAILQ_NEXT(container_of(previous, HeldUnit, hold), entries)
                                  : TAILQ_FIRST(&engine->held_units);

        return held ? &held->hold : NULL;
}

static int lift(Engine *engine, HeldUnit *held) {
        WorkerMessage message;

        if (!engine->link || !worker_link_is_ready(engine->link))
                return -ENOTCONN;
        worker_message_init(&message, WORKER_UNHOLD);
        message.hold = held->hold;
        held->is_lifting = true;
        return worker_link_send(engine->link, &message, -EBADF);
}

int engine_unhold(Engine *engine, const char *unit) {
        HeldUnit *held = find(engine, unit);

        return held ? lift(engine, held) : -ENOENT;
}

/* Unknown is not well: what the kernel remembers has to be asked for first, and what was kept has to be there. */
static bool is_well(Engine *engine, const Filesystem *filesystem) {
        const Watch *watch = engine_watch_find(engine, filesystem->id);

        if (!engine->is_state_loaded || !engine->is_complete || filesystem->is_shut_down || filesystem->n_mounts == 0 ||
            !watch || !watch->is_kept || watch->is_ending || watch->n_cases > 0 ||
            (filesystem_watched_by(filesystem) == WATCHED_BY_HEALTHMON && !watch->may_look))
                return false;
        for (size_t i = 0; i < filesystem->conditions.n_items; i++)
                if (condition_is_about_health(filesystem->conditions.items[i].code))
                        return false;
        return filesystem->conditions.n_not_kept == 0;
}

static bool is_of(const WorkerHold *hold, const Filesystem *filesystem) {
        return hold->has_uuid && filesystem->facts.uuid_state == FACT_KNOWN &&
               memcmp(hold->uuid, filesystem->facts.uuid, UUID_SIZE) == 0;
}

/* The line may break in here, and then all of them are to be told again: one at a time. */
static bool lift_next(Engine *engine, const Filesystem *filesystem) {
        HeldUnit *held;

        TAILQ_FOREACH(held, &engine->held_units, entries) {
                if (held->is_lifting || held->hold.until_boottime_usec != USEC_INFINITY ||
                    !is_of(&held->hold, filesystem))
                        continue;
                log_notice("%s: nothing is wrong any more, so %s may be started again",
                           filesystem->n_mounts > 0 ? filesystem->mounts[0].mount_point : "file system",
                           held->hold.unit);
                return lift(engine, held) >= 0;
        }
        return false;
}

static void look(Engine *engine, Filesystem *filesystem) {
        if (!is_well(engine, filesystem))
                return;
        while (lift_next(engine, filesystem))
                ;
        engine_drop(engine, filesystem, CONDITION_WORKLOADS_FAILED, NULL);
}

void engine_holds_look(Engine *engine, Filesystem *filesystem) {
        Filesystem *next;

        if (filesystem) {
                look(engine, filesystem);
                return;
        }
        for (filesystem = filesystem_table_next(engine->filesystems, NULL); filesystem; filesystem = next) {
                next = filesystem_table_next(engine->filesystems, filesystem);
                look(engine, filesystem);
        }
}

/* Beyond the limit it is held all the same, until its time or the boot is over. */
static HeldUnit *add(Engine *engine, const char *unit) {
        HeldUnit *held = engine->n_held_units < ENGINE_HOLDS_MAX ? calloc(1, sizeof(*held)) : NULL;

        if (!held) {
                log_error("that %s is held cannot be kept in mind: it will not be lifted by itself", unit);
                return NULL;
        }
        TAILQ_INSERT_TAIL(&engine->held_units, held, entries);
        engine->n_held_units++;
        return held;
}

static void tell(Engine *engine) {
        for (size_t i = 0; i < engine->n_observers; i++)
                if (engine->observers[i].on_holds)
                        engine->observers[i].on_holds(engine->observers[i].userdata);
}

void engine_on_hold(Engine *engine, const WorkerHold *told) {
        HeldUnit *held = find(engine, told->unit);

        if (told->is_over) {
                if (held)
                        forget(engine, held);
        } else {
                if (!held)
                        held = add(engine, told->unit);
                if (!held)
                        return;
                held->hold = *told;
                held->is_lifting = false;
        }
        tell(engine);
        /* One of before: those of a job of ours come while something is wrong. */
        if (!told->is_over && !job_queue_find(engine->jobs, told->job_id))
                engine_holds_look(engine, NULL);
}
