/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for standard output. Whoever reads them may stand still (a terminal, journald): they wait here then, and
 * repairs and the reading of the monitor go on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"

/* More lines are counted, and their number is said as soon as somebody reads again. */
#define OUTPUT_LINES_MAX 16384

typedef struct HealerOutput HealerOutput;

/* @event, @fd: borrowed. Returns 0 or a negative errno. */
int healer_output_new(sd_event *event, int fd, HealerOutput **ret_output);
HealerOutput *healer_output_free(HealerOutput *output);
DEFINE_CLEANUP(HealerOutput, healer_output_free)

/* One line, without its end. */
void healer_output_line(HealerOutput *output, const char *line);

/* Outside of the loop: writes what waits, for a moment. */
void healer_output_drain(HealerOutput *output);

/* Nothing waits. */
bool healer_output_is_written(const HealerOutput *output);
