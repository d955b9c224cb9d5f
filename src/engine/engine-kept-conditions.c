/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions that survive an unmount, this process and the machine: put to the keeper when they are raised, removed
 * when they clear, waiting while their file system is not there.
 *
 * A file system is recognised by its UUID. Of several with the same one the first that is mounted has the conditions,
 * and those of the others end with their mount; without a UUID they end with it as well (condition-record.h).
 */

#include <stdlib.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/filesystem/condition-record.h"

_Static_assert(N_CONDITION_CODES <= 32, "condition codes fit Watch.dropped_codes");

/* Only XFS has an online check. */
static ConditionLife life_of(const Filesystem *filesystem, ConditionCode code) {
        return condition_life(code, text_equal(filesystem->facts.type, "xfs"));
}

static void keep(Engine *engine, const uint8_t uuid[static UUID_SIZE], const HealthCondition *condition) {
        char key[CONDITION_KEY_SIZE], value[CONDITION_VALUE_SIZE];
        size_t size_bytes = condition_value(condition, value);

        engine_state_put(engine, condition_key(uuid, condition->code, condition->target, key), value, size_bytes);
}

static void forget(Engine *engine, const uint8_t uuid[static UUID_SIZE], ConditionCode code, const char *target) {
        char key[CONDITION_KEY_SIZE];

        engine_state_remove(engine, condition_key(uuid, code, target, key));
}

/* The watch of a file system whose conditions are kept; NULL if they are not. */
static Watch *kept_watch(Engine *engine, const Filesystem *filesystem, ConditionCode code) {
        Watch *watch = engine_watch_find(engine, filesystem->id);

        return watch && watch->is_kept && life_of(filesystem, code) != CONDITION_LIFE_MOMENT ? watch : NULL;
}

void engine_condition_keep(Engine *engine, const Filesystem *filesystem, const HealthCondition *condition) {
        const Watch *watch = kept_watch(engine, filesystem, condition->code);

        if (watch)
                keep(engine, watch->kept_as, condition);
}

void engine_condition_forget(Engine *engine, const Filesystem *filesystem, ConditionCode code, const char *target) {
        Watch *watch = kept_watch(engine, filesystem, code);

        if (!watch)
                return;
        if (target)
                forget(engine, watch->kept_as, code, target);
        else
                watch->dropped_codes |= UINT32_C(1) << code;
}

static void healed_remove_first(Watch *watch) {
        HealedStructure *healed = STAILQ_FIRST(&watch->healed);

        STAILQ_REMOVE_HEAD(&watch->healed, entries);
        watch->n_healed--;
        free(healed);
}

void engine_healed_free(Watch *watch) {
        while (!STAILQ_EMPTY(&watch->healed))
                healed_remove_first(watch);
}

void engine_condition_forget_structure(Engine *engine, const Filesystem *filesystem, const char *structure) {
        Watch *watch = engine_watch_find(engine, filesystem->id);
        size_t size_bytes = strlen(structure) + 1;
        HealedStructure *healed = watch ? malloc(sizeof(*healed) + size_bytes) : NULL;

        if (!healed)
                return;
        memcpy(healed->target, structure, size_bytes);
        STAILQ_INSERT_TAIL(&watch->healed, healed, entries);
        if (++watch->n_healed > ENGINE_HEALED_MAX)
                healed_remove_first(watch);
}

static bool was_healed(const Watch *watch, const HealthCondition *condition) {
        const HealedStructure *healed;

        if (condition->code != CONDITION_RULE)
                return false;
        STAILQ_FOREACH(healed, &watch->healed, entries)
                if (condition_is_about(condition, healed->target))
                        return true;
        return false;
}

static void waiting_free(Engine *engine, WaitingCondition *waiting) {
        TAILQ_REMOVE(&engine->waiting_conditions, waiting, entries);
        engine->n_waiting_conditions--;
        free(waiting->condition.message);
        free(waiting);
}

