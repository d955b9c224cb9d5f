/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has to survive this process, whatever it is: the first component of a key says whose it is.
 */

#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"
#include "src/engine/engine-suspend.h"
#include "src/engine/engine-workloads.h"
#include "src/filesystem/condition-record.h"
#include "src/filesystem/patrol-state.h"
#include "src/filesystem/verify-state.h"

typedef struct StateKind {
        const char *prefix;             /* of its keys, with the slash */
        int (*adopt)(Engine *engine, const char *key, const void *value, size_t size_bytes);
        void (*on_loaded)(Engine *engine);      /* may be NULL */
} StateKind;

static const StateKind kinds[] = {
        { CONDITION_KEY_PREFIX, engine_adopt_condition, engine_conditions_loaded },
        { MEMORY_KEY_PREFIX, engine_adopt_memory, engine_memory_loaded },
        { DEFERRED_KEY_PREFIX, engine_adopt_deferred, engine_deferred_loaded },
        { PATROL_KEY_PREFIX, engine_adopt_patrol, engine_patrols_loaded },
        { SCHEDULE_KEY_PREFIX, engine_adopt_schedule, NULL },
        { CHECK_KEY_PREFIX, engine_adopt_checked, engine_checked_loaded },
        { VERIFY_KEY_PREFIX, engine_adopt_verify, engine_verifies_loaded },
        { RECYCLE_KEY_PREFIX, engine_adopt_recycle, NULL },
        { SUSPENSION_KEY_PREFIX, engine_adopt_suspension, engine_suspensions_loaded },
};

int engine_adopt_state(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                int r;

                if (!text_starts_with(key, kinds[i].prefix))
                        continue;
                r = kinds[i].adopt(engine, key, value, size_bytes);
                if (r == -EBADMSG) {
                        log_warning_errno(r, "what was kept as %s is removed: %m", key);
                        engine_state_remove(engine, key);
                } else if (r < 0)
                        log_warning_errno(r, "what was kept as %s is not taken up: %m", key);
                return r;
        }

        log_debug("%s: kept by another version", key);
        return -ENOENT;
}

void engine_state_loaded(Engine *engine) {
        engine->is_state_loaded = true;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (kinds[i].on_loaded)
                        kinds[i].on_loaded(engine);
        engine_holds_look(engine, NULL);
}

void engine_state_put(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        const StateKeeper *keeper = &engine->options.state_keeper;

        if (engine->is_state_loaded && keeper->put)
                keeper->put(keeper->userdata, key, value, size_bytes);
}

void engine_state_remove(Engine *engine, const char *key) {
        const StateKeeper *keeper = &engine->options.state_keeper;

        if (keeper->remove)
                keeper->remove(keeper->userdata, key);
}
