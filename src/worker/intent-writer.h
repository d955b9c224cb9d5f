/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that makes the open record of one repair durable, while the repair's own looks whether it can begin at
 * all. A frozen disk holds this one and nobody else. It may be started long before there is something to write, because
 * starting it takes longer than the write.
 *
 * For child processes.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "src/worker/intent-file.h"

/* A frozen disk may hold a write for ever; nobody waits longer than this. */
#define INTENT_WRITE_USEC (2 * USEC_PER_SEC)

typedef struct IntentWriter {
        int socket_fd;                  /* negative: there is none */
        pid_t pid;
        int error;                      /* negative errno: it could not be started, or not be told */
        uint64_t until_monotonic_usec;
        uint64_t owner_start_ticks;     /* of the process that started it, the repair's */
} IntentWriter;

/* A failure is what intent_writer_end() returns. @state_dir is used in the process. */
void intent_writer_start(IntentWriter *writer, const char *state_dir);

/* Once, by the process that started it, which is entered in the record. intent_writer_end() must follow: a write that
 * is overtaken by the record's end would open it again. */
void intent_writer_begin(IntentWriter *writer, size_t slot, const Intent *intent);

/**
 * intent_writer_end() - wait until the record is durable, or its deadline
 *
 * After the deadline the process is killed and left alone. Closes the writer.
 *
 * Returns: 0; -ETIMEDOUT; -EIO if the process died; or a negative errno of starting it or of the write.
 */
int intent_writer_end(IntentWriter *writer);
