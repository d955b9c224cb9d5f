/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads one file system's error watch and gives its records as events. The kernel merges all errors between two
 * readings into the first of them, so there is never more than a handful to read, and nothing to keep beyond the
 * process: what is read here and not decided when healerd is killed is gone, where the ring keeps the records of a
 * health monitor.
 */
#pragma once

#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"
#include "src/source/source.h"

typedef struct ErrorSource ErrorSource;

/**
 * error_source_new() - start reading
 * @taken_watch_fd: taken, also on failure; closed by error_source_free()
 * @sink:           on_end only for an error of reading (negative errno): that a file system is unmounted an error watch
 *                  does not say
 */
int error_source_new(sd_event *event, int taken_watch_fd, uint64_t filesystem_id, const EventSink *sink,
                     ErrorSource **ret_source);
ErrorSource *error_source_free(ErrorSource *source);
DEFINE_CLEANUP(ErrorSource, error_source_free)

/* Reads what is there now, for a watch that is about to be closed. An error of reading is left to the loop. */
void error_source_drain(ErrorSource *source);

int error_source_fd(const ErrorSource *source);         /* borrowed */
