/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decided and not begun: during a pause whatever does more than tell, and of an event that somebody made up,
 * at any time, whatever would touch more than a route. As the policy's brake it denies actions of a decision, which is
 * recorded with them and with why.
 */
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

static const Suspension *pause_that_denies(Engine *engine, const Filesystem *filesystem, ActionKind kind) {
        return action_word_of(kind)->is_telling ? NULL : engine_pause_of(engine, filesystem);
}

bool engine_may_begin(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, ActionKind kind,
                      char ret_why[static DENIED_SIZE]) {
        const Suspension *pause;

        if (event->is_test && kind != ACTION_LOG && kind != ACTION_NOTIFY) {
                (void) text_copy(ret_why, DENIED_SIZE, "test event");
                return false;
        }
        pause = pause_that_denies(engine, filesystem, kind);
        if (!pause)
                return true;
        (void) suspension_why(pause, ret_why);
        engine_suspension_count(engine, pause);
        return false;
}

bool engine_hold_back(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, Decision *decisions,
                      size_t n) {
        bool is_repair_held_back = false;

        for (size_t i = 0; i < n; i++)
                for (size_t step = 0; step < decisions[i].n_actions; step++) {
                        ActionRequest *request = decisions[i].actions + step;

                        if (request->denied_by[0] ||
                            engine_may_begin(engine, event, filesystem, request->kind, request->denied_by))
                                continue;
                        is_repair_held_back |= request->kind == ACTION_REPAIR && !event->is_test &&
                                               decisions[i].mode != POLICY_MODE_OBSERVE;
                }
        return is_repair_held_back;
}

void engine_want_after_pause(Engine *engine, Filesystem *filesystem, const HealthEvent *event) {
        char target[EVENT_TEXT_SIZE];

        if (!event->is_test)
                engine_looks_want(engine, filesystem, health_event_target_text(event, target));
}

void engine_on_pause(Engine *engine) {
        Watch *watch;

        engine_patrol_on_policy(engine);
        engine_schedules_look(engine);
        TAILQ_FOREACH(watch, &engine->watches, entries) {
                const Filesystem *filesystem = filesystem_table_find_id(engine->filesystems, watch->filesystem_id);

                if (filesystem && !engine_pause_of(engine, filesystem))
                        engine_looks_on_conditions_back(engine, watch);
        }
}
