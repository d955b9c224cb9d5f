/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decided and not begun: during a pause whatever does more than tell, and of an event that somebody made up,
 * at any time, whatever would touch more than a route. As the policy's brake it denies actions of a decision, which is
 * recorded with them and with why. What is silenced is decided, and not told.
 */
#include "src/basic/text.h"
#include "src/engine/engine-suspend.h"

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

/* Recorded with the decision; what is so when it is told counts. */
static void show_silence(Engine *engine, const HealthEvent *event, const Filesystem *filesystem,
                         const Decision *decision, ActionRequest *request) {
        const Suspension *silence = engine_silence_of(engine, event, filesystem, decision, request);

        if (silence)
                (void) suspension_why(silence, request->denied_by);
}

void engine_show_held_back(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, Decision *decision) {
        for (size_t step = 0; step < decision->n_actions; step++) {
                ActionRequest *request = decision->actions + step;
                const Suspension *pause = pause_that_denies(engine, filesystem, request->kind);

                if (request->kind == ACTION_NOTIFY)
                        show_silence(engine, event, filesystem, decision, request);
                if (pause && !request->denied_by[0])
                        (void) suspension_why(pause, request->denied_by);
        }
}

bool engine_hold_back(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, Decision *decisions,
                      size_t n) {
        bool is_repair_held_back = false;

        for (size_t i = 0; i < n; i++)
                for (size_t step = 0; step < decisions[i].n_actions; step++) {
                        ActionRequest *request = decisions[i].actions + step;

                        if (request->kind == ACTION_NOTIFY)
                                show_silence(engine, event, filesystem, decisions + i, request);
                        if (request->denied_by[0] ||
                            engine_may_begin(engine, event, filesystem, request->kind, request->denied_by))
                                continue;
                        is_repair_held_back |= request->kind == ACTION_REPAIR && !event->is_test &&
                                               decisions[i].mode != POLICY_MODE_OBSERVE;
                }
        return is_repair_held_back;
}

static SilenceSubject subject_of(const HealthEvent *event, const Filesystem *filesystem, const Decision *decision,
                                 const ActionRequest *request, char key[static FILESYSTEM_KEY_SIZE]) {
        key[0] = '\0';
        return (SilenceSubject) {
                .filesystem = filesystem ? filesystem_key(&filesystem->facts, key) : key,
                .kind = event_kind_to_name(event->kind),
                .severity = request->has_own_severity ? health_event_severity(event) : request->severity,
                .rule = decision->rule_id,
                .route = request->route,
        };
}

const Suspension *engine_silence_of(Engine *engine, const HealthEvent *event, const Filesystem *filesystem,
                                    const Decision *decision, const ActionRequest *request) {
        char key[FILESYSTEM_KEY_SIZE];
        SilenceSubject subject;

        if (TAILQ_EMPTY(&engine->suspensions))
                return NULL;
        subject = subject_of(event, filesystem, decision, request, key);
        return engine_silence_find(engine, &subject);
}

bool engine_is_silenced(Engine *engine, const HealthEvent *event, const Filesystem *filesystem,
                        const Decision *decision, const ActionRequest *request) {
        char key[FILESYSTEM_KEY_SIZE], why[DENIED_SIZE];
        const Suspension *silence = engine_silence_of(engine, event, filesystem, decision, request);
        SilenceSubject subject;

        if (!silence)
                return false;
        subject = subject_of(event, filesystem, decision, request, key);
        engine_tell(engine, on_refused, request->kind, suspension_why(silence, why), decision, event, filesystem);
        engine_silence_note(engine, silence, &subject);
        return true;
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