/* Takes @condition's message, also on failure. */
static int wait_for_mount(Engine *engine, const uint8_t uuid[static UUID_SIZE], HealthCondition *condition) {
        _cleanup_(free_at) char *message = steal_ptr(condition->message);
        WaitingCondition *waiting = calloc(1, sizeof(*waiting));

        if (!waiting)
                return -ENOMEM;
        memcpy(waiting->uuid, uuid, UUID_SIZE);
        waiting->condition = *condition;
        waiting->condition.message = steal_ptr(message);
        waiting->condition.came_back = true;
        TAILQ_INSERT_TAIL(&engine->waiting_conditions, waiting, entries);
        engine->n_waiting_conditions++;
        return 0;
}

static void forget_oldest(Engine *engine) {
        WaitingCondition *waiting, *oldest = TAILQ_FIRST(&engine->waiting_conditions);

        TAILQ_FOREACH(waiting, &engine->waiting_conditions, entries)
                if (waiting->condition.since_realtime_usec < oldest->condition.since_realtime_usec)
                        oldest = waiting;
        if (engine->totals.n_conditions_forgotten++ == 0)
                log_warning("there are more than %d conditions of file systems that are not mounted, the oldest are "
                            "forgotten and only counted (ConditionsForgotten)", ENGINE_CONDITIONS_WAITING_MAX);
        forget(engine, oldest->uuid, oldest->condition.code, oldest->condition.target);
        waiting_free(engine, oldest);
}

static void enforce_limit(Engine *engine) {
        while (engine->n_waiting_conditions > ENGINE_CONDITIONS_WAITING_MAX)
                forget_oldest(engine);
}

void engine_condition_raise_absent(Engine *engine, const uint8_t uuid[static UUID_SIZE], ConditionCode code,
                                   Severity severity, const char *message, uint64_t event_id) {
        HealthCondition condition = {
                .code = code,
                .severity = severity,
                .since_realtime_usec = clock_realtime_usec(),
                .event_id = event_id,
                .is_stale = true,
                .message = strdup(message),
        };
        WaitingCondition *waiting, *next;
        int r;

        for (waiting = TAILQ_FIRST(&engine->waiting_conditions); waiting; waiting = next) {
                next = TAILQ_NEXT(waiting, entries);
                if (memcmp(waiting->uuid, uuid, UUID_SIZE) == 0 && waiting->condition.code == code &&
                    !waiting->condition.target[0])
                        waiting_free(engine, waiting);
        }
        if (condition.message)
                keep(engine, uuid, &condition);
        r = condition.message ? wait_for_mount(engine, uuid, &condition) : -ENOMEM;
        if (r < 0)
                log_warning_errno(r, "condition %s is not kept: %m", condition_code_to_name(code));
        enforce_limit(engine);
}

/* Returns true if it is in the list. */
static bool restore(const Watch *watch, Filesystem *filesystem, HealthCondition *condition) {
        ConditionLife life = life_of(filesystem, condition->code);
        int r;

        if (life == CONDITION_LIFE_MOMENT || (life == CONDITION_LIFE_MOUNT && !watch->was_adopted) ||
            watch->dropped_codes & UINT32_C(1) << condition->code || was_healed(watch, condition))
                return false;

        condition->is_stale = condition->is_stale || !watch->was_adopted;
        /* Whoever watched on has the report of it in the ring, or has dealt with it. */
        condition->wants_look = condition->is_stale && condition->code == CONDITION_SICK;
        r = engine_condition_rename(filesystem, condition);
        if (r >= 0)
                r = condition_restore(&filesystem->conditions, condition);
        if (r < 0) {
                log_warning_errno(r, "a condition that was kept, %s, is forgotten: %m",
                                  condition_code_to_name(condition->code));
                return false;
        }

        if (condition->code == CONDITION_SHUT_DOWN)
                filesystem->is_shut_down = true;
        if (filesystem->first_bad_realtime_usec == 0 ||
            condition->since_realtime_usec < filesystem->first_bad_realtime_usec)
                filesystem->first_bad_realtime_usec = condition->since_realtime_usec;
        return true;
}

