/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain array: a machine with a thousand broken structures has other worries.
 */

#include <string.h>

#include "src/action/attempt-memory.h"

bool repair_target_equal(const RepairTarget *a, const RepairTarget *b) {
        return a->structure == b->structure && a->group == b->group && a->inode == b->inode &&
               a->generation == b->generation;
}

static Attempt *find(AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target) {
        for (size_t i = 0; i < memory->n_attempts; i++)
                if (memory->attempts[i].filesystem_id == filesystem_id &&
                    repair_target_equal(&memory->attempts[i].target, target))
                        return memory->attempts + i;
        return NULL;
}

static void drop(AttemptMemory *memory, Attempt *attempt) {
        size_t index = (size_t) (attempt - memory->attempts);

        memmove(attempt, attempt + 1, (memory->n_attempts - index - 1) * sizeof(*attempt));
        memory->n_attempts--;
}

void attempt_memory_failed(AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target,
                           uint64_t now_boottime_usec) {
        Attempt *attempt = find(memory, filesystem_id, target);

        if (!attempt) {
                if (memory->n_attempts == ATTEMPTS_MAX)
                        drop(memory, memory->attempts);
                attempt = memory->attempts + memory->n_attempts++;
                *attempt = (Attempt) { .filesystem_id = filesystem_id, .target = *target };
        }
        attempt->n_failures++;
        attempt->is_free = false;
        attempt->failed_boottime_usec = now_boottime_usec;
}

void attempt_memory_forget(AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target) {
        Attempt *attempt = find(memory, filesystem_id, target);

        if (attempt)
                drop(memory, attempt);
}

void attempt_memory_progress(AttemptMemory *memory, uint64_t filesystem_id) {
        for (size_t i = 0; i < memory->n_attempts; i++) {
                Attempt *attempt = memory->attempts + i;

                /* A scan is no such try: it would be one of hours. */
                if (attempt->filesystem_id == filesystem_id && attempt->target.structure != STRUCTURE_NONE)
                        attempt->is_free = attempt->n_failures <= ATTEMPT_FREE_FAILURES_MAX;
        }
}

void attempt_memory_forget_filesystem(AttemptMemory *memory, uint64_t filesystem_id) {
        size_t n_kept = 0;

        for (size_t i = 0; i < memory->n_attempts; i++)
                if (memory->attempts[i].filesystem_id != filesystem_id)
                        memory->attempts[n_kept++] = memory->attempts[i];
        memory->n_attempts = n_kept;
}

uint64_t attempt_memory_hold_usec(const AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target,
                                  uint64_t now_boottime_usec) {
        const Attempt *attempt = find((AttemptMemory *) memory, filesystem_id, target);
        uint64_t hold = ATTEMPT_HOLD_MIN_USEC, until;

        if (!attempt || attempt->is_free)
                return 0;

        for (unsigned i = 1; i < attempt->n_failures && hold < ATTEMPT_HOLD_MAX_USEC; i++)
                hold *= 2;
        until = attempt->failed_boottime_usec + min_of(hold, ATTEMPT_HOLD_MAX_USEC);
        return until > now_boottime_usec ? until - now_boottime_usec : 0;
}
