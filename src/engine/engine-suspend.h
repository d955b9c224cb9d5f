/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is not done or not told for a while, as the files of the engine share it.
 */
#pragma once

#include "src/engine/engine-internal.h"

/* engine-suspend.c: pauses and silences. */
#define SUSPENSION_KEY_PREFIX "suspend/"
int engine_suspensions_start(Engine *engine);
void engine_suspensions_stop(Engine *engine);
int engine_adopt_suspension(Engine *engine, const char *key, const void *value, size_t size_bytes);
/* What was begun before it was known where to keep it, and what ended meanwhile. */
void engine_suspensions_loaded(Engine *engine);
/* One more action that it held back. */
void engine_suspension_count(Engine *engine, const Suspension *suspension);

/* engine-pause.c: what is not begun now, whatever the policy says. */
/* May @kind be begun for @event by itself? If not, @ret_why says why. @filesystem NULL: it is gone. */
bool engine_may_begin(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, ActionKind kind,
                      char ret_why[static DENIED_SIZE]);
/* Denies those actions. Returns whether a pause denies a repair. */
bool engine_hold_back(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, Decision *decisions,
                      size_t n);
/* The same of a decision that is only explained: nothing is counted. */
void engine_show_held_back(Engine *engine, const HealthEvent *event, const Filesystem *filesystem, Decision *decision);
/* The silence that matches what this action would tell; NULL: none. */
const Suspension *engine_silence_of(Engine *engine, const HealthEvent *event, const Filesystem *filesystem,
                                    const Decision *decision, const ActionRequest *request);
/* Is this action not to be told now? Then that was counted and recorded. @filesystem NULL: it is gone. */
bool engine_is_silenced(Engine *engine, const HealthEvent *event, const Filesystem *filesystem,
                        const Decision *decision, const ActionRequest *request);
/* A pause began or ended. */
void engine_on_pause(Engine *engine);
/* A repair of what @event is about was held back: it is looked at again when the pause ends. */
void engine_want_after_pause(Engine *engine, Filesystem *filesystem, const HealthEvent *event);
