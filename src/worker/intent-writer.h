/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that makes the open record of one repair durable, while the repair's own looks whether it can begin at
 * all. A frozen disk holds this one and nobody else. It may be started long before there is something to write, because
 * starting it takes longer than the write; then the loop tells it what to write just before it gives the repair to its
 * process, so that the disk is at work while that one looks.
 *
 * For child processes, but for intent_writer_order().
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
} IntentWriter;

/**
 * intent_writer_start() - fork it
 * @state_dir: used in the process
 * @order_fd:  where intent_writer_order() reaches it, taken; negative: intent_writer_begin() does
 *
 * The process that calls this is entered in the record as the one that repairs. A failure is what intent_writer_end()
 * returns.
 */
void intent_writer_start(IntentWriter *writer, const char *state_dir, int order_fd);

/* In the loop, which never waits: tells the writer that has the other end of @order_fd. Returns 0; -EPIPE if there is
 * none any more; or another negative errno. */
int intent_writer_order(int order_fd, size_t slot, const Intent *intent);

/* It is told what to write, or (@intent is NULL) was told by intent_writer_order(). Once. intent_writer_end() must
 * follow: a write that is overtaken by the record's end would open it again. */
void intent_writer_begin(IntentWriter *writer, size_t slot, const Intent *intent);

/**
 * intent_writer_end() - wait until the record is durable, or its deadline
 *
 * After the deadline the process is killed and left alone.
 *
 * Returns: 0; -ETIMEDOUT; -EIO if the process died; or a negative errno of starting it or of the write.
 */
int intent_writer_end(IntentWriter *writer);

/* Lets the process go, which needs the processor for longer than the write did: when the repair is over. */
void intent_writer_close(IntentWriter *writer);
