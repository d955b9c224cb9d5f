/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event as one line of words, to be kept beyond the life of the process, and back. The file system's number, which
 * is of a run, and the kernel's own record are not in it.
 */
#pragma once

#include "src/model/health-event.h"

#define EVENT_ROW_SIZE 640

/* Returns @buffer. */
char *event_row_format(const HealthEvent *event, char buffer[static EVENT_ROW_SIZE]);

/* Returns 0 or -EINVAL; @ret_event is written only on success. */
int event_row_parse(const char *text, HealthEvent *ret_event);
