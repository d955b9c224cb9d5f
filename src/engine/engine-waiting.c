/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far patrol and verification of a file system are that is not told yet, or not mounted: by its UUID.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/engine/engine-internal.h"

/* Until their file system is told, or for good if it is not there. */
#define WAITING_MAX 4096

WaitingTurns *engine_waiting_find(Engine *engine, const uint8_t uuid[static UUID_SIZE]) {
        WaitingTurns *waiting;

        TAILQ_FOREACH(waiting, &engine->waiting_turns, entries)
                if (memcmp(waiting->uuid, uuid, UUID_SIZE) == 0)
                        return waiting;
        return NULL;
}

int engine_waiting_get(Engine *engine, const uint8_t uuid[static UUID_SIZE], WaitingTurns **ret_waiting) {
        WaitingTurns *waiting = engine_waiting_find(engine, uuid);

        if (!waiting) {
                if (engine->n_waiting_turns >= WAITING_MAX)
                        return -ENOSPC;
                waiting = calloc(1, sizeof(*waiting));
                if (!waiting)
                        return -ENOMEM;
                memcpy(waiting->uuid, uuid, UUID_SIZE);
                TAILQ_INSERT_TAIL(&engine->waiting_turns, waiting, entries);
                engine->n_waiting_turns++;
        }
        *ret_waiting = waiting;
        return 0;
}

void engine_waiting_taken(Engine *engine, WaitingTurns *waiting) {
        if (waiting->has_patrol || waiting->has_verify)
                return;
        TAILQ_REMOVE(&engine->waiting_turns, waiting, entries);
        engine->n_waiting_turns--;
        free(waiting);
}

void engine_forget_waiting(Engine *engine) {
        WaitingTurns *waiting;

        while ((waiting = TAILQ_FIRST(&engine->waiting_turns))) {
                waiting->has_patrol = waiting->has_verify = false;
                engine_waiting_taken(engine, waiting);
        }
}
