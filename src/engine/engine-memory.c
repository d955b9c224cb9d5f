/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy remembers, held by the engine: told of every decision, and handed on to be kept.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* Counting in a storm is kept a few times a second, not for each event. */
#define KEEP_PAUSE_USEC (100 * USEC_PER_MSEC)
#define STATE_KEY_SIZE 256

/* Changes go out at once, but in a storm only so often. */
static void keep_changes(Engine *engine) {
        uint64_t boottime = clock_boottime_usec(), realtime = clock_realtime_usec();
        char key[MEMORY_KEY_SIZE], text[MEMORY_ROW_SIZE], whole[STATE_KEY_SIZE];

        engine->memory_kept_usec = clock_monotonic_usec();
        while (policy_memory_take_change(engine->memory, boottime, realtime, key, text)) {
                (void) snprintf(whole, sizeof(whole), MEMORY_KEY_PREFIX "%s", key);
                if (text[0])
                        engine_state_put(engine, whole, text, strlen(text));
                else
                        engine_state_remove(engine, whole);
        }
}

static int on_keep_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        keep_changes(userdata);
        return 0;
}

/* As systemd writes it (%b), the kernel has dashes in it. */
static void copy_boot_id(char boot_id[static BOOT_ID_SIZE], const char *text) {
        size_t n = 0;

        for (; *text && n + 1 < BOOT_ID_SIZE; text++)
                if (*text != '-')
                        boot_id[n++] = *text;
        boot_id[n] = 0;
}

void engine_find_boot_id(const Engine *engine, char boot_id[static BOOT_ID_SIZE]) {
        _cleanup_(free_at) char *line = NULL;
        int r;

        if (engine->options.boot_id) {
                copy_boot_id(boot_id, engine->options.boot_id);
                return;
        }
        r = file_read_line("/proc/sys/kernel/random/boot_id", BOOT_ID_SIZE, &line);
        if (r < 0)
                log_warning_errno(r, "the boot cannot be told from others, what is remembered of an earlier one may "
                                     "count for too long: %m");
        copy_boot_id(boot_id, line ?: "?");
}

int engine_memory_start(Engine *engine) {
        char boot_id[BOOT_ID_SIZE];
        int r;

        engine_find_boot_id(engine, boot_id);
        r = policy_memory_new(boot_id, &engine->memory);
        if (r < 0)
                return r;
        r = sd_event_add_time(engine->event, &engine->memory_timer, CLOCK_MONOTONIC, 0, KEEP_PAUSE_USEC, on_keep_timer,
                              engine);
        if (r < 0)
                return log_error_errno(r, "cannot make a timer for what is remembered: %m");
        (void) sd_event_source_set_description(engine->memory_timer, "memory");
        return sd_event_source_set_enabled(engine->memory_timer, SD_EVENT_OFF);
}

void engine_memory_stop(Engine *engine) {
        if (engine->memory)
                keep_changes(engine);
        sd_event_source_disable_unref(engine->memory_timer);
        policy_memory_free(engine->memory);
}

