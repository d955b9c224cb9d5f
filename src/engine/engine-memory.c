/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the policy remembers, held by the engine: told of every decision, and handed on to be kept.
 */

#include <inttypes.h>

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

void engine_remember(Engine *engine, const EventFacts *facts, const Decision *decisions, size_t n) {
        int r;

        r = policy_remember(engine->memory, engine->policy, facts, decisions, n);
        if (r < 0)
                log_error_errno(r, "event %" PRIu64 ": what it means for counts and rests is lost: %m",
                                facts->event->id);
}
