/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remembers repairs and scans that did not help, so that a storm of reports about damage that cannot be repaired does
 * not become a storm of repairs: 1 minute after the first failure, twice as long after each further one, at
 * most an hour. Forgotten when the same thing is repaired or reported healthy. Something else of the same file system
 * that was repaired may have been in its way, and allows one try at once, a few times.
 */
#pragma once

#include <stdbool.h>

#include "kernel/metadata-repair.h"
#include "src/basic/macro.h"

#define ATTEMPTS_MAX 1024               /* the oldest is forgotten first: at worst one repair too many */
#define ATTEMPT_FREE_FAILURES_MAX 8     /* what failed more often waits whatever else is repaired */
#define ATTEMPT_HOLD_MIN_USEC USEC_PER_MINUTE
#define ATTEMPT_HOLD_MAX_USEC USEC_PER_HOUR

typedef struct Attempt {
        uint64_t filesystem_id;
        RepairTarget target;
        unsigned n_failures;
        uint64_t failed_boottime_usec;
        bool is_free;                   /* once: something else was repaired since */
} Attempt;

typedef struct AttemptMemory {
        Attempt attempts[ATTEMPTS_MAX];
        size_t n_attempts;
} AttemptMemory;

void attempt_memory_failed(AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target,
                           uint64_t now_boottime_usec);
void attempt_memory_forget(AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target);
/* Something of it was repaired. */
void attempt_memory_progress(AttemptMemory *memory, uint64_t filesystem_id);
void attempt_memory_forget_filesystem(AttemptMemory *memory, uint64_t filesystem_id);
/* How long it has to wait still; 0: not at all. */
uint64_t attempt_memory_hold_usec(const AttemptMemory *memory, uint64_t filesystem_id, const RepairTarget *target,
                                  uint64_t now_boottime_usec);

bool repair_target_equal(const RepairTarget *a, const RepairTarget *b);
