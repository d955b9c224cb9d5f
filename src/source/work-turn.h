/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that may be long is done a little at a time, so that the monitors are read in between, and rests as
 * long as it worked: healerd runs before everybody else, and what is only read must not keep others from the
 * processors.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "src/basic/cleanup.h"

/* The kernel's queue of 585 records lasts a few milliseconds when every processor makes reports. */
#define WORK_TURN_USEC UINT64_C(250)
/* A turn that took longer was no work: somebody else had the processor. */
#define WORK_REST_MAX_USEC (10 * USEC_PER_MSEC)

typedef struct WorkTurn WorkTurn;

/**
 * WorkTurnHandler - does a part of the work
 * @until_usec: of CLOCK_MONOTONIC; then it is time to stop
 *
 * Returns true if there is more to do. False: nothing is left, or nobody is left to do it; the turn may be freed then.
 */
typedef bool (*WorkTurnHandler)(void *userdata, uint64_t until_usec);

int work_turn_new(sd_event *event, const char *description, WorkTurnHandler handler, void *userdata,
                  WorkTurn **ret_turn);
WorkTurn *work_turn_free(WorkTurn *turn);
DEFINE_CLEANUP(WorkTurn, work_turn_free)

/* There is something to do. Does nothing while it works or rests. */
void work_turn_begin(WorkTurn *turn);

/* Whether what the loop calls now has had its time. */
bool work_turn_is_over(sd_event *event);
