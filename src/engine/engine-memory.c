/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy remembers, held by the engine: told of every decision, and handed on to be kept.
 */

#include <inttypes.h>

#include "src/basic/clock.h"
#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/engine/engine-internal.h"

int engine_memory_start(Engine *engine) {
        _cleanup_(free_at) char *boot_id = NULL;
        int r;

        r = file_read_line("/proc/sys/kernel/random/boot_id", BOOT_ID_SIZE, &boot_id);
        if (r < 0)
                /* Counts are then aged by the clock on the wall. */
                log_warning_errno(r, "the boot cannot be told from others: %m");
        return policy_memory_new(boot_id ?: "?", &engine->memory);
}

void engine_keep_deferred(_unused_ Engine *engine, _unused_ const Deferred *deferred) {
}

void engine_forget_deferred(_unused_ Engine *engine, _unused_ const Deferred *deferred) {
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
        if (!was_braked && policy_memory_brake_until_usec(engine->memory, now) != 0)
                tell_braked(engine, facts, filesystem);
}

uint64_t engine_braked_until_usec(Engine *engine) {
        uint64_t now = clock_boottime_usec(), until = policy_memory_brake_until_usec(engine->memory, now);

        return until == 0 ? 0 : clock_realtime_usec() + (until - now);
}

bool engine_resume(Engine *engine) {
        bool was_braked = policy_memory_release_brake(engine->memory, clock_boottime_usec());

        if (was_braked)
                log_notice("the brake was released: actions are done again");
        return was_braked;
}