void engine_memory_changed(Engine *engine) {
        uint64_t due_usec = engine->memory_kept_usec + KEEP_PAUSE_USEC;
        int r;

        /* What is to be kept is asked for when it is known where. */
        if (!engine->is_state_loaded || !memory_table_is_changed(policy_memory_table(engine->memory)))
                return;
        if (clock_monotonic_usec() >= due_usec) {
                keep_changes(engine);
                return;
        }
        r = sd_event_source_set_time(engine->memory_timer, due_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->memory_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                keep_changes(engine);
}

int engine_adopt_memory(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        _cleanup_(free_at) char *text = strndup(value, size_bytes);
        int r;

        if (!text)
                return -ENOMEM;
        r = policy_memory_adopt(engine->memory, key + strlen(MEMORY_KEY_PREFIX), text, clock_boottime_usec(),
                                clock_realtime_usec());
        /* What this run knows already is newer. */
        return r == -EEXIST ? 0 : r == -EINVAL ? -EBADMSG : r;
}

void engine_memory_loaded(Engine *engine) {
        engine_memory_changed(engine);
}

static char *deferred_key(const Deferred *deferred, size_t index, char buffer[static STATE_KEY_SIZE]) {
        (void) snprintf(buffer, STATE_KEY_SIZE, DEFERRED_KEY_PREFIX "%s#%u", deferred->key, (unsigned) index);
        return buffer;
}

static void keep_event(Engine *engine, const Deferred *deferred, size_t index) {
        const MemoryMoment now = policy_memory_moment(engine->memory, clock_boottime_usec(), clock_realtime_usec());
        char key[STATE_KEY_SIZE], row[DEFERRED_ROW_SIZE];

        deferred_row_format(deferred, index, &now, row);
        engine_state_put(engine, deferred_key(deferred, index, key), row, strlen(row));
}

void engine_keep_deferred(Engine *engine, const Deferred *deferred) {
        /* Its times are in the first one. */
        keep_event(engine, deferred, 0);
        if (deferred->n_events > 1)
                keep_event(engine, deferred, deferred->n_events - 1);
}

void engine_forget_deferred(Engine *engine, const Deferred *deferred) {
        char key[STATE_KEY_SIZE];

        for (size_t i = 0; i < deferred->n_events; i++)
                engine_state_remove(engine, deferred_key(deferred, i, key));
}

int engine_adopt_deferred(Engine *engine, const char *key, const void *value, size_t size_bytes) {
        const MemoryMoment now = policy_memory_moment(engine->memory, clock_boottime_usec(), clock_realtime_usec());
        _cleanup_(free_at) char *text = strndup(value, size_bytes);
        char own[STATE_KEY_SIZE], *end;
        int r;

        if (!text)
                return -ENOMEM;
        (void) text_copy(own, sizeof(own), key + strlen(DEFERRED_KEY_PREFIX));
        end = strrchr(own, '#');
        if (!end)
                return -EBADMSG;
        *end = '\0';
        r = deferred_table_adopt(engine->deferred, own, text, &now);
        return r == -EINVAL ? -EBADMSG : r;
}

/* What began to wait before it was known where to keep it. */
void engine_deferred_loaded(Engine *engine) {
        for (Deferred *item = NULL; (item = deferred_table_next(engine->deferred, item));)
                for (size_t i = 0; i < item->n_events; i++)
                        keep_event(engine, item, i);
        engine_deferred_run(engine);
}

/* Whoever is responsible has to know at once. */
static void tell_braked(Engine *engine, const EventFacts *facts, const Filesystem *filesystem) {
        static const char message[] = "so many file systems fail at once that it is hardly them: nothing is done any "
                                      "more; look at what they have in common, then: healerctl resume";
        const Decision decision = { .event_id = facts->event->id, .source = DECISION_BUILTIN };

        engine_tell(engine, on_notice, SEVERITY_ALERT, message, &decision, facts->event, filesystem);
}

void engine_remember(Engine *engine, const EventFacts *facts, const Decision *decisions, size_t n,
                     const Filesystem *filesystem) {
        uint64_t now = facts->now_boottime_usec;
        bool was_braked = policy_memory_brake_until_usec(engine->memory, now) != 0;
        int r;

        r = policy_remember(engine->memory, engine->policy, facts, decisions, n);
        if (r < 0)
                log_error_errno(r, "event %" PRIu64 ": what it means for counts and rests is lost: %m",
                                facts->event->id);
        engine_memory_changed(engine);
        if (!was_braked && policy_memory_brake_until_usec(engine->memory, now) != 0)
                tell_braked(engine, facts, filesystem);
}

void engine_remember_look(Engine *engine, const EventFacts *facts, const Decision *decisions, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!decisions[i].suppressed_by[0])
                        policy_remember_attempts(engine->memory, engine->policy, facts, decisions + i,
                                                 (int) policy_count_acting(decisions + i));
        engine_memory_changed(engine);
}

uint64_t engine_braked_until_usec(Engine *engine) {
        uint64_t now = clock_boottime_usec(), until = policy_memory_brake_until_usec(engine->memory, now);

        return until == 0 ? 0 : clock_realtime_usec() + (until - now);
}

bool engine_resume(Engine *engine) {
        bool was_braked = policy_memory_release_brake(engine->memory, clock_boottime_usec());

        engine_memory_changed(engine);
        if (was_braked)
                log_notice("the brake was released: actions are done again");
        return was_braked;
}