/* What waits for it is in its list, and what is in its list is kept. */
static void come_back(Engine *engine, Watch *watch, Filesystem *filesystem) {
        WaitingCondition *waiting, *next;
        size_t n = 0, n_stale = 0;

        for (waiting = TAILQ_FIRST(&engine->waiting_conditions); waiting; waiting = next) {
                next = TAILQ_NEXT(waiting, entries);
                if (memcmp(waiting->uuid, watch->kept_as, UUID_SIZE) != 0)
                        continue;
                if (restore(watch, filesystem, &waiting->condition)) {
                        n++;
                        n_stale += waiting->condition.is_stale;
                } else
                        forget(engine, watch->kept_as, waiting->condition.code, waiting->condition.target);
                waiting_free(engine, waiting);
        }

        for (size_t i = 0; i < filesystem->conditions.n_items; i++)
                engine_condition_keep(engine, filesystem, filesystem->conditions.items + i);
        if (n == 0)
                return;
        engine_tell(engine, on_conditions_back, filesystem, n, n_stale);
        engine_tell(engine, on_filesystem, filesystem);
        engine_looks_on_conditions_back(engine, watch);
}

static bool is_taken(const Engine *engine, const uint8_t uuid[static UUID_SIZE]) {
        const Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->is_kept && memcmp(watch->kept_as, uuid, UUID_SIZE) == 0)
                        return true;
        return false;
}

void engine_conditions_identify(Engine *engine, Watch *watch, Filesystem *filesystem) {
        const FilesystemFacts *facts = &filesystem->facts;
        char number[32];

        if (facts->uuid_state != FACT_KNOWN || watch->is_clone ||
            (watch->is_kept && memcmp(watch->kept_as, facts->uuid, UUID_SIZE) == 0))
                return;

        /* It was given another one while it is mounted. */
        if (watch->is_kept)
                for (size_t i = 0; i < filesystem->conditions.n_items; i++)
                        engine_condition_forget(engine, filesystem, filesystem->conditions.items[i].code,
                                                filesystem->conditions.items[i].target);
        watch->is_kept = false;

        if (is_taken(engine, facts->uuid)) {
                watch->is_clone = true;
                log_notice("%s: another mounted file system has its UUID; its conditions end with its mount",
                           filesystem_facts_subject(facts, number));
                return;
        }
        watch->is_kept = true;
        memcpy(watch->kept_as, facts->uuid, UUID_SIZE);
        come_back(engine, watch, filesystem);
}

void engine_conditions_unmounted(Engine *engine, const Watch *watch, Filesystem *filesystem) {
        for (size_t i = 0; watch->is_kept && i < filesystem->conditions.n_items; i++) {
                HealthCondition *condition = filesystem->conditions.items + i;
                int r;

                if (life_of(filesystem, condition->code) != CONDITION_LIFE_DISK) {
                        engine_condition_forget(engine, filesystem, condition->code, condition->target);
                        continue;
                }
                condition->is_stale = true;
                engine_condition_keep(engine, filesystem, condition);
                r = wait_for_mount(engine, watch->kept_as, condition);
                if (r < 0)
                        log_warning_errno(r, "a condition of a file system that is unmounted is forgotten until "
                                          "healerd is restarted: %m");
        }
        condition_list_clear(&filesystem->conditions);
        enforce_limit(engine);
}

int engine_adopt_condition(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        HealthCondition condition;
        uint8_t uuid[UUID_SIZE];
        int r;

        r = condition_read(key, value, size_bytes, uuid, &condition);
        return r < 0 ? r : wait_for_mount(engine, uuid, &condition);
}

void engine_conditions_loaded(Engine *engine) {
        WaitingCondition *waiting;
        Watch *watch;

        TAILQ_FOREACH(watch, &engine->watches, entries)
                if (watch->is_kept)
                        come_back(engine, watch, filesystem_table_find_id(engine->filesystems, watch->filesystem_id));
        /* Those of what was unmounted in the meantime. */
        TAILQ_FOREACH(waiting, &engine->waiting_conditions, entries)
                keep(engine, waiting->uuid, &waiting->condition);
        enforce_limit(engine);
}

void engine_forget_conditions(Engine *engine) {
        WaitingCondition *waiting;

        while ((waiting = TAILQ_FIRST(&engine->waiting_conditions)))
                waiting_free(engine, waiting);
}
